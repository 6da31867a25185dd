//! A classifier on frozen features: one linear layer, of one label or of several, with probabilities that can be believed.
//!
//! A linear probe is convex, so what decides is regularisation: a few strengths are tried, each run to rest on a training side and
//! judged on a stratified validation side; the best is fitted again on all examples.

use crate::augment::Augmentation;
pub use crate::classifier::Classifier;
use crate::classifier::{probabilities, temperature};
use crate::error::{Error, expect_option, expect_size};
use crate::matrix::Matrix;
use crate::probe::{Probe, Run};
pub use crate::scores::{ClassScores, Scores};
use crate::stratify::stratified;

/// What each example is.
#[derive(Clone, Copy, Debug)]
pub enum Labels<'a> {
    /// Exactly one class: softmax and cross-entropy.
    One(&'a [u32]),
    /// Any number of classes: a logistic function and binary cross-entropy for each.
    Several(&'a [Vec<u32>]),
}

/// Options of a classifier.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Options {
    /// Strengths of L2 regularisation to try, on the mean loss; 1/(C n) in the words of scikit-learn.
    pub strengths: Vec<f32>,
    /// At most so many steps for each.
    pub steps: u32,
    /// The greatest learning rate.
    pub learning_rate: f32,
    /// Examples of a step. No more examples than that: every step sees all.
    pub batch: usize,
    /// Whether rare classes weigh more, by the inverse of their frequency.
    pub class_weights: bool,
    /// Changes of the features in training.
    pub augmentation: Augmentation,
    /// Share of examples that are only measured.
    pub validation_share: f64,
    /// Validations, one every ten steps, without a better one until a run stops.
    pub patience: u32,
    /// The same seed gives the same weights.
    pub seed: u64,
    /// Threads of rayon's pool. They do not change the result.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strengths: vec![1e-4, 1e-3, 1e-2, 1e-1, 1.0],
            steps: 300,
            learning_rate: 0.02,
            batch: 4096,
            class_weights: false,
            augmentation: Augmentation::default(),
            validation_share: 0.2,
            patience: 8,
            seed: 0,
            threads: 1,
        }
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Fitted on all examples.
    pub classifier: Classifier,
    /// Of the same options fitted on the training side, on the validation side.
    pub scores: Scores,
    /// The strength that was best there.
    pub strength: f32,
    /// Each strength with its best validation: loss, accuracy, macro F1, steps to it.
    pub tried: Vec<(f32, f64, f64, f64, u32)>,
    /// Examples of either side.
    pub sides: (usize, usize),
}

/// Fits a classifier of `classes` classes to a feature and labels for each row.
pub fn classify(
    features: &Matrix,
    labels: Labels,
    classes: usize,
    options: &Options,
) -> Result<Outcome, Error> {
    let targets = targets(features, labels, classes)?;
    check(options)?;
    let is_single = matches!(labels, Labels::One(_));
    expect_classes(&targets, is_single)?;
    let (train, validation) = stratified(&targets, options.validation_share, options.seed);
    let enough = !validation.is_empty() && train.len() > 1;
    expect_option(
        "validation share",
        enough,
        "one that leaves examples on both sides",
        options.validation_share,
    )?;
    let probe = Probe {
        features,
        targets: &targets,
        is_single,
        options,
    };
    let mut runs = Vec::with_capacity(options.strengths.len());
    for strength in &options.strengths {
        runs.push(probe.run(*strength, &train, &validation, options.steps)?);
    }
    let best = best_of(&runs, !is_single || options.class_weights)?;
    let (logits, of_validation) = probe.logits(&best.classifier, &validation);
    let temperature = temperature(&logits, &of_validation, is_single);
    let scores = Scores::of(
        &probabilities(&logits, temperature, is_single),
        &of_validation,
        is_single,
    );
    let all: Vec<u32> = (0..features.rows as u32).collect();
    let mut classifier = probe
        .run(best.strength, &all, &[], best.steps.max(1))?
        .classifier;
    classifier.temperature = temperature;
    Ok(Outcome {
        classifier,
        scores,
        strength: best.strength,
        tried: runs
            .iter()
            .map(|run| {
                (
                    run.strength,
                    run.loss,
                    run.accuracy,
                    run.macro_f1,
                    run.steps,
                )
            })
            .collect(),
        sides: (train.len(), validation.len()),
    })
}

/// The run of the least loss, which is the finer judge; by macro F1 where rare classes are to count or most labels do not apply, to
/// which the loss is blind.
fn best_of(runs: &[Run], by_f1: bool) -> Result<&Run, Error> {
    let score = |run: &Run| if by_f1 { run.macro_f1 } else { 0.0 };
    let better = |a: &&Run, b: &&Run| {
        let f1 = score(a).total_cmp(&score(b));
        f1.then(b.loss.total_cmp(&a.loss))
    };
    runs.iter().max_by(better).ok_or(Error::Option {
        what: "strengths",
        expected: "at least one",
        found: "none".to_string(),
    })
}

fn check(options: &Options) -> Result<(), Error> {
    let (rate, strengths) = (options.learning_rate, &options.strengths);
    expect_option(
        "learning rate",
        rate.is_finite() && rate > 0.0,
        "a number above zero",
        rate,
    )?;
    expect_option("steps", options.steps > 0, "at least 1", options.steps)?;
    expect_option("batch", options.batch >= 2, "at least 2", options.batch)?;
    let is_good = strengths
        .iter()
        .all(|strength| strength.is_finite() && *strength >= 0.0);
    expect_option(
        "strengths",
        is_good,
        "numbers from zero on",
        format!("{strengths:?}"),
    )?;
    let share = options.validation_share;
    expect_option(
        "validation share",
        (0.0..1.0).contains(&share),
        "a share, 0 up to 1, without 1",
        share,
    )?;
    options.augmentation.check()
}

/// One where a label applies.
pub(crate) fn targets(features: &Matrix, labels: Labels, classes: usize) -> Result<Matrix, Error> {
    let lists: Vec<&[u32]> = match labels {
        Labels::One(labels) => labels.chunks(1).collect(),
        Labels::Several(labels) => labels.iter().map(Vec::as_slice).collect(),
    };
    expect_size(
        "values of a matrix",
        features.rows * features.cols,
        features.data.len(),
    )?;
    expect_size("labels", features.rows, lists.len())?;
    features.expect_finite("features")?;
    let mut targets = Matrix::zeros(features.rows, classes);
    for (row, list) in lists.iter().enumerate() {
        for label in *list {
            let class = *label as usize;
            if class >= classes {
                return Err(Error::Shape {
                    what: "number of a class",
                    expected: classes,
                    found: class,
                });
            }
            targets.data[row * classes + class] = 1.0;
        }
    }
    Ok(targets)
}

/// Two classes of single labels; one that does not always apply of several.
fn expect_classes(targets: &Matrix, is_single: bool) -> Result<(), Error> {
    let of = |class: &usize| {
        (0..targets.rows)
            .filter(|row| targets.row(*row)[*class] > 0.0)
            .count()
    };
    let counts: Vec<usize> = (0..targets.cols).map(|class| of(&class)).collect();
    let found = counts.iter().filter(|count| **count > 0).count();
    let is_enough = match is_single {
        true => found >= 2,
        false => counts
            .iter()
            .any(|count| *count > 0 && *count < targets.rows),
    };
    if is_enough {
        Ok(())
    } else {
        Err(Error::TooFewClasses { found })
    }
}
