//! What filters matched, kept by what they say until something is written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fovea_index::Bitmap;
use rustc_hash::FxHashMap;

use crate::embedded::allowed::Rows;
use crate::embedded::fail::Try;
use crate::embedded::indexed::IndexedSpace;
use crate::embedded::search::Kept;
use crate::embedded::space_rows::SpaceRows;
use crate::filter::Filter;

/// Memory that answers may take together.
const MOST_BYTES: usize = 64 << 20;
/// A filter that says more, as a list of many ids does, is not kept.
const MOST_NAME: usize = 64 << 10;
/// Bitmaps an answer grows to have: of the items, and of the rows of a few spaces.
const BITMAPS: usize = 4;

/// Answers by filter, the oldest leaving first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_name: FxHashMap<String, Arc<Answer>>,
    oldest: VecDeque<String>,
    bytes: usize,
}

/// The items that a filter lets through, and their rows in the spaces that were asked for.
#[derive(Debug)]
pub(in crate::embedded) struct Answer {
    pub(in crate::embedded) items: Bitmap,
    rows: Mutex<Vec<(Of, Arc<Rows>)>>,
}

/// Vectors of a space as they were at one moment.
#[derive(Debug)]
enum Of {
    InMemory(Weak<SpaceRows>),
    Indexed(Weak<IndexedSpace>),
}

impl Of {
    fn new(kept: &Kept) -> Of {
        match kept {
            Kept::InMemory(rows) => Of::InMemory(Arc::downgrade(rows)),
            Kept::Indexed(indexed) => Of::Indexed(Arc::downgrade(indexed)),
        }
    }

    /// What a weak reference points to keeps its place, and no other takes it.
    fn is(&self, kept: &Kept) -> bool {
        match (self, kept) {
            (Of::InMemory(of), Kept::InMemory(rows)) => {
                std::ptr::eq(of.as_ptr(), Arc::as_ptr(rows))
            }
            (Of::Indexed(of), Kept::Indexed(indexed)) => {
                std::ptr::eq(of.as_ptr(), Arc::as_ptr(indexed))
            }
            (Of::InMemory(_), Kept::Indexed(_)) | (Of::Indexed(_), Kept::InMemory(_)) => false,
        }
    }

    fn is_gone(&self) -> bool {
        match self {
            Of::InMemory(of) => of.strong_count() == 0,
            Of::Indexed(of) => of.strong_count() == 0,
        }
    }
}

impl Answer {
    /// Rows of a space, made the first time.
    pub(in crate::embedded) fn rows(
        &self,
        kept: &Kept,
        make: impl FnOnce(&Bitmap) -> Try<Rows>,
    ) -> Try<Arc<Rows>> {
        let mut known = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = known.iter().find(|(of, _)| of.is(kept)) {
            return Ok(Arc::clone(rows));
        }
        known.retain(|(of, _)| !of.is_gone());
        let rows = Arc::new(make(&self.items)?);
        known.push((Of::new(kept), Arc::clone(&rows)));
        Ok(rows)
    }
}

impl Answers {
    /// What a filter says, as text.
    pub(super) fn name(filter: &Filter) -> String {
        format!("{filter:?}")
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Answer>> {
        self.by_name.get(name).map(Arc::clone)
    }

    pub(super) fn keep(&mut self, name: String, items: Bitmap) -> Arc<Answer> {
        let bytes = name.len() + BITMAPS * 8 * items.words().len();
        let answer = Arc::new(Answer {
            items,
            rows: Mutex::default(),
        });
        if name.len() > MOST_NAME || bytes > MOST_BYTES || self.by_name.contains_key(&name) {
            return answer;
        }
        self.bytes += bytes;
        self.by_name.insert(name.clone(), Arc::clone(&answer));
        self.oldest.push_back(name);
        while self.bytes > MOST_BYTES
            && let Some(name) = self.oldest.pop_front()
        {
            self.forget(&name);
        }
        answer
    }

    fn forget(&mut self, name: &str) {
        if let Some(answer) = self.by_name.remove(name) {
            self.bytes -= name.len() + BITMAPS * 8 * answer.items.words().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_when_there_are_too_many() {
        let mut answers = Answers::default();
        let large = || Bitmap::full(8 * (MOST_BYTES / BITMAPS / 3) as u32);
        for name in ["a", "b", "c"] {
            answers.keep(name.to_owned(), large());
        }
        let known =
            |answers: &Answers| ["a", "b", "c", "d"].map(|name| answers.get(name).is_some());
        assert_eq!(known(&answers), [false, true, true, false]);
        answers.keep("d".to_owned(), Bitmap::new());
        assert_eq!(known(&answers), [false, true, true, true]);
        answers.keep("x".repeat(MOST_NAME + 1), Bitmap::new());
        assert_eq!(answers.by_name.len(), 3);
        for name in ["b", "c", "d"] {
            answers.forget(name);
        }
        assert_eq!(answers.bytes, 0);
    }
}
