//! The naive twin: filters evaluated one item at a time, search by comparing
//! with everything. Slow, short and obviously right.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::color::color_share;
use crate::place::km_between;
use crate::{
    Comparison, Facet, Facets, Field, Filter, Hit, Item, ItemId, Metric, Owner, Part, Value,
};

/// Whether an item matches.
pub fn matches(filter: &Filter, item: &Item) -> bool {
    match filter {
        Filter::All => true,
        Filter::Nothing => false,
        Filter::And(filters) => filters.iter().all(|filter| matches(filter, item)),
        Filter::Or(filters) => filters.iter().any(|filter| matches(filter, item)),
        Filter::Not(filter) => !matches(filter, item),
        Filter::Compare { field, op, value } => {
            let values = values_of(field, item);
            match op {
                Comparison::Ne => {
                    !values.is_empty()
                        && values
                            .iter()
                            .all(|v| order(v, value) != Some(Ordering::Equal))
                }
                op => values
                    .iter()
                    .any(|v| order(v, value).is_some_and(|o| holds(*op, o))),
            }
        }
        Filter::Glob {
            field,
            pattern,
            ignore_case,
        } => {
            let folded = |text: &str| match ignore_case {
                true => text.to_lowercase().chars().collect::<Vec<_>>(),
                false => text.chars().collect(),
            };
            let pattern = folded(pattern);
            values_of(field, item).iter().any(|value| match value {
                Value::Text(text) => glob(&pattern, &folded(text)),
                Value::Integer(_) | Value::Real(_) => false,
            })
        }
        Filter::Exists(field) => !values_of(field, item).is_empty(),
        Filter::Ids(ids) => ids.contains(&item.id),
        Filter::HasCaption => !item.captions.is_empty(),
        Filter::Near {
            latitude,
            longitude,
            km,
        } => {
            let numbers = |key: &str| values_of(&Field::named(key), item);
            let is_near = |value: &(Value, Value)| match value {
                (Value::Real(a), Value::Real(b)) => {
                    km_between([*a, *b], [*latitude, *longitude]) <= *km
                }
                _ => false,
            };
            let pairs = numbers("latitude").into_iter().zip(numbers("longitude"));
            pairs.collect::<Vec<_>>().iter().any(is_near)
        }
        Filter::Color { rgb, share } => color_share(&item.content.colors, *rgb) >= *share,
        Filter::Online(online) => item.online == *online,
    }
}

fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Eq => order.is_eq(),
        Comparison::Ne => order.is_ne(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    let number = |value: &Value| match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Real(number) => Some(*number),
        Value::Text(_) => None,
    };
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        (['?', pattern @ ..], [_, text @ ..]) => glob(pattern, text),
        ([p, pattern @ ..], [t, text @ ..]) => p == t && glob(pattern, text),
        _ => false,
    }
}

fn values_of(field: &Field, item: &Item) -> Vec<Value> {
    let path = String::from_utf8_lossy(&item.path).into_owned();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let folder = path
        .strip_suffix(&name)
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    let seconds = |ns: i64| vec![Value::Real(ns as f64 / 1e9)];
    match field {
        Field::Path => vec![Value::Text(path)],
        Field::Name => vec![Value::Text(name)],
        Field::Ext => match name.rsplit_once('.') {
            Some((stem, ext)) if !stem.is_empty() && !ext.is_empty() => {
                vec![Value::Text(ext.to_lowercase())]
            }
            _ => Vec::new(),
        },
        Field::Folder => vec![Value::Text(folder)],
        Field::Size => vec![Value::Integer(item.size as i64)],
        Field::Width => vec![Value::Integer(i64::from(item.content.width))],
        Field::Height => vec![Value::Integer(i64::from(item.content.height))],
        Field::Format => vec![Value::Text(item.content.format.clone())],
        Field::Mtime => seconds(item.mtime_ns),
        Field::Added => seconds(item.added_ns),
        Field::Source => vec![Value::Text(item.root.to_string_lossy().into_owned())],
        Field::Aspect => {
            let sides = (
                f64::from(item.content.width),
                f64::from(item.content.height),
            );
            let aspect = Value::Real(sides.0 / sides.1);
            (sides.1 > 0.0).then_some(aspect).into_iter().collect()
        }
        Field::Language => {
            let languages = item.captions.iter().filter_map(|one| one.lang.clone());
            languages.map(Value::Text).collect()
        }
        Field::Tag => {
            let own = values_of(&Field::Metadata("tag".to_owned()), item).into_iter();
            let own = own.filter(|value| matches!(value, Value::Text(_)));
            let seen = item.tags.iter().map(|tag| Value::Text(tag.name.clone()));
            own.chain(seen).collect()
        }
        Field::Metadata(key) => item.metadata.get(key).cloned().unwrap_or_default(),
    }
}

/// The items that match, counted by their values, equal values in one,
/// which is an integer where any of them is.
pub fn facets(items: &[Item], filter: &Filter, by: &Facet) -> Facets {
    let mut facets = Facets::default();
    for item in items.iter().filter(|item| matches(filter, item)) {
        let mut values: Vec<Value> = Vec::new();
        for value in facet_values(by, item) {
            match values.iter_mut().find(|known| is_same(known, &value)) {
                Some(known) if matches!(value, Value::Integer(_)) => *known = value,
                Some(_) => {}
                None => values.push(value),
            }
        }
        facets.n_items += 1;
        facets.n_without += u64::from(values.is_empty());
        for value in values {
            let known = facets
                .counts
                .iter_mut()
                .find(|(known, _)| is_same(known, &value));
            match known {
                Some((known, n)) => {
                    if matches!((&*known, &value), (Value::Real(_), Value::Integer(_))) {
                        *known = value;
                    }
                    *n += 1;
                }
                None => facets.counts.push((value, 1)),
            }
        }
    }
    facets.n_values = facets.counts.len() as u64;
    facets.counts.sort_by(|(left, n), (right, m)| {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        let by_value = || order(left, right).unwrap_or(is_text(left).cmp(&is_text(right)));
        m.cmp(n).then_with(by_value)
    });
    facets
}

fn is_same(left: &Value, right: &Value) -> bool {
    order(left, right) == Some(Ordering::Equal)
}

fn facet_values(by: &Facet, item: &Item) -> Vec<Value> {
    let length = match by {
        Facet::Field(field) => return values_of(field, item),
        Facet::Year => "2023".len(),
        Facet::Month => "2023-07".len(),
    };
    let taken = values_of(&Field::named("taken"), item);
    let texts = taken.into_iter().filter_map(|value| match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Real(_) => None,
    });
    let date = texts.min().unwrap_or_else(|| month_of(item.mtime_ns));
    let date = date.get(..length).unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match date.split('-').all(digits) && date.matches('-').count() == length / 7 {
        true => vec![Value::from(date)],
        false => Vec::new(),
    }
}

/// Year and month of a time since 1970, found by walking there.
fn month_of(ns: i64) -> String {
    let mut days = ns.div_euclid(86_400_000_000_000);
    let (mut year, mut month) = (1970, 1);
    let length = |year: i64, month: i64| match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    while days >= length(year, month) {
        days -= length(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    format!("{year:04}-{month:02}")
}

/// Vectors of one space by owner and part.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    pub metric: Metric,
    pub vectors: BTreeMap<(Owner, u32), Vec<f32>>,
}

impl Twin {
    /// What search must answer for these items.
    pub fn search(&self, items: &[Item], query: &[f32], top_k: usize, filter: &Filter) -> Vec<Hit> {
        let mut hits: Vec<Hit> = items
            .iter()
            .filter(|item| matches(filter, item))
            .filter_map(|item| self.best(item, query))
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        hits.truncate(top_k);
        hits
    }

    fn best(&self, item: &Item, query: &[f32]) -> Option<Hit> {
        let phrases = item
            .captions
            .iter()
            .map(|caption| Owner::Phrase(caption.text.clone()));
        let owners: Vec<Owner> = std::iter::once(Owner::Content(item.content.hash))
            .chain(phrases)
            .collect();
        self.vectors
            .iter()
            .filter(|((owner, _), _)| owners.contains(owner))
            .map(|((_, part), vector)| (score(self.metric, query, vector), *part))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(score, index)| Hit {
                item: item.id,
                score,
                part: Part {
                    index,
                    region: None,
                },
            })
    }
}

pub(super) fn score(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum()
    };
    let score = match metric {
        Metric::Cosine => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::InnerProduct => dot(a, b),
        Metric::L2 => 2.0 * dot(a, b) - dot(a, a) - dot(b, b),
    };
    score as f32
}

/// The one door for hits: the same scores within what f16 keeps, and the same
/// items wherever scores are further apart than that.
pub fn assert_same_hits(got: &[Hit], expect: &[Hit], all: &[Hit], about: &str) {
    const CLOSE: f32 = 2e-3;
    assert_eq!(got.len(), expect.len(), "{about}");
    let score_of = |id: ItemId| all.iter().find(|hit| hit.item == id).map(|hit| hit.score);
    for (got, expect) in got.iter().zip(expect) {
        assert!(
            (got.score - expect.score).abs() < CLOSE,
            "{about}: {got:?} for {expect:?}"
        );
        let true_score = score_of(got.item).unwrap_or(f32::NAN);
        assert!(
            (true_score - got.score).abs() < CLOSE,
            "{about}: {got:?} has {true_score}"
        );
    }
    let mut ids: Vec<ItemId> = got.iter().map(|hit| hit.item).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), got.len(), "{about}: an item appears twice");
}
