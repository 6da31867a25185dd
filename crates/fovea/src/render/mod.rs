//! Everything the program prints: results on standard output, progress and words on standard error.
//!
//! Only here are there colours, JSON and terminal pictures.

mod ann;
mod bench;
mod explain;
mod facets;
mod filters;
mod indexes;
mod models;
mod names;
mod overview;
mod pictures;
mod plan;
mod progress;
mod report;
mod results;
mod units;
mod vectors;

use std::io::{self, Write};

use fovea_engine::SearchResult;

use ann::ann_bar_line;
pub use ann::{ann_bars, ann_bench, calibration};
pub use bench::{IngestBench, evaluation, ingest_bench, query_bench};
pub use explain::{Explained, Map, explained};
pub use facets::facets;
pub use filters::filters_bench;
pub use indexes::indexes;
pub use models::{pack, packs};
pub use names::{ConceptCard, concept, concepts, removed, saved, saved_list};
pub use overview::{Overview, check, overview};
pub use pictures::terminal_shows_pictures;
pub use plan::{guesses, plan};
pub use progress::{IndexProgress, PullProgress};
pub use report::index_report;
pub use results::{ResultStyle, line_error, query_error, results};
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
    match n_items {
        0 => anstream::eprintln!(
            "Nothing is indexed here yet. Begin with `fovea index FOLDER`, or with `fovea import FILE` for vectors of your own."
        ),
        _ if below.is_empty() => anstream::eprintln!("Nothing found among {n_items} items."),
        _ => {
            anstream::eprintln!(
                "Nothing among {n_items} items looks like that. The nearest are these; --top 10 shows more."
            );
            results::nearest(&below[..below.len().min(NEAREST)]);
        }
    }
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
fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
