//! What the families that gather candidates have in common: when an exact
//! answer is due, which rows are wanted, which rows come and go, and when a
//! family begins anew.

use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{Index, SearchOptions, accept_rows, exact, exact_when_few};
use crate::topk::Scored;
use crate::vectors::Vectors;

/// The rows that a search may find, of those that stand in lists: removed ones do not.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    allowed: Option<&'a Bitmap>,
}

impl Wanted<'_> {
    #[inline]
    pub fn has(&self, row: u32) -> bool {
        self.allowed.is_none_or(|allowed| allowed.contains(row))
    }
}

/// Answer a search from the candidates that a family finds, each of them
/// wanted and none twice. Where these are fewer than k, or all rows are few,
/// the answer is exact.
pub fn answer(
    index: &dyn Index,
    vectors: &Vectors<'_>,
    query: &[f32],
    options: &SearchOptions<'_>,
    find: impl FnOnce(Wanted<'_>) -> Vec<u32>,
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
    let allowed = options.allowed;
    let candidates = find(Wanted { allowed });
    if candidates.len() >= options.k {
        return Ok(vectors.rerank(query, &candidates, options.k));
    }
    let live = match allowed {
        Some(allowed) => allowed.without(removed),
        None => Bitmap::full(rows).without(removed),
    };
    Ok(exact(vectors, rows, query, options.k, Some(&live)))
}

/// Which rows were seen in one search: one bit each.
#[derive(Debug)]
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
