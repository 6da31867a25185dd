//! Pseudo-labels: what the classifier is sure enough of becomes a label, and it learns again (Lee 2013).
//!
//! How sure is enough is chosen on held-out labelled rows, which no round trains on. Every round chooses all labels anew, as in
//! curriculum labelling (Cascante-Bonilla et al. 2021), so that a mistake of an early round does not confirm itself for ever, and
//! no class may take more than its cap. The round that was best on the held-out rows is kept, round 0, without any, among them.
//!
//! Held-out rows choose threshold and round, so what they say of the kept round is a little too good: quote a test set's numbers.

mod grow;
mod select;
mod threshold;

use fovea_measure::{Estimate, wilson};

pub use grow::{Grown, Precision, grow};
pub use threshold::Threshold;

/// How far to go.
#[derive(Debug, Clone)]
pub struct PseudoOptions {
    /// The share of accepted labels that must be right.
    pub target_precision: f64,
    /// Whether the lower end of Wilson's interval must reach the target (careful: 0.95 takes 73 held-out rows without a mistake),
    /// or the share itself.
    pub by_lower_bound: bool,
    /// Rounds of choosing and learning again.
    pub rounds: usize,
    /// In round r, at most r times so many labels of one class, the surest ones.
    pub per_class: usize,
}

impl Default for PseudoOptions {
    fn default() -> Self {
        Self {
            target_precision: 0.95,
            by_lower_bound: true,
            rounds: 5,
            per_class: 200,
        }
    }
}

/// A row that was given a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PseudoLabel {
    /// Which of the unlabelled rows, counted from 0.
    pub row: usize,
    /// The class.
    pub class: usize,
    /// Its probability when it was chosen.
    pub confidence: f32,
}

/// Class probabilities that a freshly fitted classifier gives, each rows x classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Predictions {
    /// Of the held-out labelled rows.
    pub held_out: Vec<Vec<f32>>,
    /// Of the unlabelled rows.
    pub unlabelled: Vec<Vec<f32>>,
}

/// What one round did.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// 0 for the fit without pseudo-labels.
    pub round: usize,
    /// Pseudo-labels that this round learned from.
    pub n_labels: usize,
    /// Those that the round before had not.
    pub n_added: usize,
    /// Those of the round before that are gone or have another class.
    pub n_dropped: usize,
    /// Labels of each class.
    pub per_class: Vec<usize>,
    /// Rows sure enough, but above the cap of their class.
    pub n_capped: usize,
    /// By what the labels were chosen, with its precision on held-out rows; `None` for round 0.
    pub threshold: Option<Threshold>,
    /// Accuracy on the held-out rows after learning, with Wilson's interval.
    pub accuracy: Estimate,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All rounds are done.
    Rounds,
    /// A round would have learned from the same labels again.
    Settled,
    /// No threshold reaches the target precision on the held-out rows.
    NoThreshold,
    /// There is a threshold, but no unlabelled row is that sure.
    NothingSure,
}

/// What self-training found.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfTraining {
    /// The labels of the best round; none where learning without them was best.
    pub labels: Vec<PseudoLabel>,
    /// The round that they are of.
    pub best_round: usize,
    /// Every round, 0 first.
    pub rounds: Vec<Round>,
    /// Why it ended.
    pub stop: Stop,
}

/// Why self-training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PseudoError<E> {
    /// Nothing is held out, so that nothing could be chosen.
    #[error("no held-out labelled rows: pseudo-labels need some to choose a threshold on")]
    NoHeldOut,
    /// The target is no share.
    #[error("a target precision of {0}: give one above 0 and up to 1")]
    Target(f64),
    /// A held-out label names no class.
    #[error("held-out row {row} has label {label}, but predictions are of {classes} classes")]
    Label {
        /// The row, counted from 0.
        row: usize,
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// Predictions have another shape than they should.
    #[error("predictions of the {what} rows in round {round}: {found} where {expected} were due")]
    Shape {
        /// `held-out` or `unlabelled`.
        what: &'static str,
        /// The round.
        round: usize,
        /// What came, rows or classes.
        found: usize,
        /// What should have come.
        expected: usize,
    },
    /// The classifier failed.
    #[error("the classifier failed in round {round}")]
    Fit {
        /// The round.
        round: usize,
        /// What it said.
        #[source]
        source: E,
    },
}

/// Learns again and again, each time from more of its own sure answers.
///
/// `fit_predict` fits on the caller's labelled rows and the pseudo-labels it is handed, and predicts held-out and unlabelled rows.
/// `held_out` are the true classes of the held-out rows; they are never handed to it, nor named by a pseudo-label. It is called
/// at most `rounds + 1` times.
pub fn self_train<E>(
    held_out: &[usize],
    n_unlabelled: usize,
    options: &PseudoOptions,
    mut fit_predict: impl FnMut(&[PseudoLabel]) -> Result<Predictions, E>,
) -> Result<SelfTraining, PseudoError<E>> {
    if held_out.is_empty() {
        return Err(PseudoError::NoHeldOut);
    }
    if !(options.target_precision > 0.0 && options.target_precision <= 1.0) {
        return Err(PseudoError::Target(options.target_precision));
    }
    let mut chosen = select::Chosen::default();
    let mut best = (0, 0.0, Vec::new());
    let mut rounds: Vec<Round> = Vec::new();
    loop {
        let round = rounds.len();
        let fitted = fit_predict(&chosen.labels);
        let predictions = fitted.map_err(|source| PseudoError::Fit { round, source })?;
        let n_classes = shape(&predictions, held_out, n_unlabelled, round)?;
        rounds.push(chosen.round(round, n_classes, accuracy(&predictions.held_out, held_out)));
        // A few held-out rows are soon all right, and cannot show what more labels gain: as right with labels is better than
        // without any. Of rounds with labels the earlier of equals, which has fewer.
        let accuracy = rounds[round].accuracy.value;
        let is_first_with_labels = best.0 == 0 && !chosen.labels.is_empty();
        if round == 0 || accuracy > best.1 || (is_first_with_labels && accuracy == best.1) {
            best = (round, accuracy, chosen.labels.clone());
        }
        let next = match round < options.rounds {
            true => select::next(&predictions, held_out, &chosen, round + 1, options),
            false => Err(Stop::Rounds),
        };
        match next {
            Ok(next) => chosen = next,
            Err(stop) => {
                return Ok(SelfTraining {
                    labels: best.2,
                    best_round: best.0,
                    rounds,
                    stop,
                });
            }
        }
    }
}

/// The number of classes, once everything has the shape it should.
fn shape<E>(
    predictions: &Predictions,
    held_out: &[usize],
    n_unlabelled: usize,
    round: usize,
) -> Result<usize, PseudoError<E>> {
    let classes = predictions.held_out.first().map_or(0, Vec::len);
    let parts = [
        ("held-out", &predictions.held_out, held_out.len()),
        ("unlabelled", &predictions.unlabelled, n_unlabelled),
    ];
    for (what, rows, expected) in parts {
        let widths = rows.iter().map(|row| (row.len(), classes));
        let mut sizes = std::iter::once((rows.len(), expected)).chain(widths);
        if let Some((found, expected)) = sizes.find(|(found, expected)| found != expected) {
            return Err(PseudoError::Shape {
                what,
                round,
                found,
                expected,
            });
        }
    }
    match held_out.iter().position(|label| *label >= classes) {
        Some(row) => {
            let label = held_out[row];
            Err(PseudoError::Label {
                row,
                label,
                classes,
            })
        }
        None => Ok(classes),
    }
}

fn accuracy(predictions: &[Vec<f32>], truth: &[usize]) -> Estimate {
    let pairs = predictions.iter().zip(truth);
    let hits = pairs
        .filter(|(row, class)| select::surest(row).0 == **class)
        .count();
    Estimate {
        value: hits as f64 / truth.len().max(1) as f64,
        interval: wilson(hits as u64, truth.len() as u64),
    }
}

#[cfg(test)]
mod tests;
