//! Keeps one small JPEG for each content, so that nothing later has to go back to the original.
//!
//! A cache: a missing or damaged preview is made again from the original. Knows no database.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fovea_vectordb::ContentHash;

use crate::error::{Error, IoContext};

/// Whether a file goes, by its path and by the content that its name tells.
type Goes<'a> = dyn Fn(&Path, Option<ContentHash>) -> bool + 'a;

/// Previews under one folder, named by content: `ab/abcdef….jpg`.
///
/// Two contents never share a name and one content never has two pictures, so writers need no lock:
/// whoever renames last has written the same bytes.
#[derive(Clone, Debug)]
pub struct PreviewStore {
    folder: PathBuf,
    grace: Duration,
}

impl PreviewStore {
    pub fn new(folder: PathBuf) -> Self {
        let grace = Duration::from_secs(3600);
        Self { folder, grace }
    }

    pub fn path(&self, content: &ContentHash) -> PathBuf {
        let name = content.to_string();
        self.folder.join(&name[..2]).join(format!("{name}.jpg"))
    }

    pub fn contains(&self, content: &ContentHash) -> bool {
        self.path(content).exists()
    }

    pub fn read(&self, content: &ContentHash) -> Result<Vec<u8>, Error> {
        let path = self.path(content);
        fs::read(&path).at(&path)
    }

    /// Written beside its place and renamed, so that a reader sees a whole preview or none.
    pub fn write(&self, content: &ContentHash, jpeg: &[u8]) -> Result<(), Error> {
        let path = self.path(content);
        let folder = path.parent().unwrap_or(&self.folder);
        match self.write_in(folder, &path, jpeg) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).at(folder)?;
                self.write_in(folder, &path, jpeg)
            }
            written => written,
        }
    }

    fn write_in(&self, folder: &Path, path: &Path, jpeg: &[u8]) -> Result<(), Error> {
        let mut file = tempfile::Builder::new()
            .prefix(".preview-")
            .tempfile_in(folder)
            .at(folder)?;
        file.write_all(jpeg).at(path)?;
        let persisted = file.persist(path).map_err(|error| error.error);
        persisted.map(drop).at(path)
    }

    /// Removes the previews of contents that `is_known` denies; answers how many went.
    ///
    /// A preview is written before its content is committed, so the young ones of another process are left alone.
    pub fn sweep(&self, is_known: &dyn Fn(&ContentHash) -> bool) -> Result<u64, Error> {
        self.remove_files(&|path, content| {
            content.is_none_or(|content| !is_known(&content)) && is_older_than(path, self.grace)
        })
    }

    /// Removes the previews of some contents at once.
    pub fn remove(&self, goes: &dyn Fn(&ContentHash) -> bool) -> Result<u64, Error> {
        self.remove_files(&|_, content| content.is_some_and(|content| goes(&content)))
    }

    fn remove_files(&self, goes: &Goes<'_>) -> Result<u64, Error> {
        let mut removed = 0;
        for shard in folders(&self.folder)? {
            for entry in fs::read_dir(&shard).at(&shard)? {
                let path = entry.at(&shard)?.path();
                let name = path.file_stem().and_then(|stem| stem.to_str());
                let content = name.and_then(|name| name.parse::<ContentHash>().ok());
                if goes(&path, content) && fs::remove_file(&path).is_ok() {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

fn is_older_than(path: &Path, grace: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= grace))
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
