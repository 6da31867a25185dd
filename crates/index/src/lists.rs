//! Rows sorted into numbered lists: the cells of `ivf`, the buckets of `lsh`,
//! the leaves of trees. Each row stands in one list or in none, and its place
//! is known, so that it can leave when its vector is gone.

use crate::bitmap::Bitmap;
use crate::error::Error;

/// The place of a row that stands in no list.
const NOWHERE: u32 = u32::MAX;

/// Lists of rows.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    lists: Vec<Vec<u32>>,
    /// The list of each row.
    places: Vec<u32>,
}

impl Lists {
    /// Empty lists.
    pub fn new(n_lists: usize) -> Lists {
        Lists {
            lists: vec![Vec::new(); n_lists],
            places: Vec::new(),
        }
    }

    /// Lists from saved places; those of removed rows do not count.
    pub fn load(
        section: &'static str,
        n_lists: usize,
        places: &[u32],
        removed: &Bitmap,
    ) -> Result<Lists, Error> {
        let mut lists = Lists::new(n_lists);
        lists.places.resize(places.len(), NOWHERE);
        for (row, &place) in (0..).zip(places) {
            if place != NOWHERE && place as usize >= n_lists {
                let reason = format!("row {row} is in list {place} of {n_lists}");
                return Err(Error::damaged(section, reason));
            }
            if place != NOWHERE && !removed.contains(row) {
                lists.put(row, place);
            }
        }
        Ok(lists)
    }

    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Rows of a list, in no order.
    pub fn get(&self, list: u32) -> &[u32] {
        &self.lists[list as usize]
    }

    /// The list of each row, as it is saved.
    pub fn places(&self) -> &[u32] {
        &self.places
    }

    pub fn memory_bytes(&self) -> u64 {
        let rows = self.lists.iter().map(Vec::len).sum::<usize>() + self.places.len();
        (rows * size_of::<u32>() + self.lists.len() * size_of::<Vec<u32>>()) as u64
    }

    /// Put a row, which stands in no list, into one.
    pub fn put(&mut self, row: u32, list: u32) {
        let at = row as usize;
        if at >= self.places.len() {
            self.places.resize(at + 1, NOWHERE);
        }
        self.places[at] = list;
        self.lists[list as usize].push(row);
    }

    /// Take rows out of their lists, each of which is gone through once.
    pub fn take_out(&mut self, rows: &[u32]) {
        let mut touched: Vec<u32> = Vec::new();
        for &row in rows {
            if let Some(place) = self.places.get_mut(row as usize)
                && *place != NOWHERE
            {
                touched.push(*place);
                *place = NOWHERE;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let places = &self.places;
        for list in touched {
            self.lists[list as usize].retain(|&row| places[row as usize] == list);
        }
    }

    /// Be of this many rows: those beyond, which must stand in no list, are
    /// forgotten, and new ones stand in none.
    pub fn resize(&mut self, rows: u32) {
        self.places.resize(rows as usize, NOWHERE);
    }

    /// Move the rows of a list that are marked, in their order, to a new list.
    pub fn split(&mut self, list: u32, is_moved: &[bool]) -> u32 {
        let new = self.lists.len() as u32;
        let (mut kept, mut moved) = (Vec::new(), Vec::new());
        let all = std::mem::take(&mut self.lists[list as usize]);
        for (row, &is_moved) in all.into_iter().zip(is_moved) {
            let side = if is_moved { &mut moved } else { &mut kept };
            side.push(row);
        }
        self.lists[list as usize] = kept;
        for &row in &moved {
            self.places[row as usize] = new;
        }
        self.lists.push(moved);
        new
    }
}
