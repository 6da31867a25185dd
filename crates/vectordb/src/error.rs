//! What can go wrong, in words, and whose fault it is. It prints nothing and
//! decides no exit code: [`Fault`] is the one classification callers map.

use std::path::PathBuf;

use crate::ids::{ContentHash, ItemId, SourceId};

/// Result of everything this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is. Exit codes and HTTP statuses come from this alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller asked for something that cannot be: mend the request.
    Input,
    /// The disk, the permissions, another process: mend the surroundings.
    Environment,
    /// Kept data is damaged.
    Corruption,
    /// Fovea itself is wrong.
    Bug,
}

/// Everything a [`Database`](crate::Database) may answer instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is kept at this place yet.
    #[error("no database at {}: begin with `fovea index FOLDER` or `fovea import FILE`", path.display())]
    NotFound { path: PathBuf },

    /// The database is there, the collection is not.
    #[error("no collection {collection:?} in {}: it has {}", path.display(), listed(known))]
    NoCollection {
        path: PathBuf,
        collection: String,
        known: Vec<String>,
    },

    /// The file is not a database, or is one that has been damaged.
    #[error("{} is damaged: {reason}; restore it from a copy, or move it away and index again", path.display())]
    Corrupt { path: PathBuf, reason: String },

    /// The database was written by a later version of Fovea.
    #[error(
        "{} has schema version {found}, this Fovea knows up to {supported}: use the newer Fovea",
        path.display()
    )]
    NewerSchema {
        path: PathBuf,
        found: i64,
        supported: i64,
    },

    /// The disk is full. Nothing of the batch was kept.
    #[error("no space left for {}: free some and run again, what was committed is kept", path.display())]
    Full { path: PathBuf },

    /// The database cannot be written.
    #[error("{} is read-only: {reason}", path.display())]
    ReadOnly { path: PathBuf, reason: String },

    /// Another process held the write lock for too long.
    #[error("{} has been locked by another process for {waited_s} s: try again when it is done", path.display())]
    Busy { path: PathBuf, waited_s: u64 },

    /// The disk or the operating system refused.
    #[error("{}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },

    /// A server did not answer in time.
    #[error(
        "{server} does not answer ({waited_s} s): {reason}; see that it runs and can be reached, then run again: what was kept stays"
    )]
    Unreachable {
        server: String,
        waited_s: u64,
        reason: String,
    },

    /// A server wants another name or password.
    #[error(
        "{server} refuses the user: {reason}; give a user and password that it knows: milvus://USER:PASSWORD@HOST:PORT"
    )]
    Unauthorised { server: String, reason: String },

    /// A server has no room left.
    #[error(
        "{server} is full: {reason}; give it more memory or disk and run again, what was kept stays"
    )]
    ServerFull { server: String, reason: String },

    /// A table is not there on a server.
    #[error(
        "{server} has no such collection any more: {reason}; if somebody dropped it, index again"
    )]
    NoTable { server: String, reason: String },

    /// A table is on a server, and not in its memory.
    #[error(
        "{server} has not loaded what is asked for: {reason}; see that it has memory, then run again"
    )]
    NotLoaded { server: String, reason: String },

    /// A server refused for another reason.
    #[error("{server} refuses {call}: {reason}")]
    Server {
        server: String,
        call: String,
        reason: String,
    },

    /// Something that this engine cannot do.
    #[error("not on Milvus yet: {what}; {instead}")]
    NotOnMilvus { what: String, instead: String },

    /// Vectors of one pack were to be compared with those of another.
    #[error(
        "collection {collection:?} holds vectors of {expected}, not of {got}: \
         use that model pack, or index the collection again with the new one"
    )]
    Fingerprint {
        collection: String,
        /// Fingerprint of the active pack, or words when there is none.
        expected: String,
        got: String,
    },

    /// The pack has no such space.
    #[error("pack {pack} has no space {space:?}: it has {}", listed(known))]
    UnknownSpace {
        pack: String,
        space: String,
        known: Vec<String>,
    },

    /// A vector or feature has the wrong length.
    #[error("{what} has {got} numbers where {expected} are expected")]
    Dimension {
        what: String,
        expected: usize,
        got: usize,
    },

    /// A vector holds NaN or infinity, or is zero where a direction is needed.
    #[error("{what}: {reason}")]
    InvalidVector { what: String, reason: &'static str },

    /// The collection has no such item.
    #[error("no item {0} in this collection")]
    NoSuchItem(ItemId),

    /// An operation names a content that was never put.
    #[error("content {0} is not in the database: put it before what refers to it")]
    NoSuchContent(ContentHash),

    /// The collection has no such source.
    #[error("no source {0} in this collection")]
    NoSuchSource(SourceId),

    /// The filter cannot be run.
    #[error("filter: {reason}")]
    Filter { reason: String },

    /// The index that was asked for cannot be built.
    #[error("index: {0}")]
    Index(#[from] fovea_index::Error),

    /// Some other value cannot be kept, and why.
    #[error("{what}: {reason}")]
    Invalid { what: String, reason: String },

    /// SQLite refused for a reason that should not come up.
    #[error("{}: unexpected: {reason}", path.display())]
    Unexpected { path: PathBuf, reason: String },
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Error::NotFound { .. }
            | Error::NoCollection { .. }
            | Error::Fingerprint { .. }
            | Error::UnknownSpace { .. }
            | Error::Dimension { .. }
            | Error::InvalidVector { .. }
            | Error::NoSuchItem(_)
            | Error::NoSuchContent(_)
            | Error::NoSuchSource(_)
            | Error::Filter { .. }
            | Error::NotOnMilvus { .. }
            | Error::Index(_)
            | Error::Invalid { .. } => Fault::Input,
            Error::NewerSchema { .. }
            | Error::Full { .. }
            | Error::ReadOnly { .. }
            | Error::Busy { .. }
            | Error::Unreachable { .. }
            | Error::Unauthorised { .. }
            | Error::ServerFull { .. }
            | Error::NoTable { .. }
            | Error::NotLoaded { .. }
            | Error::Server { .. }
            | Error::Io { .. } => Fault::Environment,
            Error::Corrupt { .. } => Fault::Corruption,
            Error::Unexpected { .. } => Fault::Bug,
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
