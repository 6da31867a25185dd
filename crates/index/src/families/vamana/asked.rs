//! Edges for the queries to come. Texts do not lie where images do: the
//! images nearest to a text are often far from each other, and a graph by
//! distance alone does not lead from one to the next. So the nearest rows of
//! sample queries are joined with each other, in places of their own (after
//! RoarGraph, Chen et al. 2024, and OOD-DiskANN, Jaiswal et al. 2022).

use half::f16;

use super::grow::prune;
use super::links::Links;
use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::error::Error;
use crate::vectors::Vectors;
use crate::work::{Random, Work};

/// Nearest rows of a query that are joined.
const JOINED: usize = 64;
/// By so many times more codes they are looked for.
const SPARE: usize = 4;
/// Queries that edges are made for, where the rows are many: given ones, then mixtures of two of them, which lie where
/// texts lie too. Few given queries would leave most of that region without an edge.
const QUERIES: usize = 16_384;
/// And one for so many rows, where they are few.
const ROWS_A_QUERY: usize = 8;
/// Queries that go over the codes together.
const TOGETHER: usize = 16;

/// Of the queries given so many that are worth keeping, from all over them.
pub fn kept(queries: &Vectors<'_>) -> Vec<f16> {
    let n = queries.len() as usize;
    let rows = (0..n).step_by(n.div_ceil(QUERIES).max(1));
    let numbers = rows.flat_map(|row| queries.row(row as u32));
    numbers.map(f16::from_f32).collect()
}

/// Join the nearest rows of each query, instead of those that were joined before.
pub fn join_asked(
    links: &mut Links,
    codes: &Codes,
    removed: &Bitmap,
    vectors: &Vectors<'_>,
    queries: &Vectors<'_>,
    alpha: f32,
    work: &Work<'_>,
) -> Result<(), Error> {
    let queries = asked(queries, links.rows(), work.seed);
    let found = nearest(codes, removed, vectors, &queries, work)?;
    let lists = lists(links, codes, &pairs(&found), alpha, work)?;
    links.forget_asked();
    for (row, list) in lists {
        links.set_asked(row, &list);
    }
    Ok(())
}

/// The given queries and mixtures of them.
fn asked(queries: &Vectors<'_>, rows: u32, seed: u64) -> Vec<Vec<f32>> {
    let n_given = queries.len() as usize;
    let mut asked: Vec<Vec<f32>> = (0..queries.len()).map(|i| queries.row(i)).collect();
    let mut random = Random::new(seed ^ 0xa5);
    while asked.len() < QUERIES.min(rows as usize / ROWS_A_QUERY) {
        let (a, b) = (random.below(n_given), random.below(n_given));
        let weight = random.unit();
        let pairs = asked[a].iter().zip(&asked[b]);
        asked.push(
            pairs
                .map(|(a, b)| weight * a + (1.0 - weight) * b)
                .collect(),
        );
    }
    asked
}

/// The nearest rows of each query: by all codes, because a graph that has no edges for queries does not lead there.
fn nearest(
    codes: &Codes,
    removed: &Bitmap,
    vectors: &Vectors<'_>,
    queries: &[Vec<f32>],
    work: &Work<'_>,
) -> Result<Vec<Vec<u32>>, Error> {
    let groups: Vec<&[Vec<f32>]> = queries.chunks(TOGETHER).collect();
    let found = work.map(
        groups.len(),
        || (),
        |(), i| {
            let candidates = codes.nearest_to_each(groups[i], SPARE * JOINED, removed);
            let ranked = groups[i].iter().zip(candidates).map(|(query, candidates)| {
                let best = vectors.rerank(query, &candidates, JOINED);
                best.iter().map(|scored| scored.row).collect()
            });
            ranked.collect::<Vec<Vec<u32>>>()
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}

/// Who is joined with whom, sorted, each pair once.
fn pairs(found: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for rows in found {
        let Some((&pivot, others)) = rows.split_first() else {
            continue;
        };
        for &other in others {
            pairs.push((pivot, other));
            pairs.push((other, pivot));
        }
        // Each leads to the next, so that a walk that meets one of them finds all.
        for pair in others.windows(2) {
            pairs.push((pair[0], pair[1]));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Of the rows joined with each row those that are kept as its neighbours.
fn lists(
    links: &Links,
    codes: &Codes,
    pairs: &[(u32, u32)],
    alpha: f32,
    work: &Work<'_>,
) -> Result<Vec<(u32, Vec<u32>)>, Error> {
    let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    let (near, view) = (links.view(), codes.view());
    work.map(
        groups.len(),
        || (),
        |(), i| {
            let row = groups[i][0].0;
            let known = near.near(row);
            let mut others: Vec<(i32, u32)> = groups[i]
                .iter()
                .map(|&(_, other)| (view.l2(row, other), other))
                .filter(|(_, other)| !known.contains(other))
                .collect();
            others.sort_unstable();
            (row, prune(view, &others, links.asked, alpha))
        },
    )
}
