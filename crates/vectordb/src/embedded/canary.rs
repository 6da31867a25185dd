//! The canary: now and then a live search is repeated exactly, beside the
//! ones that people wait for, so that the share of true nearest that searches
//! find is known and stays known. It keeps counts, never a query.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use fovea_index::{SearchOptions, exact};

use super::indexed::IndexedSpace;
use crate::indexes::Canary;

/// One search of so many is repeated.
const ONE_OF: u64 = 64;
/// Nearest that are compared.
const NEAREST: usize = 10;
/// Searches after which counts are halved, so that they tell of today.
const MEMORY: u64 = 10_000;

/// Repeats searches of one process, one at a time.
#[derive(Debug)]
pub(super) struct Canaries {
    asked: AtomicU64,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Default for Canaries {
    fn default() -> Canaries {
        // Programs that ask once and end must not all be, or all not be, the one of many.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let start = now.map_or(0, |now| u64::from(now.subsec_micros()));
        Canaries {
            asked: AtomicU64::new(start),
            running: Mutex::default(),
        }
    }
}

impl Canaries {
    /// A search was answered by the index with this effort.
    pub(super) fn note(&self, indexed: &Arc<IndexedSpace>, query: &[f32], effort: u32) {
        if !self
            .asked
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(ONE_OF)
        {
            return;
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let (indexed, query) = (Arc::clone(indexed), query.to_vec());
        *running = Some(thread::spawn(move || {
            if let Some(one) = repeat(&indexed, &query, effort) {
                add(&indexed.file.path, one);
            }
        }));
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let running = self
            .running
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = running.take() {
            let _ = thread.join();
        }
    }
}

/// The same search with the index and with every vector.
fn repeat(indexed: &IndexedSpace, query: &[f32], effort: u32) -> Option<Canary> {
    let (index, vectors) = (&indexed.file.index, indexed.file.vectors());
    let live = indexed.live();
    let options = SearchOptions {
        k: NEAREST,
        effort,
        allowed: Some(&live),
        gathered: None,
    };
    let found = index.search(&vectors, query, &options).ok()?;
    let truth = exact(&vectors, index.rows(), query, NEAREST, Some(&live));
    if indexed.file.is_damaged() {
        return None;
    }
    let worst = truth.last()?.score;
    let hits = found.iter().filter(|hit| hit.score >= worst).count();
    Some(Canary {
        n_searches: 1,
        n_expected: truth.len() as u64,
        n_found: hits.min(truth.len()) as u64,
    })
}

fn place(index: &Path) -> PathBuf {
    index.with_extension("canary")
}

/// What was counted beside this index file.
pub(super) fn read(index: &Path) -> Option<Canary> {
    let text = fs::read_to_string(place(index)).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Canary {
        n_searches: next()?,
        n_expected: next()?,
        n_found: next()?,
    })
}

/// Where it cannot be written, nothing is lost but a count.
fn add(index: &Path, one: Canary) {
    let mut all = read(index).unwrap_or_default();
    if all.n_searches >= MEMORY {
        all.n_searches /= 2;
        all.n_expected /= 2;
        all.n_found /= 2;
    }
    let text = format!(
        "{} {} {}\n",
        all.n_searches + one.n_searches,
        all.n_expected + one.n_expected,
        all.n_found + one.n_found
    );
    let scratch = index.with_extension("canary-tmp");
    let _ = fs::write(&scratch, text).and_then(|()| fs::rename(&scratch, place(index)));
}
