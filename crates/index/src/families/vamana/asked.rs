//! Edges for the queries to come. Texts do not lie where images do: the
//! images nearest to a text are often far from each other, and a graph by
//! distance alone does not lead from one to the next. So the nearest rows of
//! sample queries are joined with each other, in places of their own (after
//! RoarGraph, Chen et al. 2024, and OOD-DiskANN, Jaiswal et al. 2022).

use super::grow::prune;
use super::links::Links;
use super::search::ToQuery;
use super::walk::Scratch;
use crate::codes::Codes;
use crate::error::Error;
use crate::vectors::Vectors;
use crate::work::Work;

/// Nearest rows of a query that are joined.
const JOINED: usize = 32;
/// Width of the walk that finds them.
const WIDTH: usize = 128;

/// Join the nearest rows of each query.
pub fn join_asked(
    links: &mut Links,
    codes: &Codes,
    vectors: &Vectors<'_>,
    queries: &Vectors<'_>,
    entries: &[u32],
    alpha: f32,
    work: &Work<'_>,
) -> Result<(), Error> {
    let view = codes.view();
    let found = work.map(queries.len() as usize, Scratch::default, |scratch, i| {
        let query = queries.row(i as u32);
        let scorer = ToQuery::new(codes, &query);
        scratch.walk(links.view(), entries, links.rows(), WIDTH, &scorer);
        let candidates: Vec<u32> = scratch.found().map(|(_, row)| row).collect();
        let best = vectors.rerank(&query, &candidates, JOINED);
        best.iter().map(|scored| scored.row).collect::<Vec<u32>>()
    })?;
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for rows in &found {
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
    let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    let near = links.view();
    let lists = work.map(
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
            prune(view, &others, links.asked, alpha)
        },
    )?;
    for (group, list) in groups.iter().zip(lists) {
        links.set_asked(group[0].0, &list);
    }
    Ok(())
}
