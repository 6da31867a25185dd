//! Where previews and uploads lie: in a folder beside the database, or in a bucket that any number of machines share.

mod bucket;
mod listing;
mod sign;
mod uploads;
mod wire;

use std::path::{Path, PathBuf};

pub use self::bucket::{Access, Bucket, Entry};
pub use self::uploads::{UPLOADS, Uploads};

/// One of the two homes.
#[derive(Clone, Debug, PartialEq)]
pub enum Blobs {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl Blobs {
    pub fn folder(folder: &Path) -> Blobs {
        Blobs::Folder(folder.to_owned())
    }
}
