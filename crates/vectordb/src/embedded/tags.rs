//! The words that an encoder or a person's list has for what contents show.

use rusqlite::{Connection, OptionalExtension, params};

use super::fail::{Fail, Try};
use super::write::Writing;
use super::{Scope, packs, write_item};
use crate::error::Error;
use crate::ids::ContentHash;
use crate::records::{Tag, Vocabulary};

/// Tags of the collection's active pack, as `(content, name, probability)`, for a condition on `tag.content`.
macro_rules! seen {
    () => {
        "FROM tag JOIN label ON label.id = tag.label
         JOIN collection ON label.pack = collection.active_pack
            AND (label.collection IS NULL OR label.collection = collection.id)"
    };
}

/// Values of the field `tag`, beside those in the metadata: pairs of item and name, of a collection.
pub(super) const OF_COLLECTION: &str = concat!(
    "SELECT item.id, label.name ",
    seen!(),
    " JOIN item ON item.content = tag.content AND item.collection = collection.id WHERE collection.id = ?1"
);

/// The same, of an item.
pub(super) const OF_ITEM: &str = concat!(
    "SELECT item.id, label.name ",
    seen!(),
    " JOIN item ON item.content = tag.content AND item.collection = collection.id WHERE item.id = ?1"
);

/// As a condition's subquery: items and names, of all collections.
pub(super) const OF_ITEMS: &str = concat!(
    "SELECT item.id AS item, label.name AS text ",
    seen!(),
    " JOIN item ON item.content = tag.content AND item.collection = collection.id"
);

/// Put the tags that one vocabulary gives a content in the place of those it gave before.
pub(super) fn put(
    writing: &Writing<'_>,
    content: ContentHash,
    pack: &str,
    vocabulary: Vocabulary,
    tags: &[Tag],
) -> Try<()> {
    tags.iter().try_for_each(check)?;
    let id = writing.content_id(content)?;
    let known = &writing.known;
    let known_pack = known.pack(writing.connection, writing.scope, pack)?;
    let pack = known_pack.id;
    let collection = match vocabulary {
        Vocabulary::Pack => None,
        Vocabulary::Collection => Some(writing.scope.collection),
    };
    let kept = kept(writing.connection, id, pack, collection)?;
    if kept == *tags {
        return Ok(());
    }
    if !kept.is_empty() {
        // By the labels of this content's few tags: a pack has a thousand labels, which `IN` would gather each time.
        writing
            .connection
            .prepare_cached(
                "DELETE FROM tag WHERE content = ? AND EXISTS
                    (SELECT 1 FROM label WHERE id = tag.label AND pack = ? AND collection IS ?)",
            )?
            .execute(params![id, pack, collection])?;
    }
    let mut insert = writing.connection.prepare_cached(
        "INSERT OR REPLACE INTO tag (content, label, probability) VALUES (?, ?, ?)",
    )?;
    for tag in tags {
        let label = known.label(writing.connection, (pack, collection), &tag.name)?;
        insert.execute(params![id, label, f64::from(tag.probability)])?;
    }
    // Those of a pack that nobody searches with are on no item; when somebody does, all are looked at anew.
    match known_pack.is_active {
        true => write_item::note_content(writing, id),
        false => Ok(()),
    }
}

pub(super) fn check(tag: &Tag) -> Try<()> {
    let is_right = tag.probability > 0.0 && tag.probability <= 1.0 && !tag.name.is_empty();
    match is_right {
        true => Ok(()),
        false => Err(Fail::Known(Error::Invalid {
            what: format!("tag {:?}", tag.name),
            reason: format!(
                "it needs a name, and a probability above 0 and up to 1, not {}",
                tag.probability
            ),
        })),
    }
}

fn kept(
    connection: &Connection,
    content: i64,
    pack: i64,
    collection: Option<i64>,
) -> Try<Vec<Tag>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, probability FROM tag JOIN label ON label.id = tag.label
         WHERE content = ? AND pack = ? AND collection IS ? ORDER BY probability DESC, name",
    )?;
    let tags = statement.query_map(params![content, pack, collection], read)?;
    Ok(tags.collect::<Result<_, _>>()?)
}

/// What a collection sees in a content, the most probable first.
pub(super) fn of_content(connection: &Connection, scope: &Scope, content: i64) -> Try<Vec<Tag>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT label.name, max(probability) ",
        seen!(),
        " WHERE tag.content = ? AND collection.id = ? GROUP BY label.name ORDER BY 2 DESC, label.name"
    ))?;
    let tags = statement.query_map(params![content, scope.collection], read)?;
    Ok(tags.collect::<Result<_, _>>()?)
}

/// What each vocabulary of this collection says of contents, by a pack.
pub(super) fn of_contents(
    connection: &Connection,
    scope: &Scope,
    pack: &str,
    contents: &[ContentHash],
) -> Try<Vec<(ContentHash, Vocabulary, Vec<Tag>)>> {
    let pack = packs::pack_id(connection, scope, pack)?;
    let mut find = connection.prepare_cached("SELECT id FROM content WHERE hash = ?")?;
    let mut said = Vec::new();
    for hash in contents {
        let id: Option<i64> = find.query_row([hash.0], |row| row.get(0)).optional()?;
        let Some(id) = id else { continue };
        for (vocabulary, collection) in [
            (Vocabulary::Pack, None),
            (Vocabulary::Collection, Some(scope.collection)),
        ] {
            let tags = kept(connection, id, pack, collection)?;
            if !tags.is_empty() {
                said.push((*hash, vocabulary, tags));
            }
        }
    }
    Ok(said)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Tag> {
    Ok(Tag {
        name: row.get(0)?,
        probability: row.get::<_, f64>(1)? as f32,
    })
}
