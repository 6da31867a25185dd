//! How much two rankings of the same things agree.

/// Kendall's tau ("A New Measure of Rank Correlation", 1938) over the things that both lists have: the share of pairs in the
/// same order less the share in the other. -1 to 1; `None` where they have less than two in common.
pub fn kendall_tau<T: PartialEq>(left: &[T], right: &[T]) -> Option<f64> {
    let place = |thing: &T| right.iter().position(|other| other == thing);
    let places: Vec<usize> = left.iter().filter_map(place).collect();
    let (mut same, mut all) = (0i64, 0i64);
    for (at, first) in places.iter().enumerate() {
        for second in &places[at + 1..] {
            same += if first < second { 1 } else { -1 };
            all += 1;
        }
    }
    (all > 0).then(|| same as f64 / all as f64)
}

/// Share of the things in `wanted` that `found` has too, 0 to 1; 1 where nothing is wanted.
pub fn overlap<T: PartialEq>(wanted: &[T], found: &[T]) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    let both = wanted.iter().filter(|thing| found.contains(thing)).count();
    both as f64 / wanted.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_agree_and_do_not() {
        assert_eq!(kendall_tau(&[1, 2, 3], &[1, 2, 3]), Some(1.0));
        assert_eq!(kendall_tau(&[1, 2, 3], &[3, 2, 1]), Some(-1.0));
        // Two of three pairs stand in the same order.
        assert_eq!(kendall_tau(&[1, 2, 3], &[2, 1, 3]), Some(1.0 / 3.0));
        // What only one has counts nothing.
        assert_eq!(kendall_tau(&[1, 9, 2], &[1, 2, 8]), Some(1.0));
        assert_eq!(kendall_tau(&[1, 9], &[1, 8]), None);
        assert_eq!(overlap(&[1, 2, 3, 4], &[4, 2, 7]), 0.5);
        assert_eq!(overlap::<u8>(&[], &[1]), 1.0);
    }
}
