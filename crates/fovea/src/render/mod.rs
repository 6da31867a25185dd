//! Everything the program prints: results on standard output, progress and words on standard error.
//!
//! Only here are there colours, JSON and terminal pictures.

mod ann;
mod bench;
mod duplicates;
mod explain;
mod facets;
mod filters;
mod forget;
mod indexes;
mod keys;
mod migrate;
mod models;
mod names;
mod overview;
mod pictures;
mod plan;
mod progress;
mod recommended;
mod report;
mod results;
mod scale;
mod train;
mod train_progress;
mod train_pseudo;
mod train_unfreeze;
mod train_visual;
mod transfer;
mod units;
mod vectors;

use std::io::{self, Write};
use std::net::SocketAddr;

use fovea_engine::SearchResult;

use ann::ann_bar_line;
pub use ann::{ann_bars, ann_bench, calibration, regressions};
pub use bench::{IngestBench, evaluation, ingest_bench, query_bench};
pub use duplicates::{Deduped, duplicates, duplicates_json};
pub use explain::{Explained, Map, Together, explained, explanation_json, together_json};
pub use facets::{facets, facets_json, tagged};
pub use filters::filters_bench;
pub use forget::{forgotten, forgotten_check, would_forget};
pub use indexes::indexes;
pub use keys::{key, keys};
pub use migrate::migration;
pub use models::{added, added_words, pack, packs, tuned};
pub use names::{ConceptCard, concept, concept_json, concepts, removed, saved, saved_list};
pub use overview::{Overview, check, overview};
pub use pictures::terminal_shows_pictures;
pub use plan::{PlanParts, guesses, plan};
pub use progress::{DedupeProgress, IndexProgress, PullProgress};
pub use recommended::recommended;
pub use report::{index_report, report_json};
pub use results::{
    Found, PlaceParts, RECIPROCAL_RANK, ResultStyle, corrections, found, fused, line_error,
    metric_of, milliseconds, query_error, results,
};
pub use scale::scale_plan;
pub use train::{classified, gathered, learnt, skipped, suggestions, sweep};
pub use train_progress::TrainProgress;
pub use train_visual::seen_alike;
pub use transfer::transferred;
pub use vectors::{
    ExportSummary, chosen_space, export_summary, import_report, result_heading, row_name,
};

use crate::settings::Settings;

/// Results that are named where none matches.
const NEAREST: usize = 3;

/// An error for a person: what happened first, causes after it.
pub fn error(error: &anyhow::Error) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Errors that are transparent over their cause would say everything twice.
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    anstream::eprintln!("{red}fovea:{red:#} {text}");
}

/// Said on standard error, so that an empty result stays empty.
pub fn nothing_found(settings: &Settings, n_items: u64, below: &[SearchResult]) {
    if settings.json {
        return;
    }
    let words = why_nothing(n_items, !below.is_empty());
    if below.is_empty() {
        anstream::eprintln!("{words}");
        return;
    }
    anstream::eprintln!("{words} The nearest are these; --top 10 shows more.");
    results::nearest(&below[..below.len().min(NEAREST)]);
}

/// Why a list is empty, in a sentence; `is_cut` says that what came nearest was left out of it.
pub fn why_nothing(n_items: u64, is_cut: bool) -> String {
    match (n_items, is_cut) {
        (0, _) => "Nothing is indexed here yet. Begin with `fovea index FOLDER`, or with `fovea import FILE` for vectors of your own.".to_owned(),
        (_, false) => format!("Nothing found among {n_items} items."),
        (_, true) => format!("Nothing among {n_items} items looks like that."),
    }
}

/// Where the server is reached, as soon as it is.
pub fn serving(settings: &Settings, scheme: &str, address: SocketAddr) -> anyhow::Result<()> {
    let url = format!("{scheme}://{address}");
    if settings.json {
        return print_json(&serde_json::json!({ "listening": url }));
    }
    writeln!(
        anstream::stdout(),
        "Fovea is at {} (Ctrl-C ends)",
        strong(&url)
    )?;
    Ok(anstream::stdout().flush()?)
}

/// Bold where the terminal can.
pub fn strong(text: &str) -> String {
    let bold = anstyle::Style::new().bold();
    format!("{bold}{text}{bold:#}")
}

/// How far a long measurement is, on standard error; lines, so that a log of it can be read.
pub fn note(settings: &Settings, words: &str) {
    if !settings.quiet {
        anstream::eprintln!("{words}");
    }
}

fn dim(text: &str) -> String {
    let dim = anstyle::Style::new().dimmed();
    format!("{dim}{text}{dim:#}")
}

/// One JSON value on a line of its own.
pub fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
