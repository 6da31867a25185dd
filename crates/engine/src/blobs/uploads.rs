//! Pictures that were handed in to stay. Each is a file in a folder of this machine, where it is read and indexed as any
//! other; with a bucket also an object there, from which machines read it that do not have the file.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fovea_vectordb::{ContentHash, Item, SourceKind};

use super::{Blobs, Bucket};
use crate::error::{Error, IoContext};

/// Folder of uploads, within that of a database or within a bucket.
pub const UPLOADS: &str = "uploads";

/// Where uploads are kept beside their files.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    bucket: Option<Bucket>,
}

impl Uploads {
    pub fn of(blobs: &Blobs) -> Uploads {
        let bucket = match blobs {
            Blobs::Folder(_) => None,
            Blobs::Bucket(bucket) => Some(bucket.clone()),
        };
        Uploads { bucket }
    }

    /// Keep what is a file of this name in a folder of uploads now.
    pub fn keep(&self, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match &self.bucket {
            None => Ok(()),
            Some(bucket) => bucket.put(&key(folder, name), bytes),
        }
    }

    /// Take back what was kept, where it became no item.
    pub fn discard(&self, folder: &Path, name: &str) -> Result<(), Error> {
        match &self.bucket {
            None => Ok(()),
            Some(bucket) => bucket.remove(&key(folder, name)),
        }
    }

    /// Remove the file of an uploaded item; answers whether it was one. Those of other sources are not ours to remove.
    pub fn remove(&self, item: &Item) -> Result<bool, Error> {
        if item.source_kind != SourceKind::Upload {
            return Ok(false);
        }
        let path = item.absolute();
        let had_file = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            removed => removed.at(&path).map(|()| true)?,
        };
        let Some((bucket, key)) = self.object(item) else {
            return Ok(had_file);
        };
        let had_object = bucket.length(&key)?.is_some();
        bucket.remove(&key)?;
        Ok(had_file || had_object)
    }

    /// The bytes of an item's file, from wherever they can be had.
    pub fn read(&self, item: &Item) -> Result<Vec<u8>, Error> {
        let path = item.absolute();
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fetched = self.fetch(item)?;
                fetched.ok_or(error).at(&path)
            }
            read => read.at(&path),
        }
    }

    /// What the bucket has of an item, if it is what was indexed.
    pub fn fetch(&self, item: &Item) -> Result<Option<Vec<u8>>, Error> {
        let Some((bucket, key)) = self.object(item) else {
            return Ok(None);
        };
        let found = bucket.get(&key)?;
        Ok(found.filter(|bytes| ContentHash::of(bytes) == item.content.hash))
    }

    /// The same as a file without a name, changed when the item's was.
    pub fn fetch_file(&self, item: &Item) -> Result<Option<File>, Error> {
        let Some(bytes) = self.fetch(item)? else {
            return Ok(None);
        };
        let place = std::env::temp_dir();
        let mut file = tempfile::tempfile().at(&place)?;
        file.write_all(&bytes).at(&place)?;
        file.seek(SeekFrom::Start(0)).at(&place)?;
        let since = Duration::from_nanos(item.mtime_ns.unsigned_abs());
        file.set_modified(UNIX_EPOCH + since).at(&place)?;
        Ok(Some(file))
    }

    /// Whether the bucket has an item as long as it was indexed.
    pub(crate) fn has(&self, item: &Item) -> Result<bool, Error> {
        match self.object(item) {
            None => Ok(false),
            Some((bucket, key)) => Ok(bucket.length(&key)? == Some(item.size)),
        }
    }

    fn object(&self, item: &Item) -> Option<(&Bucket, String)> {
        let bucket = self.bucket.as_ref()?;
        let name = std::str::from_utf8(&item.path).ok()?;
        (item.source_kind == SourceKind::Upload).then(|| (bucket, key(&item.root, name)))
    }
}

/// A folder of uploads is called by its collection, on every machine alike.
fn key(folder: &Path, name: &str) -> String {
    let collection = PathBuf::from(folder.file_name().unwrap_or_default());
    format!("{UPLOADS}/{}/{name}", collection.display())
}
