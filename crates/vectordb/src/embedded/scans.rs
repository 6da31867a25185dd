//! Exact search among rows in memory: by several threads where there are many rows, and of several queries at once where
//! they come at once.

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::thread;

use fovea_index::{Bitmap, Error, Scored, TopK};

use super::fail::{Fail, Try};
use super::space_rows::SpaceRows;
use crate::together::Together;

/// Numbers to multiply below which a second thread costs more than it brings.
const NUMBERS_PER_THREAD: usize = 8 << 20;
/// Rows that several queries look at one after the other, while they lie in the processor's cache: memory is what a single
/// query waits for.
const BLOCK: usize = 128;
/// Queries that are answered at once.
const MOST: usize = 16;

/// Asked once, because the answer is read from several files.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// A query of all rows, which outlives the one who asks it.
#[derive(Debug)]
struct Scan {
    rows: Arc<SpaceRows>,
    query: Vec<f32>,
    k: usize,
}

/// Queries that come while others are answered.
#[derive(Debug)]
pub(super) struct Scans(Together<Scan, Result<Vec<Scored>, Error>>);

impl Default for Scans {
    fn default() -> Self {
        Scans(Together::new(*CORES, MOST))
    }
}

impl Scans {
    /// The nearest rows, best first; of `allowed` rows only, where it is given.
    pub(super) fn nearest(
        &self,
        rows: &Arc<SpaceRows>,
        query: &[f32],
        k: usize,
        allowed: Option<&Bitmap>,
    ) -> Try<Vec<Scored>> {
        let found = match allowed {
            Some(_) => alone(rows, query, k, allowed),
            None => {
                let scan = Scan {
                    rows: Arc::clone(rows),
                    query: query.to_vec(),
                    k,
                };
                let found = self.0.run(scan, answer);
                found.unwrap_or_else(|| alone(rows, query, k, None))
            }
        };
        found.map_err(|error| Fail::Damaged(format!("vectors in memory went wrong: {error}")))
    }
}

/// Queries of the same rows are answered together.
fn answer(scans: Vec<Scan>) -> Vec<Result<Vec<Scored>, Error>> {
    let mut found = Vec::with_capacity(scans.len());
    for same in scans.chunk_by(|a, b| Arc::ptr_eq(&a.rows, &b.rows)) {
        let queries: Vec<(&[f32], usize)> = same
            .iter()
            .map(|scan| (scan.query.as_slice(), scan.k))
            .collect();
        match same {
            [] => {}
            [one] => found.push(alone(&one.rows, &one.query, one.k, None)),
            [one, ..] => match scan(&one.rows, &queries, None) {
                Ok(all) => found.extend(all.into_iter().map(|best| Ok(best.into_sorted()))),
                // Each is told by itself what is wrong.
                Err(_) => {
                    let each = same.iter();
                    found.extend(each.map(|one| alone(&one.rows, &one.query, one.k, None)));
                }
            },
        }
    }
    found
}

fn alone(
    rows: &SpaceRows,
    query: &[f32],
    k: usize,
    allowed: Option<&Bitmap>,
) -> Result<Vec<Scored>, Error> {
    let best = scan(rows, &[(query, k)], allowed)?;
    Ok(best.into_iter().flat_map(TopK::into_sorted).collect())
}

/// The best rows for each query, by one thread or several.
fn scan(
    rows: &SpaceRows,
    queries: &[(&[f32], usize)],
    allowed: Option<&Bitmap>,
) -> Result<Vec<TopK>, Error> {
    let n = rows.numbers.len();
    let n_compared = allowed.map_or(n as usize, |rows| rows.len() as usize);
    let numbers = rows.numbers.dim() * n_compared * queries.len();
    let pieces = (numbers / NUMBERS_PER_THREAD).clamp(1, *CORES) as u32;
    let edge = |i: u32| (u64::from(n) * u64::from(i) / u64::from(pieces)) as u32;
    let piece = |i: u32| scan_piece(rows, queries, allowed, edge(i)..edge(i + 1));
    thread::scope(|scope| {
        let others: Vec<_> = (1..pieces).map(|i| scope.spawn(move || piece(i))).collect();
        let mut best = piece(0)?;
        for other in others {
            match other.join() {
                Ok(found) => best
                    .iter_mut()
                    .zip(found?)
                    .for_each(|(best, found)| best.merge(found)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(best)
    })
}

fn scan_piece(
    rows: &SpaceRows,
    queries: &[(&[f32], usize)],
    allowed: Option<&Bitmap>,
    piece: Range<u32>,
) -> Result<Vec<TopK>, Error> {
    let mut best: Vec<TopK> = queries.iter().map(|(_, k)| TopK::new(*k)).collect();
    let block = match queries {
        [_] => piece.len(),
        _ => BLOCK,
    };
    for start in piece.clone().step_by(block.max(1)) {
        let end = piece.end.min(start.saturating_add(block as u32));
        for ((query, _), best) in queries.iter().zip(&mut best) {
            rows.numbers.scan(query, allowed, start..end, best)?;
        }
    }
    Ok(best)
}
