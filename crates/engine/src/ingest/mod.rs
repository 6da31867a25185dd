//! Brings a collection up to date with folders of images: scan, plan, process, write, finish.
//!
//! Each worker takes one file through all its stages, so the cores stay busy without queues between stages, and as
//! many images are in memory as there are workers. One writer commits. Stopping at any moment keeps what was
//! committed, and the next run finds it unchanged.

pub(crate) mod captions;
mod finish;
mod gate;
mod options;
mod plan;
pub(crate) mod process;
mod report;
pub(crate) mod setup;
mod share;
mod target;
mod writer;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::Sender;
use fovea_vectordb::ContentHash;

pub(crate) use finish::{has_seen_all, index as index_files};
pub use options::{CaptionChoice, IndexOptions, TagChoice};
pub use process::Verdict;
pub use report::{IndexEvent, IndexReport, Observer, Offline, Silent, Skipped};
pub use share::Share;

use self::gate::Gate;
use self::plan::{Job, Missing, Plan};
use self::process::{Outcome, Processor};
use self::setup::Setup;
use crate::Engine;
use crate::error::Error;
use crate::forget::Register;
use crate::parts::Regions;
use crate::tagging;

/// Bytes of files that are in memory at once, and of pixels being decoded.
const READING_BUDGET: u64 = 96 << 20;
const DECODING_BUDGET: u64 = 256 << 20;

impl Engine {
    /// Indexes folders and files. Bad files are part of the report; an error means that the run had to stop, and
    /// what was committed before is kept.
    pub fn index(
        &self,
        paths: &[PathBuf],
        options: &IndexOptions,
        observer: &dyn Observer,
    ) -> Result<IndexReport, Error> {
        let started = Instant::now();
        let setup = Setup::prepare(self, paths, options)?;
        let mut report = IndexReport {
            offline: setup.targets.offline.clone(),
            ..Default::default()
        };
        let mut plan = setup.plan(self, options, observer, &mut report)?;
        report.unchanged = plan.unchanged;
        report.skipped = std::mem::take(&mut plan.skipped);
        let (n_files, n_jobs) = (plan.n_files, plan.jobs.len() as u64);
        observer.on(IndexEvent::Planned { n_files, n_jobs });
        let jobs = std::mem::take(&mut plan.jobs);
        let missing = self.run(jobs, &setup, &plan, options, observer, &mut report)?;
        report.interrupted = observer.is_cancelled();
        if !report.interrupted {
            observer.on(IndexEvent::Finishing);
            finish::finish(self, &setup, &plan, &missing, options, &mut report)?;
            if setup.regions == Regions::None {
                report.without_parts = setup::remove_parts(self, observer)?;
            }
            report.interrupted =
                tagging::renew(self, &setup.tagger, observer)? || finish::index(self, observer)?;
        }
        report.elapsed = started.elapsed();
        Ok(report)
    }

    /// Runs the jobs on all workers; answers the items whose file is really gone.
    fn run(
        &self,
        jobs: Vec<Job>,
        setup: &Setup,
        plan: &Plan,
        options: &IndexOptions,
        observer: &dyn Observer,
        report: &mut IndexReport,
    ) -> Result<Vec<Missing>, Error> {
        let processor = Processor {
            database: self.database(),
            encoder: self.encoder(),
            previews: self.previews(),
            options,
            regions: setup.regions,
            tagger: &setup.tagger,
            targets: &setup.targets.reachable,
            captions: &setup.captions,
            forgotten: Register::of(self.database())?,
            reading: Gate::new(READING_BUDGET),
            decoding: Gate::new(DECODING_BUDGET),
            missing: Mutex::new(by_content(&plan.missing)),
            phrases: Mutex::new(HashSet::new()),
        };
        run_workers(&processor, &jobs, options.n_workers, observer, report)?;
        let missing = processor.missing.into_inner().unwrap_or_default();
        Ok(missing.into_values().flatten().collect())
    }
}

fn by_content(missing: &[Missing]) -> HashMap<ContentHash, Vec<Missing>> {
    let mut map: HashMap<ContentHash, Vec<Missing>> = HashMap::new();
    for one in missing {
        map.entry(one.content).or_default().push(one.clone());
    }
    map
}

/// Takes the jobs in order on `n_workers` threads, and commits on this one.
fn run_workers(
    processor: &Processor,
    jobs: &[Job],
    n_workers: usize,
    observer: &dyn Observer,
    report: &mut IndexReport,
) -> Result<(), Error> {
    let n_workers = n_workers.clamp(1, 256).min(jobs.len().max(1));
    let (sender, outcomes) = crossbeam_channel::bounded(4 * n_workers);
    let queue = Queue {
        jobs,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..n_workers)
            .map(|_| {
                let (queue, sender) = (&queue, sender.clone());
                scope.spawn(move || queue.work(processor, &sender, observer))
            })
            .collect();
        drop(sender);
        let written = writer::write_all(processor.database, &outcomes, observer, report);
        queue.stop.store(true, Ordering::Relaxed);
        // Workers that wait for room in the channel go on when it has no reader any more.
        drop(outcomes);
        let worked = workers.into_iter().map(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let worked: Result<(), Error> = worked.collect();
        written.and(worked)
    })
}

struct Queue<'a> {
    jobs: &'a [Job],
    next: AtomicUsize,
    stop: AtomicBool,
}

impl Queue<'_> {
    fn work(
        &self,
        processor: &Processor,
        sender: &Sender<Outcome>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        while !self.stop.load(Ordering::Relaxed) && !observer.is_cancelled() {
            let Some(job) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(());
            };
            let outcome = processor.process(job.clone()).inspect_err(|_| {
                self.stop.store(true, Ordering::Relaxed);
            })?;
            if sender.send(outcome).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
