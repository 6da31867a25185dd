//! What can go wrong between the crates, and whose fault it is.

use std::io;
use std::path::{Path, PathBuf};

pub use fovea_vectordb::Fault;

use crate::query::QueryError;
use crate::vectors::VectorError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the user typed or named cannot be used; the message says what to do.
    #[error("{0}")]
    Input(String),

    /// The world outside failed: disk, permission, a folder that went away.
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },

    /// A bucket of previews and uploads failed.
    #[error("{bucket}: {key}: {reason}; {next}")]
    Bucket {
        bucket: String,
        key: String,
        reason: String,
        next: &'static str,
    },

    /// An image given as a query could not be decoded.
    #[error("{path}: {source}", path = .path.display())]
    Image {
        path: PathBuf,
        source: fovea_decode::Error,
    },

    /// A query says nothing; the message points at the place.
    #[error(transparent)]
    Query(#[from] QueryError),

    /// Something that is kept is not what was written; the message says what to do.
    #[error("{0}")]
    Damaged(String),

    #[error(transparent)]
    Encode(#[from] fovea_encode::Error),

    #[error(transparent)]
    Database(#[from] fovea_vectordb::Error),

    /// A vector file of others could not be read or written.
    #[error(transparent)]
    Exchange(#[from] fovea_vectordb::exchange::Error),

    #[error(transparent)]
    Vectors(#[from] VectorError),

    /// The folder could not be watched.
    #[error("cannot watch {path}: {reason}", path = .path.display())]
    Watch { path: PathBuf, reason: String },
}

impl Error {
    /// One classification for exit codes and, later, HTTP status.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Input(_) | Error::Query(_) | Error::Image { .. } | Error::Vectors(_) => {
                Fault::Input
            }
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Fault::Input,
            Error::Io { .. } | Error::Watch { .. } | Error::Bucket { .. } => Fault::Environment,
            Error::Damaged(_) => Fault::Corruption,
            Error::Encode(error) => Self::fault_of_encode(error),
            Error::Database(error) => error.fault(),
            Error::Exchange(error) => error.fault(),
        }
    }

    /// `encode` knows nothing of `vectordb`, so its classification is translated here.
    pub fn fault_of_encode(error: &fovea_encode::Error) -> Fault {
        match error.fault() {
            fovea_encode::Fault::Input => Fault::Input,
            fovea_encode::Fault::Environment => Fault::Environment,
            fovea_encode::Fault::Corruption => Fault::Corruption,
            fovea_encode::Fault::Bug => Fault::Bug,
        }
    }
}

/// Puts the path into an I/O error, so that no message leaves it out.
pub(crate) trait IoContext<T> {
    fn at(self, path: &Path) -> Result<T, Error>;
}

impl<T> IoContext<T> for Result<T, io::Error> {
    fn at(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })
    }
}
