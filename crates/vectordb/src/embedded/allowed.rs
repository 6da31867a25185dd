//! What a filter lets through, as items and as rows of one space.

use std::sync::Arc;

use fovea_index::{Bitmap, Gathered};

use super::columns::{Answer, Columns};
use super::fail::Try;
use super::gatherings::Gatherings;
use super::indexed::IndexedAllowed;
use super::members::Members;
use super::search::{Kept, Place};
use super::space_rows::SpaceRows;
use crate::filter::Filter;
use crate::ids::ItemId;

/// Which items may be found, and which rows lead to them.
#[derive(Debug)]
pub(super) struct Allowed {
    columns: Arc<Columns>,
    answer: Arc<Answer>,
    pub(super) rows: Arc<Rows>,
    /// What the index file gathered of them.
    pub(super) gathered: Option<Arc<Gathered>>,
}

#[derive(Debug)]
pub(super) enum Rows {
    InMemory(Bitmap),
    Indexed(IndexedAllowed),
}

impl Allowed {
    /// By the transaction's state; `members` are those of the vectors in memory.
    pub(super) fn new(
        place: &Place<'_>,
        columns: Arc<Columns>,
        filter: &Filter,
        (space, kept): (i64, &Kept),
        members: Option<&Members>,
        gatherings: &Gatherings,
    ) -> Try<Allowed> {
        let (connection, scope) = (place.connection, place.scope);
        let answer = columns.answer(connection, scope, filter)?;
        let rows = answer.rows(kept, |items| {
            Ok(match kept {
                Kept::InMemory(rows) => {
                    Rows::InMemory(rows_in_memory(rows, &columns, members, items))
                }
                Kept::Indexed(indexed) => {
                    Rows::Indexed(columns.rows(connection, scope, items, space, indexed)?)
                }
            })
        })?;
        let gathered = match (kept, &*rows) {
            (Kept::Indexed(indexed), Rows::Indexed(allowed)) => {
                gatherings.of(&rows, || indexed.gather(allowed))
            }
            _ => None,
        };
        Ok(Allowed {
            columns,
            answer,
            rows,
            gathered,
        })
    }

    pub(super) fn has(&self, item: ItemId) -> bool {
        let position = self.columns.items.position(item.get());
        position.is_some_and(|position| self.answer.items.contains(position))
    }

    /// How many rows.
    pub(super) fn len(&self) -> u64 {
        match &*self.rows {
            Rows::InMemory(rows) => rows.len(),
            Rows::Indexed(rows) => rows.len(),
        }
    }
}

fn rows_in_memory(
    rows: &SpaceRows,
    columns: &Columns,
    members: Option<&Members>,
    items: &Bitmap,
) -> Bitmap {
    let is_wanted = |id: &i64| {
        let position = columns.items.position(*id);
        position.is_some_and(|position| items.contains(position))
    };
    let wanted = rows.owners().filter(|(_, owner)| {
        let items = members.map_or(&[][..], |members| members.items_of(*owner));
        items.iter().any(is_wanted)
    });
    wanted.map(|(row, _)| row).collect()
}
