//! A classifier that grows its labelled set: labels teach, choose and measure, each on its own side.
//!
//! Three fifths of the labelled images teach, a fifth chooses how sure is sure enough and which round was best, and a fifth is only
//! measured: what is said of the labels that were added, and of the classifier, is said of images that had no part in either.

use fovea_measure::{Estimate, wilson};

use super::{Predictions, PseudoError, PseudoLabel, PseudoOptions, SelfTraining, self_train};
use crate::classifier::{Classifier, gather, probabilities};
use crate::classify::{self, Labels, Outcome, classify};
use crate::error::Error;
use crate::matrix::Matrix;
use crate::scores::{Scores, greatest};
use crate::stratify::stratified;

/// Shares of the labelled images: of all to measure, of the rest to choose by.
const MEASURED: f64 = 0.2;
const CHOOSING: f64 = 0.25;

/// What growing came to.
#[derive(Debug, Clone)]
pub struct Grown {
    /// Fitted on all labelled images and those that were added, with what the measured ones say of it: its scores are theirs.
    pub outcome: Outcome,
    /// The rounds.
    pub training: SelfTraining,
    /// How many of the measured images that are as sure as those that were added are right; none where nothing was added.
    pub precision: Option<Precision>,
    /// Accuracy on the measured images before and after.
    pub before: Estimate,
    /// The same with what was added.
    pub after: Estimate,
    /// Images that taught, chose and were measured.
    pub sides: (usize, usize, usize),
}

/// A share of images, and of how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// Measured images that are sure enough.
    pub n: usize,
    /// The share of them that is right, with Wilson's interval.
    pub share: Estimate,
}

/// Fits a classifier of single `labels`, which learns too from the rows of `unlabelled` that it is sure of.
pub fn grow(
    features: &Matrix,
    labels: &[u32],
    unlabelled: &Matrix,
    classes: usize,
    (options, pseudo): (&classify::Options, &PseudoOptions),
) -> Result<Grown, PseudoError<Error>> {
    let targets = classify::targets(features, Labels::One(labels), classes).map_err(first)?;
    let (rest, measured) = stratified(&targets, MEASURED, options.seed);
    let (teach, choose) = stratified(&gather(&targets, &rest), CHOOSING, options.seed);
    let of = |rows: &[u32]| -> Vec<u32> { rows.iter().map(|row| rest[*row as usize]).collect() };
    let (teach, choose) = (of(&teach), of(&choose));
    let mut fits = Fits {
        features,
        labels,
        unlabelled,
        classes,
        options: options.clone(),
        sides: [&teach, &choose, &measured],
        measured: Vec::new(),
    };
    let of_rows = |rows: &[u32]| -> Vec<usize> {
        rows.iter()
            .map(|row| labels[*row as usize] as usize)
            .collect()
    };
    let training = self_train(&of_rows(&choose), unlabelled.rows, pseudo, |chosen| {
        fits.predict(chosen)
    })?;
    let truth = of_rows(&measured);
    let best = training.best_round;
    let all: Vec<u32> = (0..features.rows as u32).collect();
    let mut outcome = fits.fit(&all, &training.labels).map_err(first)?;
    outcome.scores = Scores::of(&fits.measured[best], &gather(&targets, &measured), true);
    outcome.sides = (teach.len() + training.labels.len(), measured.len());
    let threshold = training.rounds[best].threshold.map(|one| one.confidence);
    Ok(Grown {
        precision: match (best, threshold) {
            (1.., Some(least)) => Some(precision(&fits.measured[best - 1], &truth, least)),
            _ => None,
        },
        before: accuracy(&fits.measured[0], &truth),
        after: accuracy(&fits.measured[best], &truth),
        sides: (teach.len(), choose.len(), measured.len()),
        outcome,
        training,
    })
}

/// What fails before the first round is of it.
fn first(source: Error) -> PseudoError<Error> {
    PseudoError::Fit { round: 0, source }
}

/// The classifiers of all rounds.
struct Fits<'a> {
    features: &'a Matrix,
    labels: &'a [u32],
    unlabelled: &'a Matrix,
    classes: usize,
    options: classify::Options,
    /// Rows that teach, choose and are measured.
    sides: [&'a [u32]; 3],
    /// What each round said of the measured rows.
    measured: Vec<Matrix>,
}

impl Fits<'_> {
    fn predict(&mut self, chosen: &[PseudoLabel]) -> Result<Predictions, Error> {
        let [teach, choose, measured] = self.sides;
        let outcome = self.fit(teach, chosen)?;
        // What is best for the first round is good enough for the others, which see more of the same.
        self.options.strengths = vec![outcome.strength];
        let all: Vec<u32> = (0..self.unlabelled.rows as u32).collect();
        let threads = self.options.threads;
        let of = |features, rows: &[u32]| said(&outcome.classifier, features, rows, threads);
        self.measured.push(of(self.features, measured));
        Ok(Predictions {
            held_out: rows(&of(self.features, choose)),
            unlabelled: rows(&of(self.unlabelled, &all)),
        })
    }

    fn fit(&self, labelled: &[u32], chosen: &[PseudoLabel]) -> Result<Outcome, Error> {
        let mut features = gather(self.features, labelled);
        let mut labels: Vec<u32> = labelled
            .iter()
            .map(|row| self.labels[*row as usize])
            .collect();
        for label in chosen {
            features
                .data
                .extend_from_slice(self.unlabelled.row(label.row));
            labels.push(label.class as u32);
        }
        features.rows = labels.len();
        classify(&features, Labels::One(&labels), self.classes, &self.options)
    }
}

fn said(classifier: &Classifier, features: &Matrix, rows: &[u32], threads: usize) -> Matrix {
    let x = classifier.standardised(features, rows);
    let logits = classifier.logits(&x, threads);
    probabilities(&logits, classifier.temperature(), true)
}

fn rows(matrix: &Matrix) -> Vec<Vec<f32>> {
    (0..matrix.rows)
        .map(|row| matrix.row(row).to_vec())
        .collect()
}

fn accuracy(said: &Matrix, truth: &[usize]) -> Estimate {
    precision(said, truth, 0.0).share
}

/// Of the rows that are as sure as `least`.
fn precision(said: &Matrix, truth: &[usize], least: f32) -> Precision {
    let called = (0..said.rows).map(|row| greatest(said.row(row)));
    let sure = called.zip(truth).enumerate();
    let sure = sure.filter(|(row, (class, _))| said.row(*row)[*class] >= least);
    let right: Vec<bool> = sure.map(|(_, (class, truth))| class == *truth).collect();
    let hits = right.iter().filter(|right| **right).count();
    Precision {
        n: right.len(),
        share: Estimate {
            value: hits as f64 / right.len().max(1) as f64,
            interval: wilson(hits as u64, right.len() as u64),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Three kinds around corners, of which so many rows each.
    fn blobs(of_each: usize, seed: u64) -> (Matrix, Vec<u32>) {
        let mut random = Random::new(seed);
        let mut features = Matrix::zeros(3 * of_each, 4);
        let labels: Vec<u32> = (0..3 * of_each as u32).map(|row| row % 3).collect();
        for (row, label) in features.data.chunks_exact_mut(4).zip(&labels) {
            row.iter_mut().for_each(|value| *value = random.normals().0);
            row[*label as usize] += 3.0;
        }
        (features, labels)
    }

    fn grown(of_each: usize, unlabelled: &Matrix, target: f64) -> Result<Grown, String> {
        let (features, labels) = blobs(of_each, 1);
        let pseudo = PseudoOptions {
            target_precision: target,
            by_lower_bound: false,
            rounds: 3,
            ..PseudoOptions::default()
        };
        let options = (&classify::Options::default(), &pseudo);
        grow(&features, &labels, unlabelled, 3, options).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_was_added_is_as_right_as_the_measured_ones_say() {
        let (unlabelled, truth) = blobs(300, 9);
        let grown = grown(20, &unlabelled, 0.9).unwrap();
        let added = &grown.training.labels;
        assert!(added.len() > 200, "{:?}", grown.training.rounds);
        let is_right = |label: &&PseudoLabel| truth[label.row] as usize == label.class;
        let right = added.iter().filter(is_right).count() as f64 / added.len() as f64;
        let said = grown.precision.unwrap();
        assert!(
            said.n > 3 && said.share.interval.low <= right,
            "{said:?} {right}"
        );
        assert!(
            right > 0.85 && grown.after.value >= grown.before.value,
            "{right}"
        );
        assert_eq!(grown.sides, (36, 12, 12));
        assert_eq!(grown.outcome.sides, (36 + added.len(), 12));
    }

    #[test]
    fn without_anything_sure_the_labels_alone_teach() {
        let far = Matrix::zeros(40, 4);
        let grown = grown(20, &far, 1.0).unwrap();
        assert_eq!(grown.training.best_round, 0, "{:?}", grown.training.rounds);
        assert!(grown.precision.is_none() && grown.training.labels.is_empty());
        assert_eq!(grown.before, grown.after);
    }

    #[test]
    fn one_class_is_refused() {
        let (features, _) = blobs(10, 1);
        let options = (&classify::Options::default(), &PseudoOptions::default());
        let refused = grow(&features, &[0; 30], &features, 3, options).unwrap_err();
        let cause = std::error::Error::source(&refused).unwrap().to_string();
        assert!(cause.contains("at least two classes"), "{cause}");
    }
}
