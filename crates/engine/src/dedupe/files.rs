//! What is asked of a file before it is touched, and what was done with it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fovea_vectordb::{ContentHash, Item, SourceKind};

use super::Group;
use crate::scan::file_stamp;

/// A file may be written twice within one tick of its file system's clock (2 s on FAT): a younger one is read again.
const CLOCK_TICK_NS: i64 = 2_000_000_000;
const CHUNK: usize = 1 << 16;

/// Why a copy was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untouched {
    /// The root of its source cannot be reached.
    Offline,
    /// There is no file any more.
    Missing,
    /// It was written since it was indexed.
    Changed,
    /// It is a symbolic link, or no file.
    NoFile,
    /// The copy that is kept is one of these; nothing of its group is touched.
    Best(Box<Untouched>),
    /// It is another picture file with the same picture: only the same bytes are linked.
    OtherBytes,
    /// The two are one file already.
    Linked,
    /// The file system has no links to there.
    NoLinks,
    /// It lies in the folder already to which it would go.
    Inside,
    /// The system refused, for this reason.
    Failed(String),
}

impl Untouched {
    /// A word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Untouched::Offline => "offline",
            Untouched::Missing => "missing",
            Untouched::Changed => "changed",
            Untouched::NoFile => "no_file",
            Untouched::Best(_) => "best",
            Untouched::OtherBytes => "other_bytes",
            Untouched::Linked => "linked",
            Untouched::NoLinks => "no_links",
            Untouched::Inside => "inside",
            Untouched::Failed(_) => "failed",
        }
    }

    /// Whether something is not as it was indexed, so that a person should know.
    pub fn is_trouble(&self) -> bool {
        !matches!(
            self,
            Untouched::OtherBytes | Untouched::Linked | Untouched::Inside
        )
    }
}

impl std::fmt::Display for Untouched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Untouched::Offline => f.write_str("its drive or folder cannot be reached"),
            Untouched::Missing => f.write_str("the file is gone; index the folder again"),
            Untouched::Changed => {
                f.write_str("the file was changed since it was indexed; index the folder again")
            }
            Untouched::NoFile => f.write_str("it is a symbolic link, or no file"),
            Untouched::Best(why) => write!(f, "the copy to keep is not as it was: {why}"),
            Untouched::OtherBytes => f.write_str("the same picture in other bytes is never linked"),
            Untouched::Linked => f.write_str("it is one file with the copy to keep already"),
            Untouched::NoLinks => f.write_str("no link reaches from there to here"),
            Untouched::Inside => f.write_str("it lies there already"),
            Untouched::Failed(reason) => f.write_str(reason),
        }
    }
}

impl From<io::Error> for Untouched {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Untouched::Missing,
            io::ErrorKind::StorageFull => Untouched::Failed("the disk is full".to_owned()),
            io::ErrorKind::PermissionDenied => Untouched::Failed("permission denied".to_owned()),
            _ => Untouched::Failed(error.to_string()),
        }
    }
}

/// What was done with a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It shares its bytes with the copy that is kept: as one file (hard link), or as two that part when one is written (reflink).
    Linked {
        is_reflink: bool,
    },
    /// It lies here now.
    Moved(PathBuf),
    Untouched(Untouched),
}

/// One copy, and what was done with it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub path: PathBuf,
    pub size: u64,
    pub done: Done,
}

/// Whether the item's file is still what was indexed.
pub(super) fn is_as_indexed(item: &Item) -> Result<PathBuf, Untouched> {
    let path = item.absolute();
    if item.source_kind != SourceKind::Root {
        return Err(Untouched::NoFile);
    }
    if !item.online || !item.root.is_dir() {
        return Err(Untouched::Offline);
    }
    if !fs::symlink_metadata(&path)?.is_file() {
        return Err(Untouched::NoFile);
    }
    let stamp = file_stamp(&path).map_err(|error| Untouched::Failed(error.to_string()))?;
    if stamp != (item.size, item.mtime_ns) {
        return Err(Untouched::Changed);
    }
    let is_young = item.mtime_ns >= item.checked_ns - CLOCK_TICK_NS;
    if is_young && hash_of(&path)? != item.content.hash {
        return Err(Untouched::Changed);
    }
    Ok(path)
}

/// The path of the copy to keep.
pub(super) fn best_of(group: &Group) -> Result<PathBuf, Untouched> {
    is_as_indexed(&group.best).map_err(|why| Untouched::Best(Box::new(why)))
}

pub(super) fn hash_of(path: &Path) -> io::Result<ContentHash> {
    Ok(ContentHash::of(&fs::read(path)?))
}

/// Byte by byte.
pub(super) fn are_equal(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let n = a.read(&mut left)?;
        if n == 0 {
            return Ok(b.read(&mut right[..1])? == 0);
        }
        match b.read_exact(&mut right[..n]) {
            Ok(()) if left[..n] == right[..n] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// What a rename or a new name in a folder needs to survive a power cut; folders cannot be opened on every system.
pub(super) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        // The file itself is safe already; a system that cannot do this has nothing better.
        let _ = folder.sync_all();
    }
}

#[cfg(unix)]
pub(super) fn are_one_file(a: &Path, b: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (fs::metadata(a)?, fs::metadata(b)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
pub(super) fn are_one_file(a: &Path, b: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(a)? == fs::canonicalize(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_equal_byte_by_byte() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let long = vec![7; CHUNK + 5];
        let mut other = long.clone();
        other[CHUNK + 4] = 8;
        let (a, b) = (write("a", &long), write("b", &long));
        assert!(are_equal(&a, &b).unwrap());
        assert!(!are_equal(&a, &write("c", &other)).unwrap());
        assert!(!are_equal(&a, &write("d", &long[1..])).unwrap());
        assert!(!are_one_file(&a, &b).unwrap());
        fs::hard_link(&a, folder.path().join("e")).unwrap();
        assert!(are_one_file(&a, &folder.path().join("e")).unwrap());
    }
}
