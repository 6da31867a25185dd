//! What a classifier takes for what.

use fovea_measure::{Estimate, wilson};

/// Counts of true against predicted classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    pub(super) classes: Vec<String>,
    pub(super) counts: Vec<Vec<u64>>,
}

/// Why counts are no confusion matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfusionError {
    /// A row or the whole has another length than there are classes.
    #[error(
        "a confusion matrix of {classes} classes needs as many rows of as many counts; row {row} has {found}"
    )]
    NotSquare {
        /// How many classes there are.
        classes: usize,
        /// The first row that is missing, too much or of the wrong length.
        row: usize,
        /// Its length; 0 where it is missing.
        found: usize,
    },
    /// True and predicted labels are not of the same rows.
    #[error("{truth} true labels, but {predicted} predicted ones: give one of each for every row")]
    Lengths {
        /// How many true labels there are.
        truth: usize,
        /// How many predicted ones.
        predicted: usize,
    },
    /// A label names no class.
    #[error("label {label} of row {row} names none of {classes} classes, which are counted from 0")]
    Label {
        /// The row, counted from 0.
        row: usize,
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
}

/// How well one class is recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassQuality {
    /// Of the rows called this, the share that are; with Wilson's interval. `None` where nothing was called this.
    pub precision: Option<Estimate>,
    /// Of the rows that are this, the share called so; with Wilson's interval. `None` where no row is this.
    pub recall: Option<Estimate>,
    /// Harmonic mean of the two; 0 where nothing is right.
    pub f1: f64,
    /// How many rows are this.
    pub support: u64,
}

impl Confusion {
    /// From counts: `counts[truth][predicted]`.
    pub fn new(classes: Vec<String>, counts: Vec<Vec<u64>>) -> Result<Self, ConfusionError> {
        let n = classes.len();
        for row in 0..n.max(counts.len()) {
            let found = counts.get(row).map_or(0, Vec::len);
            if row >= n || found != n {
                return Err(ConfusionError::NotSquare {
                    classes: n,
                    row,
                    found,
                });
            }
        }
        Ok(Self { classes, counts })
    }

    /// From the true and the predicted class of each row.
    pub fn of(
        classes: Vec<String>,
        truth: &[usize],
        predicted: &[usize],
    ) -> Result<Self, ConfusionError> {
        if truth.len() != predicted.len() {
            return Err(ConfusionError::Lengths {
                truth: truth.len(),
                predicted: predicted.len(),
            });
        }
        let n = classes.len();
        let mut counts = vec![vec![0; n]; n];
        for (row, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            let label = *truth.max(predicted);
            if label >= n {
                return Err(ConfusionError::Label {
                    row,
                    label,
                    classes: n,
                });
            }
            counts[*truth][*predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Share of rows whose class was found, with Wilson's interval.
    pub fn accuracy(&self) -> Estimate {
        let right = (0..self.classes.len())
            .map(|class| self.counts[class][class])
            .sum();
        let all = self.counts.iter().flatten().sum();
        share(right, all).unwrap_or(Estimate {
            value: 0.0,
            interval: wilson(0, 0),
        })
    }

    /// Precision, recall and support of each class.
    pub fn qualities(&self) -> Vec<ClassQuality> {
        (0..self.classes.len())
            .map(|class| self.quality(class))
            .collect()
    }

    fn quality(&self, class: usize) -> ClassQuality {
        let right = self.counts[class][class];
        let support: u64 = self.counts[class].iter().sum();
        let called: u64 = self.counts.iter().map(|row| row[class]).sum();
        let f1 = match support + called {
            0 => 0.0,
            both => 2.0 * right as f64 / both as f64,
        };
        ClassQuality {
            precision: share(right, called),
            recall: share(right, support),
            f1,
            support,
        }
    }

    /// Pairs of classes that are confused, most often first: truth, predicted, how many.
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let mut found = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            let wrong = row
                .iter()
                .enumerate()
                .filter(|(at, n)| *at != truth && **n > 0);
            found.extend(wrong.map(|(predicted, n)| (truth, predicted, *n)));
        }
        found.sort_by_key(|(truth, predicted, n)| (std::cmp::Reverse(*n), *truth, *predicted));
        found
    }
}

fn share(part: u64, whole: u64) -> Option<Estimate> {
    (whole > 0).then(|| Estimate {
        value: part as f64 / whole as f64,
        interval: wilson(part, whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn quality_worked_by_hand() {
        let found = Confusion::of(names(3), &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 0]).unwrap();
        assert_eq!(found.accuracy().value, 0.6);
        let qualities = found.qualities();
        let two_thirds = 2.0 / 3.0;
        assert_eq!(qualities[0].precision.unwrap().value, two_thirds);
        assert_eq!(qualities[0].recall.unwrap().value, two_thirds);
        assert_eq!(qualities[0].f1, two_thirds);
        assert_eq!((qualities[1].f1, qualities[1].support), (0.5, 2));
        assert_eq!((qualities[2].precision, qualities[2].recall), (None, None));
        assert_eq!(found.mistakes(), [(0, 1, 1), (1, 0, 1)]);
    }

    #[test]
    fn what_is_no_confusion_matrix_is_refused() {
        for (counts, row, found) in [
            (vec![vec![1, 2]], 1, 0),
            (vec![vec![1, 2], vec![1]], 1, 1),
            (vec![vec![1, 2], vec![1, 2], vec![]], 2, 0),
        ] {
            let error = Confusion::new(names(2), counts).unwrap_err();
            assert_eq!(
                error,
                ConfusionError::NotSquare {
                    classes: 2,
                    row,
                    found
                }
            );
        }
        assert!(Confusion::of(names(2), &[0], &[]).is_err());
        let error = Confusion::of(names(2), &[0, 2], &[0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "label 2 of row 1 names none of 2 classes, which are counted from 0"
        );
    }
}
