//! Several packs over one collection answer together.
//!
//! Cosines of two encoders are no numbers of one scale, ranks are: an item scores the sum of `1 / (60 + rank)` over the lists of all
//! packs (reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, whose constant is 60). What one pack sees and another
//! does not comes to the front that way, and what both see stands first.

use std::collections::HashMap;
use std::time::Instant;

use fovea_vectordb::{ItemId, Metric};

use crate::Engine;
use crate::error::Error;
use crate::query::Plan;
use crate::search::{Ranked, SearchOptions, SearchResults, best_first, describe};

/// The paper's constant: how little the first places count more than those after them.
const CONSTANT: f32 = 60.0;
/// Places of each list that count, at least: an item below scores less than a quarter of a first place in another.
const DEPTH: usize = 200;

/// Where an item stands in the list of one pack.
#[derive(Clone, Debug, PartialEq)]
pub struct PackRank {
    /// Name of the pack.
    pub pack: String,
    /// From 1.
    pub rank: usize,
    /// In that list.
    pub score: f32,
}

impl PackRank {
    /// What this place gives to the fused score.
    pub fn share(&self) -> f32 {
        1.0 / (CONSTANT + self.rank as f32)
    }
}

/// The places of each item, in the order of the packs.
type Places = HashMap<ItemId, Vec<PackRank>>;

/// One list of several packs.
#[derive(Clone, Debug)]
pub struct Fused {
    /// Their scores are sums of reciprocal ranks.
    pub results: SearchResults,
    /// Of each result its places, in the order of the packs; it may stand in the list of one alone.
    pub places: HashMap<ItemId, Vec<PackRank>>,
}

/// An item in the fused list.
#[derive(Clone, Debug, PartialEq)]
pub struct FusedPlace {
    /// From 1.
    pub rank: usize,
    pub score: f32,
    pub places: Vec<PackRank>,
}

impl Engine {
    /// Searches with this pack and with those of `others`, which are over the same collection. Options that judge, cut, group or
    /// page a list are of one pack's scores, and count for nothing here.
    pub fn search_with(
        &self,
        others: &[Engine],
        plan: &Plan,
        options: &SearchOptions,
    ) -> Result<Fused, Error> {
        let started = Instant::now();
        let (mut ranked, places) = self.fused(others, plan, options)?;
        ranked.truncate(options.top_k);
        let results = describe(self.database(), ranked, Metric::Cosine, started)?;
        Ok(Fused { results, places })
    }

    /// Where an item stands in the fused list; nothing where no pack has it among those of its list that count.
    pub fn fused_place(
        &self,
        others: &[Engine],
        plan: &Plan,
        options: &SearchOptions,
        item: ItemId,
    ) -> Result<Option<FusedPlace>, Error> {
        let (ranked, mut places) = self.fused(others, plan, options)?;
        let at = ranked.iter().position(|one| one.item == item);
        Ok(at.map(|at| FusedPlace {
            rank: at + 1,
            score: ranked[at].score.unwrap_or_default(),
            places: places.remove(&item).unwrap_or_default(),
        }))
    }

    fn fused(
        &self,
        others: &[Engine],
        plan: &Plan,
        options: &SearchOptions,
    ) -> Result<(Vec<Ranked>, Places), Error> {
        let plain = SearchOptions {
            top_k: options.top_k.max(DEPTH),
            filter: options.filter.clone(),
            spaces: options.spaces,
            region: options.region,
            parts: options.parts,
            keyword_weight: options.keyword_weight,
            ..SearchOptions::default()
        };
        let mut lists = Vec::new();
        for engine in std::iter::once(self).chain(others) {
            let list = engine.rank(plan, &plain)?;
            lists.push((engine.encoder().spec().name.clone(), list));
        }
        Ok(fuse(lists))
    }
}

/// One list, the best first, with the places that each item has in the others.
fn fuse(lists: Vec<(String, Vec<Ranked>)>) -> (Vec<Ranked>, Places) {
    let mut by_item: HashMap<ItemId, Ranked> = HashMap::new();
    let mut places = Places::new();
    for (pack, list) in lists {
        for (at, one) in list.into_iter().enumerate() {
            places.entry(one.item).or_default().push(PackRank {
                pack: pack.clone(),
                rank: at + 1,
                score: one.score.unwrap_or_default(),
            });
            // Cosines and the part that matched are those of the first pack that found it.
            by_item.entry(one.item).or_insert(one);
        }
    }
    let mut ranked: Vec<Ranked> = by_item.into_values().collect();
    for one in &mut ranked {
        let shares = places[&one.item].iter().map(PackRank::share);
        one.score = Some(shares.sum());
    }
    ranked.sort_by(best_first);
    (ranked, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, items: &[i64]) -> (String, Vec<Ranked>) {
        let item = |at: &i64| Ranked::unscored(ItemId::new(*at).unwrap());
        (name.to_owned(), items.iter().map(item).collect())
    }

    #[test]
    fn what_stands_in_both_lists_comes_first() {
        let (ranked, places) = fuse(vec![list("a", &[1, 2, 3]), list("b", &[4, 3])]);
        let order: Vec<i64> = ranked.iter().map(|one| one.item.get()).collect();
        // 1/63 + 1/62, then 1/61 twice by rising id, then 1/62.
        assert_eq!(order, [3, 1, 4, 2]);
        let score = ranked[0].score.unwrap();
        assert!((score - (1.0 / 63.0 + 1.0 / 62.0)).abs() < 1e-7, "{score}");
        let of_third = &places[&ItemId::new(3).unwrap()];
        let of_third: Vec<_> = of_third
            .iter()
            .map(|one| (&one.pack[..], one.rank))
            .collect();
        assert_eq!(of_third, [("a", 3), ("b", 2)]);
        assert_eq!(places[&ItemId::new(4).unwrap()].len(), 1);
    }

    #[test]
    fn one_list_keeps_its_order() {
        let (ranked, _) = fuse(vec![list("a", &[7, 3, 5])]);
        let order: Vec<i64> = ranked.iter().map(|one| one.item.get()).collect();
        assert_eq!(order, [7, 3, 5]);
    }
}
