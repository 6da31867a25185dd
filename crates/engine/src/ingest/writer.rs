//! Collects what the workers made and commits it in batches; only here are images counted as kept.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use fovea_vectordb::{Batch, Database, Fault};

use super::process::{Outcome, Verdict};
use super::report::{IndexEvent, IndexReport, Observer, Skipped};
use crate::error::Error;

/// A commit costs a few milliseconds of waiting for the disk, so outcomes share one; nobody loses more than this
/// much work to a power cut.
const MAX_OUTCOMES: usize = 256;
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Writes until the workers hang up. On an error the caller stops the workers; what was committed stays.
pub fn write_all(
    database: &dyn Database,
    outcomes: &Receiver<Outcome>,
    observer: &dyn Observer,
    report: &mut IndexReport,
) -> Result<(), Error> {
    let mut waiting: Vec<Outcome> = Vec::new();
    let mut since = Instant::now();
    let mut n_done = 0;
    loop {
        let hung_up = match outcomes.recv_timeout(MAX_WAIT.saturating_sub(since.elapsed())) {
            Ok(outcome) => {
                if waiting.is_empty() {
                    since = Instant::now();
                }
                waiting.push(outcome);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if hung_up || waiting.len() >= MAX_OUTCOMES || since.elapsed() >= MAX_WAIT {
            n_done += waiting.len() as u64;
            commit(database, &mut waiting, observer, report)?;
            observer.on(IndexEvent::Kept { n_done });
            since = Instant::now();
        }
        if hung_up {
            return Ok(());
        }
    }
}

fn commit(
    database: &dyn Database,
    waiting: &mut Vec<Outcome>,
    observer: &dyn Observer,
    report: &mut IndexReport,
) -> Result<(), Error> {
    if waiting.is_empty() {
        return Ok(());
    }
    let lengths: Vec<usize> = waiting
        .iter()
        .map(|outcome| outcome.operations.len())
        .collect();
    let operations = waiting
        .iter_mut()
        .flat_map(|outcome| std::mem::take(&mut outcome.operations));
    let mut batch: Batch = operations.collect();
    match database.write(&batch) {
        Ok(_) => {}
        // Another process removed what one of the operations refers to; the others are still good.
        Err(error) if error.fault() == Fault::Input => {
            for (outcome, length) in waiting.iter_mut().zip(lengths) {
                let alone: Batch = batch.operations.drain(..length).collect();
                commit_alone(database, &alone, outcome)?;
            }
        }
        Err(error) => return Err(error.into()),
    }
    for outcome in waiting.drain(..) {
        count(outcome, observer, report);
    }
    Ok(())
}

fn commit_alone(
    database: &dyn Database,
    batch: &Batch,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    match database.write(batch) {
        Ok(_) => Ok(()),
        Err(error) if error.fault() == Fault::Input => {
            outcome.verdict =
                Verdict::Skipped(format!("changed while it was indexed ({error}); run again"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn count(outcome: Outcome, observer: &dyn Observer, report: &mut IndexReport) {
    report.encoded += u64::from(outcome.encoded);
    report.parts += outcome.n_parts;
    match outcome.verdict {
        Verdict::Added => report.added += 1,
        Verdict::Updated => report.updated += 1,
        Verdict::Moved => report.moved += 1,
        Verdict::Unchanged => report.unchanged += 1,
        Verdict::Recaptioned => report.recaptioned += 1,
        Verdict::Forgotten => report.forgotten += 1,
        Verdict::Skipped(reason) => {
            let skipped = Skipped {
                path: outcome.job.candidate.path,
                reason,
                known: false,
            };
            observer.on(IndexEvent::Skipped(skipped.clone()));
            report.skipped.push(skipped);
        }
    }
}
