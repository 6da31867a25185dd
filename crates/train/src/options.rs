//! What can be chosen of a training run.

use crate::augment::Augmentation;
use crate::error::{Error, expect_option};
use crate::loss::Loss;

/// Options of an alignment.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Options {
    /// Width of the hidden layer; `None` for a linear map.
    pub hidden: Option<usize>,
    /// Whether to start from the frozen alignment and add to it.
    pub residual: bool,
    /// Whether to map text vectors too.
    pub text: bool,
    /// Which loss.
    pub loss: Loss,
    /// Where the learned temperature of [`Loss::InfoNce`] starts.
    pub temperature: f32,
    /// Pairs of a step.
    pub batch: usize,
    /// How often every image has its turn.
    pub epochs: u32,
    /// The greatest learning rate of the schedule.
    pub learning_rate: f32,
    /// How much of a weight a step of rate one takes away.
    pub weight_decay: f32,
    /// Share of all steps until that rate is reached.
    pub warm_up: f64,
    /// The longest gradient.
    pub clip: f32,
    /// The same seed gives the same weights.
    pub seed: u64,
    /// Share of images that are only measured. Zero: no early stopping, and the last weights are kept.
    pub validation_share: f64,
    /// Epochs without a better validation until training stops.
    pub patience: u32,
    /// Share of each batch that is made of the nearest neighbours of the rest, from the second epoch on.
    pub hard_negatives: f64,
    /// Changes of the features in training.
    pub augmentation: Augmentation,
    /// Threads of rayon's pool. They do not change the result.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hidden: Some(1024),
            residual: true,
            text: false,
            loss: Loss::InfoNce,
            temperature: 0.07,
            batch: 512,
            epochs: 30,
            learning_rate: 3e-4,
            weight_decay: 0.05,
            warm_up: 0.1,
            clip: 1.0,
            seed: 0,
            validation_share: 0.1,
            patience: 5,
            hard_negatives: 0.0,
            augmentation: Augmentation::default(),
            threads: 1,
        }
    }
}

impl Options {
    /// Fails at the first option with which nothing can be learned.
    pub fn check(&self) -> Result<(), Error> {
        let is_rate = |rate: f32| rate.is_finite() && rate > 0.0;
        expect_option("hidden width", self.hidden != Some(0), "at least 1", 0)?;
        expect_option("batch", self.batch >= 2, "at least 2", self.batch)?;
        expect_option("epochs", self.epochs >= 1, "at least 1", self.epochs)?;
        expect_option(
            "temperature",
            (0.01..=10.0).contains(&self.temperature),
            "0.01 to 10",
            self.temperature,
        )?;
        expect_option(
            "learning rate",
            is_rate(self.learning_rate),
            "a number above zero",
            self.learning_rate,
        )?;
        expect_option("clip", is_rate(self.clip), "a number above zero", self.clip)?;
        expect_option(
            "weight decay",
            (0.0..=10.0).contains(&self.weight_decay),
            "0 to 10",
            self.weight_decay,
        )?;
        expect_option(
            "warm-up",
            (0.0..=1.0).contains(&self.warm_up),
            "a share, 0 to 1",
            self.warm_up,
        )?;
        let share = self.validation_share;
        expect_option(
            "validation share",
            (0.0..=0.9).contains(&share),
            "a share, 0 to 0.9",
            share,
        )?;
        let share = self.hard_negatives;
        expect_option(
            "hard negatives",
            (0.0..=0.9).contains(&share),
            "a share, 0 to 0.9",
            share,
        )?;
        self.augmentation.check()
    }

    /// The BLAKE3 hash of all that changes the result: a checkpoint belongs to these options and no others.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(
            format!(
                "{self:?}",
                self = Self {
                    threads: 0,
                    ..self.clone()
                }
            )
            .as_bytes(),
        )
        .as_bytes()
    }
}
