//! A filter asked of items in memory, one at a time: of all of them where a process has a copy of the records, else of those that
//! the server let through (`expression`), which has no words for some (globs without letter case, places, colours).

use fovea_index::Metric;
use rustc_hash::FxHashSet;

use super::docs::{ContentDoc, ItemDoc, SourceDoc, TagDoc};
use super::state::State;
use crate::color::color_share;
use crate::embedded::PathTexts;
use crate::embedded::check_filter;
use crate::embedded::columns::glob::Glob;
use crate::embedded::columns::test::Test;
use crate::embedded::columns::values::Number;
use crate::error::Result;
use crate::filter::{Comparison, Field, Filter};
use crate::place::km_between;
use crate::records::Value;

/// An item with all that filters ask about.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) id: i64,
    pub(super) item: &'a ItemDoc,
    content: &'a ContentDoc,
    source: &'a SourceDoc,
    state: &'a State,
    collection: &'a str,
}

impl<'a> View<'a> {
    /// An item of the collection; none where what it refers to is not there.
    pub(super) fn of(
        state: &'a State,
        collection: &'a str,
        id: i64,
        item: &'a ItemDoc,
    ) -> Option<View<'a>> {
        Some(View {
            id,
            item,
            content: state.contents.get(&item.content().0)?,
            source: state.sources.get(&item.source)?,
            state,
            collection,
        })
    }

    /// One whose content and source are known, as it will be.
    pub(super) fn made_of(
        state: &'a State,
        id: i64,
        item: &'a ItemDoc,
        content: &'a ContentDoc,
        source: &'a SourceDoc,
    ) -> View<'a> {
        let collection = &item.collection;
        View {
            id,
            item,
            content,
            source,
            state,
            collection,
        }
    }

    /// What any pack, or the collection's own list by it, sees in the content: fingerprints with names.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let collection = self.collection;
        let is_of_it = move |tag: &&TagDoc| {
            let of = tag.collection.as_deref();
            of.is_none_or(|of| of == collection)
        };
        let seen = self.content.tags.iter().filter(is_of_it);
        seen.map(|tag| (tag.pack.as_str(), tag.name.as_str()))
    }

    pub(super) fn format(&self) -> &'a str {
        &self.content.format
    }

    pub(super) fn is_online(&self) -> bool {
        self.source.online
    }

    /// The values of a field; none where the item does not have it.
    pub(super) fn values(&self, field: &Field) -> Vec<Value> {
        let texts = || PathTexts::of(&self.item.path);
        let seconds = |ns: i64| Value::Real(ns as f64 / 1e9);
        let (width, height) = (self.content.width, self.content.height);
        let one = match field {
            Field::Path => Value::Text(texts().whole),
            Field::Name => Value::Text(texts().name),
            Field::Ext => match texts().ext {
                ext if ext.is_empty() => return Vec::new(),
                ext => Value::Text(ext),
            },
            Field::Folder => Value::Text(texts().folder),
            Field::Size => Value::Integer(self.item.size.cast_signed()),
            Field::Width => Value::Integer(width.into()),
            Field::Height => Value::Integer(height.into()),
            Field::Aspect if height == 0 => return Vec::new(),
            Field::Aspect => Value::Real(f64::from(width) / f64::from(height)),
            Field::Format => Value::Text(self.content.format.clone()),
            Field::Mtime => seconds(self.item.mtime_ns),
            Field::Added => seconds(self.item.added_ns),
            Field::Source => Value::Text(String::from_utf8_lossy(&self.source.root).into_owned()),
            Field::Language => {
                let languages = self.item.said().filter_map(|(_, lang)| lang);
                return languages.map(Value::from).collect();
            }
            Field::Tag => {
                let own = self
                    .item
                    .values("tag")
                    .filter(|value| matches!(value, Value::Text(_)));
                let seen = self.state.tags(self.collection, self.content).into_iter();
                return own.chain(seen.map(|tag| Value::Text(tag.name))).collect();
            }
            Field::Metadata(key) => return self.item.values(key).collect(),
        };
        vec![one]
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        let number = |value| match value {
            Value::Integer(number) => Some(number as f64),
            Value::Real(number) => Some(number),
            Value::Text(_) => None,
        };
        self.item.values(key).filter_map(number).collect()
    }
}

/// A filter, ready to be asked often.
pub(super) enum Question<'a> {
    All,
    Nothing,
    And(Vec<Question<'a>>),
    Or(Vec<Question<'a>>),
    Not(Box<Question<'a>>),
    /// Any value passes.
    Any(&'a Field, Test<'a>),
    /// There is a value, and none passes.
    None(&'a Field, Test<'a>),
    Ids(FxHashSet<i64>),
    HasCaption,
    Near {
        place: [f64; 2],
        km: f64,
    },
    Color {
        rgb: [u8; 3],
        share: f32,
    },
    Online(bool),
}

impl<'a> Question<'a> {
    /// The question that a filter asks, if it is within the limits.
    pub(super) fn of(filter: &'a Filter) -> Result<Question<'a>> {
        check_filter(filter)?;
        Ok(Question::within_limits(filter))
    }

    fn within_limits(filter: &'a Filter) -> Question<'a> {
        let all = |filters: &'a [Filter]| filters.iter().map(Question::within_limits).collect();
        match filter {
            Filter::All => Question::All,
            Filter::Nothing => Question::Nothing,
            Filter::And(filters) => Question::And(all(filters)),
            Filter::Or(filters) => Question::Or(all(filters)),
            Filter::Not(filter) => Question::Not(Box::new(Question::within_limits(filter))),
            Filter::Compare {
                field,
                op: Comparison::Ne,
                value,
            } => Question::None(field, Test::compare(Comparison::Eq, value)),
            Filter::Compare { field, op, value } => Question::Any(field, Test::compare(*op, value)),
            Filter::Glob {
                field,
                pattern,
                ignore_case,
            } => Question::Any(field, Test::Glob(Glob::new(pattern, *ignore_case))),
            Filter::Exists(field) => Question::Any(field, Test::Any),
            Filter::Ids(ids) => Question::Ids(ids.iter().map(|id| id.get()).collect()),
            Filter::HasCaption => Question::HasCaption,
            Filter::Near {
                latitude,
                longitude,
                km,
            } => Question::Near {
                place: [*latitude, *longitude],
                km: *km,
            },
            Filter::Color { rgb, share } => Question::Color {
                rgb: *rgb,
                share: *share,
            },
            Filter::Online(online) => Question::Online(*online),
        }
    }

    pub(super) fn is_all(&self) -> bool {
        matches!(self, Question::All)
    }

    /// Whether an item matches.
    pub(super) fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Question::All => true,
            Question::Nothing => false,
            Question::And(all) => all.iter().all(|one| one.holds(view)),
            Question::Or(any) => any.iter().any(|one| one.holds(view)),
            Question::Not(one) => !one.holds(view),
            Question::Any(field, test) => {
                view.values(field).iter().any(|value| passes(test, value))
            }
            Question::None(field, test) => {
                let values = view.values(field);
                !values.is_empty() && !values.iter().any(|value| passes(test, value))
            }
            Question::Ids(ids) => ids.contains(&view.id),
            Question::HasCaption => view.item.said().next().is_some(),
            Question::Near { place, km } => {
                let longitudes = view.numbers("longitude");
                let is_near = |latitude: f64| {
                    longitudes
                        .iter()
                        .any(|longitude| km_between([latitude, *longitude], *place) <= *km)
                };
                view.numbers("latitude").into_iter().any(is_near)
            }
            Question::Color { rgb, share } => color_share(&view.content.colors(), *rgb) >= *share,
            Question::Online(online) => view.source.online == *online,
        }
    }
}

fn passes(test: &Test<'_>, value: &Value) -> bool {
    match value {
        Value::Text(text) => test.text(text, &mut String::new()),
        Value::Integer(number) => test.number(Number::Integer(*number)),
        Value::Real(number) => test.number(Number::Real(*number)),
    }
}

/// The collection's items that match, by rising id.
pub(super) fn matching<'a>(
    state: &'a State,
    collection: &'a str,
    question: &'a Question<'a>,
) -> impl Iterator<Item = View<'a>> {
    let views = state
        .items_of(collection)
        .filter_map(move |(id, item)| View::of(state, collection, id, item));
    views.filter(move |view| question.holds(view))
}

/// From Milvus's scores to ours: the higher the nearer.
pub(super) fn score_of(metric: Metric, milvus: f32) -> f32 {
    match metric {
        // It gives squared distances, which are the less the nearer.
        Metric::L2 => -milvus,
        Metric::Cosine | Metric::InnerProduct => milvus,
    }
}
