//! A query's search: walk by codes, rank with the vectors. A filter decides
//! between three ways, whichever looks at the fewest rows.

use super::Vamana;
use super::walk::Scorer;
use crate::bitmap::Bitmap;
use crate::codes::{CodedQuery, Codes, CodesView};
use crate::family::{Index, exact};
use crate::topk::Scored;
use crate::vectors::Vectors;

/// Rows that one step of a walk scores, by experience.
const ROWS_A_STEP: f64 = 24.0;
/// So few rows are compared exactly.
const FEW: u64 = 256;
/// Of the rows that a filter lets through, a scan of codes ranks one of so many again at a time.
const RANKED_ONE_OF: usize = 16;
/// Times k that are ranked at a time at least.
const SPARE: usize = 2;
/// One of so many is ranked at most.
const MOST_ONE_OF: usize = 2;

/// Products with a query, for the walk.
pub struct ToQuery<'a> {
    codes: CodesView<'a>,
    query: CodedQuery,
}

impl<'a> ToQuery<'a> {
    pub fn new(codes: &'a Codes, query: &[f32]) -> ToQuery<'a> {
        ToQuery {
            codes: codes.view(),
            query: codes.query(query),
        }
    }
}

impl Scorer for ToQuery<'_> {
    #[inline]
    fn scores(&self, rows: &[u32], scores: &mut Vec<f32>) {
        self.codes.scores(&self.query, rows, scores);
    }

    #[inline]
    fn prefetch(&self, row: u32) {
        self.codes.prefetch(row);
    }
}

impl Vamana {
    /// The k nearest of live rows, which are all or those of a filter.
    pub(super) fn find(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        k: usize,
        width: usize,
        allowed: Option<&Bitmap>,
    ) -> Vec<Scored> {
        let Some(allowed) = allowed else {
            let is_live = |row| !self.graph.removed.contains(row);
            let found = self.walk(vectors, query, k, width, is_live);
            // Rows that are all alike lead only to each other.
            if found.len() >= k {
                return found;
            }
            let live = Bitmap::full(self.rows()).without(&self.graph.removed);
            return exact(vectors, self.rows(), query, k, Some(&live));
        };
        let live;
        let allowed = if self.graph.removed.is_empty() {
            allowed
        } else {
            live = allowed.without(&self.graph.removed);
            &live
        };
        let n_allowed = allowed.len();
        if n_allowed <= FEW.max(k as u64) {
            let rows: Vec<u32> = allowed.range(0..self.rows()).collect();
            return vectors.rerank(query, &rows, k);
        }
        // A walk has to see as many more rows as the filter lets fewer through.
        let share = n_allowed as f64 / f64::from(self.rows().max(1));
        let wider = (width as f64 / share) as usize;
        if n_allowed as f64 > wider as f64 * ROWS_A_STEP {
            let found = self.walk(vectors, query, k, wider, |row| allowed.contains(row));
            // Where the filter keeps away from the query, the walk ends among rows that it drops.
            if found.len() >= k {
                return found;
            }
        }
        let run = (width / 2)
            .max(SPARE * k)
            .max(n_allowed as usize / RANKED_ONE_OF);
        let most = (2 * run).max(n_allowed as usize / MOST_ONE_OF);
        let candidates = self
            .graph
            .codes
            .nearest(query, most, self.rows(), Some(allowed));
        rank_while_it_pays(vectors, query, &candidates, run, k)
    }

    fn walk(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        k: usize,
        width: usize,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Vec<Scored> {
        let scorer = ToQuery::new(&self.graph.codes, query);
        let mut scratch = self.scratches.take();
        scratch.walk(
            self.graph.links.view(),
            &self.graph.entries,
            self.rows(),
            width.max(k),
            &scorer,
        );
        let wanted = scratch
            .found()
            .map(|(_, row)| row)
            .filter(|row| is_wanted(*row));
        let candidates: Vec<u32> = wanted.collect();
        self.scratches.give(scratch);
        vectors.rerank(query, &candidates, k)
    }
}

/// The k best of candidates that come by falling score of their codes, ranked
/// run by run until one brings none of them. Where a filter keeps away from the
/// query, those that it lets through are crowded at its edge, nearer to each
/// other than codes can tell; elsewhere the second run ends it.
fn rank_while_it_pays(
    vectors: &Vectors<'_>,
    query: &[f32],
    candidates: &[u32],
    run: usize,
    k: usize,
) -> Vec<Scored> {
    let mut best: Vec<Scored> = Vec::new();
    for run in candidates.chunks(run.max(1)) {
        let found = vectors.rerank(query, run, k);
        let worst = best.get(k.saturating_sub(1)).map(|worst| worst.score);
        let best_found = found.first().map(|first| first.score);
        if worst.is_some() && best_found <= worst {
            break;
        }
        best.extend(found);
        best.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        best.truncate(k);
    }
    best
}
