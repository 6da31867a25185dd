//! A query's search: walk by codes, rank with the vectors. Under a filter one
//! of four ways, by how many rows it lets through: they are ranked, or scanned
//! by their codes, or walked over, or picked from a wider walk over all.

use super::reach::{All, Allowed, Noting};
use super::walk::Scorer;
use super::{EFFORT, Vamana, scan};
use crate::bitmap::Bitmap;
use crate::codes::{CodedQuery, Codes, CodesView};
use crate::family::{Index, exact};
use crate::topk::Scored;
use crate::vectors::Vectors;

/// So few rows are compared exactly.
const FEW: u64 = 256;
/// Rows that a scan compares while a walk under a filter takes one step among a million, measured: both wait for the
/// memory, which a scan can ask ahead.
const SCANNED_A_STEP: u64 = 560;
/// Where this share of the rows is let through, a walk over all meets enough of them.
const MOST: f64 = 0.5;
/// A filter keeps away from the query when the rows around it are let through less often than rows anywhere, by this.
const KEEPS_AWAY: f64 = 0.5;

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
        let share = n_allowed as f64 / f64::from(self.rows().max(1));
        let found = if share >= MOST {
            self.walk_wider(vectors, query, k, width, allowed, share)
        } else if n_allowed > SCANNED_A_STEP * width.max(EFFORT as usize) as u64 {
            self.walk_allowed(vectors, query, k, width, allowed, share)
        } else {
            None
        };
        // Where the filter keeps away from the query, a walk ends among rows that it drops.
        found.unwrap_or_else(|| scan::nearest(&self.graph.codes, vectors, query, k, allowed))
    }

    /// Over all rows, as many more as the filter drops. Beyond the k that are asked for, a wider walk needs less to
    /// spare: at a share of one half 1.4 times instead of twice.
    pub(super) fn walk_wider(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        k: usize,
        width: usize,
        allowed: &Bitmap,
        share: f64,
    ) -> Option<Vec<Scored>> {
        let spare = width.saturating_sub(k) as f64 * share.sqrt();
        let wider = ((k as f64 + spare) / share) as usize;
        let found = self.walk(vectors, query, k, wider, |row| allowed.contains(row));
        (found.len() >= k).then_some(found)
    }

    /// First over all rows to where the query lies, then from the rows let through that were met to others of them.
    /// Nothing where the filter keeps away from the query.
    pub(super) fn walk_allowed(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        k: usize,
        width: usize,
        allowed: &Bitmap,
        share: f64,
    ) -> Option<Vec<Scored>> {
        let scorer = ToQuery::new(&self.graph.codes, query);
        let (links, entries) = (self.graph.links.view(), &self.graph.entries);
        let (rows, width) = (self.rows(), width.max(k));
        let mut scratch = self.scratches.take();
        let mut noting = Noting::new(allowed);
        scratch.walk(
            links,
            entries,
            rows,
            width.div_ceil(2),
            &scorer,
            &mut noting,
        );
        let mut met = noting.met;
        let mut candidates: Vec<u32> = Vec::new();
        if met.len() as f64 >= KEEPS_AWAY * share * noting.n_seen as f64 {
            met.extend(entries.iter().filter(|row| allowed.contains(**row)));
            let mut reach = Allowed::new(allowed);
            scratch.walk_on(links, &met, rows, width, &scorer, &mut reach);
            candidates.extend(scratch.found().map(|(_, row)| row));
        }
        self.scratches.give(scratch);
        (candidates.len() >= k).then(|| vectors.rerank(query, &candidates, k))
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
            &mut All,
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
