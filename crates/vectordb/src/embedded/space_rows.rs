//! The vectors of one space that items of the collection have, in memory and
//! ready to be compared. It follows the tables by change number.

use fovea_index::kernels::normalize;
use rusqlite::{Connection, Row, params};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::codec::{Numbers, NumbersOf, decode_numbers, decode_region};
use super::fail::{Fail, Try};
use super::items::not_bytes;
use super::members::{Members, OwnerId};
use super::numbers::LiveNumbers;
use super::owners;
use super::packs::Space;
use crate::records::{Part, SpaceSource};

/// What a row of the index stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowOf {
    pub(super) owner: OwnerId,
    pub(super) part: Part,
}

/// One space's vectors. A clone shares most of its memory.
#[derive(Clone, Debug)]
pub(super) struct SpaceRows {
    pub(super) numbers: LiveNumbers,
    rows: Vec<RowOf>,
    of_owner: FxHashMap<OwnerId, SmallVec<[u32; 1]>>,
}

/// Statements for one kind of space. Columns: content, phrase, part, region, numbers.
struct Statements {
    all: &'static str,
    changed: &'static str,
    /// The number of rows, counted no further than the second parameter.
    count_up_to: &'static str,
    of_content: &'static str,
    of_phrase: Option<&'static str>,
}

const STORED: Statements = Statements {
    all: "SELECT content, phrase, part, region, numbers FROM vector WHERE space = ?",
    changed: "SELECT content, phrase FROM vector WHERE space = ? AND change > ?",
    count_up_to: "SELECT count(*) FROM (SELECT 1 FROM vector WHERE space = ? LIMIT ?)",
    of_content: "SELECT content, phrase, part, region, numbers FROM vector
                 WHERE space = ? AND content = ?",
    of_phrase: Some(
        "SELECT content, phrase, part, region, numbers FROM vector
         WHERE space = ? AND phrase = ?",
    ),
};

const FROM_FEATURE: Statements = Statements {
    all: "SELECT content, NULL, part, region, numbers FROM feature WHERE pack = ?",
    changed: "SELECT content, NULL FROM feature WHERE pack = ? AND change > ?",
    count_up_to: "SELECT count(*) FROM (SELECT 1 FROM feature WHERE pack = ? LIMIT ?)",
    of_content: "SELECT content, NULL, part, region, numbers FROM feature
                 WHERE pack = ? AND content = ?",
    of_phrase: None,
};

fn statements(space: &Space) -> &'static Statements {
    match space.source {
        SpaceSource::Stored => &STORED,
        SpaceSource::FromFeature => &FROM_FEATURE,
    }
}

/// The id that `numbers` are kept under: features are of the pack.
fn kept_under(space: &Space) -> i64 {
    match space.source {
        SpaceSource::Stored => space.id,
        SpaceSource::FromFeature => space.pack,
    }
}

/// A row as it is compared; none for a feature of zeros.
type Compared = Option<(RowOf, Numbers)>;

/// Every row of the space whose owner is a member, in the order of the tables.
pub(super) fn each_row(
    connection: &Connection,
    space: &Space,
    members: &FxHashSet<OwnerId>,
    mut take: impl FnMut(RowOf, Numbers),
) -> Try<()> {
    let mut statement = connection.prepare_cached(statements(space).all)?;
    let mut rows = statement.query([kept_under(space)])?;
    while let Some(row) = rows.next()? {
        if members.contains(&owner_of(row)?)
            && let Some((row, numbers)) = read_row(space, row)?
        {
            take(row, numbers);
        }
    }
    Ok(())
}

/// The rows of one owner, as they are compared.
pub(super) fn rows_of(
    connection: &Connection,
    space: &Space,
    owner: OwnerId,
) -> Try<Vec<(RowOf, Numbers)>> {
    let (sql, id) = match owner {
        OwnerId::Content(id) => (Some(statements(space).of_content), id),
        OwnerId::Phrase(id) => (statements(space).of_phrase, id),
    };
    let Some(sql) = sql else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([kept_under(space), id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(read_row(space, row)?);
    }
    Ok(found)
}

/// How many rows the members have, without reading one.
pub(super) fn count_rows(
    connection: &Connection,
    space: &Space,
    members: &FxHashSet<OwnerId>,
) -> Try<u64> {
    let mut statement = connection.prepare_cached(statements(space).changed)?;
    let mut rows = statement.query([kept_under(space), -1])?;
    let mut n = 0;
    while let Some(row) = rows.next()? {
        n += u64::from(members.contains(&owner_of(row)?));
    }
    Ok(n)
}

/// How many rows the space has, whoever they belong to, counted no further than `most`.
pub(super) fn count_up_to(connection: &Connection, space: &Space, most: u64) -> Try<u64> {
    let mut statement = connection.prepare_cached(statements(space).count_up_to)?;
    Ok(statement.query_row(params![kept_under(space), most], |row| row.get(0))?)
}

fn read_row(space: &Space, row: &Row<'_>) -> Try<Compared> {
    let owner = owner_of(row)?;
    let region = row.get_ref(3)?.as_blob_or_null().map_err(not_bytes)?;
    let part = Part {
        index: row.get(2)?,
        region: decode_region(region)?,
    };
    let (kind, id) = match owner {
        OwnerId::Content(id) => (0, id),
        OwnerId::Phrase(id) => (1, id),
    };
    let of = NumbersOf {
        kind,
        owner: id,
        space: kept_under(space),
        part: part.index,
    };
    let blob = row.get_ref(4)?.as_blob().map_err(not_bytes)?;
    let numbers = decode_numbers(blob, space.dim, of, region)?;
    Ok(compared(numbers, space.source).map(|numbers| (RowOf { owner, part }, numbers)))
}

impl SpaceRows {
    /// No vector as yet.
    pub(super) fn empty(space: &Space) -> SpaceRows {
        SpaceRows {
            numbers: LiveNumbers::new(space),
            rows: Vec::new(),
            of_owner: FxHashMap::default(),
        }
    }

    /// All vectors of the space that members have.
    pub(super) fn load(
        connection: &Connection,
        space: &Space,
        members: &Members,
    ) -> Try<SpaceRows> {
        let mut loaded = SpaceRows::empty(space);
        let mut statement = connection.prepare_cached(statements(space).all)?;
        let mut rows = statement.query([kept_under(space)])?;
        while let Some(row) = rows.next()? {
            if members.has(owner_of(row)?) {
                loaded.push(read_row(space, row)?)?;
            }
        }
        Ok(loaded)
    }

    /// Take in what was written after change `seen`, and what was deleted;
    /// `turned` are the owners that came to have items or lost them since then.
    pub(super) fn follow(
        &mut self,
        connection: &Connection,
        space: &Space,
        members: &Members,
        turned: &FxHashSet<OwnerId>,
        seen: u64,
    ) -> Try<()> {
        let mut touched = turned.clone();
        touched.extend(written(connection, space, seen)?);
        touched.extend(owners::deleted(connection, seen)?);
        for owner in touched {
            self.refresh(connection, space, owner, members.has(owner))?;
        }
        Ok(())
    }

    /// Read an owner's vectors anew, or drop them where it has no items.
    pub(super) fn refresh(
        &mut self,
        connection: &Connection,
        space: &Space,
        owner: OwnerId,
        has_items: bool,
    ) -> Try<()> {
        self.remove(owner)?;
        if !has_items {
            return Ok(());
        }
        for row in rows_of(connection, space, owner)? {
            self.push(Some(row))?;
        }
        Ok(())
    }

    fn push(&mut self, row: Compared) -> Try<()> {
        let Some((row, numbers)) = row else {
            return Ok(());
        };
        let at = self
            .numbers
            .push(numbers)
            .map_err(|error| Fail::Damaged(format!("a kept vector is unusable: {error}")))?;
        self.rows.push(row);
        self.of_owner.entry(row.owner).or_default().push(at);
        Ok(())
    }

    pub(super) fn has(&self, owner: OwnerId) -> bool {
        self.of_owner.contains_key(&owner)
    }

    /// The vectors of one owner.
    pub(super) fn of_owner(&self, owner: OwnerId) -> impl Iterator<Item = (Part, Vec<f32>)> {
        let rows = self.of_owner.get(&owner).into_iter().flatten();
        rows.filter_map(|&row| Some((self.row(row).part, self.numbers.copied(row)?)))
    }

    /// Every row with its numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RowOf, fovea_index::Numbers<'_>)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(at, row)| Some((*row, self.numbers.row(at as u32)?)))
    }

    fn remove(&mut self, owner: OwnerId) -> Try<()> {
        while let Some(row) = self.of_owner.get_mut(&owner).and_then(|rows| rows.pop()) {
            let last = self
                .numbers
                .remove(row)
                .map_err(|error| Fail::Damaged(format!("vectors in memory went wrong: {error}")))?;
            self.rows.swap_remove(row as usize);
            if last != row {
                self.renumber(row, last);
            }
        }
        self.of_owner.remove(&owner);
        Ok(())
    }

    /// The last row took the number of a removed one.
    fn renumber(&mut self, row: u32, last: u32) {
        let moved = self.rows[row as usize].owner;
        for number in self.of_owner.get_mut(&moved).into_iter().flatten() {
            if *number == last {
                *number = row;
            }
        }
    }

    pub(super) fn row(&self, row: u32) -> RowOf {
        self.rows[row as usize]
    }

    /// Every row with its owner.
    pub(super) fn owners(&self) -> impl Iterator<Item = (u32, OwnerId)> + '_ {
        (0..).zip(self.rows.iter().map(|row| row.owner))
    }
}

/// Owners whose vectors in the space were written after change `seen`.
pub(super) fn written(
    connection: &Connection,
    space: &Space,
    seen: u64,
) -> Try<FxHashSet<OwnerId>> {
    let mut statement = connection.prepare_cached(statements(space).changed)?;
    let mut rows = statement.query([kept_under(space), seen.cast_signed()])?;
    let mut owners = FxHashSet::default();
    while let Some(row) = rows.next()? {
        owners.insert(owner_of(row)?);
    }
    Ok(owners)
}

fn owner_of(row: &Row<'_>) -> Try<OwnerId> {
    match (row.get(0)?, row.get(1)?) {
        (Some(content), None) => Ok(OwnerId::Content(content)),
        (None, Some(phrase)) => Ok(OwnerId::Phrase(phrase)),
        _ => Err(Fail::Damaged("a vector has no owner or two".to_owned())),
    }
}

/// Stored vectors are as their metric wants them, features are brought to unit
/// length. A feature of zeros has no direction and is not searched.
fn compared(numbers: Numbers, source: SpaceSource) -> Option<Numbers> {
    match source {
        SpaceSource::Stored => Some(numbers),
        SpaceSource::FromFeature => {
            let mut unit = numbers.into_f32();
            normalize(&mut unit).then_some(Numbers::Single(unit))
        }
    }
}
