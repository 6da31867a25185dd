use super::*;
use crate::classify::classify;

fn numbers(n: usize, scale: f32, random: &mut Random) -> Vec<f32> {
    (0..n).map(|_| scale * (random.unit() - 0.5)).collect()
}

/// An inverted residual block with a shortcut, and a last convolution, over planes of 4 x 4.
fn network(random: &mut Random) -> Network {
    let mut layer = |kind, (from, to): (usize, usize), clipped| {
        let columns = match kind {
            Kind::Pointwise => from,
            Kind::Depthwise { side } => side * side,
        };
        let weights = numbers(to * columns, 1.2, random);
        let bias: Vec<f32> = numbers(to, 0.4, random)
            .iter()
            .map(|bias| bias + 0.2)
            .collect();
        Layer::new(kind, (from, to), clipped, &weights, &bias).unwrap()
    };
    let inverted = vec![
        layer(Kind::Pointwise, (3, 8), true),
        layer(Kind::Depthwise { side: 3 }, (8, 8), true),
        layer(Kind::Pointwise, (8, 3), false),
    ];
    let last = vec![layer(Kind::Pointwise, (3, 6), true)];
    Network {
        blocks: vec![
            Block {
                layers: inverted,
                shortcut: true,
            },
            Block {
                layers: last,
                shortcut: false,
            },
        ],
        extent: 4,
    }
}

#[test]
fn a_layer_of_squares_is_what_its_definition_says() {
    let mut random = Random::new(1);
    for (side, extent) in [(3, 4), (5, 4), (5, 7), (3, 1)] {
        let taps = numbers(side * side, 1.0, &mut random);
        let layer = Layer::new(Kind::Depthwise { side }, (1, 1), false, &taps, &[0.25]).unwrap();
        let block = Block {
            layers: vec![layer],
            shortcut: false,
        };
        let one = Network {
            blocks: vec![block],
            extent,
        };
        let x = numbers(2 * extent * extent, 1.0, &mut random);
        let images = Matrix::new(2, extent * extent, x).unwrap();
        let (_, tape) = one.forward(&one.batch(&images, &[0, 1]), 1);
        for image in 0..2 {
            for (y, x) in (0..extent * extent).map(|at| (at / extent, at % extent)) {
                let mut expect = 0.25;
                for (row, column) in (0..side * side).map(|tap| (tap / side, tap % side)) {
                    let read = (y + row)
                        .checked_sub(side / 2)
                        .zip((x + column).checked_sub(side / 2));
                    let read = read.filter(|(y, x)| *y < extent && *x < extent);
                    let value = read.map_or(0.0, |(y, x)| images.row(image)[y * extent + x]);
                    expect += taps[row * side + column] * value;
                }
                let found = tape[0][1].data[image * extent * extent + y * extent + x];
                assert!(
                    (found - expect).abs() < 1e-5,
                    "{side} {extent}: {found} {expect}"
                );
            }
        }
    }
}

/// Against differences of the loss itself, for every parameter.
#[test]
fn gradients_are_slopes() {
    let mut random = Random::new(4);
    let mut network = network(&mut random);
    let images = Matrix::new(5, 3 * 16, numbers(5 * 48, 2.0, &mut random)).unwrap();
    let pull = Matrix::new(5, 6, numbers(30, 1.0, &mut random)).unwrap();
    let loss = |network: &Network| -> f64 {
        let features = network.features(&images, 1);
        let terms = features.data.iter().zip(&pull.data);
        terms.map(|(x, pull)| f64::from(x * pull)).sum()
    };
    let rows = [0, 1, 2, 3, 4];
    let (_, tape) = network.forward(&network.batch(&images, &rows), 2);
    let mut gradient = network.zeros_like();
    network.backward(&tape, &pull, &mut gradient, 2);
    let mut n_off = 0;
    for (block, gradient) in gradient.iter().enumerate() {
        for (layer, gradient) in gradient.iter().enumerate() {
            assert!(gradient.values.iter().any(|slope| slope.abs() > 1e-3));
            for (at, slope) in gradient.values.iter().enumerate() {
                let step = 1e-2;
                let mut moved = |by: f32| {
                    network.blocks[block].layers[layer].parameters.values[at] += by;
                    let loss = loss(&network);
                    network.blocks[block].layers[layer].parameters.values[at] -= by;
                    loss
                };
                let found = (moved(step) - moved(-step)) / f64::from(2.0 * step);
                // Where a value crosses a clip between the two, the slope is that of neither side.
                n_off += usize::from((found - f64::from(*slope)).abs() > 0.03);
            }
        }
    }
    let n: usize = gradient.iter().flatten().map(|one| one.values.len()).sum();
    assert!(n_off * 20 < n, "{n_off} of {n} slopes are off");
}

/// Two classes that differ in where the same values lie, which a mean over all places cannot see.
fn corners(n: usize, random: &mut Random) -> (Matrix, Vec<u32>) {
    let labels: Vec<u32> = (0..n as u32).map(|at| at % 2).collect();
    let mut data = Vec::new();
    for label in &labels {
        let mut planes = numbers(48, 0.3, random);
        for plane in planes.chunks_exact_mut(16) {
            // A pair side by side, or one above the other.
            let at = (4 * (random.next() % 3) + random.next() % 3) as usize;
            plane[at] += 2.0;
            plane[at + if *label == 0 { 1 } else { 4 }] += 2.0;
        }
        data.extend(planes);
    }
    (Matrix::new(n, 48, data).unwrap(), labels)
}

fn options() -> Options {
    Options {
        strengths: vec![1e-3],
        ..Options::default()
    }
}

const TUNING: Tuning = Tuning {
    epochs: 30,
    batch: 16,
    learning_rate: 0.01,
    dropout: 0.0,
    patience: 30,
    views: 1,
};

#[test]
fn blocks_learn_what_frozen_features_cannot_tell() {
    let mut random = Random::new(9);
    let (images, labels) = corners(240, &mut random);
    let network = network(&mut random);
    let frozen = network.features(&images, 1);
    let before = classify(&frozen, Labels::One(&labels), 2, &options()).unwrap();
    let run = |threads| {
        let options = Options {
            threads,
            ..options()
        };
        let labels = Labels::One(&labels);
        unfreeze(
            network.clone(),
            &images,
            labels,
            2,
            (&options, &TUNING),
            &mut |_| true,
        )
        .unwrap()
    };
    let tuned = run(1);
    let moved = tuned.network.features(&images, 1);
    let after = classify(&moved, Labels::One(&labels), 2, &options()).unwrap();
    let (before, after) = (before.scores.accuracy, after.scores.accuracy);
    assert!(after > 0.9 && after > before + 0.1, "{before} {after}");
    assert!(tuned.best.number > 0 && tuned.epochs[0].held_out > tuned.best.held_out);
    // The same seed gives the same weights, on any number of threads.
    let again = run(2);
    assert_eq!(again.epochs, tuned.epochs);
}

#[test]
fn a_step_takes_any_view_and_the_first_is_judged() {
    let mut random = Random::new(9);
    let (images, labels) = corners(120, &mut random);
    let network = network(&mut random);
    // The second view of each image is black, so that half of what is learned of says nothing.
    let rows = (0..120).flat_map(|row| images.row(row).iter().copied().chain([0.0; 48]));
    let both = Matrix::new(240, 48, rows.collect()).unwrap();
    assert_eq!(firsts(&both, 2), images);
    let run = |images: &Matrix, views| {
        let (options, tuning) = (options(), Tuning { views, ..TUNING });
        let labels = Labels::One(&labels);
        unfreeze(
            network.clone(),
            images,
            labels,
            2,
            (&options, &tuning),
            &mut |_| true,
        )
        .unwrap()
    };
    let (one, two) = (run(&images, 1), run(&both, 2));
    assert!(
        two.epochs[1].loss > one.epochs[1].loss,
        "{:?} {:?}",
        one.epochs[1],
        two.epochs[1]
    );
    assert!(two.best.held_out < two.epochs[0].held_out);
}

#[test]
fn where_nothing_can_be_learned_the_start_is_kept() {
    let mut random = Random::new(3);
    let (images, mut labels) = corners(80, &mut random);
    random.shuffle(&mut labels);
    let network = network(&mut random);
    let (options, labels) = (options(), Labels::One(&labels));
    let tuning = Tuning {
        patience: 2,
        ..TUNING
    };
    let mut n_told = 0;
    let mut told = |_: &Epoch| {
        n_told += 1;
        true
    };
    let tuned = unfreeze(
        network.clone(),
        &images,
        labels,
        2,
        (&options, &tuning),
        &mut told,
    )
    .unwrap();
    assert_eq!(n_told, tuned.epochs.len());
    assert!(
        tuned.epochs.len() < 30 && tuned.best.number < 10,
        "{:?}",
        tuned.epochs
    );
    // And a run that is told to end ends with what it has.
    let ended = unfreeze(
        network,
        &images,
        labels,
        2,
        (&options, &tuning),
        &mut |_| false,
    )
    .unwrap();
    assert_eq!(ended.best.number, 0);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut random = Random::new(3);
    let (images, labels) = corners(40, &mut random);
    let labels = Labels::One(&labels);
    let try_with = |network: Network, images: &Matrix, tuning: Tuning| {
        let tried = unfreeze(
            network,
            images,
            labels,
            2,
            (&options(), &tuning),
            &mut |_| true,
        );
        tried.unwrap_err().to_string()
    };
    let good = network(&mut random);
    let narrow = Matrix::new(40, 40, vec![0.0; 1600]).unwrap();
    assert!(try_with(good.clone(), &narrow, TUNING).contains("numbers of an image"));
    let mut broken = good.clone();
    broken.blocks.remove(0);
    broken.blocks[0].layers[0].channels_in = 2;
    assert!(try_with(broken, &images, TUNING).contains("expected"));
    let rate = Tuning {
        learning_rate: f32::NAN,
        ..TUNING
    };
    assert!(try_with(good.clone(), &images, rate).contains("learning rate"));
    let views = Tuning { views: 3, ..TUNING };
    assert!(try_with(good.clone(), &images, views).contains("as many of each image"));
    let wild = Tuning {
        learning_rate: 1e30,
        ..TUNING
    };
    assert!(try_with(good.clone(), &images, wild).contains("divide the learning rate"));
    let mut infinite = images.clone();
    infinite.data[7] = f32::INFINITY;
    assert!(try_with(good, &infinite, TUNING).contains("row 0"));
}
