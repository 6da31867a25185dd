//! What `fovea bench filters` is made of: synthetic items (`data`), filters of every kind (`cases`), and the
//! measurement: what a filter costs when it is asked for the first time, and when its bitmap is kept.

mod cases;
mod data;

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use fovea_measure::{median, percentile};
use fovea_vectordb::{Database, Embedded, Filter, IndexChoice, OpenMode, Parts, VectorQuery};
use serde::Serialize;

use crate::bench_ann::Bar;
use cases::Case;

/// Searches by which a time is known, and those of each filter of a kind.
const QUERIES: u64 = 60;
const QUERIES_A_FILTER: u64 = 30;
/// Answers before these are not counted: they open the index and read it for the first time.
const WARM_UP: u64 = 40;
const TOP_K: usize = 10;

/// The promises: milliseconds of a filter's first use, and its cached time over the unfiltered one.
const FIRST_USE_MS: f64 = 150.0;
const RATIO: f64 = 2.0;

/// What was measured, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub data: &'static str,
    pub n_items: u64,
    pub dim: usize,
    pub index: String,
    pub unfiltered_p50_ms: f64,
    /// Each field's first filter in a process also loads it.
    pub loading: Vec<Loading>,
    pub kinds: Vec<Kind>,
    pub bars: Vec<Bar>,
    pub all_met: bool,
}

#[derive(Debug, Serialize)]
pub struct Loading {
    pub field: &'static str,
    pub ms: f64,
}

/// Filters of one kind, each with another value.
#[derive(Debug, Serialize)]
pub struct Kind {
    pub what: &'static str,
    /// Share of the items that they let through, the median.
    pub share: f64,
    /// The median of the filters' first searches.
    pub first_use_ms: f64,
    /// With the bitmap kept, and the unfiltered searches in turn with them.
    pub cached_p50_ms: f64,
    pub cached_p95_ms: f64,
    pub unfiltered_p50_ms: f64,
    pub ratio: f64,
}

/// Make the collection where it is not there, and measure.
pub fn run(
    folder: &Path,
    n_items: u64,
    index: &IndexChoice,
    say: &dyn Fn(&str),
) -> anyhow::Result<Measured> {
    let database = Embedded::open(folder, "filters", OpenMode::Create)?;
    data::fill(&database, n_items, say)?;
    if database.setting(IndexChoice::SETTING)?.as_deref() != Some(&index.to_string()) {
        database.set_setting(IndexChoice::SETTING, Some(&index.to_string()))?;
    }
    say("building the index where it is not there");
    database.build_indexes(&())?;
    // A process of its own, as far as the database goes.
    drop(database);
    let database = Embedded::open(folder, "filters", OpenMode::ReadOnly)?;
    let n_items = database.info()?.n_items;
    let bench = Bench {
        database: &database,
        n_asked: Cell::new(0),
    };
    say("unfiltered");
    for _ in 0..WARM_UP {
        bench.search(&Filter::All)?;
    }
    let unfiltered = (0..QUERIES).map(|_| bench.search(&Filter::All));
    let unfiltered = unfiltered.collect::<Result<Vec<f64>, _>>()?;
    say("loading fields");
    let loads = cases::fields().into_iter();
    let loading = loads.map(|(field, filter)| {
        let ms = bench.search(&filter)?;
        Ok(Loading { field, ms })
    });
    let loading = loading.collect::<anyhow::Result<Vec<Loading>>>()?;
    let mut kinds = Vec::new();
    for case in cases::all() {
        say(case.what);
        kinds.push(bench.kind(&case, n_items)?);
    }
    let bars = bars(&kinds);
    Ok(Measured {
        data: "SYNTHETIC items and vectors, drawn from a fixed seed",
        n_items,
        dim: data::DIM,
        index: index.to_string(),
        unfiltered_p50_ms: p50(&unfiltered)?,
        loading,
        kinds,
        all_met: bars.iter().all(Bar::is_met),
        bars,
    })
}

fn bars(kinds: &[Kind]) -> Vec<Bar> {
    let slowest = kinds
        .iter()
        .max_by(|a, b| a.first_use_ms.total_cmp(&b.first_use_ms));
    let worst = kinds.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let of = |kind: Option<&Kind>| kind.map_or("", |kind| kind.what);
    vec![
        Bar::at_most(
            format!(
                "first use of a filter, its field loaded; slowest: {}",
                of(slowest)
            ),
            slowest.map_or(f64::NAN, |kind| kind.first_use_ms),
            " ms",
            FIRST_USE_MS,
        ),
        Bar::at_most(
            format!(
                "time with the bitmap kept over the unfiltered; worst: {}",
                of(worst)
            ),
            worst.map_or(f64::NAN, |kind| kind.ratio),
            "",
            RATIO,
        ),
    ]
}

struct Bench<'a> {
    database: &'a Embedded,
    /// Queries that were asked: none is asked twice, or the second would find its rows in the cache.
    n_asked: Cell<u64>,
}

impl Bench<'_> {
    /// Milliseconds of one search.
    fn search(&self, filter: &Filter) -> anyhow::Result<f64> {
        let number = self.n_asked.get();
        self.n_asked.set(number + 1);
        // Numbers beyond all items: further draws of the same mixture.
        let vector = data::vector((1 << 40) + number);
        let started = Instant::now();
        self.database.search(&VectorQuery {
            pack: data::PACK,
            space: data::SPACE,
            vector: &vector,
            top_k: TOP_K,
            parts: Parts::default(),
            filter,
        })?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    }

    fn kind(&self, case: &Case, n_items: u64) -> anyhow::Result<Kind> {
        let first = case.filters.iter().map(|filter| self.search(filter));
        let first = first.collect::<Result<Vec<f64>, _>>()?;
        let (mut cached, mut unfiltered) = (Vec::new(), Vec::new());
        let mut shares = Vec::new();
        for filter in &case.filters {
            // In turn, so that whatever else the machine does is in both.
            for _ in 0..QUERIES_A_FILTER {
                unfiltered.push(self.search(&Filter::All)?);
                cached.push(self.search(filter)?);
            }
            shares.push(self.database.count(filter)? as f64 / n_items as f64);
        }
        let (cached_p50, unfiltered_p50) = (p50(&cached)?, p50(&unfiltered)?);
        Ok(Kind {
            what: case.what,
            share: median(&shares).context("a case without a filter")?,
            first_use_ms: median(&first).context("nothing was measured")?,
            cached_p50_ms: cached_p50,
            cached_p95_ms: percentile(&cached, 95.0).context("nothing was measured")?,
            unfiltered_p50_ms: unfiltered_p50,
            ratio: cached_p50 / unfiltered_p50,
        })
    }
}

fn p50(times_ms: &[f64]) -> anyhow::Result<f64> {
    median(times_ms).context("nothing was measured")
}
