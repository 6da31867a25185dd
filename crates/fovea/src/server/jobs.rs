//! Index runs that somebody asked for over HTTP: one at a time, each in a thread of its own, followed and cancelled from
//! anywhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fovea_engine::{Engine, IndexEvent, IndexOptions, Observer};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::render::report_json;

/// Jobs that wait or run.
const MOST_WAITING: usize = 16;
/// Jobs that are remembered.
const MOST_KEPT: usize = 64;
/// How long a thread sleeps between two looks, while it is waited for.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Cancelled,
    Failed,
}

impl JobState {
    pub fn is_over(self) -> bool {
        !matches!(self, JobState::Waiting | JobState::Running)
    }
}

/// How far a job is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobStatus {
    pub id: u64,
    pub collection: String,
    /// Folders and files that are looked at.
    pub paths: Vec<String>,
    pub state: JobState,
    /// In a word or two.
    pub doing: String,
    /// Files that were found, as soon as they were counted.
    pub n_files: u64,
    /// Of these the ones that have to be read, and those that are done.
    pub n_jobs: u64,
    pub n_done: u64,
    pub n_skipped: u64,
    /// What came of it, once it is over.
    #[schema(value_type = Option<Object>)]
    pub report: Option<serde_json::Value>,
    /// Why it failed.
    pub error: Option<String>,
}

pub struct Job {
    status: watch::Sender<JobStatus>,
    is_cancelled: AtomicBool,
}

impl Job {
    pub fn status(&self) -> JobStatus {
        self.status.borrow().clone()
    }

    /// To be told of every change.
    pub fn follow(&self) -> watch::Receiver<JobStatus> {
        self.status.subscribe()
    }

    /// Asks it to stop; what it has done is kept.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    fn change(&self, change: impl FnOnce(&mut JobStatus)) {
        self.status.send_modify(change);
    }

    fn run(&self, engine: &Engine, paths: &[PathBuf], options: &IndexOptions) {
        if self.is_cancelled() {
            self.change(|status| status.state = JobState::Cancelled);
            return;
        }
        self.change(|status| status.state = JobState::Running);
        let done = engine.index(paths, options, self);
        self.change(|status| {
            status.doing = String::new();
            match done {
                Ok(report) => {
                    status.state = match report.interrupted {
                        true => JobState::Cancelled,
                        false => JobState::Done,
                    };
                    status.report = Some(report_json(&report));
                }
                Err(error) => {
                    status.state = JobState::Failed;
                    status.error = Some(error.to_string());
                }
            }
        });
    }
}

impl Observer for Job {
    fn on(&self, event: IndexEvent) {
        self.change(|status| match event {
            IndexEvent::Scanning { root } => {
                status.doing = format!("looking through {}", root.display());
            }
            IndexEvent::Planned { n_files, n_jobs } => {
                (status.n_files, status.n_jobs) = (n_files, n_jobs);
                status.doing = "reading pictures".to_owned();
            }
            IndexEvent::Kept { n_done } => status.n_done = n_done,
            IndexEvent::Skipped(_) => status.n_skipped += 1,
            IndexEvent::Finishing => status.doing = "finishing".to_owned(),
            IndexEvent::Tagging { n_done, n_items } => {
                status.doing = format!("tagging: {n_done} of {n_items}");
            }
            IndexEvent::Indexing { space, percent } => {
                status.doing = format!("building the index of `{space}`: {percent}%");
            }
        });
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub struct Jobs {
    all: Mutex<BTreeMap<u64, Arc<Job>>>,
    /// Whoever has it runs.
    turn: Arc<Mutex<()>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Jobs {
    pub fn start(
        &self,
        engine: Engine,
        collection: &str,
        paths: Vec<PathBuf>,
        options: IndexOptions,
    ) -> Result<Arc<Job>, Problem> {
        let job = self.queue(collection, &paths)?;
        let (running, turn) = (Arc::clone(&job), Arc::clone(&self.turn));
        let thread = std::thread::Builder::new().name("index".to_owned());
        let started = thread.spawn(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            running.run(&engine, &paths, &options);
        });
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(started.map_err(anyhow::Error::from)?);
        Ok(job)
    }

    fn queue(&self, collection: &str, paths: &[PathBuf]) -> Result<Arc<Job>, Problem> {
        let mut all = self.all();
        let n_waiting = all.values().filter(|job| !job.status().state.is_over());
        if n_waiting.count() >= MOST_WAITING {
            let detail = format!("{MOST_WAITING} jobs wait already");
            return Err(Problem::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                detail,
            ));
        }
        let id = all.last_key_value().map_or(1, |(id, _)| id + 1);
        let shown = paths.iter().map(|path| path.to_string_lossy().into_owned());
        let status = JobStatus {
            id,
            collection: collection.to_owned(),
            paths: shown.collect(),
            state: JobState::Waiting,
            doing: String::new(),
            n_files: 0,
            n_jobs: 0,
            n_done: 0,
            n_skipped: 0,
            report: None,
            error: None,
        };
        let job = Arc::new(Job {
            status: watch::Sender::new(status),
            is_cancelled: AtomicBool::new(false),
        });
        all.insert(id, Arc::clone(&job));
        while all.len() > MOST_KEPT {
            let oldest = all.iter().find(|(_, job)| job.status().state.is_over());
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            all.remove(&oldest);
        }
        Ok(job)
    }

    /// Of a collection, the latest first.
    pub fn list(&self, collection: &str) -> Vec<JobStatus> {
        let all = self.all();
        let statuses = all.values().rev().map(|job| job.status());
        statuses
            .filter(|status| status.collection == collection)
            .collect()
    }

    pub fn find(&self, id: u64, collection: &str) -> Result<Arc<Job>, Problem> {
        let job = self.all().get(&id).cloned();
        job.filter(|job| job.status().collection == collection)
            .ok_or_else(|| Problem::not_found(format!("there is no job {id} in this collection")))
    }

    /// Cancels all of them, and waits until they have kept what they had; false where that took too long.
    pub fn end(&self, patience: Duration) -> bool {
        for job in self.all().values() {
            job.cancel();
        }
        let deadline = Instant::now() + patience;
        loop {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|thread| !thread.is_finished());
            match (threads.is_empty(), Instant::now() < deadline) {
                (true, _) => return true,
                (false, false) => return false,
                (false, true) => drop(threads),
            }
            std::thread::sleep(LOOK);
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Job>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
