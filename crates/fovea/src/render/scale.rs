//! The table of `fovea plan`.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::units::{count, counted};
use super::{dim, print_json, strong};
use crate::plan::{Plan, Records};
use crate::settings::Settings;

pub fn scale_plan(settings: &Settings, plan: &Plan) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&json!(plan));
    }
    let mut out = anstream::stdout().lock();
    let load = &plan.load;
    let title = format!("{} images", count(load.images));
    writeln!(
        out,
        "{}, {} searches a second, pack {}",
        strong(&title),
        load.queries_per_second,
        load.pack
    )?;
    let enough = match plan.folder.fits {
        true => "one machine is enough",
        false => "more than one machine holds or answers",
    };
    for (what, left, right) in rows(plan) {
        writeln!(out, "  {} {left:<28}{right}", dim(&format!("{what:<10}")))?;
    }
    writeln!(out, "  {} {enough}", dim(&format!("{:<10}", "folder")))?;
    for assumption in &plan.assumptions {
        writeln!(out, "{}", dim(&format!("- {assumption}")))?;
    }
    Ok(())
}

/// What, in a folder, and on a server.
fn rows(plan: &Plan) -> Vec<(&'static str, String, String)> {
    let (folder, server) = (&plan.folder, &plan.server);
    vec![
        (
            "",
            "in a folder".to_owned(),
            "on a Milvus server".to_owned(),
        ),
        (
            "memory",
            size(folder.memory_bytes),
            format!("{} in query nodes", size(server.memory_bytes)),
        ),
        (
            "",
            String::new(),
            match server.records {
                Records::Memory => format!(
                    "{} of records in each Fovea process",
                    size(server.record_bytes)
                ),
                Records::Server => "no records in Fovea's processes: ?records=server".to_owned(),
            },
        ),
        (
            "disk",
            size(folder.disk_bytes - folder.preview_bytes),
            size(server.disk_bytes),
        ),
        (
            "previews",
            size(folder.preview_bytes),
            size(server.preview_bytes),
        ),
        (
            "cores",
            format!("{:.1} to answer", folder.cores),
            String::new(),
        ),
        (
            "machines",
            "1".to_owned(),
            format!(
                "{}, {} with Fovea",
                counted(server.query_nodes, "query node"),
                count(server.fovea_machines)
            ),
        ),
        ("shards", "-".to_owned(), count(server.shards)),
        ("ingest", time(folder.ingest_s), time(server.ingest_s)),
        ("index", time(folder.build_s), "by the server".to_owned()),
    ]
}

/// `3.4 TB`, in powers of ten, to two digits or so: these are estimates.
fn size(bytes: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match value < 10.0 {
        true => format!("{value:.1} {}", units[unit]),
        false => format!("{value:.0} {}", units[unit]),
    }
}

fn time(seconds: f64) -> String {
    if seconds >= 2.0 * 86_400.0 {
        return format!("{:.0} days", seconds / 86_400.0);
    }
    super::units::duration(Duration::from_secs_f64(seconds.max(0.0)))
}
