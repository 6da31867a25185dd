//! Items in an order, counted by their values, and found by words: over items in memory, as the server does none of it.

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

/// Items that match, in an order, those after a place in it.
pub(super) fn list(
    state: &State,
    collection: &str,
    question: &Question<'_>,
    order: Order,
    after: Option<&Listed>,
    limit: usize,
) -> Vec<Listed> {
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
    let mut listed: Vec<Listed> = match after {
        Some(after) => listed
            .filter(|one| compare(one, after) == Ordering::Greater)
            .collect(),
        None => listed.collect(),
    };
    listed.sort_unstable_by(compare);
    listed.truncate(limit);
    listed
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
pub(super) fn facets(
    state: &State,
    collection: &str,
    question: &Question<'_>,
    by: &Facet,
    limit: usize,
) -> Facets {
    // Beside each value how it is shown: as an integer where any is.
    let mut counts: BTreeMap<Equal, (Value, u64)> = BTreeMap::new();
    let mut facets = Facets::default();
    for view in matching(state, collection, question) {
        let values = facet_values(&view, by);
        facets.n_items += 1;
        facets.n_without += u64::from(values.is_empty());
        let mut once = BTreeSet::new();
        for value in values {
            let (shown, n) = counts
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
    facets.n_values = counts.len() as u64;
    facets.counts = counts.into_values().collect();
    // They are in their order already, in which equals stay.
    facets
        .counts
        .sort_by_key(|count| std::cmp::Reverse(count.1));
    facets.counts.truncate(limit);
    facets
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
pub(super) fn keywords(
    state: &State,
    collection: &str,
    question: &Question<'_>,
    wanted: &[Wanted],
) -> Vec<KeywordHit> {
    let n_items = state.items_of(collection).count() as u64;
    let mut worth_of_all = 0.0;
    let mut shares: FxHashMap<i64, f32> = FxHashMap::default();
    for one in wanted {
        let any: Vec<Vec<String>> = one
            .any
            .iter()
            .filter(|words| !words.is_empty())
            .map(|words| plain(words))
            .collect();
        let having = state
            .items_of(collection)
            .filter(|(_, item)| any.iter().any(|words| stands(words, words_of(item))));
        let having: Vec<(i64, &ItemDoc)> = having.collect();
        let rarity = rarity(n_items, having.len() as u64);
        worth_of_all += rarity;
        for (id, item) in having {
            let view = View::of(state, collection, id, item);
            if view.is_some_and(|view| question.is_all() || question.holds(&view)) {
                *shares.entry(id).or_default() += rarity * one.worth;
            }
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
fn words_of(item: &ItemDoc) -> &[String] {
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

/// Words of all collections that begin like this, with the number of items that have each.
pub(super) fn known_words(state: &State, prefix: &str) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for item in state.items.values() {
        let words = words_of(item)
            .iter()
            .filter(|word| word.starts_with(prefix));
        for word in words.map(String::as_str).collect::<BTreeSet<&str>>() {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .map(|(word, n)| (word.to_owned(), n))
        .collect()
}

/// Keys of the metadata that items of any collection have.
pub(super) fn metadata_keys(state: &State) -> Vec<String> {
    let keys: BTreeSet<&String> = state.items.values().flat_map(ItemDoc::keys).collect();
    keys.into_iter().cloned().collect()
}

/// How many items have which value of what they have at most one of.
pub(super) fn by_format(state: &State, collection: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for view in matching(state, collection, &Question::All) {
        *counts.entry(view.format().to_owned()).or_default() += 1;
    }
    counts
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
