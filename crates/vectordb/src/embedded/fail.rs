//! From SQLite's codes to this crate's errors. It decides what a code means
//! for a person; it retries nothing.

use std::path::Path;

use rusqlite::ErrorCode;

use super::store::BUSY_TIMEOUT;
use crate::error::Error;

/// What the functions below [`Store`](super::store::Store) fail with: they do
/// not know the path, which the store adds.
#[derive(Debug)]
pub(super) enum Fail {
    Sql(rusqlite::Error),
    Known(Error),
    /// A kept value is not what was written, in words.
    Damaged(String),
}

pub(super) type Try<T> = Result<T, Fail>;

impl From<rusqlite::Error> for Fail {
    fn from(error: rusqlite::Error) -> Fail {
        Fail::Sql(error)
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Fail {
        Fail::Known(error)
    }
}

impl Fail {
    /// The same with the path.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Fail::Known(error) => error,
            Fail::Damaged(reason) => Error::Corrupt {
                path: path.to_owned(),
                reason,
            },
            Fail::Sql(error) => from_sqlite(error, path),
        }
    }
}

/// Extended code: the shared-memory file could not grow, which means a full disk.
const IOERR_SHMSIZE: i32 = 10 | 19 << 8;
/// Extended code: fewer bytes than a page, which means a cut file.
const IOERR_SHORT_READ: i32 = 10 | 2 << 8;

fn from_sqlite(error: rusqlite::Error, path: &Path) -> Error {
    let path = path.to_owned();
    let reason = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = &error else {
        return match error {
            // A value of another kind than was written.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows => Error::Corrupt { path, reason },
            _ => Error::Unexpected { path, reason },
        };
    };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DatabaseCorrupt, _) | (ErrorCode::NotADatabase, _) | (_, IOERR_SHORT_READ) => {
            Error::Corrupt { path, reason }
        }
        (ErrorCode::DiskFull, _) | (_, IOERR_SHMSIZE) => Error::Full { path },
        (ErrorCode::ReadOnly, _) => Error::ReadOnly { path, reason },
        (ErrorCode::CannotOpen, _) => Error::ReadOnly {
            path,
            reason: format!(
                "it, or the -wal and -shm files beside it, cannot be opened ({reason})"
            ),
        },
        (ErrorCode::DatabaseBusy, _) | (ErrorCode::DatabaseLocked, _) => Error::Busy {
            path,
            waited_s: BUSY_TIMEOUT.as_secs(),
        },
        (ErrorCode::SystemIoFailure, _)
        | (ErrorCode::PermissionDenied, _)
        | (ErrorCode::FileLockingProtocolFailed, _)
        | (ErrorCode::OutOfMemory, _) => Error::Io { path, reason },
        _ => Error::Unexpected { path, reason },
    }
}
