//! Edges for queries: texts do not lie where images do, and a graph that knows such queries finds more with less effort.

use fovea_index::{BuildOptions, Index, Metric, Parameters, Random, SearchOptions, Vectors, exact};
use fovea_index::{Work, family};

use crate::twin::{Twin, clustered};

const ROWS: usize = 8_000;
const DIM: usize = 24;
const EFFORT: u32 = 24;

/// Between rows of several corners, and pushed away from all of them, as texts lie to images.
fn texts(n: usize, twin: &Twin, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut numbers = Vec::new();
    for _ in 0..n {
        let mut text = vec![0.0; DIM];
        for _ in 0..3 {
            let row = twin.row(random.below(ROWS) as u32);
            text.iter_mut().zip(row).for_each(|(x, y)| *x += y);
        }
        text[0] += 2.0;
        text[1] -= 2.0;
        fovea_index::kernels::normalize(&mut text);
        numbers.extend(text);
    }
    numbers
}

fn build(twin: &Twin, queries: Option<&[f32]>) -> Box<dyn Index> {
    let queries = queries.map(|numbers| Vectors::of_f32(DIM, Metric::Cosine, numbers).unwrap());
    let options = BuildOptions {
        parameters: Parameters::default().with("degree", 16).with("width", 48),
        queries,
        work: Work {
            threads: 2,
            ..Work::default()
        },
    };
    (family("vamana").unwrap().build)(&twin.vectors(), &options).unwrap()
}

fn recall(index: &dyn Index, twin: &Twin, queries: &[f32]) -> f64 {
    let options = SearchOptions {
        effort: EFFORT,
        ..SearchOptions::default()
    };
    let mut hits = 0;
    for query in queries.chunks_exact(DIM) {
        let found = index.search(&twin.vectors(), query, &options).unwrap();
        let truth = exact(&twin.vectors(), twin.len(), query, 10, None);
        hits += truth
            .iter()
            .filter(|best| found.iter().any(|hit| hit.row == best.row))
            .count();
    }
    hits as f64 / (queries.len() / DIM * 10) as f64
}

#[test]
fn a_graph_that_knows_such_queries_finds_more() {
    let numbers = clustered(ROWS, DIM, Metric::Cosine, &mut Random::new(21));
    let twin = Twin::new(DIM, Metric::Cosine, numbers);
    let (known, asked) = (texts(400, &twin, 1), texts(100, &twin, 2));
    let without = recall(&*build(&twin, None), &twin, &asked);
    let with = recall(&*build(&twin, Some(&known)), &twin, &asked);
    assert!(with >= 0.95, "{with}, {without} without");
    assert!(with >= without + 0.05, "{with}, {without} without");
    let lived = recall_after_a_change_of_half(&twin, &known, &asked);
    assert!(
        lived >= with - 0.02,
        "{lived} after a life, {with} built anew"
    );
    // No query is no reason to fail.
    let none = recall(&*build(&twin, Some(&[])), &twin, &asked);
    assert_eq!(none, without);
}

/// The graph over half of the rows, of which half left and came back, and then the other half came.
fn recall_after_a_change_of_half(twin: &Twin, known: &[f32], asked: &[f32]) -> f64 {
    let half = ROWS as u32 / 2;
    let begun = Twin::new(
        DIM,
        twin.metric,
        twin.numbers[..half as usize * DIM].to_vec(),
    );
    let mut index = build(&begun, Some(known));
    let work = Work::default();
    let leaving: Vec<u32> = (0..half / 2).collect();
    index.remove(&begun.vectors(), &leaving, &work).unwrap();
    index.insert(&twin.vectors(), &leaving, &work).unwrap();
    let coming: Vec<u32> = (half..ROWS as u32).collect();
    for part in coming.chunks(700) {
        index.insert(&twin.vectors(), part, &work).unwrap();
    }
    recall(&*index, twin, asked)
}
