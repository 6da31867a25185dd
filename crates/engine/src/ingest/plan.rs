//! Compares what a scan found with what the database keeps: which files need work, and which items have no file.
//!
//! Opens no image; sidecars are only asked for their time of change.

use std::collections::{HashMap, HashSet};

use fovea_vectordb::{ContentHash, Database, Failure, FileState, Filter, ItemId, SourceId};

use super::captions::CaptionSource;
use super::report::Skipped;
use super::share::Share;
use super::target::Target;
use crate::captions::sidecar_path;
use crate::error::Error;
use crate::paths;
use crate::scan::{self, Candidate, Scan};

/// A file may be written twice within one tick of its file system's clock (2 s on FAT), which leaves its time
/// unchanged. A file that was younger than this when it was last looked at is therefore read again.
const CLOCK_TICK_NS: i64 = 2_000_000_000;

/// One file that has to be looked at.
#[derive(Clone, Debug)]
pub struct Job {
    pub target: usize,
    pub candidate: Candidate,
    pub known: Option<FileState>,
    pub work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Read the file; decode it unless its content is known.
    Image,
    /// The image is unchanged and only its captions may differ.
    Captions,
}

/// An item whose file was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub item: ItemId,
    pub content: ContentHash,
    pub source: SourceId,
}

#[derive(Debug, Default)]
pub struct Plan {
    pub jobs: Vec<Job>,
    pub missing: Vec<Missing>,
    pub unchanged: u64,
    pub skipped: Vec<Skipped>,
    /// Failures of earlier runs whose file is gone or will be tried again.
    pub outdated_failures: Vec<(SourceId, Vec<u8>)>,
    pub n_files: u64,
}

/// What decides whether a file that has not changed needs work all the same.
pub struct PlanContext<'a> {
    pub database: &'a dyn Database,
    pub captions: &'a CaptionSource,
    /// The caption choice differs from that of the last run, so every file's words are read again.
    pub captions_changed: bool,
    pub retry: bool,
    pub share: Option<Share>,
    /// Contents that lack the feature of the pack in use, or parts.
    pub incomplete: &'a HashSet<ContentHash>,
}

impl PlanContext<'_> {
    /// Whether this run looks after the file at a path within its source.
    fn is_ours(&self, relative: &[u8]) -> bool {
        self.share.is_none_or(|share| share.holds(relative))
    }
}

impl Plan {
    /// Adds one target, the `number`th of the run.
    pub fn add(
        &mut self,
        number: usize,
        target: &Target,
        scan: Scan,
        context: &PlanContext,
    ) -> Result<(), Error> {
        let prefix = target.prefix();
        let mut states: HashMap<Vec<u8>, FileState> = HashMap::new();
        for state in context.database.file_states(target.source)? {
            if paths::is_within(&state.path, &prefix) && context.is_ours(&state.path) {
                states.insert(state.path.clone(), state);
            }
        }
        let failures = self.earlier_failures(target, &prefix, &scan, context)?;
        let captioned = captioned_items(context)?;
        let candidates = scan.candidates.into_iter();
        for candidate in candidates.filter(|one| context.is_ours(&one.relative)) {
            self.n_files += 1;
            let known = states.remove(&candidate.relative);
            if let Some(failure) = failures.get(&candidate.relative)
                && !context.retry
                && (failure.size, failure.mtime_ns) == (candidate.size, candidate.mtime_ns)
            {
                let (path, reason) = (candidate.path, failure.reason.clone());
                self.skipped.push(Skipped {
                    path,
                    reason,
                    known: true,
                });
                continue;
            }
            match work_on(&candidate, known.as_ref(), context, &captioned) {
                Some(work) => self.jobs.push(Job {
                    target: number,
                    candidate,
                    known,
                    work,
                }),
                None => self.unchanged += 1,
            }
        }
        self.add_missing(target, states, &scan.unreadable);
        for unreadable in scan.unreadable {
            let (path, reason) = (unreadable.path, unreadable.reason);
            self.skipped.push(Skipped {
                path,
                reason,
                known: false,
            });
        }
        Ok(())
    }

    /// What could not be looked at is not gone: items below an unreadable folder stay.
    fn add_missing(
        &mut self,
        target: &Target,
        states: HashMap<Vec<u8>, FileState>,
        unreadable: &[scan::Unreadable],
    ) {
        let gone = states.into_values().filter(|state| {
            !unreadable
                .iter()
                .any(|folder| paths::is_within(&state.path, &folder.relative))
        });
        self.missing.extend(gone.map(|state| Missing {
            item: state.item,
            content: state.content,
            source: target.source,
        }));
    }

    fn earlier_failures(
        &mut self,
        target: &Target,
        prefix: &[u8],
        scan: &Scan,
        context: &PlanContext,
    ) -> Result<HashMap<Vec<u8>, Failure>, Error> {
        let found: HashSet<&[u8]> = scan
            .candidates
            .iter()
            .map(|one| one.relative.as_slice())
            .collect();
        let mut failures = HashMap::new();
        for failure in context.database.failures(Some(target.source))? {
            if !paths::is_within(&failure.path, prefix) || !context.is_ours(&failure.path) {
                continue;
            }
            if !found.contains(failure.path.as_slice()) {
                self.outdated_failures
                    .push((target.source, failure.path.clone()));
            }
            failures.insert(failure.path.clone(), failure);
        }
        Ok(failures)
    }
}

fn work_on(
    candidate: &Candidate,
    known: Option<&FileState>,
    context: &PlanContext,
    captioned: &HashSet<ItemId>,
) -> Option<Work> {
    let Some(known) = known else {
        return Some(Work::Image);
    };
    let unchanged = known.size == candidate.size
        && known.mtime_ns == candidate.mtime_ns
        && known.mtime_ns < known.checked_ns - CLOCK_TICK_NS;
    if !unchanged || context.captions_changed || context.incomplete.contains(&known.content) {
        return Some(Work::Image);
    }
    let has_captions = captioned.contains(&known.item);
    let compare = match context.captions {
        CaptionSource::None => has_captions,
        CaptionSource::Tsv(captions) => has_captions || !captions.of(&candidate.path).is_empty(),
        CaptionSource::Sidecar => match scan::file_stamp(&sidecar_path(&candidate.path)) {
            Ok((_, mtime_ns)) => mtime_ns >= known.checked_ns - CLOCK_TICK_NS,
            Err(_) => has_captions,
        },
    };
    compare.then_some(Work::Captions)
}

fn captioned_items(context: &PlanContext) -> Result<HashSet<ItemId>, Error> {
    const PAGE: usize = 10_000;
    let mut items = HashSet::new();
    let mut last = None;
    loop {
        let page = context.database.scan(&Filter::HasCaption, last, PAGE)?;
        last = page.last().copied();
        let is_last = page.len() < PAGE;
        items.extend(page);
        if is_last {
            return Ok(items);
        }
    }
}
