//! What a migration to another place copied, and how much both sides agree.

use std::io::Write;

use fovea_engine::transfer::{Agreement, Asked, Moved, Transfer};
use serde_json::{Value, json};

use super::results::round;
use super::units::{bytes, count, counted, duration};
use super::{dim, print_json, strong};
use crate::flags::scale::MigrateFlags;
use crate::settings::Settings;

pub fn transferred(
    settings: &Settings,
    done: &Transfer,
    agreements: &[Agreement],
    to: &str,
    flags: &MigrateFlags,
) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(done, agreements, to, flags));
    }
    let mut out = anstream::stdout().lock();
    written(&mut out, done)?;
    if done.interrupted {
        writeln!(
            out,
            "Stopped; what was copied stays, and the same command goes on from here."
        )?;
        return Ok(());
    }
    if !done.is_settled {
        writeln!(
            out,
            "The source changed during each of {} passes; stop what writes to it and run the same command again.",
            done.n_passes
        )?;
        return Ok(());
    }
    if flags.verify {
        agreed(&mut out, agreements, flags.recall)?;
    }
    let low = agreements.iter().filter(|one| one.recall < flags.recall);
    match low.count() {
        0 => writeln!(
            out,
            "{} is a copy {}",
            strong(to),
            dim(&format!(
                "({}; compared as a whole {} times)",
                duration(done.elapsed),
                done.n_passes
            ))
        )?,
        n => writeln!(
            out,
            "{to} has every record, but {} of queries found less than {} of what the source finds; an exact index \
             (?index=flat in the address of a server) finds all",
            counted(n as u64, "kind"),
            flags.recall
        )?,
    }
    Ok(())
}

/// What each collection has, and what this run wrote of it.
fn written(out: &mut impl Write, done: &Transfer) -> anyhow::Result<()> {
    let header = format!(
        "{:<24}{:>12}{:>12}{:>10}{:>12}{:>12}{:>10}",
        "collection", "items", "written", "removed", "vectors", "features", "settings"
    );
    writeln!(out, "{}", dim(&header))?;
    for one in &done.collections {
        writeln!(
            out,
            "{:<24}{:>12}{:>12}{:>10}{:>12}{:>12}{:>10}",
            one.collection,
            count(one.n_items),
            count(one.n_items_written),
            count(one.n_items_removed),
            count(one.n_vectors),
            count(one.n_features),
            count(one.n_settings)
        )?;
    }
    if done.n_files > 0 {
        let files = counted(done.n_files, "file");
        let size = bytes(done.file_bytes);
        writeln!(out, "previews and uploads: {files} ({size})")?;
    }
    Ok(())
}

fn agreed(out: &mut impl Write, agreements: &[Agreement], least: f64) -> anyhow::Result<()> {
    let header = format!(
        "\n{:<24}{:<20}{:>9}{:>11}{:>12}{:>8}",
        "asked of both", "", "queries", "recall@10", "same order", "tau"
    );
    writeln!(out, "{}", dim(&header))?;
    for one in agreements {
        let recall = format!("{:>11.4}", one.recall);
        writeln!(
            out,
            "{:<24}{:<20}{:>9}{}{:>12.4}{:>8.4}",
            one.collection,
            kind(&one.asked),
            count(one.n_queries),
            if one.recall < least {
                strong(&recall)
            } else {
                recall
            },
            one.same_order,
            one.tau
        )?;
        if let Some((query, recall)) = &one.worst {
            writeln!(
                out,
                "{}",
                dim(&format!("  least of all ({recall:.1}): {query}"))
            )?;
        }
    }
    if agreements.is_empty() {
        writeln!(out, "  there is nothing to ask")?;
    }
    writeln!(out)?;
    Ok(())
}

fn kind(asked: &Asked) -> String {
    match asked {
        Asked::Logged => "logged queries".to_owned(),
        Asked::Captions => "captions".to_owned(),
        Asked::Names => "names".to_owned(),
        Asked::Vectors(space) => format!("vectors of {space}"),
    }
}

fn as_json(done: &Transfer, agreements: &[Agreement], to: &str, flags: &MigrateFlags) -> Value {
    let collection = |one: &Moved| {
        json!({
            "collection": one.collection,
            "n_items": one.n_items,
            "items_written": one.n_items_written,
            "items_removed": one.n_items_removed,
            "vectors_written": one.n_vectors,
            "features_written": one.n_features,
            "settings_written": one.n_settings,
            "failures_written": one.n_failures,
        })
    };
    let agreement = |one: &Agreement| {
        json!({
            "collection": one.collection,
            "asked": kind(&one.asked),
            "n_queries": one.n_queries,
            "recall_at_10": round(one.recall, 1e4),
            "same_order": round(one.same_order, 1e4),
            "kendall_tau": round(one.tau, 1e4),
        })
    };
    json!({
        "to": to,
        "collections": done.collections.iter().map(collection).collect::<Vec<_>>(),
        "files": done.n_files,
        "file_bytes": done.file_bytes,
        "passes": done.n_passes,
        "settled": done.is_settled,
        "interrupted": done.interrupted,
        "verified": flags.verify && done.is_settled,
        "least_recall": flags.recall,
        "agreement": agreements.iter().map(agreement).collect::<Vec<_>>(),
        "took_s": round(done.elapsed.as_secs_f64(), 1e3),
    })
}
