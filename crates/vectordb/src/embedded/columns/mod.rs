//! What filters ask about, in memory: the fields of all items as columns, each
//! loaded when a filter first names it, and followed by change number. A
//! filter becomes a bitmap over items, and that one of a space's rows; both
//! are kept until something is written.

mod answers;
mod column;
mod evaluate;
pub(crate) mod facets;
pub(crate) mod glob;
mod items;
mod links;
mod load;
mod palettes;
mod pieces;
pub(crate) mod test;
pub(crate) mod values;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fovea_index::Bitmap;
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) use self::answers::Answer;
use self::answers::Answers;
use self::column::Column;
use self::evaluate::Evaluation;
use self::items::Items;
use self::links::Links;
use self::load::Key;
use self::palettes::Palettes;
use super::fail::Try;
use super::indexed::{IndexedAllowed, IndexedSpace};
use super::members::OwnerId;
use super::write::{ANOTHER_PACK, Deleted};
use super::{Scope, change_of, filter_sql};
use crate::database::{Facet, Facets};
use crate::filter::Filter;

/// Changed items that are followed at least, and the share of all up to which
/// that costs less than to begin anew.
const FOLLOWED: usize = 1000;
const FOLLOWED_ONE_OF: usize = 8;

/// The newest columns.
#[derive(Debug, Default)]
pub(super) struct Filters {
    newest: Mutex<Option<Arc<Columns>>>,
}

impl Filters {
    /// The columns of the transaction's state.
    pub(super) fn at(&self, connection: &Connection, scope: &Scope) -> Try<Arc<Columns>> {
        let change = change_of(connection)?.0;
        let mut newest = lock(&self.newest);
        let next = match newest.as_ref() {
            Some(columns) if columns.change == change => return Ok(Arc::clone(columns)),
            // Another thread is ahead of this transaction, which goes on with its own.
            Some(columns) if columns.change > change => {
                return Ok(Arc::new(Columns::load(connection, scope, change)?));
            }
            Some(columns) => columns.follow(connection, scope, change)?,
            None => None,
        };
        let next = match next {
            Some(next) => next,
            None => Columns::load(connection, scope, change)?,
        };
        Ok(Arc::clone(newest.insert(Arc::new(next))))
    }
}

/// The fields of all items, of one change number.
#[derive(Debug)]
pub(super) struct Columns {
    change: u64,
    /// Its tags are those of the items.
    active_pack: Option<i64>,
    /// Items that were followed since all were loaded.
    n_followed: usize,
    pub(super) items: Arc<Items>,
    fields: Mutex<FxHashMap<Key, Arc<Column>>>,
    palettes: Mutex<Option<Arc<Palettes>>>,
    /// By space id.
    links: Mutex<FxHashMap<i64, Arc<Links>>>,
    answers: Mutex<Answers>,
}

/// An item that was written: its position, id, and whose vectors find it.
struct Changed {
    position: u32,
    id: i64,
    owners: Vec<OwnerId>,
}

impl Columns {
    fn load(connection: &Connection, scope: &Scope, change: u64) -> Try<Columns> {
        Ok(Columns {
            change,
            active_pack: active_pack(connection, scope)?,
            n_followed: 0,
            items: Arc::new(Items::load(connection, scope)?),
            fields: Mutex::default(),
            palettes: Mutex::default(),
            links: Mutex::default(),
            answers: Mutex::default(),
        })
    }

    /// The same at a later change; none where beginning anew is cheaper.
    fn follow(&self, connection: &Connection, scope: &Scope, change: u64) -> Try<Option<Columns>> {
        let floor: u64 = connection
            .prepare_cached("SELECT log_floor FROM state")?
            .query_row([], |row| row.get(0))?;
        if self.change < floor || self.active_pack != active_pack(connection, scope)? {
            return Ok(None);
        }
        let most = (self.items.len() / FOLLOWED_ONE_OF).max(FOLLOWED);
        let mut items = Arc::clone(&self.items);
        let Some(changed) = self.changed(connection, scope, &mut items, most)? else {
            return Ok(None);
        };
        let mut next = Columns {
            change,
            active_pack: self.active_pack,
            n_followed: self.n_followed + changed.len(),
            items,
            fields: Mutex::new(lock(&self.fields).clone()),
            palettes: Mutex::new(lock(&self.palettes).clone()),
            links: Mutex::new(lock(&self.links).clone()),
            answers: Mutex::default(),
        };
        if !changed.is_empty() {
            next.take_in(connection, &changed)?;
        }
        Ok(Some(next))
    }

    /// Items that were written since; none if these are more than are followed, or the tags may be those of another pack.
    fn changed(
        &self,
        connection: &Connection,
        scope: &Scope,
        items: &mut Arc<Items>,
        most: usize,
    ) -> Try<Option<Vec<Changed>>> {
        let seen = self.change.cast_signed();
        let mut statement =
            connection.prepare_cached("SELECT id FROM deletion WHERE change > ? AND kind = ?")?;
        let mut rows = statement.query(params![seen, Deleted::Item as i64])?;
        while let Some(row) = rows.next()? {
            match row.get(0)? {
                ANOTHER_PACK => return Ok(None),
                id => Arc::make_mut(items).remove(id),
            }
        }
        let mut statement = connection
            .prepare_cached("SELECT id, content FROM item WHERE collection = ? AND change > ?")?;
        let mut phrases = connection.prepare_cached("SELECT phrase FROM caption WHERE item = ?")?;
        let mut rows = statement.query([scope.collection, seen])?;
        let mut changed = Vec::new();
        while let Some(row) = rows.next()? {
            if self.n_followed + changed.len() >= most {
                return Ok(None);
            }
            let (id, content) = (row.get(0)?, row.get(1)?);
            let of_item = phrases.query_map([id], |row| Ok(OwnerId::Phrase(row.get(0)?)))?;
            let mut owners: Vec<OwnerId> = of_item.collect::<Result<_, _>>()?;
            owners.push(OwnerId::Content(content));
            let position = Arc::make_mut(items).put(id, content);
            changed.push(Changed {
                position,
                id,
                owners,
            });
        }
        Ok(Some(changed))
    }

    fn take_in(&mut self, connection: &Connection, changed: &[Changed]) -> Try<()> {
        let positions: FxHashSet<u32> = changed.iter().map(|one| one.position).collect();
        let pairs: Vec<(u32, i64)> = changed.iter().map(|one| (one.position, one.id)).collect();
        let n_items = self.items.len();
        let fields = self
            .fields
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for (key, column) in fields {
            let column = Arc::make_mut(column);
            column.clear(&positions, n_items);
            load::again(connection, column, key, &pairs)?;
        }
        if let Some(palettes) = lock(&self.palettes).as_mut() {
            Arc::make_mut(palettes).again(connection, &pairs, n_items)?;
        }
        let links = self.links.get_mut().unwrap_or_else(PoisonError::into_inner);
        for links in links.values_mut() {
            let links = Arc::make_mut(links);
            for one in changed {
                links.follow(one.position, &one.owners);
            }
        }
        Ok(())
    }

    /// A field, read from the tables the first time.
    fn column(&self, connection: &Connection, scope: &Scope, key: &Key) -> Try<Arc<Column>> {
        let mut fields = lock(&self.fields);
        if let Some(column) = fields.get(key) {
            return Ok(Arc::clone(column));
        }
        let column = Arc::new(load::all(connection, scope, &self.items, key)?);
        fields.insert(key.clone(), Arc::clone(&column));
        Ok(column)
    }

    /// The colours, read from the tables the first time.
    fn palettes(&self, connection: &Connection) -> Try<Arc<Palettes>> {
        let mut palettes = lock(&self.palettes);
        if let Some(palettes) = palettes.as_ref() {
            return Ok(Arc::clone(palettes));
        }
        let loaded = Arc::new(Palettes::load(connection, &self.items)?);
        Ok(Arc::clone(palettes.insert(loaded)))
    }

    /// What matches, kept for the next time.
    pub(super) fn answer(
        &self,
        connection: &Connection,
        scope: &Scope,
        filter: &Filter,
    ) -> Try<Arc<Answer>> {
        let name = Answers::name(filter);
        if let Some(answer) = lock(&self.answers).get(&name) {
            return Ok(answer);
        }
        filter_sql::check(filter)?;
        let evaluation = Evaluation {
            connection,
            scope,
            columns: self,
        };
        let items = evaluation.matching(filter)?.and(&self.items.live);
        Ok(lock(&self.answers).keep(name, items))
    }

    /// Items that match, counted by their values.
    pub(super) fn facets(
        &self,
        connection: &Connection,
        scope: &Scope,
        filter: &Filter,
        by: &Facet,
    ) -> Try<Facets> {
        let answer = self.answer(connection, scope, filter)?;
        facets::facets(self, connection, scope, &answer.items, by)
    }

    /// The rows that items have in a space with an index file.
    pub(super) fn rows(
        &self,
        connection: &Connection,
        scope: &Scope,
        wanted: &Bitmap,
        space: i64,
        indexed: &IndexedSpace,
    ) -> Try<IndexedAllowed> {
        let links = {
            let mut known = lock(&self.links);
            match known.get(&space) {
                Some(links) if links.are_of(&indexed.file) => Arc::clone(links),
                _ => {
                    let links = Links::load(connection, &self.items, &indexed.file)?;
                    let links = Arc::new(links);
                    known.insert(space, Arc::clone(&links));
                    links
                }
            }
        };
        links.rows(connection, scope, &self.items, wanted, indexed)
    }
}

fn active_pack(connection: &Connection, scope: &Scope) -> Try<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT active_pack FROM collection WHERE id = ?")?
        .query_row([scope.collection], |row| row.get(0))?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
