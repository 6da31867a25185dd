//! Reading vectors back, item by item: what an export is made of.

use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::fail::Try;
use super::members::OwnerId;
use super::packs::Space;
use super::space_rows::rows_of;
use crate::ids::ItemId;
use crate::records::ItemVector;

/// The vectors of items in the order asked: those of the content by part, then those of the captions in their order.
pub(super) fn of_items(
    connection: &Connection,
    scope: &Scope,
    space: &Space,
    items: &[ItemId],
) -> Try<Vec<ItemVector>> {
    let mut vectors = Vec::new();
    for &item in items {
        for (owner, caption) in owners(connection, scope, item)? {
            let mut rows = rows_of(connection, space, owner)?;
            rows.sort_by_key(|(row, _)| row.part.index);
            vectors.extend(rows.into_iter().map(|(row, numbers)| ItemVector {
                item,
                part: row.part,
                caption: caption.clone(),
                vector: numbers.into_f32(),
            }));
        }
    }
    Ok(vectors)
}

/// Whose vectors are an item's, and the words of those that are of a caption.
fn owners(
    connection: &Connection,
    scope: &Scope,
    item: ItemId,
) -> Try<Vec<(OwnerId, Option<String>)>> {
    let content = connection
        .prepare_cached("SELECT content FROM item WHERE id = ? AND collection = ?")?
        .query_row(params![item.get(), scope.collection], |row| row.get(0))
        .optional()?;
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    let mut owners = vec![(OwnerId::Content(content), None)];
    let mut statement = connection.prepare_cached(
        "SELECT phrase, text FROM caption JOIN phrase ON phrase.id = caption.phrase
         WHERE item = ? ORDER BY ord",
    )?;
    let mut rows = statement.query([item.get()])?;
    while let Some(row) = rows.next()? {
        owners.push((OwnerId::Phrase(row.get(0)?), Some(row.get(1)?)));
    }
    Ok(owners)
}
