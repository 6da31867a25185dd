//! What the row of an item says beside its record, so that the server can find it: columns by which rows are looked up, and
//! dynamic fields that filters ask (`expression` asks them).
//!
//! Texts are cut and numbers are the nearest that JSON has, so that an expression may let through more than a filter asks for;
//! never less.

use std::collections::BTreeMap;

use serde::Serialize;

use super::docs::{ContentDoc, ItemDoc};
use super::evaluate::View;
use super::order::words_of;
use super::state::{State, owner_key};
use crate::batch::Owner;
use crate::filter::Field;
use crate::records::Value;

/// Bytes of a text at most, in whole letters.
const MOST_TEXT: usize = 200;
/// A text of so many bytes or more may have been cut.
pub(super) const CUT_TEXT: usize = MOST_TEXT - 4;
/// Bytes of all fields of a row at most; Milvus takes 65,536.
const MOST_FIELDS: usize = 50_000;
/// Words by which an item is found.
const MOST_WORDS: usize = 1_000;

/// Columns of an item's row.
pub(super) struct Columns {
    pub(super) coll: String,
    pub(super) owner: String,
    pub(super) place: String,
    pub(super) source: i64,
    pub(super) fields: Vec<u8>,
}

impl Columns {
    /// Those of a row that is no item's.
    pub(super) fn none() -> Columns {
        Columns {
            coll: String::new(),
            owner: String::new(),
            place: String::new(),
            source: 0,
            fields: b"{}".to_vec(),
        }
    }

    /// Those of the row that says that an item has a caption of this text.
    pub(super) fn said(phrase: &[u8; 32]) -> Columns {
        Columns {
            owner: phrase_key(phrase),
            ..Columns::none()
        }
    }

    pub(super) fn of_item(state: &State, id: i64, item: &ItemDoc, content: &ContentDoc) -> Columns {
        Columns {
            coll: collection_key(&item.collection),
            owner: owner_key(&Owner::Content(item.content())),
            place: place_key(item.source, &item.path),
            source: item.source,
            fields: state.sources.get(&item.source).map_or_else(
                || b"{}".to_vec(),
                |source| fields(&View::made_of(state, id, item, content, source)),
            ),
        }
    }
}

/// How a row names a collection: names may have any letters.
pub(super) fn collection_key(collection: &str) -> String {
    let hash = blake3::hash(collection.as_bytes()).to_hex();
    format!("{:.24}", hash.as_str())
}

/// How a row names where a file is.
pub(super) fn place_key(source: i64, path: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&source.to_le_bytes()).update(path);
    format!("{:.40}", hasher.finalize().to_hex().as_str())
}

/// As [`owner_key`] has it, of the hash of a text.
pub(super) fn phrase_key(hash: &[u8; 32]) -> String {
    format!("p{}", crate::ids::ContentHash(*hash))
}

/// A field's name within the dynamic fields; none where an expression could not say it.
pub(super) fn name_of(field: &Field) -> Option<String> {
    let name = match field {
        Field::Path => "path",
        Field::Name => "name",
        Field::Ext => "ext",
        Field::Folder => "folder",
        Field::Size => "size",
        Field::Width => "width",
        Field::Height => "height",
        Field::Aspect => "aspect",
        Field::Format => "format",
        Field::Mtime => "mtime",
        Field::Added => "added",
        Field::Language => "language",
        Field::Source | Field::Tag => return None,
        Field::Metadata(key) => {
            let is_plain =
                |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | ' ');
            return (!key.is_empty() && key.len() <= CUT_TEXT && key.chars().all(is_plain))
                .then(|| format!("m_{key}"));
        }
    };
    Some(name.to_owned())
}

/// Every field that an item has of itself and that has a name.
fn known_fields(item: &ItemDoc) -> impl Iterator<Item = Field> {
    let own = [
        Field::Path,
        Field::Name,
        Field::Ext,
        Field::Folder,
        Field::Size,
        Field::Width,
        Field::Height,
        Field::Aspect,
        Field::Format,
        Field::Mtime,
        Field::Added,
        Field::Language,
    ];
    own.into_iter()
        .chain(item.keys().cloned().map(Field::Metadata))
}

/// Whether an item has at most one value of a field, by what the field is. Those are written once and not as a list with its ends,
/// which the server would take most of the time of a write to read.
pub(super) fn is_single(field: &Field) -> bool {
    !matches!(field, Field::Language | Field::Tag | Field::Metadata(_))
}

fn fields(view: &View<'_>) -> Vec<u8> {
    let values: Vec<(String, bool, Vec<Value>)> = known_fields(view.item)
        .filter_map(|field| Some((name_of(&field)?, is_single(&field), view.values(&field))))
        .collect();
    let mut said = Said {
        seen: view
            .seen()
            .map(|(pack, name)| seen_key(pack, name))
            .collect(),
        words: words_of(view.item),
        said: view.item.said().next().is_some().into(),
        ..Said::default()
    };
    for (name, is_single, values) in &values {
        said.add(name, *is_single, values);
    }
    match serde_json::to_vec(&said) {
        Ok(text) if text.len() <= MOST_FIELDS && said.words.len() <= MOST_WORDS => text,
        // It passes every filter here, and is asked again where its record is read.
        _ => format!("{{\"said\":{},\"big\":1}}", said.said).into_bytes(),
    }
}

/// What a pack sees, as a row names it.
pub(super) fn seen_key(pack: &str, name: &str) -> String {
    cut(&format!("{:.12} {name}", pack)).to_owned()
}

/// What filters ask of an item, by the names of fields.
#[derive(Default, Serialize)]
struct Said<'a> {
    /// All texts of fields that may have several, and an empty list where there are numbers alone.
    #[serde(rename = "t")]
    texts: BTreeMap<&'a str, Vec<&'a str>>,
    /// The first and the last text in their order, the least and the greatest number; of a single one the first and least.
    #[serde(rename = "a")]
    first: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "z")]
    last: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "lo")]
    least: BTreeMap<&'a str, f64>,
    #[serde(rename = "hi")]
    most: BTreeMap<&'a str, f64>,
    /// What packs see.
    seen: Vec<String>,
    words: &'a [String],
    /// Whether there is a caption.
    said: u8,
    /// Whether the row holds too little to tell.
    big: u8,
}

impl<'a> Said<'a> {
    fn add(&mut self, name: &'a str, is_single: bool, values: &'a [Value]) {
        let texts: Vec<&str> = values.iter().filter_map(text).collect();
        let numbers: Vec<f64> = values.iter().filter_map(number).collect();
        if let (Some(first), Some(last)) = (texts.iter().min(), texts.iter().max()) {
            self.first.insert(name, first);
            if !is_single {
                self.last.insert(name, last);
            }
        }
        if !numbers.is_empty() {
            let least = numbers.iter().copied().fold(f64::MAX, f64::min);
            self.least.insert(name, least);
            if !is_single {
                let most = numbers.iter().copied().fold(f64::MIN, f64::max);
                self.most.insert(name, most);
            }
        }
        // A number that is none is there, and compares with nothing.
        if !is_single && !values.is_empty() {
            self.texts.insert(name, texts);
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(cut(text)),
        Value::Integer(_) | Value::Real(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Text(_) => return None,
        Value::Integer(number) => *number as f64,
        // JSON has no infinity.
        Value::Real(number) => number.clamp(f64::MIN, f64::MAX),
    };
    (!number.is_nan()).then_some(number)
}

/// A text's beginning.
fn cut(text: &str) -> &str {
    let end = (0..=MOST_TEXT.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_letters() {
        assert_eq!(cut("日本"), "日本");
        let long = cut(&"日本".repeat(100)).len();
        assert!((CUT_TEXT..=MOST_TEXT).contains(&long), "{long}");
    }

    #[test]
    fn only_keys_that_an_expression_can_say_have_a_name() {
        let name = |key: &str| name_of(&Field::Metadata(key.to_owned()));
        assert_eq!(name("iso").as_deref(), Some("m_iso"));
        for key in ["", "a\"b", "a/b", "日", "a.b"] {
            assert_eq!(name(key), None, "{key}");
        }
    }
}
