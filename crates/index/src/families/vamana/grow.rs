//! Rows join the graph in batches: all of a batch look for their neighbours
//! in the graph as it is, then the graph learns of them (Manohar et al. 2024,
//! ParlayANN). So the same seed gives the same graph on any number of threads.

use super::links::Links;
use super::reach::All;
use super::walk::{Scorer, Scratch};
use crate::codes::CodesView;
use crate::error::Error;
use crate::work::{Random, Work};

/// The share of the graph that joins at once, and the most.
const SHARE: usize = 20;
const MOST: usize = 20_000;

/// How neighbours are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Rows that a new one's neighbours are chosen from.
    pub width: usize,
    /// A row is left out when a chosen one is nearer to it than this fraction, squared, of its
    /// distance (RobustPrune, Subramanya et al. 2019).
    pub alpha: f32,
}

/// Distance from a row of the graph, for the walk.
struct FromRow<'a> {
    codes: CodesView<'a>,
    row: u32,
}

impl Scorer for FromRow<'_> {
    #[inline]
    fn scores(&self, rows: &[u32], scores: &mut Vec<f32>) {
        self.codes.nearness(self.row, rows, scores);
    }

    #[inline]
    fn prefetch(&self, row: u32) {
        self.codes.prefetch(row);
    }
}

/// Rows to join, in the order in which they do, and what the graph begins with.
pub fn order(rows: &[u32], seed: u64) -> Vec<u32> {
    let mut order = rows.to_vec();
    Random::new(seed).shuffle(&mut order);
    order
}

/// Let rows join. `known` is how many are in the graph before.
pub fn join(
    links: &mut Links,
    codes: CodesView<'_>,
    entries: &[u32],
    order: &[u32],
    mut known: usize,
    choice: Choice,
    work: &Work<'_>,
) -> Result<(), Error> {
    let mut at = 0;
    while at < order.len() {
        let batch = (known / SHARE).clamp(1, MOST).min(order.len() - at);
        let rows = &order[at..at + batch];
        let chosen = work.map(batch, Scratch::default, |scratch, i| {
            let row = rows[i];
            let scorer = FromRow { codes, row };
            scratch.walk(
                links.view(),
                entries,
                links.rows(),
                choice.width,
                &scorer,
                &mut All,
            );
            let mut near: Vec<(i32, u32)> = scratch
                .found()
                .filter(|(_, other)| *other != row)
                .map(|(score, other)| (-score as i32, other))
                .collect();
            near.sort_unstable();
            prune(codes, &near, links.near, choice.alpha)
        })?;
        let mut back: Vec<(u32, u32)> = Vec::new();
        for (&row, chosen) in rows.iter().zip(&chosen) {
            links.set_near(row, chosen);
            back.extend(chosen.iter().map(|&other| (other, row)));
        }
        answer(links, codes, back, choice, work)?;
        at += batch;
        known += batch;
        (work.progress)(at as f32 / order.len() as f32);
    }
    Ok(())
}

/// Neighbours learn who chose them: pairs of a row and a new neighbour of it.
fn answer(
    links: &mut Links,
    codes: CodesView<'_>,
    mut pairs: Vec<(u32, u32)>,
    choice: Choice,
    work: &Work<'_>,
) -> Result<(), Error> {
    pairs.sort_unstable();
    let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    let view = links.view();
    let lists = work.map(
        groups.len(),
        || (),
        |(), i| {
            let row = groups[i][0].0;
            let mut all: Vec<u32> = view.near(row).to_vec();
            for (_, other) in groups[i] {
                if !all.contains(other) {
                    all.push(*other);
                }
            }
            if all.len() > links.near {
                // Some room is left, or the next one would have them chosen anew.
                all = choose(codes, row, &all, links.near - links.near / 8, choice.alpha);
            }
            all
        },
    )?;
    for (group, list) in groups.iter().zip(lists) {
        links.set_near(group[0].0, &list);
    }
    Ok(())
}

/// The neighbours of a row among candidates in no order.
pub fn choose(
    codes: CodesView<'_>,
    row: u32,
    candidates: &[u32],
    count: usize,
    alpha: f32,
) -> Vec<u32> {
    let mut near: Vec<(i32, u32)> = candidates
        .iter()
        .map(|&other| (codes.l2(row, other), other))
        .collect();
    near.sort_unstable();
    prune(codes, &near, count, alpha)
}

/// Of candidates with their distances, nearest first, those that no chosen one stands before.
pub fn prune(codes: CodesView<'_>, near: &[(i32, u32)], count: usize, alpha: f32) -> Vec<u32> {
    let slack = alpha * alpha;
    let mut chosen: Vec<u32> = Vec::with_capacity(count);
    for &(distance, candidate) in near {
        let is_hidden = |&other: &u32| slack * codes.l2(other, candidate) as f32 <= distance as f32;
        // Rows that are the same stand before each other: a chain of them must not be cut off.
        let is_twin = distance == 0;
        if is_twin && chosen.len() * 2 < count || !chosen.iter().any(is_hidden) {
            chosen.push(candidate);
            if chosen.len() == count {
                break;
            }
        }
    }
    chosen
}
