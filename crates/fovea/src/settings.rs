//! What the program means by what was typed: where the database is, which models, how to answer.

use std::path::PathBuf;
use std::sync::Arc;

use fovea_encode::{Pack, models};
use fovea_engine::{Engine, PreviewStore};
use fovea_vectordb::{Database, Embedded, OpenMode};

use crate::exit::Refusal;
use crate::flags::GlobalFlags;
use crate::memory;

/// The pack that a new collection is made with.
pub const DEFAULT_PACK: &str = "base";

/// The collection that is meant where none is named.
const DEFAULT_COLLECTION: &str = "default";

#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the database.
    pub folder: PathBuf,
    pub collection: String,
    /// Whether somebody named it.
    pub is_collection_named: bool,
    pub json: bool,
    pub quiet: bool,
    pub models: PathBuf,
}

impl Settings {
    pub fn of(flags: GlobalFlags) -> anyhow::Result<Self> {
        let folder = match flags.db.filter(|db| !db.is_empty()) {
            Some(db) if db.contains("://") => {
                let message = format!(
                    "--db {db}: this version keeps a database in a folder only; give its path"
                );
                return Err(Refusal::input(message).into());
            }
            Some(db) => PathBuf::from(db),
            None => data_folder()?.join("db"),
        };
        let models = flags.models.unwrap_or_else(models::default_dir);
        Ok(Self {
            folder,
            is_collection_named: flags.collection.is_some(),
            collection: flags
                .collection
                .unwrap_or_else(|| DEFAULT_COLLECTION.to_owned()),
            json: flags.json,
            quiet: flags.quiet,
            models,
        })
    }

    /// The collection for reading, with the pack it was indexed with.
    pub fn open_for_reading(&self) -> anyhow::Result<Engine> {
        self.opened(OpenMode::ReadOnly)
    }

    fn opened(&self, mode: OpenMode) -> anyhow::Result<Engine> {
        let database = self.open_database(mode)?;
        let active = database.active_pack()?;
        if active.as_ref().is_some_and(|pack| !pack.has_encoder()) {
            return Err(Refusal::input(format!(
                "collection `{}` has vectors of your own and no model that could turn words or images into others; \
                 ask it with a vector: fovea search --vector FILE",
                self.collection
            ))
            .into());
        }
        let name = active.map_or_else(|| DEFAULT_PACK.to_owned(), |pack| pack.name);
        self.engine(database, &name)
    }

    /// A collection that is there, to note something in it, with the pack it was indexed with.
    pub fn open_for_changes(&self) -> anyhow::Result<Engine> {
        self.opened(OpenMode::ReadWrite)
    }

    /// The collection for writing, created when it is not there.
    pub fn open_for_writing(&self) -> anyhow::Result<Engine> {
        memory::keep_level();
        let pack = self.open_pack(DEFAULT_PACK)?;
        pack.verify()?;
        let database = self.open_database(OpenMode::Create)?;
        if database
            .active_pack()?
            .is_some_and(|pack| !pack.has_encoder())
        {
            return Err(Refusal::input(format!(
                "collection `{}` has vectors of your own, which images are not compared with; \
                 index them into another one: --collection NAME",
                self.collection
            ))
            .into());
        }
        Ok(self.join(database, pack))
    }

    /// Every collection of the database; none where there is no database yet.
    pub fn every_collection(&self, mode: OpenMode) -> anyhow::Result<Vec<Arc<dyn Database>>> {
        let names = Embedded::collections(&self.folder)?;
        let names = names.iter();
        names.map(|name| self.open_collection(name, mode)).collect()
    }

    pub fn open_database(&self, mode: OpenMode) -> anyhow::Result<Arc<dyn Database>> {
        self.open_collection(&self.collection, mode)
    }

    pub fn open_collection(&self, name: &str, mode: OpenMode) -> anyhow::Result<Arc<dyn Database>> {
        Ok(Arc::new(Embedded::open(&self.folder, name, mode)?))
    }

    /// Small pictures of what is indexed.
    pub fn previews(&self) -> PreviewStore {
        PreviewStore::new(self.folder.join("previews"))
    }

    pub fn open_pack(&self, name: &str) -> anyhow::Result<Pack> {
        Ok(Pack::open(&models::installed(&self.models, name)?.dir)?)
    }

    fn engine(&self, database: Arc<dyn Database>, pack: &str) -> anyhow::Result<Engine> {
        let pack = self.open_pack(pack)?;
        Ok(self.join(database, pack))
    }

    fn join(&self, database: Arc<dyn Database>, pack: Pack) -> Engine {
        let own = std::fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        Engine::new(database, Arc::new(pack), self.previews()).with_own_folder(own)
    }
}

/// Where data lives when nobody says otherwise: `$XDG_DATA_HOME/fovea`, or what the system uses instead.
pub fn data_folder() -> anyhow::Result<PathBuf> {
    below_home(dirs::data_dir())
}

/// Where what can be fetched again lives: `$FOVEA_CACHE`, `$XDG_CACHE_HOME/fovea`, or what the system uses.
pub fn cache_folder() -> anyhow::Result<PathBuf> {
    match std::env::var_os("FOVEA_CACHE").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => below_home(dirs::cache_dir()),
    }
}

fn below_home(folder: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let folder = folder.ok_or_else(|| {
        Refusal::environment(
            "no home folder is known; say where with --db DIR, and set HOME or FOVEA_MODELS",
        )
    })?;
    Ok(folder.join("fovea"))
}
