//! Filters drawn at random, of what is nearest to the query and of what is farthest: still how right, and how fast.

use std::time::Instant;

use fovea_index::{Bitmap, Index, Random, SearchOptions, Vectors, exact};
use fovea_measure::median;

use super::{Bar, Halves, RECALL, tuned};
use crate::bench_ann::dataset::DataSet;
use crate::bench_ann::measure::{K, ROUNDS};

/// Shares of the rows that a filter lets through. Speed is promised at [`PROMISED`], recall at all.
const SHARES: [f64; 6] = [0.5, 0.1, PROMISED, 0.003, 0.001, 0.0001];
const PROMISED: f64 = 0.01;
/// Queries whose filtered answers are also found exactly.
const JUDGED: usize = 200;

pub fn measure(data: &DataSet, base: &Halves, index: &dyn Index) -> anyhow::Result<Vec<Bar>> {
    let vectors = base.vectors()?;
    let effort = tuned(index, &vectors, &data.tune)?;
    let asking = Asking {
        data,
        index,
        vectors,
        effort,
    };
    let mut bars = Vec::new();
    for (whose, recalls) in asking.recalls()? {
        for (share, recall) in SHARES.iter().zip(recalls) {
            let name = format!(
                "recall@{K} where a filter lets {}% through, {whose}",
                share * 100.0
            );
            bars.push(Bar::at_least(name, recall, "", RECALL));
        }
    }
    bars.push(asking.speed()?);
    Ok(bars)
}

struct Asking<'a> {
    data: &'a DataSet,
    index: &'a dyn Index,
    vectors: Vectors<'a>,
    effort: u32,
}

impl Asking<'_> {
    fn options<'a>(&self, allowed: Option<&'a Bitmap>) -> SearchOptions<'a> {
        SearchOptions {
            k: K,
            effort: self.effort,
            allowed,
            gathered: None,
        }
    }

    /// Of each kind of filter the recall at each share.
    fn recalls(&self) -> anyhow::Result<Vec<(&'static str, Vec<f64>)>> {
        let n = self.index.rows();
        let mut random = Random::new(11);
        let mut drawn: Vec<u32> = (0..n).collect();
        random.shuffle(&mut drawn);
        let mut counts = [[(0, 0); SHARES.len()]; 3];
        for query in self.data.measure.rows.iter().take(JUDGED) {
            let ranked = exact(&self.vectors, n, query, n as usize, None);
            let nearest = || ranked.iter().map(|hit| hit.row);
            for (share, at) in SHARES.iter().zip(0..) {
                let count = ((f64::from(n) * share) as usize).max(1);
                let allowed: [Bitmap; 3] = [
                    drawn.iter().copied().take(count).collect(),
                    nearest().take(count).collect(),
                    nearest().rev().take(count).collect(),
                ];
                for (counts, allowed) in counts.iter_mut().zip(&allowed) {
                    let (found, expected) = self.found(query, allowed)?;
                    counts[at].0 += found;
                    counts[at].1 += expected;
                }
            }
        }
        let shares = |counts: [(usize, usize); SHARES.len()]| {
            counts.map(|(found, expected)| found as f64 / expected.max(1) as f64)
        };
        let names = ["drawn at random", "the nearest", "the farthest"];
        Ok(names
            .into_iter()
            .zip(counts.map(|counts| shares(counts).to_vec()))
            .collect())
    }

    /// How many of the true answers are found, and how many there are.
    fn found(&self, query: &[f32], allowed: &Bitmap) -> anyhow::Result<(usize, usize)> {
        let options = self.options(Some(allowed));
        let hits = self.index.search(&self.vectors, query, &options)?;
        let truth = exact(&self.vectors, self.index.rows(), query, K, Some(allowed));
        let found = truth
            .iter()
            .filter(|best| hits.iter().any(|hit| hit.row == best.row))
            .count();
        Ok((found, truth.len()))
    }

    /// Queries a second through a random filter, over those without one.
    fn speed(&self) -> anyhow::Result<Bar> {
        let n = self.data.base.rows();
        let count = (n as f64 * PROMISED) as usize;
        let allowed: Bitmap = Random::new(12).sample(n, count).into_iter().collect();
        let (mut plain, mut filtered) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(self.seconds(None)?);
            filtered.push(self.seconds(Some(&allowed))?);
        }
        let ratio = median(&plain).unwrap_or(0.0) / median(&filtered).unwrap_or(f64::NAN);
        let percent = PROMISED * 100.0;
        let name = format!("QPS with {percent}% let through at random, over QPS without a filter");
        Ok(Bar::at_least(name, ratio, "x", 0.5))
    }

    fn seconds(&self, allowed: Option<&Bitmap>) -> anyhow::Result<f64> {
        let started = Instant::now();
        for query in self.data.measure.rows.iter() {
            let options = self.options(allowed);
            std::hint::black_box(self.index.search(&self.vectors, query, &options)?);
        }
        Ok(started.elapsed().as_secs_f64())
    }
}
