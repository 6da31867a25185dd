//! What all requests share.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::gate::{Gate, Load};
use super::jobs::Jobs;
use super::keys::Ring;
use super::library::Library;
use super::metrics::Metrics;
use super::pictures::Pictures;
use super::problem::Problem;
use super::rate::Rates;

/// Pictures that are received at once.
const RECEIVING: usize = 4;

/// What whoever starts the server may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether nobody but this machine reaches it, so that it may do without keys.
    pub is_local: bool,
    /// Whether it speaks TLS.
    pub is_encrypted: bool,
    /// Names under which it is reached, in lower case.
    pub hosts: Vec<String>,
    /// Folders that may be indexed although they are no source yet.
    pub allow_roots: Vec<PathBuf>,
    pub log: bool,
    pub log_queries: bool,
    /// Requests a second of one key.
    pub rate: u32,
    pub max_connections: usize,
    /// Largest picture that is taken, in bytes.
    pub max_upload: usize,
    /// How long a request may take, and a client may say nothing.
    pub patience: Patience,
    /// Threads that answer.
    pub n_workers: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, and for the next one of a connection.
    pub head: Duration,
    /// Between two pieces of a body.
    pub piece: Duration,
    /// For a whole request, until its answer begins.
    pub request: Duration,
    /// For a client that does not read what it asked for.
    pub write: Duration,
    /// For what still runs when the server stops.
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            piece: Duration::from_secs(10),
            request: Duration::from_secs(60),
            write: Duration::from_secs(30),
            farewell: Duration::from_secs(10),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            is_local: true,
            is_encrypted: false,
            hosts: Vec::new(),
            allow_roots: Vec::new(),
            log: true,
            log_queries: false,
            rate: 500,
            max_connections: 512,
            max_upload: 64 << 20,
            patience: Patience::default(),
            n_workers: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// The server's state.
pub struct App {
    pub options: Options,
    pub library: Library,
    pub gate: Gate,
    pub metrics: Metrics,
    pub rates: Rates,
    pub jobs: Jobs,
    pub pictures: Pictures,
    /// Pictures that are being received, so that memory is bounded.
    pub receiving: Semaphore,
    ring: RwLock<Arc<Ring>>,
    stopping: watch::Sender<bool>,
}

impl App {
    /// Reads the keys once: no request is answered before they are known.
    pub fn new(library: Library, options: Options) -> anyhow::Result<Arc<App>> {
        let metrics = library.metrics().clone();
        let ring = Arc::new(library.keys()?);
        Ok(Arc::new(App {
            gate: Gate::new(options.n_workers, metrics.clone()),
            rates: Rates::new(options.rate),
            jobs: Jobs::default(),
            pictures: Pictures::default(),
            receiving: Semaphore::new(RECEIVING),
            ring: RwLock::new(ring),
            stopping: watch::Sender::new(false),
            options,
            library,
            metrics,
        }))
    }

    /// The keys as they were a second ago at most.
    pub fn ring(&self) -> Arc<Ring> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&ring)
    }

    /// Takes up keys that were made or revoked meanwhile, by another process too.
    pub fn renew_ring(&self) -> anyhow::Result<()> {
        let ring = Arc::new(self.library.keys()?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// Tells whatever goes on by itself that the server ends.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Turns true when the server ends.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Runs what asks the engine on one of its threads, when its turn comes.
    pub async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.work_on(Load::Any, work).await
    }

    /// The same of work that is known to be no more than this.
    pub async fn work_on<T: Send + 'static>(
        self: &Arc<Self>,
        load: Load,
        work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = Arc::clone(self);
        self.gate
            .run(load, self.options.patience.request, move || work(&app))
            .await
    }
}
