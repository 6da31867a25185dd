//! Leaving no trace of what was removed: SQLite keeps the bytes of deleted rows in free pages and in its log, the word
//! index keeps deleted entries until it is merged, and index files keep their rows until they are made anew.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::fail::{Fail, Try};
use super::store::BUSY_TIMEOUT;
use crate::error::Error;

/// Where index files and the searches of the past lie.
const CACHES: &str = "index";

/// Write the database anew, with what is there and nothing else, and empty its log.
pub(super) fn rewrite(writer: &Connection, path: &Path) -> Try<()> {
    // Merged into one, the word index has forgotten what was deleted from it.
    writer.execute("INSERT INTO keyword (keyword) VALUES ('optimize')", [])?;
    // The copy is as large as the database: it goes to a nameless file, not into memory.
    writer.pragma_update(None, "temp_store", "FILE")?;
    let rewritten = writer.execute_batch("VACUUM");
    writer.pragma_update(None, "temp_store", "MEMORY")?;
    rewritten?;
    empty_log(writer, path)
}

fn empty_log(writer: &Connection, path: &Path) -> Try<()> {
    let is_busy: bool =
        writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match is_busy {
        false => Ok(()),
        true => Err(Fail::Known(Error::Busy {
            path: path.to_owned(),
            waited_s: BUSY_TIMEOUT.as_secs(),
        })),
    }
}

/// Remove the index files, and the searches that were remembered beside them.
pub(super) fn remove_caches(folder: &Path) -> Try<()> {
    let folder = folder.join(CACHES);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| failed(&folder, &error))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| failed(&folder, &error))?.path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Fail {
    Fail::Known(Error::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Show every text and every blob of every table.
pub(super) fn each_value(connection: &Connection, visit: &mut dyn FnMut(&[u8])) -> Try<()> {
    let mut tables = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')",
    )?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    for name in names.collect::<Result<Vec<_>, _>>()? {
        let mut all = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
        let n_columns = all.column_count();
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..n_columns {
                match row.get_ref(column)? {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => visit(bytes),
                    ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {}
                }
            }
        }
    }
    Ok(())
}
