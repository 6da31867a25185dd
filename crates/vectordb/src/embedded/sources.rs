//! Collections and their sources.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::codec::source_check;
use super::fail::{Fail, Try};
use super::now_ns;
use crate::error::Error;
use crate::ids::SourceId;
use crate::paths::{path_from_bytes, path_to_bytes};
use crate::records::{SourceKind, SourceRecord};

fn kind_code(kind: SourceKind) -> i64 {
    match kind {
        SourceKind::Root => 0,
        SourceKind::Upload => 1,
        SourceKind::Import => 2,
    }
}

pub(super) fn kind_of(code: i64) -> Try<SourceKind> {
    match code {
        0 => Ok(SourceKind::Root),
        1 => Ok(SourceKind::Upload),
        2 => Ok(SourceKind::Import),
        other => Err(Fail::Damaged(format!("a source is of kind {other}"))),
    }
}

/// The collection's id, if there is one of this name.
pub(super) fn find_collection(connection: &Connection, name: &str) -> Try<Option<i64>> {
    Ok(connection
        .query_row("SELECT id FROM collection WHERE name = ?", [name], |row| {
            row.get(0)
        })
        .optional()?)
}

pub(super) fn create_collection(connection: &Connection, name: &str) -> Try<i64> {
    if let Some(id) = find_collection(connection, name)? {
        return Ok(id);
    }
    connection.execute(
        "INSERT INTO collection (name, created_ns) VALUES (?, ?)",
        params![name, now_ns()],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Names of all collections, sorted.
pub(super) fn collections(connection: &Connection) -> Try<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM collection ORDER BY name")?;
    let names = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

/// The source with this kind and root.
pub(super) fn find(
    connection: &Connection,
    scope: &Scope,
    kind: SourceKind,
    root: &Path,
) -> Try<Option<SourceId>> {
    Ok(connection
        .prepare_cached("SELECT id FROM source WHERE collection = ? AND kind = ? AND root = ?")?
        .query_row(
            params![scope.collection, kind_code(kind), path_to_bytes(root)],
            |row| row.get(0).map(SourceId),
        )
        .optional()?)
}

pub(super) fn create(
    connection: &Connection,
    scope: &Scope,
    kind: SourceKind,
    root: &Path,
) -> Try<SourceId> {
    if let Some(id) = find(connection, scope, kind, root)? {
        return Ok(id);
    }
    let bytes = path_to_bytes(root);
    connection.execute(
        "INSERT INTO source (collection, kind, root, root_text, online, row_check)
         VALUES (?, ?, ?, ?, 1, ?)",
        params![
            scope.collection,
            kind_code(kind),
            bytes,
            String::from_utf8_lossy(&bytes),
            source_check(scope.collection, kind_code(kind), &bytes),
        ],
    )?;
    Ok(SourceId(connection.last_insert_rowid()))
}

/// Make a source known under an id, or change the state of the one that has it.
pub(super) fn adopt(connection: &Connection, scope: &Scope, source: &SourceRecord) -> Try<()> {
    let bytes = path_to_bytes(&source.root);
    let taken = connection
        .prepare_cached(
            "SELECT 1 FROM source WHERE (id = ?1) <> (collection = ?2 AND kind = ?3 AND root = ?4)",
        )?
        .exists(params![
            source.id.0,
            scope.collection,
            kind_code(source.kind),
            bytes
        ])?;
    if taken {
        return Err(Fail::Known(Error::Invalid {
            what: format!("source {} at {}", source.id, source.root.display()),
            reason: "another source has its number or its root".to_owned(),
        }));
    }
    connection.execute(
        "INSERT INTO source (id, collection, kind, root, root_text, online, last_scan_ns, row_check)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET online = excluded.online, last_scan_ns = excluded.last_scan_ns",
        params![
            source.id.0,
            scope.collection,
            kind_code(source.kind),
            bytes,
            String::from_utf8_lossy(&bytes),
            source.online,
            source.last_scan_ns,
            source_check(scope.collection, kind_code(source.kind), &bytes),
        ],
    )?;
    Ok(())
}

pub(super) fn list(connection: &Connection, scope: &Scope) -> Try<Vec<SourceRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, kind, root, online, last_scan_ns, row_check,
                (SELECT count(*) FROM item WHERE item.source = source.id)
         FROM source WHERE collection = ? ORDER BY id",
    )?;
    let mut rows = statement.query([scope.collection])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, root): (i64, Vec<u8>) = (row.get(1)?, row.get(2)?);
        if row.get::<_, u32>(5)? != source_check(scope.collection, kind, &root) {
            return Err(Fail::Damaged(
                "a source does not match its checksum".to_owned(),
            ));
        }
        sources.push(SourceRecord {
            id: SourceId(row.get(0)?),
            kind: kind_of(kind)?,
            root: path_from_bytes(&root),
            online: row.get(3)?,
            last_scan_ns: row.get(4)?,
            n_items: row.get(6)?,
        });
    }
    Ok(sources)
}

/// What kind a source is; one that is not of this collection is refused.
pub(super) fn require(connection: &Connection, scope: &Scope, source: SourceId) -> Try<SourceKind> {
    let kind = connection
        .prepare_cached("SELECT kind FROM source WHERE id = ? AND collection = ?")?
        .query_row([source.0, scope.collection], |row| row.get(0))
        .optional()?;
    kind_of(kind.ok_or(Fail::Known(Error::NoSuchSource(source)))?)
}

pub(super) fn set_online(connection: &Connection, source: SourceId, online: bool) -> Try<()> {
    connection.execute(
        "UPDATE source SET online = ? WHERE id = ?",
        params![online, source.0],
    )?;
    Ok(())
}

pub(super) fn mark_scanned(connection: &Connection, source: SourceId, at_ns: i64) -> Try<()> {
    connection.execute(
        "UPDATE source SET online = 1, last_scan_ns = ? WHERE id = ?",
        [at_ns, source.0],
    )?;
    Ok(())
}
