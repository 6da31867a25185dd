//! Sweeping what nobody uses, and counting what is there.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::fail::Try;
use super::items::counts;
use super::packs;
use super::write::{Deleted, Writing};
use crate::records::{SpaceCount, SpaceSource, Stats};

/// Deletions that stay listed; a reader that is further behind loads anew.
const DELETIONS_KEPT: i64 = 100_000;

const UNUSED_CONTENTS: &str =
    "SELECT id FROM content WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.content = content.id)";

const UNUSED_PHRASES: &str = "SELECT id FROM phrase WHERE NOT EXISTS (SELECT 1 FROM caption WHERE caption.phrase = phrase.id)";

/// Remove contents and phrases that no item of any collection uses, with
/// their features and vectors.
pub(super) fn sweep(writing: &Writing<'_>) -> Try<u64> {
    let contents = unused(writing.connection, UNUSED_CONTENTS)?;
    for &id in &contents {
        writing
            .connection
            .prepare_cached("DELETE FROM content WHERE id = ?")?
            .execute([id])?;
        writing.log_deletion(Deleted::Content, id)?;
    }
    let phrases = unused(writing.connection, UNUSED_PHRASES)?;
    for &id in &phrases {
        writing
            .connection
            .prepare_cached("DELETE FROM phrase WHERE id = ?")?
            .execute([id])?;
        writing.log_deletion(Deleted::Phrase, id)?;
    }
    cut_deletions(writing.connection)?;
    Ok((contents.len() + phrases.len()) as u64)
}

/// Whether a sweep would find anything, so that one that does not stays unwritten.
pub(super) fn is_swept(connection: &Connection) -> Try<bool> {
    Ok(!connection.prepare_cached(UNUSED_CONTENTS)?.exists([])?
        && !connection.prepare_cached(UNUSED_PHRASES)?.exists([])?)
}

fn unused(connection: &Connection, sql: &str) -> Try<Vec<i64>> {
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Keep the list of deletions short.
fn cut_deletions(connection: &Connection) -> Try<()> {
    let floor: Option<i64> = connection
        .query_row(
            "SELECT change FROM deletion ORDER BY change DESC LIMIT 1 OFFSET ?",
            [DELETIONS_KEPT],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(floor) = floor {
        connection.execute("DELETE FROM deletion WHERE change <= ?", [floor])?;
        connection.execute("UPDATE state SET log_floor = ?", [floor])?;
    }
    Ok(())
}

pub(super) fn setting(connection: &Connection, scope: &Scope, key: &str) -> Try<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT value FROM setting WHERE collection = ? AND key = ?")?
        .query_row(params![scope.collection, key], |row| row.get(0))
        .optional()?)
}

/// Keys that begin with `prefix`, and their values.
pub(super) fn settings(
    connection: &Connection,
    scope: &Scope,
    prefix: &str,
) -> Try<Vec<(String, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, value FROM setting
         WHERE collection = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2 ORDER BY key",
    )?;
    let rows = statement.query_map(params![scope.collection, prefix], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn set_setting(
    connection: &Connection,
    scope: &Scope,
    key: &str,
    value: Option<&str>,
) -> Try<()> {
    match value {
        Some(value) => connection.execute(
            "INSERT OR REPLACE INTO setting (collection, key, value) VALUES (?, ?, ?)",
            params![scope.collection, key, value],
        )?,
        None => connection.execute(
            "DELETE FROM setting WHERE collection = ? AND key = ?",
            params![scope.collection, key],
        )?,
    };
    Ok(())
}

/// How much is kept.
pub(super) fn stats(connection: &Connection, scope: &Scope) -> Try<Stats> {
    let one = |sql: &str| -> Try<u64> {
        Ok(connection
            .prepare_cached(sql)?
            .query_row([scope.collection], |row| row.get(0))?)
    };
    Ok(Stats {
        n_items: one("SELECT count(*) FROM item WHERE collection = ?")?,
        n_contents: one("SELECT count(DISTINCT content) FROM item WHERE collection = ?")?,
        n_captions: one(
            "SELECT count(*) FROM caption JOIN item ON item.id = caption.item WHERE collection = ?",
        )?,
        n_parts: parts(connection, scope, "count(*)")?,
        n_contents_with_parts: parts(connection, scope, "count(DISTINCT content)")?,
        captions_by_lang: sorted(counts(
            connection,
            scope,
            "SELECT lang, count(*) FROM caption JOIN item ON item.id = caption.item
             WHERE collection = ? GROUP BY lang",
        )?),
        by_format: sorted(counts(
            connection,
            scope,
            "SELECT format, count(*) FROM item JOIN content ON content.id = item.content
             WHERE collection = ? GROUP BY format",
        )?),
        failures_by_kind: sorted(counts(
            connection,
            scope,
            "SELECT failure.kind, count(*) FROM failure JOIN source ON source.id = failure.source
             WHERE collection = ? GROUP BY failure.kind",
        )?),
        n_offline: one(
            "SELECT count(*) FROM item JOIN source ON source.id = item.source
             WHERE item.collection = ? AND online = 0",
        )?,
        source_bytes: one("SELECT coalesce(sum(size), 0) FROM item WHERE collection = ?")?,
        database_bytes: connection.query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?,
        spaces: space_counts(connection, scope)?,
    })
}

/// Counts over the parts of this collection's contents that the active pack has features of. The index over content, pack
/// and part answers it without reading a feature.
fn parts(connection: &Connection, scope: &Scope, counted: &str) -> Try<u64> {
    let sql = format!(
        "SELECT {counted} FROM feature
         WHERE part <> 0 AND pack = (SELECT active_pack FROM collection WHERE id = ?1)
           AND content IN (SELECT content FROM item WHERE collection = ?1)"
    );
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([scope.collection], |row| row.get(0))?)
}

fn sorted<K: Ord>(counts: impl IntoIterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    counts.into_iter().collect()
}

fn space_counts(connection: &Connection, scope: &Scope) -> Try<Vec<SpaceCount>> {
    let mut spaces = Vec::new();
    for pack in packs::list(connection, scope)? {
        for record in &pack.spaces {
            let space = packs::space(connection, scope, &pack.fingerprint, &record.name)?;
            let (sql, id) = match space.source {
                SpaceSource::Stored => ("SELECT count(*) FROM vector WHERE space = ?", space.id),
                SpaceSource::FromFeature => {
                    ("SELECT count(*) FROM feature WHERE pack = ?", space.pack)
                }
            };
            spaces.push(SpaceCount {
                pack: pack.fingerprint.clone(),
                space: record.name.clone(),
                n_vectors: connection
                    .prepare_cached(sql)?
                    .query_row([id], |row| row.get(0))?,
            });
        }
    }
    Ok(spaces)
}
