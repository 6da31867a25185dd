//! What training did: pairs, a sweep's table, and recall before and after.

use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_encode::models::PackInfo;
use fovea_engine::Skipped;
use fovea_engine::pairs::GatheredPairs;
use fovea_train::classify::Outcome;
use fovea_train::report::{Language, Measure};
use fovea_train::suggest::Suggestion;
use fovea_train::sweep::{Fate, Row, Sweep};
use serde_json::{Value, json};

use super::results::{printable, round};
use super::train_pseudo::{grown_json, say_grown};
use super::train_unfreeze::{moved_json, say_moved};
use super::units::{counted, duration};
use super::{dim, print_json, strong};
use crate::commands::train::{Gathered, Learnt, Taught, languages};
use crate::settings::Settings;

/// Files that are named, of those that could not be used.
const NAMED: usize = 5;

/// What there is to learn from, and what was no use.
pub fn gathered(settings: &Settings, images: &GatheredPairs) {
    if settings.json || settings.quiet {
        return;
    }
    let captions: usize = images.images.iter().map(|image| image.captions.len()).sum();
    let n_images = images.images.len() as u64;
    anstream::eprintln!(
        "{} with {}",
        counted(n_images, "image"),
        counted(captions as u64, "caption")
    );
    if images.n_without_caption > 0 {
        anstream::eprintln!(
            "{} without a caption",
            counted(images.n_without_caption, "image")
        );
    }
    if images.n_not_spoken > 0 {
        anstream::eprintln!(
            "{} in languages that the text encoder does not know",
            counted(images.n_not_spoken, "caption")
        );
    }
    skipped(settings, &images.skipped);
}

/// Files that could not be used, the first by name.
pub fn skipped(settings: &Settings, skipped: &[Skipped]) {
    if settings.json || settings.quiet || skipped.is_empty() {
        return;
    }
    anstream::eprintln!(
        "{} could not be used:",
        counted(skipped.len() as u64, "image")
    );
    for one in skipped.iter().take(NAMED) {
        anstream::eprintln!(
            "  {}: {}",
            printable(&one.path),
            printable(Path::new(&one.reason))
        );
    }
}

/// How well labels are told, and the pack that knows them.
pub fn classified(
    settings: &Settings,
    labels: &[String],
    skipped: &[Skipped],
    taught: &Taught,
    made: &PackInfo,
) -> anyhow::Result<()> {
    let outcome = &taught.outcome;
    if settings.json {
        let mut answer = classified_json(labels, skipped, outcome, made);
        if let Some(grown) = &taught.grown {
            answer["pseudo_labels"] = grown_json(grown);
        }
        if let Some(moved) = &taught.moved {
            answer["unfrozen"] = moved_json(moved);
        }
        return print_json(&answer);
    }
    let scores = &outcome.scores;
    let named = labels.iter().zip(&scores.classes);
    let mut out = anstream::stdout().lock();
    let widest = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(5, 40);
    writeln!(
        out,
        "{}",
        dim(&format!(
            "{:<widest$} {:>9} {:>9} {:>9}",
            "label", "precision", "recall", "held out"
        ))
    )?;
    for (label, of) in named {
        let label = printable(Path::new(label));
        writeln!(
            out,
            "{label:<widest$} {:>9.3} {:>9.3} {:>9}",
            of.precision, of.recall, of.support
        )?;
    }
    writeln!(
        out,
        "Learnt of {}, measured on {} others: accuracy {:.3}, macro F1 {:.3}, calibration error {:.3}",
        counted(outcome.sides.0 as u64, "image"),
        outcome.sides.1,
        scores.accuracy,
        scores.macro_f1,
        scores.calibration_error
    )?;
    if let Some(grown) = &taught.grown {
        say_grown(&mut out, grown)?;
    }
    if let Some(moved) = &taught.moved {
        say_moved(&mut out, moved)?;
    }
    is_made(&mut out, made, "tags the collection with it")
}

/// Where the pack is, and what moving to it does.
pub fn is_made(out: &mut impl Write, made: &PackInfo, does: &str) -> anyhow::Result<()> {
    let name = &made.spec.name;
    writeln!(out, "{} is in {}", strong(name), made.dir.display())?;
    let next = format!("fovea migrate-model --to {name} {does}");
    Ok(writeln!(out, "{}", dim(&next))?)
}

/// Pictures whose label would help, the most helpful first.
pub fn suggestions(
    settings: &Settings,
    labels: &[String],
    found: &[(PathBuf, Suggestion)],
) -> anyhow::Result<()> {
    if settings.json {
        let all = found.iter().map(|(path, one)| {
            let class = |(class, probability): (usize, f32)| {
                json!({"label": labels.get(class), "probability": round(f64::from(probability), 1e4)})
            };
            json!({
                "path": path.to_string_lossy(),
                "uncertainty": round(one.uncertainty, 1e4),
                "distance": round(one.distance, 1e4),
                "likely": [class(one.best), class(one.second)],
            })
        });
        return print_json(&all.collect());
    }
    let mut out = anstream::stdout().lock();
    for (path, one) in found {
        writeln!(
            out,
            "{}  {}",
            printable(path),
            dim(&printable(Path::new(&one.reason(labels))))
        )?;
    }
    Ok(())
}

fn classified_json(
    labels: &[String],
    skipped: &[Skipped],
    outcome: &Outcome,
    made: &PackInfo,
) -> Value {
    let scores = &outcome.scores;
    let named = labels.iter().zip(&scores.classes);
    let classes = named.map(|(label, of)| {
        json!({
            "label": label,
            "precision": round(of.precision, 1e4),
            "recall": round(of.recall, 1e4),
            "f1": round(of.f1, 1e4),
            "held_out": of.support,
        })
    });
    json!({
        "pack": made.spec.name,
        "fingerprint": made.spec.fingerprint,
        "n_train": outcome.sides.0,
        "n_held_out": outcome.sides.1,
        "accuracy": round(scores.accuracy, 1e4),
        "macro_f1": round(scores.macro_f1, 1e4),
        "calibration_error": round(scores.calibration_error, 1e4),
        "labels": classes.collect::<Vec<_>>(),
        "confusion": scores.confusion,
        "skipped": skipped_json(skipped),
    })
}

pub fn skipped_json(skipped: &[Skipped]) -> Vec<Value> {
    let of = |one: &Skipped| json!({"path": one.path.to_string_lossy(), "reason": one.reason});
    skipped.iter().map(of).collect()
}

/// One row for each candidate, the best first.
pub fn sweep(settings: &Settings, found: &Sweep) -> anyhow::Result<()> {
    if settings.json || settings.quiet {
        return Ok(());
    }
    let mut rows: Vec<(usize, &Row)> = found.rows.iter().enumerate().collect();
    rows.sort_by(|(_, a), (_, b)| {
        let by_epochs = b.epochs.cmp(&a.epochs);
        by_epochs
            .then(b.score.0.total_cmp(&a.score.0))
            .then(b.score.1.total_cmp(&a.score.1))
    });
    let mut out = anstream::stderr().lock();
    let head = format!(
        "{:>8} {:<8} {:>7} {:>11} {:>7}  {:>6} {:>6}",
        "rate", "loss", "hidden", "temperature", "epochs", "R@10", "MRR"
    );
    writeln!(out, "{}", dim(&head))?;
    for (at, row) in rows {
        let options = &row.options;
        let hidden = options
            .hidden
            .map_or("linear".to_owned(), |hidden| hidden.to_string());
        let line = format!(
            "{:>8} {:<8} {hidden:>7} {:>11} {:>7}  {:>6.3} {:>6.3}  {}",
            format!("{:.0e}", options.learning_rate),
            format!("{:?}", options.loss).to_lowercase(),
            options.temperature,
            row.epochs,
            row.score.0,
            row.score.1,
            fate(&row.fate),
        );
        let line = line.trim_end();
        writeln!(
            out,
            "{}",
            if at == found.best {
                strong(line)
            } else {
                line.to_owned()
            }
        )?;
    }
    Ok(())
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Halved(_) | Fate::Finished => String::new(),
        Fate::Diverged(cause) => cause.clone(),
        Fate::OutOfTime => "out of time".to_owned(),
    }
}

/// Recall before and after, and the pack that was made.
pub fn learnt(
    settings: &Settings,
    gathered: &Gathered,
    learnt: &Learnt,
    made: Option<&PackInfo>,
) -> anyhow::Result<()> {
    let languages = languages(learnt);
    if settings.json {
        return print_json(&as_json(gathered, learnt, &languages, made));
    }
    let outcome = &learnt.outcome;
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "Learnt of {}, measured on {} others; epoch {} of {} was best {}",
        counted(outcome.split.train.len() as u64, "image"),
        outcome.split.validation.len(),
        outcome.best_epoch,
        outcome.epochs,
        dim(&format!("({})", duration(learnt.took)))
    )?;
    let head = format!(
        "{:<9} {:>7}  {:<24} {:<24} {:<24}",
        "language", "queries", "R@1", "R@10", "MRR"
    );
    writeln!(out, "{}", dim(head.trim_end()))?;
    for language in &languages {
        let cells: Vec<String> = language.measures.iter().map(cell).collect();
        let line = format!(
            "{:<9} {:>7}  {}",
            language.name,
            language.n_queries,
            cells.join(" ")
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(
        out,
        "{}",
        dim(
            "before and after, in brackets the difference with 95% confidence, by paired bootstrap"
        )
    )?;
    match made {
        Some(made) => is_made(&mut out, made, "moves the collection to it"),
        None => Ok(()),
    }
}

fn cell(measure: &Measure) -> String {
    let interval = &measure.paired.difference.interval;
    let text = format!(
        "{:.3} {:.3} [{:+.3} {:+.3}]",
        measure.before.value, measure.after.value, interval.low, interval.high
    );
    format!("{text:<24}")
}

fn as_json(
    gathered: &Gathered,
    learnt: &Learnt,
    languages: &[Language],
    made: Option<&PackInfo>,
) -> Value {
    let outcome = &learnt.outcome;
    let measure = |measure: &Measure| {
        let interval = &measure.paired.difference.interval;
        let numbers = json!({
            "before": round(measure.before.value, 1e4),
            "after": round(measure.after.value, 1e4),
            "difference": [round(interval.low, 1e4), round(interval.high, 1e4)],
        });
        (measure.name.clone(), numbers)
    };
    let languages = languages.iter().map(|language| {
        let mut of: serde_json::Map<String, Value> =
            language.measures.iter().map(measure).collect();
        of.insert("n_queries".into(), json!(language.n_queries));
        (language.name.clone(), Value::Object(of))
    });
    json!({
        "pack": made.map(|made| &made.spec.name),
        "fingerprint": made.map(|made| &made.spec.fingerprint),
        "n_train": outcome.split.train.len(),
        "n_held_out": outcome.split.validation.len(),
        "n_captions": outcome.census.captions,
        "n_unknown_language": gathered.images.n_not_spoken + outcome.census.zero_captions as u64,
        "n_without_caption": gathered.images.n_without_caption,
        "skipped": skipped_json(&gathered.images.skipped),
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "languages": languages.collect::<serde_json::Map<_, _>>(),
        "took_s": round(learnt.took.as_secs_f64(), 1e3),
    })
}
