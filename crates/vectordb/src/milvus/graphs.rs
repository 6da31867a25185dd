//! Has the server build its graphs over what was written lately, and waits for them.
//!
//! New rows lie in a segment that grows until it has half a gigabyte. Above about 5,000 rows Milvus does not look at each of
//! them but at 16 lists of 128 (an index of its own making, of which no search can say anything), so that every fifteenth of
//! the ten nearest is missed. What is closed gets the graph that the address asks for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::proto::{DescribeIndexRequest, FlushRequest};
use super::session::Session;
use super::table::{Space, Table};
use super::upkeep::n_vectors;
use super::write::stored;
use crate::error::{Error, Result};
use crate::indexes::BuildObserver;

/// So few rows are looked at one by one: 39 for each of Milvus's 128 lists.
const EXACT: i64 = 39 * 128;
/// Between two looks at how far the server is.
const LOOK: Duration = Duration::from_millis(500);

/// Rows of a table's graphs, and how many they should have.
#[derive(Clone, Copy, PartialEq)]
struct Built {
    n_indexed: i64,
    n_closed: i64,
}

/// Build the graphs of the active pack's spaces as far as that changes what is found; answers how many were.
pub(super) fn build(
    session: &Session,
    collection: &str,
    observer: &dyn BuildObserver,
) -> Result<u64> {
    let mut n_built = 0;
    for (space, name) in spaces(session, collection)? {
        let table = session.space_table(&space);
        if !table.has_graph() {
            continue;
        }
        session.ensure(&table, false)?;
        let n_rows = rows(session, &table)?;
        let now = built(session, &table)?;
        if n_rows - now.n_indexed <= EXACT {
            continue;
        }
        if n_rows - now.n_closed > EXACT {
            session.client.call(FlushRequest {
                db_name: session.client.database().to_owned(),
                collection_names: vec![table.name.clone()],
            })?;
        }
        wait(session, &table, n_rows, &|share| {
            observer.progress(&name, share);
            observer.is_cancelled()
        })?;
        n_built += 1;
    }
    Ok(n_built)
}

/// What lies in tables, each with the name of a space that it serves: several may be made of the same.
fn spaces(session: &Session, collection: &str) -> Result<BTreeMap<Space, String>> {
    let pack = {
        let records = session.records()?;
        match records.active(collection) {
            None => return Ok(BTreeMap::new()),
            Some(active) => records.pack(collection, active)?,
        }
    };
    let mut spaces = BTreeMap::new();
    for record in &pack.spaces {
        let space = stored(&pack, record);
        if n_vectors(session, &space)? > 0 {
            spaces.insert(space, record.name.clone());
        }
    }
    Ok(spaces)
}

/// Rows of a table, of all libraries in it.
fn rows(session: &Session, table: &Table) -> Result<i64> {
    let all = "lib != \"\"".to_owned();
    let answer = session.query_in(table, Vec::new(), all, &["count(*)"], None)?;
    Ok(answer.longs("count(*)").first().copied().unwrap_or(0))
}

fn built(session: &Session, table: &Table) -> Result<Built> {
    let described = session.client.call(DescribeIndexRequest {
        db_name: session.client.database().to_owned(),
        collection_name: table.name.clone(),
    })?;
    let of_vectors = described
        .index_descriptions
        .iter()
        .find(|index| index.field_name == "v");
    Ok(of_vectors.map_or(
        Built {
            n_indexed: 0,
            n_closed: 0,
        },
        |index| Built {
            n_indexed: index.indexed_rows,
            n_closed: index.total_rows,
        },
    ))
}

/// Until the graphs have so many rows. A server that gets no further for as long as a call may take is left to itself: it
/// goes on, and searches are answered meanwhile.
fn wait(
    session: &Session,
    table: &Table,
    n_rows: i64,
    is_cancelled: &dyn Fn(f32) -> bool,
) -> Result<()> {
    let (mut last, mut changed) = (None, Instant::now());
    loop {
        let now = built(session, table)?;
        if now.n_indexed >= n_rows.max(now.n_closed) {
            return Ok(());
        }
        if is_cancelled(now.n_indexed as f32 / n_rows.max(1) as f32) {
            return Err(Error::Index(fovea_index::Error::Cancelled));
        }
        if last.replace(now) != Some(now) {
            changed = Instant::now();
        } else if changed.elapsed() > session.client.patience() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}
