//! What the program means by what was typed: where the database is, which models, how to answer.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use fovea_encode::device::{self, Device, Runtime};
use fovea_encode::{Encoder, Pack, models};
use fovea_engine::{Access, Bucket, Engine, PreviewStore, Uploads};
use fovea_vectordb::{Database, MilvusAddress, OpenMode, PackRecord};

use crate::exit::Refusal;
use crate::flags::{DeviceFlag, GlobalFlags};
use crate::memory;
use crate::pacing::{self, Pacing};
use crate::place::Place;

/// The pack that a new collection is made with.
pub const DEFAULT_PACK: &str = "base";

/// The collection that is meant where none is named.
const DEFAULT_COLLECTION: &str = "default";

#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the database; of one on a server the folder of its previews and uploads.
    pub folder: PathBuf,
    /// The server that a database is on.
    pub server: Option<MilvusAddress>,
    /// The bucket of the previews and uploads of a database on a server.
    pub bucket: Option<Bucket>,
    pub collection: String,
    /// Whether somebody named it.
    pub is_collection_named: bool,
    pub json: bool,
    pub quiet: bool,
    pub models: PathBuf,
}

impl Settings {
    pub fn of(flags: GlobalFlags) -> anyhow::Result<Self> {
        let db = flags.db.filter(|db| !db.is_empty());
        let Place {
            folder,
            server,
            bucket,
        } = place_of(db, flags.blobs, ["--db", "--blobs"])?;
        let models = flags.models.unwrap_or_else(models::default_dir);
        choose_runtime(flags.device, flags.onnxruntime)?;
        Ok(Self {
            folder,
            server,
            bucket,
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
        let pack = match active {
            Some(active) => self.pack_of(&active)?,
            None => self.open_pack(DEFAULT_PACK)?,
        };
        // One picture at a time: how many are seen fastest need not be looked up.
        Ok(self.join_encoder(database, Arc::new(pack)))
    }

    /// A collection that is there, to note something in it, with the pack it was indexed with.
    pub fn open_for_changes(&self) -> anyhow::Result<Engine> {
        self.opened(OpenMode::ReadWrite)
    }

    /// The same collection with each of these packs, which were brought to it before.
    pub fn open_beside(&self, engine: &Engine, names: &[String]) -> anyhow::Result<Vec<Engine>> {
        let known = engine.database().packs()?;
        let mut beside: Vec<Engine> = Vec::new();
        for name in names {
            let pack = self.open_pack(name)?;
            let fingerprint = pack.spec().fingerprint.clone();
            let is_asked = |one: &Engine| one.encoder().spec().fingerprint == fingerprint;
            if is_asked(engine) || beside.iter().any(is_asked) {
                return Err(Refusal::input(format!(
                    "--with {name}: that pack is asked already; another one is needed beside it"
                ))
                .into());
            }
            let made = format!("fovea migrate-model --to {name} --stay");
            if !known.iter().any(|pack| pack.fingerprint == fingerprint) {
                return Err(Refusal::input(format!(
                    "collection `{}` has nothing of the pack {name} yet; {made} makes what it needs",
                    self.collection
                ))
                .into());
            }
            let database = self.open_database(OpenMode::ReadOnly)?;
            let one = self.join_encoder(database, Arc::new(pack));
            if !one.has_seen_all()? && !self.quiet {
                anstream::eprintln!(
                    "The pack {name} has not seen every picture of `{}`; {made} brings the rest.",
                    self.collection
                );
            }
            beside.push(one);
        }
        Ok(beside)
    }

    /// The collection for writing, created when it is not there, with the pack that it has or the default one.
    pub fn open_for_writing(&self) -> anyhow::Result<Engine> {
        self.open_with_pack(None, Pacing::Kept)
    }

    /// The same, where somebody may have said which pack a new collection is made with, and how it is to run.
    pub fn open_with_pack(&self, wanted: Option<&str>, pacing: Pacing) -> anyhow::Result<Engine> {
        memory::keep_level();
        // Without the pack that it would have, no collection is created.
        let default = self.open_pack(wanted.unwrap_or(DEFAULT_PACK));
        let mode = match &default {
            Ok(_) => OpenMode::Create,
            Err(_) => OpenMode::ReadWrite,
        };
        let (database, default) = match (self.open_database(mode), default) {
            (Err(_), Err(no_pack)) => return Err(no_pack),
            (database, default) => (database?, default),
        };
        let pack = match database.active_pack()? {
            None => default?,
            Some(active) if !active.has_encoder() => {
                return Err(Refusal::input(format!(
                    "collection `{}` has vectors of your own, which images are not compared with; \
                     index them into another one: --collection NAME",
                    self.collection
                ))
                .into());
            }
            Some(active) if wanted.is_some_and(|wanted| wanted != active.name) => {
                return Err(Refusal::input(format!(
                    "collection `{}` has the pack {}; fovea migrate-model --to {} moves it to another",
                    self.collection,
                    active.name,
                    wanted.unwrap_or_default()
                ))
                .into());
            }
            Some(active) => self.pack_of(&active)?,
        };
        pack.verify()?;
        let encoder = pacing::encoder(self, pack, pacing)?;
        Ok(self.join_encoder(database, encoder))
    }

    /// Every collection of the database; none where there is no database yet.
    pub fn every_collection(&self, mode: OpenMode) -> anyhow::Result<Vec<Arc<dyn Database>>> {
        let names = self.place().collections()?;
        let names = names.iter();
        names.map(|name| self.open_collection(name, mode)).collect()
    }

    pub fn open_database(&self, mode: OpenMode) -> anyhow::Result<Arc<dyn Database>> {
        self.open_collection(&self.collection, mode)
    }

    pub fn open_collection(&self, name: &str, mode: OpenMode) -> anyhow::Result<Arc<dyn Database>> {
        Ok(self.place().open(name, mode)?)
    }

    pub fn place(&self) -> Place {
        Place {
            folder: self.folder.clone(),
            server: self.server.clone(),
            // A folder that is used in place of a server has its own.
            bucket: self.server.as_ref().and(self.bucket.clone()),
        }
    }

    /// The same for a database at another place.
    pub fn at(&self, place: &Place) -> Settings {
        Settings {
            folder: place.folder.clone(),
            server: place.server.clone(),
            bucket: place.bucket.clone(),
            ..self.clone()
        }
    }

    /// Small pictures of what is indexed.
    pub fn previews(&self) -> PreviewStore {
        PreviewStore::of(&self.place().blobs())
    }

    pub fn open_pack(&self, name: &str) -> anyhow::Result<Pack> {
        Ok(Pack::open(&models::installed(&self.models, name)?.dir)?)
    }

    /// The installed pack that vectors were made with: the very same one, or the earlier version of it.
    pub fn pack_of(&self, record: &PackRecord) -> anyhow::Result<Pack> {
        let pack = self.open_pack(&record.name)?;
        let found = pack.spec().fingerprint.clone();
        if found == record.fingerprint {
            return Ok(pack);
        }
        pack.as_of(&record.fingerprint).map_err(|_| {
            let message = format!(
                "the installed pack `{name}` is not the one that the collection was made with: its fingerprint begins with \
                 {found:.12}, that of the collection with {:.12}; fovea migrate-model --to {name} moves the collection to it",
                record.fingerprint,
                name = record.name,
            );
            Refusal::environment(message).into()
        })
    }

    /// A collection and a pack as one.
    pub fn join(&self, database: Arc<dyn Database>, pack: Pack) -> Engine {
        self.join_encoder(database, pacing::kept(self, pack))
    }

    fn join_encoder(&self, database: Arc<dyn Database>, encoder: Arc<dyn Encoder>) -> Engine {
        let own = std::fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        Engine::new(database, encoder, self.previews())
            .with_uploads(Uploads::of(&self.place().blobs()))
            .with_own_folder(own)
    }
}

/// What `--device` and `--onnxruntime` mean, for the whole process.
fn choose_runtime(device: Option<DeviceFlag>, library: Option<PathBuf>) -> anyhow::Result<()> {
    let device = match device.unwrap_or(DeviceFlag::Cpu) {
        DeviceFlag::Cpu => Device::Cpu,
        DeviceFlag::Cuda => Device::Cuda,
        DeviceFlag::TensorRt => Device::TensorRt,
        DeviceFlag::CoreMl => Device::CoreMl,
        DeviceFlag::DirectMl => Device::DirectMl,
    };
    let library = library.filter(|library| !library.as_os_str().is_empty());
    if let Some(library) = library.as_ref().filter(|library| !library.is_file()) {
        let message = format!(
            "--onnxruntime {}: there is no such file; expected the library of ONNX Runtime, as capi/libonnxruntime.so.* \
             of its package for Python",
            library.display()
        );
        return Err(Refusal::input(message).into());
    }
    let engines = match device {
        Device::TensorRt => {
            let folder = cache_folder()?.join("tensorrt");
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            Some(folder)
        }
        _ => None,
    };
    device::choose(Runtime {
        device,
        library,
        engines,
        on_fallback: |line| anstream::eprintln!("{line}"),
    });
    Ok(())
}

/// What `--db` and `--blobs`, or two flags like these, mean together.
pub fn place_of(
    db: Option<String>,
    blobs: Option<PathBuf>,
    [db_flag, blobs_flag]: [&str; 2],
) -> anyhow::Result<Place> {
    match db {
        Some(db) if MilvusAddress::is_one(&db) => {
            let server = MilvusAddress::parse(&db)?;
            let own = data_folder().map(|data| data.join("blobs").join(server.folder_name()));
            let (folder, bucket) = match blobs {
                Some(blobs) => match blobs.to_str().filter(|blobs| Bucket::is_one(blobs)) {
                    Some(bucket) => (own?, Some(Bucket::open(bucket, &Access::from_env()?)?)),
                    None => (blobs, None),
                },
                None => (own?, None),
            };
            Ok(Place {
                folder,
                server: Some(server),
                bucket,
            })
        }
        Some(db) if db.contains("://") => Err(Refusal::input(format!(
            "{db_flag} {db}: a database is in a folder, or on a server: milvus://HOST:PORT"
        ))
        .into()),
        _ if blobs.is_some() => Err(Refusal::input(format!(
            "{blobs_flag} is for a database on a server: {db_flag} milvus://HOST:PORT; one in a folder keeps them there",
        ))
        .into()),
        Some(db) => Ok(Place::folder(PathBuf::from(db))),
        None => Ok(Place::folder(data_folder()?.join("db"))),
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
