//! What `fovea train visual` learnt: how well alike pictures are found by features and by the projection.

use std::io::Write;
use std::time::Duration;

use fovea_encode::models::PackInfo;
use fovea_engine::Skipped;
use fovea_train::visual::{Outcome, Similar};
use serde_json::json;

use super::results::round;
use super::train::{is_made, skipped_json};
use super::units::{counted, duration};
use super::{dim, print_json};
use crate::settings::Settings;

/// One number of what was measured.
type Measure = fn(&Similar) -> f64;

/// Mean average precision before and after, and the pack that was made.
pub fn seen_alike(
    settings: &Settings,
    skipped: &[Skipped],
    outcome: &Outcome,
    made: Option<&PackInfo>,
    took: Duration,
) -> anyhow::Result<()> {
    let (n_train, n_choose, n_measured) = outcome.sides;
    if settings.json {
        let of = |similar: &Similar| {
            json!({
                "copies": round(similar.same_image, 1e4),
                "same_folder": round(similar.same_folder, 1e4),
                "mean": round(similar.score(), 1e4),
            })
        };
        return print_json(&json!({
            "pack": made.map(|made| &made.spec.name),
            "fingerprint": made.map(|made| &made.spec.fingerprint),
            "n_train": n_train,
            "n_chosen_by": n_choose,
            "n_held_out": n_measured,
            "best_epoch": outcome.best_epoch,
            "alike": round(f64::from(outcome.alike), 1e4),
            "map": {"features": of(&outcome.raw), "start": of(&outcome.before), "trained": of(&outcome.after)},
            "skipped": skipped_json(skipped),
            "took_s": round(took.as_secs_f64(), 1e3),
        }));
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "Learnt of {}, epoch {} chosen by {n_choose}, measured on {n_measured} others {}",
        counted(n_train as u64, "image"),
        outcome.best_epoch,
        dim(&format!("({})", duration(took)))
    )?;
    let head = format!(
        "{:<40} {:>8} {:>8} {:>8}",
        "mean average precision", "features", "start", "trained"
    );
    writeln!(out, "{}", dim(&head))?;
    let of: [(&str, Measure); 3] = [
        ("altered copies of the same picture", |of| of.same_image),
        ("other pictures of the same folder", |of| of.same_folder),
        ("both", Similar::score),
    ];
    for (name, of) in of {
        let [raw, before, after] = [&outcome.raw, &outcome.before, &outcome.after].map(of);
        writeln!(out, "{name:<40} {raw:>8.3} {before:>8.3} {after:>8.3}")?;
    }
    let alike = format!(
        "Two pictures are shots of one thing from a cosine of {:.3} on (fovea dedupe --similar={:.3})",
        outcome.alike, outcome.alike
    );
    writeln!(out, "{}", dim(&alike))?;
    match made {
        Some(made) => is_made(&mut out, made, "moves the collection to it"),
        None => Ok(()),
    }
}
