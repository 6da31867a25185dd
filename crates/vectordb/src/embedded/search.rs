//! Search: what is held in memory is brought up to date, scanned, and rows
//! become items. Readers keep the state they began with; a write never waits
//! for them nor they for it.

use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::allowed::{Allowed, Rows};
use super::canary::Canaries;
use super::columns::Filters;
use super::fail::Try;
use super::gatherings::Gatherings;
use super::indexed::{IndexedSpace, ItemsOf, OpenIndex};
use super::items::item_id;
use super::members::Members;
use super::packs::{self, Space};
use super::scans::Scans;
use super::space_rows::{RowOf, SpaceRows};
use super::write::compared;
use super::{Scope, asked, build, change_of, upkeep};
use crate::database::{Hit, VectorQuery};
use crate::filter::Filter;
use crate::index_file::Check;
use crate::records::Parts;

/// What is in memory, all of one change number.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    change: u64,
    /// Of the spaces that are in memory; those with an index file ask the tables.
    members: Option<Arc<Members>>,
    /// By space id.
    spaces: FxHashMap<i64, (Space, Kept)>,
}

/// The vectors of a space: all in memory, or behind an index file.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    InMemory(Arc<SpaceRows>),
    Indexed(Arc<IndexedSpace>),
}

/// The newest snapshot, and who may make the next.
#[derive(Debug, Default)]
pub(super) struct Cache {
    newest: RwLock<Arc<Snapshot>>,
    making: Mutex<()>,
    pub(super) filters: Filters,
    gatherings: Gatherings,
    canaries: Canaries,
    scans: Scans,
    /// A damaged vector was met: from then on all of a file is checked before it is used.
    met_damage: AtomicBool,
}

/// Where the spaces of one collection are searched.
pub(super) struct Place<'a> {
    pub(super) connection: &'a Connection,
    pub(super) scope: &'a Scope,
    pub(super) folder: &'a Path,
}

/// Answer a query within one read transaction.
pub(super) fn search(place: &Place<'_>, cache: &Cache, query: &VectorQuery<'_>) -> Try<Vec<Hit>> {
    let space = packs::space(place.connection, place.scope, query.pack, query.space)?;
    let what = || format!("query for space {:?}", query.space);
    let vector = compared(&space, what, query.vector)?;
    loop {
        let snapshot = cache.at(place, &space)?;
        let Some((_, kept)) = snapshot.spaces.get(&space.id) else {
            return Ok(Vec::new());
        };
        let hits = answer(place, cache, query, &vector, &snapshot, &space)?;
        match kept {
            Kept::Indexed(indexed) if indexed.file.is_damaged() => cache.pass_over(&indexed.file),
            Kept::Indexed(_) | Kept::InMemory(_) => return Ok(hits),
        }
    }
}

/// What the snapshot finds. An index file that turns out to be damaged says so only afterwards.
fn answer(
    place: &Place<'_>,
    cache: &Cache,
    query: &VectorQuery<'_>,
    vector: &[f32],
    snapshot: &Snapshot,
    space: &Space,
) -> Try<Vec<Hit>> {
    let Place {
        connection, scope, ..
    } = *place;
    let Some((_, kept)) = snapshot.spaces.get(&space.id) else {
        return Ok(Vec::new());
    };
    let allowed = match query.filter {
        Filter::All => None,
        filter => {
            let columns = cache.filters.at(connection, scope)?;
            let members = snapshot.members.as_deref();
            let of = (space.id, kept);
            let gatherings = &cache.gatherings;
            Some(Allowed::new(
                place, columns, filter, of, members, gatherings,
            )?)
        }
    };
    let effort = match kept {
        Kept::Indexed(_) => upkeep::setting(connection, scope, &effort_setting(query.space))?,
        Kept::InMemory(_) => None,
    };
    let effort: u32 = effort.and_then(|effort| effort.parse().ok()).unwrap_or(0);
    let n_rows = allowed.as_ref().map_or(kept.len(), Allowed::len);
    let mut ask = query.top_k.saturating_add(8).min(n_rows as usize);
    loop {
        let mut found = kept.nearest(&cache.scans, (vector, ask), effort, allowed.as_ref())?;
        if space.is_unit() {
            let cosine = |score: &mut f32| *score = score.clamp(-1.0, 1.0);
            found.iter_mut().for_each(|(score, _)| cosine(score));
        }
        let counted = counted(&found, query.parts);
        let hits = to_hits(place, &counted, snapshot, allowed.as_ref(), query.top_k)?;
        // Rows beyond the last one asked for could still tie with the last hit; parts only lose by being parts.
        let settled = match (hits.get(query.top_k.wrapping_sub(1)), found.last()) {
            (Some(hit), Some((score, _))) => *score < hit.score,
            _ => query.top_k == 0,
        };
        if settled || ask as u64 >= n_rows {
            if let (Kept::Indexed(indexed), None) = (kept, &allowed) {
                cache.canaries.note(indexed, vector, effort);
            }
            let index = build::place(place.folder, scope, space);
            asked::note(&index, kept.len(), vector);
            return Ok(hits);
        }
        ask = ask.saturating_mul(2).min(n_rows as usize);
    }
}

/// The setting that keeps how hard a space is searched.
pub(super) fn effort_setting(space: &str) -> String {
    format!("index.effort.{space}")
}

impl Kept {
    /// Rows that are searched.
    fn len(&self) -> u64 {
        match self {
            Kept::InMemory(rows) => u64::from(rows.numbers.len()),
            Kept::Indexed(indexed) => indexed.len(),
        }
    }

    /// The nearest rows, best first, as what they stand for.
    pub(super) fn nearest(
        &self,
        scans: &Scans,
        (query, k): (&[f32], usize),
        effort: u32,
        allowed: Option<&Allowed>,
    ) -> Try<Vec<(f32, RowOf)>> {
        match self {
            Kept::InMemory(rows) => {
                let allowed = allowed.and_then(|allowed| match &*allowed.rows {
                    Rows::InMemory(rows) => Some(rows),
                    Rows::Indexed(_) => None,
                });
                let scored = scans.nearest(rows, query, k, allowed)?;
                let found = scored.iter().map(|one| (one.score, rows.row(one.row)));
                Ok(found.collect())
            }
            Kept::Indexed(indexed) => {
                let allowed = allowed.and_then(|allowed| match &*allowed.rows {
                    Rows::Indexed(rows) => Some((rows, allowed.gathered.as_deref())),
                    Rows::InMemory(_) => None,
                });
                indexed.nearest(query, k, effort, allowed)
            }
        }
    }
}

/// The rows that count, with what they count, best first.
fn counted(found: &[(f32, RowOf)], parts: Parts) -> Vec<(f32, RowOf)> {
    let count = |&(score, row): &(f32, RowOf)| match (row.part.index, parts) {
        (0, _) => Some((score, row)),
        (_, Parts::Whole) => None,
        (_, Parts::Less(less)) => Some((score - less.max(0.0), row)),
    };
    let mut counted: Vec<(f32, RowOf)> = found.iter().filter_map(count).collect();
    // Stable: what is level stays in the order of its rows.
    counted.sort_by(|a, b| b.0.total_cmp(&a.0));
    counted
}

/// Items of the rows, each with its best part.
fn to_hits(
    place: &Place<'_>,
    found: &[(f32, RowOf)],
    snapshot: &Snapshot,
    allowed: Option<&Allowed>,
    top_k: usize,
) -> Try<Vec<Hit>> {
    let mut seen = FxHashSet::default();
    let mut hits: Vec<Hit> = Vec::new();
    let mut asked = ItemsOf::default();
    for &(score, row) in found {
        let full = hits.len() >= top_k && hits.last().is_some_and(|last| score < last.score);
        if full {
            break;
        }
        let items = match &snapshot.members {
            Some(members) => members.items_of(row.owner),
            None => asked.of(place.connection, place.scope, row.owner)?,
        };
        for &item in items {
            let item = item_id(item)?;
            if allowed.is_none_or(|allowed| allowed.has(item)) && seen.insert(item) {
                hits.push(Hit {
                    item,
                    score,
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
    fn at(&self, place: &Place<'_>, space: &Space) -> Try<Arc<Snapshot>> {
        let change = change_of(place.connection)?.0;
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
            own.advance(place, space, change, self.check())?;
            return Ok(Arc::new(own));
        }
        let mut next = (*newest).clone();
        drop(newest);
        next.advance(place, space, change, self.check())?;
        let next = Arc::new(next);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
        Ok(next)
    }

    /// Forget what is in memory, after index files came or went.
    pub(super) fn forget(&self) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// An index file has a row that is not what was written: it is used no more.
    pub(super) fn pass_over(&self, file: &OpenIndex) {
        self.met_damage.store(true, Ordering::Relaxed);
        file.discard();
        self.forget();
    }

    fn check(&self) -> Check {
        if self.met_damage.load(Ordering::Relaxed) {
            Check::All
        } else {
            Check::ForUse
        }
    }

    fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in memory of a space, where it is there already and as the transaction sees it.
    pub(super) fn in_memory(
        &self,
        connection: &Connection,
        space: &Space,
    ) -> Try<Option<(Arc<Members>, Arc<SpaceRows>)>> {
        let newest = self.newest();
        if newest.change != change_of(connection)?.0 {
            return Ok(None);
        }
        let members = newest.members.as_ref();
        Ok(match (members, newest.spaces.get(&space.id)) {
            (Some(members), Some((_, Kept::InMemory(rows)))) => {
                Some((Arc::clone(members), Arc::clone(rows)))
            }
            _ => None,
        })
    }

    /// The vectors of a space as a search would see them now.
    pub(super) fn kept(&self, place: &Place<'_>, space: &Space) -> Try<Option<Kept>> {
        let snapshot = self.at(place, space)?;
        Ok(snapshot.spaces.get(&space.id).map(|(_, kept)| kept.clone()))
    }
}

impl Snapshot {
    /// Bring everything to this change, and have this space.
    fn advance(&mut self, place: &Place<'_>, space: &Space, change: u64, check: Check) -> Try<()> {
        let connection = place.connection;
        let floor: u64 = connection
            .prepare_cached("SELECT log_floor FROM state")?
            .query_row([], |row| row.get(0))?;
        if self.change < floor {
            *self = Snapshot::default();
        }
        if self.change < change {
            self.follow(place)?;
        }
        if let Entry::Vacant(vacant) = self.spaces.entry(space.id) {
            let kept = match open_index(place, space, floor, change, check)? {
                Some(indexed) => Kept::Indexed(Arc::new(indexed)),
                None => {
                    let members = match &self.members {
                        Some(members) => members,
                        None => self
                            .members
                            .insert(Arc::new(Members::load(connection, place.scope)?)),
                    };
                    Kept::InMemory(Arc::new(SpaceRows::load(connection, space, members)?))
                }
            };
            vacant.insert((space.clone(), kept));
        }
        self.change = change;
        Ok(())
    }

    fn follow(&mut self, place: &Place<'_>) -> Try<()> {
        let Place {
            connection, scope, ..
        } = *place;
        // A file that was renewed covers what would have to be followed.
        self.spaces.retain(|_, (_, kept)| match kept {
            Kept::Indexed(indexed) => indexed.file.is_current(),
            Kept::InMemory(_) => true,
        });
        let mut turned = FxHashSet::default();
        if let Some(members) = &mut self.members {
            turned = Arc::make_mut(members).follow(connection, scope, self.change)?;
        }
        for (space, kept) in self.spaces.values_mut() {
            match kept {
                Kept::Indexed(indexed) => {
                    Arc::make_mut(indexed).follow(connection, scope, space, self.change)?;
                }
                Kept::InMemory(rows) => {
                    if let Some(members) = &self.members {
                        let rows = Arc::make_mut(rows);
                        rows.follow(connection, space, members, &turned, self.change)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The space's index file as it is now, apart from what is in memory.
pub(super) fn open_now(place: &Place<'_>, space: &Space) -> Try<Option<IndexedSpace>> {
    let floor = place
        .connection
        .query_row("SELECT log_floor FROM state", [], |row| row.get(0))?;
    open_index(
        place,
        space,
        floor,
        change_of(place.connection)?.0,
        Check::ForUse,
    )
}

/// The index file of the space, where there is one that serves.
fn open_index(
    place: &Place<'_>,
    space: &Space,
    floor: u64,
    change: u64,
    check: Check,
) -> Try<Option<IndexedSpace>> {
    let path = build::place(place.folder, place.scope, space);
    if !path.exists() {
        return Ok(None);
    }
    let identity = build::identity(place.connection, place.scope, space)?;
    match OpenIndex::open(&path, space, &identity, check) {
        Ok(file) if file.change >= floor && file.change <= change => {
            let (connection, scope) = (place.connection, place.scope);
            IndexedSpace::new(connection, scope, space, Arc::new(file)).map(Some)
        }
        // Of no use: vectors are scanned instead, and the next build makes it anew.
        Ok(_) | Err(_) => Ok(None),
    }
}
