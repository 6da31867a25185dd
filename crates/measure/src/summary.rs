//! The summaries that commands print: plain values with public fields.

use crate::confidence::{Bootstrap, Interval};
use crate::percentile::of_sorted;
use crate::retrieval::{Rank, found_by, mean, reciprocal, scored};

/// A value with its 95% confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// What was measured.
    pub value: f64,
    /// Where it lies with 95% confidence.
    pub interval: Interval,
}

/// Retrieval quality of one set of queries.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// How many queries were asked.
    pub n_queries: usize,
    /// Share with a hit in first place.
    pub recall_at_1: Estimate,
    /// Share with a hit among the first five.
    pub recall_at_5: Estimate,
    /// Share with a hit among the first ten.
    pub recall_at_10: Estimate,
    /// Mean reciprocal rank of the first hit.
    pub mrr: Estimate,
}

impl Retrieval {
    /// Summarises one rank for each query.
    pub fn of(ranks: &[Rank], bootstrap: &Bootstrap) -> Self {
        let estimate = |score: &dyn Fn(Rank) -> f64| {
            let scores = scored(ranks, score);
            Estimate {
                value: mean(&scores),
                interval: bootstrap.mean(&scores),
            }
        };
        Self {
            n_queries: ranks.len(),
            recall_at_1: estimate(&|rank| found_by(rank, 1)),
            recall_at_5: estimate(&|rank| found_by(rank, 5)),
            recall_at_10: estimate(&|rank| found_by(rank, 10)),
            mrr: estimate(&reciprocal),
        }
    }
}

/// How long one kind of operation took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// How many were timed.
    pub n: usize,
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile: with fewer than a hundred samples, close to the maximum.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    /// Summarises times in milliseconds; `None` for no times, or when one is
    /// not a number.
    pub fn of(times_ms: &[f64]) -> Option<Self> {
        if times_ms.iter().any(|time| time.is_nan()) {
            return None;
        }
        let mut sorted = times_ms.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self {
            n: sorted.len(),
            mean_ms: mean(&sorted),
            p50_ms: of_sorted(&sorted, 50.0)?,
            p95_ms: of_sorted(&sorted, 95.0)?,
            p99_ms: of_sorted(&sorted, 99.0)?,
            max_ms: *sorted.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mrr, percentile, recall_at};
    use proptest::prelude::*;

    #[test]
    fn latency_of_a_hundred_times() {
        let times: Vec<f64> = (1..=101).rev().map(f64::from).collect();
        let found = Latency::of(&times).unwrap();
        let expect = Latency {
            n: 101,
            mean_ms: 51.0,
            p50_ms: 51.0,
            p95_ms: 96.0,
            p99_ms: 100.0,
            max_ms: 101.0,
        };
        assert_eq!(found, expect);
        assert_eq!(Latency::of(&[]), None);
        assert_eq!(Latency::of(&[1.0, f64::NAN]), None);
    }

    fn ranks() -> impl Strategy<Value = Vec<Rank>> {
        prop::collection::vec(prop::option::weighted(0.7, 1_u32..30), 0..80)
    }

    /// A twin that counts with a loop instead of averaging scores.
    fn counted_recall(ranks: &[Rank], k: u32) -> f64 {
        let mut hits = 0;
        for rank in ranks.iter().flatten() {
            if *rank <= k {
                hits += 1;
            }
        }
        if ranks.is_empty() {
            0.0
        } else {
            f64::from(hits) / ranks.len() as f64
        }
    }

    proptest! {
        #[test]
        fn retrieval_equals_the_plain_functions(ranks in ranks()) {
            let few = Bootstrap { resamples: 20, ..Bootstrap::default() };
            let found = Retrieval::of(&ranks, &few);
            prop_assert_eq!(found.n_queries, ranks.len());
            for (k, estimate) in
                [(1, found.recall_at_1), (5, found.recall_at_5), (10, found.recall_at_10)]
            {
                prop_assert_eq!(estimate.value, recall_at(&ranks, k));
                prop_assert!((estimate.value - counted_recall(&ranks, k)).abs() < 1e-12);
            }
            prop_assert_eq!(found.mrr.value, mrr(&ranks));
        }

        #[test]
        fn measures_order_as_they_must(ranks in ranks()) {
            let [r1, r5, r10] = [1, 5, 10].map(|k| recall_at(&ranks, k));
            let mrr = mrr(&ranks);
            prop_assert!(r1 <= r5 && r5 <= r10);
            prop_assert!(r1 <= mrr + 1e-12);
            // Hits below rank 10 are worth at most 1/11 each.
            prop_assert!(mrr <= r10 + (1.0 - r10) / 11.0 + 1e-12);
        }

        #[test]
        fn latency_equals_the_public_percentiles(
            times in prop::collection::vec(0.0..1e4_f64, 1..200),
        ) {
            let found = Latency::of(&times).unwrap();
            prop_assert_eq!(Some(found.p50_ms), percentile(&times, 50.0));
            prop_assert_eq!(Some(found.p99_ms), percentile(&times, 99.0));
            prop_assert!(found.p50_ms <= found.p95_ms && found.p99_ms <= found.max_ms);
        }
    }
}
