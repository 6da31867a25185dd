//! Making and renewing the index file of a space: which family, over which
//! rows, and whether the file there is can be carried on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fovea_index::{BuildOptions, Index, Parameters, Vectors, Work, family};
use rusqlite::Connection;

use super::asked::Samples;
use super::fail::{Fail, Try};
use super::indexed::{IndexedSpace, OpenIndex};
use super::meta::Meta;
use super::numbers::FlatNumbers;
use super::packs::Space;
use super::row_checks::RowChecks;
use super::space_rows::{RowOf, count_rows, count_up_to, each_row};
use super::{Scope, owners, upkeep};
use crate::error::Error;
use crate::index_file::{self, Check, Checked, Part};
use crate::indexes::{BuildObserver, FLAT_UP_TO, IndexChoice};

/// Changes that stay beside a file: as a share of its rows, and at least.
const PENDING_SHARE: u64 = 100;
const PENDING_LEAST: u64 = 1000;
/// From this share of changed rows on a file is made anew.
const ANEW_FROM: f64 = 0.3;

/// Where the file of a space lies.
pub(super) fn place(folder: &Path, scope: &Scope, space: &Space) -> PathBuf {
    let name = format!("{}-{}.fvi", scope.collection, space.id);
    folder.join("index").join(name)
}

/// Names database, collection and space for good: a database that was moved
/// away and begun anew gets the same numbers, but not the same moment.
pub(super) fn identity(connection: &Connection, scope: &Scope, space: &Space) -> Try<String> {
    let created: i64 = connection
        .prepare_cached("SELECT created_ns FROM collection WHERE id = ?")?
        .query_row([scope.collection], |row| row.get(0))?;
    Ok(format!("{created}/{}/{}", scope.collection, space.id))
}

/// What was asked for this collection.
pub(super) fn choice(connection: &Connection, scope: &Scope) -> Try<IndexChoice> {
    match upkeep::setting(connection, scope, IndexChoice::SETTING)? {
        Some(text) => Ok(text.parse()?),
        None => Ok(IndexChoice::Auto),
    }
}

/// Rows of a space, one after the other.
struct Gathered {
    numbers: FlatNumbers,
    rows: Vec<RowOf>,
}

/// What there is to do for one space.
pub(super) struct Task<'a> {
    pub(super) connection: &'a Connection,
    pub(super) scope: &'a Scope,
    pub(super) space: &'a Space,
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    pub(super) change: u64,
    pub(super) choice: &'a IndexChoice,
    pub(super) observer: &'a dyn BuildObserver,
}

impl Task<'_> {
    /// Make the file what the choice asks for; true when it was written or removed.
    pub(super) fn run(&self) -> Try<bool> {
        let started = Instant::now();
        let known = self.known(Check::ForUse)?;
        let n = match &known {
            Some(indexed) => indexed.len(),
            None => self.count()?,
        };
        let Some((family, asked, why)) = self.choice.decide(n) else {
            return Ok(std::fs::remove_file(self.path).is_ok());
        };
        let mut meta = Meta {
            identity: identity(self.connection, self.scope, self.space)?,
            dim: self.space.dim,
            family,
            asked: asked.to_string(),
            why,
            ..Meta::default()
        };
        let fits = |known: &IndexedSpace| {
            let held = &known.file.meta;
            held.family == meta.family && held.asked == meta.asked
        };
        if let Some(known) = known.filter(fits) {
            let (pending, rows) = (known.pending(), known.file.index.rows());
            if pending <= PENDING_LEAST.max(u64::from(rows) / PENDING_SHARE) {
                return Ok(false);
            }
            // What goes into a new file is checked, all of it.
            if (pending as f64) < ANEW_FROM * f64::from(rows)
                && let Some(known) = self.known(Check::All)?.filter(fits)
            {
                meta.n_queries = known.file.meta.n_queries;
                return self.carry_on(&known, meta, started).map(|()| true);
            }
        }
        self.make(&asked, meta, started).map(|()| true)
    }

    /// The file that is there, if it serves, brought up to date.
    fn known(&self, check: Check) -> Try<Option<IndexedSpace>> {
        let identity = identity(self.connection, self.scope, self.space)?;
        let file = OpenIndex::open(self.path, self.space, &identity, check).ok();
        match file.filter(|file| file.change >= self.floor() && file.change <= self.change) {
            Some(file) => {
                let (scope, space) = (self.scope, self.space);
                IndexedSpace::new(self.connection, scope, space, Arc::new(file)).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Rows, or where a number that is sooner known is small enough to decide, that one.
    fn count(&self) -> Try<u64> {
        let at_most = count_up_to(self.connection, self.space, FLAT_UP_TO + 1)?;
        if at_most <= FLAT_UP_TO {
            return Ok(at_most);
        }
        let members = owners::all(self.connection, self.scope)?;
        count_rows(self.connection, self.space, &members)
    }

    fn floor(&self) -> u64 {
        let floor = self
            .connection
            .query_row("SELECT log_floor FROM state", [], |row| row.get(0));
        floor.unwrap_or(u64::MAX)
    }

    fn gather(&self) -> Try<Gathered> {
        let members = owners::all(self.connection, self.scope)?;
        let mut gathered = Gathered {
            numbers: FlatNumbers::new(self.space),
            rows: Vec::new(),
        };
        each_row(self.connection, self.space, &members, |row, numbers| {
            gathered.numbers.push(numbers);
            gathered.rows.push(row);
        })?;
        Ok(gathered)
    }

    /// Build over all rows.
    fn make(&self, asked: &Parameters, mut meta: Meta, started: Instant) -> Try<()> {
        let gathered = self.gather()?;
        let (dim, metric) = (self.space.dim, self.space.metric);
        let samples = Samples::of(self.path, dim, self.observer.queries(self.name));
        meta.n_queries = samples.build.len() as u64;
        let queries: Vec<f32> = samples.build.into_iter().flatten().collect();
        let vectors = gathered.numbers.vectors(self.space).map_err(refused)?;
        let asked_vectors = Vectors::of_f32(dim, metric, &queries).map_err(refused)?;
        let family = family(&meta.family).map_err(refused)?;
        let index = self.working(|work| {
            let options = BuildOptions {
                parameters: asked.clone(),
                queries: (!asked_vectors.is_empty()).then_some(asked_vectors),
                work,
            };
            (family.build)(&vectors, &options)
        })?;
        self.write(&*index, &gathered, meta, started)
    }

    /// Take the changes into the index that is there.
    fn carry_on(&self, indexed: &IndexedSpace, meta: Meta, started: Instant) -> Try<()> {
        let file = &indexed.file;
        let known = file.index.rows();
        let family = family(&meta.family).map_err(refused)?;
        let sections = index_file::open(&file.path, Check::All)
            .map_err(Fail::Damaged)?
            .sections;
        let mut index = (family.load)(&sections, &file.vectors()).map_err(refused)?;
        let mut gathered = Gathered {
            numbers: FlatNumbers::new(self.space),
            rows: (0..known).map(|row| file.row(row)).collect(),
        };
        gathered.numbers.extend(file.numbers());
        for (row, numbers) in indexed.since.iter() {
            gathered.numbers.extend(numbers);
            gathered.rows.push(row);
        }
        let vectors = gathered.numbers.vectors(self.space).map_err(refused)?;
        let gone: Vec<u32> = (0..known)
            .filter(|row| indexed.is_gone(*row) && !index.removed().contains(*row))
            .collect();
        let new: Vec<u32> = (known..vectors.len()).collect();
        self.working(|work| {
            index.remove(&vectors, &gone, &work)?;
            index.insert(&vectors, &new, &work)
        })?;
        self.write(&*index, &gathered, meta, started)
    }

    fn write(
        &self,
        index: &dyn Index,
        gathered: &Gathered,
        mut meta: Meta,
        started: Instant,
    ) -> Try<()> {
        let tables = Tables::of(&gathered.rows);
        meta.build_ms = started.elapsed().as_millis() as u64;
        let saved = index.save();
        let meta = meta.to_bytes();
        let numbers = gathered.numbers.bytes();
        let checks = RowChecks::of_rows(numbers, numbers.len() / gathered.rows.len().max(1));
        let vectors = Part {
            checked: Checked::InUse,
            ..Part::new("vectors", numbers)
        };
        let mut parts = vec![
            Part::new("meta", &meta),
            vectors,
            Part::new("vectors.checks", bytemuck::cast_slice(&checks)),
            Part::new("owners", bytemuck::cast_slice(&tables.owners)),
            Part::new("parts", bytemuck::cast_slice(&tables.parts)),
            Part::new("regions", bytemuck::cast_slice(&tables.regions)),
            Part::new("by-owner", bytemuck::cast_slice(&tables.by_owner)),
        ];
        let of_family = saved.iter().map(|(name, bytes)| Part::new(name, bytes));
        parts.extend(of_family);
        let written = index_file::write(self.path, self.change, &parts);
        written.map(|_| ()).map_err(|error| {
            let path = self.path.to_owned();
            Fail::Known(match error.kind() {
                std::io::ErrorKind::StorageFull => Error::Full { path },
                _ => Error::Io {
                    path,
                    reason: format!("the index cannot be written: {error}"),
                },
            })
        })
    }

    /// Run a build on all cores, watched by the observer.
    fn working<T>(&self, build: impl FnOnce(Work<'_>) -> Result<T, fovea_index::Error>) -> Try<T> {
        let is_cancelled = || self.observer.is_cancelled();
        let progress = |share: f32| self.observer.progress(self.name, share);
        let built = build(Work {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            seed: 0,
            is_cancelled: &is_cancelled,
            progress: &progress,
        });
        built.map_err(refused)
    }
}

/// What rows stand for, as flat arrays.
struct Tables {
    owners: Vec<i64>,
    parts: Vec<u32>,
    regions: Vec<f32>,
    by_owner: Vec<u32>,
}

impl Tables {
    fn of(rows: &[RowOf]) -> Tables {
        let owners: Vec<i64> = rows.iter().map(|row| row.owner.key()).collect();
        let mut by_owner: Vec<u32> = (0..rows.len() as u32).collect();
        by_owner.sort_by_key(|&row| owners[row as usize]);
        let regions = if rows.iter().any(|row| row.part.region.is_some()) {
            let of = |row: &RowOf| match row.part.region {
                Some(region) => [region.x, region.y, region.w, region.h],
                None => [f32::NAN; 4],
            };
            rows.iter().flat_map(of).collect()
        } else {
            Vec::new()
        };
        Tables {
            owners,
            parts: rows.iter().map(|row| row.part.index).collect(),
            regions,
            by_owner,
        }
    }
}

fn refused(error: fovea_index::Error) -> Fail {
    Fail::Known(error.into())
}
