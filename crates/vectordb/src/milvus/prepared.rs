//! Records on their way: as rows of a table, in as few requests as their size allows, of which the last has the rows of the
//! journal; and put together again of the rows that come back.

use std::collections::{BTreeMap, HashMap};

use super::docs::{ContentDoc, Doc, ItemDoc, Key};
use super::fields::Columns;
use super::proto::FieldData;
use super::rows::{Answered, MOST_REQUEST_BYTES, dynamic, longs, one_of, texts, vectors};
use super::session::{JOURNAL, MOST_KEYS, Record, Session, Written};
use super::state::{State, phrase_hash};
use super::table::{MOST_TEXT, NO_VECTOR, Table};
use crate::error::{Error, Result};

/// Rows of one record at most.
const MOST_PIECES: usize = 10_000;
/// Kind of rows that go on with the one before.
const PIECE: i64 = 12;

/// What a batch wrote, ready to be sent.
pub(super) struct Prepared {
    pub(super) written: Written,
    pub(super) requests: Vec<Rows>,
    pub(super) is_of_settings: bool,
}

impl Prepared {
    /// Of records as they are after a batch, with those that it replaces in the state.
    pub(super) fn of(state: &State, library: &str, mut written: Written) -> Result<Prepared> {
        note_captions(state, &mut written);
        note_metadata(state, &mut written);
        let is_of_settings = written.keys().next().is_none_or(Key::is_setting);
        let mut requests = vec![Rows::default()];
        for (key, doc) in &written {
            let text = serde_json::to_string(&(key, doc)).map_err(|error| Error::Invalid {
                what: "record".to_owned(),
                reason: error.to_string(),
            })?;
            let columns = columns(state, &written, key, doc.as_ref());
            let is_full = |rows: &Rows| rows.bytes > MOST_REQUEST_BYTES;
            if requests.last().is_some_and(is_full) {
                requests.push(Rows::default());
            }
            if let Some(rows) = requests.last_mut() {
                rows.push(&key.row(library), key.kind(), &text, columns);
            }
        }
        if let Some(rows) = requests.last_mut() {
            rows.ends_a_batch = true;
        }
        Ok(Prepared {
            written,
            requests,
            is_of_settings,
        })
    }
}

/// Which items have which captions, where that changes: the server looks nothing up within an item.
fn note_captions(state: &State, written: &mut Written) {
    let mut links = BTreeMap::new();
    for (key, doc) in &*written {
        let Key::Item(id) = key else { continue };
        let before = state.items.get(id);
        for (text, _) in before.into_iter().flat_map(ItemDoc::said) {
            links.insert(Key::Said(phrase_hash(text), *id), None);
        }
        if let Some(Doc::Item(item)) = doc {
            for (text, _) in item.said() {
                let link = Key::Said(phrase_hash(text), *id);
                // One that stays need not be written again.
                match links.remove(&link) {
                    Some(None) => {}
                    _ => drop(links.insert(link, Some(Doc::Said))),
                }
            }
        }
    }
    written.extend(links);
}

fn note_metadata(state: &State, written: &mut Written) {
    let items = written.values().filter_map(|doc| match doc {
        Some(Doc::Item(item)) => Some(item),
        _ => None,
    });
    let keys = items.flat_map(ItemDoc::keys);
    let new: Written = keys
        .filter(|key| !state.metadata_keys.contains(*key))
        .map(|key| (Key::Metadata(key.clone()), Some(Doc::Metadata)))
        .collect();
    written.extend(new);
}

fn columns(state: &State, written: &Written, key: &Key, doc: Option<&Doc>) -> Columns {
    match (key, doc) {
        (Key::Item(id), Some(Doc::Item(item))) => {
            match content(state, written, &item.content().0) {
                Some(content) => Columns::of_item(state, *id, item, content),
                None => Columns::none(),
            }
        }
        (Key::Said(phrase, _), Some(_)) => Columns::said(phrase),
        _ => Columns::none(),
    }
}

fn content<'a>(state: &'a State, written: &'a Written, hash: &[u8; 32]) -> Option<&'a ContentDoc> {
    match written.get(&Key::Content(*hash)) {
        Some(Some(Doc::Content(doc))) => Some(doc),
        Some(_) => None,
        None => state.contents.get(hash),
    }
}

/// Rows of one request.
#[derive(Default)]
pub(super) struct Rows {
    keys: Vec<String>,
    kinds: Vec<i64>,
    docs: Vec<String>,
    columns: Vec<Columns>,
    bytes: usize,
    ends_a_batch: bool,
}

impl Rows {
    /// A record, in as many pieces as a row's length asks for.
    fn push(&mut self, key: &str, kind: i64, text: &str, columns: Columns) {
        let pieces = pieces(text);
        self.bytes += text.len() + columns.fields.len() + 300;
        self.keys.push(key.to_owned());
        self.kinds.push(kind);
        self.docs.push(format!("{}|{}", pieces.len(), pieces[0]));
        self.columns.push(columns);
        for (at, piece) in pieces.iter().enumerate().skip(1) {
            self.keys.push(format!("{key}#{at}"));
            self.kinds.push(PIECE);
            self.docs.push((*piece).to_owned());
            self.columns.push(Columns::none());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len() + 2 * usize::from(self.ends_a_batch)
    }

    /// As the server takes them.
    pub(super) fn into_columns(
        mut self,
        library: &str,
        table: &Table,
        stamp: i64,
        batch: i64,
    ) -> Vec<FieldData> {
        if self.ends_a_batch {
            for key in [format!("{library}j{batch:016x}"), last_batch(library)] {
                self.keys.push(key);
                self.kinds.push(JOURNAL);
                self.docs.push(String::new());
                self.columns.push(Columns::none());
            }
        }
        let n = self.keys.len();
        let mut all = vec![
            texts("pk", self.keys),
            texts("lib", vec![library.to_owned(); n]),
            texts("doc", self.docs),
            longs("kind", self.kinds),
            longs("stamp", vec![stamp; n]),
            longs("batch", vec![batch; n]),
            vectors("v", NO_VECTOR, vec![0.0; n * NO_VECTOR]),
        ];
        if table.is_dynamic {
            let column =
                |of: fn(&Columns) -> &String| self.columns.iter().map(of).cloned().collect();
            all.push(texts("coll", column(|row| &row.coll)));
            all.push(texts("owner", column(|row| &row.owner)));
            all.push(texts("place", column(|row| &row.place)));
            all.push(longs(
                "source",
                self.columns.iter().map(|row| row.source).collect(),
            ));
            all.push(dynamic(
                self.columns.into_iter().map(|row| row.fields).collect(),
            ));
        }
        all
    }
}

/// Key of the journal's row that every batch puts anew.
pub(super) fn last_batch(library: &str) -> String {
    format!("{library}j")
}

/// A text cut between letters into pieces that fit into a row; one at least.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > MOST_TEXT {
        let at = (0..=MOST_TEXT)
            .rev()
            .find(|at| rest.is_char_boundary(*at))
            .unwrap_or(0);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

impl Session {
    /// The records that rows are of; pieces that are in others are read.
    pub(super) fn records_of(&self, table: &Table, rows: &Answered) -> Result<Vec<Record>> {
        let keys = rows.texts("pk").iter().map(String::as_str);
        let docs = rows.texts("doc").iter().map(String::as_str);
        let mut by_key: HashMap<&str, &str> = keys.zip(docs).collect();
        let heads: Vec<(&str, &str)> = by_key
            .iter()
            .filter(|(key, doc)| !key.contains('#') && !doc.is_empty())
            .map(|(key, doc)| (*key, *doc))
            .collect();
        let missing: Vec<String> = heads
            .iter()
            .flat_map(|(key, doc)| pieces_of(key, doc))
            .filter(|piece| !by_key.contains_key(piece.as_str()))
            .collect();
        let mut more = Vec::new();
        for some in missing.chunks(MOST_KEYS) {
            let expr = one_of("pk", some.iter().map(String::as_str));
            more.push(self.query(table, expr, &["pk", "doc"])?);
        }
        for rows in &more {
            let keys = rows.texts("pk").iter().map(String::as_str);
            by_key.extend(keys.zip(rows.texts("doc").iter().map(String::as_str)));
        }
        let joined = heads
            .iter()
            .map(|(key, doc)| self.joined(key, doc, &by_key));
        joined.collect()
    }

    /// A record of the pieces that it was cut into.
    fn joined(&self, key: &str, doc: &str, all: &HashMap<&str, &str>) -> Result<Record> {
        let damaged = |reason: String| Error::Corrupt {
            path: self.client.server().into(),
            reason: format!("record {key}: {reason}"),
        };
        let (n, first) = doc
            .split_once('|')
            .ok_or_else(|| damaged("it has no length".to_owned()))?;
        let mut text = first.to_owned();
        for piece in 1..n
            .parse::<usize>()
            .map_err(|error| damaged(error.to_string()))?
        {
            let piece = all.get(format!("{key}#{piece}").as_str());
            text.push_str(piece.ok_or_else(|| damaged("a piece is missing".to_owned()))?);
        }
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))
    }
}

/// Keys of the further rows into which a record is cut, of its first.
fn pieces_of(key: &str, doc: &str) -> impl Iterator<Item = String> {
    let n = doc.split_once('|').and_then(|(n, _)| n.parse().ok());
    (1..n.unwrap_or(0_usize).min(MOST_PIECES)).map(move |piece| format!("{key}#{piece}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters_and_joined_again() {
        for text in ["", "short", &"日本".repeat(40_000)] {
            let pieces = pieces(text);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.iter().all(|piece| piece.len() <= MOST_TEXT));
        }
    }
}
