//! Carrying out a batch, operation by operation, within one transaction that
//! the caller began. What an item needs more words for is in `write_item`.

use fovea_index::kernels::normalize;
use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::codec::{NumbersOf, content_check, encode_colors, encode_numbers, encode_region};
use super::fail::{Fail, Try};
use super::known::Known;
use super::packs::Space;
use super::{sources, tags, write_item};
use crate::batch::{Batch, Operation, Owner};
use crate::error::Error;
use crate::ids::{Change, ContentHash, SourceId};
use crate::records::{Content, Failure, Part, Precision, SpaceSource};

/// One write: where it goes and which number it has.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) scope: &'a Scope,
    pub(super) change: Change,
    pub(super) known: Known,
}

/// Kinds of rows in the list of deletions. A content or phrase that is listed
/// is gone, or some of its vectors are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deleted {
    Item = 0,
    Content = 1,
    Phrase = 2,
}

/// Listed among the items that left where a collection came to another pack; no item has this id. What a pack says of
/// contents is not noted with their items while nobody searches with it.
pub(super) const ANOTHER_PACK: i64 = 0;

pub(super) fn apply(writing: &Writing<'_>, batch: &Batch) -> Try<()> {
    batch
        .operations
        .iter()
        .try_for_each(|operation| writing.carry_out(operation))
}

impl<'a> Writing<'a> {
    pub(super) fn new(connection: &'a Connection, scope: &'a Scope, change: Change) -> Self {
        Writing {
            connection,
            scope,
            change,
            known: Known::default(),
        }
    }
}

impl Writing<'_> {
    fn carry_out(&self, operation: &Operation) -> Try<()> {
        match operation {
            Operation::PutContent(content) => self.put_content(content),
            Operation::PutFeature {
                content,
                pack,
                part,
                feature,
            } => self.put_feature(*content, pack, *part, feature),
            Operation::PutVector {
                owner,
                pack,
                space,
                part,
                vector,
            } => self.put_vector(owner, pack, space, *part, vector),
            Operation::PutTags {
                content,
                pack,
                vocabulary,
                tags,
            } => tags::put(self, *content, pack, *vocabulary, tags),
            Operation::RemoveParts { content } => self.remove_parts(*content),
            Operation::PutItem(draft) => write_item::put(self, draft),
            Operation::RestoreItem {
                item,
                added_ns,
                draft,
            } => write_item::restore(self, *item, *added_ns, draft),
            Operation::PutCaptions { item, captions } => {
                write_item::put_captions(self, *item, captions)
            }
            &Operation::Touch {
                item,
                size,
                mtime_ns,
                checked_ns,
            } => write_item::touch(self, item, size, mtime_ns, checked_ns),
            Operation::MoveItem { item, source, path } => {
                write_item::move_to(self, *item, *source, path)
            }
            Operation::RemoveItem(item) => write_item::remove(self, *item),
            Operation::PutFailure(failure) => self.put_failure(failure),
            Operation::ClearFailure { source, path } => self.clear_failure(*source, path),
        }
    }

    fn put_content(&self, content: &Content) -> Try<()> {
        let known = self.known_content(content)?;
        self.connection
            .prepare_cached(
                "INSERT INTO content (hash, bytes, width, height, format, phash, dhash,
                                      hash_version, colors, color_version, preview_version, row_check)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (hash) DO UPDATE SET
                    bytes = excluded.bytes, width = excluded.width, height = excluded.height,
                    format = excluded.format, phash = excluded.phash, dhash = excluded.dhash,
                    hash_version = excluded.hash_version, colors = excluded.colors,
                    color_version = excluded.color_version,
                    preview_version = excluded.preview_version, row_check = excluded.row_check",
            )?
            .execute(params![
                content.hash.0,
                size_cell("content", content.bytes)?,
                content.width,
                content.height,
                content.format,
                content.phash.cast_signed(),
                content.dhash.cast_signed(),
                content.hash_version,
                encode_colors(&content.colors),
                content.color_version,
                content.preview_version,
                content_check(content),
            ])?;
        match known {
            Some((id, false)) => write_item::note_content(self, id),
            Some((_, true)) | None => Ok(()),
        }
    }

    /// The row of a content that is there, and whether filters find in it what is to be written.
    fn known_content(&self, content: &Content) -> Try<Option<(i64, bool)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, width = ? AND height = ? AND format = ? AND colors = ? FROM content WHERE hash = ?",
        )?;
        let known = statement.query_row(
            params![
                content.width,
                content.height,
                content.format,
                encode_colors(&content.colors),
                content.hash.0
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        Ok(known.optional()?)
    }

    fn put_feature(&self, hash: ContentHash, pack: &str, part: Part, feature: &[f32]) -> Try<()> {
        let pack = self.known.pack(self.connection, self.scope, pack)?;
        let what = || format!("feature of {hash}");
        check_numbers(what, pack.feature_dim, feature)?;
        check_part(part)?;
        let content = self.content_id(hash)?;
        let region = encode_region(part.region);
        let region = region.as_ref().map(|bytes| bytes.as_slice());
        let of = NumbersOf {
            kind: 0,
            owner: content,
            space: pack.id,
            part: part.index,
        };
        self.connection
            .prepare_cached(
                "INSERT INTO feature (content, pack, part, region, numbers, change)
                 VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (content, pack, part) DO UPDATE SET
                    region = excluded.region, numbers = excluded.numbers, change = excluded.change",
            )?
            .execute(params![
                content,
                pack.id,
                part.index,
                region,
                encode_numbers(feature, Precision::Half, of, region),
                self.change.0,
            ])?;
        Ok(())
    }

    fn put_vector(
        &self,
        owner: &Owner,
        pack: &str,
        name: &str,
        part: Part,
        vector: &[f32],
    ) -> Try<()> {
        let space = self.known.space(self.connection, self.scope, pack, name)?;
        let what = || format!("vector of {owner:?} in space {name:?}");
        if space.source == SpaceSource::FromFeature {
            let reason = "the space is made of the features, put those".to_owned();
            return Err(Fail::Known(Error::Invalid {
                what: what(),
                reason,
            }));
        }
        check_part(part)?;
        let vector = compared(&space, what, vector)?;
        let region = encode_region(part.region);
        let region = region.as_ref().map(|bytes| bytes.as_slice());
        let (kind, id, sql) = match owner {
            Owner::Content(hash) => (0, self.content_id(*hash)?, PUT_VECTOR_OF_CONTENT),
            Owner::Phrase(text) => (1, self.phrase_id(text)?, PUT_VECTOR_OF_PHRASE),
        };
        let of = NumbersOf {
            kind,
            owner: id,
            space: space.id,
            part: part.index,
        };
        let numbers = encode_numbers(&vector, space.precision, of, region);
        self.connection.prepare_cached(sql)?.execute(params![
            space.id,
            id,
            part.index,
            region,
            numbers,
            self.change.0
        ])?;
        Ok(())
    }

    /// What is listed as deleted is looked at again by whoever holds vectors of
    /// it: the whole is found there and stays.
    fn remove_parts(&self, hash: ContentHash) -> Try<()> {
        let id = match self.content_id(hash) {
            Err(Fail::Known(Error::NoSuchContent(_))) => return Ok(()),
            id => id?,
        };
        let is_shared = self
            .connection
            .prepare_cached("SELECT 1 FROM item WHERE content = ? AND collection <> ?")?
            .exists(params![id, self.scope.collection])?;
        if is_shared {
            return Ok(());
        }
        let mut removed = 0;
        for sql in [
            "DELETE FROM feature WHERE content = ? AND part <> 0",
            "DELETE FROM vector WHERE content = ? AND part <> 0",
        ] {
            removed += self.connection.prepare_cached(sql)?.execute([id])?;
        }
        match removed {
            0 => Ok(()),
            _ => self.log_deletion(Deleted::Content, id),
        }
    }

    fn put_failure(&self, failure: &Failure) -> Try<()> {
        sources::require(self.connection, self.scope, failure.source)?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO failure (source, path, kind, reason, size, mtime_ns, at_ns)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                failure.source.0,
                failure.path,
                failure.kind,
                failure.reason,
                size_cell("failure", failure.size)?,
                failure.mtime_ns,
                failure.at_ns,
            ])?;
        Ok(())
    }

    pub(super) fn clear_failure(&self, source: SourceId, path: &[u8]) -> Try<()> {
        sources::require(self.connection, self.scope, source)?;
        self.connection
            .prepare_cached("DELETE FROM failure WHERE source = ? AND path = ?")?
            .execute(params![source.0, path])?;
        Ok(())
    }

    /// The row of a content that was put before.
    pub(super) fn content_id(&self, hash: ContentHash) -> Try<i64> {
        let known = self.known.content(self.connection, hash)?;
        known.ok_or(Fail::Known(Error::NoSuchContent(hash)))
    }

    /// The row of a text, made when it is new.
    pub(super) fn phrase_id(&self, text: &str) -> Try<i64> {
        let known = self
            .connection
            .prepare_cached("SELECT id FROM phrase WHERE text = ?")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        self.connection
            .prepare_cached("INSERT INTO phrase (text) VALUES (?)")?
            .execute([text])?;
        Ok(self.connection.last_insert_rowid())
    }

    pub(super) fn log_deletion(&self, kind: Deleted, id: i64) -> Try<()> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO deletion (change, kind, id) VALUES (?, ?, ?)")?
            .execute(params![self.change.0, kind as i64, id])?;
        Ok(())
    }
}

const PUT_VECTOR_OF_CONTENT: &str =
    "INSERT INTO vector (space, content, part, region, numbers, change) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (content, space, part) WHERE content IS NOT NULL DO UPDATE SET
        region = excluded.region, numbers = excluded.numbers, change = excluded.change";

const PUT_VECTOR_OF_PHRASE: &str =
    "INSERT INTO vector (space, phrase, part, region, numbers, change) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (phrase, space, part) WHERE phrase IS NOT NULL DO UPDATE SET
        region = excluded.region, numbers = excluded.numbers, change = excluded.change";

/// SQLite's numbers are signed.
pub(super) fn size_cell(what: &str, size: u64) -> Try<i64> {
    i64::try_from(size).map_err(|_| {
        let reason = format!("{size} bytes are more than any file has");
        Fail::Known(Error::Invalid {
            what: what.to_owned(),
            reason,
        })
    })
}

/// A vector or query as the space compares it: at unit length where it goes
/// by the cosine, else as it is, if no distance can leave 32-bit floats.
pub(super) fn compared(space: &Space, what: impl Fn() -> String, vector: &[f32]) -> Try<Vec<f32>> {
    check_numbers(&what, space.dim, vector)?;
    let mut compared = vector.to_vec();
    let reason = if space.is_unit() {
        (!normalize(&mut compared)).then_some("it is zero and has no direction")
    } else {
        let squares: f64 = vector.iter().map(|&x| f64::from(x).powi(2)).sum();
        (squares > MOST_SQUARED)
            .then_some("it is longer than 9e18, beyond which distances overflow")
    };
    match reason {
        None => Ok(compared),
        Some(reason) => Err(Fail::Known(Error::InvalidVector {
            what: what(),
            reason,
        })),
    }
}

/// Of two vectors up to this squared length the inner product is no larger
/// and the squared distance at most four times it (Cauchy and Schwarz).
const MOST_SQUARED: f64 = f32::MAX as f64 / 4.0;

fn check_numbers(what: impl Fn() -> String, expected: usize, numbers: &[f32]) -> Try<()> {
    if numbers.len() != expected {
        let (what, got) = (what(), numbers.len());
        return Err(Fail::Known(Error::Dimension {
            what,
            expected,
            got,
        }));
    }
    if numbers.iter().any(|number| !number.is_finite()) {
        let reason = "it holds NaN or infinity";
        return Err(Fail::Known(Error::InvalidVector {
            what: what(),
            reason,
        }));
    }
    Ok(())
}

fn check_part(part: Part) -> Try<()> {
    let finite = part.region.is_none_or(|region| {
        [region.x, region.y, region.w, region.h]
            .iter()
            .all(|x| x.is_finite())
    });
    if finite {
        return Ok(());
    }
    let (what, reason) = (
        format!("part {}", part.index),
        "its region holds NaN or infinity",
    );
    Err(Fail::Known(Error::InvalidVector { what, reason }))
}
