//! Order statistics of measured samples.

/// The `p`-th percentile, `p` from 0 to 100, by linear interpolation between
/// the two nearest order statistics (Hyndman and Fan, "Sample Quantiles in
/// Statistical Packages", 1996, type 7: what NumPy does by default).
///
/// `None` for no samples, and when a sample or `p` is not a number. `p`
/// outside its range is taken as the nearer end.
pub fn percentile(samples: &[f64], p: f64) -> Option<f64> {
    if p.is_nan() || samples.iter().any(|sample| sample.is_nan()) {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    of_sorted(&sorted, p)
}

/// The 50th percentile: the middle sample, or halfway between the two middle ones.
pub fn median(samples: &[f64]) -> Option<f64> {
    percentile(samples, 50.0)
}

/// [`percentile`] of samples that are already sorted and hold no NaN.
pub(crate) fn of_sorted(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let share = position - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(samples: &[f64], p: f64, expect: Option<f64>) {
        assert_eq!(percentile(samples, p), expect, "p{p} of {samples:?}");
    }

    #[test]
    fn worked_by_hand() {
        check(&[], 50.0, None);
        check(&[3.0], 99.0, Some(3.0));
        check(&[4.0, 1.0, 3.0, 2.0], 50.0, Some(2.5));
        check(&[4.0, 1.0, 3.0, 2.0], 0.0, Some(1.0));
        check(&[4.0, 1.0, 3.0, 2.0], 100.0, Some(4.0));
        check(&[4.0, 1.0, 3.0, 2.0], 1e9, Some(4.0));
        check(&[4.0, 1.0, 3.0, 2.0], -1.0, Some(1.0));
        check(&[10.0, 20.0], 25.0, Some(12.5));
        check(&[1.0, f64::NAN], 50.0, None);
        check(&[1.0], f64::NAN, None);
    }

    proptest! {
        /// The defining property: as many samples at or below it as `p` asks
        /// for, and as many at or above it as are left.
        #[test]
        fn splits_the_samples(
            samples in prop::collection::vec(-1e6..1e6_f64, 1..200),
            p in 0.0..=100.0_f64,
        ) {
            let found = percentile(&samples, p).unwrap();
            let steps = p / 100.0 * (samples.len() - 1) as f64;
            let at_or_below = samples.iter().filter(|&&s| s <= found + 1e-6).count();
            let at_or_above = samples.iter().filter(|&&s| s >= found - 1e-6).count();
            prop_assert!(at_or_below as f64 >= steps.floor() + 1.0);
            prop_assert!(at_or_above as f64 >= samples.len() as f64 - steps.ceil());
        }

        #[test]
        fn grows_with_p_and_ignores_order(
            mut samples in prop::collection::vec(-1e6..1e6_f64, 1..100),
            p in 0.0..=99.0_f64,
        ) {
            let low = percentile(&samples, p).unwrap();
            prop_assert!(low <= percentile(&samples, p + 1.0).unwrap());
            samples.reverse();
            prop_assert_eq!(percentile(&samples, p).unwrap(), low);
        }
    }
}
