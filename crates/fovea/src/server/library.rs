//! The collections of one database, opened when they are first asked for and kept open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fovea_encode::Encoder;
use fovea_engine::{Blobs, Engine, PreviewStore, Uploads};
use fovea_vectordb::{Change, Database, OpenMode, PackRecord};

use super::encoder::Remembering;
use super::keys::Ring;
use super::metrics::Metrics;
use super::problem::Problem;
use crate::exit::Refusal;
use crate::pacing;
use crate::place::Place;
use crate::settings::{DEFAULT_PACK, Settings};

/// Opens the model pack of a collection, or that of a new one.
type OpenPack = Box<dyn Fn(Option<&PackRecord>) -> anyhow::Result<Arc<dyn Encoder>> + Send + Sync>;

pub struct Library {
    place: Place,
    /// The same folder without links.
    folder: PathBuf,
    /// The collection that is meant where none is named.
    default: String,
    open_pack: OpenPack,
    shelves: Mutex<HashMap<String, Arc<Shelf>>>,
    packs: Mutex<HashMap<String, Arc<dyn Encoder>>>,
    metrics: Metrics,
    /// How collections are opened beside the first.
    mode: OpenMode,
}

/// A collection that is open.
struct Shelf {
    database: Arc<dyn Database>,
    /// None as long as nothing asked for more than the database, and another one when the collection was moved to another
    /// pack.
    engine: Mutex<Option<Engine>>,
    /// Of packs beside it, by fingerprint, whether they had seen every picture when the collection was at this change.
    seen: Mutex<HashMap<String, (Change, bool)>>,
}

impl Library {
    /// Over the settings' database, which is made where there is none: whoever starts a server may index later.
    pub fn open(settings: &Settings) -> anyhow::Result<Library> {
        Library::open_as(settings, OpenMode::Create)
    }

    /// To look and no more, over a database that is there.
    pub fn open_for_reading(settings: &Settings) -> anyhow::Result<Library> {
        Library::open_as(settings, OpenMode::ReadOnly)
    }

    fn open_as(settings: &Settings, mode: OpenMode) -> anyhow::Result<Library> {
        let pack_settings = settings.clone();
        let open_pack = move |record: Option<&PackRecord>| -> anyhow::Result<Arc<dyn Encoder>> {
            let pack = match record {
                Some(record) => pack_settings.pack_of(record)?,
                None => pack_settings.open_pack(DEFAULT_PACK)?,
            };
            Ok(pacing::kept(&pack_settings, pack))
        };
        Library::new(
            settings.place(),
            settings.collection.clone(),
            Box::new(open_pack),
            mode,
        )
    }

    pub fn new(
        place: Place,
        default: String,
        open_pack: OpenPack,
        mode: OpenMode,
    ) -> anyhow::Result<Library> {
        let database = place.open(&default, mode)?;
        let folder = std::fs::canonicalize(&place.folder).unwrap_or_else(|_| place.folder.clone());
        let shelf = Arc::new(Shelf {
            database,
            engine: Mutex::default(),
            seen: Mutex::default(),
        });
        Ok(Library {
            place,
            folder,
            shelves: Mutex::new(HashMap::from([(default.clone(), shelf)])),
            default,
            open_pack,
            packs: Mutex::default(),
            metrics: Metrics::default(),
            mode: match mode {
                OpenMode::ReadOnly => OpenMode::ReadOnly,
                // Nobody makes a collection by asking for it.
                OpenMode::ReadWrite | OpenMode::Create => OpenMode::ReadWrite,
            },
        })
    }

    pub fn default_collection(&self) -> &str {
        &self.default
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn previews(&self) -> PreviewStore {
        PreviewStore::of(&self.blobs())
    }

    pub fn uploads(&self) -> Uploads {
        Uploads::of(&self.blobs())
    }

    fn blobs(&self) -> Blobs {
        match self.place.blobs() {
            Blobs::Folder(_) => Blobs::folder(&self.folder),
            bucket => bucket,
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn collections(&self) -> Result<Vec<String>, Problem> {
        Ok(self.place.collections()?)
    }

    /// The keys of all collections.
    pub fn keys(&self) -> anyhow::Result<Ring> {
        let mut ring = Ring::default();
        for name in self.place.collections()? {
            let shelf = self.shelf(&name)?;
            ring.add_from(&*shelf.database)?;
        }
        Ok(ring)
    }

    pub fn database(&self, collection: &str) -> Result<Arc<dyn Database>, Problem> {
        Ok(Arc::clone(&self.shelf(collection)?.database))
    }

    /// The collection with the pack it was indexed with, or would be.
    pub fn engine(&self, collection: &str) -> Result<Engine, Problem> {
        let shelf = self.shelf(collection)?;
        let active = shelf.database.active_pack()?;
        if active.as_ref().is_some_and(|pack| !pack.has_encoder()) {
            let detail = format!(
                "collection `{collection}` has vectors of its owner's and no model that could turn words or images into others"
            );
            return Err(Problem::input(detail));
        }
        let mut place = shelf.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = |engine: &&Engine| {
            let fingerprint = &engine.encoder().spec().fingerprint;
            active
                .as_ref()
                .is_none_or(|pack| pack.fingerprint == *fingerprint)
        };
        if let Some(engine) = place.as_ref().filter(serves) {
            return Ok(engine.clone());
        }
        let engine = self.join(&shelf, self.pack(active.as_ref())?);
        *place = Some(engine.clone());
        Ok(engine)
    }

    fn join(&self, shelf: &Shelf, pack: Arc<dyn Encoder>) -> Engine {
        Engine::new(Arc::clone(&shelf.database), pack, self.previews())
            .with_uploads(self.uploads())
            .with_own_folder(self.folder.clone())
    }

    /// The collection with each of these packs, which were brought to it before.
    pub fn beside(
        &self,
        engine: &Engine,
        collection: &str,
        names: &[&str],
    ) -> Result<Vec<Engine>, Problem> {
        let shelf = self.shelf(collection)?;
        let known = shelf.database.packs()?;
        let mut beside: Vec<Engine> = Vec::new();
        for name in names {
            // Only what the collection has is looked for on the disk: whoever asks may name anything. The last of a name is
            // the one that is installed, if one is.
            let record = known.iter().rev().find(|pack| pack.name == *name);
            let Some(record) = record.filter(|record| record.has_encoder()) else {
                return Err(Problem::input(format!(
                    "collection `{collection}` has nothing of the pack {name} yet; fovea migrate-model --to {name} --stay \
                     makes what it needs"
                )));
            };
            let is_asked = |one: &Engine| one.encoder().spec().fingerprint == record.fingerprint;
            if is_asked(engine) || beside.iter().any(is_asked) {
                return Err(Problem::input(format!(
                    "with={name}: that pack is asked already; another one is needed beside it"
                )));
            }
            beside.push(self.join(&shelf, self.pack(Some(record))?));
        }
        Ok(beside)
    }

    /// Names of those that have not seen every picture. That is looked up anew where the collection has changed since.
    pub fn incomplete(&self, collection: &str, beside: &[Engine]) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        for engine in beside {
            let spec = engine.encoder().spec();
            let shelf = self.shelf(collection)?;
            let change = shelf.database.change()?;
            let seen = || shelf.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = seen().get(&spec.fingerprint).copied();
            let has_seen_all = match kept.filter(|(at, _)| *at == change) {
                Some((_, has_seen_all)) => has_seen_all,
                None => engine.has_seen_all()?,
            };
            seen().insert(spec.fingerprint.clone(), (change, has_seen_all));
            if !has_seen_all {
                names.push(spec.name.clone());
            }
        }
        Ok(names)
    }

    fn shelf(&self, collection: &str) -> Result<Arc<Shelf>, fovea_vectordb::Error> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get(collection) {
            return Ok(Arc::clone(shelf));
        }
        let database = self.place.open(collection, self.mode)?;
        let shelf = Arc::new(Shelf {
            database,
            engine: Mutex::default(),
            seen: Mutex::default(),
        });
        shelves.insert(collection.to_owned(), Arc::clone(&shelf));
        Ok(shelf)
    }

    /// One encoder for all collections of a pack: its model is in memory once.
    fn pack(&self, record: Option<&PackRecord>) -> anyhow::Result<Arc<dyn Encoder>> {
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = record.and_then(|record| packs.get(&record.fingerprint));
        if let Some(pack) = known {
            return Ok(Arc::clone(pack));
        }
        let inner = (self.open_pack)(record).map_err(|error| {
            let name = record.map_or(DEFAULT_PACK, |record| &record.name);
            Refusal::environment(format!(
                "the model pack `{name}` cannot be opened: {error:#}"
            ))
        })?;
        let fingerprint = inner.spec().fingerprint.clone();
        let pack: Arc<dyn Encoder> = Arc::new(Remembering::new(inner, self.metrics.clone()));
        Ok(Arc::clone(packs.entry(fingerprint).or_insert(pack)))
    }
}
