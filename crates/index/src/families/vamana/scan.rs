//! The rows that a filter lets through without the graph: all compared by
//! their codes, and ranked with the vectors for as long as that can help.

use std::cmp::Ordering;

use crate::bitmap::Bitmap;
use crate::codes::{CodedQuery, Codes};
use crate::gathered::Gathered;
use crate::topk::Scored;
use crate::vectors::Vectors;

/// Rows that the memory is asked for, then compared together.
const CHUNK: usize = 128;
/// Rows that are left out together where all score less than those kept.
const TOGETHER: usize = 16;
/// Rows that are ranked first; then twice as many each time.
const RUN: usize = 32;
/// Rows that the memory is asked for before they are ranked.
const AHEAD: usize = 4;
/// Of all rows so many are kept to be ranked at first; few queries need more.
const ROOM: usize = 256;
/// Times as many where they did not settle it.
const MORE: usize = 16;

/// Rows by which it is known how wrong codes are, and deviations from the mean that hardly any exceeds.
const SAMPLE: usize = 64;
const DEVIATIONS: f64 = 2.0;

/// A row with the score of its codes.
type Coded = (f32, u32);

/// The rows of a scan, wherever their codes lie.
pub trait Pool {
    fn len(&self) -> u64;

    /// All rows with their scores, in runs.
    fn runs(&self, query: &CodedQuery, look: impl FnMut(&[u32], &[f32]));
}

/// Rows here and there among all others.
pub struct Scattered<'a> {
    pub codes: &'a Codes,
    pub allowed: &'a Bitmap,
}

impl Pool for Scattered<'_> {
    fn len(&self) -> u64 {
        self.allowed.len()
    }

    fn runs(&self, query: &CodedQuery, mut look: impl FnMut(&[u32], &[f32])) {
        let (view, rows) = (self.codes.view(), self.codes.rows());
        let (mut asked, mut next) = (Vec::with_capacity(2 * CHUNK), Vec::with_capacity(2 * CHUNK));
        let mut scores = Vec::with_capacity(2 * CHUNK);
        let mut words = self.allowed.words().iter().zip(0..rows.div_ceil(u64::BITS));
        loop {
            // Rows here and there wait for the memory: it is asked for some while those before are compared.
            for (&word, at) in words.by_ref() {
                let first = at * u64::BITS;
                put_rows(word, first, rows, &mut next, |row| view.prefetch(row));
                if next.len() >= CHUNK {
                    break;
                }
            }
            view.scores(query, &asked, &mut scores);
            look(&asked, &scores);
            if next.is_empty() {
                break;
            }
            std::mem::swap(&mut asked, &mut next);
            next.clear();
        }
    }
}

impl Pool for Gathered {
    fn len(&self) -> u64 {
        self.rows().len() as u64
    }

    fn runs(&self, query: &CodedQuery, mut look: impl FnMut(&[u32], &[f32])) {
        let mut scores = Vec::with_capacity(CHUNK);
        for (run, rows) in self.rows().chunks(CHUNK).enumerate() {
            let first = run * CHUNK;
            let codes = self.view().of_run(first..first + rows.len());
            codes.all_scores(query, &mut scores);
            look(rows, &scores);
        }
    }
}

/// The k nearest of some rows.
///
/// They are ranked by falling score of their codes, until the codes of the next would have to be more wrong than nearly
/// all are. Where a filter keeps away from the query, those that it lets through are crowded at its edge, nearer to
/// each other than codes can tell, and many are ranked; elsewhere some dozens settle it.
pub fn nearest(
    pool: &impl Pool,
    coded: &CodedQuery,
    vectors: &Vectors<'_>,
    query: &[f32],
    k: usize,
) -> Vec<Scored> {
    let mut room = ROOM.max(4 * k);
    loop {
        let mut scan = scan(pool, coded, room);
        let wrong = most_wrong(vectors, query, &scan.sample);
        let (best, is_settled) = rank(vectors, query, &mut scan.kept, k, wrong);
        if is_settled || room as u64 >= pool.len() {
            return best;
        }
        room *= MORE;
    }
}

/// What is left of rows that were all compared.
struct Scan {
    /// The best by their codes, in no order.
    kept: Vec<Coded>,
    /// Some from all over them.
    sample: Vec<Coded>,
}

/// Compare every row, and keep as many as there is room for.
fn scan(pool: &impl Pool, query: &CodedQuery, room: usize) -> Scan {
    let (mut kept, mut sample, mut floor) = (Vec::new(), Vec::new(), f32::NEG_INFINITY);
    let step = (pool.len() as usize / SAMPLE).clamp(1, CHUNK);
    pool.runs(query, |rows, scores| {
        let picked = (0..rows.len()).step_by(step);
        sample.extend(picked.map(|i| (scores[i], rows[i])));
        for (scores, rows) in scores.chunks(TOGETHER).zip(rows.chunks(TOGETHER)) {
            // Hardly any row comes in once some were seen; that none of several does is known without a branch for each.
            if scores
                .iter()
                .fold(false, |any, score| any | (*score > floor))
            {
                let scored = scores.iter().copied().zip(rows.iter().copied());
                kept.extend(scored.filter(|(score, _)| *score > floor));
            }
        }
        if kept.len() > 2 * room {
            floor = cut(&mut kept, room).unwrap_or(floor);
        }
    });
    cut(&mut kept, room);
    Scan { kept, sample }
}

/// The rows of one word of a bitmap, those beyond the last left out.
#[inline]
fn put_rows(mut word: u64, first: u32, rows: u32, out: &mut Vec<u32>, prefetch: impl Fn(u32)) {
    while word != 0 {
        let row = first + word.trailing_zeros();
        word &= word - 1;
        if row < rows {
            prefetch(row);
            out.push(row);
        }
    }
}

/// Keep the best; answers the least score of them where any had to go.
fn cut(kept: &mut Vec<Coded>, room: usize) -> Option<f32> {
    if kept.len() <= room {
        return None;
    }
    let (_, least, _) = kept.select_nth_unstable_by(room - 1, best_first);
    let least = least.0;
    kept.truncate(room);
    Some(least)
}

/// By how much at most a row's score is above that of its codes: by its mean and some deviations, of rows that were not
/// picked by their codes, because the best of these are mostly wrong the other way.
fn most_wrong(vectors: &Vectors<'_>, query: &[f32], sample: &[Coded]) -> f32 {
    let some = sample.iter().step_by(sample.len().div_ceil(SAMPLE).max(1));
    let wrong: Vec<f64> = some
        .map(|&(coded, row)| f64::from(vectors.score(query, row) - coded))
        .collect();
    let n = wrong.len().max(1) as f64;
    let mean = wrong.iter().sum::<f64>() / n;
    let squares = wrong.iter().map(|wrong| (wrong - mean) * (wrong - mean));
    (mean + DEVIATIONS * (squares.sum::<f64>() / n).sqrt()) as f32
}

/// The k best of rows, and whether rows with lesser codes than all of these are hardly among them.
fn rank(
    vectors: &Vectors<'_>,
    query: &[f32],
    kept: &mut [Coded],
    k: usize,
    most_wrong: f32,
) -> (Vec<Scored>, bool) {
    let mut best: Vec<Scored> = Vec::with_capacity(k + RUN);
    let (mut left, mut count) = (kept, RUN);
    while !left.is_empty() {
        if left.len() > count {
            left.select_nth_unstable_by(count - 1, best_first);
        }
        let (run, rest) = left.split_at_mut(count.min(left.len()));
        let mut least = f32::INFINITY;
        for (at, &(coded, row)) in run.iter().enumerate() {
            if let Some(&(_, ahead)) = run.get(at + AHEAD) {
                vectors.prefetch(ahead);
            }
            // Kernels differ in the sign of a zero, which must not decide an order.
            let score = vectors.score(query, row) + 0.0;
            least = least.min(coded);
            best.push(Scored { row, score });
        }
        best.sort_unstable_by(Scored::best_first);
        best.truncate(k);
        let worst = best.get(k - 1);
        if worst.is_some_and(|worst| least + most_wrong < worst.score) {
            return (best, true);
        }
        (left, count) = (rest, 2 * count);
    }
    (best, false)
}

fn best_first(a: &Coded, b: &Coded) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}
