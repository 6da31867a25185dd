//! The embedded engine: one SQLite file that is the truth, and exact search
//! over vectors held in memory.

use std::path::Path;

use crate::batch::Batch;
use crate::database::{Database, Hit, VectorQuery};
use crate::error::Result;
use crate::filter::Filter;
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::records::{
    ContentState, Failure, FileState, Info, Item, PackRecord, Part, Problem, SourceKind,
    SourceRecord, Stats,
};

/// Name of the database's file within its folder.
pub const DATABASE_FILE: &str = "fovea.db";

/// The newest schema this engine reads and the one it writes.
pub const SCHEMA_VERSION: i64 = 1;

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
pub struct Embedded {}

impl Embedded {
    /// Open one collection of the database in `dir`.
    pub fn open(dir: &Path, collection: &str, mode: OpenMode) -> Result<Embedded> {
        unimplemented!("{dir:?} {collection} {mode:?}")
    }
}

#[allow(unused_variables)]
impl Database for Embedded {
    fn info(&self) -> Result<Info> {
        unimplemented!()
    }
    fn change(&self) -> Result<Change> {
        unimplemented!()
    }
    fn register_pack(&self, pack: &PackRecord) -> Result<()> {
        unimplemented!()
    }
    fn packs(&self) -> Result<Vec<PackRecord>> {
        unimplemented!()
    }
    fn active_pack(&self) -> Result<Option<PackRecord>> {
        unimplemented!()
    }
    fn activate_pack(&self, fingerprint: &str) -> Result<()> {
        unimplemented!()
    }
    fn source(&self, kind: SourceKind, root: &Path) -> Result<SourceId> {
        unimplemented!()
    }
    fn sources(&self) -> Result<Vec<SourceRecord>> {
        unimplemented!()
    }
    fn set_online(&self, source: SourceId, online: bool) -> Result<()> {
        unimplemented!()
    }
    fn mark_scanned(&self, source: SourceId, at_ns: i64) -> Result<()> {
        unimplemented!()
    }
    fn write(&self, batch: &Batch) -> Result<Change> {
        unimplemented!()
    }
    fn file_states(&self, source: SourceId) -> Result<Vec<FileState>> {
        unimplemented!()
    }
    fn known_contents(&self, hashes: &[ContentHash], pack: &str) -> Result<Vec<ContentState>> {
        unimplemented!()
    }
    fn items(&self, ids: &[ItemId]) -> Result<Vec<Item>> {
        unimplemented!()
    }
    fn find(&self, source: SourceId, path: &[u8]) -> Result<Option<ItemId>> {
        unimplemented!()
    }
    fn scan(&self, filter: &Filter, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        unimplemented!()
    }
    fn count(&self, filter: &Filter) -> Result<u64> {
        unimplemented!()
    }
    fn search(&self, query: &VectorQuery<'_>) -> Result<Vec<Hit>> {
        unimplemented!()
    }
    fn features(
        &self,
        pack: &str,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<(ContentHash, Part, Vec<f32>)>> {
        unimplemented!()
    }
    fn feature(&self, pack: &str, content: ContentHash) -> Result<Vec<(Part, Vec<f32>)>> {
        unimplemented!()
    }
    fn failures(&self, source: Option<SourceId>) -> Result<Vec<Failure>> {
        unimplemented!()
    }
    fn setting(&self, key: &str) -> Result<Option<String>> {
        unimplemented!()
    }
    fn set_setting(&self, key: &str, value: Option<&str>) -> Result<()> {
        unimplemented!()
    }
    fn sweep(&self) -> Result<u64> {
        unimplemented!()
    }
    fn check(&self) -> Result<Vec<Problem>> {
        unimplemented!()
    }
    fn stats(&self) -> Result<Stats> {
        unimplemented!()
    }
}
