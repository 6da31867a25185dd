//! A filter as expressions of the server's language (<https://milvus.io/docs/boolean.md>), over the fields that
//! `fields` writes: one that lets through at least what the filter asks for, and one that lets through at most that.
//!
//! Where both are the same the server's answer is the filter's. What it has no words for (globs within a text, colours,
//! distances) is asked again of the records that it lets through.

use std::collections::BTreeSet;

use super::docs::Key;
use super::fields::{CUT_TEXT, is_single, name_of, seen_key};
use super::rows::one_of;
use super::state::State;
use crate::embedded::columns::test::Test;
use crate::filter::{Comparison, Field, Filter};
use crate::ids::ItemId;
use crate::records::Value;

/// Ids that are named to the server; with more, all items are looked at.
const MOST_IDS: usize = 10_000;
/// Integers up to here are the same as 64-bit floats.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
/// Kilometres of a degree of latitude, a little less than it is anywhere.
const DEGREE_KM: f64 = 110.0;

/// Comparisons in one expression: the server's parser takes some milliseconds for each.
const MOST_TERMS: usize = 24;

/// An expression with the number of its comparisons, or that everything or nothing passes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    All,
    Nothing,
    Is(String, usize),
}

/// What a filter lies between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) at_least: Expr,
    at_most: Expr,
}

impl Bounds {
    /// What a filter asks for in a collection.
    pub(super) fn of(state: &State, collection: &str, library: &str, filter: &Filter) -> Bounds {
        let compiler = Compiler {
            state,
            collection,
            library,
        };
        compiler.filter(filter)
    }

    /// Whether the server's answer is the filter's.
    pub(super) fn is_exact(&self) -> bool {
        self.at_least == self.at_most
    }

    fn exactly(expr: Expr) -> Bounds {
        Bounds {
            at_least: expr.clone(),
            at_most: expr,
        }
    }

    fn is(text: String) -> Bounds {
        Bounds::exactly(Expr::Is(text, 1))
    }

    /// What the server can only say roughly.
    fn at_least(expr: Expr) -> Bounds {
        Bounds {
            at_least: expr,
            at_most: Expr::Nothing,
        }
    }

    fn unknown() -> Bounds {
        Bounds::at_least(Expr::All)
    }

    fn not(self) -> Bounds {
        Bounds {
            at_least: self.at_most.not(),
            at_most: self.at_least.not(),
        }
    }

    fn all(bounds: impl IntoIterator<Item = Bounds>) -> Bounds {
        let start = Bounds::exactly(Expr::All);
        bounds.into_iter().fold(start, |sum, one| Bounds {
            // Fewer conditions let through more.
            at_least: sum
                .at_least
                .clone()
                .and(one.at_least)
                .unwrap_or(sum.at_least),
            at_most: sum.at_most.and(one.at_most).unwrap_or(Expr::Nothing),
        })
    }

    fn any(bounds: impl IntoIterator<Item = Bounds>) -> Bounds {
        let start = Bounds::exactly(Expr::Nothing);
        bounds.into_iter().fold(start, |sum, one| Bounds {
            at_least: sum.at_least.or(one.at_least).unwrap_or(Expr::All),
            at_most: sum.at_most.clone().or(one.at_most).unwrap_or(sum.at_most),
        })
    }
}

impl Expr {
    fn not(self) -> Expr {
        match self {
            Expr::All => Expr::Nothing,
            Expr::Nothing => Expr::All,
            Expr::Is(text, terms) => Expr::Is(format!("not ({text})"), terms),
        }
    }

    /// None where it would be too long.
    fn and(self, other: Expr) -> Option<Expr> {
        match (self, other) {
            (Expr::Nothing, _) | (_, Expr::Nothing) => Some(Expr::Nothing),
            (Expr::All, one) | (one, Expr::All) => Some(one),
            (Expr::Is(one, n), Expr::Is(other, m)) => {
                (n + m <= MOST_TERMS).then(|| Expr::Is(format!("({one}) and ({other})"), n + m))
            }
        }
    }

    fn or(self, other: Expr) -> Option<Expr> {
        match (self, other) {
            (Expr::All, _) | (_, Expr::All) => Some(Expr::All),
            (Expr::Nothing, one) | (one, Expr::Nothing) => Some(one),
            (Expr::Is(one, n), Expr::Is(other, m)) => {
                (n + m <= MOST_TERMS).then(|| Expr::Is(format!("({one}) or ({other})"), n + m))
            }
        }
    }
}

/// Items with the longest word of any of these sequences; none where no sequence has a word.
pub(super) fn having_words<'a>(sequences: impl Iterator<Item = &'a Vec<String>>) -> Option<String> {
    let longest = sequences.filter_map(|words| {
        let is_said = words.iter().all(|word| !word.is_empty() && is_plain(word));
        words
            .iter()
            .filter(|_| is_said)
            .max_by_key(|word| word.len())
    });
    let quoted: BTreeSet<String> = longest.map(|word| format!("\"{word}\"")).collect();
    let quoted: Vec<String> = quoted.into_iter().collect();
    (!quoted.is_empty()).then(|| format!("json_contains_any(words, [{}])", quoted.join(",")))
}

struct Compiler<'a> {
    state: &'a State,
    collection: &'a str,
    library: &'a str,
}

impl Compiler<'_> {
    fn filter(&self, filter: &Filter) -> Bounds {
        let every = |filters: &[Filter]| -> Vec<Bounds> {
            filters.iter().map(|filter| self.filter(filter)).collect()
        };
        match filter {
            Filter::All => Bounds::exactly(Expr::All),
            Filter::Nothing => Bounds::exactly(Expr::Nothing),
            Filter::And(filters) => Bounds::all(every(filters)),
            Filter::Or(filters) => Bounds::any(every(filters)),
            Filter::Not(filter) => self.filter(filter).not(),
            Filter::Compare { field, op, value } => self.compare(field, *op, value),
            Filter::Glob {
                field,
                pattern,
                ignore_case,
            } => self.glob(field, pattern, *ignore_case),
            Filter::Exists(field) => self.exists(field),
            Filter::Ids(ids) => self.ids(ids),
            Filter::HasCaption => Bounds::is("said == 1".to_owned()),
            Filter::Near { latitude, km, .. } => near(*latitude, *km),
            Filter::Color { .. } => Bounds::unknown(),
            Filter::Online(online) => self.sources(|source| source.online == *online),
        }
    }

    fn compare(&self, field: &Field, op: Comparison, value: &Value) -> Bounds {
        if op == Comparison::Ne {
            let is_equal = self.compare(field, Comparison::Eq, value);
            return Bounds::all([self.exists(field), is_equal.not()]);
        }
        match (field, value) {
            (Field::Source, _) => {
                let test = Test::compare(op, value);
                self.sources(|source| {
                    test.text(&String::from_utf8_lossy(&source.root), &mut String::new())
                })
            }
            (Field::Tag, Value::Text(text)) => self.tag(op, text),
            (Field::Tag, _) => Bounds::exactly(Expr::Nothing),
            (_, Value::Text(text)) => compare_text(field, op, text),
            (_, Value::Integer(number)) => compare_number(field, op, *number as f64),
            (_, Value::Real(number)) => compare_number(field, op, *number),
        }
    }

    fn tag(&self, op: Comparison, name: &str) -> Bounds {
        let own = Field::Metadata("tag".to_owned());
        let Some(active) = self.state.active(self.collection) else {
            return compare_text(&own, op, name);
        };
        let seen = seen_key(active, name);
        if op != Comparison::Eq || !is_plain(&seen) {
            return Bounds::unknown();
        }
        let seen = Bounds::is(format!("json_contains(seen, \"{seen}\")"));
        Bounds::any([compare_text(&own, op, name), seen])
    }

    fn exists(&self, field: &Field) -> Bounds {
        match field {
            Field::Source => Bounds::exactly(Expr::All),
            Field::Tag => Bounds::unknown(),
            Field::Ext => Bounds::is("exists a[\"ext\"]".to_owned()),
            Field::Aspect => Bounds::is("exists lo[\"aspect\"]".to_owned()),
            field if is_single(field) => Bounds::exactly(Expr::All),
            _ => name_of(field).map_or_else(Bounds::unknown, |name| {
                Bounds::is(format!("exists t[\"{name}\"]"))
            }),
        }
    }

    fn ids(&self, ids: &[ItemId]) -> Bounds {
        if ids.len() > MOST_IDS {
            return Bounds::unknown();
        }
        let keys = ids.iter().map(|id| Key::Item(id.get()).row(self.library));
        let keys: Vec<String> = keys.collect();
        Bounds::is(one_of("pk", keys.iter().map(String::as_str)))
    }

    fn sources(&self, holds: impl Fn(&super::docs::SourceDoc) -> bool) -> Bounds {
        let all = self.state.sources_of(self.collection);
        let having: Vec<String> = all
            .iter()
            .filter(|(_, source)| holds(source))
            .map(|(id, _)| id.to_string())
            .collect();
        match having.len() {
            0 => Bounds::exactly(Expr::Nothing),
            n if n == all.len() => Bounds::exactly(Expr::All),
            _ => Bounds::is(format!("source in [{}]", having.join(","))),
        }
    }

    fn glob(&self, field: &Field, pattern: &str, ignore_case: bool) -> Bounds {
        let is_one = matches!(
            field,
            Field::Path | Field::Folder | Field::Name | Field::Ext | Field::Format
        );
        let end = pattern
            .find(['*', '?', '%', '_'])
            .unwrap_or(pattern.len())
            .min(CUT_TEXT);
        let Some(prefix) = pattern.get(..end).filter(|prefix| is_plain(prefix)) else {
            return Bounds::unknown();
        };
        let (Some(name), true, false) = (name_of(field), is_one && !prefix.is_empty(), ignore_case)
        else {
            return Bounds::unknown();
        };
        let begins = Expr::Is(format!("a[\"{name}\"] like \"{prefix}%\""), 1);
        match &pattern[end..] {
            "*" => Bounds::exactly(begins),
            _ => Bounds::at_least(begins),
        }
    }
}

/// Whether a text can stand between quotation marks as it is.
fn is_plain(text: &str) -> bool {
    let is_safe = |letter: char| !letter.is_control() && !matches!(letter, '"' | '\\' | '\'');
    text.len() < CUT_TEXT && text.chars().all(is_safe)
}

fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => "==",
        Comparison::Ne => "!=",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
    }
}

/// Whether any of a field's texts compares so: the first or the last of them does.
fn compare_text(field: &Field, op: Comparison, text: &str) -> Bounds {
    let Some(name) = name_of(field).filter(|_| is_plain(text)) else {
        return Bounds::unknown();
    };
    Bounds::is(match op {
        _ if is_single(field) => format!("a[\"{name}\"] {} \"{text}\"", sign(op)),
        Comparison::Eq | Comparison::Ne => format!("json_contains(t[\"{name}\"], \"{text}\")"),
        Comparison::Lt | Comparison::Le => format!("a[\"{name}\"] {} \"{text}\"", sign(op)),
        Comparison::Gt | Comparison::Ge => format!("z[\"{name}\"] {} \"{text}\"", sign(op)),
    })
}

fn compare_number(field: &Field, op: Comparison, number: f64) -> Bounds {
    let name = name_of(field).filter(|_| number.abs() < MOST_EXACT);
    let Some(name) = name else {
        return Bounds::unknown();
    };
    let least = |sign: &str| format!("lo[\"{name}\"] {sign} {number:?}");
    let most = |sign: &str| format!("hi[\"{name}\"] {sign} {number:?}");
    match op {
        _ if is_single(field) => Bounds::is(least(sign(op))),
        Comparison::Lt | Comparison::Le => Bounds::is(least(sign(op))),
        Comparison::Gt | Comparison::Ge => Bounds::is(most(sign(op))),
        Comparison::Eq | Comparison::Ne => {
            let between = format!("{} and {}", least("<="), most(">="));
            // Of several numbers none need be the one between.
            Bounds::at_least(Expr::Is(between, 2))
        }
    }
}

/// The band of latitudes in which a circle lies.
fn near(latitude: f64, km: f64) -> Bounds {
    let degrees = km / DEGREE_KM + 0.01;
    let (south, north) = (latitude - degrees, latitude + degrees);
    if !(south.is_finite() && north.is_finite()) {
        return Bounds::unknown();
    }
    let key = "m_latitude";
    let band = format!("lo[\"{key}\"] <= {north:?} and hi[\"{key}\"] >= {south:?}");
    Bounds::at_least(Expr::Is(band, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(filter: &Filter) -> Bounds {
        Bounds::of(&State::default(), "photos", "lib", filter)
    }

    fn said(filter: &Filter) -> String {
        match bounds(filter).at_least {
            Expr::Is(text, _) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn filters_are_said_in_the_server_s_language() {
        let wide = Filter::compare("width", Comparison::Gt, 640_i64);
        let taken = Filter::compare("taken", Comparison::Lt, "2023-07");
        assert_eq!(said(&wide), "lo[\"width\"] > 640.0");
        assert_eq!(said(&taken), "a[\"m_taken\"] < \"2023-07\"");
        let both = Filter::And(vec![wide.clone(), Filter::Not(Box::new(taken))]);
        assert_eq!(
            said(&both),
            "(lo[\"width\"] > 640.0) and (not (a[\"m_taken\"] < \"2023-07\"))"
        );
        assert!(bounds(&both).is_exact());
    }

    /// What is let through is more and never less, on both sides of a negation.
    #[test]
    fn what_the_server_has_no_words_for_is_asked_again() {
        let color = Filter::Color {
            rgb: [255, 0, 0],
            share: 0.5,
        };
        let wide = Filter::compare("width", Comparison::Gt, 640_i64);
        let not_red = Filter::Not(Box::new(color.clone()));
        for unknown in [&color, &not_red] {
            let both = Filter::And(vec![wide.clone(), unknown.clone()]);
            assert_eq!(said(&both), said(&wide));
            assert!(!bounds(&both).is_exact());
            let any = Filter::Or(vec![wide.clone(), unknown.clone()]);
            assert_eq!(bounds(&any).at_least, Expr::All);
        }
        let iso = Filter::compare("iso", Comparison::Eq, 100_i64);
        let not_iso = bounds(&Filter::Not(Box::new(iso)));
        assert_eq!(
            (not_iso.at_least, not_iso.at_most.clone()),
            (Expr::All, not_iso.at_most)
        );
    }

    #[test]
    fn no_text_leaves_its_quotation_marks() {
        for hostile in ["\"", "\\", "a\" or pk != \"", "\0", "\n"] {
            let filter = Filter::compare("camera", Comparison::Eq, hostile);
            assert_eq!(bounds(&filter).at_least, Expr::All, "{hostile:?}");
        }
    }

    #[test]
    fn long_filters_become_wider_and_no_longer() {
        let many: Vec<Filter> = (0..3000)
            .map(|n| Filter::compare("width", Comparison::Lt, n))
            .collect();
        assert_eq!(bounds(&Filter::Or(many.clone())).at_least, Expr::All);
        match bounds(&Filter::And(many)).at_least {
            Expr::Is(_, n) => assert_eq!(n, MOST_TERMS),
            other => panic!("{other:?}"),
        }
    }
}
