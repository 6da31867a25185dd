//! Copies what is no row: previews and uploads, which lie in a folder beside the database, or in a bucket.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::blobs::{Blobs, Bucket, UPLOADS};
use crate::error::{Error, IoContext};
use crate::ingest::Observer;

/// Folders below that of a database whose files belong to it. Index files are made anew.
const FOLDERS: [&str; 2] = ["previews", UPLOADS];

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    pub(super) n: u64,
    pub(super) bytes: u64,
}

/// A run that copies.
struct Copying<'a> {
    from: &'a Blobs,
    to: &'a Blobs,
    observer: &'a dyn Observer,
    copied: Copied,
}

/// Copy files that are not there, or of another length: what has a name here never changes.
pub(super) fn copy_all(from: &Blobs, to: &Blobs, observer: &dyn Observer) -> Result<Copied, Error> {
    let mut copying = Copying {
        from,
        to,
        observer,
        copied: Copied::default(),
    };
    if from == to {
        return Ok(copying.copied);
    }
    for name in FOLDERS {
        copying.folder(name)?;
    }
    Ok(copying.copied)
}

impl Copying<'_> {
    fn folder(&mut self, name: &str) -> Result<(), Error> {
        // Of a bucket all lengths are asked for at once.
        let there = match self.to {
            Blobs::Folder(_) => BTreeMap::new(),
            Blobs::Bucket(bucket) => lengths(bucket, name)?,
        };
        match self.from {
            Blobs::Folder(folder) => self.files(folder, name, &there),
            Blobs::Bucket(bucket) => {
                for (key, length) in lengths(bucket, name)? {
                    if self.observer.is_cancelled() {
                        return Ok(());
                    }
                    self.one(&key, length, &there)?;
                }
                Ok(())
            }
        }
    }

    /// Those of a folder below that of the database, by the name that it has there.
    fn files(
        &mut self,
        root: &Path,
        name: &str,
        there: &BTreeMap<String, u64>,
    ) -> Result<(), Error> {
        let folder = root.join(name);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).at(&folder),
        };
        for entry in entries {
            if self.observer.is_cancelled() {
                return Ok(());
            }
            let entry = entry.at(&folder)?;
            let path = entry.path();
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since the folder was read.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).at(&path),
            };
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else {
                let message = format!(
                    "{}: no file of ours has such a name; move it away",
                    path.display()
                );
                return Err(Error::Damaged(message));
            };
            let is_unfinished = file_name.starts_with('.');
            let key = format!("{name}/{file_name}");
            if metadata.is_dir() {
                self.files(root, &key, there)?;
            } else if metadata.is_file() && !is_unfinished {
                self.one(&key, metadata.len(), there)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, key: &str, length: u64, there: &BTreeMap<String, u64>) -> Result<(), Error> {
        let known = match self.to {
            Blobs::Folder(folder) => fs::metadata(folder.join(key)).ok().map(|file| file.len()),
            Blobs::Bucket(_) => there.get(key).copied(),
        };
        if known == Some(length) {
            return Ok(());
        }
        match (self.from, self.to) {
            (Blobs::Folder(from), Blobs::Folder(to)) => copy_file(&from.join(key), &to.join(key))?,
            (Blobs::Folder(from), Blobs::Bucket(to)) => {
                let path = from.join(key);
                to.put(key, &fs::read(&path).at(&path)?)?;
            }
            (Blobs::Bucket(from), to) => match (from.get(key)?, to) {
                // Removed since they were listed.
                (None, _) => return Ok(()),
                (Some(bytes), Blobs::Folder(to)) => write_file(&bytes[..], &to.join(key))?,
                (Some(bytes), Blobs::Bucket(to)) => to.put(key, &bytes)?,
            },
        }
        self.copied.n += 1;
        self.copied.bytes += length;
        Ok(())
    }
}

fn lengths(bucket: &Bucket, name: &str) -> Result<BTreeMap<String, u64>, Error> {
    let entries = bucket.list(name)?.into_iter();
    Ok(entries.map(|entry| (entry.key, entry.bytes)).collect())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    write_file(fs::File::open(from).at(from)?, to)
}

/// Written beside its place and renamed, so that a file is whole or not there.
fn write_file(mut from: impl std::io::Read, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".copy-")
        .tempfile_in(folder)
        .at(folder)?;
    std::io::copy(&mut from, file.as_file_mut()).at(to)?;
    file.persist(to).map_err(|error| error.error).at(to)?;
    Ok(())
}
