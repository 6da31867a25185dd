//! Making a new database, and making sure that an old one is ours, whole, and
//! not from the future. The tables themselves are in `schema.sql`.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::codec::Checksum;
use super::fail::{Fail, Try};
use super::store::{BUSY_TIMEOUT, Store};
use super::{OpenMode, SCHEMA_VERSION, migrate};
use crate::error::{Error, Result};

const SCHEMA: &str = include_str!("schema.sql");

/// Marks the file as Fovea's: "FvEA".
const APPLICATION_ID: i64 = 0x4676_4541;

/// Features of the base pack fill 2,564 bytes: three go in a page of this size,
/// where SQLite's usual 4,096 would waste a third of each.
const PAGE_SIZE: i64 = 8192;

/// Open the file, fill it when it is new and that was asked for, and check it.
pub(super) fn open(path: PathBuf, mode: OpenMode) -> Result<Store> {
    open_and_verify(path, mode).map_err(|error| match error {
        // What SQLite has no code for is, in a file not yet verified, damage.
        Error::Unexpected { path, reason } => Error::Corrupt { path, reason },
        other => other,
    })
}

/// Whether nothing is in the file yet: another process makes it just now, or was stopped before it had.
pub(super) fn is_empty(path: &Path) -> bool {
    let opened = Store::open(path.to_owned(), OpenMode::ReadOnly);
    opened.and_then(|store| store.read(is_new)).unwrap_or(false)
}

fn open_and_verify(path: PathBuf, mode: OpenMode) -> Result<Store> {
    let store = Store::open(path, mode)?;
    if mode == OpenMode::Create {
        let mut writer = store.writer()?;
        create_if_new(&mut writer).map_err(|fail| fail.at(store.path()))?;
    }
    if store.is_writable() {
        let mut writer = store.writer()?;
        verify(&writer, &store)
            .and_then(|()| migrate::upgrade(&mut writer))
            .map_err(|fail| fail.at(store.path()))?;
    } else {
        store.read(|reader| verify(reader, &store))?;
    }
    Ok(store)
}

fn create_if_new(connection: &mut Connection) -> Try<()> {
    if is_new(connection)? {
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
        use_log(connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been first.
        if is_new(&transaction)? {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute(
                "INSERT INTO state (id, change, log_floor, schema_check) VALUES (1, 0, 0, ?)",
                [schema_check(&transaction)?],
            )?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Switch to the write-ahead log, so that readers and the writer never wait
/// for each other. SQLite does not wait here when two processes do it at once.
fn use_log(connection: &Connection) -> Try<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < BUSY_TIMEOUT =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            other => return Ok(other?),
        }
    }
}

fn is_new(connection: &Connection) -> Try<bool> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0)
}

pub(super) fn pragma(connection: &Connection, name: &str) -> Try<i64> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

fn verify(connection: &Connection, store: &Store) -> Try<()> {
    if pragma(connection, "application_id")? != APPLICATION_ID {
        return Err(Fail::Damaged("it is not a Fovea database".to_owned()));
    }
    let found = pragma(connection, "user_version")?;
    if found > SCHEMA_VERSION {
        return Err(Fail::Known(Error::NewerSchema {
            path: store.path().to_owned(),
            found,
            supported: SCHEMA_VERSION,
        }));
    }
    if found < 1 {
        return Err(Fail::Damaged(format!(
            "it says its schema version is {found}"
        )));
    }
    let kept = connection
        .query_row("SELECT schema_check FROM state", [], |row| {
            row.get::<_, u32>(0)
        })
        .map_err(|_| Fail::Damaged("its tables are not those of a Fovea database".to_owned()))?;
    if kept != schema_check(connection)? {
        return Err(Fail::Damaged(
            "its list of tables does not match its checksum".to_owned(),
        ));
    }
    Ok(())
}

/// Over the text of all tables and indexes.
pub(super) fn schema_check(connection: &Connection) -> Try<u32> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut check = Checksum::new();
    while let Some(row) = rows.next()? {
        check.text(&row.get::<_, String>(0)?);
        check.text(&row.get::<_, Option<String>>(1)?.unwrap_or_default());
    }
    Ok(check.finish())
}
