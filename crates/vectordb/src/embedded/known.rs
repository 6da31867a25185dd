//! What a write looks up for each of its operations, remembered until it ends: nobody else writes meanwhile, and what the
//! write itself changes of it nothing here remembers.

use std::cell::{Cell, RefCell};

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::Scope;
use super::fail::Try;
use super::packs::{self, Space};
use crate::ids::ContentHash;

/// Rows that were found before.
#[derive(Default)]
pub(super) struct Known {
    /// The operations of a content come one after the other.
    content: Cell<Option<(ContentHash, i64)>>,
    /// Few, by fingerprint.
    packs: RefCell<Vec<(String, KnownPack)>>,
    /// Few, by name.
    spaces: RefCell<Vec<(String, Space)>>,
    labels: RefCell<FxHashMap<Vocabulary, FxHashMap<String, i64>>>,
}

/// A pack, and the collection whose list it is where it is not the pack's own.
pub(super) type Vocabulary = (i64, Option<i64>);

/// A pack of the collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownPack {
    pub(super) id: i64,
    pub(super) feature_dim: usize,
    /// Whether any collection is searched with it.
    pub(super) is_active: bool,
}

impl Known {
    pub(super) fn content(&self, connection: &Connection, hash: ContentHash) -> Try<Option<i64>> {
        if let Some((_, id)) = self.content.get().filter(|(known, _)| *known == hash) {
            return Ok(Some(id));
        }
        let id = connection
            .prepare_cached("SELECT id FROM content WHERE hash = ?")?
            .query_row([hash.0], |row| row.get(0))
            .optional()?;
        self.content.set(id.map(|id| (hash, id)));
        Ok(id)
    }

    pub(super) fn pack(
        &self,
        connection: &Connection,
        scope: &Scope,
        fingerprint: &str,
    ) -> Try<KnownPack> {
        let mut packs = self.packs.borrow_mut();
        if let Some((_, pack)) = packs.iter().find(|(known, _)| known == fingerprint) {
            return Ok(*pack);
        }
        let id = packs::pack_id(connection, scope, fingerprint)?;
        let pack = KnownPack {
            id,
            feature_dim: packs::feature_dim(connection, id)?,
            is_active: connection
                .prepare_cached("SELECT 1 FROM collection WHERE active_pack = ?")?
                .exists([id])?,
        };
        packs.push((fingerprint.to_owned(), pack));
        Ok(pack)
    }

    pub(super) fn space(
        &self,
        connection: &Connection,
        scope: &Scope,
        fingerprint: &str,
        name: &str,
    ) -> Try<Space> {
        let pack = self.pack(connection, scope, fingerprint)?.id;
        let mut spaces = self.spaces.borrow_mut();
        let mut known = spaces.iter();
        if let Some((_, space)) = known.find(|(known, space)| space.pack == pack && known == name) {
            return Ok(space.clone());
        }
        let space = packs::space(connection, scope, fingerprint, name)?;
        spaces.push((name.to_owned(), space.clone()));
        Ok(space)
    }

    /// The row of a label's name, made when it is new.
    pub(super) fn label(
        &self,
        connection: &Connection,
        vocabulary: Vocabulary,
        name: &str,
    ) -> Try<i64> {
        let mut all = self.labels.borrow_mut();
        let labels = all.entry(vocabulary).or_default();
        if let Some(id) = labels.get(name) {
            return Ok(*id);
        }
        let id = label(connection, vocabulary, name)?;
        labels.insert(name.to_owned(), id);
        Ok(id)
    }
}

fn label(connection: &Connection, (pack, collection): Vocabulary, name: &str) -> Try<i64> {
    let known = connection
        .prepare_cached("SELECT id FROM label WHERE pack = ? AND coalesce(collection, 0) = coalesce(?, 0) AND name = ?")?
        .query_row(params![pack, collection, name], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO label (pack, collection, name) VALUES (?, ?, ?)")?
        .execute(params![pack, collection, name])?;
    Ok(connection.last_insert_rowid())
}
