//! Items in an order, counted by their values, and found by words: over items in memory, as the server does none of it; page by page where
//! they are read for it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::docs::ItemDoc;
use super::evaluate::{Question, View, matching};
use super::state::State;
use crate::database::{Facet, Facets, KeywordHit, Listed, Order, Wanted};
use crate::embedded::PathTexts;
use crate::embedded::columns::facets::{is_date, month_of};
use crate::embedded::columns::test::compare;
use crate::embedded::keywords::rarity;
use crate::ids::ItemId;
use crate::records::Value;
use crate::words;

/// The first items that match, in an order, those after a place in it.
pub(super) struct Listing<'a> {
    pub(super) order: Order,
    pub(super) after: Option<&'a Listed>,
    pub(super) limit: usize,
    pub(super) listed: Vec<Listed>,
}

impl Listing<'_> {
    /// Look at the items that are here.
    pub(super) fn add(&mut self, state: &State, collection: &str, question: &Question<'_>) {
        let order = self.order;
        let compare = |a: &Listed, b: &Listed| {
            let keys = match order {
                Order::Newest => b.key.cmp(&a.key),
                Order::Oldest | Order::Name => a.key.cmp(&b.key),
            };
            keys.then(a.item.cmp(&b.item))
        };
        let listed = matching(state, collection, question).filter_map(|view| {
            let key = match order {
                Order::Newest | Order::Oldest => {
                    taken(&view).unwrap_or_else(|| utc(view.item.mtime_ns))
                }
                Order::Name => PathTexts::of(&view.item.path).name.to_lowercase(),
            };
            Some(Listed {
                item: ItemId::new(view.id)?,
                key,
            })
        });
        let is_after = |one: &Listed| {
            self.after
                .is_none_or(|after| compare(one, after) == Ordering::Greater)
        };
        self.listed.extend(listed.filter(is_after));
        self.listed.sort_unstable_by(compare);
        self.listed.truncate(self.limit);
    }
}

/// Of several times of the camera the first.
fn taken(view: &View<'_>) -> Option<String> {
    let texts = view.item.values("taken").filter_map(|value| match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Real(_) => None,
    });
    texts.min()
}

/// As in `2023-07-01T12:00:00`.
fn utc(ns: i64) -> String {
    const DAY: i64 = 86_400;
    let seconds = ns.div_euclid(1_000_000_000);
    let month = month_of(seconds as f64);
    // The first of the month is as many days before as there are until the month was another.
    let day = (1..=31).find(|day| month_of((seconds - day * DAY) as f64) != month);
    let time = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!(
        "{month}-{:02}T{hour:02}:{minute:02}:{second:02}",
        day.unwrap_or(1)
    )
}

/// Values that are equal are one.
struct Equal(Value);

impl PartialEq for Equal {
    fn eq(&self, other: &Equal) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Equal {}

impl PartialOrd for Equal {
    fn partial_cmp(&self, other: &Equal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Equal {
    fn cmp(&self, other: &Equal) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// Items that match, counted by their values.
#[derive(Default)]
pub(super) struct Counting {
    /// Beside each value how it is shown: as an integer where any is.
    counts: BTreeMap<Equal, (Value, u64)>,
    facets: Facets,
}

impl Counting {
    /// Count the items that are here.
    pub(super) fn add(
        &mut self,
        state: &State,
        collection: &str,
        question: &Question<'_>,
        by: &Facet,
    ) {
        for view in matching(state, collection, question) {
            let values = facet_values(&view, by);
            self.facets.n_items += 1;
            self.facets.n_without += u64::from(values.is_empty());
            let mut once = BTreeSet::new();
            for value in values {
                let (shown, n) = self
                    .counts
                    .entry(Equal(value.clone()))
                    .or_insert_with(|| (value.clone(), 0));
                if matches!(value, Value::Integer(_)) {
                    *shown = value.clone();
                }
                if once.insert(Equal(value)) {
                    *n += 1;
                }
            }
        }
    }

    pub(super) fn done(self, limit: usize) -> Facets {
        let mut facets = self.facets;
        facets.n_values = self.counts.len() as u64;
        facets.counts = self.counts.into_values().collect();
        // They are in their order already, in which equals stay.
        facets
            .counts
            .sort_by_key(|count| std::cmp::Reverse(count.1));
        facets.counts.truncate(limit);
        facets
    }
}

fn facet_values(view: &View<'_>, by: &Facet) -> Vec<Value> {
    let length = match by {
        Facet::Field(field) => return view.values(field),
        Facet::Year => "2023".len(),
        Facet::Month => "2023-07".len(),
    };
    let date = taken(view).unwrap_or_else(|| month_of(view.item.mtime_ns as f64 / 1e9));
    let date = date.get(..length).filter(|date| is_date(date));
    date.map(Value::from).into_iter().collect()
}

/// Items in which some of what is wanted stands; what few items have tells more.
pub(super) struct Finding<'a> {
    wanted: &'a [Wanted],
    /// Of each that is wanted: the alternatives' words, how many items have any, and those of them that match.
    any: Vec<Vec<Vec<String>>>,
    having: Vec<u64>,
    found: Vec<Vec<i64>>,
}

impl<'a> Finding<'a> {
    pub(super) fn of(wanted: &'a [Wanted]) -> Finding<'a> {
        let any = wanted.iter().map(|one| {
            let any = one.any.iter().filter(|words| !words.is_empty());
            any.map(|words| plain(words)).collect()
        });
        Finding {
            wanted,
            any: any.collect(),
            having: vec![0; wanted.len()],
            found: vec![Vec::new(); wanted.len()],
        }
    }

    /// Every word sequence that is looked for.
    pub(super) fn sequences(&self) -> impl Iterator<Item = &Vec<String>> {
        self.any.iter().flatten()
    }

    /// Look at the items that are here.
    pub(super) fn add(&mut self, state: &State, collection: &str, question: &Question<'_>) {
        for (at, any) in self.any.iter().enumerate() {
            for (id, item) in state.items_of(collection) {
                if !any.iter().any(|words| stands(words, words_of(item))) {
                    continue;
                }
                self.having[at] += 1;
                let view = View::of(state, collection, id, item);
                if view.is_some_and(|view| question.is_all() || question.holds(&view)) {
                    self.found[at].push(id);
                }
            }
        }
    }

    pub(super) fn done(self, n_items: u64) -> Vec<KeywordHit> {
        let mut worth_of_all = 0.0;
        let mut shares: FxHashMap<i64, f32> = FxHashMap::default();
        for ((one, having), found) in self.wanted.iter().zip(self.having).zip(self.found) {
            let rarity = rarity(n_items, having);
            worth_of_all += rarity;
            for id in found {
                *shares.entry(id).or_default() += rarity * one.worth;
            }
        }
        let hits = shares.into_iter().filter_map(|(item, worth)| {
            Some(KeywordHit {
                item: ItemId::new(item)?,
                share: worth / worth_of_all,
            })
        });
        let mut hits: Vec<KeywordHit> = hits.collect();
        hits.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
        hits
    }
}

/// Words without signs, which stand nowhere.
fn plain(words: &[String]) -> Vec<String> {
    let is_of_a_word = |letter: &char| letter.is_ascii_alphanumeric() || !letter.is_ascii();
    let words = words
        .iter()
        .map(|word| word.chars().filter(is_of_a_word).collect());
    words.collect()
}

/// Whether words stand beside each other in a text.
fn stands(words: &[String], text: &[String]) -> bool {
    words.iter().all(|word| !word.is_empty()) && text.windows(words.len()).any(|some| some == words)
}

/// The words that were written of an item: its path without the ending, captions, and tags that a person gave.
pub(super) fn words_of(item: &ItemDoc) -> &[String] {
    item.words.get_or_init(|| {
        let path = PathTexts::of(&item.path);
        let ending = if path.ext.is_empty() {
            0
        } else {
            path.ext.len() + 1
        };
        let mut text = path
            .whole
            .get(..path.whole.len().saturating_sub(ending))
            .unwrap_or(&path.whole)
            .to_owned();
        let own = item.values("tag").filter_map(|value| match value {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Real(_) => None,
        });
        for more in item.said().map(|(text, _)| text.to_owned()).chain(own) {
            text.push('\n');
            text += &more;
        }
        words::indexed(&text)
    })
}

/// Count words that begin like this, of the items that are here.
pub(super) fn count_words(state: &State, prefix: &str, counts: &mut BTreeMap<String, u64>) {
    for item in state.items.values() {
        let words = words_of(item)
            .iter()
            .filter(|word| word.starts_with(prefix));
        for word in words.map(String::as_str).collect::<BTreeSet<&str>>() {
            match counts.get_mut(word) {
                Some(n) => *n += 1,
                None => drop(counts.insert(word.to_owned(), 1)),
            }
        }
    }
}

/// Keys of the metadata that items of any collection have.
pub(super) fn metadata_keys(state: &State) -> Vec<String> {
    let keys: BTreeSet<&String> = state.items.values().flat_map(ItemDoc::keys).collect();
    keys.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        for (seconds, expect) in [
            (0, "1970-01-01T00:00:00"),
            (951_825_599, "2000-02-29T11:59:59"),
            (1_704_067_199, "2023-12-31T23:59:59"),
            (-1, "1969-12-31T23:59:59"),
        ] {
            assert_eq!(utc(seconds * 1_000_000_000), expect);
        }
    }
}
