//! Search: what is held in memory is brought up to date, scanned, and rows
//! become items. Readers keep the state they began with; a write never waits
//! for them nor they for it.

use std::collections::hash_map::Entry;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use fovea_index::kernels::normalize;
use fovea_index::{Bitmap, Scored, TopK};
use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::fail::{Fail, Try};
use super::filter_sql;
use super::items::item_id;
use super::members::Members;
use super::packs::{self, Space};
use super::space_rows::SpaceRows;
use super::{Scope, change_of};
use crate::database::{Hit, VectorQuery};
use crate::error::Error;
use crate::filter::Filter;
use crate::ids::ItemId;

/// Numbers to multiply below which a second thread costs more than it brings.
const NUMBERS_PER_THREAD: usize = 8 << 20;

/// What is in memory, all of one change number.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    change: u64,
    members: Option<Arc<Members>>,
    /// By space id.
    spaces: FxHashMap<i64, (Space, Arc<SpaceRows>)>,
}

/// The newest snapshot, and who may make the next.
#[derive(Debug, Default)]
pub(super) struct Cache {
    newest: RwLock<Arc<Snapshot>>,
    making: Mutex<()>,
}

/// Answer a query within one read transaction.
pub(super) fn search(
    connection: &Connection,
    scope: &Scope,
    cache: &Cache,
    query: &VectorQuery<'_>,
) -> Try<Vec<Hit>> {
    let space = packs::space(connection, scope, query.pack, query.space)?;
    let unit = unit_query(query, &space)?;
    let snapshot = cache.at(connection, scope, &space)?;
    let (Some(members), Some((_, rows))) = (&snapshot.members, snapshot.spaces.get(&space.id))
    else {
        return Ok(Vec::new());
    };
    let allowed = match query.filter {
        Filter::All => None,
        filter => Some(Allowed::new(connection, scope, filter, members, rows)?),
    };
    let allowed_rows = allowed.as_ref().map(|allowed| &allowed.rows);
    let n_rows = allowed_rows.map_or(u64::from(rows.numbers.len()), Bitmap::len);
    let mut ask = query.top_k.saturating_add(8).min(n_rows as usize);
    loop {
        let scored = scan(rows, &unit, ask, allowed_rows)?;
        let hits = to_hits(&scored, members, rows, allowed.as_ref(), query.top_k)?;
        // Rows beyond the last one asked for could still tie with the last hit.
        let settled = match (hits.get(query.top_k.wrapping_sub(1)), scored.last()) {
            (Some(hit), Some(row)) => row.score < hit.score,
            _ => query.top_k == 0,
        };
        if settled || ask as u64 >= n_rows {
            return Ok(hits);
        }
        ask = ask.saturating_mul(2).min(n_rows as usize);
    }
}

fn unit_query(query: &VectorQuery<'_>, space: &Space) -> Try<Vec<f32>> {
    let what = || format!("query for space {:?}", query.space);
    if query.vector.len() != space.dim {
        let (expected, got) = (space.dim, query.vector.len());
        return Err(Fail::Known(Error::Dimension {
            what: what(),
            expected,
            got,
        }));
    }
    let mut unit = query.vector.to_vec();
    if normalize(&mut unit) {
        return Ok(unit);
    }
    let reason = "it is zero, or holds NaN or infinity";
    Err(Fail::Known(Error::InvalidVector {
        what: what(),
        reason,
    }))
}

/// What a filter lets through.
struct Allowed {
    /// Rising.
    items: Vec<ItemId>,
    rows: Bitmap,
}

impl Allowed {
    fn new(
        connection: &Connection,
        scope: &Scope,
        filter: &Filter,
        members: &Members,
        rows: &SpaceRows,
    ) -> Try<Allowed> {
        let items = filter_sql::matching(connection, scope, filter, None, usize::MAX)?;
        let owners = items
            .iter()
            .flat_map(|item| members.owners_of(item.get()))
            .copied();
        let rows = rows.rows_of(owners);
        Ok(Allowed { items, rows })
    }
}

/// The best rows, by one thread or several.
fn scan(rows: &SpaceRows, unit: &[f32], k: usize, allowed: Option<&Bitmap>) -> Try<Vec<Scored>> {
    let n = rows.numbers.len();
    let numbers = rows.numbers.dim() * allowed.map_or(n as usize, |rows| rows.len() as usize);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let pieces = (numbers / NUMBERS_PER_THREAD).clamp(1, cores) as u32;
    let piece = |i: u32| {
        let edge = |i: u32| (u64::from(n) * u64::from(i) / u64::from(pieces)) as u32;
        rows.numbers
            .search_rows(unit, k, allowed, edge(i)..edge(i + 1))
    };
    let found = thread::scope(|scope| {
        let others: Vec<_> = (1..pieces).map(|i| scope.spawn(move || piece(i))).collect();
        let mut best = piece(0)?;
        for other in others {
            match other.join() {
                Ok(found) => best.merge(found?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<TopK, fovea_index::Error>(best)
    });
    match found {
        Ok(best) => Ok(best.into_sorted()),
        Err(error) => Err(Fail::Damaged(format!(
            "vectors in memory went wrong: {error}"
        ))),
    }
}

/// Items of the rows, each with its best part.
fn to_hits(
    scored: &[Scored],
    members: &Members,
    rows: &SpaceRows,
    allowed: Option<&Allowed>,
    top_k: usize,
) -> Try<Vec<Hit>> {
    let mut seen = FxHashSet::default();
    let mut hits: Vec<Hit> = Vec::new();
    for &Scored { row, score } in scored {
        let full = hits.len() >= top_k && hits.last().is_some_and(|last| score < last.score);
        if full {
            break;
        }
        let row = rows.row(row);
        for &item in members.items_of(row.owner) {
            let item = item_id(item)?;
            let is_allowed =
                allowed.is_none_or(|allowed| allowed.items.binary_search(&item).is_ok());
            if is_allowed && seen.insert(item) {
                hits.push(Hit {
                    item,
                    score: score.clamp(-1.0, 1.0),
                    part: row.part,
                });
            }
        }
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    hits.truncate(top_k);
    Ok(hits)
}

impl Cache {
    /// The snapshot of the transaction's change number, with this space.
    fn at(&self, connection: &Connection, scope: &Scope, space: &Space) -> Try<Arc<Snapshot>> {
        let change = change_of(connection)?.0;
        let ready = |snapshot: &Snapshot| {
            snapshot.change >= change && snapshot.spaces.contains_key(&space.id)
        };
        let newest = self.newest();
        if ready(&newest) {
            return Ok(newest);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.newest();
        if ready(&newest) {
            return Ok(newest);
        }
        if newest.change > change {
            // Another thread is ahead of this transaction and lacks the
            // space; a snapshot of this transaction's own state is as good.
            let mut own = Snapshot::default();
            own.advance(connection, scope, space, change)?;
            return Ok(Arc::new(own));
        }
        let mut next = (*newest).clone();
        drop(newest);
        next.advance(connection, scope, space, change)?;
        let next = Arc::new(next);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
        Ok(next)
    }

    fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Snapshot {
    /// Bring everything to this change, and have this space.
    fn advance(
        &mut self,
        connection: &Connection,
        scope: &Scope,
        space: &Space,
        change: u64,
    ) -> Try<()> {
        let floor: u64 = connection
            .prepare_cached("SELECT log_floor FROM state")?
            .query_row([], |row| row.get(0))?;
        if self.change < floor {
            *self = Snapshot::default();
        }
        let members = match &mut self.members {
            Some(members) => {
                if self.change < change {
                    let following = Arc::make_mut(members);
                    let turned = following.follow(connection, scope, self.change)?;
                    for (space, rows) in self.spaces.values_mut() {
                        Arc::make_mut(rows).follow(
                            connection,
                            space,
                            following,
                            &turned,
                            self.change,
                        )?;
                    }
                }
                members
            }
            None => self
                .members
                .insert(Arc::new(Members::load(connection, scope)?)),
        };
        if let Entry::Vacant(vacant) = self.spaces.entry(space.id) {
            let rows = SpaceRows::load(connection, space, members)?;
            vacant.insert((space.clone(), Arc::new(rows)));
        }
        self.change = change;
        Ok(())
    }
}
