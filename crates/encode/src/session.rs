//! Sessions of ONNX Runtime: made when first needed, one for each thread that runs at the same time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::ep;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::device::{self, Device};
use crate::error::Error;
use crate::manifest::{FileEntry, MANIFEST, Manifest};

/// Whether all inputs of a network have one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// After two runs the arena holds all that any later one takes. Without it each run takes and frees its tensors from
    /// the system's allocator, between everything else that lies there.
    Same,
    /// An arena would keep what the longest input took.
    Varying,
}

/// Where a network is.
pub enum Model {
    File(PathBuf),
    Bytes(Vec<u8>),
}

/// ONNX Runtime, as a pack brings it.
#[derive(Clone, Debug)]
pub struct Library {
    dir: PathBuf,
    entry: FileEntry,
}

impl Library {
    /// That of the pack in `dir`.
    pub fn of(dir: &Path, manifest: &Manifest) -> Result<Self, Error> {
        let entry = manifest.file(&manifest.runtime);
        let entry = entry.ok_or_else(|| Error::Damaged {
            path: dir.join(MANIFEST),
            what: format!("it does not list {}", manifest.runtime),
        })?;
        Ok(Self {
            dir: dir.into(),
            entry: entry.clone(),
        })
    }
}

/// The sessions of one network. A session of the `ort` crate runs one input at a time.
pub struct Sessions {
    model: Model,
    library: Library,
    shapes: Shapes,
    load: &'static str,
    /// Threads of one session.
    threads: usize,
    idle: Mutex<Vec<Session>>,
    /// Held while a device runs a network: each session would keep the weights there once more.
    turn: Mutex<()>,
}

impl Sessions {
    /// Loads nothing yet. `load` says in errors what was being done, as in "load the image network".
    pub fn new(model: Model, library: Library, shapes: Shapes, load: &'static str) -> Self {
        Self {
            model,
            library,
            shapes,
            load,
            threads: 1,
            idle: Mutex::new(Vec::new()),
            turn: Mutex::new(()),
        }
    }

    /// The same with sessions of so many threads each.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.set_threads(threads);
        self
    }

    /// For sessions that are not made yet.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
        self.idle().clear();
    }

    /// Runs with a session that nobody else uses. One that failed is not used again.
    pub fn run<T>(&self, run: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
        let is_processor = device::in_use() == Device::Cpu;
        let _turn =
            (!is_processor).then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let idle = self.idle().pop();
        let mut session = match idle {
            Some(session) => session,
            None => self.session()?,
        };
        let found = run(&mut session);
        if found.is_ok() {
            self.idle().push(session);
        }
        found
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> Result<Session, Error> {
        let (environment, library) = environment(&self.library)?;
        let device = device::in_use();
        if device == Device::Cpu {
            return self.made(environment, device);
        }
        let why = match device.is_offered() {
            false => format!("has no {} in it", device.name()),
            true => match self.made(environment, device) {
                Ok(session) => return Ok(session),
                Err(error) => format!("cannot use it: {error}"),
            },
        };
        // A network that the processor does not run either is itself at fault, and not the device.
        let session = self.made(environment, Device::Cpu)?;
        device::fall_back(device, library, &why);
        Ok(session)
    }

    fn made(&self, environment: &Environment, device: Device) -> Result<Session, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Runtime {
            action: self.load,
            what: match &self.model {
                Model::File(path) => format!("{}: {error}", path.display()),
                Model::Bytes(_) => error.to_string(),
            },
        };
        let is_same = self.shapes == Shapes::Same;
        let processor = ep::CPU::default().with_arena_allocator(is_same).build();
        let mut providers = device.providers();
        providers.push(processor);
        let mut builder = Session::builder(environment)
            .map_err(|error| failed(&error))?
            .with_intra_threads(self.threads)
            .map_err(|error| failed(&error))?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|error| failed(&error))?
            // DirectML takes its memory itself.
            .with_memory_pattern(is_same && device != Device::DirectMl)
            .map_err(|error| failed(&error))?
            .with_execution_providers(providers)
            .map_err(|error| failed(&error))?;
        let session = match &self.model {
            Model::File(path) => builder.commit_from_file(path),
            Model::Bytes(bytes) => builder.commit_from_memory(bytes),
        };
        session.map_err(|error| failed(&error))
    }
}

/// ONNX Runtime has one environment in a process; the first pack that is used brings the library, where none was named. That one
/// is code, so that every byte of it is checked before it runs; the libraries of later packs are not read at all.
fn environment(library: &Library) -> Result<(&'static Environment, &'static Path), Error> {
    static ENVIRONMENT: OnceLock<(PathBuf, Result<Environment, String>)> = OnceLock::new();
    let named = device::library();
    if ENVIRONMENT.get().is_none() && named.is_none() {
        library.entry.check_content(&library.dir)?;
    }
    let (path, loaded) = ENVIRONMENT.get_or_init(|| {
        let own = || library.dir.join(&library.entry.name);
        let path = named.map_or_else(own, Path::to_path_buf);
        let loaded = load(&path).map_err(|error| match named {
            Some(_) => format!("{error}; --onnxruntime (FOVEA_ONNXRUNTIME) names a library of ONNX Runtime 1.17 or later"),
            None => error,
        });
        (path, loaded)
    });
    match loaded {
        Ok(environment) => Ok((environment, path)),
        Err(what) => Err(Error::Runtime {
            action: "start",
            what: format!("{}: {what}", path.display()),
        }),
    }
}

fn load(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let mut builder = builder.with_name("fovea").with_telemetry(false);
    if device::in_use() != Device::Cpu {
        // It tells on standard error in many lines what an error says anyway, and which parts of a network stay on the processor.
        builder = builder.with_logger(Arc::new(|_, _, _, _, _| {}));
    }
    builder.build().map_err(|error| error.to_string())
}
