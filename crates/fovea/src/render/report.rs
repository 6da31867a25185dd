//! What an index run did.

use std::io::Write;

use fovea_engine::IndexReport;
use serde_json::json;

use super::units::{count, counted, duration};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// So many skipped files are listed; `fovea stats` shows the rest.
const SKIPPED_SHOWN: usize = 20;

pub fn index_report(settings: &Settings, report: &IndexReport) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&report_json(report));
    }
    if settings.quiet {
        return Ok(());
    }
    let mut out = anstream::stderr().lock();
    for offline in &report.offline {
        let (root, reason) = (offline.root.display(), &offline.reason);
        let items = counted(offline.n_items, "item");
        writeln!(
            out,
            "{} {root}: {reason}. Its {items} stay, marked offline.",
            strong("offline")
        )?;
    }
    let shown = report.skipped.iter().filter(|skipped| !skipped.known);
    for skipped in shown.clone().take(SKIPPED_SHOWN) {
        writeln!(
            out,
            "{} {}: {}",
            dim("skipped"),
            skipped.path.display(),
            skipped.reason
        )?;
    }
    let n_more = shown.count().saturating_sub(SKIPPED_SHOWN);
    if n_more > 0 {
        writeln!(
            out,
            "{}",
            dim(&format!("… and {n_more} more; `fovea stats` lists them"))
        )?;
    }
    writeln!(out, "{}", summary(report))?;
    if report.interrupted {
        writeln!(
            out,
            "Interrupted. What is done is kept; the same command goes on from here."
        )?;
    }
    Ok(())
}

fn summary(report: &IndexReport) -> String {
    let mut parts = Vec::new();
    let counts = [
        (report.added, "added"),
        (report.updated, "updated"),
        (report.moved, "moved"),
        (report.removed, "removed"),
        (report.recaptioned, "with new captions"),
        (report.unchanged, "unchanged"),
        (report.forgotten, "forgotten, and passed over"),
        (report.skipped.len() as u64, "skipped"),
    ];
    for (number, what) in counts {
        if number > 0 {
            parts.push(format!("{} {what}", count(number)));
        }
    }
    if report.parts > 0 {
        parts.push(counted(report.parts, "part"));
    }
    if report.without_parts > 0 {
        parts.push(format!(
            "parts of {} removed",
            counted(report.without_parts, "image")
        ));
    }
    if parts.is_empty() {
        parts.push("no images here".to_owned());
    }
    let rate = match report.encoded {
        0 => String::new(),
        encoded => format!(
            ", {:.0} images/s",
            encoded as f64 / report.elapsed.as_secs_f64().max(1e-3)
        ),
    };
    format!(
        "{} in {}{rate}",
        strong(&parts.join(", ")),
        duration(report.elapsed)
    )
}

pub fn report_json(report: &IndexReport) -> serde_json::Value {
    let skipped = report.skipped.iter().map(|skipped| {
        json!({
            "path": skipped.path.to_string_lossy(),
            "reason": skipped.reason,
            "known": skipped.known,
        })
    });
    let offline = report.offline.iter().map(|offline| {
        json!({
            "root": offline.root.to_string_lossy(),
            "reason": offline.reason,
            "n_items": offline.n_items,
        })
    });
    json!({
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "removed": report.removed,
        "recaptioned": report.recaptioned,
        "unchanged": report.unchanged,
        "forgotten": report.forgotten,
        "encoded": report.encoded,
        "parts": report.parts,
        "without_parts": report.without_parts,
        "skipped": skipped.collect::<Vec<_>>(),
        "offline": offline.collect::<Vec<_>>(),
        "interrupted": report.interrupted,
        "elapsed_s": report.elapsed.as_secs_f64(),
    })
}
