//! Where a database is: in a folder, or on a Milvus server with a folder or a bucket beside it for what is no row.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use fovea_engine::transfer::Library;
use fovea_engine::{Blobs, Bucket};
use fovea_vectordb::{Database, Embedded, Milvus, MilvusAddress, OpenMode};

#[derive(Clone, Debug)]
pub struct Place {
    /// The database itself; of one on a server its previews and uploads, with a bucket the files of uploads of this machine.
    pub folder: PathBuf,
    pub server: Option<MilvusAddress>,
    /// Where previews and uploads of a database on a server lie in place of the folder.
    pub bucket: Option<Bucket>,
}

impl Place {
    pub fn folder(folder: PathBuf) -> Place {
        Place {
            folder,
            server: None,
            bucket: None,
        }
    }

    /// Where its previews and uploads lie.
    pub fn blobs(&self) -> Blobs {
        match &self.bucket {
            Some(bucket) => Blobs::Bucket(bucket.clone()),
            None => Blobs::folder(&self.folder),
        }
    }

    pub fn open(
        &self,
        collection: &str,
        mode: OpenMode,
    ) -> fovea_vectordb::Result<Arc<dyn Database>> {
        let Some(address) = &self.server else {
            return Ok(Arc::new(Embedded::open(&self.folder, collection, mode)?));
        };
        let milvus = Milvus::open(address, collection, mode)?;
        static WARNED: Once = Once::new();
        if let Some(warning) = milvus.warning() {
            WARNED.call_once(|| anstream::eprintln!("warning: {warning}"));
        }
        Ok(Arc::new(milvus))
    }

    /// Names of its collections; none where nothing is kept yet.
    pub fn collections(&self) -> fovea_vectordb::Result<Vec<String>> {
        match &self.server {
            Some(address) => Milvus::collections(address),
            None => Embedded::collections(&self.folder),
        }
    }

    /// As it is shown to people.
    pub fn shown(&self) -> String {
        match &self.server {
            Some(address) => address.shown(),
            None => self.folder.display().to_string(),
        }
    }
}

impl Library for Place {
    fn name(&self) -> String {
        match &self.server {
            Some(address) => address.library_shown(),
            None => {
                let folder = std::fs::canonicalize(&self.folder);
                let folder = folder.or_else(|_| std::path::absolute(&self.folder));
                folder
                    .unwrap_or_else(|_| self.folder.clone())
                    .display()
                    .to_string()
            }
        }
    }

    fn collections(&self) -> Result<Vec<String>, fovea_engine::Error> {
        Ok(Place::collections(self)?)
    }

    fn open(
        &self,
        collection: &str,
        mode: OpenMode,
    ) -> Result<Arc<dyn Database>, fovea_engine::Error> {
        Ok(Place::open(self, collection, mode)?)
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn blobs(&self) -> Blobs {
        Place::blobs(self)
    }
}
