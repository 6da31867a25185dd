//! The exact scan of f32, one query at a time: against the speed at which memory can be read at all, and against Faiss.

use std::hint::black_box;
use std::ops::Range;
use std::thread;
use std::time::Instant;

use fovea_index::{Metric, TopK, Vectors};
use fovea_measure::median;

use super::Bar;
use crate::bench_ann::contender::Ask;
use crate::bench_ann::dataset::DataSet;
use crate::bench_ann::measure::{K, ROUNDS};
use crate::bench_ann::peers::Peers;

/// Queries of one turn.
const QUERIES: usize = 20;
const FAISS: &str = "Faiss flat";

/// Seconds a query, of every turn.
#[derive(Default)]
struct Turns {
    read: Vec<f64>,
    ours: [Vec<f64>; 2],
    faiss: [Vec<f64>; 2],
}

pub fn measure(data: &DataSet, peers: &Peers) -> anyhow::Result<Vec<Bar>> {
    let vectors = Vectors::of_f32(data.base.dim, Metric::Cosine, &data.base.numbers)?;
    let n = QUERIES.min(data.measure.rows.rows());
    if peers.missing().iter().any(|name| name == FAISS) {
        peers.build(FAISS)?;
    }
    peers.open(FAISS)?;
    let mut turns = Turns::default();
    for _ in 0..ROUNDS {
        turns.read.push(timed(n, |_| {
            black_box(sum(&data.base.numbers));
        }));
        for (at, threads) in [1, 2].into_iter().enumerate() {
            let queries = format!("{}-measure.npy", data.kind.name());
            let ask = Ask { count: n, k: K };
            let faiss = peers.seconds(FAISS, &queries, ask, threads)?;
            turns.faiss[at].push(faiss / n as f64);
            turns.ours[at].push(timed(n, |query| {
                black_box(scan(&vectors, data.measure.rows.row(query), threads));
            }));
        }
    }
    peers.close(FAISS)?;
    let of = |seconds: &[f64]| median(seconds).unwrap_or(f64::NAN);
    let read = of(&turns.read);
    let [one, two] = turns.ours.map(|seconds| of(&seconds));
    let [faiss_one, faiss_two] = turns.faiss.map(|seconds| of(&seconds));
    Ok(vec![
        Bar::at_least(
            "exact scan over a plain read loop, one thread",
            read / one,
            "x",
            0.85,
        ),
        Bar::at_least(
            "exact scan over Faiss flat, one thread",
            faiss_one / one,
            "x",
            0.95,
        ),
        Bar::at_least(
            "exact scan over Faiss flat, two threads",
            faiss_two / two,
            "x",
            1.2,
        ),
    ])
}

fn timed(n: usize, mut one: impl FnMut(usize)) -> f64 {
    let started = Instant::now();
    (0..n).for_each(&mut one);
    started.elapsed().as_secs_f64() / n as f64
}

/// Every number read once, in as many sums as registers hold, so that adding is not what takes the time.
fn sum(numbers: &[f32]) -> f32 {
    let (runs, _) = numbers.as_chunks::<64>();
    let mut sums = [0.0f32; 64];
    for run in runs {
        for (sum, x) in sums.iter_mut().zip(run) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// The exact nearest, as the database finds them: each thread a piece of the rows.
fn scan(vectors: &Vectors<'_>, query: &[f32], threads: u32) -> TopK {
    let edge = |i: u32| (u64::from(vectors.len()) * u64::from(i) / u64::from(threads)) as u32;
    let piece = |rows: Range<u32>| {
        let mut best = TopK::new(K);
        vectors.scan(query, rows, None, 0, &mut best);
        best
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|i| scope.spawn(move || piece(edge(i)..edge(i + 1))))
            .collect();
        let mut best = piece(0..edge(1));
        for other in others {
            best.merge(other.join().expect("a scan does not panic"));
        }
        best
    })
}
