//! How sure is sure enough, chosen on rows whose labels are known.

use fovea_measure::{Estimate, wilson};

/// A confidence from which on predictions are accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The least probability of the likeliest class that is accepted.
    pub confidence: f32,
    /// How many held-out rows are accepted.
    pub n_accepted: u64,
    /// The share of them that is right, with Wilson's interval: what to expect of the labels that are given.
    pub precision: Estimate,
}

impl Threshold {
    /// The lowest confidence, so the most rows, at which the accepted held-out rows reach `target`: by the lower end of their
    /// interval, or by the share itself. `None` where no confidence does.
    ///
    /// `rows` are the confidence of each held-out row and whether its class is right. Choosing among many thresholds on the same
    /// rows flatters the one that is chosen, which the lower end makes up for in part.
    pub fn choose(rows: &[(f32, bool)], target: f64, by_lower_bound: bool) -> Option<Self> {
        let mut rows: Vec<(f32, bool)> =
            rows.iter().copied().filter(|row| !row.0.is_nan()).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut right, mut found) = (0, None);
        for (at, row) in rows.iter().enumerate() {
            right += u64::from(row.1);
            // Rows of one confidence are accepted together or not at all.
            if rows.get(at + 1).is_some_and(|next| next.0 == row.0) {
                continue;
            }
            let n_accepted = at as u64 + 1;
            let interval = wilson(right, n_accepted);
            let value = right as f64 / n_accepted as f64;
            let reached = if by_lower_bound { interval.low } else { value };
            if reached >= target {
                found = Some(Threshold {
                    confidence: row.0,
                    n_accepted,
                    precision: Estimate { value, interval },
                });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred sure and right, then a hundred of which half are right.
    fn rows() -> Vec<(f32, bool)> {
        let sure = (0..100).map(|i| (0.99 - i as f32 * 1e-3, true));
        let unsure = (0..100).map(|i| (0.6 - i as f32 * 1e-3, i % 2 == 0));
        sure.chain(unsure).collect()
    }

    #[test]
    fn the_most_rows_that_keep_the_promise_are_accepted() {
        let found = Threshold::choose(&rows(), 0.95, false).unwrap();
        assert!(
            found.precision.value >= 0.95 && found.n_accepted >= 109,
            "{found:?}"
        );
        let careful = Threshold::choose(&rows(), 0.95, true).unwrap();
        assert!(careful.precision.interval.low >= 0.95);
        assert!(careful.confidence > found.confidence && careful.n_accepted >= 73);
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_not_made() {
        assert_eq!(Threshold::choose(&[], 0.5, false), None);
        assert_eq!(
            Threshold::choose(&[(0.9, false), (f32::NAN, true)], 0.5, false),
            None
        );
        // Ten of ten right is no proof of 95%.
        let ten = [(0.9, true); 10];
        assert_eq!(Threshold::choose(&ten, 0.95, true), None);
        assert_eq!(Threshold::choose(&ten, 0.95, false).unwrap().n_accepted, 10);
    }

    #[test]
    fn equals_are_accepted_together() {
        let rows = [(0.9, true), (0.8, true), (0.8, false), (0.8, false)];
        let found = Threshold::choose(&rows, 0.9, false).unwrap();
        assert_eq!((found.confidence, found.n_accepted), (0.9, 1));
    }
}
