//! Turns the paths a person named into sources and the part of each that has to be looked at.

use std::fs;
use std::path::{Path, PathBuf};

use fovea_vectordb::{Database, SourceId, SourceKind, SourceRecord};

use super::report::Offline;
use crate::error::{Error, IoContext};
use crate::{lookup, paths};

/// A source and the folder or file of it that this run covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub source: SourceId,
    pub root: PathBuf,
    pub scope: PathBuf,
}

impl Target {
    /// The scope relative to the root, as the database keeps paths; empty for the whole source.
    pub fn prefix(&self) -> Vec<u8> {
        paths::to_bytes(self.scope.strip_prefix(&self.root).unwrap_or(Path::new("")))
    }
}

#[derive(Debug, Default)]
pub struct Targets {
    pub reachable: Vec<Target>,
    pub offline: Vec<Offline>,
}

/// Finds or creates the sources of `named`.
///
/// A path inside a known source belongs to it, so that no file becomes two items. A path above known sources
/// becomes a source of its own and leaves their folders to them; they are looked at in the same run.
pub fn resolve(database: &dyn Database, named: &[PathBuf]) -> Result<Targets, Error> {
    let mut targets = Targets::default();
    let known = database.sources()?;
    for path in named {
        match fs::canonicalize(path) {
            Ok(path) => add_reachable(database, &known, &path, &mut targets)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                add_missing(database, &known, path, &mut targets)?;
            }
            Err(error) => return Err(error).at(path),
        }
    }
    Ok(targets)
}

/// Roots other than `target`'s that lie below it: they are scanned as sources of their own.
pub fn nested_roots(database: &dyn Database, target: &Target) -> Result<Vec<PathBuf>, Error> {
    let roots = database.sources()?.into_iter().map(|source| source.root);
    Ok(roots
        .filter(|root| *root != target.root && root.starts_with(&target.root))
        .collect())
}

fn add_reachable(
    database: &dyn Database,
    known: &[SourceRecord],
    path: &Path,
    targets: &mut Targets,
) -> Result<(), Error> {
    if let Some(source) = lookup::source_of(known, path) {
        push(targets, source.id, &source.root, path);
    } else {
        let root = if path.is_dir() {
            path
        } else {
            path.parent().unwrap_or(path)
        };
        let source = database.source(SourceKind::Root, root)?;
        push(targets, source, root, path);
    }
    for below in known
        .iter()
        .filter(|source| source.root.starts_with(path) && source.root != path)
    {
        if below.root.is_dir() {
            push(targets, below.id, &below.root, &below.root);
        } else {
            mark_offline(database, below, &below.root, targets)?;
        }
    }
    Ok(())
}

/// A path that is not there is an unplugged root, something deleted inside a source, or a typing error.
fn add_missing(
    database: &dyn Database,
    known: &[SourceRecord],
    path: &Path,
    targets: &mut Targets,
) -> Result<(), Error> {
    let path = lookup::resolved(path)?;
    match lookup::source_of(known, &path) {
        Some(source) if source.root.is_dir() => {
            push(targets, source.id, &source.root, &path);
            Ok(())
        }
        Some(source) => mark_offline(database, source, &path, targets),
        None => Err(Error::Input(format!(
            "{}: there is no such file or folder, and none of that name was indexed before",
            path.display()
        ))),
    }
}

fn mark_offline(
    database: &dyn Database,
    source: &SourceRecord,
    path: &Path,
    targets: &mut Targets,
) -> Result<(), Error> {
    database.set_online(source.id, false)?;
    let n_items = database.file_states(source.id)?.len() as u64;
    let reason = if path == source.root {
        "it is not there any more".to_owned()
    } else {
        format!("its root {} is not there any more", source.root.display())
    };
    let root = source.root.clone();
    if targets.offline.iter().all(|offline| offline.root != root) {
        targets.offline.push(Offline {
            root,
            reason,
            n_items,
        });
    }
    Ok(())
}

/// A scope that lies inside one already named would be looked at twice.
fn push(targets: &mut Targets, source: SourceId, root: &Path, scope: &Path) {
    let covered = |target: &Target| target.source == source && scope.starts_with(&target.scope);
    if targets.reachable.iter().any(covered) {
        return;
    }
    let (root, scope) = (root.to_owned(), scope.to_owned());
    targets
        .reachable
        .retain(|target| target.source != source || !target.scope.starts_with(&scope));
    targets.reachable.push(Target {
        source,
        root,
        scope,
    });
}
