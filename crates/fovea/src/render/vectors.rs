//! What went in and out as files of vectors.

use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_engine::vectors::{AskedSpace, Exported, ExportedRow, ImportReport};
use fovea_vectordb::Metric;
use fovea_vectordb::exchange::FileKind;
use serde_json::{Value, json};

use super::results::ResultStyle;
use super::units::{bytes, count, counted, duration};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// What a metric is called in a sentence.
pub fn metric_words(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "cosine",
        Metric::InnerProduct => "inner product",
        Metric::L2 => "Euclidean distance",
    }
}

pub fn import_report(settings: &Settings, report: &ImportReport) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&import_json(report));
    }
    if settings.quiet {
        return Ok(());
    }
    let mut out = anstream::stderr().lock();
    let counts = [
        (report.added, "added"),
        (report.updated, "updated"),
        (report.removed, "removed"),
        (report.unchanged, "unchanged"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    let counts = if counts.is_empty() {
        "no vectors here".to_owned()
    } else {
        counts.join(", ")
    };
    writeln!(out, "{} in {}", strong(&counts), duration(report.elapsed))?;
    let (numbers, metric) = (
        counted(report.dim as u64, "number"),
        metric_words(report.metric),
    );
    let kind = report.kind;
    let facts = format!(
        "{kind} · {} · {numbers} each · compared by {metric}",
        counted(report.n_rows, "row")
    );
    writeln!(out, "{}", dim(&facts))?;
    if report.n_captions > 0 {
        let texts = match report.n_texts {
            0 => String::new(),
            _ => ", with their vectors".to_owned(),
        };
        writeln!(
            out,
            "{}",
            dim(&format!("{}{texts}", counted(report.n_captions, "caption")))
        )?;
    }
    if report.n_wordless > 0 {
        let vectors = counted(report.n_wordless, "vector");
        writeln!(
            out,
            "{}",
            dim(&format!("{vectors} of texts without their words left out"))
        )?;
    }
    if report.interrupted {
        writeln!(
            out,
            "Interrupted. What is done is kept; the same command goes on from here."
        )?;
    }
    Ok(())
}

fn import_json(report: &ImportReport) -> Value {
    json!({
        "path": report.path.to_string_lossy(),
        "kind": report.kind.to_string(),
        "dim": report.dim,
        "metric": report.metric.name(),
        "rows": report.n_rows,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "captions": report.n_captions,
        "caption_vectors": report.n_texts,
        "wordless_text_vectors": report.n_wordless,
        "interrupted": report.interrupted,
        "elapsed_s": report.elapsed.as_secs_f64(),
    })
}

/// What an export wrote, noted before the numbers are given away.
pub struct ExportSummary {
    out: PathBuf,
    kind: FileKind,
    names: Option<PathBuf>,
    n_rows: u64,
    dim: usize,
    space: String,
    metric: Metric,
    with_texts: bool,
}

impl ExportSummary {
    pub fn of(out: &Path, kind: FileKind, names: Option<&Path>, exported: &Exported) -> Self {
        Self {
            out: out.to_owned(),
            kind,
            names: names.map(Path::to_owned),
            n_rows: exported.rows.len() as u64,
            dim: exported.matrix.dim,
            space: exported.space.name.clone(),
            metric: exported.space.metric,
            with_texts: exported.texts.is_some(),
        }
    }
}

pub fn export_summary(settings: &Settings, summary: &ExportSummary) -> anyhow::Result<()> {
    let ExportSummary {
        out: path, names, ..
    } = summary;
    if settings.json {
        return print_json(&json!({
            "path": path.to_string_lossy(),
            "names": names.as_ref().map(|names| names.to_string_lossy()),
            "kind": summary.kind.to_string(),
            "space": summary.space,
            "metric": summary.metric.name(),
            "rows": summary.n_rows,
            "dim": summary.dim,
            "with_texts": summary.with_texts,
        }));
    }
    if settings.quiet {
        return Ok(());
    }
    let mut out = anstream::stderr().lock();
    let (vectors, numbers) = (
        counted(summary.n_rows, "vector"),
        counted(summary.dim as u64, "number"),
    );
    let size = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file);
    let size = size.map_or(String::new(), |found| format!(" · {}", bytes(found.len())));
    writeln!(out, "{} in {}{size}", strong(&vectors), path.display())?;
    let (space, metric) = (&summary.space, metric_words(summary.metric));
    let texts = if summary.with_texts {
        ", with vectors of captions"
    } else {
        ""
    };
    writeln!(
        out,
        "{}",
        dim(&format!(
            "space `{space}` · {numbers} each · made for {metric}{texts}"
        ))
    )?;
    if let Some(names) = names {
        writeln!(
            out,
            "{}",
            dim(&format!("names of the rows: {}", names.display()))
        )?;
    }
    Ok(())
}

/// The line of a row in the file of names.
pub fn row_name(row: usize, named: &ExportedRow) -> Value {
    let mut line = json!({
        "row": row,
        "item": named.item.to_string(),
        "path": named.path.to_string_lossy(),
    });
    if let Some(caption) = &named.caption {
        line["caption"] = json!(caption);
    }
    line
}

/// Said on standard error where several spaces have vectors as long as the query's.
pub fn chosen_space(settings: &Settings, asked: &AskedSpace) {
    if !settings.quiet && !settings.json {
        let (space, others) = (&asked.space.name, asked.others.join("` and `"));
        let note =
            format!("Looking in space `{space}`; `{others}` would fit as well, say --space NAME.");
        anstream::eprintln!("{}", dim(&note));
    }
}

/// Which query the lines below answer, where there are several.
pub fn result_heading(
    out: &mut dyn Write,
    query: &str,
    style: &ResultStyle,
) -> std::io::Result<()> {
    match style {
        ResultStyle::Table { .. } => writeln!(out, "{query}"),
        ResultStyle::Json | ResultStyle::Paths { .. } => Ok(()),
    }
}
