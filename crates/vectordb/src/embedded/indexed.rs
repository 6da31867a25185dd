//! A space with an index file: the rows it was built over are found by the
//! index, what was written since is compared exactly, and what left is passed
//! over. So ten new pictures never rebuild a million.

use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fovea_index::{
    Bitmap, Block, Gathered, Index, Metric, Numbers, Scored, SearchOptions, Vectors, family,
};
use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::fail::{Fail, Try};
use super::members::OwnerId;
use super::meta::Meta;
use super::numbers::MappedNumbers;
use super::packs::Space;
use super::row_checks::RowChecks;
use super::space_rows::{RowOf, SpaceRows, written};
use super::{Scope, owners};
use crate::index_file::{self, Check};
use crate::records::{Part, Region};

/// Numbers of a region.
const REGION: usize = 4;

/// An index file, opened.
#[derive(Debug)]
pub(super) struct OpenIndex {
    pub(super) path: PathBuf,
    pub(super) change: u64,
    pub(super) bytes: u64,
    pub(super) meta: Meta,
    pub(super) index: Box<dyn Index>,
    stamp: Stamp,
    metric: Metric,
    numbers: MappedNumbers,
    checks: RowChecks,
    /// Of each row: a content's id, or minus a phrase's.
    owners: Block<i64>,
    parts: Block<u32>,
    /// Four numbers of each row, or none at all where all rows are whole images.
    regions: Block<f32>,
    /// Rows by rising owner.
    by_owner: Block<u32>,
}

/// What tells one file at a place from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        })
    }
}

impl OpenIndex {
    /// The file, if it is whole and of this space; otherwise why not.
    pub(super) fn open(
        path: &Path,
        space: &Space,
        identity: &str,
        check: Check,
    ) -> Result<OpenIndex, String> {
        let stamp = Stamp::of(path).ok_or_else(|| "it is not there".to_owned())?;
        let file = index_file::open(path, check)?;
        let words = |error: fovea_index::Error| error.to_string();
        let meta = Meta::parse(&file.sections.bytes("meta").map_err(words)?)?;
        if meta.identity != identity || meta.dim != space.dim {
            return Err("it is of another database".to_owned());
        }
        let owners: Block<i64> = file.sections.list("owners").map_err(words)?;
        let n = owners.len();
        let numbers = MappedNumbers::of(&file.sections, "vectors", space, n).map_err(words)?;
        let checks = RowChecks::new(file.sections.block("vectors.checks", n).map_err(words)?);
        let parts = file.sections.block("parts", n).map_err(words)?;
        let regions: Block<f32> = file.sections.list("regions").map_err(words)?;
        let by_owner: Block<u32> = file.sections.block("by-owner", n).map_err(words)?;
        if !(regions.is_empty() || regions.len() == n * REGION)
            || by_owner.iter().any(|&row| row as usize >= n)
        {
            return Err("its tables do not fit each other".to_owned());
        }
        let vectors = Vectors::new(meta.dim, space.metric, numbers.all()).map_err(words)?;
        let family = family(&meta.family).map_err(words)?;
        let index = (family.load)(&file.sections, &vectors).map_err(words)?;
        if index.rows() as usize != n {
            return Err("index and tables have not the same rows".to_owned());
        }
        Ok(OpenIndex {
            path: path.to_owned(),
            change: file.change,
            bytes: file.bytes,
            meta,
            index,
            stamp,
            metric: space.metric,
            numbers,
            checks,
            owners,
            parts,
            regions,
            by_owner,
        })
    }

    /// Whether the file at the place is still this one.
    pub(super) fn is_current(&self) -> bool {
        Stamp::of(&self.path) == Some(self.stamp)
    }

    /// Whether a row was met that is not what was written: no answer that came
    /// since is to be used.
    pub(super) fn is_damaged(&self) -> bool {
        self.checks.is_damaged()
    }

    /// Take the file away, so that nobody else trips over it and the next
    /// build makes it anew. Where that is not allowed, it stays.
    pub(super) fn discard(&self) {
        if self.is_current() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    pub(super) fn vectors(&self) -> Vectors<'_> {
        Vectors::new(self.meta.dim, self.metric, self.numbers.all())
            .expect("the numbers were checked to be whole rows")
            .guarded(&self.checks)
    }

    /// All numbers; of a file that was opened with all of it checked.
    pub(super) fn numbers(&self) -> Numbers<'_> {
        self.numbers.all()
    }

    /// Rows of an owner.
    pub(super) fn rows_of(&self, owner: OwnerId) -> impl Iterator<Item = u32> + '_ {
        let key = owner.key();
        let of = |row: &u32| self.owners[*row as usize];
        let start = self.by_owner.partition_point(|row| of(row) < key);
        let rows = self.by_owner[start..].iter().copied();
        rows.take_while(move |row| self.owners[*row as usize] == key)
    }

    /// Every row by rising key of its owner, with that key.
    pub(super) fn rows_by_owner(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let key = |row: &u32| (self.owners[*row as usize], *row);
        self.by_owner.iter().map(key)
    }

    /// Whether a row belongs to a phrase.
    pub(super) fn has_phrases(&self) -> bool {
        self.rows_by_owner().next().is_some_and(|(key, _)| key < 0)
    }

    pub(super) fn row(&self, row: u32) -> RowOf {
        let at = row as usize;
        let region = self.regions.get(at * REGION..at * REGION + REGION);
        let region = region.filter(|numbers| numbers[0].is_finite());
        RowOf {
            owner: OwnerId::of_key(self.owners[at]),
            part: Part {
                index: self.parts[at],
                region: region.map(|numbers| Region {
                    x: numbers[0],
                    y: numbers[1],
                    w: numbers[2],
                    h: numbers[3],
                }),
            },
        }
    }
}

/// The rows of an index file and of what came after it.
#[derive(Clone, Debug)]
pub(super) struct IndexedSpace {
    pub(super) file: Arc<OpenIndex>,
    /// Rows of the file that count no more.
    gone: Bitmap,
    /// What was written since, compared exactly.
    pub(super) since: SpaceRows,
    /// Set when `gone` has rows: those that still count.
    live: Option<Bitmap>,
}

/// Which rows may be found.
#[derive(Clone, Debug)]
pub(super) struct IndexedAllowed {
    file: Bitmap,
    since: Bitmap,
}

impl IndexedAllowed {
    pub(super) fn len(&self) -> u64 {
        self.file.len() + self.since.len()
    }
}

impl IndexedSpace {
    /// The file brought up to the transaction's state.
    pub(super) fn new(
        connection: &Connection,
        scope: &Scope,
        space: &Space,
        file: Arc<OpenIndex>,
    ) -> Try<IndexedSpace> {
        let seen = file.change;
        let mut indexed = IndexedSpace {
            file,
            gone: Bitmap::new(),
            since: SpaceRows::empty(space),
            live: None,
        };
        indexed.follow(connection, scope, space, seen)?;
        Ok(indexed)
    }

    /// Take in what was written after change `seen`.
    pub(super) fn follow(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        space: &Space,
        seen: u64,
    ) -> Try<()> {
        let written = written(connection, space, seen)?;
        // These are out of date wherever they are; those that only came to
        // have items may be in the file already, as good as they were.
        for &owner in &written {
            self.drop_rows(owner);
        }
        let mut touched: FxHashSet<OwnerId> = written;
        for owner in owners::joined(connection, scope, seen)? {
            if !self.has(owner) {
                touched.insert(owner);
            }
        }
        for owner in owners::deleted(connection, seen)? {
            self.drop_rows(owner);
            touched.insert(owner);
        }
        for owner in touched {
            let has_items = !owners::items_of(connection, scope, owner)?.is_empty();
            self.since.refresh(connection, space, owner, has_items)?;
        }
        self.live = (!self.gone.is_empty())
            .then(|| Bitmap::full(self.file.index.rows()).without(&self.gone));
        Ok(())
    }

    /// The file's rows of this owner count no more.
    fn drop_rows(&mut self, owner: OwnerId) {
        let file = Arc::clone(&self.file);
        for row in file.rows_of(owner) {
            if !file.index.removed().contains(row) {
                self.gone.insert(row);
            }
        }
    }

    fn has(&self, owner: OwnerId) -> bool {
        self.since.has(owner) || self.file.rows_of(owner).any(|row| self.counts(row))
    }

    /// Rows that are searched, about.
    pub(super) fn len(&self) -> u64 {
        let index = &self.file.index;
        let of_file = u64::from(index.rows()) - index.removed().len() - self.gone.len();
        of_file + u64::from(self.since.numbers.len())
    }

    /// Changes that the file has not seen.
    pub(super) fn pending(&self) -> u64 {
        self.gone.len() + u64::from(self.since.numbers.len())
    }

    /// Whether a row of the file still stands for something.
    fn counts(&self, row: u32) -> bool {
        !self.gone.contains(row) && !self.file.index.removed().contains(row)
    }

    pub(super) fn is_gone(&self, row: u32) -> bool {
        self.gone.contains(row)
    }

    /// Rows of the file, those that count no more left out, and of what came since.
    pub(super) fn allow(&self, file: &Bitmap, since: Bitmap) -> IndexedAllowed {
        let counting = file.without(&self.gone).without(self.file.index.removed());
        IndexedAllowed {
            file: counting,
            since,
        }
    }

    /// What makes further searches among these rows faster.
    pub(super) fn gather(&self, allowed: &IndexedAllowed) -> Option<Gathered> {
        self.file.index.gather(&allowed.file)
    }

    /// The nearest rows of both, best first, as what they stand for. `allowed` comes with what was gathered of it.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        k: usize,
        effort: u32,
        allowed: Option<(&IndexedAllowed, Option<&Gathered>)>,
    ) -> Try<Vec<(f32, RowOf)>> {
        let words = |error: fovea_index::Error| {
            Fail::Damaged(format!("the index in memory went wrong: {error}"))
        };
        let (allowed, gathered) = allowed.unzip();
        let options = SearchOptions {
            k,
            effort,
            allowed: allowed.map(|allowed| &allowed.file).or(self.live.as_ref()),
            gathered: gathered.flatten(),
        };
        let of_file = self
            .file
            .index
            .search(&self.file.vectors(), query, &options);
        let since = allowed.map(|allowed| &allowed.since);
        let of_since = self.since.numbers.search(query, k, since);
        let mut found: Vec<(f32, RowOf)> = of_file
            .map_err(words)?
            .iter()
            .map(|&Scored { row, score }| (score, self.file.row(row)))
            .collect();
        let of_since = of_since.map_err(words)?;
        found.extend(
            of_since
                .iter()
                .map(|one| (one.score, self.since.row(one.row))),
        );
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(k);
        Ok(found)
    }
}

/// Items of owners, asked of the tables and kept for the length of one search.
#[derive(Debug, Default)]
pub(super) struct ItemsOf(FxHashMap<OwnerId, Vec<i64>>);

impl ItemsOf {
    pub(super) fn of(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        owner: OwnerId,
    ) -> Try<&[i64]> {
        match self.0.entry(owner) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => Ok(vacant.insert(owners::items_of(connection, scope, owner)?)),
        }
    }
}
