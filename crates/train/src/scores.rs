//! How good a classifier is on examples it has not seen.

use fovea_measure::calibration_error;

use crate::matrix::Matrix;

/// Bins of the calibration error, as in Guo et al., arXiv:1706.04599.
const BINS: usize = 15;

/// One class.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct ClassScores {
    /// Share of what was called this class that is.
    pub precision: f64,
    /// Share of what is this class that was called so.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// Examples of it.
    pub support: usize,
}

/// All classes.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Share of examples all of whose labels are right.
    pub accuracy: f64,
    /// Mean F1 of the classes that are there or were called.
    pub macro_f1: f64,
    /// Of single labels: examples of class i called class j. Of several labels: for each class, right ones called and missed, wrong
    /// ones called and left, that is `[true positive, false negative, false positive, true negative]`.
    pub confusion: Vec<Vec<usize>>,
    /// In the order of the classes.
    pub classes: Vec<ClassScores>,
    /// Expected calibration error of the stated probabilities.
    pub calibration_error: f64,
}

impl Scores {
    /// Of probabilities and targets (1 where a label applies), a row for each example. `is_single`: the most probable class counts;
    /// otherwise every class of at least one half.
    pub(crate) fn of(probabilities: &Matrix, targets: &Matrix, is_single: bool) -> Self {
        let called: Vec<Vec<bool>> = (0..probabilities.rows)
            .map(|row| call(probabilities.row(row), is_single))
            .collect();
        let is: Vec<Vec<bool>> = (0..targets.rows)
            .map(|row| {
                targets
                    .row(row)
                    .iter()
                    .map(|target| *target > 0.5)
                    .collect()
            })
            .collect();
        let counts: Vec<[usize; 4]> = (0..targets.cols)
            .map(|class| count(&called, &is, class))
            .collect();
        let classes: Vec<ClassScores> = counts.iter().map(class_scores).collect();
        let present: Vec<f64> = counts
            .iter()
            .zip(&classes)
            .filter(|(count, _)| count[0] + count[1] + count[2] > 0)
            .map(|(_, scores)| scores.f1)
            .collect();
        let right: Vec<bool> = called
            .iter()
            .zip(&is)
            .map(|(called, is)| called == is)
            .collect();
        Self {
            accuracy: share(right.iter().filter(|right| **right).count(), right.len()),
            macro_f1: present.iter().sum::<f64>() / present.len().max(1) as f64,
            confusion: match is_single {
                true => confusion(&called, &is, targets.cols),
                false => counts.iter().map(|count| count.to_vec()).collect(),
            },
            classes,
            calibration_error: calibration(probabilities, &is, &right, is_single),
        }
    }
}

/// The place of the greatest; the first among equals.
pub(crate) fn greatest(values: &[f32]) -> usize {
    (0..values.len()).fold(
        0,
        |best, at| if values[at] > values[best] { at } else { best },
    )
}

fn call(probabilities: &[f32], is_single: bool) -> Vec<bool> {
    let best = greatest(probabilities);
    let is_called = |(class, p): (usize, &f32)| if is_single { class == best } else { *p >= 0.5 };
    probabilities.iter().enumerate().map(is_called).collect()
}

/// True positives, false negatives, false positives, true negatives.
fn count(called: &[Vec<bool>], is: &[Vec<bool>], class: usize) -> [usize; 4] {
    let mut counts = [0; 4];
    for (called, is) in called.iter().zip(is) {
        counts[usize::from(!is[class]) * 2
            + usize::from(called[class] != is[class]) * usize::from(is[class])
            + usize::from(!called[class] && !is[class])] += 1;
    }
    counts
}

fn class_scores(&[hits, missed, wrong, _]: &[usize; 4]) -> ClassScores {
    ClassScores {
        precision: share(hits, hits + wrong),
        recall: share(hits, hits + missed),
        f1: share(2 * hits, 2 * hits + missed + wrong),
        support: hits + missed,
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn confusion(called: &[Vec<bool>], is: &[Vec<bool>], classes: usize) -> Vec<Vec<usize>> {
    let mut confusion = vec![vec![0; classes]; classes];
    let class_of = |labels: &[bool]| labels.iter().position(|label| *label);
    for (called, is) in called.iter().zip(is) {
        if let (Some(called), Some(is)) = (class_of(called), class_of(is)) {
            confusion[is][called] += 1;
        }
    }
    confusion
}

fn calibration(probabilities: &Matrix, is: &[Vec<bool>], right: &[bool], is_single: bool) -> f64 {
    let error = if is_single {
        let best = |row| {
            probabilities
                .row(row)
                .iter()
                .fold(0.0f32, |best, p| best.max(*p))
        };
        let stated: Vec<f64> = (0..probabilities.rows)
            .map(|row| f64::from(best(row)))
            .collect();
        calibration_error(&stated, right, BINS)
    } else {
        let stated: Vec<f64> = probabilities.data.iter().map(|p| f64::from(*p)).collect();
        calibration_error(&stated, &is.concat(), BINS)
    };
    error.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_by_hand() {
        // Classes 0, 0, 1, 2, called 0, 1, 1, 1.
        let p = [0.8, 0.1, 0.1, 0.2, 0.6, 0.2, 0.3, 0.5, 0.2, 0.1, 0.7, 0.2];
        let targets = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let p = Matrix {
            rows: 4,
            cols: 3,
            data: p.to_vec(),
        };
        let targets = Matrix {
            rows: 4,
            cols: 3,
            data: targets.to_vec(),
        };
        let scores = Scores::of(&p, &targets, true);
        assert_eq!(scores.accuracy, 0.5);
        assert_eq!(scores.confusion, [[1, 1, 0], [0, 1, 0], [0, 1, 0]]);
        let expect = ClassScores {
            precision: 1.0,
            recall: 0.5,
            f1: 2.0 / 3.0,
            support: 2,
        };
        assert_eq!(scores.classes[0], expect);
        assert!((scores.macro_f1 - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
        let scores = Scores::of(&p, &targets, false);
        assert_eq!(scores.confusion, [[1, 1, 0, 2], [1, 0, 2, 1], [0, 1, 0, 3]]);
        assert_eq!(scores.accuracy, 0.5);
    }
}
