//! `fovea bench ann --bars`: what is promised of indexes beside speed at a recall, each number with what it must be.

mod churn;
mod filters;
mod scan;

use std::path::Path;

use fovea_index::{BuildOptions, Index, Metric, SearchOptions, Vectors, Work, f16};
use fovea_vectordb::exchange::Matrix;
use serde::Serialize;

use super::dataset::{Asked, Card, DataSet, Kind};
use super::measure::K;
use super::run::start_peers;

/// The family that the database picks.
const FAMILY: &str = "vamana";
/// The recall at which promises hold.
const RECALL: f64 = 0.95;

/// One promise, kept or not.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    pub what: String,
    pub found: f64,
    pub unit: &'static str,
    pub must: f64,
    /// Whether `found` must be at most, not at least, `must`.
    pub at_most: bool,
}

impl Bar {
    pub fn at_least(what: impl Into<String>, found: f64, unit: &'static str, must: f64) -> Bar {
        Bar {
            what: what.into(),
            found,
            unit,
            must,
            at_most: false,
        }
    }

    pub fn at_most(what: impl Into<String>, found: f64, unit: &'static str, must: f64) -> Bar {
        Bar {
            at_most: true,
            ..Bar::at_least(what, found, unit, must)
        }
    }

    pub fn is_met(&self) -> bool {
        if self.at_most {
            self.found <= self.must
        } else {
            self.found >= self.must
        }
    }
}

/// Measures all promises on one data set.
pub fn run(folder: &Path, card: Card, kind: Kind, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let peers = start_peers(folder, &card, say)?;
    let data = DataSet::open(folder, card, kind)?;
    say("exact scan, in turns with a plain read loop and Faiss");
    let mut bars = scan::measure(&data, &peers)?;
    drop(peers);
    let base = Halves::of(&data.base);
    say("building the graph");
    let index = base.build(&data)?;
    say("filters");
    bars.extend(filters::measure(&data, &base, &*index)?);
    drop(index);
    say("deleting half and inserting as much: two more graphs");
    bars.extend(churn::measure(&data, &base)?);
    Ok(bars)
}

/// Rows as the database keeps them.
struct Halves {
    dim: usize,
    numbers: Vec<f16>,
}

impl Halves {
    fn of(rows: &Matrix) -> Halves {
        Halves {
            dim: rows.dim,
            numbers: rows.numbers.iter().map(|&x| f16::from_f32(x)).collect(),
        }
    }

    fn vectors(&self) -> anyhow::Result<Vectors<'_>> {
        Ok(Vectors::of_f16(self.dim, Metric::Cosine, &self.numbers)?)
    }

    /// The default index over all rows.
    fn build(&self, data: &DataSet) -> anyhow::Result<Box<dyn Index>> {
        let queries = data.build.as_ref();
        let queries = queries.map(|rows| Vectors::of_f32(rows.dim, Metric::Cosine, &rows.numbers));
        let options = BuildOptions {
            queries: queries.transpose()?,
            work: work(),
            ..BuildOptions::default()
        };
        Ok((fovea_index::family(FAMILY)?.build)(
            &self.vectors()?,
            &options,
        )?)
    }
}

/// All cores.
fn work() -> Work<'static> {
    Work {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..Work::default()
    }
}

/// The least effort that reaches the recall on the queries to tune with.
fn tuned(index: &dyn Index, vectors: &Vectors<'_>, tune: &Asked) -> anyhow::Result<u32> {
    let efforts = index.efforts();
    for &effort in &efforts {
        if recall(index, vectors, tune, effort)? >= RECALL {
            return Ok(effort);
        }
    }
    Ok(efforts.last().copied().unwrap_or(0))
}

/// Recall against answers that are exact for the rows.
fn recall(
    index: &dyn Index,
    vectors: &Vectors<'_>,
    asked: &Asked,
    effort: u32,
) -> anyhow::Result<f64> {
    let options = SearchOptions {
        k: K,
        effort,
        allowed: None,
        gathered: None,
    };
    let mut found = 0;
    for (at, query) in asked.rows.iter().enumerate() {
        let truth = &asked.truth.of(at)[..K];
        let hits = index.search(vectors, query, &options)?;
        found += hits
            .iter()
            .filter(|hit| truth.contains(&(hit.row as i32)))
            .count();
    }
    Ok(found as f64 / (K * asked.rows.rows()) as f64)
}
