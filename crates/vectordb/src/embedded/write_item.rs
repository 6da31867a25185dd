//! Writing items: their place, what was said of them, and their checksums.

use rusqlite::{OptionalExtension, params};

use super::codec::{item_check, origin_code, said_check};
use super::fail::{Fail, Try};
use super::write::{Deleted, Writing, size_cell};
use super::{keywords, now_ns, sources};
use crate::batch::Caption;
use crate::error::Error;
use crate::ids::{ItemId, SourceId};
use crate::records::{ItemDraft, Metadata, SourceKind, Value};

/// The columns of an item's row that are neither made from the path nor checksums.
struct Row {
    id: i64,
    source: i64,
    path: Vec<u8>,
    content: i64,
    size: i64,
    mtime_ns: i64,
    checked_ns: i64,
    added_ns: i64,
    change: u64,
}

impl Row {
    fn check(&self) -> u32 {
        let numbers = [
            self.id,
            self.source,
            self.size,
            self.mtime_ns,
            self.checked_ns ^ self.added_ns.rotate_left(32),
            self.change.cast_signed(),
        ];
        item_check(numbers, &self.path, self.content)
    }
}

/// What filters see of a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PathTexts {
    pub(crate) whole: String,
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) ext: String,
}

impl PathTexts {
    pub(crate) fn of(path: &[u8]) -> PathTexts {
        let whole = String::from_utf8_lossy(path).into_owned();
        let (folder, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        let ext = match name.rsplit_once('.') {
            Some((stem, ext)) if !stem.is_empty() => ext.to_lowercase(),
            _ => String::new(),
        };
        let (folder, name) = (folder.to_owned(), name.to_owned());
        PathTexts {
            whole,
            folder,
            name,
            ext,
        }
    }
}

/// Insert or replace the item at (source, path).
pub(super) fn put(writing: &Writing<'_>, draft: &ItemDraft) -> Try<()> {
    match at_place(writing, draft.source, &draft.path)? {
        Some((id, added_ns)) => put_as(writing, draft, id, added_ns, false),
        None => put_as(writing, draft, free_id(writing, draft)?, now_ns(), true),
    }
}

/// Insert or replace an item under an id that was given elsewhere.
pub(super) fn restore(
    writing: &Writing<'_>,
    item: ItemId,
    added_ns: i64,
    draft: &ItemDraft,
) -> Try<()> {
    if load(writing, item)?.is_some() {
        move_to(writing, item, draft.source, &draft.path)?;
        return put_as(writing, draft, item.get(), added_ns, false);
    }
    let mut taken = writing
        .connection
        .prepare_cached("SELECT 1 FROM item WHERE id = ?")?;
    if taken.exists([item.get()])? {
        return Err(Fail::Known(Error::Invalid {
            what: format!("item {item}"),
            reason: "an item of another collection has its id".to_owned(),
        }));
    }
    if let Some((covered, _)) = at_place(writing, draft.source, &draft.path)? {
        remove_row(writing, covered)?;
    }
    put_as(writing, draft, item.get(), added_ns, true)
}

fn put_as(
    writing: &Writing<'_>,
    draft: &ItemDraft,
    id: i64,
    added_ns: i64,
    is_new: bool,
) -> Try<()> {
    let kind = sources::require(writing.connection, writing.scope, draft.source)?;
    check_path(kind, &draft.path)?;
    check_metadata(&draft.metadata)?;
    let content = writing.content_id(draft.content)?;
    let row = Row {
        id,
        source: draft.source.0,
        path: draft.path.clone(),
        content,
        size: size_cell("item", draft.size)?,
        mtime_ns: draft.mtime_ns,
        checked_ns: draft.checked_ns,
        added_ns,
        change: writing.change.0,
    };
    put_row(writing, &row, said_check(&draft.metadata, &draft.captions))?;
    put_metadata(writing, id, &draft.metadata, is_new)?;
    put_caption_rows(writing, id, &draft.captions, is_new)?;
    keywords::put(writing, id)?;
    writing.clear_failure(draft.source, &draft.path)
}

/// Id and time of addition of the item at a place.
fn at_place(writing: &Writing<'_>, source: SourceId, path: &[u8]) -> Try<Option<(i64, i64)>> {
    Ok(writing
        .connection
        .prepare_cached("SELECT id, added_ns FROM item WHERE source = ? AND path = ?")?
        .query_row(params![source.0, path], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?)
}

fn free_id(writing: &Writing<'_>, draft: &ItemDraft) -> Try<i64> {
    let mut taken = writing
        .connection
        .prepare_cached("SELECT 1 FROM item WHERE id = ?")?;
    let mut nonce = 0;
    loop {
        let id = ItemId::derive(&writing.scope.name, draft.source, &draft.path, nonce);
        if !taken.exists([id.get()])? {
            return Ok(id.get());
        }
        nonce += 1;
    }
}

fn put_row(writing: &Writing<'_>, row: &Row, said: u32) -> Try<()> {
    let texts = PathTexts::of(&row.path);
    writing
        .connection
        .prepare_cached(
            "INSERT INTO item (id, collection, source, path, path_text, folder, name, ext, content,
                               size, mtime_ns, checked_ns, added_ns, change, row_check, said_check)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET
                content = excluded.content, size = excluded.size, mtime_ns = excluded.mtime_ns,
                checked_ns = excluded.checked_ns, added_ns = excluded.added_ns, change = excluded.change,
                row_check = excluded.row_check, said_check = excluded.said_check",
        )?
        .execute(params![
            row.id,
            writing.scope.collection,
            row.source,
            row.path,
            texts.whole,
            texts.folder,
            texts.name,
            texts.ext,
            row.content,
            row.size,
            row.mtime_ns,
            row.checked_ns,
            row.added_ns,
            row.change,
            row.check(),
            said,
        ])?;
    Ok(())
}

fn put_metadata(writing: &Writing<'_>, item: i64, metadata: &Metadata, is_new: bool) -> Try<()> {
    let connection = writing.connection;
    if !is_new {
        connection
            .prepare_cached("DELETE FROM metadata WHERE item = ?")?
            .execute([item])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO metadata (item, key, ord, text, number) VALUES (?, ?, ?, ?, ?)",
    )?;
    for (key, values) in metadata {
        for (ord, value) in values.iter().enumerate() {
            let ord = ord as i64;
            match value {
                Value::Text(text) => insert.execute(params![item, key, ord, text, None::<i64>])?,
                Value::Integer(number) => {
                    insert.execute(params![item, key, ord, None::<&str>, number])?
                }
                Value::Real(number) => {
                    insert.execute(params![item, key, ord, None::<&str>, number])?
                }
            };
        }
    }
    Ok(())
}

fn put_caption_rows(
    writing: &Writing<'_>,
    item: i64,
    captions: &[Caption],
    is_new: bool,
) -> Try<()> {
    let connection = writing.connection;
    if !is_new {
        connection
            .prepare_cached("DELETE FROM caption WHERE item = ?")?
            .execute([item])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO caption (item, ord, phrase, lang, origin) VALUES (?, ?, ?, ?, ?)",
    )?;
    for (ord, caption) in captions.iter().enumerate() {
        let phrase = writing.phrase_id(&caption.text)?;
        let origin = origin_code(caption.origin);
        insert.execute(params![item, ord as i64, phrase, caption.lang, origin])?;
    }
    Ok(())
}

/// Replace an item's captions.
pub(super) fn put_captions(writing: &Writing<'_>, item: ItemId, captions: &[Caption]) -> Try<()> {
    let mut row = load(writing, item)?.ok_or(Fail::Known(Error::NoSuchItem(item)))?;
    let metadata = super::items::metadata(writing.connection, item.get())?;
    put_caption_rows(writing, item.get(), captions, false)?;
    row.change = writing.change.0;
    writing
        .connection
        .prepare_cached("UPDATE item SET change = ?, row_check = ?, said_check = ? WHERE id = ?")?
        .execute(params![
            row.change,
            row.check(),
            said_check(&metadata, captions),
            row.id
        ])?;
    keywords::put(writing, row.id)
}

/// Note that a file was looked at. Only a new size or time is a change.
pub(super) fn touch(
    writing: &Writing<'_>,
    item: ItemId,
    size: u64,
    mtime_ns: i64,
    checked_ns: i64,
) -> Try<()> {
    let Some(mut row) = load(writing, item)? else {
        return Ok(());
    };
    let size = size_cell("item", size)?;
    if (row.size, row.mtime_ns) != (size, mtime_ns) {
        row.change = writing.change.0;
    }
    (row.size, row.mtime_ns, row.checked_ns) = (size, mtime_ns, checked_ns);
    writing
        .connection
        .prepare_cached(
            "UPDATE item SET size = ?, mtime_ns = ?, checked_ns = ?, change = ?, row_check = ?
             WHERE id = ?",
        )?
        .execute(params![
            size,
            mtime_ns,
            checked_ns,
            row.change,
            row.check(),
            row.id
        ])?;
    Ok(())
}

/// Give an item another place, removing what was there.
pub(super) fn move_to(
    writing: &Writing<'_>,
    item: ItemId,
    source: SourceId,
    path: &[u8],
) -> Try<()> {
    let kind = sources::require(writing.connection, writing.scope, source)?;
    check_path(kind, path)?;
    let mut row = load(writing, item)?.ok_or(Fail::Known(Error::NoSuchItem(item)))?;
    if let Some((covered, _)) = at_place(writing, source, path)?
        && covered != row.id
    {
        remove_row(writing, covered)?;
    }
    (row.source, row.path, row.change) = (source.0, path.to_vec(), writing.change.0);
    let texts = PathTexts::of(path);
    writing
        .connection
        .prepare_cached(
            "UPDATE item SET source = ?, path = ?, path_text = ?, folder = ?, name = ?, ext = ?,
                             change = ?, row_check = ?
             WHERE id = ?",
        )?
        .execute(params![
            row.source,
            row.path,
            texts.whole,
            texts.folder,
            texts.name,
            texts.ext,
            row.change,
            row.check(),
            row.id,
        ])?;
    keywords::put(writing, row.id)?;
    writing.clear_failure(source, path)
}

pub(super) fn remove(writing: &Writing<'_>, item: ItemId) -> Try<()> {
    match load(writing, item)? {
        Some(row) => remove_row(writing, row.id),
        None => Ok(()),
    }
}

fn remove_row(writing: &Writing<'_>, id: i64) -> Try<()> {
    writing
        .connection
        .prepare_cached("DELETE FROM item WHERE id = ?")?
        .execute([id])?;
    keywords::remove(writing, id)?;
    writing.log_deletion(Deleted::Item, id)
}

/// What filters see of a content is another: its items have changed with it, in every collection.
pub(super) fn note_content(writing: &Writing<'_>, content: i64) -> Try<()> {
    let mut statement = writing
        .connection
        .prepare_cached(&format!("{ROW} WHERE content = ?"))?;
    let rows = statement.query_map([content], read)?;
    for row in rows.collect::<Result<Vec<Row>, _>>()? {
        let row = Row {
            change: writing.change.0,
            ..row
        };
        writing
            .connection
            .prepare_cached("UPDATE item SET change = ?, row_check = ? WHERE id = ?")?
            .execute(params![row.change, row.check(), row.id])?;
    }
    Ok(())
}

const ROW: &str =
    "SELECT id, source, path, content, size, mtime_ns, checked_ns, added_ns, change FROM item";

/// The row of an item of this collection.
fn load(writing: &Writing<'_>, item: ItemId) -> Try<Option<Row>> {
    Ok(writing
        .connection
        .prepare_cached(&format!("{ROW} WHERE id = ? AND collection = ?"))?
        .query_row([item.get(), writing.scope.collection], read)
        .optional()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        source: row.get(1)?,
        path: row.get(2)?,
        content: row.get(3)?,
        size: row.get(4)?,
        mtime_ns: row.get(5)?,
        checked_ns: row.get(6)?,
        added_ns: row.get(7)?,
        change: row.get(8)?,
    })
}

/// A kept path leads to a file below its root and nowhere else. What names a
/// row of an import leads nowhere, and is not opened.
pub(super) fn check_path(kind: SourceKind, path: &[u8]) -> Try<()> {
    let leaves = path
        .split(|&byte| byte == b'/')
        .any(|name| name == b".." || name.is_empty());
    if !leaves || (kind == SourceKind::Import && !path.is_empty()) {
        return Ok(());
    }
    Err(Fail::Known(Error::Invalid {
        what: format!("path {:?}", String::from_utf8_lossy(path)),
        reason: "it must be relative to its source, without `..` or empty names".to_owned(),
    }))
}

pub(super) fn check_metadata(metadata: &Metadata) -> Try<()> {
    let nan = |value: &Value| matches!(value, Value::Real(number) if number.is_nan());
    match metadata.iter().find(|(_, values)| values.iter().any(nan)) {
        None => Ok(()),
        Some((key, _)) => Err(Fail::Known(Error::Invalid {
            what: format!("metadata {key:?}"),
            reason: "it is not a number".to_owned(),
        })),
    }
}
