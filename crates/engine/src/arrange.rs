//! The list that is shown of what was found: cut where matches end, put in order, made diverse, in groups, page by page.
//!
//! A page is cut out of the list from its start, so that the same question gives the same list however it is paged. How
//! much has to be found for a page is not known before: more is asked for until it is full.

use std::collections::{HashMap, HashSet};

use fovea_vectordb::{Filter, Item, ItemId, Listed, Order, Part};

use crate::background::dot;
use crate::cursor::{Cursor, Key, check_of};
use crate::error::Error;
use crate::metadata::{day_of_file, day_taken};
use crate::query::Plan;
use crate::search::{Asked, Nearest, Ranked, SearchOptions, Spaces};
use crate::{Engine, space};

/// Items of a list that is not in the order of relevance: so many of the best are put in its order.
const POOL: usize = 1_000;
/// Candidates for each result of a diverse list, and at least.
const DIVERSE: usize = 10;
const LEAST_DIVERSE: usize = 200;
/// Where so many stand in front for a few of the words alone, matches are looked for no further.
const PARTLY: usize = 200;
/// Items for each group at first.
const GROUPED: usize = 8;
/// Further down nobody looks for more groups.
const DEEPEST: usize = 65_536;
/// Cosine in the visual space from which on two pictures are shown as one, where the pack was not trained to see otherwise.
pub(crate) const ALIKE: f32 = 0.9;

/// What results are gathered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// The folder they lie in.
    Folder,
    /// The day they were taken.
    Day,
    /// How they look: near-duplicates and shots of one scene.
    Similar,
}

/// The part of a list that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub shown: Vec<Ranked>,
    /// Where the list was cut: the best of what is no match.
    pub below: Vec<Ranked>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// An item at its place in the list.
#[derive(Clone, Debug, PartialEq)]
struct Placed {
    one: Ranked,
    key: Key,
}

/// What was found, as far as it was looked at.
struct Found {
    list: Vec<Placed>,
    below: Vec<Ranked>,
    /// There is no more.
    is_all: bool,
}

impl Engine {
    pub(crate) fn page(
        &self,
        plan: &Plan,
        asked: &Asked,
        options: &SearchOptions,
    ) -> Result<Page, Error> {
        let check = check_of(plan, options, &self.encoder().spec().fingerprint);
        if let Some(after) = &options.after {
            after.belongs_to(check)?;
        }
        let mut depth = first_depth(asked, options);
        loop {
            let found = self.found(plan, asked, options, depth)?;
            let groups = self.groups(found.list, options.group)?;
            let is_all = found.is_all || depth >= DEEPEST;
            let rest = after(groups, options);
            if rest.len() > options.top_k || is_all {
                return Ok(cut_out(rest, found.below, options, check));
            }
            depth = depth.saturating_mul(4);
        }
    }

    /// The best `depth` items, in the order of the list.
    fn found(
        &self,
        plan: &Plan,
        asked: &Asked,
        options: &SearchOptions,
        depth: usize,
    ) -> Result<Found, Error> {
        if matches!(asked, Asked::Filters) {
            return self.filtered(plan, options, depth);
        }
        let deeper = SearchOptions {
            top_k: depth,
            ..options.clone()
        };
        let Nearest { mut ranked, seen } = self.find(plan, asked, &deeper)?;
        let mut is_all = ranked.len() < depth || is_bounded(options);
        let mut below = Vec::new();
        // What is written alone is found because it is written, whatever the picture looks like.
        if options.judge && options.spaces != Spaces::Keyword {
            let answered = match ranked.iter().any(|one| one.written.is_some()) {
                true => self.answered(asked, &seen)?,
                false => None,
            };
            self.draw_cut(asked, &mut ranked, options.cut, answered)?;
            if options.sort.is_some() && ranked.iter().all(|one| one.likelihood.is_none()) {
                // Where nothing can be judged, all would be matches: the best stay what is put in order.
                ranked.truncate(options.top_k);
            }
            if options.cut {
                let is_deep = ranked.len() > PARTLY;
                let ends = |last: &Ranked| last.ends_the_matches() || (is_deep && !last.above_cut);
                is_all |= ranked.last().is_none_or(ends);
                (ranked, below) = ranked.into_iter().partition(|one| one.above_cut);
                below.truncate(options.top_k);
            }
        }
        if let Some(threshold) = options.threshold {
            let is_enough = |one: &Ranked| one.score.is_none_or(|score| score >= threshold);
            is_all |= !ranked.last().is_none_or(is_enough);
            ranked.retain(is_enough);
        }
        let list = match options.diversity {
            Some(diversity) => by_score(self.diverse(ranked, diversity, options.top_k)?),
            None => self.in_order(ranked, options.sort)?,
        };
        Ok(Found {
            list,
            below,
            is_all,
        })
    }

    /// Filters alone; the tables know the order.
    fn filtered(&self, plan: &Plan, options: &SearchOptions, depth: usize) -> Result<Found, Error> {
        // A page in groups is cut out of the whole list.
        let after = options.after.as_ref().filter(|_| options.group.is_none());
        let after = after.and_then(|cursor| match &cursor.key {
            Key::Text(key) => Some(Listed {
                item: cursor.item,
                key: key.clone(),
            }),
            Key::Score(_) => None,
        });
        let filter = options.filter.clone().and(plan.filter.clone());
        let order = options.sort.unwrap_or_default();
        let listed = self
            .database()
            .list(&filter, order, after.as_ref(), depth)?;
        let is_all = listed.len() < depth;
        let ids = listed.iter().map(|listed| Ranked::unscored(listed.item));
        let kept: HashSet<ItemId> = self
            .without(plan)?
            .keep(self, ids.collect())?
            .iter()
            .map(|one| one.item)
            .collect();
        let stays = listed.into_iter().filter(|one| kept.contains(&one.item));
        let list = stays.map(|listed| Placed {
            one: Ranked::unscored(listed.item),
            key: Key::Text(listed.key),
        });
        let below = Vec::new();
        Ok(Found {
            list: list.collect(),
            below,
            is_all,
        })
    }

    fn in_order(&self, ranked: Vec<Ranked>, order: Option<Order>) -> Result<Vec<Placed>, Error> {
        let Some(order) = order else {
            return Ok(by_score(ranked));
        };
        let ids = Filter::Ids(ranked.iter().map(|one| one.item).collect());
        let listed = self.database().list(&ids, order, None, ranked.len())?;
        let mut by_item: HashMap<ItemId, Ranked> =
            ranked.into_iter().map(|one| (one.item, one)).collect();
        let placed = listed.into_iter().filter_map(|listed| {
            Some(Placed {
                one: by_item.remove(&listed.item)?,
                key: Key::Text(listed.key),
            })
        });
        Ok(placed.collect())
    }

    /// Maximal marginal relevance (Carbonell and Goldstein 1998): each next result is what is relevant and unlike those
    /// before it, `diversity` (0 to 1) being the weight of the second.
    fn diverse(&self, pool: Vec<Ranked>, diversity: f32, n: usize) -> Result<Vec<Ranked>, Error> {
        let looks = self.looks(&pool)?;
        let relevance = relevance(&pool);
        let mut left: Vec<usize> = (0..pool.len()).collect();
        let mut nearest = vec![0.0f32; pool.len()];
        let mut order = Vec::new();
        while order.len() < n && !left.is_empty() {
            let value = |at: usize| (1.0 - diversity) * relevance[at] - diversity * nearest[at];
            let best = (0..left.len()).reduce(|best, other| {
                let is_better = value(left[other]) > value(left[best]);
                if is_better { other } else { best }
            });
            let chosen = left.remove(best.unwrap_or(0));
            for &at in &left {
                nearest[at] = nearest[at].max(likeness(&looks, &pool[chosen], &pool[at]));
            }
            order.push(chosen);
        }
        Ok(order.into_iter().map(|at| pool[at].clone()).collect())
    }

    /// What each looks like, in the encoder's own space.
    fn looks(&self, ranked: &[Ranked]) -> Result<HashMap<ItemId, Vec<f32>>, Error> {
        let ids: Vec<ItemId> = ranked.iter().map(|one| one.item).collect();
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space::VISUAL, &ids)?;
        let whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
        Ok(whole.map(|one| (one.item, one.vector)).collect())
    }

    /// One for each group, the first, which has the others with it.
    fn groups(&self, list: Vec<Placed>, by: Option<Grouping>) -> Result<Vec<Placed>, Error> {
        let Some(by) = by else {
            return Ok(list);
        };
        if by == Grouping::Similar {
            return self.alike(list);
        }
        let names = self.names(&list, by)?;
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut groups: Vec<Placed> = Vec::new();
        for (mut placed, name) in list.into_iter().zip(&names) {
            match places.get(name.as_str()) {
                Some(&at) => groups[at].one.others.push(placed.one.item),
                None => {
                    places.insert(name, groups.len());
                    placed.one.group = Some(name.clone());
                    groups.push(placed);
                }
            }
        }
        Ok(groups)
    }

    /// The name of each item's group.
    fn names(&self, list: &[Placed], by: Grouping) -> Result<Vec<String>, Error> {
        let ids: Vec<ItemId> = list.iter().map(|placed| placed.one.item).collect();
        let items = self.database().items(&ids)?;
        let names: HashMap<ItemId, String> = items
            .iter()
            .map(|item| match by {
                Grouping::Day => (item.id, day(item)),
                Grouping::Folder | Grouping::Similar => (item.id, folder(item)),
            })
            .collect();
        let name = |id: &ItemId| names.get(id).cloned().unwrap_or_default();
        Ok(ids.iter().map(name).collect())
    }

    /// Each item goes to the first that it looks like, so that no chain leads from one picture to quite another.
    fn alike(&self, list: Vec<Placed>) -> Result<Vec<Placed>, Error> {
        let ranked: Vec<Ranked> = list.iter().map(|placed| placed.one.clone()).collect();
        let looks = self.looks(&ranked)?;
        let least = self.encoder().alike();
        let mut groups: Vec<Placed> = Vec::new();
        for placed in list {
            let is_like = |group: &&mut Placed| likeness(&looks, &group.one, &placed.one) >= least;
            match groups.iter_mut().find(is_like) {
                Some(group) => group.one.others.push(placed.one.item),
                None => groups.push(placed),
            }
        }
        Ok(groups)
    }
}

/// How deep a list is looked at first.
fn first_depth(asked: &Asked, options: &SearchOptions) -> usize {
    let seen = options.after.as_ref().map_or(0, |cursor| cursor.seen);
    let page = seen.saturating_add(options.top_k).saturating_add(1);
    match (asked, options.group) {
        (Asked::Filters, None) => options.top_k.saturating_add(1),
        (_, Some(_)) => page.saturating_mul(GROUPED),
        _ if options.diversity.is_some() => {
            options.top_k.saturating_mul(DIVERSE).max(LEAST_DIVERSE)
        }
        (Asked::Words(..), _) if options.sort.is_some() && options.cut => POOL.max(page),
        _ if options.sort.is_some() => options.top_k,
        _ => page,
    }
}

/// Whether the list is made of a pool of the best, which has an end.
fn is_bounded(options: &SearchOptions) -> bool {
    options.sort.is_some() || options.diversity.is_some()
}

fn by_score(ranked: Vec<Ranked>) -> Vec<Placed> {
    let placed = ranked.into_iter().map(|one| Placed {
        key: Key::Score(one.score.unwrap_or(f32::MIN)),
        one,
    });
    placed.collect()
}

/// What of the list comes after the page before.
fn after(list: Vec<Placed>, options: &SearchOptions) -> Vec<Placed> {
    let Some(cursor) = &options.after else {
        return list;
    };
    let order = options.sort.unwrap_or_default();
    let rest = list
        .into_iter()
        .filter(|placed| comes_after(placed, cursor, order));
    rest.collect()
}

fn comes_after(placed: &Placed, cursor: &Cursor, order: Order) -> bool {
    let by_key = match (&placed.key, &cursor.key) {
        (Key::Score(one), Key::Score(last)) => last.total_cmp(one),
        (Key::Text(one), Key::Text(last)) if order == Order::Newest => last.cmp(one),
        (Key::Text(one), Key::Text(last)) => one.cmp(last),
        (Key::Score(_), Key::Text(_)) | (Key::Text(_), Key::Score(_)) => return false,
    };
    by_key.then(placed.one.item.cmp(&cursor.item)).is_gt()
}

fn cut_out(mut rest: Vec<Placed>, below: Vec<Ranked>, options: &SearchOptions, check: u64) -> Page {
    // What is diverse depends on how many are asked for: such a list has no second page.
    let has_more = rest.len() > options.top_k && options.diversity.is_none();
    rest.truncate(options.top_k);
    let before = options.after.as_ref().map_or(0, |cursor| cursor.seen);
    // Cursors come from outside.
    let seen = before.saturating_add(rest.len());
    let last = rest.last().filter(|_| has_more);
    let next = last.map(|last| Cursor::new(check, seen, last.key.clone(), last.one.item));
    Page {
        shown: rest.into_iter().map(|placed| placed.one).collect(),
        below,
        next,
    }
}

/// The scores spread over 0 to 1, as likeness is.
fn relevance(pool: &[Ranked]) -> Vec<f32> {
    let scores = pool.iter().map(|one| one.score.unwrap_or(0.0));
    let (low, high) = scores
        .clone()
        .fold((f32::MAX, f32::MIN), |(low, high), score| {
            (low.min(score), high.max(score))
        });
    let width = (high - low).max(f32::MIN_POSITIVE);
    scores.map(|score| (score - low) / width).collect()
}

/// The cosine in the visual space; what has no vector is like nothing.
fn likeness(looks: &HashMap<ItemId, Vec<f32>>, left: &Ranked, right: &Ranked) -> f32 {
    match (looks.get(&left.item), looks.get(&right.item)) {
        (Some(left), Some(right)) => dot(left, right).max(0.0),
        _ => 0.0,
    }
}

/// The folder with its source, because two sources may have folders of one name.
fn folder(item: &Item) -> String {
    let path = item.absolute();
    path.parent()
        .map_or_else(String::new, |parent| parent.display().to_string())
}

/// As the key `date:` has it: when the camera took it, or the time of the file.
fn day(item: &Item) -> String {
    let taken = day_taken(item).map(str::to_owned);
    taken.or_else(|| day_of_file(item)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(item: i64, score: f32) -> Ranked {
        Ranked {
            score: Some(score),
            ..Ranked::unscored(ItemId::new(item).unwrap())
        }
    }

    #[test]
    fn pages_join_without_a_gap_or_a_repetition() {
        let scores = [0.9, 0.8, 0.8, 0.8, 0.5, 0.5, 0.1];
        let list = || {
            by_score(
                (1..)
                    .zip(scores)
                    .map(|(item, score)| ranked(item, score))
                    .collect(),
            )
        };
        for top_k in 1..=8 {
            let mut options = SearchOptions {
                top_k,
                ..SearchOptions::default()
            };
            let mut seen = Vec::new();
            loop {
                let page = cut_out(after(list(), &options), Vec::new(), &options, 3);
                seen.extend(page.shown.iter().map(|one| one.item.get()));
                let Some(next) = page.next else { break };
                assert_eq!(next.seen, seen.len());
                options.after = Some(next);
            }
            assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7], "{top_k} a page");
        }
    }

    #[test]
    fn relevance_fills_its_range() {
        let found = relevance(&[ranked(1, 0.6), ranked(2, 0.5), ranked(3, 0.4)]);
        assert!((found[0], found[2]) == (1.0, 0.0) && (found[1] - 0.5).abs() < 1e-6);
        assert_eq!(relevance(&[ranked(1, 0.6)]), [0.0]);
    }
}
