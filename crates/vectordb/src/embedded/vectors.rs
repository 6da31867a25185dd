//! Reading vectors back, item by item: what an export is made of.

use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::fail::Try;
use super::members::{Members, OwnerId};
use super::packs::Space;
use super::search::{Cache, Place};
use super::space_rows::{SpaceRows, rows_of};
use crate::ids::ItemId;
use crate::records::ItemVector;

/// The vectors of items in the order asked: those of the content by part, then those of the captions in their order.
pub(super) fn of_items(
    place: &Place<'_>,
    cache: &Cache,
    space: &Space,
    items: &[ItemId],
) -> Try<Vec<ItemVector>> {
    let mut vectors = Vec::new();
    let in_memory = cache.in_memory(place.connection, space)?;
    for &item in items {
        let kept = in_memory.as_ref();
        match kept.and_then(|(members, rows)| of_content(members, rows, item)) {
            Some(of_content) => vectors.extend(of_content),
            None => read(place, space, item, &mut vectors)?,
        }
    }
    Ok(vectors)
}

/// The vectors of an item out of memory; nothing where captions have some too, whose words and order only the tables know,
/// or where it is not known here.
fn of_content(members: &Members, rows: &SpaceRows, item: ItemId) -> Option<Vec<ItemVector>> {
    let mut of_content = None;
    for &owner in members.owners_of(item) {
        match owner {
            OwnerId::Content(_) => of_content = Some(owner),
            OwnerId::Phrase(_) if rows.has(owner) => return None,
            OwnerId::Phrase(_) => {}
        }
    }
    let mut vectors: Vec<ItemVector> = rows
        .of_owner(of_content?)
        .map(|(part, vector)| ItemVector {
            item,
            part,
            caption: None,
            vector,
        })
        .collect();
    vectors.sort_by_key(|one| one.part.index);
    Some(vectors)
}

fn read(place: &Place<'_>, space: &Space, item: ItemId, vectors: &mut Vec<ItemVector>) -> Try<()> {
    for (owner, caption) in owners(place.connection, place.scope, item)? {
        let mut rows = rows_of(place.connection, space, owner)?;
        rows.sort_by_key(|(row, _)| row.part.index);
        vectors.extend(rows.into_iter().map(|(row, numbers)| ItemVector {
            item,
            part: row.part,
            caption: caption.clone(),
            vector: numbers.into_f32(),
        }));
    }
    Ok(())
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
