//! Which items the rows of an index file stand for, so that a set of items
//! becomes a set of rows in one pass.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use fovea_index::Bitmap;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::items::Items;
use crate::embedded::fail::Try;
use crate::embedded::indexed::{IndexedAllowed, IndexedSpace, OpenIndex};
use crate::embedded::members::OwnerId;
use crate::embedded::{Scope, owners};

/// The row stands for no item.
const NONE: u32 = u32::MAX;

/// Positions of items by row. An item that let go of a content or a caption
/// may still stand at its rows: they are looked at for nothing, and whose they
/// are is asked again of each row that is found.
#[derive(Debug)]
pub(super) struct Links {
    file: Weak<OpenIndex>,
    /// Of each row one item.
    first: Vec<u32>,
    /// Rows and positions of all further items, in no order.
    more: Vec<(u32, u32)>,
    /// Items of owners whose rows are not in the file, as they were asked for.
    since: Mutex<FxHashMap<OwnerId, SmallVec<[u32; 1]>>>,
}

impl Clone for Links {
    fn clone(&self) -> Links {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        Links {
            file: Weak::clone(&self.file),
            first: self.first.clone(),
            more: self.more.clone(),
            since: Mutex::new(since.clone()),
        }
    }
}

impl Links {
    pub(super) fn load(
        connection: &Connection,
        items: &Items,
        file: &Arc<OpenIndex>,
    ) -> Try<Links> {
        let mut links = Links {
            file: Arc::downgrade(file),
            first: vec![NONE; file.index.rows() as usize],
            more: Vec::new(),
            since: Mutex::default(),
        };
        let contents = items.contents.iter().zip(0..);
        let mut owners: Vec<(i64, u32)> = contents
            .map(|(content, position)| (OwnerId::Content(*content).key(), position))
            .collect();
        if file.has_phrases() {
            let mut statement = connection.prepare_cached("SELECT item, phrase FROM caption")?;
            let mut rows = statement.query([])?;
            let mut walker = items.walker();
            while let Some(row) = rows.next()? {
                if let Some(position) = walker.position(row.get(0)?) {
                    owners.push((OwnerId::Phrase(row.get(1)?).key(), position));
                }
            }
        }
        owners.sort_unstable();
        links.meet(&owners, file);
        Ok(links)
    }

    /// Both by rising owner.
    fn meet(&mut self, owners: &[(i64, u32)], file: &OpenIndex) {
        let mut start = 0;
        for (key, row) in file.rows_by_owner() {
            start += owners[start..]
                .iter()
                .take_while(|(owner, _)| *owner < key)
                .count();
            for &(_, position) in owners[start..]
                .iter()
                .take_while(|(owner, _)| *owner == key)
            {
                self.add(row, position);
            }
        }
    }

    fn add(&mut self, row: u32, position: u32) {
        let first = &mut self.first[row as usize];
        if *first == NONE {
            *first = position;
        } else if *first != position {
            self.more.push((row, position));
        }
    }

    /// Whether these are the rows of this file.
    pub(super) fn are_of(&self, file: &Arc<OpenIndex>) -> bool {
        std::ptr::eq(self.file.as_ptr(), Arc::as_ptr(file))
    }

    /// This item came, or came to have other owners: these.
    pub(super) fn follow(&mut self, position: u32, owners: &[OwnerId]) {
        let file = Weak::clone(&self.file);
        let Some(file) = file.upgrade() else {
            return;
        };
        for &owner in owners {
            for row in file.rows_of(owner) {
                self.add(row, position);
            }
            let since = self.since.get_mut().unwrap_or_else(PoisonError::into_inner);
            since.remove(&owner);
        }
    }

    /// The rows of these items.
    pub(super) fn rows(
        &self,
        connection: &Connection,
        scope: &Scope,
        items: &Items,
        wanted: &Bitmap,
        indexed: &IndexedSpace,
    ) -> Try<IndexedAllowed> {
        let words = self.first.chunks(64).map(|positions| {
            let bits = positions.iter().enumerate();
            bits.fold(0, |word, (bit, &position)| {
                word | u64::from(wanted.contains(position)) << bit
            })
        });
        let mut file = Bitmap::from_words(words.collect());
        for &(row, position) in &self.more {
            if wanted.contains(position) {
                file.insert(row);
            }
        }
        let mut since = Bitmap::new();
        let mut known = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, owner) in indexed.since.owners() {
            if let std::collections::hash_map::Entry::Vacant(vacant) = known.entry(owner) {
                let ids = owners::items_of(connection, scope, owner)?;
                vacant.insert(ids.iter().filter_map(|id| items.position(*id)).collect());
            }
            if known[&owner]
                .iter()
                .any(|position| wanted.contains(*position))
            {
                since.insert(row);
            }
        }
        Ok(indexed.allow(&file, since))
    }
}
