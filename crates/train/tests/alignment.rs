//! The training loop on pairs whose right answer is planted.

use std::ops::ControlFlow;

use fovea_train::Error;
use fovea_train::align::{End, Options, Outcome, train};
use fovea_train::augment::Augmentation;
use fovea_train::loss::Loss;
use fovea_train::matrix::Matrix;
use fovea_train::pairs::Pairs;

const INPUTS: usize = 24;
const OUTPUTS: usize = 8;

/// Normal enough: the sum of four uniform numbers.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum += (self.0 >> 8) as f32 / 16_777_216.0 - 0.5;
        }
        sum * 1.732
    }

    fn rows(&mut self, rows: usize, cols: usize) -> Matrix {
        Matrix {
            rows,
            cols,
            data: (0..rows * cols).map(|_| self.next()).collect(),
        }
    }
}

/// Each image is a meaning; its feature a noisy linear map of that, its frozen alignment mostly noise, its captions in two languages
/// near it.
fn planted(n: usize) -> Pairs {
    let mut noise = Noise(1);
    let (meanings, map) = (noise.rows(n, OUTPUTS), noise.rows(OUTPUTS, INPUTS));
    let mut pairs = Pairs {
        image_keys: (0..n).map(|at| format!("image {at}")).collect(),
        features: Matrix::zeros(n, INPUTS),
        conse: Matrix::zeros(n, OUTPUTS),
        view_image: (0..n as u32).collect(),
        texts: Matrix::zeros(2 * n, OUTPUTS),
        wordings: Matrix::default(),
        caption_image: (0..2 * n as u32).map(|at| at / 2).collect(),
        captions: (0..2 * n).map(|at| format!("caption {at}")).collect(),
        languages: (0..2 * n)
            .map(|at| ["en", "zh"][at % 2].to_string())
            .collect(),
    };
    for at in 0..n {
        let meaning = meanings.row(at);
        for (col, value) in pairs.features.data[at * INPUTS..(at + 1) * INPUTS]
            .iter_mut()
            .enumerate()
        {
            let mapped: f32 = meaning
                .iter()
                .enumerate()
                .map(|(row, x)| x * map.row(row)[col])
                .sum();
            *value = 5.0 + mapped + 0.2 * noise.next();
        }
        for (col, value) in meaning.iter().enumerate() {
            pairs.conse.data[at * OUTPUTS + col] = 0.1 * value + 0.3 * noise.next();
            pairs.texts.data[2 * at * OUTPUTS + col] = value + 0.1 * noise.next();
            pairs.texts.data[(2 * at + 1) * OUTPUTS + col] = value + 0.1 * noise.next();
        }
    }
    pairs
}

fn options() -> Options {
    Options {
        hidden: Some(32),
        batch: 64,
        epochs: 12,
        learning_rate: 1e-2,
        validation_share: 0.3,
        seed: 3,
        threads: 2,
        ..Options::default()
    }
}

fn run(pairs: &Pairs, options: &Options) -> Result<Outcome, Error> {
    train(pairs, options, None, None, |_| ControlFlow::Continue(()))
}

#[test]
fn a_planted_map_is_learned() {
    let pairs = planted(600);
    let small = Options {
        hidden: None,
        ..options()
    };
    let augmentation = Augmentation {
        dropout: 0.05,
        noise: 0.1,
        mixup: 0.2,
    };
    for options in [
        options(),
        Options {
            hard_negatives: 0.5,
            text: true,
            ..options()
        },
        Options {
            loss: Loss::SigLip,
            augmentation,
            ..options()
        },
        Options {
            loss: Loss::Cosine,
            residual: false,
            ..small
        },
    ] {
        let outcome = run(&pairs, &options).unwrap();
        let (before, after) = (
            outcome.before.all.text_to_image,
            outcome.best.all.text_to_image,
        );
        assert!(
            before.at_10 < 0.3 && after.at_10 > 0.85,
            "{options:?}\n{before:?}\n{after:?}"
        );
        assert!(
            outcome.best.all.image_to_text.at_10 > 0.85,
            "{:?}",
            outcome.best
        );
        assert_eq!(
            outcome.best.languages.keys().collect::<Vec<_>>(),
            ["en", "zh"]
        );
        assert!(
            outcome
                .best
                .languages
                .values()
                .all(|language| language.text_to_image.at_10 > 0.85)
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_however_many_threads() {
    let pairs = planted(200);
    let augmentation = Augmentation {
        dropout: 0.1,
        noise: 0.1,
        mixup: 0.2,
    };
    let options = Options {
        epochs: 3,
        hard_negatives: 0.5,
        augmentation,
        ..options()
    };
    let first = run(&pairs, &options).unwrap();
    assert_eq!(first.head, run(&pairs, &options).unwrap().head);
    assert_eq!(
        first.head,
        run(
            &pairs,
            &Options {
                threads: 1,
                ..options.clone()
            }
        )
        .unwrap()
        .head
    );
    assert_ne!(
        first.head,
        run(&pairs, &Options { seed: 4, ..options }).unwrap().head
    );
}

#[test]
fn other_wordings_teach_and_are_never_asked_for() {
    let pairs = planted(200);
    let mut worded = pairs.clone();
    // Two wordings of each caption, a little beside it.
    let cols = pairs.texts.cols;
    for (row, values) in pairs.texts.data.chunks_exact(cols).enumerate() {
        for wording in 0..2 {
            let moved = values
                .iter()
                .enumerate()
                .map(|(at, value)| value + 0.2 * ((row * 7 + at * 3 + wording) % 5) as f32 / 5.0);
            worded.wordings.data.extend(moved);
        }
    }
    (worded.wordings.rows, worded.wordings.cols) = (2 * pairs.texts.rows, cols);
    let options = Options {
        epochs: 3,
        ..options()
    };
    let (plain, first) = (
        run(&pairs, &options).unwrap(),
        run(&worded, &options).unwrap(),
    );
    assert_eq!(first.before, plain.before, "the same captions are asked");
    assert_ne!(first.head, plain.head);
    assert_ne!(worded.hash(), pairs.hash());
    let one = Options {
        threads: 1,
        ..options.clone()
    };
    assert_eq!(first.head, run(&worded, &one).unwrap().head);
    worded.wordings.rows -= 1;
    worded.wordings.data.truncate(worded.wordings.rows * cols);
    let refused = run(&worded, &options).unwrap_err().to_string();
    assert!(refused.contains("wordings"), "{refused}");
}

#[test]
fn a_resumed_run_gives_the_bits_of_one_that_was_not_interrupted() {
    let pairs = planted(200);
    let options = Options {
        epochs: 6,
        hard_negatives: 0.3,
        ..options()
    };
    let whole = run(&pairs, &options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let stopped = train(&pairs, &options, None, Some(&path), |epoch| {
        match epoch.epoch {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!(stopped.unwrap().end, End::Stopped);
    let mut first = None;
    let resumed = train(&pairs, &options, None, Some(&path), |epoch| {
        first.get_or_insert(epoch.epoch);
        ControlFlow::Continue(())
    });
    let resumed = resumed.unwrap();
    assert_eq!((first, resumed.epochs), (Some(3), whole.epochs));
    assert_eq!((resumed.head, resumed.best), (whole.head, whole.best));
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let pairs = planted(200);
    let options = Options {
        epochs: 2,
        ..options()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let go = |pairs: &Pairs, options: &Options| {
        let result = train(pairs, options, None, Some(&path), |_| {
            ControlFlow::Continue(())
        });
        result.map(|_| ()).map_err(|error| error.to_string())
    };
    go(&pairs, &options).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let refused = |pairs: &Pairs, options: &Options, expect: &str| {
        let found = go(pairs, options).unwrap_err();
        assert!(
            found.contains(expect) && found.contains("remove it to start from the beginning"),
            "{found}"
        );
    };
    refused(
        &pairs,
        &Options {
            seed: 9,
            ..options.clone()
        },
        "other options",
    );
    refused(&planted(210), &options, "other pairs");
    type Damage = (fn(&mut Vec<u8>), &'static str);
    let damages: [Damage; 6] = [
        (|bytes| bytes[0] ^= 1, "no checkpoint"),
        (|bytes| bytes[8] += 1, "found version 2"),
        (|bytes| bytes.truncate(1000), "expected"),
        (|bytes| bytes.push(0), "bytes after the header"),
        (|bytes| bytes[700] ^= 4, "the checksum does not fit"),
        (|bytes| bytes.truncate(30), "cut off"),
    ];
    for (damage, expect) in damages {
        let mut bytes = bytes.clone();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        refused(&pairs, &options, expect);
    }
}

#[test]
fn divergence_names_step_and_cause() {
    let mut pairs = planted(200);
    for rate in [1e2, 1e4, 1e30] {
        let error = run(
            &pairs,
            &Options {
                learning_rate: rate,
                warm_up: 0.0,
                ..options()
            },
        )
        .map(|_| ())
        .unwrap_err();
        let Error::Diverged { step, cause } = &error else {
            panic!("{error}")
        };
        assert!(
            (1..=24).contains(step) && cause.contains("learning rate"),
            "{rate}: {error}"
        );
    }
    // One image whose frozen alignment is out of all proportion.
    pairs.conse.data[7 * OUTPUTS] = 3e38;
    let split = pairs.split(0.3, 3);
    assert!(
        split.train.contains(&7),
        "the planted image must be learned from"
    );
    let error = train(&pairs, &options(), Some(split), None, |_| {
        ControlFlow::Continue(())
    })
    .map(|_| ())
    .unwrap_err();
    assert!(
        error.to_string().contains("image 7 (\"image 7\")"),
        "{error}"
    );
}
