//! From a path that somebody names to the item that is kept of it.

use std::fs;
use std::path::{Path, PathBuf};

use fovea_vectordb::{Database, ItemId, SourceKind, SourceRecord};

use crate::error::{Error, IoContext};
use crate::paths;

/// The path from the root on, with links resolved in the part of it that exists: roots are kept in that form.
pub(crate) fn resolved(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path).at(path)?;
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            return Ok(match path.strip_prefix(ancestor) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            });
        }
    }
    Ok(path)
}

/// The source that a path lies in, the innermost where one lies in another.
pub(crate) fn source_of<'a>(known: &'a [SourceRecord], path: &Path) -> Option<&'a SourceRecord> {
    let holding = known
        .iter()
        .filter(|source| source.kind != SourceKind::Import && path.starts_with(&source.root));
    holding.max_by_key(|source| source.root.components().count())
}

/// The item of a file. A link to a file may be an item under its own name, so the name as it stands is tried, too.
pub(crate) fn item_at(database: &dyn Database, path: &Path) -> Result<Option<ItemId>, Error> {
    let sources = database.sources()?;
    for path in [resolved(path)?, std::path::absolute(path).at(path)?] {
        let Some(source) = source_of(&sources, &path) else {
            continue;
        };
        let relative = path.strip_prefix(&source.root).unwrap_or(Path::new(""));
        if let Some(item) = database.find(source.id, &paths::to_bytes(relative))? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}
