//! What can be wrong with a file of others, in words: which file, which byte, what
//! was expected there and what was found. It decides no exit code: [`Fault`] does.

use std::path::{Path, PathBuf};

use crate::Fault;

/// Result of everything in [`exchange`](crate::exchange).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that reading or writing a vector file may answer instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file or folder is not there.
    #[error("{}: there is no such file", path.display())]
    NotFound { path: PathBuf },

    /// The disk or the operating system refused.
    #[error("{}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },

    /// The file is larger than the caller allows.
    #[error("{} has {bytes} bytes, and {limit} are allowed", path.display())]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        limit: u64,
    },

    /// Neither content nor name say what the file is.
    #[error("{} is none of the vector files known: {}", path.display(), super::kind::KNOWN)]
    UnknownKind { path: PathBuf },

    /// The bytes contradict the format.
    #[error("{} is no sound {format} file: at byte {offset}, expected {expected}, found {found}", path.display())]
    Malformed {
        path: PathBuf,
        format: &'static str,
        offset: u64,
        expected: String,
        found: String,
    },

    /// A sound file of a kind that is not read, and what to do instead.
    #[error("{}: {what} at byte {offset} is not read: {instead}", path.display())]
    Unsupported {
        path: PathBuf,
        offset: u64,
        what: String,
        instead: &'static str,
    },

    /// The format does not say what has to be known.
    #[error("{}: {format} files do not say {what}: give it", path.display())]
    Missing {
        path: PathBuf,
        format: &'static str,
        what: &'static str,
    },

    /// A number that no vector may hold.
    #[error("{}: row {row}, column {column} is {found}, not a number that 32-bit floats hold", path.display())]
    Number {
        path: PathBuf,
        row: usize,
        column: usize,
        found: f64,
    },

    /// Numbers that do not make whole rows.
    #[error("{numbers} numbers do not make rows of {dim}")]
    Shape { dim: usize, numbers: usize },

    /// The format cannot hold what is to be written.
    #[error("{}: {format} files hold {most} {what} at most, not {got}", path.display())]
    DoesNotFit {
        path: PathBuf,
        format: &'static str,
        what: &'static str,
        most: u64,
        got: u64,
    },

    /// Files of one folder contradict each other, or one is missing.
    #[error("{}: {reason}", path.display())]
    Folder { path: PathBuf, reason: String },

    /// The kind is only read, or cannot say what is to be written.
    #[error("{}: {reason}", path.display())]
    NotWritten { path: PathBuf, reason: &'static str },
}

impl Error {
    /// Whose fault it is. A damaged file of others is bad input: nothing that Fovea keeps is damaged.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Io { .. } => Fault::Environment,
            Error::NotFound { .. }
            | Error::TooLarge { .. }
            | Error::UnknownKind { .. }
            | Error::Malformed { .. }
            | Error::Unsupported { .. }
            | Error::Missing { .. }
            | Error::Number { .. }
            | Error::Shape { .. }
            | Error::DoesNotFit { .. }
            | Error::Folder { .. }
            | Error::NotWritten { .. } => Fault::Input,
        }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Error {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { path },
            _ => Error::Io {
                path,
                reason: error.to_string(),
            },
        }
    }
}
