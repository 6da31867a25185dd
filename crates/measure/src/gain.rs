//! Discounted cumulative gain: what a ranked list is worth where some answers are better than others.

/// The discounted cumulative gain of the first `k` answers (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
/// techniques", 2002): the gain of the answer at rank r, counted from 1, divided by log2(1 + r).
///
/// The discount is the one that the field settled on (Burges et al. 2005); the paper's own leaves rank 2 whole. Gains are
/// taken as they are: for grades where only the best matter much, hand in [`graded_gain`] of each. Gains below 0, and those
/// that are not numbers, count as 0.
pub fn dcg_at(gains: &[f64], k: usize) -> f64 {
    let discounted = |(above, gain): (usize, &f64)| gain.max(0.0) / (above as f64 + 2.0).log2();
    gains.iter().take(k).enumerate().map(discounted).sum()
}

/// [`dcg_at`] divided by that of the best list there could have been: nDCG@k, from 0 to 1.
///
/// `gains` stand in the order of the answers; `judged` are the gains of everything that could have been found, in any order:
/// an answer that never came back still belongs there, or a list that misses it would look perfect. 0 where nothing judged has
/// a gain, as trec_eval counts it.
pub fn ndcg_at(gains: &[f64], judged: &[f64], k: usize) -> f64 {
    let mut best: Vec<f64> = judged.iter().map(|gain| gain.max(0.0)).collect();
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    share_of(dcg_at(gains, k), dcg_at(&best, k))
}

/// nDCG@k where an answer is right or wrong and `n_right` are right in the whole collection: [`ndcg_at`] with gains of 1 and 0.
pub fn binary_ndcg_at(is_right: &[bool], n_right: usize, k: usize) -> f64 {
    let gains: Vec<f64> = is_right
        .iter()
        .map(|right| f64::from(u8::from(*right)))
        .collect();
    let best = vec![1.0; n_right.min(k)];
    share_of(dcg_at(&gains, k), dcg_at(&best, k))
}

/// The gain of a grade, 2^grade - 1 (Burges et al., "Learning to rank using gradient descent", 2005).
pub fn graded_gain(grade: u32) -> f64 {
    f64::from(grade).exp2() - 1.0
}

/// Never above 1: a list that holds more than was judged is as good as can be told.
fn share_of(found: f64, best: f64) -> f64 {
    if best > 0.0 {
        (found / best).min(1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(found: f64, expect: f64) {
        assert!((found - expect).abs() < 1e-9, "{found}, expected {expect}");
    }

    #[test]
    fn worked_by_hand() {
        // The example that Wikipedia works through: grades 3 2 3 0 1 2, and 3 and 2 more that were not found.
        let gains = [3.0, 2.0, 3.0, 0.0, 1.0, 2.0];
        let judged = [3.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 2.0];
        check(dcg_at(&gains, 6), 6.861_126_688_593_502);
        check(ndcg_at(&gains, &judged, 6), 0.785_002_371_969_948);
        check(dcg_at(&gains, 1), 3.0);
        check(dcg_at(&[1.0, f64::NAN, -5.0], 3), 1.0);
        check(graded_gain(3), 7.0);
    }

    #[test]
    fn lists_without_an_answer_are_worth_nothing() {
        check(ndcg_at(&[], &[1.0], 10), 0.0);
        check(ndcg_at(&[0.0], &[0.0], 10), 0.0);
        check(ndcg_at(&[1.0], &[1.0], 0), 0.0);
        check(binary_ndcg_at(&[false, false], 0, 10), 0.0);
        check(binary_ndcg_at(&[true], 0, 10), 0.0);
    }

    #[test]
    fn one_right_answer_counts_by_its_place() {
        for (at, expect) in [(0, 1.0), (1, 0.630_929_753_571_457_4), (2, 0.5)] {
            let is_right: Vec<bool> = (0..3).map(|place| place == at).collect();
            check(binary_ndcg_at(&is_right, 1, 10), expect);
        }
        check(binary_ndcg_at(&[false, true], 1, 1), 0.0);
    }

    fn gains() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((0_u32..5).prop_map(f64::from), 0..40)
    }

    proptest! {
        #[test]
        fn stays_between_nothing_and_the_best_order(gains in gains(), k in 0_usize..50) {
            let found = ndcg_at(&gains, &gains, k);
            prop_assert!((0.0..=1.0).contains(&found));
            let mut sorted = gains.clone();
            sorted.sort_unstable_by(|a, b| b.total_cmp(a));
            let best = ndcg_at(&sorted, &gains, k);
            prop_assert!(found <= best + 1e-12);
            let has_gain = k > 0 && gains.iter().any(|gain| *gain > 0.0);
            prop_assert!((best - f64::from(u8::from(has_gain))).abs() < 1e-12);
        }

        /// Raising a better answer above a worse one never costs anything.
        #[test]
        fn grows_when_a_better_answer_rises(
            gains in prop::collection::vec((0_u32..5).prop_map(f64::from), 2..40),
            at in any::<prop::sample::Index>(),
            k in 1_usize..50,
        ) {
            let at = at.index(gains.len() - 1);
            let (mut better, mut worse) = (gains.clone(), gains);
            better[at..at + 2].sort_unstable_by(|a, b| b.total_cmp(a));
            worse[at..at + 2].sort_unstable_by(f64::total_cmp);
            prop_assert!(ndcg_at(&better, &better, k) >= ndcg_at(&worse, &better, k) - 1e-12);
        }

        #[test]
        fn binary_equals_graded_with_ones(
            is_right in prop::collection::vec(any::<bool>(), 0..40),
            missed in 0_usize..5,
            k in 0_usize..50,
        ) {
            let gains: Vec<f64> = is_right.iter().map(|right| f64::from(u8::from(*right))).collect();
            let judged: Vec<f64> = gains.iter().copied().chain(vec![1.0; missed]).collect();
            let n_right = is_right.iter().filter(|right| **right).count() + missed;
            let (binary, graded) = (binary_ndcg_at(&is_right, n_right, k), ndcg_at(&gains, &judged, k));
            prop_assert!((binary - graded).abs() < 1e-12, "{} {}", binary, graded);
        }
    }
}
