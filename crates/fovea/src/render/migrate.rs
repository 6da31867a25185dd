//! What a migration did, and what it changed in saved searches.

use std::io::Write;

use fovea_engine::{Comparison, Migration};
use serde_json::{Value, json};

use super::results::round;
use super::units::{counted, duration};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// `stays` where the collection was to keep its pack.
pub fn migration(
    settings: &Settings,
    done: &Migration,
    to: &str,
    stays: bool,
) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(done, to));
    }
    let mut out = anstream::stdout().lock();
    let sources = [
        (done.n_from_features, "from kept features"),
        (done.n_from_previews, "from previews"),
        (done.n_from_originals, "from originals"),
        (done.n_known, "there already"),
    ];
    let sources = sources.iter().filter(|(n, _)| *n > 0);
    let sources: Vec<String> = sources
        .map(|(n, what)| format!("{} {what}", counted(*n, "image")))
        .collect();
    writeln!(out, "{}", outcome(settings, done, to, stays))?;
    if !sources.is_empty() {
        writeln!(out, "  {}", sources.join(", "))?;
    }
    if done.n_captions > 0 {
        writeln!(out, "  {}", counted(done.n_captions, "caption"))?;
    }
    if done.n_left > 0 && (done.is_moved || stays) {
        let left = counted(done.n_left, "image");
        writeln!(
            out,
            "  {left} could not be read again; fovea index says why"
        )?;
    }
    for one in &done.comparisons {
        writeln!(out, "  {}", compared(one))?;
    }
    if done.is_moved {
        let back = format!("fovea migrate-model --back returns to {}", name_of(done));
        writeln!(out, "{}", dim(&back))?;
    }
    Ok(())
}

fn name_of(done: &Migration) -> &str {
    done.from.as_ref().map_or("", |pack| &pack.name)
}

/// In one sentence.
fn outcome(settings: &Settings, done: &Migration, to: &str, stays: bool) -> String {
    let (from, took) = (name_of(done), duration(done.elapsed));
    let took = dim(&format!("({took})"));
    match (done.interrupted, stays, done.is_moved) {
        (true, ..) => format!(
            "Stopped; the collection keeps {from}, and the next run goes on where this one ended."
        ),
        (_, true, _) => format!(
            "{} keeps {from}; fovea search --with {} asks both {took}",
            settings.collection,
            strong(to)
        ),
        (_, _, true) => format!(
            "{} is now searched with {} {took}",
            settings.collection,
            strong(to)
        ),
        _ => format!(
            "{} of which {to} has nothing to derive from: the collection keeps {from}. fovea index finds out what became of \
             them; --leave-behind moves without them.",
            counted(done.n_left, "picture")
        ),
    }
}

fn compared(one: &Comparison) -> String {
    let kept = (one.overlap() * one.before.len() as f64).round();
    format!(
        "@{}  {} of {} results stay  {}",
        one.name,
        kept,
        one.before.len(),
        dim(&one.query)
    )
}

fn as_json(done: &Migration, to: &str) -> Value {
    let comparisons = done.comparisons.iter().map(|one| {
        json!({
            "name": one.name,
            "query": one.query,
            "overlap": round(one.overlap(), 1e4),
            "before": one.before,
            "after": one.after,
        })
    });
    json!({
        "from": done.from.as_ref().map(|pack| &pack.name),
        "to": to,
        "interrupted": done.interrupted,
        "moved": done.is_moved,
        "images": {
            "from_features": done.n_from_features,
            "from_previews": done.n_from_previews,
            "from_originals": done.n_from_originals,
            "known": done.n_known,
            "left": done.n_left,
        },
        "captions": done.n_captions,
        "saved": comparisons.collect::<Vec<_>>(),
        "took_s": round(done.elapsed.as_secs_f64(), 1e3),
    })
}
