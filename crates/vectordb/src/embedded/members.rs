//! Which items there are and whose vectors find them, in memory. It follows
//! the tables by change number and holds no vector itself.

use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::Scope;
use super::fail::Try;
use super::write::Deleted;
use crate::ids::ItemId;

/// What a vector belongs to: a content or a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum OwnerId {
    Content(i64),
    Phrase(i64),
}

impl OwnerId {
    /// As one number: contents above zero, phrases below.
    pub(super) fn key(self) -> i64 {
        match self {
            OwnerId::Content(id) => id,
            OwnerId::Phrase(id) => -id,
        }
    }

    pub(super) fn of_key(key: i64) -> OwnerId {
        if key < 0 {
            OwnerId::Phrase(key.wrapping_neg())
        } else {
            OwnerId::Content(key)
        }
    }
}

/// Items of one collection and the owners of their vectors, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    owners: FxHashMap<i64, SmallVec<[OwnerId; 1]>>,
    items: FxHashMap<OwnerId, SmallVec<[i64; 1]>>,
}

impl Members {
    /// All items of the collection.
    pub(super) fn load(connection: &Connection, scope: &Scope) -> Try<Members> {
        let mut members = Members::default();
        let turned = &mut FxHashSet::default();
        // In the order of the tables: ids are random, and to look up each
        // item in the order of another index would read a page for each. The
        // plus keeps SQLite from it.
        let mut statement =
            connection.prepare_cached("SELECT id, content FROM item WHERE +collection = ?")?;
        let mut rows = statement.query([scope.collection])?;
        while let Some(row) = rows.next()? {
            members.add(row.get(0)?, OwnerId::Content(row.get(1)?), turned);
        }
        let mut statement = connection.prepare_cached("SELECT item, phrase FROM caption")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let item = row.get(0)?;
            if members.owners.contains_key(&item) {
                members.add(item, OwnerId::Phrase(row.get(1)?), turned);
            }
        }
        Ok(members)
    }

    /// Take in what was written after change `seen`; answers the owners that
    /// came to have items or lost their last.
    pub(super) fn follow(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        seen: u64,
    ) -> Try<FxHashSet<OwnerId>> {
        let mut turned = FxHashSet::default();
        let mut statement =
            connection.prepare_cached("SELECT id FROM deletion WHERE change > ? AND kind = ?")?;
        let mut rows = statement.query(params![seen, Deleted::Item as i64])?;
        while let Some(row) = rows.next()? {
            self.remove(row.get(0)?, &mut turned);
        }
        self.put_since(connection, scope, seen, &mut turned)?;
        Ok(turned)
    }

    fn put_since(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        seen: u64,
        turned: &mut FxHashSet<OwnerId>,
    ) -> Try<()> {
        let seen = seen.cast_signed();
        let mut statement = connection
            .prepare_cached("SELECT id, content FROM item WHERE collection = ? AND change > ?")?;
        let mut rows = statement.query([scope.collection, seen])?;
        while let Some(row) = rows.next()? {
            let item = row.get(0)?;
            self.remove(item, turned);
            self.add(item, OwnerId::Content(row.get(1)?), turned);
        }
        let mut statement = connection.prepare_cached(
            "SELECT item.id, phrase FROM item JOIN caption ON caption.item = item.id
             WHERE item.collection = ? AND item.change > ?",
        )?;
        let mut rows = statement.query([scope.collection, seen])?;
        while let Some(row) = rows.next()? {
            self.add(row.get(0)?, OwnerId::Phrase(row.get(1)?), turned);
        }
        Ok(())
    }

    fn add(&mut self, item: i64, owner: OwnerId, turned: &mut FxHashSet<OwnerId>) {
        let owners = self.owners.entry(item).or_default();
        if owners.contains(&owner) {
            return;
        }
        owners.push(owner);
        let items = self.items.entry(owner).or_default();
        if items.is_empty() {
            turned.insert(owner);
        }
        items.push(item);
    }

    fn remove(&mut self, item: i64, turned: &mut FxHashSet<OwnerId>) {
        for owner in self.owners.remove(&item).unwrap_or_default() {
            if let Some(items) = self.items.get_mut(&owner) {
                items.retain(|other| *other != item);
                if items.is_empty() {
                    self.items.remove(&owner);
                    turned.insert(owner);
                }
            }
        }
    }

    /// Items found by this owner's vectors.
    pub(super) fn items_of(&self, owner: OwnerId) -> &[i64] {
        self.items.get(&owner).map_or(&[], |items| items.as_slice())
    }

    /// Whose vectors find this item; none where it is none of these.
    pub(super) fn owners_of(&self, item: ItemId) -> &[OwnerId] {
        let owners = self.owners.get(&item.get());
        owners.map_or(&[], |owners| owners.as_slice())
    }

    pub(super) fn has(&self, owner: OwnerId) -> bool {
        self.items.contains_key(&owner)
    }
}
