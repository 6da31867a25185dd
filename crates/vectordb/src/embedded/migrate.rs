//! Databases of older schemas: brought to the newest where they may be written,
//! else read through views that show the old tables as the new ones.

use rusqlite::{Connection, TransactionBehavior};

use super::fail::{Fail, Try};
use super::schema::{pragma, schema_check};
use super::{SCHEMA_VERSION, keywords};

/// What leads from each schema to the next, beginning with the first.
const STEPS: [&str; SCHEMA_VERSION as usize - 1] = [
    include_str!("schema_1_to_2.sql"),
    include_str!("schema_2_to_3.sql"),
];

/// Each schema as the next for one reading connection. Of schema 2, nothing was written down as words, and no tags are
/// known; the words come with the first write.
const AS_NEXT: [&str; SCHEMA_VERSION as usize - 1] = [
    "CREATE TEMP VIEW space AS
     SELECT id, pack, name, dim, from_feature, 'cosine' AS metric, 16 AS bits FROM main.space",
    "CREATE VIRTUAL TABLE temp.keyword USING fts5 (words, content = '', tokenize = 'ascii');
     CREATE TEMP TABLE label (id INTEGER PRIMARY KEY, pack INTEGER, collection INTEGER, name TEXT);
     CREATE TEMP TABLE tag (content INTEGER, label INTEGER, probability REAL)",
];

/// The first schema with an index of words.
const WITH_KEYWORDS: i64 = 3;

/// Take all steps in one transaction: another process sees the old schema or the new one.
pub(super) fn upgrade(connection: &mut Connection) -> Try<()> {
    if !is_older(connection)? {
        return Ok(());
    }
    // Tables that others refer to are made anew, which only this allows. Within a transaction it cannot be changed.
    connection.pragma_update(None, "foreign_keys", false)?;
    let done = take_steps(connection);
    connection.pragma_update(None, "foreign_keys", true)?;
    done
}

fn take_steps(connection: &mut Connection) -> Try<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been first.
    if is_older(&transaction)? {
        let from = pragma(&transaction, "user_version")?;
        for step in &STEPS[from as usize - 1..] {
            transaction.execute_batch(step)?;
        }
        if from < WITH_KEYWORDS {
            transaction.execute(keywords::FILL, [])?;
        }
        if transaction
            .prepare("PRAGMA foreign_key_check")?
            .exists([])?
        {
            let reason = "rows refer to others that are not there, and it cannot be upgraded";
            return Err(Fail::Damaged(reason.to_owned()));
        }
        let check = schema_check(&transaction)?;
        transaction.execute("UPDATE state SET schema_check = ?", [check])?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}

/// Let a connection that may not write read an older schema.
pub(super) fn read_as_newest(connection: &Connection) -> Try<()> {
    if is_older(connection)? {
        let from = pragma(connection, "user_version")?;
        for step in &AS_NEXT[from as usize - 1..] {
            connection.execute_batch(step)?;
        }
    }
    Ok(())
}

fn is_older(connection: &Connection) -> Try<bool> {
    Ok((1..SCHEMA_VERSION).contains(&pragma(connection, "user_version")?))
}
