//! Why a file is no item of the collection.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use fovea_vectordb::{
    Comparison, ContentHash, Database, Failure, Filter, Item, SourceKind, SourceRecord, Value,
};

use crate::error::Error;
use crate::ingest::setup;
use crate::left_out::{self, LeftOut};
use crate::scan::{self, ScanOptions};
use crate::{Engine, lookup, paths, terms};

/// Items of the same name that are told.
const NAMESAKES: usize = 3;

/// Each reason is one sentence with what to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Absent {
    /// There is no such file, and there was none.
    Missing {
        /// Items that are called so.
        namesakes: Vec<PathBuf>,
    },
    /// It is no file.
    Folder,
    /// It lies in no source.
    Outside { folder: PathBuf },
    /// The root of its source cannot be reached, so nothing is known of it.
    Unreachable { root: PathBuf },
    /// A run looked at it, and it could not be used.
    Failed {
        failure: Failure,
        /// It is another file since.
        has_changed: bool,
    },
    /// A run does not look at it.
    LeftOut(LeftOut),
    /// It is an item under another path, whose file is gone.
    Moved { from: PathBuf },
    /// The same picture is an item under another path, and this one is not indexed yet.
    Copy { of: PathBuf },
    /// It was written after the last run.
    Newer { root: PathBuf },
    /// Its source was never looked at to the end.
    NeverScanned { root: PathBuf },
    /// It came into its folder after the last run, as a copy with its old time.
    CameLater { root: PathBuf },
}

impl Absent {
    /// A word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Absent::Missing { .. } => "missing",
            Absent::Folder => "folder",
            Absent::Outside { .. } => "outside",
            Absent::Unreachable { .. } => "unreachable",
            Absent::Failed { .. } => "failed",
            Absent::LeftOut(_) => "left_out",
            Absent::Moved { .. } => "moved",
            Absent::Copy { .. } => "copy",
            Absent::Newer { .. } => "newer",
            Absent::NeverScanned { .. } => "never_scanned",
            Absent::CameLater { .. } => "came_later",
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::Missing { namesakes } if namesakes.is_empty() => {
                f.write_str("there is no such file, and no item is called so; check the path")
            }
            Absent::Missing { namesakes } => {
                let all: Vec<String> = namesakes
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                write!(
                    f,
                    "there is no such file; items of that name are {}",
                    all.join(", ")
                )
            }
            Absent::Folder => f.write_str("it is a folder; name one of the pictures in it"),
            Absent::Outside { folder } => write!(
                f,
                "it lies in no folder that was indexed; index its own: fovea index {}",
                folder.display()
            ),
            Absent::Unreachable { root } => write!(
                f,
                "{} cannot be reached, so nothing new is known of it; plug it in, and run: fovea index {0}",
                root.display()
            ),
            Absent::Failed {
                failure,
                has_changed: false,
            } => write!(
                f,
                "it was skipped: {}; mend or replace the file, and the next `fovea index` tries it (or at once with --retry)",
                failure.reason
            ),
            Absent::Failed { failure, .. } => write!(
                f,
                "it was skipped: {}; it has changed since, so run `fovea index` on its folder",
                failure.reason
            ),
            Absent::LeftOut(left_out) => left_out.fmt(f),
            Absent::Moved { from } => write!(
                f,
                "it is indexed as {}, which is not there any more: it has moved; `fovea index` on its folder notes it",
                from.display()
            ),
            Absent::Copy { of } => write!(
                f,
                "it is not indexed yet, but a copy of it is: {}; `fovea index` on its folder takes this one in, too",
                of.display()
            ),
            Absent::Newer { root } => write!(
                f,
                "it is newer than the last look at its folder; run: fovea index {}",
                root.display()
            ),
            Absent::NeverScanned { root } => write!(
                f,
                "its folder was never looked at to the end; run: fovea index {}",
                root.display()
            ),
            Absent::CameLater { root } => write!(
                f,
                "it came into its folder after the last look at it; run: fovea index {}",
                root.display()
            ),
        }
    }
}

impl Engine {
    /// Why no item has this path.
    pub fn why_absent(&self, path: &Path) -> Result<Absent, Error> {
        let sources = self.database().sources()?;
        let source = lookup::source_of(&sources, path);
        if let Some(source) = source.filter(|source| !source.root.exists()) {
            let root = source.root.clone();
            return Ok(Absent::Unreachable { root });
        }
        let Ok(metadata) = fs::metadata(path) else {
            return Ok(Absent::Missing {
                namesakes: self.namesakes(path)?,
            });
        };
        if metadata.is_dir() {
            return Ok(Absent::Folder);
        }
        let Some(source) = source.filter(|source| source.kind == SourceKind::Root) else {
            if !scan::has_image_ending(path) {
                return Ok(Absent::LeftOut(LeftOut::Ending));
            }
            let folder = path.parent().unwrap_or(path).to_owned();
            return Ok(Absent::Outside { folder });
        };
        if let Some(left_out) = self.left_out(path, source)? {
            return Ok(Absent::LeftOut(left_out));
        }
        let stamp = (metadata.len(), scan::mtime_ns(&metadata));
        if let Some(failure) = failure_of(self.database(), path, source)? {
            return Ok(Absent::Failed {
                has_changed: (failure.size, failure.mtime_ns) != stamp,
                failure,
            });
        }
        match self.twin(path)? {
            Some(item) if item.absolute().exists() || !item.online => {
                return Ok(Absent::Copy {
                    of: item.absolute(),
                });
            }
            Some(item) => {
                return Ok(Absent::Moved {
                    from: item.absolute(),
                });
            }
            None => {}
        }
        let root = source.root.clone();
        Ok(match source.last_scan_ns {
            None => Absent::NeverScanned { root },
            Some(last) if stamp.1 >= last => Absent::Newer { root },
            Some(_) => Absent::CameLater { root },
        })
    }

    /// What of the last run's choices leaves a file out.
    fn left_out(&self, path: &Path, source: &SourceRecord) -> Result<Option<LeftOut>, Error> {
        let options = ScanOptions {
            exclude: setup::kept_globs(self.database(), source.id)?,
            foreign: self.own_folder().map(PathBuf::from).into_iter().collect(),
        };
        left_out::left_out(&source.root, path, &options)
    }

    /// An item with the same bytes.
    fn twin(&self, path: &Path) -> Result<Option<Item>, Error> {
        let bytes = terms::read_image(path)?;
        let size = Value::Integer(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        let as_long = Filter::compare("size", Comparison::Eq, size);
        let ids = self.database().scan(&as_long, None, usize::MAX)?;
        let hash = ContentHash::of(&bytes);
        let items = self.database().items(&ids)?;
        Ok(items.into_iter().find(|item| item.content.hash == hash))
    }

    /// Where items lie that are called like a path.
    fn namesakes(&self, path: &Path) -> Result<Vec<PathBuf>, Error> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Ok(Vec::new());
        };
        let called = Filter::compare("name", Comparison::Eq, name);
        let ids = self.database().scan(&called, None, NAMESAKES)?;
        let items = self.database().items(&ids)?;
        Ok(items.iter().map(Item::absolute).collect())
    }
}

fn failure_of(
    database: &dyn Database,
    path: &Path,
    source: &SourceRecord,
) -> Result<Option<Failure>, Error> {
    let relative = paths::to_bytes(path.strip_prefix(&source.root).unwrap_or(path));
    let failures = database.failures(Some(source.id))?;
    Ok(failures.into_iter().find(|one| one.path == relative))
}
