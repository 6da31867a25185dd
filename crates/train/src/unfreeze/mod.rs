//! Training goes on into the last blocks of the image network: what a linear classifier on frozen features cannot tell apart,
//! features that move with it may.
//!
//! The blocks begin as they are and the classifier as it was fitted on frozen features; both move together, by the loss of the
//! classifier, at a small rate (as "How transferable are features in deep neural networks?", Yosinski et al., arXiv:1411.1792,
//! fine-tunes). Batch normalisation stays folded. What counts is the loss on pictures that are held out: the epoch where it
//! was least is kept, and where none is better than the start, that is said.

mod network;
#[cfg(test)]
mod tests;

pub use network::{Block, Kind, Layer, Network};

use crate::classifier::{Classifier, gather, log_loss};
use crate::classify::{Labels, Options, targets};
use crate::elementwise::sum_rows;
use crate::error::{Error, expect_option, expect_size};
use crate::matrix::{Form, Matrix, Output, product};
use crate::optimiser::{Adam, AdamW};
use crate::parameters::Parameters;
use crate::probe::Probe;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::stratify::stratified;

/// How far it goes.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tuning {
    /// Passes over the training side at most.
    pub epochs: u32,
    /// Images of a step.
    pub batch: usize,
    /// The greatest learning rate.
    pub learning_rate: f32,
    /// Share of the feature that the classifier does not see in a step.
    pub dropout: f32,
    /// Epochs without a better one until it stops.
    pub patience: u32,
    /// Views of each image, one row after another; the first is the image as it is, and a step takes any.
    pub views: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 32,
            learning_rate: 1e-4,
            dropout: 0.3,
            patience: 4,
            views: 1,
        }
    }
}

/// What one pass over the training side came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counted from one; zero is the start.
    pub number: u32,
    /// Mean loss of its steps; none at the start.
    pub loss: Option<f64>,
    /// Loss on the pictures that are held out.
    pub held_out: f64,
}

/// Blocks that moved.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// As they were at the best epoch.
    pub network: Network,
    /// From the start on.
    pub epochs: Vec<Epoch>,
    /// Which of them was best; the first, where moving the blocks made nothing better.
    pub best: Epoch,
}

/// Moves the blocks for labels of `classes` classes. `activations` has a row for each view of each image, the planes that go into
/// the first block, channel after channel. Pictures are held out as [`classify`](crate::classify::classify) holds them out with the same
/// `options`, of which the first strength of regularisation applies to the classifier. `go_on` is told of each epoch, and
/// ends the run by answering no.
pub fn unfreeze(
    network: Network,
    activations: &Matrix,
    labels: Labels,
    classes: usize,
    (options, tuning): (&Options, &Tuning),
    go_on: &mut dyn FnMut(&Epoch) -> bool,
) -> Result<Tuned, Error> {
    check(&network, activations, tuning)?;
    let strength = *options.strengths.first().ok_or(Error::Option {
        what: "strengths",
        expected: "at least one",
        found: "none".to_string(),
    })?;
    let frozen = network.features(activations, options.threads);
    let sides = Sides::of(&frozen, labels, classes, (options, tuning.views))?;
    let probe = Probe {
        features: &frozen,
        targets: &sides.targets,
        is_single: matches!(labels, Labels::One(_)),
        options,
    };
    let found = probe.run(strength, &sides.seen, &sides.validation, options.steps)?;
    let learner = Learner {
        weights: probe.class_weights(&sides.seen),
        probe: &probe,
        strength,
        tuning,
        activations,
        gradient: network.zeros_like(),
        optimisers: optimisers(&network),
        of_classifier: AdamW::new(NO_DECAY, found.classifier.parameters.values.len()),
        network,
        classifier: found.classifier,
        random: Random::keyed(options.seed, 5),
    };
    run(learner, &sides, go_on)
}

/// Who teaches and who judges.
struct Sides {
    /// Labels of each row.
    targets: Matrix,
    /// Images that teach.
    train: Vec<u32>,
    /// Rows of these, of all views.
    seen: Vec<u32>,
    /// Rows that judge: the first view of each image that is held out.
    validation: Vec<u32>,
}

impl Sides {
    fn of(
        features: &Matrix,
        labels: Labels,
        classes: usize,
        (options, views): (&Options, usize),
    ) -> Result<Sides, Error> {
        let of_images = targets(&firsts(features, views), labels, classes)?;
        let (train, validation) = stratified(&of_images, options.validation_share, options.seed);
        let enough = !validation.is_empty() && train.len() > 1;
        let expected = "one that leaves examples on both sides";
        let share = options.validation_share;
        expect_option("validation share", enough, expected, share)?;
        let views = views as u32;
        let image_of: Vec<u32> = (0..features.rows as u32).map(|row| row / views).collect();
        let rows_of = |image: &u32| image * views..(image + 1) * views;
        Ok(Sides {
            targets: gather(&of_images, &image_of),
            seen: train.iter().flat_map(rows_of).collect(),
            validation: validation.iter().map(|image| image * views).collect(),
            train,
        })
    }
}

/// Epoch after epoch, until there are no more or none is better.
fn run(
    mut learner: Learner<'_>,
    sides: &Sides,
    go_on: &mut dyn FnMut(&Epoch) -> bool,
) -> Result<Tuned, Error> {
    let start = Epoch {
        number: 0,
        loss: None,
        held_out: learner.loss_on(&sides.validation),
    };
    let mut tuned = Tuned {
        network: learner.network.clone(),
        epochs: vec![start],
        best: start,
    };
    let mut order = sides.train.clone();
    let tuning = learner.tuning;
    for number in 1..=tuning.epochs {
        if !go_on(&tuned.epochs[tuned.epochs.len() - 1]) {
            return Ok(tuned);
        }
        let epoch = Epoch {
            number,
            loss: Some(learner.epoch(&mut order, number)?),
            held_out: learner.loss_on(&sides.validation),
        };
        tuned.epochs.push(epoch);
        if epoch.held_out < tuned.best.held_out {
            tuned.best = epoch;
            tuned.network = learner.network.clone();
        } else if number - tuned.best.number >= tuning.patience {
            break;
        }
    }
    go_on(&tuned.epochs[tuned.epochs.len() - 1]);
    Ok(tuned)
}

/// The first view of each image.
pub fn firsts(activations: &Matrix, views: usize) -> Matrix {
    let rows: Vec<u32> = (0..activations.rows as u32).step_by(views).collect();
    gather(activations, &rows)
}

fn check(network: &Network, activations: &Matrix, tuning: &Tuning) -> Result<(), Error> {
    network.check()?;
    let area = network.extent * network.extent;
    expect_size(
        "numbers of an image",
        network.channels() * area,
        activations.cols,
    )?;
    activations.expect_finite("activations")?;
    let views = tuning.views;
    let is_whole = views > 0 && activations.rows.is_multiple_of(views);
    expect_option("views", is_whole, "as many of each image", views)?;
    expect_option("epochs", tuning.epochs > 0, "at least 1", tuning.epochs)?;
    expect_option("batch", tuning.batch > 0, "at least 1", tuning.batch)?;
    let rate = tuning.learning_rate;
    expect_option(
        "learning rate",
        rate.is_finite() && rate > 0.0,
        "a number above zero",
        rate,
    )?;
    let dropout = tuning.dropout;
    expect_option(
        "dropout",
        (0.0..1.0).contains(&dropout),
        "a share, 0 up to 1, without 1",
        dropout,
    )
}

/// Weights that were good to begin with are not pulled towards zero.
const NO_DECAY: Adam = Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
};

fn optimisers(network: &Network) -> Vec<Vec<AdamW>> {
    let of = |layer: &Layer| AdamW::new(NO_DECAY, layer.parameters.values.len());
    let blocks = network.blocks.iter();
    blocks
        .map(|block| block.layers.iter().map(of).collect())
        .collect()
}

/// Everything that a step changes, and what it reads.
struct Learner<'a> {
    probe: &'a Probe<'a>,
    weights: Vec<f32>,
    strength: f32,
    tuning: &'a Tuning,
    activations: &'a Matrix,
    network: Network,
    classifier: Classifier,
    gradient: Vec<Vec<Parameters>>,
    optimisers: Vec<Vec<AdamW>>,
    of_classifier: AdamW,
    random: Random,
}

impl Learner<'_> {
    fn threads(&self) -> usize {
        self.probe.options.threads
    }

    /// Mean loss over some rows.
    fn loss_on(&self, rows: &[u32]) -> f64 {
        let mut sum = 0.0;
        for rows in rows.chunks(self.tuning.batch.max(64)) {
            let batch = self.network.batch(self.activations, rows);
            let (pooled, _) = self.network.forward(&batch, self.threads());
            let all: Vec<u32> = (0..rows.len() as u32).collect();
            let x = self.classifier.standardised(&pooled, &all);
            let logits = self.classifier.logits(&x, self.threads());
            let targets = gather(self.probe.targets, rows);
            sum += log_loss(&logits, &targets, 1.0, self.probe.is_single) * rows.len() as f64;
        }
        sum / rows.len() as f64
    }

    /// One pass over the images that teach, in another order; the mean loss of its steps.
    fn epoch(&mut self, order: &mut [u32], number: u32) -> Result<f64, Error> {
        let n_steps = order.len().div_ceil(self.tuning.batch) as u64;
        let schedule = Schedule {
            peak: self.tuning.learning_rate,
            warm_up: n_steps,
            total: n_steps * u64::from(self.tuning.epochs),
        };
        self.random.shuffle(order);
        let mut sum = 0.0;
        for (at, images) in order.chunks(self.tuning.batch).enumerate() {
            let step = u64::from(number - 1) * n_steps + at as u64;
            sum += self.step(images, schedule.rate(step), step)? * images.len() as f64;
        }
        Ok(sum / order.len() as f64)
    }

    /// One step on a view of each of some images; the loss before it.
    fn step(&mut self, images: &[u32], rate: f32, number: u64) -> Result<f64, Error> {
        let threads = self.threads();
        let (views, random) = (self.tuning.views, &mut self.random);
        let row = |image: &u32| image * views as u32 + random.below(views) as u32;
        let rows: Vec<u32> = images.iter().map(row).collect();
        let batch = self.network.batch(self.activations, &rows);
        let (pooled, tape) = self.network.forward(&batch, threads);
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let mut x = self.classifier.standardised(&pooled, &all);
        let seen = self.seen(x.data.len());
        x.data
            .iter_mut()
            .zip(&seen)
            .for_each(|(x, seen)| *x *= seen);
        let mut d = self.classifier.logits(&x, threads);
        let targets = gather(self.probe.targets, &rows);
        let loss = log_loss(&d, &targets, 1.0, self.probe.is_single);
        if !loss.is_finite() {
            let cause = format!("the loss is {loss}: divide the learning rate by ten");
            return Err(Error::Diverged {
                step: number + 1,
                cause,
            });
        }
        self.probe.differentiate(&mut d, &targets, &self.weights);
        let d_pooled = self.back_to_features(&d, &seen);
        let of_classifier = self.of_the_classifier(&x, &d);
        self.network
            .backward(&tape, &d_pooled, &mut self.gradient, threads);
        let blocks = self.network.blocks.iter_mut();
        for ((block, gradients), optimisers) in blocks.zip(&self.gradient).zip(&mut self.optimisers)
        {
            let layers = block.layers.iter_mut().zip(gradients).zip(optimisers);
            for ((layer, gradient), optimiser) in layers {
                optimiser.step(&mut layer.parameters, gradient, rate, 1.0, threads);
            }
        }
        let parameters = &mut self.classifier.parameters;
        self.of_classifier
            .step(parameters, &of_classifier, rate, 1.0, threads);
        Ok(loss)
    }

    /// Zero for what is not seen; the rest is scaled up for it (Srivastava et al. 2014).
    fn seen(&mut self, n: usize) -> Vec<f32> {
        let kept = 1.0 - self.tuning.dropout;
        let random = &mut self.random;
        let one = |_| {
            if random.unit() < kept {
                kept.recip()
            } else {
                0.0
            }
        };
        (0..n).map(one).collect()
    }

    fn back_to_features(&self, d: &Matrix, seen: &[f32]) -> Matrix {
        let weight = self.classifier.parameters.get("weight");
        let mut d_x = Matrix::zeros(d.rows, weight.rows);
        let form = Form::RightTransposed;
        product(
            &mut d_x.data,
            Output::Replaced,
            1.0,
            d.view(),
            weight,
            form,
            self.threads(),
        );
        d_x.data
            .iter_mut()
            .zip(seen)
            .for_each(|(d, seen)| *d *= seen);
        for row in d_x.data.chunks_exact_mut(weight.rows) {
            for (d, deviation) in row.iter_mut().zip(&self.classifier.deviation) {
                *d = if *deviation > 0.0 {
                    *d / deviation
                } else {
                    0.0
                };
            }
        }
        d_x
    }

    fn of_the_classifier(&self, x: &Matrix, d: &Matrix) -> Parameters {
        let parameters = &self.classifier.parameters;
        let mut gradient = parameters.zeros_like();
        sum_rows(gradient.get_mut("bias"), &d.data);
        let out = gradient.get_mut("weight");
        let pull = parameters.get("weight").data;
        out.iter_mut()
            .zip(pull)
            .for_each(|(d, weight)| *d = self.strength * weight);
        let form = Form::LeftTransposed;
        product(
            out,
            Output::Added,
            1.0,
            x.view(),
            d.view(),
            form,
            self.threads(),
        );
        gradient
    }
}
