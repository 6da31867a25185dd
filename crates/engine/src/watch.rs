//! Keeps following folders: what the system reports as changed is indexed again.
//!
//! Decides only when to index and what; the indexing is that of `ingest`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::Engine;
use crate::error::Error;
use crate::ingest::{IndexOptions, IndexReport, Observer};

#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// A change waits this long for others, so that a copied folder is one run.
    pub quiet: Duration,
    /// And never longer than this, however busy the folder is.
    pub patience: Duration,
    /// Everything is looked at again this often, for file systems that report nothing.
    pub rescan: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(700),
            patience: Duration::from_secs(10),
            rescan: Duration::from_secs(3600),
        }
    }
}

/// How often a waiting watch looks whether it has been cancelled.
const TICK: Duration = Duration::from_millis(100);
/// A burst of more paths than this is cheaper as one run over everything.
const MAX_CHANGED: usize = 1_000;

/// What has changed since the last run.
#[derive(Debug, Default, PartialEq)]
struct Changed {
    paths: BTreeSet<PathBuf>,
    everything: bool,
}

impl Engine {
    /// Indexes once, then follows until cancelled; `after_run` sees the report of every run that changed something.
    pub fn watch(
        &self,
        paths: &[PathBuf],
        options: &IndexOptions,
        watch: &WatchOptions,
        observer: &dyn Observer,
        after_run: &mut dyn FnMut(&IndexReport),
    ) -> Result<(), Error> {
        let (sender, events) = mpsc::channel();
        // Watching begins before the first run, so that nothing falls between the two.
        let watcher = start(paths, sender)?;
        after_run(&self.index(paths, options, observer)?);
        // What the first run was told of parts is remembered; to be told again would have every run look for missing ones.
        let options = &IndexOptions {
            regions: None,
            ..options.clone()
        };
        let mut last_full = Instant::now();
        while !observer.is_cancelled() {
            let changed = collect(&events, watch, last_full, observer);
            if observer.is_cancelled() {
                break;
            }
            let everything = changed.everything || changed.paths.len() > MAX_CHANGED;
            let scopes: Vec<PathBuf> = if everything {
                last_full = Instant::now();
                paths.to_vec()
            } else {
                self.known_scopes(changed.paths, paths)
            };
            if !scopes.is_empty() {
                after_run(&self.index(&scopes, options, observer)?);
            }
        }
        drop(watcher);
        Ok(())
    }

    /// Paths that are worth a run: images, folders, sidecars, or whatever is gone; never the database itself.
    fn known_scopes(&self, changed: BTreeSet<PathBuf>, roots: &[PathBuf]) -> Vec<PathBuf> {
        let mut scopes = BTreeSet::new();
        for path in changed {
            if self.own_folder().is_some_and(|own| path.starts_with(own))
                || is_hidden_below(&path, roots)
            {
                continue;
            }
            let extension = path
                .extension()
                .and_then(|extension| extension.to_str())
                .unwrap_or("");
            if fovea_decode::is_candidate_extension(extension) || path.is_dir() {
                scopes.insert(path);
            } else if let Some(folder) = path
                .parent()
                .filter(|_| extension == "txt" || extension.is_empty() || !path.exists())
            {
                // A sidecar or a vanished folder concerns its neighbours.
                scopes.insert(folder.to_owned());
            }
        }
        scopes.into_iter().collect()
    }
}

fn start(
    paths: &[PathBuf],
    sender: mpsc::Sender<notify::Result<notify::Event>>,
) -> Result<RecommendedWatcher, Error> {
    let failed = |path: &Path, error: notify::Error| {
        let reason = match error.kind {
            notify::ErrorKind::MaxFilesWatch => {
                "the system's limit on watched folders is reached; raise fs.inotify.max_user_watches".to_owned()
            }
            _ => error.to_string(),
        };
        Error::Watch {
            path: path.to_owned(),
            reason,
        }
    };
    let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let mut watcher = notify::recommended_watcher(sender).map_err(|error| failed(first, error))?;
    for path in paths {
        let real = std::fs::canonicalize(path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        watcher
            .watch(&real, RecursiveMode::Recursive)
            .map_err(|error| failed(path, error))?;
    }
    Ok(watcher)
}

/// Waits for the first change, then until the folder has been quiet for a moment.
fn collect(
    events: &Receiver<notify::Result<notify::Event>>,
    watch: &WatchOptions,
    last_full: Instant,
    observer: &dyn Observer,
) -> Changed {
    let mut changed = Changed::default();
    let mut first: Option<Instant> = None;
    let mut last = Instant::now();
    loop {
        match events.recv_timeout(TICK) {
            Ok(event) => {
                if changed.add(event) {
                    first.get_or_insert_with(Instant::now);
                    last = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => changed.everything = true,
        }
        let waited = first.is_some_and(|first| {
            last.elapsed() >= watch.quiet || first.elapsed() >= watch.patience
        });
        if last_full.elapsed() >= watch.rescan {
            changed.everything = true;
        }
        if waited || changed.everything && first.is_none() || observer.is_cancelled() {
            return changed;
        }
    }
}

impl Changed {
    /// Answers whether the event concerns us: reading a file changes nothing.
    fn add(&mut self, event: notify::Result<notify::Event>) -> bool {
        match event {
            Ok(event) if event.need_rescan() => self.everything = true,
            Ok(event) if event.kind.is_access() => return false,
            Ok(event) => self.paths.extend(event.paths),
            Err(_) => self.everything = true,
        }
        true
    }
}

fn is_hidden_below(path: &Path, roots: &[PathBuf]) -> bool {
    let below = roots.iter().find_map(|root| {
        let root = std::fs::canonicalize(root).ok()?;
        path.strip_prefix(root).ok().map(Path::to_owned)
    });
    let hidden = |name: std::path::Component| name.as_os_str().to_string_lossy().starts_with('.');
    below.is_some_and(|below| below.components().any(hidden))
}
