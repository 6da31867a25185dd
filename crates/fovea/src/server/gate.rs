//! The way to the engine's threads: so many work, so many wait, and whoever would wait longer is told at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{StatusCode, header};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::metrics::Metrics;
use super::problem::Problem;

/// Requests that may wait for each thread.
const WAITING: usize = 64;
/// Words that are answered at the same time on each core: those that come while others are encoded or compared with the
/// collection are encoded and compared together. They take little memory; nothing else is let in beyond the cores.
const WORDS: usize = 4;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Text that is compared with what is kept.
    Words,
    /// Anything else: it may decode pictures.
    Any,
}

pub struct Gate {
    working: Arc<Semaphore>,
    answering: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    metrics: Metrics,
}

/// One who waits, until he is let in or gives up.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.queue_depth.dec();
    }
}

impl Gate {
    pub fn new(n_workers: usize, metrics: Metrics) -> Gate {
        Gate {
            working: Arc::new(Semaphore::new(n_workers.max(1))),
            answering: Arc::new(Semaphore::new(WORDS * n_workers.max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting: WAITING * n_workers.max(1),
            metrics,
        }
    }

    /// Runs `work` on a thread that may block. What has begun comes to its end even where nobody waits for it any more,
    /// and keeps its place so long.
    pub async fn run<T: Send + 'static>(
        &self,
        load: Load,
        patience: Duration,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let deadline = Instant::now() + patience;
        let waiting = self.wait()?;
        let places = match load {
            Load::Words => &self.answering,
            Load::Any => &self.working,
        };
        let permit = timeout_at(deadline, Arc::clone(places).acquire_owned()).await;
        drop(waiting);
        let permit = match permit {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(busy()),
        };
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        match timeout_at(deadline, running).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this request found a fault in Fovea; the log says more",
            )),
            Err(_) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "it took too long; ask for less, or later",
            )),
        }
    }

    fn wait(&self) -> Result<Waiting<'_>, Problem> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        self.metrics.queue_depth.inc();
        let waiting = Waiting(self);
        match before < self.most_waiting {
            true => Ok(waiting),
            false => Err(busy()),
        }
    }
}

fn busy() -> Problem {
    let detail = "too many requests wait already; ask again in a moment";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "1")
}
