//! Which pairs of pictures are worth laying on each other: of all pairs those whose coarse waves agree.
//!
//! Every pair is looked at, by ever dearer questions: whether a turn and a crop could bring the one's shape to the other's; the
//! product of what all turns have in common; the cosines of the eight turns; the distance that no crop explains; and at last the pictures
//! themselves at a small size.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::align::MOST_CROPPED;
use super::bend::{Bends, Bent};
use super::evidence::{Evidence, Prepared, compare};
use super::glance::{Glance, unexplained};
use super::plane::Plane;
use super::sketch::{SIDE, Sketch};
use super::spectrum::{INVARIANTS, Spectrum, UNIT};
use super::turn::Turn;
use super::verdict;
use super::watch::{Stage, Watch};

/// Fitted so that nearly all copies pass; see [`verdict`].
const INVARIANT: f32 = 0.83;
const COSINE: f32 = 0.75;
const BEND: f32 = 0.24;
/// Turns whose cosine is that much less than the best are not tried: of a symmetrical picture several are alike.
const NEARLY: f32 = 0.05;
/// What a glance may leave unexplained.
const GLANCE: f32 = 0.15;
/// Pairs of one picture that are looked at and that are laid on each other at most, the nearest first.
const MOST_GLANCES: usize = 192;
const MOST_LAID: usize = 8;
const ROWS_AT_ONCE: usize = 64;

/// A picture as all pairs are compared.
#[derive(Debug)]
pub struct Entry {
    pub sketch: Sketch,
    pub spectrum: Spectrum,
    invariants: [i16; INVARIANTS],
    glance: Glance,
    /// Logarithm of the longer side over the shorter one.
    stretch: f32,
}

impl Entry {
    /// None for a blank picture.
    pub fn of(sketch: Sketch) -> Option<Entry> {
        let spectrum = Spectrum::of(&sketch.luma)?;
        let (width, height) = (sketch.width.max(1) as f32, sketch.height.max(1) as f32);
        Some(Entry {
            invariants: spectrum.invariants(),
            glance: Glance::of(&sketch.luma, sketch.side),
            stretch: (width / height).ln().abs(),
            spectrum,
            sketch,
        })
    }

    /// How far the logarithms of two shapes may be apart: a crop of one side, and pixels that were rounded.
    fn room(&self) -> f32 {
        let shortest = self.sketch.width.min(self.sketch.height).max(1);
        -(1.0 - MOST_CROPPED).ln() + 0.01 + 1.0 / shortest as f32
    }

    /// Whether the other could be this one's picture, turned so.
    fn fits(&self, other: &Entry, turn: Turn) -> bool {
        let shape = |sketch: &Sketch, is_turned: bool| {
            let ratio = (sketch.width.max(1) as f32 / sketch.height.max(1) as f32).ln();
            if is_turned { -ratio } else { ratio }
        };
        let apart = shape(&self.sketch, false) - shape(&other.sketch, turn.transposed);
        apart.abs() <= self.room().max(other.room())
    }
}

/// Two of the entries, by their places, with the way in which the second lies on the first.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub here: usize,
    pub other: usize,
    pub evidence: Evidence,
}

/// All pairs that look the same at a small size; none where the watch cancelled.
pub fn edges(entries: &[Entry], threads: usize, watch: &Watch<'_>) -> Option<Vec<Edge>> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| entries[a].stretch.total_cmp(&entries[b].stretch));
    let rows = Rows::of(entries, &order);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let start = next.fetch_add(ROWS_AT_ONCE, Ordering::Relaxed);
            if start >= order.len() || watch.is_cancelled() {
                return;
            }
            let mut mine = Vec::new();
            for at in start..(start + ROWS_AT_ONCE).min(order.len()) {
                edges_of(entries, &order, &rows, at, &mut mine);
            }
            watch.progress(Stage::Comparing, start, order.len());
            let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
            all.append(&mut mine);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|edge: &Edge| (edge.here, edge.other));
    (!watch.is_cancelled()).then_some(found)
}

/// What all pairs need, one after the other in memory.
struct Rows {
    invariants: Vec<[i16; INVARIANTS]>,
    stretches: Vec<f32>,
    rooms: Vec<f32>,
    most_room: f32,
}

impl Rows {
    fn of(entries: &[Entry], order: &[usize]) -> Rows {
        let rooms: Vec<f32> = order.iter().map(|&at| entries[at].room()).collect();
        Rows {
            invariants: order.iter().map(|&at| entries[at].invariants).collect(),
            stretches: order.iter().map(|&at| entries[at].stretch).collect(),
            most_room: rooms.iter().copied().fold(0.0, f32::max),
            rooms,
        }
    }

    /// Places after this one whose shape and waves could be a copy's.
    fn after(&self, at: usize, found: &mut Vec<usize>) {
        let least = (INVARIANT * UNIT * UNIT) as i32;
        let (stretch, row) = (self.stretches[at], &self.invariants[at]);
        let end = at
            + 1
            + self.stretches[at + 1..].partition_point(|other| other - stretch <= self.most_room);
        found.clear();
        for other in at + 1..end {
            if product(row, &self.invariants[other]) >= least
                && self.stretches[other] - stretch <= self.rooms[at].max(self.rooms[other])
            {
                found.push(other);
            }
        }
    }
}

/// Pairs of one entry with those after it in the order.
fn edges_of(entries: &[Entry], order: &[usize], rows: &Rows, at: usize, edges: &mut Vec<Edge>) {
    let here = &entries[order[at]];
    let mut bends = None;
    let mut after = Vec::new();
    rows.after(at, &mut after);
    let mut near: Vec<(Bent, usize, Turn)> = Vec::new();
    for place in after.into_iter().map(|at| order[at]) {
        let other = &entries[place];
        let cosines = here.spectrum.cosines(&other.spectrum);
        let turns = Turn::ALL.into_iter().zip(cosines);
        let turns = turns.filter(|(turn, _)| here.fits(other, *turn));
        let best = turns.clone().map(|(_, cosine)| cosine).fold(-1.0, f32::max);
        if best < COSINE {
            continue;
        }
        let bends = bends.get_or_insert_with(|| bends_of(here));
        for (turn, _) in turns.filter(|(_, cosine)| *cosine >= best - NEARLY) {
            let bent = bends.distance(&here.spectrum, &other.spectrum.turned(turn));
            if bent.distance <= BEND {
                near.push((bent, place, turn));
            }
        }
    }
    near.sort_by(|a, b| a.0.distance.total_cmp(&b.0.distance));
    near.truncate(MOST_GLANCES);
    let near = glances(entries, here, near);
    if near.is_empty() {
        return;
    }
    let prepared = Prepared::of(&here.sketch, Turn::NONE);
    for (_, place, turn) in near {
        let laid = Prepared::of(&entries[place].sketch, turn);
        let evidence = compare(&prepared, &laid, None);
        if let Some(evidence) = evidence.filter(verdict::is_worth_a_look) {
            keep(edges, order[at], place, evidence);
        }
    }
}

/// Those that agree at a glance, the best first.
fn glances(
    entries: &[Entry],
    here: &Entry,
    near: Vec<(Bent, usize, Turn)>,
) -> Vec<(f32, usize, Turn)> {
    let plane = here.glance.turned(Turn::NONE);
    let mut seen: Vec<(f32, usize, Turn)> = near
        .into_iter()
        .map(|(bent, place, turn)| {
            let other = entries[place].glance.turned(turn);
            (unexplained(&plane, &other, bent.x, bent.y), place, turn)
        })
        .filter(|(unexplained, ..)| *unexplained <= GLANCE)
        .collect();
    seen.sort_by(|a, b| a.0.total_cmp(&b.0));
    seen.truncate(MOST_LAID);
    seen
}

/// Of several turns the one that explains most.
fn keep(edges: &mut Vec<Edge>, here: usize, other: usize, evidence: Evidence) {
    let edge = Edge {
        here,
        other,
        evidence,
    };
    match edges
        .iter_mut()
        .find(|edge| edge.here == here && edge.other == other)
    {
        Some(kept) if kept.evidence.unexplained <= evidence.unexplained => {}
        Some(kept) => *kept = edge,
        None => edges.push(edge),
    }
}

/// The best way in which one entry lies on another, looked at as [`edges`] does; for pairs that it did not meet.
pub fn laid_on(here: &Entry, other: &Entry) -> Option<Evidence> {
    let cosines = here.spectrum.cosines(&other.spectrum);
    let turns = Turn::ALL.into_iter().zip(cosines);
    let turns = turns.filter(|(turn, _)| here.fits(other, *turn));
    let best = turns.clone().map(|(_, cosine)| cosine).fold(-1.0, f32::max);
    if best < COSINE - 0.1 {
        return None;
    }
    let prepared = Prepared::of(&here.sketch, Turn::NONE);
    turns
        .filter(|(_, cosine)| *cosine >= best - NEARLY)
        .filter_map(|(turn, _)| compare(&prepared, &Prepared::of(&other.sketch, turn), None))
        .filter(verdict::is_worth_a_look)
        .min_by(|a, b| a.unexplained.total_cmp(&b.unexplained))
}

fn bends_of(entry: &Entry) -> Bends {
    let values = entry.sketch.luma.iter().map(|x| f32::from(*x)).collect();
    Bends::of(&Plane { side: SIDE, values }, &entry.spectrum)
}

fn product(a: &[i16; INVARIANTS], b: &[i16; INVARIANTS]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| i32::from(*a) * i32::from(*b))
        .sum()
}
