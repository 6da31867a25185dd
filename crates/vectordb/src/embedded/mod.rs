//! The embedded engine: one SQLite file that is the truth, and exact search
//! over vectors held in memory.
//!
//! It makes no ranking and reads no image. Each table has its functions in a
//! file of its own; they get a connection within a transaction, which
//! [`Store`] begins and ends.

mod allowed;
mod asked;
mod build;
mod canary;
mod check;
mod codec;
pub(crate) mod columns;
mod fail;
mod features;
mod filter_sql;
mod functions;
mod gatherings;
mod indexed;
mod items;
pub(crate) mod keywords;
mod known;
mod members;
mod meta;
mod migrate;
mod numbers;
mod owners;
mod packs;
mod row_checks;
mod rules;
mod scans;
mod schema;
mod scrub;
mod search;
mod sources;
mod space_rows;
mod store;
mod tags;
mod tune;
mod upkeep;
mod vectors;
mod write;
mod write_item;

pub(crate) use self::rules::{check_filter, check_item, check_pack, check_tag, compared_in};
pub(crate) use self::write_item::PathTexts;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use self::fail::Try;
use self::items::Described;
use self::search::{Cache, Place};
use self::store::Store;
use self::write::Writing;
use crate::batch::Batch;
use crate::database::{
    Database, Facet, Facets, Hit, KeywordHit, Listed, Order, VectorQuery, Wanted,
};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::indexes::{BuildObserver, IndexInfo};
use crate::records::{
    ContentState, Failure, FileState, Info, Item, ItemVector, PackRecord, Part, Problem,
    SourceKind, SourceRecord, Stats, Tag, Vocabulary,
};

/// Name of the database's file within its folder.
pub const DATABASE_FILE: &str = "fovea.db";

/// The newest schema this engine reads and the one it writes.
pub const SCHEMA_VERSION: i64 = 3;

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Folder, database and collection are made when they are not there.
    Create,
    /// All must be there.
    ReadWrite,
    /// All must be there, and nothing is written, not even a lock file where
    /// the folder does not allow one.
    ReadOnly,
}

/// A collection of a database folder.
pub struct Embedded {
    store: Store,
    scope: Scope,
    cache: Cache,
    described: Described,
    /// Items there were at a change.
    counted: Mutex<Option<(Change, u64)>>,
}

/// The collection that statements are about.
struct Scope {
    collection: i64,
    name: String,
}

impl Embedded {
    /// Open one collection of the database in `dir`.
    pub fn open(dir: &Path, collection: &str, mode: OpenMode) -> Result<Embedded> {
        if mode == OpenMode::Create {
            std::fs::create_dir_all(dir).map_err(|error| Error::Io {
                path: dir.to_owned(),
                reason: format!("the folder cannot be made: {error}"),
            })?;
        }
        let store = schema::open(dir.join(DATABASE_FILE), mode)?;
        let found = store.read(|reader| sources::find_collection(reader, collection))?;
        let id = match (found, mode) {
            (Some(id), _) => id,
            (None, OpenMode::Create) => {
                store.write(|writer, _| sources::create_collection(writer, collection))?
            }
            (None, OpenMode::ReadWrite | OpenMode::ReadOnly) => {
                return Err(Error::NoCollection {
                    path: store.path().to_owned(),
                    collection: collection.to_owned(),
                    known: store.read(sources::collections)?,
                });
            }
        };
        let scope = Scope {
            collection: id,
            name: collection.to_owned(),
        };
        Ok(Embedded {
            store,
            scope,
            cache: Cache::default(),
            described: Described::default(),
            counted: Mutex::default(),
        })
    }

    /// Names of the collections of the database in `dir`, in alphabetical order; none where nothing is kept yet.
    pub fn collections(dir: &Path) -> Result<Vec<String>> {
        let path = dir.join(DATABASE_FILE);
        if !path.exists() || schema::is_empty(&path) {
            return Ok(Vec::new());
        }
        schema::open(path, OpenMode::ReadOnly)?.read(sources::collections)
    }

    /// Where a transaction's searches look.
    fn place<'a>(&'a self, connection: &'a Connection) -> Place<'a> {
        Place {
            connection,
            scope: &self.scope,
            folder: self.store.path().parent().unwrap_or(Path::new(".")),
        }
    }

    /// Let the file grow to this many bytes and no further, as on a full
    /// disk: for tests.
    #[doc(hidden)]
    pub fn limit_bytes(&self, bytes: u64) -> Result<()> {
        self.store.limit_bytes(bytes)
    }
}

/// Operations of a batch from which on it has more room in memory; those of pictures that are indexed stay below.
const MUCH: usize = 5_000;

pub(crate) fn now_ns() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn change_of(connection: &Connection) -> Try<Change> {
    Ok(Change(
        connection
            .prepare_cached("SELECT change FROM state")?
            .query_row([], |row| row.get(0))?,
    ))
}

impl Embedded {
    /// Items of the collection, counted once after each change, because counting reads all of an index.
    fn n_items(&self, reader: &Connection) -> Try<u64> {
        let change = change_of(reader)?;
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, n_items)) = counted.filter(|(at, _)| *at == change) {
            return Ok(n_items);
        }
        let n_items = filter_sql::count(reader, &self.scope, &Filter::All)?;
        *counted = Some((change, n_items));
        Ok(n_items)
    }
}

impl Database for Embedded {
    fn info(&self) -> Result<Info> {
        self.store.read(|reader| {
            Ok(Info {
                engine: "embedded".to_owned(),
                schema_version: SCHEMA_VERSION,
                collection: self.scope.name.clone(),
                collections: sources::collections(reader)?,
                change: change_of(reader)?,
                n_items: self.n_items(reader)?,
                writable: self.store.is_writable(),
            })
        })
    }

    fn change(&self) -> Result<Change> {
        self.store.read(change_of)
    }

    fn register_pack(&self, pack: &PackRecord) -> Result<()> {
        let known = self.packs()?;
        if known.contains(pack) {
            return Ok(());
        }
        self.store
            .write(|writer, _| packs::register(writer, &self.scope, pack))
    }

    fn packs(&self) -> Result<Vec<PackRecord>> {
        self.store.read(|reader| packs::list(reader, &self.scope))
    }

    fn active_pack(&self) -> Result<Option<PackRecord>> {
        self.store.read(|reader| packs::active(reader, &self.scope))
    }

    fn activate_pack(&self, fingerprint: &str) -> Result<()> {
        self.store
            .write(|writer, change| packs::activate(writer, &self.scope, fingerprint, change))
    }

    fn source(&self, kind: SourceKind, root: &Path) -> Result<SourceId> {
        match self
            .store
            .read(|reader| sources::find(reader, &self.scope, kind, root))?
        {
            Some(id) => Ok(id),
            None => self
                .store
                .write(|writer, _| sources::create(writer, &self.scope, kind, root)),
        }
    }

    fn sources(&self) -> Result<Vec<SourceRecord>> {
        self.store.read(|reader| sources::list(reader, &self.scope))
    }

    fn adopt_source(&self, source: &SourceRecord) -> Result<()> {
        self.store
            .write(|writer, _| sources::adopt(writer, &self.scope, source))
    }

    fn set_online(&self, source: SourceId, online: bool) -> Result<()> {
        self.store.write(|writer, _| {
            sources::require(writer, &self.scope, source)?;
            sources::set_online(writer, source, online)
        })
    }

    fn mark_scanned(&self, source: SourceId, at_ns: i64) -> Result<()> {
        self.store.write(|writer, _| {
            sources::require(writer, &self.scope, source)?;
            sources::mark_scanned(writer, source, at_ns)
        })
    }

    fn write(&self, batch: &Batch) -> Result<Change> {
        if batch.is_empty() {
            return self.change();
        }
        let carry_out = |connection: &Connection, change| {
            write::apply(&Writing::new(connection, &self.scope, change), batch)?;
            Ok(change)
        };
        match batch.len() < MUCH {
            true => self.store.write(carry_out),
            false => self.store.write_much(carry_out),
        }
    }

    fn file_states(&self, source: SourceId) -> Result<Vec<FileState>> {
        self.store
            .read(|reader| items::file_states(reader, &self.scope, source))
    }

    fn known_contents(&self, hashes: &[ContentHash], pack: &str) -> Result<Vec<ContentState>> {
        self.store
            .read(|reader| items::known_contents(reader, &self.scope, hashes, pack))
    }

    fn items(&self, ids: &[ItemId]) -> Result<Vec<Item>> {
        self.store
            .read(|reader| items::items(reader, &self.scope, &self.described, ids))
    }

    fn find(&self, source: SourceId, path: &[u8]) -> Result<Option<ItemId>> {
        self.store
            .read(|reader| items::find(reader, &self.scope, source, path))
    }

    fn scan(&self, filter: &Filter, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        self.store
            .read(|reader| filter_sql::matching(reader, &self.scope, filter, after, limit))
    }

    fn count(&self, filter: &Filter) -> Result<u64> {
        self.store
            .read(|reader| filter_sql::count(reader, &self.scope, filter))
    }

    fn facets(&self, filter: &Filter, by: &Facet, limit: usize) -> Result<Facets> {
        self.store.read(|reader| {
            let columns = self.cache.filters.at(reader, &self.scope)?;
            let mut facets = columns.facets(reader, &self.scope, filter, by)?;
            facets.counts.truncate(limit);
            Ok(facets)
        })
    }

    fn list(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Listed>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        self.store
            .read(|reader| filter_sql::listed(reader, &self.scope, filter, order, after, limit))
    }

    fn metadata_keys(&self) -> Result<Vec<String>> {
        self.store.read(filter_sql::metadata_keys)
    }

    fn search(&self, query: &VectorQuery<'_>) -> Result<Vec<Hit>> {
        self.store
            .read(|reader| search::search(&self.place(reader), &self.cache, query))
    }

    fn keywords(&self, wanted: &[Wanted], filter: &Filter) -> Result<Vec<KeywordHit>> {
        self.store.read(|reader| {
            let columns = || self.cache.filters.at(reader, &self.scope);
            let allowed = keywords::allowed(columns, reader, &self.scope, filter)?;
            let n_items = self.n_items(reader)?;
            keywords::search(reader, &self.scope, n_items, wanted, allowed.as_ref())
        })
    }

    fn known_words(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        self.store.read(|reader| keywords::words(reader, prefix))
    }

    fn vectors(&self, pack: &str, space: &str, items: &[ItemId]) -> Result<Vec<ItemVector>> {
        self.store.read(|reader| {
            let space = packs::space(reader, &self.scope, pack, space)?;
            vectors::of_items(&self.place(reader), &self.cache, &space, items)
        })
    }

    fn has_vectors(&self, pack: &str, space: &str) -> Result<bool> {
        self.store.read(|reader| {
            let space = packs::space(reader, &self.scope, pack, space)?;
            Ok(space_rows::count_up_to(reader, &space, 1)? > 0)
        })
    }

    fn build_indexes(&self, observer: &dyn BuildObserver) -> Result<u64> {
        let n_made = self.store.read(|reader| {
            let place = self.place(reader);
            let choice = build::choice(reader, &self.scope)?;
            let change = change_of(reader)?.0;
            let mut n_made = 0;
            for (name, space) in tune::spaces(&place)? {
                let task = build::Task {
                    connection: reader,
                    scope: &self.scope,
                    space: &space,
                    name: &name,
                    path: &build::place(place.folder, &self.scope, &space),
                    change,
                    choice: &choice,
                    observer,
                };
                n_made += u64::from(task.run()?);
            }
            Ok(n_made)
        })?;
        if n_made > 0 {
            self.cache.forget();
        }
        Ok(n_made)
    }

    fn indexes(&self) -> Result<Vec<IndexInfo>> {
        self.store.read(|reader| tune::infos(&self.place(reader)))
    }

    fn tune(&self, recall: f64, observer: &dyn BuildObserver) -> Result<Vec<IndexInfo>> {
        let settings = self
            .store
            .read(|reader| tune::tune(&self.place(reader), &self.cache, recall, observer))?;
        for (key, value) in settings {
            self.set_setting(&key, Some(&value))?;
        }
        self.indexes()
    }

    fn tags(
        &self,
        pack: &str,
        contents: &[ContentHash],
    ) -> Result<Vec<(ContentHash, Vocabulary, Vec<Tag>)>> {
        self.store
            .read(|reader| tags::of_contents(reader, &self.scope, pack, contents))
    }

    fn features(
        &self,
        pack: &str,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<(ContentHash, Part, Vec<f32>)>> {
        self.store
            .read(|reader| features::page(reader, &self.scope, pack, after, limit))
    }

    fn feature(&self, pack: &str, content: ContentHash) -> Result<Vec<(Part, Vec<f32>)>> {
        self.store
            .read(|reader| features::of_content(reader, &self.scope, pack, content))
    }

    fn failures(&self, source: Option<SourceId>) -> Result<Vec<Failure>> {
        self.store
            .read(|reader| items::failures(reader, &self.scope, source))
    }

    fn setting(&self, key: &str) -> Result<Option<String>> {
        self.store
            .read(|reader| upkeep::setting(reader, &self.scope, key))
    }

    fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        self.store
            .read(|reader| upkeep::settings(reader, &self.scope, prefix))
    }

    fn set_setting(&self, key: &str, value: Option<&str>) -> Result<()> {
        self.store
            .write(|writer, _| upkeep::set_setting(writer, &self.scope, key, value))
    }

    fn sweep(&self) -> Result<u64> {
        if self.store.read(upkeep::is_swept)? {
            return Ok(0);
        }
        self.store.write(|connection, change| {
            upkeep::sweep(&Writing::new(connection, &self.scope, change))
        })
    }

    fn scrub(&self) -> Result<()> {
        let path = self.store.path();
        let folder = path.parent().unwrap_or(Path::new("."));
        let writer = self.store.writer()?;
        scrub::remove_caches(folder)
            .and_then(|()| scrub::rewrite(&writer, path))
            .map_err(|fail| fail.at(path))
    }

    fn each_value(&self, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.store.read(|reader| scrub::each_value(reader, visit))
    }

    fn check(&self) -> Result<Vec<Problem>> {
        self.store.read(|reader| check::check(&self.place(reader)))
    }

    fn stats(&self) -> Result<Stats> {
        self.store.read(|reader| upkeep::stats(reader, &self.scope))
    }
}
