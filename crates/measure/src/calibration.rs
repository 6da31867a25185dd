/// How well a number tells two kinds apart: the probability that one of the first kind has a greater number than one of the
/// second, equals counting half (the area under the ROC curve, Hanley and McNeil 1982). `None` where a kind has none.
pub fn auc(greater: &[f64], less: &[f64]) -> Option<f64> {
    let mut all: Vec<(f64, bool)> = greater.iter().map(|x| (*x, true)).collect();
    all.extend(less.iter().map(|x| (*x, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n, m) = (greater.len() as f64, less.len() as f64);
    let mut ranks = 0.0;
    let mut at = 0;
    while at < all.len() {
        let end = at
            + all[at..]
                .iter()
                .take_while(|one| one.0 == all[at].0)
                .count();
        // Equals share the mean of their ranks, which begin at one.
        let rank = (at + 1 + end) as f64 / 2.0;
        ranks += rank * all[at..end].iter().filter(|one| one.1).count() as f64;
        at = end;
    }
    (n > 0.0 && m > 0.0).then(|| (ranks - n * (n + 1.0) / 2.0) / (n * m))
}

/// How far stated probabilities are from what happens: over bins of equal width, the mean distance of the mean probability
/// from the share that happened, each bin with its weight (expected calibration error, Naeini et al. 2015).
pub fn calibration_error(stated: &[f64], happened: &[bool], bins: usize) -> Option<f64> {
    let mut sums = vec![(0.0, 0.0, 0.0); bins.max(1)];
    for (p, outcome) in stated.iter().zip(happened) {
        let bin = ((p * bins as f64) as usize).min(sums.len() - 1);
        sums[bin].0 += 1.0;
        sums[bin].1 += p;
        sums[bin].2 += f64::from(u8::from(*outcome));
    }
    let n: f64 = sums.iter().map(|sum| sum.0).sum();
    let error: f64 = sums
        .iter()
        .map(|(_, stated, came)| (stated - came).abs())
        .sum();
    (n > 0.0).then(|| error / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs() {
        assert_eq!(auc(&[2.0, 3.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(auc(&[0.0], &[1.0]), Some(0.0));
        assert_eq!(auc(&[1.0, 1.0], &[1.0]), Some(0.5));
        assert_eq!(auc(&[1.0, 3.0], &[2.0, 0.0]), Some(0.75));
        assert_eq!(auc(&[], &[1.0]), None);
    }

    #[test]
    fn true_probabilities_have_no_error() {
        let stated = [0.25, 0.25, 0.25, 0.25, 0.95];
        let happened = [true, false, false, false, true];
        let error = calibration_error(&stated, &happened, 10).unwrap();
        assert!((error - 0.01).abs() < 1e-12, "{error}");
        assert_eq!(calibration_error(&[1.0], &[false], 10), Some(1.0));
        assert_eq!(calibration_error(&[], &[], 10), None);
    }
}
