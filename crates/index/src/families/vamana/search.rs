//! A query's search: walk by codes, rank with the vectors. Under a filter one
//! of four ways, by how many rows it lets through: they are ranked, or scanned
//! by their codes, or walked over, or picked from a wider walk over all.

use super::reach::{All, Allowed, Noting};
use super::scan::{self, Scattered};
use super::walk::Scorer;
use super::{EFFORT, Vamana};
use crate::bitmap::Bitmap;
use crate::codes::{CodedQuery, Codes, CodesView};
use crate::family::{Index, SearchOptions, exact};
use crate::gathered::Gathered;
use crate::topk::Scored;
use crate::vectors::Vectors;

/// So few rows are compared exactly.
const FEW: u64 = 256;
/// Rows that a scan compares while a walk under a filter takes one step among a million, measured: both wait for the
/// memory, which a scan can ask ahead.
const SCANNED_A_STEP: u64 = 560;
/// Rows whose codes are gathered, for a step of the usual width. Among a million rows of 64 numbers one that was gathered costs a
/// sixth of one that lies among others (9 and 52 to 60 ns, ranking included), which would allow for more of them: beyond these
/// a walk is known to cost no more than twice an unfiltered one.
const GATHERED_A_STEP: u64 = 900;
/// Bytes of codes that a filter is worth.
const MOST_GATHERED: u64 = 8 << 20;
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
        width: usize,
        options: &SearchOptions<'_>,
    ) -> Vec<Scored> {
        let k = options.k;
        if let Some(gathered) = options.gathered {
            let coded = self.graph.codes.query(query);
            return scan::nearest(gathered, &coded, vectors, query, k);
        }
        let Some(allowed) = options.allowed else {
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
        found.unwrap_or_else(|| self.scan(vectors, query, k, allowed))
    }

    pub(super) fn scan(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        k: usize,
        allowed: &Bitmap,
    ) -> Vec<Scored> {
        let codes = &self.graph.codes;
        let scattered = Scattered { codes, allowed };
        scan::nearest(&scattered, &codes.query(query), vectors, query, k)
    }

    /// The codes of rows that are scanned rather than walked over, and are too many to be ranked at once.
    pub(super) fn gathered(&self, allowed: &Bitmap) -> Option<Gathered> {
        let (codes, n) = (&self.graph.codes, allowed.len());
        // Asked before each search with a filter that is not worth it, so it has to cost nothing.
        let is_worth_it = (FEW + 1..=GATHERED_A_STEP * u64::from(EFFORT)).contains(&n)
            && n * codes.stride() as u64 <= MOST_GATHERED
            && n < u64::from(self.rows()) / 2;
        is_worth_it.then(|| Gathered::of(codes, &allowed.without(&self.graph.removed)))
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
