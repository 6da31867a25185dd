//! `fovea bench`: numbers of this machine, measured in this process.

use std::path::Path;
use std::time::{Duration, Instant};

use fovea_engine::{
    CaptionChoice, Engine, IndexOptions, Query, SearchOptions, Silent, measure_stages,
};
use fovea_measure::Latency;

use crate::bench_ann::Bar;
use crate::commands::search::{next_line, open_queries};
use crate::commands::{
    bench_ann, bench_cut, bench_dedupe, bench_encode, bench_filters, bench_regions,
};
use crate::exit::{Exit, Refusal};
use crate::flags::{BenchCommand, BenchFlags};
use crate::render::{self, IngestBench};
use crate::settings::Settings;
use crate::{bench_explain, bench_hybrid, bench_migrate, bench_milvus, bench_serve};

/// Answers before this many are not counted: they read the database and the model for the first time.
const WARM_UP: usize = 20;

pub fn run(settings: &Settings, flags: BenchFlags) -> anyhow::Result<Exit> {
    match flags.what {
        BenchCommand::Ingest { path, threads } => ingest(settings, &path, threads),
        BenchCommand::Query { queries, rounds } => query(settings, &queries, rounds),
        BenchCommand::Cut { fit, head } => bench_cut::run(settings, fit, head.as_deref()),
        BenchCommand::Concepts => bars(settings, "concepts", bench_explain::concepts),
        BenchCommand::Heat => bars(settings, "heat", bench_explain::heat),
        BenchCommand::Hybrid { fit: false } => bars(settings, "hybrid", bench_hybrid::measure),
        BenchCommand::Hybrid { fit: true } => bars(settings, "hybrid of others", bench_hybrid::fit),
        BenchCommand::Tags { fit: false } => bars(settings, "tags", bench_hybrid::tags),
        BenchCommand::Tags { fit: true } => {
            let say = |words: &str| render::note(settings, words);
            let found = bench_hybrid::fit_tags(settings, &say)?;
            render::regressions(settings, &[("tags", &found)])?;
            Ok(Exit::Done)
        }
        BenchCommand::Regions { clips } => bench_regions::run(settings, clips),
        BenchCommand::Serve { queries } => bars(settings, "serve", |settings, say| {
            bench_serve::measure(settings, &queries, say)
        }),
        BenchCommand::Migrate { items } => bars(settings, "migrate", |settings, say| {
            bench_migrate::measure(settings, items, say)
        }),
        BenchCommand::Filters { items, index } => bench_filters::run(settings, items, &index),
        BenchCommand::Milvus { items } => bars(settings, "milvus", |settings, say| {
            bench_milvus::measure(settings, items, say)
        }),
        BenchCommand::Plan(flags) if flags.copy => {
            render::print_json(&serde_json::json!(crate::plan::copied(settings)?))?;
            Ok(Exit::Done)
        }
        BenchCommand::Plan(flags) => bars(settings, "plan", |settings, say| {
            crate::plan::measure(settings, &flags, say)
        }),
        BenchCommand::Encode {
            model,
            threads,
            count,
        } => bench_encode::run(settings, &model, threads, count),
        BenchCommand::Dedupe(flags) => bench_dedupe::run(settings, &flags),
        BenchCommand::Ann(flags) => bench_ann::run(settings, flags),
    }
}

/// Promises, and whether they are kept.
fn bars(
    settings: &Settings,
    name: &str,
    measure: impl Fn(&Settings, &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>>,
) -> anyhow::Result<Exit> {
    let say = |words: &str| render::note(settings, words);
    let bars = measure(settings, &say)?;
    Ok(match render::ann_bars(settings, name, &bars)? {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}

/// Both measurements write into databases of their own, which are thrown away: nothing is ever warm from a run before.
fn ingest(settings: &Settings, folder: &Path, threads: Option<usize>) -> anyhow::Result<Exit> {
    let mut options = IndexOptions {
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    options.n_workers = threads.unwrap_or(options.n_workers).max(1);
    let (scratch, engine) = scratch_engine(settings)?;
    warm_up(&engine, folder, &options)?;
    drop(scratch);
    let (scratch, engine) = scratch_engine(settings)?;
    let stages = measure_stages(&engine, folder, &options)?;
    drop(scratch);
    let (scratch, engine) = scratch_engine(settings)?;
    let report = engine.index(&[folder.to_owned()], &options, &Silent)?;
    drop(scratch);
    if stages.n_images == 0 {
        return Err(
            Refusal::input(format!("{}: no image to measure with", folder.display())).into(),
        );
    }
    render::ingest_bench(
        settings,
        &IngestBench {
            stages,
            report,
            n_workers: options.n_workers,
        },
    )?;
    Ok(Exit::Done)
}

fn scratch_engine(settings: &Settings) -> anyhow::Result<(tempfile::TempDir, Engine)> {
    let scratch = tempfile::tempdir()?;
    let settings = Settings {
        folder: scratch.path().join("db"),
        server: None,
        ..settings.clone()
    };
    let engine = settings.open_for_writing()?;
    Ok((scratch, engine))
}

/// The files come from the disk once and the model is loaded once, for both measurements alike.
fn warm_up(engine: &Engine, folder: &Path, options: &IndexOptions) -> anyhow::Result<()> {
    engine.index(&[folder.to_owned()], options, &Silent)?;
    Ok(())
}

fn query(settings: &Settings, file: &Path, rounds: usize) -> anyhow::Result<Exit> {
    let mut lines = open_queries(file)?;
    let mut queries = Vec::new();
    while let Some(line) = next_line(&mut *lines, file)? {
        if !line.trim().is_empty() {
            queries.push(Query::words(&line)?);
        }
    }
    if queries.is_empty() {
        return Err(Refusal::input(format!("{}: no query to measure with", file.display())).into());
    }
    let engine = settings.open_for_reading()?;
    // As the command line asks.
    let options = SearchOptions {
        judge: true,
        ..SearchOptions::default()
    };
    for query in queries.iter().cycle().take(WARM_UP) {
        engine.search(query, &options)?;
    }
    let mut times_ms = Vec::with_capacity(queries.len() * rounds);
    for query in queries.iter().cycle().take(queries.len() * rounds.max(1)) {
        let started = Instant::now();
        engine.search(query, &options)?;
        times_ms.push(millis(started.elapsed()));
    }
    let latency = Latency::of(&times_ms).ok_or_else(|| Refusal::input("nothing was measured"))?;
    render::query_bench(settings, engine.database().info()?.n_items, &latency)?;
    Ok(Exit::Done)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
