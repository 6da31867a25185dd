//! The items of a collection, each with a position that it keeps: those that
//! were there at first by rising id, later ones as they came.

use fovea_index::Bitmap;
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use crate::embedded::Scope;
use crate::embedded::fail::Try;

/// Positions of items, and the content of each.
#[derive(Clone, Debug, Default)]
pub(in crate::embedded) struct Items {
    ids: Vec<i64>,
    /// So many ids at the beginning rise.
    n_rising: usize,
    /// Positions of the others.
    later: FxHashMap<i64, u32>,
    pub(super) contents: Vec<i64>,
    /// Positions whose items are still there.
    pub(super) live: Bitmap,
}

impl Items {
    /// All items of the collection.
    pub(super) fn load(connection: &Connection, scope: &Scope) -> Try<Items> {
        let mut items = Items::default();
        // The table lies by rising id; the plus keeps SQLite from an index whose order is another.
        let mut statement =
            connection.prepare_cached("SELECT id, content FROM item WHERE +collection = ?")?;
        let mut rows = statement.query([scope.collection])?;
        while let Some(row) = rows.next()? {
            items.ids.push(row.get(0)?);
            items.contents.push(row.get(1)?);
        }
        if !items.ids.is_sorted() {
            let mut pairs: Vec<(i64, i64)> = items.ids.into_iter().zip(items.contents).collect();
            pairs.sort_unstable();
            (items.ids, items.contents) = pairs.into_iter().unzip();
        }
        items.n_rising = items.ids.len();
        items.live = Bitmap::full(items.len() as u32);
        Ok(items)
    }

    /// Positions there are, those of items that left included.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(in crate::embedded) fn position(&self, id: i64) -> Option<u32> {
        match self.ids[..self.n_rising].binary_search(&id) {
            Ok(position) => Some(position as u32),
            Err(_) => self.later.get(&id).copied(),
        }
    }

    /// The item is there, with this content.
    pub(super) fn put(&mut self, id: i64, content: i64) -> u32 {
        let position = self.position(id).unwrap_or_else(|| {
            let position = self.ids.len() as u32;
            self.ids.push(id);
            self.contents.push(content);
            self.later.insert(id, position);
            position
        });
        self.contents[position as usize] = content;
        self.live.insert(position);
        position
    }

    pub(super) fn remove(&mut self, id: i64) {
        if let Some(position) = self.position(id) {
            self.live.remove(position);
        }
    }

    /// Look up ids that mostly rise, as tables give them.
    pub(super) fn walker(&self) -> Walker<'_> {
        Walker {
            items: self,
            next: 0,
        }
    }
}

/// Where a walk over the items stands.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    items: &'a Items,
    next: usize,
}

impl Walker<'_> {
    pub(super) fn position(&mut self, id: i64) -> Option<u32> {
        // The next item or the same again, before all others.
        for at in [self.next, self.next.wrapping_sub(1)] {
            if self.items.ids.get(at) == Some(&id) {
                self.next = at + 1;
                return Some(at as u32);
            }
        }
        let position = self.items.position(id)?;
        self.next = position as usize + 1;
        Some(position)
    }
}
