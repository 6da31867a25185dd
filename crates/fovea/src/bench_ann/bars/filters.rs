//! Filters drawn at random: how fast, and still how right.

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
    let mut random = Random::new(11);
    let n = data.base.rows();
    let mut bars = Vec::new();
    for share in SHARES {
        let count = ((n as f64 * share) as usize).max(1);
        let allowed: Bitmap = random.sample(n, count).into_iter().collect();
        let percent = share * 100.0;
        bars.push(Bar::at_least(
            format!("recall@{K} where a random filter lets {percent}% through"),
            asking.recall(&allowed)?,
            "",
            RECALL,
        ));
        if share != PROMISED {
            continue;
        }
        let (mut plain, mut filtered) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(asking.seconds(None)?);
            filtered.push(asking.seconds(Some(&allowed))?);
        }
        let ratio = median(&plain).unwrap_or(0.0) / median(&filtered).unwrap_or(f64::NAN);
        bars.push(Bar::at_least(
            format!("QPS with {percent}% let through, over QPS without a filter"),
            ratio,
            "x",
            0.5,
        ));
    }
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
        }
    }

    fn recall(&self, allowed: &Bitmap) -> anyhow::Result<f64> {
        let (mut found, mut expected) = (0, 0);
        for query in self.data.measure.rows.iter().take(JUDGED) {
            let options = self.options(Some(allowed));
            let hits = self.index.search(&self.vectors, query, &options)?;
            let truth = exact(&self.vectors, self.index.rows(), query, K, Some(allowed));
            found += truth
                .iter()
                .filter(|best| hits.iter().any(|hit| hit.row == best.row))
                .count();
            expected += truth.len();
        }
        Ok(found as f64 / expected.max(1) as f64)
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
