//! Retrieval quality from the rank of each query's first hit.
//!
//! Every measure here is a mean over queries of a score between 0 and 1, which
//! is what lets one bootstrap serve them all (see `confidence`).

/// The place of a query's first hit in its results, counted from 1; `None`
/// when no hit came back at all.
pub type Rank = Option<u32>;

/// Share of queries whose first hit stands at rank `k` or better: R@k, also
/// called success@k or hit rate. Between 0 and 1; 0 for no queries.
pub fn recall_at(ranks: &[Rank], k: u32) -> f64 {
    mean(&scored(ranks, |rank| found_by(rank, k)))
}

/// Mean reciprocal rank (Voorhees, "The TREC-8 Question Answering Track
/// Report", 1999): a hit at rank r counts 1/r, no hit counts 0. Between 0 and
/// 1; 0 for no queries.
pub fn mrr(ranks: &[Rank]) -> f64 {
    mean(&scored(ranks, reciprocal))
}

/// Average precision of a ranked list (Salton and McGill, "Introduction to
/// Modern Information Retrieval", 1983): the mean, over the right answers in
/// it, of the share of right ones down to each. Between 0 and 1; 0 where
/// nothing is right.
pub fn average_precision(is_right: &[bool]) -> f64 {
    let mut precisions = Vec::new();
    for (above, _) in is_right.iter().enumerate().filter(|(_, right)| **right) {
        let right = precisions.len() + 1;
        precisions.push(right as f64 / (above + 1) as f64);
    }
    mean(&precisions)
}

/// Average precision where the list was cut and `n_right` are right in the whole collection, as trec_eval counts it: a right
/// answer that did not come back counts 0, while [`average_precision`] asks only of those that did. Between 0 and 1.
pub fn average_precision_of(is_right: &[bool], n_right: usize) -> f64 {
    let found = is_right.iter().filter(|right| **right).count();
    if found == 0 {
        return 0.0;
    }
    average_precision(is_right) * found as f64 / n_right.max(found) as f64
}

/// Mean average precision: the mean of [`average_precision`] over queries, each a list of answers, best first, that holds all
/// the right ones. Between 0 and 1; 0 for no queries.
pub fn mean_average_precision(queries: &[impl AsRef<[bool]>]) -> f64 {
    let precision = |query| average_precision(AsRef::as_ref(query));
    mean(&queries.iter().map(precision).collect::<Vec<f64>>())
}

/// 1/r for a hit at rank r, 0 without one. A rank of 0, which no result list
/// has, counts as no hit rather than as infinity.
pub fn reciprocal(rank: Rank) -> f64 {
    match rank {
        Some(rank) if rank > 0 => 1.0 / f64::from(rank),
        _ => 0.0,
    }
}

/// One score for each query, in the order of the queries.
pub fn scored(ranks: &[Rank], score: impl Fn(Rank) -> f64) -> Vec<f64> {
    ranks.iter().map(|&rank| score(rank)).collect()
}

/// 1 when the hit stands at rank `k` or better, otherwise 0.
pub(crate) fn found_by(rank: Rank, k: u32) -> f64 {
    f64::from(u8::from(rank.is_some_and(|rank| (1..=k).contains(&rank))))
}

/// Arithmetic mean; 0 of nothing, since a share of no queries is shown as 0.
pub(crate) fn mean(scores: &[f64]) -> f64 {
    if scores.is_empty() {
        return 0.0;
    }
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranks: &[Rank], expect_recall_1_5_10: [f64; 3], expect_mrr: f64) {
        let recall = [1, 5, 10].map(|k| recall_at(ranks, k));
        assert_eq!(recall, expect_recall_1_5_10, "recall of {ranks:?}");
        let found = mrr(ranks);
        assert!((found - expect_mrr).abs() < 1e-12, "mrr {found}");
    }

    #[test]
    fn average_precision_worked_by_hand() {
        for (is_right, expect) in [
            (vec![], 0.0),
            (vec![false, false], 0.0),
            (vec![true, true, false], 1.0),
            (vec![true, false, true, false], (1.0 + 2.0 / 3.0) / 2.0),
            (vec![false, false, true], 1.0 / 3.0),
        ] {
            let found = average_precision(&is_right);
            assert!((found - expect).abs() < 1e-12, "{found} of {is_right:?}");
        }
    }

    #[test]
    fn mean_average_precision_worked_by_hand() {
        let queries = [vec![true, false, true], vec![false, true], vec![]];
        let expect = ((1.0 + 2.0 / 3.0) / 2.0 + 0.5) / 3.0;
        assert!((mean_average_precision(&queries) - expect).abs() < 1e-12);
        assert_eq!(mean_average_precision(&[] as &[Vec<bool>]), 0.0);
    }

    #[test]
    fn what_did_not_come_back_counts() {
        assert_eq!(average_precision_of(&[true, false], 4), 0.25);
        assert_eq!(average_precision_of(&[true, true], 1), 1.0);
        assert_eq!(average_precision_of(&[false], 0), 0.0);
    }

    #[test]
    fn worked_by_hand() {
        check(&[], [0.0; 3], 0.0);
        check(&[None], [0.0; 3], 0.0);
        check(&[Some(1)], [1.0; 3], 1.0);
        check(&[Some(0)], [0.0; 3], 0.0);
        check(
            &[Some(1), Some(2), Some(6), None],
            [0.25, 0.5, 0.75],
            (1.0 + 0.5 + 1.0 / 6.0) / 4.0,
        );
        check(
            &[Some(10), Some(11)],
            [0.0, 0.0, 0.5],
            (0.1 + 1.0 / 11.0) / 2.0,
        );
    }
}
