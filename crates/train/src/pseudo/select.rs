//! Which unlabelled rows are given a class in a round, and which class.

use std::collections::BTreeMap;

use fovea_measure::Estimate;

use super::{Predictions, PseudoLabel, PseudoOptions, Round, Stop, Threshold};

/// The labels that a round learns from, and how they came about.
#[derive(Default)]
pub(super) struct Chosen {
    /// In the order of the rows.
    pub(super) labels: Vec<PseudoLabel>,
    threshold: Option<Threshold>,
    n_capped: usize,
    n_added: usize,
    n_dropped: usize,
}

impl Chosen {
    /// The report of the round that learned from them.
    pub(super) fn round(&self, round: usize, n_classes: usize, accuracy: Estimate) -> Round {
        let mut per_class = vec![0; n_classes];
        for label in &self.labels {
            per_class[label.class] += 1;
        }
        Round {
            round,
            n_labels: self.labels.len(),
            n_added: self.n_added,
            n_dropped: self.n_dropped,
            per_class,
            n_capped: self.n_capped,
            threshold: self.threshold,
            accuracy,
        }
    }
}

/// The likeliest class and its probability; the first of equals. A row without a number is class 0 at nothing.
pub(super) fn surest(row: &[f32]) -> (usize, f32) {
    let first = (0, f32::MIN);
    let best = row.iter().enumerate().fold(
        first,
        |best, (class, p)| {
            if *p > best.1 { (class, *p) } else { best }
        },
    );
    (best.0, best.1.max(0.0))
}

/// Labels for the next round, or why there is none.
pub(super) fn next(
    predictions: &Predictions,
    held_out: &[usize],
    before: &Chosen,
    round: usize,
    options: &PseudoOptions,
) -> Result<Chosen, Stop> {
    let judged = predictions.held_out.iter().zip(held_out);
    let judged = judged.map(|(row, truth)| {
        let (class, confidence) = surest(row);
        (confidence, class == *truth)
    });
    let judged: Vec<(f32, bool)> = judged.collect();
    let threshold = Threshold::choose(&judged, options.target_precision, options.by_lower_bound)
        .ok_or(Stop::NoThreshold)?;
    let cap = options.per_class.saturating_mul(round);
    let (labels, n_capped) = capped(sure(&predictions.unlabelled, threshold.confidence), cap);
    if labels.is_empty() {
        return Err(Stop::NothingSure);
    }
    let (n_added, n_dropped) = (
        missing(&labels, &before.labels),
        missing(&before.labels, &labels),
    );
    if n_added == 0 && n_dropped == 0 {
        return Err(Stop::Settled);
    }
    Ok(Chosen {
        labels,
        threshold: Some(threshold),
        n_capped,
        n_added,
        n_dropped,
    })
}

fn sure(rows: &[Vec<f32>], least: f32) -> Vec<PseudoLabel> {
    let label = |(row, probabilities): (usize, &Vec<f32>)| {
        let (class, confidence) = surest(probabilities);
        PseudoLabel {
            row,
            class,
            confidence,
        }
    };
    let labels = rows.iter().enumerate().map(label);
    labels.filter(|label| label.confidence >= least).collect()
}

/// The surest of each class, in the order of the rows, and how many the cap left out. Without it the class that is easiest takes
/// nearly all, and the classifier learns to say it.
fn capped(labels: Vec<PseudoLabel>, cap: usize) -> (Vec<PseudoLabel>, usize) {
    let n_before = labels.len();
    let mut classes: BTreeMap<usize, Vec<PseudoLabel>> = BTreeMap::new();
    for label in labels {
        classes.entry(label.class).or_default().push(label);
    }
    let mut kept = Vec::new();
    for mut labels in classes.into_values() {
        labels.sort_by(|a, b| {
            b.confidence
                .total_cmp(&a.confidence)
                .then(a.row.cmp(&b.row))
        });
        kept.extend(labels.into_iter().take(cap));
    }
    kept.sort_by_key(|label| label.row);
    let n_capped = n_before - kept.len();
    (kept, n_capped)
}

/// How many of `labels` are not among `others`, by row and class.
fn missing(labels: &[PseudoLabel], others: &[PseudoLabel]) -> usize {
    let others: BTreeMap<usize, usize> = others
        .iter()
        .map(|label| (label.row, label.class))
        .collect();
    let is_missing = |label: &&PseudoLabel| others.get(&label.row) != Some(&label.class);
    labels.iter().filter(is_missing).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_surest() {
        assert_eq!(surest(&[0.4, 0.4, 0.2]), (0, 0.4));
        assert_eq!(surest(&[f32::NAN, 0.1]), (1, 0.1));
        assert_eq!(surest(&[f32::NAN]), (0, 0.0));
        assert_eq!(surest(&[]), (0, 0.0));
    }

    #[test]
    fn a_cap_keeps_the_surest_of_each_class() {
        let rows = [
            [0.9, 0.1],
            [0.95, 0.05],
            [0.8, 0.2],
            [0.3, 0.7],
            [0.45, 0.55],
        ]
        .map(Vec::from);
        let (labels, n_capped) = capped(sure(&rows, 0.6), 2);
        let found: Vec<(usize, usize)> = labels
            .iter()
            .map(|label| (label.row, label.class))
            .collect();
        assert_eq!((found, n_capped), (vec![(0, 0), (1, 0), (3, 1)], 1));
    }
}
