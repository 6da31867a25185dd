//! Looking for damage. It reads everything, mends nothing, and goes on after
//! each thing it finds.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::codec::{NumbersOf, decode_numbers, decode_region};
use super::fail::{Fail, Try};
use super::search::Place;
use super::write_item::PathTexts;
use super::{Scope, build, items, packs, tune};
use crate::filter::Filter;
use crate::index_file::{self, Check};
use crate::records::{PackRecord, Problem, ProblemKind, SpaceSource};

/// Problems of SQLite's own kind that are listed; one damaged page brings many.
const MAX_STRUCTURE: i64 = 20;

/// Everything that is wrong.
pub(super) fn check(place: &Place<'_>) -> Try<Vec<Problem>> {
    let Place {
        connection, scope, ..
    } = *place;
    let mut found = Found(Vec::new());
    found.structure(connection)?;
    found.numbers(connection, FEATURES, "feature")?;
    found.numbers(connection, VECTORS, "vector")?;
    found.records(connection, scope)?;
    found.repeated(connection)?;
    found.missing(connection, scope)?;
    found.indexes(place)?;
    Ok(found.0)
}

/// Columns: id, kind, owner, kept under, part, region, numbers, dim.
const FEATURES: &str = "
    SELECT feature.id, 0, content, pack, part, region, numbers, feature_dim
    FROM feature JOIN pack ON pack.id = feature.pack";

const VECTORS: &str = "
    SELECT vector.id, content IS NULL, coalesce(content, phrase), space, part, region, numbers, dim
    FROM vector JOIN space ON space.id = vector.space";

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, kind: ProblemKind, message: String) {
        self.0.push(Problem { kind, message });
    }

    /// Every byte of the index files, which a search checks only where it looks.
    fn indexes(&mut self, place: &Place<'_>) -> Try<()> {
        for (name, space) in tune::spaces(place)? {
            let path = build::place(place.folder, place.scope, &space);
            if let Err(reason) = index_file::open(&path, Check::All)
                && path.exists()
            {
                let message = format!(
                    "the index of space {name} is damaged: {reason}; `fovea index` makes it anew"
                );
                self.add(ProblemKind::Index, message);
            }
        }
        Ok(())
    }

    /// SQLite's own check, and references to rows that are not there.
    fn structure(&mut self, connection: &Connection) -> Try<()> {
        let lines = connection
            .prepare(&format!("PRAGMA integrity_check({MAX_STRUCTURE})"))
            .and_then(|mut statement| {
                let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
                lines.collect::<Result<Vec<_>, _>>()
            });
        match lines {
            Ok(lines) => {
                for line in lines.into_iter().filter(|line| line != "ok") {
                    self.add(
                        ProblemKind::Structure,
                        format!("the file is damaged: {line}"),
                    );
                }
            }
            Err(error) => {
                self.add(
                    ProblemKind::Structure,
                    format!("the file is damaged: {error}"),
                );
            }
        }
        let mut statement = connection.prepare(
            "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, parent, n): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let message = format!("{n} rows of {table} refer to a {parent} that is not there");
            self.add(ProblemKind::Dangling, message);
        }
        Ok(())
    }

    fn numbers(&mut self, connection: &Connection, sql: &str, what: &str) -> Try<()> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Err(fail) = decode_row(row) {
                let id: i64 = row.get(0)?;
                self.add(ProblemKind::Vector, format!("{what} {id}: {}", words(fail)));
            }
        }
        Ok(())
    }

    /// Items, contents and sources against their checksums.
    fn records(&mut self, connection: &Connection, scope: &Scope) -> Try<()> {
        let mut after = None;
        loop {
            let ids = super::filter_sql::matching(connection, scope, &Filter::All, after, 1000)?;
            let Some(&last) = ids.last() else { break };
            for id in ids {
                if let Err(fail) = items::read_item(connection, scope, id) {
                    self.add(ProblemKind::Record, words(fail));
                }
            }
            after = Some(last);
        }
        if let Err(fail) = super::sources::list(connection, scope) {
            self.add(ProblemKind::Record, words(fail));
        }
        let mut statement = connection.prepare(
            "SELECT hash, bytes, width, height, format, phash, dhash, hash_version, colors,
                    color_version, preview_version, row_check FROM content",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Err(fail) = items::content(row, 0) {
                self.add(ProblemKind::Record, words(fail));
            }
        }
        Ok(())
    }

    /// Columns that repeat others for the sake of filters and indexes.
    fn repeated(&mut self, connection: &Connection) -> Try<()> {
        let mut statement = connection.prepare(
            "SELECT path, path_text, folder, name, ext, item.id, root, root_text,
                    item.collection = source.collection
             FROM item JOIN source ON source.id = item.source",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (path, root): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(6)?);
            let kept = PathTexts {
                whole: row.get(1)?,
                folder: row.get(2)?,
                name: row.get(3)?,
                ext: row.get(4)?,
            };
            let agrees = kept == PathTexts::of(&path)
                && row.get::<_, String>(7)? == String::from_utf8_lossy(&root)
                && row.get(8)?;
            if !agrees {
                let (id, path): (i64, String) = (row.get(5)?, kept.whole);
                let message = format!("item {id} ({path}) disagrees with itself: index it again");
                self.add(ProblemKind::Record, message);
            }
        }
        Ok(())
    }

    /// Contents of items that the active pack has not seen.
    fn missing(&mut self, connection: &Connection, scope: &Scope) -> Try<()> {
        let Some(active) = packs::active(connection, scope)? else {
            return Ok(());
        };
        if active.has_encoder() {
            self.missing_features(connection, scope, &active)?;
        }
        for record in active
            .spaces
            .iter()
            .filter(|space| space.source == SpaceSource::Stored)
        {
            let space = packs::space(connection, scope, &active.fingerprint, &record.name)?;
            self.missing_vectors(connection, scope, space.id, &record.name)?;
        }
        Ok(())
    }

    fn missing_features(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        active: &PackRecord,
    ) -> Try<()> {
        let pack = packs::pack_id(connection, scope, &active.fingerprint)?;
        let mut statement = connection.prepare(
            "SELECT path_text FROM item WHERE collection = ? AND NOT EXISTS
                (SELECT 1 FROM feature WHERE feature.content = item.content AND pack = ? AND part = 0)
             ORDER BY path_text",
        )?;
        let mut rows = statement.query([scope.collection, pack])?;
        while let Some(row) = rows.next()? {
            let path = row.get::<_, String>(0)?;
            let message = format!(
                "{path} has no feature of pack {}: index it again",
                active.name
            );
            self.add(ProblemKind::MissingFeature, message);
        }
        Ok(())
    }

    /// A space that has vectors of some contents should have them of all,
    /// the same for their parts that have features, and for phrases.
    fn missing_vectors(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        space: i64,
        name: &str,
    ) -> Try<()> {
        let owners = [
            (
                "images",
                MISSING_CONTENTS,
                "SELECT 1 FROM vector WHERE space = ? AND content IS NOT NULL",
                "index them again",
            ),
            (
                "parts of images",
                MISSING_PARTS,
                "SELECT 1 FROM vector WHERE space = ? AND content IS NOT NULL",
                "`fovea index --regions=none` and then `--regions` makes them anew",
            ),
            (
                "captions",
                MISSING_PHRASES,
                "SELECT 1 FROM vector WHERE space = ? AND phrase IS NOT NULL",
                "index them again",
            ),
        ];
        for (what, missing, used, mend) in owners {
            if !connection.prepare(used)?.exists([space])? {
                continue;
            }
            let n: i64 =
                connection
                    .query_row(missing, params![scope.collection, space], |row| row.get(0))?;
            if n > 0 {
                let message = format!("{n} {what} have no vector in space {name}: {mend}");
                self.add(ProblemKind::MissingVector, message);
            }
        }
        Ok(())
    }
}

const MISSING_CONTENTS: &str = "
    SELECT count(DISTINCT content) FROM item WHERE collection = ? AND NOT EXISTS
        (SELECT 1 FROM vector WHERE vector.content = item.content AND space = ? AND part = 0)";

const MISSING_PARTS: &str = "
    SELECT count(*) FROM feature
    WHERE part <> 0 AND pack = (SELECT pack FROM space WHERE id = ?2)
      AND content IN (SELECT content FROM item WHERE collection = ?1) AND NOT EXISTS
        (SELECT 1 FROM vector WHERE vector.content = feature.content AND space = ?2
         AND vector.part = feature.part)";

const MISSING_PHRASES: &str = "
    SELECT count(DISTINCT phrase) FROM caption JOIN item ON item.id = caption.item
    WHERE collection = ? AND NOT EXISTS
        (SELECT 1 FROM vector WHERE vector.phrase = caption.phrase AND space = ?)";

fn decode_row(row: &Row<'_>) -> Try<()> {
    let of = NumbersOf {
        kind: row.get(1)?,
        owner: row.get(2)?,
        space: row.get(3)?,
        part: row.get(4)?,
    };
    let region = row.get_ref(5)?;
    let region = match region {
        ValueRef::Null => None,
        other => Some(other.as_blob().map_err(items::not_bytes)?),
    };
    let numbers = row.get_ref(6)?.as_blob().map_err(items::not_bytes)?;
    let dim = usize::try_from(row.get::<_, i64>(7)?).unwrap_or(0);
    decode_numbers(numbers, dim, of, region)?;
    decode_region(region)?;
    Ok(())
}

fn words(fail: Fail) -> String {
    match fail {
        Fail::Damaged(reason) => reason,
        Fail::Known(error) => error.to_string(),
        Fail::Sql(error) => error.to_string(),
    }
}
