//! Whose vectors find which items, asked of the tables: what an index file
//! needs, which is too large for all of it to be in memory.

use rusqlite::{Connection, params};
use rustc_hash::FxHashSet;

use super::Scope;
use super::fail::Try;
use super::members::OwnerId;
use super::write::Deleted;

/// Items of the collection that this owner's vectors find.
pub(super) fn items_of(connection: &Connection, scope: &Scope, owner: OwnerId) -> Try<Vec<i64>> {
    let (sql, id) = match owner {
        OwnerId::Content(id) => (
            "SELECT id FROM item WHERE content = ? AND collection = ?",
            id,
        ),
        OwnerId::Phrase(id) => (
            "SELECT DISTINCT item.id FROM caption JOIN item ON item.id = caption.item
             WHERE caption.phrase = ? AND item.collection = ?",
            id,
        ),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let items = statement.query_map([id, scope.collection], |row| row.get(0))?;
    Ok(items.collect::<Result<_, _>>()?)
}

/// Owners of items that were written after this change.
pub(super) fn joined(connection: &Connection, scope: &Scope, seen: u64) -> Try<FxHashSet<OwnerId>> {
    let seen = seen.cast_signed();
    let mut owners = FxHashSet::default();
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT content FROM item WHERE collection = ? AND change > ?")?;
    let mut rows = statement.query([scope.collection, seen])?;
    while let Some(row) = rows.next()? {
        owners.insert(OwnerId::Content(row.get(0)?));
    }
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT phrase FROM item JOIN caption ON caption.item = item.id
         WHERE item.collection = ? AND item.change > ?",
    )?;
    let mut rows = statement.query([scope.collection, seen])?;
    while let Some(row) = rows.next()? {
        owners.insert(OwnerId::Phrase(row.get(0)?));
    }
    Ok(owners)
}

/// Contents and phrases that left after this change.
pub(super) fn deleted(connection: &Connection, seen: u64) -> Try<Vec<OwnerId>> {
    let mut statement = connection
        .prepare_cached("SELECT kind, id FROM deletion WHERE change > ? AND kind <> ?")?;
    let mut rows = statement.query(params![seen.cast_signed(), Deleted::Item as i64])?;
    let mut owners = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(1)?;
        owners.push(if row.get::<_, i64>(0)? == Deleted::Content as i64 {
            OwnerId::Content(id)
        } else {
            OwnerId::Phrase(id)
        });
    }
    Ok(owners)
}

/// Owners that have items of the collection.
pub(super) fn all(connection: &Connection, scope: &Scope) -> Try<FxHashSet<OwnerId>> {
    joined(connection, scope, 0)
}
