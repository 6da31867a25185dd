//! Sessions of ONNX Runtime: made when first needed, one for each thread that runs at the same time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::ep;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

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
    idle: Mutex<Vec<Session>>,
}

impl Sessions {
    /// Loads nothing yet. `load` says in errors what was being done, as in "load the image network".
    pub fn new(model: Model, library: Library, shapes: Shapes, load: &'static str) -> Self {
        Self {
            model,
            library,
            shapes,
            load,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs with a session that nobody else uses. One that failed is not used again.
    pub fn run<T>(&self, run: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
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
        let failed = |error: &dyn std::fmt::Display| Error::Runtime {
            action: self.load,
            what: match &self.model {
                Model::File(path) => format!("{}: {error}", path.display()),
                Model::Bytes(_) => error.to_string(),
            },
        };
        let is_same = self.shapes == Shapes::Same;
        let processor = ep::CPU::default().with_arena_allocator(is_same).build();
        let mut builder = Session::builder(environment(&self.library)?)
            .map_err(|error| failed(&error))?
            .with_intra_threads(1)
            .map_err(|error| failed(&error))?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|error| failed(&error))?
            .with_memory_pattern(is_same)
            .map_err(|error| failed(&error))?
            .with_execution_providers([processor])
            .map_err(|error| failed(&error))?;
        let session = match &self.model {
            Model::File(path) => builder.commit_from_file(path),
            Model::Bytes(bytes) => builder.commit_from_memory(bytes),
        };
        session.map_err(|error| failed(&error))
    }
}

/// ONNX Runtime has one environment in a process; the first pack that is used brings the library. That one is code, so that
/// every byte of it is checked before it runs; the libraries of later packs are not read at all.
fn environment(library: &Library) -> Result<&'static ort::environment::Environment, Error> {
    static ENVIRONMENT: OnceLock<Result<ort::environment::Environment, String>> = OnceLock::new();
    if ENVIRONMENT.get().is_none() {
        library.entry.check_content(&library.dir)?;
    }
    let path = library.dir.join(&library.entry.name);
    let loaded = ENVIRONMENT.get_or_init(|| {
        let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
        builder
            .with_name("fovea")
            .with_telemetry(false)
            .build()
            .map_err(|error| error.to_string())
    });
    loaded.as_ref().map_err(|what| Error::Runtime {
        action: "start",
        what: format!("{}: {what}", path.display()),
    })
}
