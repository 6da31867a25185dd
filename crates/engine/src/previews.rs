//! Keeps one small JPEG for each content, so that nothing later has to go back to the original.
//!
//! A cache: a missing or damaged preview is made again from the original. Knows no database.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fovea_vectordb::ContentHash;

use crate::blobs::{Blobs, Bucket};
use crate::error::{Error, IoContext};

/// Folder of previews, within that of a database or within a bucket.
const FOLDER: &str = "previews";

/// Whether a preview goes, by the content that its name tells and by how long it has been there.
type Goes<'a> = dyn Fn(Option<ContentHash>, Duration) -> bool + 'a;

/// Previews, named by content: `ab/abcdef….jpg`.
///
/// Two contents never share a name and one content never has two pictures, so writers need no lock:
/// whoever is last has written the same bytes.
#[derive(Clone, Debug)]
pub struct PreviewStore {
    /// Of a folder, the one of the previews themselves.
    home: Blobs,
    grace: Duration,
}

impl PreviewStore {
    /// Those in one folder.
    pub fn new(folder: PathBuf) -> Self {
        Self::at(Blobs::Folder(folder))
    }

    /// Those of a database whose files lie here.
    pub fn of(blobs: &Blobs) -> Self {
        match blobs {
            Blobs::Folder(folder) => Self::new(folder.join(FOLDER)),
            Blobs::Bucket(_) => Self::at(blobs.clone()),
        }
    }

    fn at(home: Blobs) -> Self {
        let grace = Duration::from_secs(3600);
        Self { home, grace }
    }

    pub fn contains(&self, content: &ContentHash) -> bool {
        match &self.home {
            Blobs::Folder(folder) => path(folder, content).exists(),
            Blobs::Bucket(bucket) => matches!(bucket.length(&key(content)), Ok(Some(_))),
        }
    }

    pub fn read(&self, content: &ContentHash) -> Result<Vec<u8>, Error> {
        match &self.home {
            Blobs::Folder(folder) => {
                let path = path(folder, content);
                fs::read(&path).at(&path)
            }
            Blobs::Bucket(bucket) => {
                let key = key(content);
                let none = || io::Error::from(io::ErrorKind::NotFound);
                let place = PathBuf::from(format!("{}/{key}", bucket.shown()));
                bucket.get(&key)?.ok_or_else(none).at(&place)
            }
        }
    }

    /// A reader sees a whole preview or none.
    pub fn write(&self, content: &ContentHash, jpeg: &[u8]) -> Result<(), Error> {
        match &self.home {
            Blobs::Folder(folder) => write_file(folder, &path(folder, content), jpeg),
            Blobs::Bucket(bucket) => bucket.put(&key(content), jpeg),
        }
    }

    /// Removes the previews of contents that `is_known` denies; answers how many went.
    ///
    /// A preview is written before its content is committed, so the young ones of another process are left alone.
    pub fn sweep(&self, is_known: &dyn Fn(&ContentHash) -> bool) -> Result<u64, Error> {
        self.remove_some(&|content, age| {
            content.is_none_or(|content| !is_known(&content)) && age >= self.grace
        })
    }

    /// Removes the previews of some contents at once.
    pub fn remove(&self, goes: &dyn Fn(&ContentHash) -> bool) -> Result<u64, Error> {
        self.remove_some(&|content, _| content.is_some_and(|content| goes(&content)))
    }

    fn remove_some(&self, goes: &Goes<'_>) -> Result<u64, Error> {
        match &self.home {
            Blobs::Folder(folder) => remove_files(folder, goes),
            Blobs::Bucket(bucket) => remove_objects(bucket, goes),
        }
    }
}

fn path(folder: &Path, content: &ContentHash) -> PathBuf {
    let name = content.to_string();
    folder.join(&name[..2]).join(format!("{name}.jpg"))
}

fn key(content: &ContentHash) -> String {
    let name = content.to_string();
    format!("{FOLDER}/{}/{name}.jpg", &name[..2])
}

/// Written beside its place and renamed.
fn write_file(root: &Path, path: &Path, jpeg: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(root);
    match write_in(folder, path, jpeg) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).at(folder)?;
            write_in(folder, path, jpeg)
        }
        written => written,
    }
}

fn write_in(folder: &Path, path: &Path, jpeg: &[u8]) -> Result<(), Error> {
    let mut file = tempfile::Builder::new()
        .prefix(".preview-")
        .tempfile_in(folder)
        .at(folder)?;
    file.write_all(jpeg).at(path)?;
    let persisted = file.persist(path).map_err(|error| error.error);
    persisted.map(drop).at(path)
}

fn remove_files(root: &Path, goes: &Goes<'_>) -> Result<u64, Error> {
    let mut removed = 0;
    for shard in folders(root)? {
        for entry in fs::read_dir(&shard).at(&shard)? {
            let path = entry.at(&shard)?.path();
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = modified.map_or(Duration::ZERO, age);
            if goes(content_of(&path), age) && fs::remove_file(&path).is_ok() {
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn remove_objects(bucket: &Bucket, goes: &Goes<'_>) -> Result<u64, Error> {
    let mut removed = 0;
    for entry in bucket.list(FOLDER)? {
        if goes(content_of(Path::new(&entry.key)), age(entry.modified)) {
            bucket.remove(&entry.key)?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn content_of(path: &Path) -> Option<ContentHash> {
    let name = path.file_stem().and_then(|stem| stem.to_str());
    name.and_then(|name| name.parse::<ContentHash>().ok())
}

/// None of what seems to come from the future.
fn age(modified: SystemTime) -> Duration {
    modified.elapsed().unwrap_or(Duration::ZERO)
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at(root),
    };
    let folders = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(folders.filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_whole_or_absent_and_strays_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = PreviewStore::new(folder.path().join("previews"));
        let (kept, gone) = (ContentHash([1; 32]), ContentHash([2; 32]));
        assert!(!store.contains(&kept));
        store.write(&kept, b"one").unwrap();
        store.write(&kept, b"one").unwrap();
        store.write(&gone, b"two").unwrap();
        assert_eq!(store.read(&kept).unwrap(), b"one");
        assert_eq!(store.sweep(&|content| *content == kept).unwrap(), 0);
        store.grace = Duration::ZERO;
        assert_eq!(store.sweep(&|content| *content == kept).unwrap(), 1);
        assert!(store.contains(&kept) && !store.contains(&gone));
        assert!(store.read(&gone).is_err());
        assert_eq!(store.remove(&|content| *content == gone).unwrap(), 0);
        assert_eq!(store.remove(&|content| *content == kept).unwrap(), 1);
        assert!(!store.contains(&kept));
    }
}
