//! Is B better than A, or is it these queries? Two systems that answered the same queries, compared query by query.

use crate::confidence::{Bootstrap, Interval};
use crate::percentile::of_sorted;
use crate::retrieval::mean;
use crate::summary::Estimate;

/// What a paired bootstrap says of two systems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// How many queries both answered.
    pub n_queries: usize,
    /// Mean score of A.
    pub a: f64,
    /// Mean score of B.
    pub b: f64,
    /// B minus A, with its 95% interval. Two intervals that overlap say little; this one says whether it holds 0.
    pub difference: Estimate,
    /// Share of resamples in which B is better; a draw counts half.
    pub b_wins: f64,
    /// How often a difference this far from 0 would come of two equal systems, two-sided, never quite 0.
    pub p_value: f64,
}

impl Paired {
    /// Whether the 95% interval of the difference leaves out 0.
    pub fn is_significant(&self) -> bool {
        let Interval { low, high } = self.difference.interval;
        low > 0.0 || high < 0.0
    }
}

impl Bootstrap {
    /// Compares two systems by their scores on the same queries, in the same order: queries are drawn again with replacement,
    /// each with both its scores, so that what makes a query hard for both does not count as doubt (Efron and Tibshirani, "An
    /// Introduction to the Bootstrap", 1993; Koehn, "Statistical significance tests for machine translation evaluation", 2004).
    ///
    /// `None` for no queries, for lists of different lengths, and where a score is not a finite number. Without resamples, both
    /// bounds are the difference itself and `p_value` is 1.
    pub fn compare(&self, a: &[f64], b: &[f64]) -> Option<Paired> {
        let is_finite = |scores: &[f64]| scores.iter().all(|score| score.is_finite());
        if a.is_empty() || a.len() != b.len() || !is_finite(a) || !is_finite(b) {
            return None;
        }
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        let mut means = self.resampled_means(&differences);
        means.sort_unstable_by(f64::total_cmp);
        let value = mean(&differences);
        let interval = Interval {
            low: of_sorted(&means, 2.5).unwrap_or(value),
            high: of_sorted(&means, 97.5).unwrap_or(value),
        };
        let outcome = Outcome::of(&means);
        Some(Paired {
            n_queries: a.len(),
            a: mean(a),
            b: mean(b),
            difference: Estimate { value, interval },
            b_wins: outcome.b_wins(),
            p_value: outcome.p_value(),
        })
    }
}

/// How many resamples each side won.
struct Outcome {
    a: f64,
    b: f64,
    draws: f64,
}

impl Outcome {
    fn of(means: &[f64]) -> Outcome {
        let count = |won: &dyn Fn(f64) -> bool| means.iter().filter(|mean| won(**mean)).count();
        let (a, b) = (count(&|mean| mean < 0.0), count(&|mean| mean > 0.0));
        Outcome {
            a: a as f64,
            b: b as f64,
            draws: (means.len() - a - b) as f64,
        }
    }

    fn n(&self) -> f64 {
        self.a + self.b + self.draws
    }

    fn b_wins(&self) -> f64 {
        if self.n() == 0.0 {
            return 0.5;
        }
        (self.b + self.draws / 2.0) / self.n()
    }

    /// Twice the lesser tail. One is added above and below: with R resamples, nothing below 1 / R can be told (Davison and
    /// Hinkley, "Bootstrap Methods and their Application", 1997, chapter 4).
    fn p_value(&self) -> f64 {
        let tail = (self.a + self.draws).min(self.b + self.draws);
        (2.0 * (tail + 1.0) / (self.n() + 1.0)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;
    use proptest::prelude::*;

    #[test]
    fn nothing_to_compare_is_nothing() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.compare(&[], &[]), None);
        assert_eq!(bootstrap.compare(&[1.0], &[1.0, 0.0]), None);
        assert_eq!(bootstrap.compare(&[f64::NAN], &[1.0]), None);
        let none = Bootstrap {
            resamples: 0,
            seed: 1,
        };
        let found = none.compare(&[0.0, 1.0], &[1.0, 1.0]).unwrap();
        assert_eq!((found.b_wins, found.p_value), (0.5, 1.0));
        assert_eq!(
            found.difference.interval,
            Interval {
                low: 0.5,
                high: 0.5
            }
        );
    }

    #[test]
    fn equal_systems_are_a_draw() {
        let scores = [0.0, 1.0, 0.5];
        let found = Bootstrap::default().compare(&scores, &scores).unwrap();
        assert_eq!((found.b_wins, found.p_value), (0.5, 1.0));
        assert_eq!(found.difference.value, 0.0);
        assert!(!found.is_significant());
    }

    /// Queries differ far more than the systems do: side by side nothing could be told, query by query it is plain.
    #[test]
    fn pairs_show_what_intervals_side_by_side_hide() {
        let mut random = SplitMix64::new(3);
        let a: Vec<f64> = (0..200)
            .map(|_| random.below(900) as f64 / 1_000.0)
            .collect();
        let b: Vec<f64> = a
            .iter()
            .map(|a| a + random.below(20) as f64 / 1_000.0)
            .collect();
        let bootstrap = Bootstrap::default();
        assert!(bootstrap.mean(&a).high > bootstrap.mean(&b).low);
        let found = bootstrap.compare(&a, &b).unwrap();
        assert!(found.is_significant() && found.p_value < 0.002, "{found:?}");
        assert_eq!(found.b_wins, 1.0);
    }

    /// Of two systems that are equally good, about one comparison in twenty says otherwise.
    #[test]
    fn equal_systems_seldom_differ() {
        let mut random = SplitMix64::new(11);
        let mut scores = || -> Vec<f64> {
            let hit = |_| f64::from(u8::from(random.below(100) < 40));
            (0..150).map(hit).collect()
        };
        let differ = (0..400)
            .filter(|&seed| {
                let bootstrap = Bootstrap {
                    resamples: 400,
                    seed,
                };
                bootstrap
                    .compare(&scores(), &scores())
                    .unwrap()
                    .is_significant()
            })
            .count();
        assert!((4..=40).contains(&differ), "{differ} of 400");
    }

    fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 1..60)
    }

    proptest! {
        #[test]
        fn is_the_bootstrap_of_the_differences(pairs in pairs(), seed in any::<u64>()) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
            let bootstrap = Bootstrap { resamples: 60, seed };
            let found = bootstrap.compare(&a, &b).unwrap();
            prop_assert_eq!(found.difference.interval, bootstrap.mean(&differences));
            prop_assert!((found.b - found.a - found.difference.value).abs() < 1e-12);
            prop_assert_eq!(bootstrap.compare(&a, &b), Some(found));
        }

        #[test]
        fn exchanging_the_systems_turns_everything_round(pairs in pairs(), seed in any::<u64>()) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let bootstrap = Bootstrap { resamples: 60, seed };
            let (found, turned) = (bootstrap.compare(&a, &b).unwrap(), bootstrap.compare(&b, &a).unwrap());
            prop_assert!((found.b_wins + turned.b_wins - 1.0).abs() < 1e-12);
            prop_assert_eq!(found.p_value, turned.p_value);
            prop_assert!((0.0..=1.0).contains(&found.p_value) && found.p_value > 0.0);
            let (here, there) = (found.difference.interval, turned.difference.interval);
            prop_assert!((here.low + there.high).abs() < 1e-9 && here.low <= here.high);
        }
    }
}
