//! Reading what is kept of items, contents and failures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

use super::codec::{content_check, decode_colors, item_check, origin_of, said_check, source_check};
use super::fail::{Fail, Try};
use super::{Scope, change_of, packs, sources, tags};
use crate::batch::Caption;
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::paths::path_from_bytes;
use crate::recent::Recent;
use crate::records::{Content, ContentState, Failure, FileState, Item, Metadata, Value};

const ITEM: &str = "
    SELECT item.id, item.source, path, size, mtime_ns, checked_ns, added_ns, change, item.content,
           item.row_check, said_check, kind, root, online, source.row_check,
           hash, bytes, width, height, format, phash, dhash, hash_version, colors,
           color_version, preview_version, content.row_check
    FROM item JOIN source ON source.id = item.source JOIN content ON content.id = item.content
    WHERE item.id = ? AND item.collection = ?";

/// Items that are kept, some kilobytes each.
const KEPT: usize = 8_192;

/// Items that were read lately, as they are at a change: an answer's page, its detail and its next page show the same ones.
#[derive(Debug)]
pub(super) struct Described(Mutex<(Change, Recent<ItemId, Arc<Item>>)>);

impl Default for Described {
    fn default() -> Self {
        Described(Mutex::new((Change::default(), Recent::new(KEPT))))
    }
}

impl Described {
    /// Those that are known at this change.
    fn known(&self, change: Change, ids: &[ItemId]) -> Vec<Option<Arc<Item>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != change {
            return vec![None; ids.len()];
        }
        ids.iter().map(|id| kept.1.get(id)).collect()
    }

    fn keep(&self, change: Change, items: &[Arc<Item>]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader may still be at a change that others are past.
        if kept.0 > change {
            return;
        }
        if kept.0 < change {
            *kept = (change, Recent::new(KEPT));
        }
        for item in items {
            kept.1.put(item.id, Arc::clone(item));
        }
    }
}

/// The items with these ids, those that are there.
pub(super) fn items(
    connection: &Connection,
    scope: &Scope,
    described: &Described,
    ids: &[ItemId],
) -> Try<Vec<Item>> {
    let change = change_of(connection)?;
    let known = described.known(change, ids);
    let (mut items, mut read) = (Vec::with_capacity(ids.len()), Vec::new());
    for (id, known) in ids.iter().zip(known) {
        match known {
            Some(known) => items.push(Item::clone(&known)),
            None => {
                let item = read_item(connection, scope, *id)?;
                read.extend(item.iter().cloned().map(Arc::new));
                items.extend(item);
            }
        }
    }
    described.keep(change, &read);
    Ok(items)
}

/// The item as the tables have it, if it is there.
pub(super) fn read_item(connection: &Connection, scope: &Scope, id: ItemId) -> Try<Option<Item>> {
    let mut statement = connection.prepare_cached(ITEM)?;
    let mut rows = statement.query([id.get(), scope.collection])?;
    match rows.next()? {
        Some(row) => Ok(Some(item(connection, scope, row)?)),
        None => Ok(None),
    }
}

fn item(connection: &Connection, scope: &Scope, row: &Row<'_>) -> Try<Item> {
    let number: i64 = row.get(0)?;
    let id = item_id(number)?;
    let said: u32 = row.get(10)?;
    let (kind, root): (i64, Vec<u8>) = (row.get(11)?, row.get(12)?);
    let item = Item {
        id,
        source: SourceId(row.get(1)?),
        source_kind: sources::kind_of(kind)?,
        root: path_from_bytes(&root),
        online: row.get(13)?,
        path: row.get(2)?,
        content: content(row, 15)?,
        size: row.get(3)?,
        mtime_ns: row.get(4)?,
        checked_ns: row.get(5)?,
        added_ns: row.get(6)?,
        change: Change(row.get(7)?),
        metadata: metadata(connection, number)?,
        captions: captions(connection, number)?,
        tags: tags::of_content(connection, scope, row.get(8)?)?,
    };
    let numbers = [
        number,
        item.source.0,
        item.size.cast_signed(),
        item.mtime_ns,
        item.checked_ns ^ item.added_ns.rotate_left(32),
        item.change.0.cast_signed(),
    ];
    let whole = row.get::<_, u32>(9)? == item_check(numbers, &item.path, row.get(8)?)
        && said == said_check(&item.metadata, &item.captions)
        && row.get::<_, u32>(14)? == source_check(scope.collection, kind, &root);
    if whole {
        Ok(item)
    } else {
        Err(Fail::Damaged(format!(
            "item {id} does not match its checksum"
        )))
    }
}

pub(super) fn item_id(number: i64) -> Try<ItemId> {
    ItemId::new(number).ok_or_else(|| Fail::Damaged(format!("an item has the id {number}")))
}

fn hash_of(bytes: &[u8]) -> Try<ContentHash> {
    bytes
        .try_into()
        .map(ContentHash)
        .map_err(|_| Fail::Damaged(format!("a content hash has {} bytes", bytes.len())))
}

/// A content from the columns of its table, in their order, beginning at one.
pub(super) fn content(row: &Row<'_>, at: usize) -> Try<Content> {
    let content = Content {
        hash: hash_of(row.get_ref(at)?.as_blob().map_err(not_bytes)?)?,
        bytes: row.get(at + 1)?,
        width: row.get(at + 2)?,
        height: row.get(at + 3)?,
        format: row.get(at + 4)?,
        phash: row.get::<_, i64>(at + 5)?.cast_unsigned(),
        dhash: row.get::<_, i64>(at + 6)?.cast_unsigned(),
        hash_version: row.get(at + 7)?,
        colors: decode_colors(row.get_ref(at + 8)?.as_blob().map_err(not_bytes)?)?,
        color_version: row.get(at + 9)?,
        preview_version: row.get(at + 10)?,
    };
    if row.get::<_, u32>(at + 11)? == content_check(&content) {
        Ok(content)
    } else {
        Err(Fail::Damaged(format!(
            "content {} does not match its checksum",
            content.hash
        )))
    }
}

pub(super) fn not_bytes(error: rusqlite::types::FromSqlError) -> Fail {
    Fail::Damaged(format!("a cell is not made of bytes ({error})"))
}

pub(super) fn metadata(connection: &Connection, item: i64) -> Try<Metadata> {
    let mut statement = connection.prepare_cached(
        "SELECT key, text, number FROM metadata WHERE item = ? ORDER BY key, ord",
    )?;
    let mut rows = statement.query([item])?;
    let mut metadata = Metadata::new();
    while let Some(row) = rows.next()? {
        let value = match row.get_ref(2)? {
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Null => Value::Text(row.get(1)?),
            other => {
                let kind = other.data_type();
                return Err(Fail::Damaged(format!(
                    "a number of item {item} is {kind:?}"
                )));
            }
        };
        metadata.entry(row.get(0)?).or_default().push(value);
    }
    Ok(metadata)
}

pub(super) fn captions(connection: &Connection, item: i64) -> Try<Vec<Caption>> {
    let mut statement = connection.prepare_cached(
        "SELECT lang, text, origin FROM caption JOIN phrase ON phrase.id = caption.phrase
         WHERE item = ? ORDER BY ord",
    )?;
    let mut rows = statement.query([item])?;
    let mut captions = Vec::new();
    while let Some(row) = rows.next()? {
        let (lang, text, origin) = (row.get(0)?, row.get(1)?, origin_of(row.get(2)?)?);
        captions.push(Caption { lang, text, origin });
    }
    Ok(captions)
}

/// Items of a source that are looked up one by one rather than by a pass over all items and contents.
const FEW: i64 = 10_000;

const STATES_OF_FEW: &str = "
    SELECT item.id, path, item.size, mtime_ns, checked_ns, content, hash
    FROM item LEFT JOIN content ON content.id = item.content WHERE source = ?";

/// The plus keeps SQLite on the table: in the index's order each row would be looked up by itself.
const STATES_OF_MANY: &str = "
    SELECT id, path, size, mtime_ns, checked_ns, content, NULL FROM item WHERE +source = ?";

/// What a scan compares with the file system. Of many, hashes are read in one sweep of
/// their own: looking each up would cost more than all the rest.
pub(super) fn file_states(
    connection: &Connection,
    scope: &Scope,
    source: SourceId,
) -> Try<Vec<FileState>> {
    super::sources::require(connection, scope, source)?;
    let has_few = !connection
        .prepare_cached("SELECT 1 FROM item WHERE source = ? LIMIT 1 OFFSET ?")?
        .exists([source.0, FEW])?;
    let (sql, hashes) = if has_few {
        (STATES_OF_FEW, FxHashMap::default())
    } else {
        (STATES_OF_MANY, content_hashes(connection)?)
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([source.0])?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        let content: i64 = row.get(5)?;
        let hash = match row.get_ref(6)?.as_blob_or_null().map_err(not_bytes)? {
            Some(hash) => Some(hash_of(hash)?),
            None => hashes.get(&content).copied(),
        };
        let content = hash.ok_or_else(|| {
            Fail::Damaged(format!(
                "an item refers to content {content}, which is not there"
            ))
        })?;
        states.push(FileState {
            item: item_id(row.get(0)?)?,
            path: row.get(1)?,
            size: row.get(2)?,
            mtime_ns: row.get(3)?,
            checked_ns: row.get(4)?,
            content,
        });
    }
    Ok(states)
}

fn content_hashes(connection: &Connection) -> Try<FxHashMap<i64, ContentHash>> {
    let mut statement = connection.prepare_cached("SELECT id, hash FROM content")?;
    let mut rows = statement.query([])?;
    let mut hashes = FxHashMap::default();
    while let Some(row) = rows.next()? {
        let hash = hash_of(row.get_ref(1)?.as_blob().map_err(not_bytes)?)?;
        hashes.insert(row.get(0)?, hash);
    }
    Ok(hashes)
}

/// Which contents are kept, and what is there of each.
pub(super) fn known_contents(
    connection: &Connection,
    scope: &Scope,
    hashes: &[ContentHash],
    pack: &str,
) -> Try<Vec<ContentState>> {
    let pack = packs::pack_id(connection, scope, pack)?;
    let mut statement = connection.prepare_cached(
        "SELECT hash_version, color_version, preview_version, width, height,
                coalesce(sum(part = 0), 0), coalesce(sum(part <> 0), 0), coalesce(max(part), 0)
         FROM content LEFT JOIN feature ON feature.content = content.id AND pack = ?
         WHERE hash = ? GROUP BY content.id",
    )?;
    let mut states = Vec::new();
    for &hash in hashes {
        let state = statement
            .query_row(params![pack, hash.0], |row| {
                Ok(ContentState {
                    hash,
                    hash_version: row.get(0)?,
                    color_version: row.get(1)?,
                    preview_version: row.get(2)?,
                    width: row.get(3)?,
                    height: row.get(4)?,
                    has_feature: row.get(5)?,
                    n_parts: row.get(6)?,
                    last_part: row.get(7)?,
                })
            })
            .optional()?;
        states.extend(state);
    }
    Ok(states)
}

pub(super) fn find(
    connection: &Connection,
    scope: &Scope,
    source: SourceId,
    path: &[u8],
) -> Try<Option<ItemId>> {
    let id = connection
        .prepare_cached("SELECT id FROM item WHERE source = ? AND path = ? AND collection = ?")?
        .query_row(params![source.0, path, scope.collection], |row| row.get(0))
        .optional()?;
    id.map(item_id).transpose()
}

pub(super) fn failures(
    connection: &Connection,
    scope: &Scope,
    source: Option<SourceId>,
) -> Try<Vec<Failure>> {
    let mut statement = connection.prepare_cached(
        "SELECT source, path, failure.kind, reason, size, mtime_ns, at_ns
         FROM failure JOIN source ON source.id = failure.source
         WHERE collection = ?1 AND (?2 IS NULL OR source = ?2) ORDER BY source, path",
    )?;
    let failures = statement
        .query_map(
            params![scope.collection, source.map(|source| source.0)],
            |row| {
                Ok(Failure {
                    source: SourceId(row.get(0)?),
                    path: row.get(1)?,
                    kind: row.get(2)?,
                    reason: row.get(3)?,
                    size: row.get(4)?,
                    mtime_ns: row.get(5)?,
                    at_ns: row.get(6)?,
                })
            },
        )?
        .collect::<Result<_, _>>()?;
    Ok(failures)
}

/// Counts by a text column, for `stats`.
pub(super) fn counts<K: std::hash::Hash + Eq + rusqlite::types::FromSql>(
    connection: &Connection,
    scope: &Scope,
    sql: &str,
) -> Try<HashMap<K, u64>> {
    let mut statement = connection.prepare_cached(sql)?;
    let counts = statement
        .query_map([scope.collection], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(counts)
}
