//! What an index run did, for whoever shows it.

use std::path::PathBuf;
use std::time::Duration;

/// Counts files, except where it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct IndexReport {
    pub added: u64,
    pub updated: u64,
    pub moved: u64,
    pub removed: u64,
    pub unchanged: u64,
    /// Items whose image stayed and whose captions changed.
    pub recaptioned: u64,
    /// Files that were forgotten for good, and are passed over.
    pub forgotten: u64,
    /// Images that were decoded and encoded; copies and moved files need neither.
    pub encoded: u64,
    /// Parts of images that were encoded and kept beside the whole.
    pub parts: u64,
    /// Images that had parts, which the collection keeps no more.
    pub without_parts: u64,
    pub skipped: Vec<Skipped>,
    /// Roots that cannot be reached; their items stay and are marked offline.
    pub offline: Vec<Offline>,
    /// Stopped before the end; what had been done is kept.
    pub interrupted: bool,
    pub elapsed: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: String,
    /// Skipped in an earlier run, and the file has not changed since.
    pub known: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offline {
    pub root: PathBuf,
    pub reason: String,
    pub n_items: u64,
}

/// Steps of a run, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexEvent {
    Scanning {
        root: PathBuf,
    },
    /// All files are known; `n_jobs` of them have to be looked at.
    Planned {
        n_files: u64,
        n_jobs: u64,
    },
    /// Files that are done and durable.
    Kept {
        n_done: u64,
    },
    Skipped(Skipped),
    Finishing,
    /// All images are getting their tags.
    Tagging {
        n_done: u64,
        n_items: u64,
    },
    /// A space's index is being built.
    Indexing {
        space: String,
        percent: u8,
    },
}

/// Follows a run and may stop it; called from several threads.
pub trait Observer: Sync {
    fn on(&self, event: IndexEvent);
    fn is_cancelled(&self) -> bool;
}

/// Watches nothing and never stops a run.
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _event: IndexEvent) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}
