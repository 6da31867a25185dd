//! Retrieval quality of each part of a set of queries: by language, by folder, by source.

use std::collections::BTreeMap;

use crate::confidence::Bootstrap;
use crate::retrieval::Rank;
use crate::summary::Retrieval;

/// One summary for each key, in the order of the keys. A mean over all queries hides a language that nobody can search in.
///
/// Every group is drawn again from the same seed, so that a group's interval does not depend on what else was asked.
pub fn by_group<K: Ord>(
    queries: impl IntoIterator<Item = (K, Rank)>,
    bootstrap: &Bootstrap,
) -> BTreeMap<K, Retrieval> {
    let mut ranks: BTreeMap<K, Vec<Rank>> = BTreeMap::new();
    for (key, rank) in queries {
        ranks.entry(key).or_default().push(rank);
    }
    let summary = |(key, ranks): (K, Vec<Rank>)| (key, Retrieval::of(&ranks, bootstrap));
    ranks.into_iter().map(summary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_language_has_its_own_recall() {
        let queries = [
            ("zh", None),
            ("en", Some(1)),
            ("zh", Some(3)),
            ("en", Some(1)),
        ];
        let found = by_group(queries, &Bootstrap::default());
        let recalls: Vec<_> = found
            .iter()
            .map(|(name, one)| {
                (
                    *name,
                    one.n_queries,
                    one.recall_at_1.value,
                    one.recall_at_5.value,
                )
            })
            .collect();
        assert_eq!(recalls, [("en", 2, 1.0, 1.0), ("zh", 2, 0.0, 0.5)]);
        assert!(by_group::<&str>([], &Bootstrap::default()).is_empty());
    }

    proptest! {
        /// Filtering by hand and summarising gives each group; weighted by queries, the groups give the whole.
        #[test]
        fn equals_filtering_by_hand(
            queries in prop::collection::vec((0_u8..4, prop::option::of(1_u32..20)), 1..60),
        ) {
            let few = Bootstrap { resamples: 20, ..Bootstrap::default() };
            let found = by_group(queries.iter().copied(), &few);
            let mut sum = 0.0;
            for (key, summary) in &found {
                let of_key = queries.iter().filter(|query| query.0 == *key);
                let ranks: Vec<Rank> = of_key.map(|query| query.1).collect();
                prop_assert_eq!(summary, &Retrieval::of(&ranks, &few));
                sum += summary.mrr.value * ranks.len() as f64;
            }
            let all: Vec<Rank> = queries.iter().map(|query| query.1).collect();
            prop_assert!((sum / all.len() as f64 - crate::mrr(&all)).abs() < 1e-12);
        }
    }
}
