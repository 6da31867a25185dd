//! Copies a whole live database into another: from a folder to a server, back, or to another folder.
//!
//! Index files are not copied: whoever calls builds them.
//!
//! `claim` sees that the target may be written and that nobody else does it, `copy` makes the records of one collection equal
//! to those of the source, batch by batch, `vectors` does that for features and vectors, `files` for previews and uploads,
//! and `verify` asks both sides the same and compares the answers.
//!
//! A pass compares everything and writes what differs. Passes are repeated until one finds nothing to write and the source
//! stood still meanwhile. So a copy that was cut short goes on where it stopped, what changed at the source during a pass
//! comes with the next one, and what a pass calls equal was read back from the target.

mod claim;
mod copy;
mod files;
mod vectors;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fovea_vectordb::{Database, Filter, OpenMode};

pub use self::verify::{Agreement, Asked, Join, verify};

use self::claim::Claim;
use self::copy::Copying;
use crate::blobs::Blobs;
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};

/// Passes after which a source that never stands still is called that.
const MOST_PASSES: u64 = 20;
/// Passes over a source that stands still, after which the target should be equal.
const MOST_STILL: u64 = 3;

/// A whole database: its collections, and the folder of what is no row.
pub trait Library: Sync {
    /// Names it, the same in every process.
    fn name(&self) -> String;
    fn collections(&self) -> Result<Vec<String>, Error>;
    fn open(&self, collection: &str, mode: OpenMode) -> Result<Arc<dyn Database>, Error>;
    fn folder(&self) -> &Path;
    /// Where previews and uploads lie.
    fn blobs(&self) -> Blobs {
        Blobs::folder(self.folder())
    }
}

/// What a transfer did.
#[derive(Clone, Debug, Default)]
pub struct Transfer {
    pub collections: Vec<Moved>,
    /// Previews and uploads that were copied, and their bytes.
    pub n_files: u64,
    pub file_bytes: u64,
    /// How often everything was compared.
    pub n_passes: u64,
    /// Whether the last pass found nothing to write, at a source that stood still.
    pub is_settled: bool,
    pub interrupted: bool,
    pub elapsed: Duration,
}

/// What became of one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub collection: String,
    /// Items at the target now.
    pub n_items: u64,
    /// Writes of this run: items, captions' and images' vectors, features of images, settings, skipped files.
    pub n_items_written: u64,
    pub n_items_removed: u64,
    pub n_vectors: u64,
    pub n_features: u64,
    pub n_settings: u64,
    pub n_failures: u64,
    /// Packs, sources and tags that were put.
    pub n_others: u64,
}

impl Moved {
    fn n_written(&self) -> u64 {
        let of_items = self.n_items_written + self.n_items_removed + self.n_vectors;
        of_items + self.n_features + self.n_settings + self.n_failures + self.n_others
    }

    fn add(&mut self, other: &Moved) {
        self.n_items = other.n_items;
        self.n_items_written += other.n_items_written;
        self.n_items_removed += other.n_items_removed;
        self.n_vectors += other.n_vectors;
        self.n_features += other.n_features;
        self.n_settings += other.n_settings;
        self.n_failures += other.n_failures;
        self.n_others += other.n_others;
    }
}

/// Make the library `to` equal to `from`.
pub fn transfer(
    from: &dyn Library,
    to: &dyn Library,
    observer: &dyn Observer,
) -> Result<Transfer, Error> {
    let begun = Instant::now();
    let names = from.collections()?;
    let Some(first) = names.first() else {
        return Err(Error::Input(format!(
            "{}: there is nothing to copy",
            from.name()
        )));
    };
    claim::admit(from, to)?;
    let claim = Claim::take(&from.name(), to, first)?;
    let mut done = std::thread::scope(|scope| {
        scope.spawn(|| claim.beat());
        let done = Passes::new(from, to, &claim, observer).run();
        claim.rest();
        done
    })?;
    if done.is_settled {
        claim.finish()?;
    }
    done.elapsed = begun.elapsed();
    Ok(done)
}

/// Everything compared again and again until nothing differs.
struct Passes<'a> {
    from: &'a dyn Library,
    to: &'a dyn Library,
    claim: &'a Claim,
    observer: &'a dyn Observer,
    done: Transfer,
}

impl<'a> Passes<'a> {
    fn new(
        from: &'a dyn Library,
        to: &'a dyn Library,
        claim: &'a Claim,
        observer: &'a dyn Observer,
    ) -> Self {
        let done = Transfer::default();
        Self {
            from,
            to,
            claim,
            observer,
            done,
        }
    }

    fn run(mut self) -> Result<Transfer, Error> {
        let mut n_still = 0;
        while self.done.n_passes < MOST_PASSES && !self.done.is_settled {
            let before = self.change()?;
            let n_written = self.pass()?;
            self.done.n_passes += 1;
            if self.done.interrupted {
                break;
            }
            let is_still = self.change()? == before;
            self.done.is_settled = is_still && n_written == 0;
            n_still += u64::from(is_still);
            if n_still > MOST_STILL && !self.done.is_settled {
                return Err(Error::Damaged(format!(
                    "{} does not keep what is written to it: after {n_still} passes {n_written} records still differ; \
                     fovea --db TARGET check says what is wrong with it",
                    self.to.name()
                )));
            }
        }
        Ok(self.done)
    }

    /// The change number of the source is one for all its collections.
    fn change(&self) -> Result<(Vec<String>, u64), Error> {
        let names = self.from.collections()?;
        let change = match names.first() {
            Some(name) => self.from.open(name, OpenMode::ReadOnly)?.change()?.0,
            None => 0,
        };
        Ok((names, change))
    }

    fn pass(&mut self) -> Result<u64, Error> {
        let (mut n_written, mut n_done) = (0, 0);
        let names = self.from.collections()?;
        self.plan(&names)?;
        // Previews first: an item at the target has its preview.
        let files = files::copy_all(&self.from.blobs(), &self.to.blobs(), self.observer)?;
        self.done.n_files += files.n;
        self.done.file_bytes += files.bytes;
        for name in &names {
            let from = self.from.open(name, OpenMode::ReadOnly)?;
            let to = self.to.open(name, OpenMode::Create)?;
            let mut copying = Copying {
                from: &*from,
                to: &*to,
                folders: (own(self.from.folder()), own(self.to.folder())),
                claim: self.claim,
                observer: self.observer,
                n_before: n_done,
                moved: Moved {
                    collection: name.clone(),
                    ..Moved::default()
                },
            };
            self.done.interrupted = !copying.run()?;
            let mut moved = copying.moved;
            moved.n_items = to.count(&Filter::All)?;
            n_done += moved.n_items;
            n_written += moved.n_written();
            self.note(&moved);
            if self.done.interrupted {
                break;
            }
        }
        Ok(n_written + files.n)
    }

    fn plan(&self, names: &[String]) -> Result<(), Error> {
        let mut n_jobs = 0;
        for name in names {
            n_jobs += self
                .from
                .open(name, OpenMode::ReadOnly)?
                .count(&Filter::All)?;
        }
        self.observer.on(IndexEvent::Planned {
            n_files: n_jobs,
            n_jobs,
        });
        Ok(())
    }

    fn note(&mut self, moved: &Moved) {
        let all = &mut self.done.collections;
        match all
            .iter_mut()
            .find(|one| one.collection == moved.collection)
        {
            Some(one) => one.add(moved),
            None => all.push(moved.clone()),
        }
    }
}

/// A folder as roots of sources below it are written.
fn own(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}
