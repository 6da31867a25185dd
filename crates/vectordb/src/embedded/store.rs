//! The connections to one database file: one that writes, and as many that
//! read as there are readers at once. It knows transactions, not tables.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fail::{Fail, Try};
use super::{OpenMode, functions, migrate};
use crate::error::{Error, Result};
use crate::ids::Change;

/// How long a writer waits for another process.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Readers that are kept open while nobody reads.
const IDLE_READERS: usize = 8;

/// Statements a connection keeps prepared.
const STATEMENTS: usize = 128;

/// KiB of pages in memory.
const CACHE: i64 = 1_000;
const CACHE_OF_MUCH: i64 = 32_000;

/// How the file is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadWrite,
    ReadOnly,
    /// The folder allows no lock files: the file is taken as never changing.
    Immutable,
}

/// One database file.
pub(super) struct Store {
    path: PathBuf,
    access: Access,
    /// Dropped before the writer: the last connection to close merges the log
    /// into the file, and a reader may not.
    readers: Mutex<Vec<Connection>>,
    writer: Option<Mutex<Connection>>,
    /// KiB of pages that the writer has room for.
    cache: AtomicI64,
}

impl Store {
    /// Open the file, which is created only in [`OpenMode::Create`].
    pub(super) fn open(path: PathBuf, mode: OpenMode) -> Result<Store> {
        if mode != OpenMode::Create && !path.exists() {
            return Err(Error::NotFound { path });
        }
        let (access, first) = connect_first(&path, mode).map_err(|fail| fail.at(&path))?;
        let (writer, readers) = match access {
            Access::ReadWrite => (Some(Mutex::new(first)), Vec::new()),
            Access::ReadOnly | Access::Immutable => (None, vec![first]),
        };
        Ok(Store {
            path,
            access,
            writer,
            readers: Mutex::new(readers),
            cache: AtomicI64::new(CACHE),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writer.is_some()
    }

    /// Run `work` on one state of the database; writers are not held up.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Try<T>) -> Result<T> {
        self.try_read(work).map_err(|fail| fail.at(&self.path))
    }

    fn try_read<T>(&self, work: impl FnOnce(&Connection) -> Try<T>) -> Try<T> {
        let reader = self.reader()?;
        let transaction = reader.unchecked_transaction()?;
        let answer = work(&transaction)?;
        transaction.finish()?;
        Ok(answer)
    }

    /// Run `work` as one durable write with a change number of its own: all
    /// of it is kept, or on an error nothing.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Connection, Change) -> Try<T>) -> Result<T> {
        self.write_with(CACHE, work)
    }

    /// The same of many operations, with more room for pages, which stays until a smaller write. Pages that change are
    /// written once then, and those of the tables' indexes, which many rows share, are not read again for each write.
    pub(super) fn write_much<T>(
        &self,
        work: impl FnOnce(&Connection, Change) -> Try<T>,
    ) -> Result<T> {
        self.write_with(CACHE_OF_MUCH, work)
    }

    fn write_with<T>(
        &self,
        cache: i64,
        work: impl FnOnce(&Connection, Change) -> Try<T>,
    ) -> Result<T> {
        let mut writer = self.writer()?;
        let run = || {
            // Under the writer's lock.
            if self.cache.swap(cache, Ordering::Relaxed) != cache {
                writer.pragma_update(None, "cache_size", -cache)?;
            }
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let change = transaction
                .prepare_cached("UPDATE state SET change = change + 1 RETURNING change")?
                .query_row([], |row| row.get::<_, u64>(0))?;
            let answer = work(&transaction, Change(change))?;
            transaction.commit()?;
            Ok(answer)
        };
        run().map_err(|fail: Fail| fail.at(&self.path))
    }

    /// The writing connection outside any transaction.
    pub(super) fn writer(&self) -> Result<MutexGuard<'_, Connection>> {
        let writer = self.writer.as_ref().ok_or_else(|| Error::ReadOnly {
            path: self.path.clone(),
            reason: "it was opened for reading only".to_owned(),
        })?;
        // A panic while writing rolled the transaction back as it unwound.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// No page beyond this many bytes is written from now on.
    pub(super) fn limit_bytes(&self, bytes: u64) -> Result<()> {
        let limit = |writer: &Connection| -> Try<()> {
            let page: u64 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
            writer.pragma_update(None, "max_page_count", bytes / page)?;
            Ok(())
        };
        limit(&*self.writer()?).map_err(|fail| fail.at(&self.path))
    }

    fn reader(&self) -> Try<Reader<'_>> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, self.access.for_reading(), false)?,
        };
        Ok(Reader {
            store: self,
            connection: Some(connection),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Access {
    /// Readers of a writable database must not be able to write it.
    fn for_reading(self) -> Access {
        match self {
            Access::Immutable => Access::Immutable,
            Access::ReadWrite | Access::ReadOnly => Access::ReadOnly,
        }
    }
}

/// A reading connection that goes back when it is dropped.
struct Reader<'a> {
    store: &'a Store,
    connection: Option<Connection>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.store.idle();
        if let Some(connection) = self.connection.take()
            && idle.len() < IDLE_READERS
            && connection.is_autocommit()
        {
            idle.push(connection);
        }
    }
}

/// The connection that decides how all later ones are opened.
fn connect_first(path: &Path, mode: OpenMode) -> Try<(Access, Connection)> {
    if mode != OpenMode::ReadOnly {
        let connection = connect(path, Access::ReadWrite, mode == OpenMode::Create)?;
        if connection.is_readonly("main")? {
            return Err(Fail::Known(Error::ReadOnly {
                path: path.to_owned(),
                reason: "its file or folder allows no writing".to_owned(),
            }));
        }
        return Ok((Access::ReadWrite, connection));
    }
    let normal = connect(path, Access::ReadOnly, false).and_then(|connection| {
        touch(&connection)?;
        Ok((Access::ReadOnly, connection))
    });
    match normal {
        Err(fail) if is_cannot_open(&fail) => {
            refuse_unmerged_log(path)?;
            let connection = connect(path, Access::Immutable, false)?;
            touch(&connection)?;
            Ok((Access::Immutable, connection))
        }
        other => other,
    }
}

/// Read something: SQLite opens the files beside the database only then.
fn touch(connection: &Connection) -> Try<()> {
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?)
}

fn is_cannot_open(fail: &Fail) -> bool {
    let code = match fail {
        Fail::Sql(error) => error.sqlite_error_code(),
        Fail::Known(_) | Fail::Damaged(_) => None,
    };
    matches!(
        code,
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
    )
}

/// Commits that still lie in the log would be missed without lock files.
fn refuse_unmerged_log(path: &Path) -> Try<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let unmerged = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    if !unmerged {
        return Ok(());
    }
    Err(Fail::Known(Error::ReadOnly {
        path: path.to_owned(),
        reason: "changes beside it (fovea.db-wal) are not merged yet, which takes writing: \
                 open it once where it can be written, or copy the folder to such a place"
            .to_owned(),
    }))
}

fn connect(path: &Path, access: Access, create: bool) -> Try<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= match access {
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    };
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = if access == Access::Immutable {
        Connection::open_with_flags(immutable_uri(path), flags)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    functions::register(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Damage is then found where it is met, not one step later.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In KiB. The connections of a process share one pool of pages (SQLite is bundled with its memory management), which
    // each enlarges by this much and any may fill. What the pool does not hold, the system's page cache does.
    connection.pragma_update(None, "cache_size", -CACHE)?;
    if access == Access::ReadWrite {
        // Each commit is on the disk before it is acknowledged.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    } else {
        migrate::read_as_newest(&connection)?;
    }
    Ok(connection)
}

/// SQLite's URI for a file that will not change, any byte of the path allowed.
fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in crate::paths::path_to_bytes(path) {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?immutable=1"
}
