//! How sure a mean or a share is: percentile bootstrap and Wilson's interval.

use crate::percentile::of_sorted;
use crate::random::SplitMix64;
use crate::retrieval::mean;

/// The bounds of a 95% confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound, never below `low`.
    pub high: f64,
}

/// A percentile bootstrap of the mean (Efron and Tibshirani, "An Introduction
/// to the Bootstrap", 1993, chapter 13): draw as many scores as there are, with
/// replacement, many times; the middle 95% of the means is the interval.
///
/// It says how much the value would move with *another sample of queries* like
/// these. It says nothing of another kind of query or another set of images.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// How often the scores are drawn again. With 2,000 the bounds themselves
    /// move by well under a tenth of the interval's width.
    pub resamples: u32,
    /// The same seed and scores give the same interval, bit for bit.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 2_000,
            seed: 20_261_122,
        }
    }
}

impl Bootstrap {
    /// The 95% interval of the mean of `scores`, one score for each query. For
    /// no scores, or no resamples, both bounds are the mean itself.
    pub fn mean(&self, scores: &[f64]) -> Interval {
        let mut means = self.resampled_means(scores);
        means.sort_unstable_by(f64::total_cmp);
        let point = mean(scores);
        Interval {
            low: of_sorted(&means, 2.5).unwrap_or(point),
            high: of_sorted(&means, 97.5).unwrap_or(point),
        }
    }

    /// The mean of each resample, in the order in which they are drawn.
    pub(crate) fn resampled_means(&self, scores: &[f64]) -> Vec<f64> {
        let n = scores.len();
        if n == 0 {
            return Vec::new();
        }
        let mut random = SplitMix64::new(self.seed);
        (0..self.resamples)
            .map(|_| (0..n).map(|_| scores[random.below(n)]).sum::<f64>() / n as f64)
            .collect()
    }
}

/// Wilson's 95% score interval for `hits` out of `trials` (Wilson, "Probable
/// Inference, the Law of Succession, and Statistical Inference", 1927).
///
/// Unlike the bootstrap it stays honest at 0 and at 1, where every resample
/// looks the same. For no trials it is everything from 0 to 1.
pub fn wilson(hits: u64, trials: u64) -> Interval {
    if trials == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    const Z: f64 = 1.959_963_984_540_054; // 97.5th percentile of the normal distribution
    let n = trials as f64;
    let share = hits.min(trials) as f64 / n;
    let shrink = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / shrink;
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / shrink;
    Interval {
        low: (centre - half).clamp(0.0, share),
        high: (centre + half).clamp(share, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::percentile;
    use proptest::prelude::*;

    fn check_wilson(hits: u64, trials: u64, expect: [f64; 2]) {
        let found = wilson(hits, trials);
        let close = |a: f64, b: f64| (a - b).abs() < 5e-4;
        assert!(
            close(found.low, expect[0]) && close(found.high, expect[1]),
            "{hits} of {trials}: {found:?}, expected {expect:?}"
        );
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe, "Two-sided confidence intervals for the single
        // proportion", 1998, table I, method 3.
        check_wilson(81, 263, [0.2553, 0.3662]);
        check_wilson(15, 148, [0.0624, 0.1605]);
        check_wilson(0, 20, [0.0, 0.1611]);
        check_wilson(1, 29, [0.0061, 0.1718]);
        check_wilson(0, 0, [0.0, 1.0]);
        check_wilson(7, 5, [0.5655, 1.0]);
    }

    #[test]
    fn nothing_to_resample_gives_the_mean() {
        let none = Bootstrap {
            resamples: 0,
            ..Bootstrap::default()
        };
        assert_eq!(
            none.mean(&[0.0, 1.0]),
            Interval {
                low: 0.5,
                high: 0.5
            }
        );
        let empty = Bootstrap::default().mean(&[]);
        assert_eq!(
            empty,
            Interval {
                low: 0.0,
                high: 0.0
            }
        );
    }

    #[test]
    fn agrees_with_the_normal_approximation_for_many_scores() {
        let scores: Vec<f64> = (0..4_000)
            .map(|i| f64::from(u8::from(i % 10 < 3)))
            .collect();
        let found = Bootstrap::default().mean(&scores);
        let half = 1.96 * (0.3 * 0.7 / 4_000.0_f64).sqrt();
        assert!((found.low - (0.3 - half)).abs() < 0.1 * half, "{found:?}");
        assert!((found.high - (0.3 + half)).abs() < 0.1 * half, "{found:?}");
    }

    #[test]
    fn holds_the_truth_about_nineteen_times_in_twenty() {
        let mut random = SplitMix64::new(5);
        let held = (0..400)
            .filter(|&seed| {
                let scores: Vec<f64> = (0..150)
                    .map(|_| f64::from(u8::from(random.below(100) < 40)))
                    .collect();
                let found = Bootstrap {
                    resamples: 400,
                    seed,
                }
                .mean(&scores);
                found.low <= 0.4 && 0.4 <= found.high
            })
            .count();
        assert!((360..=396).contains(&held), "{held} of 400");
    }

    /// The definition read aloud: whole resamples kept, sorted by the public
    /// percentile, in the order in which the numbers are drawn.
    fn naive(scores: &[f64], resamples: u32, seed: u64) -> Interval {
        let mut random = SplitMix64::new(seed);
        let mut means = Vec::new();
        for _ in 0..resamples {
            let mut drawn = Vec::new();
            while drawn.len() < scores.len() {
                drawn.push(scores[random.below(scores.len())]);
            }
            means.push(drawn.iter().sum::<f64>() / drawn.len() as f64);
        }
        let bound = |p| percentile(&means, p).unwrap();
        Interval {
            low: bound(2.5),
            high: bound(97.5),
        }
    }

    proptest! {
        #[test]
        fn equals_its_naive_twin(
            scores in prop::collection::vec(0.0..=1.0_f64, 1..60),
            resamples in 1_u32..80,
            seed in any::<u64>(),
        ) {
            let fast = Bootstrap { resamples, seed }.mean(&scores);
            prop_assert_eq!(fast, naive(&scores, resamples, seed));
        }

        #[test]
        fn stays_within_the_scores(
            scores in prop::collection::vec(0.0..=1.0_f64, 1..60),
            seed in any::<u64>(),
        ) {
            let found = Bootstrap { resamples: 50, seed }.mean(&scores);
            let lowest = scores.iter().copied().fold(1.0, f64::min);
            let highest = scores.iter().copied().fold(0.0, f64::max);
            prop_assert!(lowest - 1e-12 <= found.low);
            prop_assert!(found.low <= found.high);
            prop_assert!(found.high <= highest + 1e-12);
        }

        #[test]
        fn wilson_holds_the_share(hits in 0_u64..1_000, misses in 0_u64..1_000) {
            let trials = hits + misses;
            prop_assume!(trials > 0);
            let found = wilson(hits, trials);
            let share = hits as f64 / trials as f64;
            prop_assert!(0.0 <= found.low && found.low <= share);
            prop_assert!(share <= found.high && found.high <= 1.0);
            let mirrored = wilson(misses, trials);
            prop_assert!((found.low - (1.0 - mirrored.high)).abs() < 1e-9);
        }
    }
}
