//! The training loop of an alignment: sample, batch, step, validate, stop.
//!
//! The same pairs, options and seed give the same weights to the bit on one machine, whatever the number of threads, and
//! a run that was interrupted and resumed gives those of one that was not.

use std::ops::ControlFlow;
use std::path::Path;

use crate::checkpoint;
use crate::error::Error;
use crate::head::Head;
pub use crate::options::Options;
use crate::pairs::{Census, Pairs, Split};
pub use crate::trainer::Trainer;
use crate::validate::Validation;

/// One step of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    /// Counted from one.
    pub step: u64,
    /// The loss of the batch.
    pub loss: f64,
    /// The rate of the schedule.
    pub learning_rate: f32,
    /// The gradient's norm before clipping.
    pub gradient_norm: f32,
    /// One over the scale of the cosines.
    pub temperature: f32,
}

/// One turn of every image.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Epoch {
    /// Counted from one.
    pub epoch: u32,
    /// Its steps.
    pub steps: Vec<Step>,
    /// The validation after it.
    pub validation: Validation,
    /// Whether these are the best weights so far.
    pub is_best: bool,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// The validation was not better for as many epochs as patience allows.
    Patience,
    /// The caller wanted no more.
    Stopped,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The head with the best weights.
    pub head: Head,
    /// What of the pairs was used.
    pub census: Census,
    /// Which images were on which side.
    pub split: Split,
    /// The validation before the first step.
    pub before: Validation,
    /// The validation of the best weights.
    pub best: Validation,
    /// The epoch of the best weights; zero when none was better than the start.
    pub best_epoch: u32,
    /// Epochs done.
    pub epochs: u32,
    /// Why no more.
    pub end: End,
}

/// Trains, calling `progress` after each epoch. With a `checkpoint` it is saved there after each epoch, and a run that finds one
/// goes on from it.
pub fn train(
    pairs: &Pairs,
    options: &Options,
    split: Option<Split>,
    checkpoint: Option<&Path>,
    mut progress: impl FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    let mut trainer = Trainer::new(pairs, options, split)?;
    if let Some(path) = checkpoint.filter(|path| path.exists()) {
        trainer
            .resume(checkpoint::load(path)?)
            .map_err(|reason| Error::Checkpoint {
                path: path.into(),
                reason,
            })?;
    }
    let mut end = trainer.end();
    while end.is_none() {
        let epoch = trainer.epoch()?;
        if let Some(path) = checkpoint {
            checkpoint::save(path, &trainer.state())?;
        }
        end = trainer.end();
        if progress(&epoch).is_break() {
            end = end.or(Some(End::Stopped));
        }
    }
    Ok(trainer.finish(end.unwrap_or(End::Finished)))
}
