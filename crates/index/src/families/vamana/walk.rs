//! The walk: from a few entries always on to the most promising row that was
//! not looked around from yet, until the `width` best seen are all done. One
//! loop serves searching and building; only the score differs, and under a
//! filter what is looked at from a row.

use super::links::LinksView;
use super::reach::Reach;
use crate::answer::Seen;
use crate::kernels::prefetch;

/// Highest bit of a beam's row: it was looked around from.
const DONE: u32 = 1 << 31;

/// Rows of an index, so that the mark has a bit of its own.
pub const MOST_ROWS: u32 = DONE - 1;

/// What a walk needs of memory, kept from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    seen: Seen,
    beam: Vec<Place>,
    fresh: Vec<u32>,
    scores: Vec<f32>,
}

/// A row of the beam.
#[derive(Clone, Copy, Debug)]
struct Place {
    score: f32,
    /// With the mark [`DONE`].
    row: u32,
}

/// How rows are scored in one walk: the higher the nearer.
pub trait Scorer {
    /// The scores of rows, in their order.
    fn scores(&self, rows: &[u32], scores: &mut Vec<f32>);
    fn prefetch(&self, row: u32);
}

impl Scratch {
    /// Walk; afterwards [`Scratch::found`] has the best rows seen.
    pub fn walk(
        &mut self,
        links: LinksView<'_>,
        entries: &[u32],
        rows: u32,
        width: usize,
        scorer: &impl Scorer,
        reach: &mut impl Reach,
    ) {
        self.seen.clear(rows);
        self.go(links, entries, width, scorer, reach);
    }

    /// Walk on from rows that a walk before this one met, with another reach: of the rows that it looked around from
    /// all neighbours are known, and nothing else counts as seen.
    pub fn walk_on(
        &mut self,
        links: LinksView<'_>,
        met: &[u32],
        rows: u32,
        width: usize,
        scorer: &impl Scorer,
        reach: &mut impl Reach,
    ) {
        self.seen.clear(rows);
        for place in self.beam.iter().filter(|place| place.row & DONE != 0) {
            self.seen.note(place.row & !DONE);
        }
        self.go(links, met, width, scorer, reach);
    }

    fn go(
        &mut self,
        links: LinksView<'_>,
        from: &[u32],
        width: usize,
        scorer: &impl Scorer,
        reach: &mut impl Reach,
    ) {
        self.beam.clear();
        self.fresh.clear();
        self.fresh.extend_from_slice(from);
        for &row in from {
            self.seen.note(row);
        }
        self.take_fresh(links, width, 0, scorer);
        let mut at = 0;
        while at < self.beam.len() {
            let place = self.beam[at];
            if place.row & DONE != 0 {
                at += 1;
                continue;
            }
            self.beam[at].row |= DONE;
            // The next is likely to stay the next: its links are asked for while codes are compared.
            let mut rest = self.beam[at + 1..].iter();
            if let Some(next) = rest.find(|place| place.row & DONE == 0) {
                prefetch(links.places(next.row));
            }
            reach.look(links, place.row, &mut self.seen, &mut self.fresh, scorer);
            let best = self.take_fresh(links, width, at, scorer);
            at = best.min(at + 1);
        }
    }

    /// Score what was just seen; answers the foremost place that was filled.
    #[inline]
    fn take_fresh(
        &mut self,
        links: LinksView<'_>,
        width: usize,
        at: usize,
        scorer: &impl Scorer,
    ) -> usize {
        let mut best = usize::MAX;
        scorer.scores(&self.fresh, &mut self.scores);
        for (&row, &score) in self.fresh.iter().zip(&self.scores) {
            let is_full = self.beam.len() >= width;
            if is_full && self.beam.last().is_none_or(|worst| score <= worst.score) {
                continue;
            }
            if is_full {
                self.beam.pop();
            }
            // From the end: most rows that come in come in there, and the branches are guessed right.
            let mut place = self.beam.len();
            while place > 0 && self.beam[place - 1].score < score {
                place -= 1;
            }
            if place <= at + 1 {
                prefetch(links.places(row));
            }
            self.beam.insert(place, Place { score, row });
            best = best.min(place);
        }
        self.fresh.clear();
        best
    }

    /// Rows of the beam, best first.
    pub fn found(&self) -> impl Iterator<Item = (f32, u32)> + '_ {
        self.beam
            .iter()
            .map(|place| (place.score, place.row & !DONE))
    }
}
