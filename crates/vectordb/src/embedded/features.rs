//! Reading features back: what a new alignment is applied to.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Scope;
use super::codec::{NumbersOf, decode_numbers, decode_region};
use super::fail::Try;
use super::items::not_bytes;
use super::packs;
use crate::ids::ContentHash;
use crate::records::Part;

/// A page of features by rising hash of their contents.
pub(super) fn page(
    connection: &Connection,
    scope: &Scope,
    pack: &str,
    after: Option<ContentHash>,
    limit: usize,
) -> Try<Vec<(ContentHash, Part, Vec<f32>)>> {
    let pack = packs::pack_id(connection, scope, pack)?;
    let dim = packs::feature_dim(connection, pack)?;
    let mut contents = connection.prepare_cached(
        "SELECT id, hash FROM content
         WHERE (?1 IS NULL OR hash > ?1)
           AND EXISTS (SELECT 1 FROM feature WHERE feature.content = content.id AND pack = ?2)
           AND EXISTS (SELECT 1 FROM item WHERE item.content = content.id AND collection = ?3)
         ORDER BY hash LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = after.map(|hash| hash.0);
    let mut rows = contents.query(params![after, pack, scope.collection, limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let hash = ContentHash(row.get(1)?);
        for (part, feature) in parts(connection, pack, dim, row.get(0)?)? {
            page.push((hash, part, feature));
        }
    }
    Ok(page)
}

/// All features of one content.
pub(super) fn of_content(
    connection: &Connection,
    scope: &Scope,
    pack: &str,
    hash: ContentHash,
) -> Try<Vec<(Part, Vec<f32>)>> {
    let pack = packs::pack_id(connection, scope, pack)?;
    let dim = packs::feature_dim(connection, pack)?;
    let content = connection
        .prepare_cached("SELECT id FROM content WHERE hash = ?")?
        .query_row([hash.0], |row| row.get(0))
        .optional()?;
    match content {
        Some(content) => parts(connection, pack, dim, content),
        None => Ok(Vec::new()),
    }
}

fn parts(
    connection: &Connection,
    pack: i64,
    dim: usize,
    content: i64,
) -> Try<Vec<(Part, Vec<f32>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT part, region, numbers FROM feature WHERE content = ? AND pack = ? ORDER BY part",
    )?;
    let mut rows = statement.query([content, pack])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(part(
            row,
            NumbersOf {
                kind: 0,
                owner: content,
                space: pack,
                part: row.get(0)?,
            },
            dim,
        )?);
    }
    Ok(parts)
}

fn part(row: &Row<'_>, of: NumbersOf, dim: usize) -> Try<(Part, Vec<f32>)> {
    let region = row.get_ref(1)?.as_blob_or_null().map_err(not_bytes)?;
    let numbers = row.get_ref(2)?.as_blob().map_err(not_bytes)?;
    let feature = decode_numbers(numbers, dim, of, region)?.into_f32();
    Ok((
        Part {
            index: of.part,
            region: decode_region(region)?,
        },
        feature,
    ))
}
