//! Model packs.

use std::io::Write;

use fovea_encode::models::PackInfo;
use serde_json::json;

use super::units::bytes;
use super::{dim, print_json, strong};
use crate::settings::Settings;

pub fn packs(settings: &Settings, packs: &[PackInfo]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&packs.iter().map(as_json).collect());
    }
    if packs.is_empty() {
        let folder = settings.models.display();
        anstream::eprintln!("No model pack in {folder}. Begin with: fovea models pull base");
        return Ok(());
    }
    let mut out = anstream::stdout().lock();
    for pack in packs {
        let size: u64 = pack.files.iter().map(|file| file.bytes).sum();
        let state = if pack.outdated {
            "outdated: pull it again"
        } else {
            ""
        };
        let (name, version) = (strong(&pack.spec.name), &pack.spec.version);
        writeln!(
            out,
            "{name}  {version}  {}  {}  {state}",
            bytes(size),
            pack.dir.display()
        )?;
    }
    Ok(())
}

pub fn pack(settings: &Settings, pack: &PackInfo) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(pack));
    }
    let spec = &pack.spec;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", strong(&spec.name))?;
    for (what, value) in [
        ("version", spec.version.clone()),
        ("fingerprint", spec.fingerprint.clone()),
        ("folder", pack.dir.display().to_string()),
        ("spaces", pack.spaces.join(", ")),
        (
            "dimensions",
            format!("image {} · visual {}", spec.shared_dim, spec.visual_dim),
        ),
        ("languages", spec.languages.join(" ")),
    ] {
        writeln!(out, "  {} {value}", dim(&format!("{what:<12}")))?;
    }
    if let Some(training) = &pack.training {
        let parent = &training.parent_fingerprint;
        let parent = format!("{} {}…", training.parent, &parent[..parent.len().min(16)]);
        writeln!(out, "  {} {parent}", dim("trained from"))?;
        for (name, value) in &training.metrics {
            writeln!(
                out,
                "  {} {name:<28} {value}",
                dim("measured    "),
                value = round(*value)
            )?;
        }
    }
    for file in &pack.files {
        let checksum = &file.blake3[..file.blake3.len().min(16)];
        writeln!(
            out,
            "  {} {:<28} {:>10}  BLAKE3 {checksum}…",
            dim("file        "),
            file.name,
            bytes(file.bytes)
        )?;
    }
    for licence in &pack.licences {
        writeln!(out, "  {} {licence}", dim("licence     "))?;
    }
    Ok(())
}

/// Four digits are as many as a held-out share is worth.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn as_json(pack: &PackInfo) -> serde_json::Value {
    let files = pack
        .files
        .iter()
        .map(|file| json!({"name": file.name, "bytes": file.bytes, "blake3": file.blake3}));
    json!({
        "name": pack.spec.name,
        "version": pack.spec.version,
        "fingerprint": pack.spec.fingerprint,
        "outdated": pack.outdated,
        "folder": pack.dir.to_string_lossy(),
        "spaces": pack.spaces,
        "feature_dim": pack.spec.feature_dim,
        "shared_dim": pack.spec.shared_dim,
        "visual_dim": pack.spec.visual_dim,
        "languages": pack.spec.languages,
        "files": files.collect::<Vec<_>>(),
        "licences": pack.licences,
        "training": pack.training.as_ref().map(|training| json!({
            "parent": training.parent,
            "parent_fingerprint": training.parent_fingerprint,
            "data": training.data,
            "settings": training.settings,
            "metrics": training.metrics,
        })),
    })
}
