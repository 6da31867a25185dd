//! What the families that gather candidates have in common: when an exact
//! answer is due, which rows are wanted, which rows come and go, and when a
//! family begins anew.

use std::cell::Cell;

use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{Index, SearchOptions, accept_rows, exact, exact_when_few};
use crate::topk::Scored;
use crate::vectors::Vectors;

/// The rows that a search may find, of those that stand in lists: removed ones do not.
#[derive(Debug)]
pub struct Wanted<'a> {
    allowed: Option<&'a Bitmap>,
    n_asked: Cell<u64>,
    n_had: Cell<u64>,
}

impl<'a> Wanted<'a> {
    fn new(allowed: Option<&'a Bitmap>) -> Wanted<'a> {
        Wanted {
            allowed,
            n_asked: Cell::new(0),
            n_had: Cell::new(0),
        }
    }

    #[inline]
    pub fn has(&self, row: u32) -> bool {
        let Some(allowed) = self.allowed else {
            return true;
        };
        let has = allowed.contains(row);
        self.n_asked.set(self.n_asked.get() + 1);
        self.n_had.set(self.n_had.get() + u64::from(has));
        has
    }

    /// Whether the rows that were looked at are wanted less often than this share of all says: then the filter keeps
    /// away from the query, and the nearest that it lets through are where nobody looked.
    fn keeps_away(&self, share: f64) -> bool {
        let expected = self.n_asked.get() as f64 * share;
        (self.n_had.get() as f64) < 0.75 * expected
    }
}

/// Answer a search from the candidates that a family finds with an effort, each
/// of them wanted and none twice. Where these are fewer than k, where a filter
/// keeps away from the query, and where all rows are few, the answer is exact.
pub fn answer(
    index: &dyn Index,
    vectors: &Vectors<'_>,
    query: &[f32],
    options: &SearchOptions<'_>,
    find: impl FnOnce(&Wanted<'_>, u32) -> Vec<u32>,
) -> Result<Vec<Scored>, Error> {
    vectors.check_query(query)?;
    let (rows, removed) = (index.rows(), index.removed());
    if vectors.len() < rows {
        let row = vectors.len();
        return Err(Error::NoSuchRow { row, rows: row });
    }
    if let Some(found) = exact_when_few(vectors, rows, query, options, removed) {
        return Ok(found);
    }
    let wanted = Wanted::new(options.allowed);
    let share = match options.allowed {
        Some(allowed) => allowed.len() as f64 / f64::from(rows.max(1)),
        None => 1.0,
    };
    // The nearest that a filter lets through lie farther away, over more lists.
    let effort = f64::from(options.effort_of(index)) / share.clamp(0.01, 1.0).sqrt();
    let candidates = find(&wanted, effort as u32);
    if candidates.len() >= options.k && !wanted.keeps_away(share) {
        return Ok(vectors.rerank(query, &candidates, options.k));
    }
    let live = match options.allowed {
        Some(allowed) => allowed.without(removed),
        None => Bitmap::full(rows).without(removed),
    };
    Ok(exact(vectors, rows, query, options.k, Some(&live)))
}

/// Which rows were seen in one search: one bit each.
#[derive(Debug, Default)]
pub struct Seen(Vec<u64>);

impl Seen {
    pub fn new(rows: u32) -> Seen {
        Seen(vec![0; (rows as usize).div_ceil(64)])
    }

    /// Note a row; false when it was seen before.
    #[inline]
    pub fn note(&mut self, row: u32) -> bool {
        let word = &mut self.0[row as usize / 64];
        let bit = 1 << (row % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[inline]
    pub fn has(&self, row: u32) -> bool {
        self.0[row as usize / 64] >> (row % 64) & 1 == 1
    }

    /// Forget all, and be ready for so many rows.
    pub fn clear(&mut self, rows: u32) {
        self.0.clear();
        self.0.resize((rows as usize).div_ceil(64), 0);
    }
}

/// Rows to be inserted, rising and each once, and how many rows there are then.
pub fn arriving(
    index: &dyn Index,
    vectors: &Vectors<'_>,
    rows: &[u32],
) -> Result<(Vec<u32>, u32), Error> {
    let end = accept_rows(vectors, index.rows(), index.removed(), rows)?;
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows.dedup();
    Ok((rows, end))
}

/// Rows that can be found once `arriving` came, rising.
pub fn live_rows(end: u32, removed: &Bitmap, arriving: &[u32]) -> Vec<u32> {
    let is_live = |row: &u32| !removed.contains(*row) || arriving.binary_search(row).is_ok();
    (0..end).filter(is_live).collect()
}

/// What was learnt from `trained` rows does no longer fit so many, and is
/// learnt anew: each time the rows are four times as many, so that a row is
/// looked at a few times in all.
pub fn is_outgrown(trained: u32, rows: u32) -> bool {
    u64::from(rows) >= 4 * u64::from(trained.max(250))
}

/// Efforts to try, each half as much again.
pub fn efforts(least: u32, most: u32) -> Vec<u32> {
    let mut efforts = Vec::new();
    let mut effort = least;
    while effort < most {
        efforts.push(effort);
        effort += effort.div_ceil(2);
    }
    efforts.push(most.max(least));
    efforts
}
