//! What a collection holds, what it could not read, and whether it is sound.

use std::collections::BTreeMap;
use std::io::Write;

use fovea_engine::{CheckReport, Regions};
use fovea_vectordb::{
    Failure, IndexInfo, Info, PackRecord, SourceId, SourceRecord, Stats, path_from_bytes,
};
use serde_json::json;

use super::indexes::{index_json, index_lines};
use super::units::{bytes, count, counted};
use super::vectors::metric_words;
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// So many skipped files are listed by name; JSON lists all.
const FAILURES_SHOWN: usize = 50;

pub struct Overview {
    pub info: Info,
    pub stats: Stats,
    pub packs: Vec<PackRecord>,
    pub active: Option<PackRecord>,
    pub sources: Vec<SourceRecord>,
    pub failures: Vec<Failure>,
    pub indexes: Vec<IndexInfo>,
    /// Which parts of pictures the collection keeps.
    pub regions: Regions,
}

/// What an item is in a collection of this pack.
fn noun(active: Option<&PackRecord>) -> &'static str {
    match active {
        Some(pack) if !pack.has_encoder() => "vector",
        _ => "image",
    }
}

pub fn overview(settings: &Settings, overview: &Overview) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(settings, overview));
    }
    let Overview { info, stats, .. } = overview;
    let mut out = anstream::stdout().lock();
    let items = strong(&counted(stats.n_items, noun(overview.active.as_ref())));
    let contents = counted(stats.n_contents, "content");
    let collection = &info.collection;
    writeln!(out, "{items} in collection `{collection}` ({contents})")?;
    for (what, value) in facts(settings, overview) {
        writeln!(out, "  {} {value}", dim(&format!("{what:<10}")))?;
    }
    drop(out);
    skipped(&overview.failures, &overview.sources)
}

fn facts(settings: &Settings, overview: &Overview) -> Vec<(&'static str, String)> {
    let Overview {
        info,
        stats,
        active,
        sources,
        ..
    } = overview;
    let (folder, size) = (settings.place().shown(), bytes(stats.database_bytes));
    let database = format!("{folder} · {size} · schema {}", info.schema_version);
    let mut facts = vec![
        ("database", database),
        ("originals", bytes(stats.source_bytes)),
        ("formats", tally(&stats.by_format)),
        ("captions", captions(stats)),
        (
            "model pack",
            active.as_ref().map_or("none yet".to_owned(), named),
        ),
    ];
    if overview.regions != Regions::None || stats.n_parts > 0 {
        facts.push(("parts", parts(overview.regions, stats)));
    }
    // Imported vectors have a space for captions, which mostly have none.
    let is_shown = |index: &&IndexInfo| index.n_vectors > 0 || noun(active.as_ref()) == "image";
    for index in overview.indexes.iter().filter(is_shown) {
        let mut lines = index_lines(index).into_iter();
        facts.push(("space", lines.next().unwrap_or_default()));
        facts.extend(lines.map(|line| ("", line)));
    }
    for source in sources {
        let state = if source.online { "" } else { " · offline" };
        let images = counted(source.n_items, noun(active.as_ref()));
        facts.push((
            "source",
            format!("{} · {images}{state}", source.root.display()),
        ));
    }
    facts
}

fn parts(regions: Regions, stats: &Stats) -> String {
    let (n, images) = (stats.n_parts, stats.n_contents_with_parts);
    match regions {
        Regions::None => format!("none (but {} of other collections)", count(n)),
        _ => format!(
            "{} of {} (`{}`)",
            counted(n, "part"),
            counted(images, "image"),
            regions.name()
        ),
    }
}

fn captions(stats: &Stats) -> String {
    if stats.n_captions == 0 {
        return "none".to_owned();
    }
    let named = |(lang, number): (&Option<String>, &u64)| {
        (lang.clone().unwrap_or_else(|| "?".to_owned()), *number)
    };
    tally(&stats.captions_by_lang.iter().map(named).collect())
}

fn named(pack: &PackRecord) -> String {
    if let Some(space) = pack.spaces.first().filter(|_| !pack.has_encoder()) {
        let metric = metric_words(space.metric);
        return format!(
            "none: vectors of your own, {} numbers each, compared by {metric}",
            space.dim
        );
    }
    let fingerprint = &pack.fingerprint[..pack.fingerprint.len().min(12)];
    format!("{} · {fingerprint}", pack.name)
}

/// The files that were left out, with the reason of each.
fn skipped(failures: &[Failure], sources: &[SourceRecord]) -> anyhow::Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}",
        strong(&format!(
            "{} skipped",
            counted(failures.len() as u64, "file")
        ))
    )?;
    for failure in failures.iter().take(FAILURES_SHOWN) {
        writeln!(out, "  {}: {}", path_of(failure, sources), failure.reason)?;
    }
    if failures.len() > FAILURES_SHOWN {
        writeln!(
            out,
            "  … and {} more (--json lists all)",
            failures.len() - FAILURES_SHOWN
        )?;
    }
    Ok(())
}

pub fn check(
    settings: &Settings,
    report: &CheckReport,
    active: Option<&PackRecord>,
    failures: &[Failure],
    sources: &[SourceRecord],
) -> anyhow::Result<()> {
    if settings.json {
        let problems: Vec<_> = report
            .problems
            .iter()
            .map(|problem| problem.message.clone())
            .collect();
        return print_json(&json!({
            "sound": report.is_sound(),
            "n_items": report.n_items,
            "problems": problems,
            "previews_missing": report.previews_missing,
            "previews_made": report.previews_made,
            "files_changed": report.files_changed,
            "without_parts": report.without_parts,
            "skipped": failures.len(),
        }));
    }
    let mut out = anstream::stdout().lock();
    for problem in &report.problems {
        writeln!(out, "{} {}", strong("damaged"), problem.message)?;
    }
    let missing = report.previews_missing - report.previews_made;
    if missing > 0 {
        writeln!(
            out,
            "{} without a preview; `fovea check --repair` makes them again",
            counted(missing, "image")
        )?;
    }
    if report.previews_made > 0 {
        writeln!(
            out,
            "{} made again",
            counted(report.previews_made, "preview")
        )?;
    }
    if report.without_parts > 0 {
        writeln!(out, "{}", lacking_parts(report.without_parts))?;
    }
    if report.files_changed > 0 {
        writeln!(
            out,
            "{} changed or gone since they were indexed; run `fovea index` again",
            counted(report.files_changed, "file")
        )?;
    }
    let verdict = if report.is_sound() {
        "sound"
    } else {
        "not sound"
    };
    writeln!(
        out,
        "{}: {} looked at",
        strong(verdict),
        counted(report.n_items, noun(active))
    )?;
    drop(out);
    skipped(failures, sources)
}

fn lacking_parts(n_images: u64) -> String {
    format!(
        "{} without all the parts that this collection keeps; `fovea index --regions` on their folders makes them",
        counted(n_images, "image")
    )
}

fn tally(counts: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|left, right| right.1.cmp(left.1).then(left.0.cmp(right.0)));
    let shown: Vec<String> = sorted
        .iter()
        .map(|(name, number)| format!("{} {name}", count(**number)))
        .collect();
    shown.join(" · ")
}

fn path_of(failure: &Failure, sources: &[SourceRecord]) -> String {
    let root = sources
        .iter()
        .find(|source| source.id == failure.source)
        .map(|source| source.root.clone());
    let path = root
        .unwrap_or_default()
        .join(path_from_bytes(&failure.path));
    path.to_string_lossy()
        .escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

fn as_json(settings: &Settings, overview: &Overview) -> serde_json::Value {
    let Overview {
        info,
        stats,
        packs,
        active,
        sources,
        failures,
        indexes,
        regions,
    } = overview;
    let root = |id: SourceId| {
        sources
            .iter()
            .find(|source| source.id == id)
            .map(|source| source.root.clone())
    };
    let by_lang: BTreeMap<String, u64> = stats
        .captions_by_lang
        .iter()
        .map(|(lang, number)| (lang.clone().unwrap_or_default(), *number))
        .collect();
    json!({
        "database": settings.place().shown(),
        "engine": info.engine,
        "schema_version": info.schema_version,
        "collection": info.collection,
        "change": info.change.0,
        "n_items": stats.n_items,
        "n_contents": stats.n_contents,
        "n_captions": stats.n_captions,
        "n_offline": stats.n_offline,
        "regions": regions.name(),
        "n_parts": stats.n_parts,
        "n_contents_with_parts": stats.n_contents_with_parts,
        "captions_by_lang": by_lang,
        "by_format": stats.by_format,
        "database_bytes": stats.database_bytes,
        "source_bytes": stats.source_bytes,
        "packs": packs.iter().map(|pack| json!({
            "name": pack.name,
            "fingerprint": pack.fingerprint,
            "encoder": pack.has_encoder(),
            "spaces": pack.spaces.iter().map(|space| json!({
                "name": space.name,
                "dim": space.dim,
                "metric": space.metric.name(),
            })).collect::<Vec<_>>(),
            "active": active.as_ref().is_some_and(|active| active.fingerprint == pack.fingerprint),
        })).collect::<Vec<_>>(),
        "spaces": stats.spaces.iter().map(|space| json!({
            "pack": space.pack,
            "space": space.space,
            "n_vectors": space.n_vectors,
        })).collect::<Vec<_>>(),
        "indexes": indexes.iter().map(index_json).collect::<Vec<_>>(),
        "sources": sources.iter().map(|source| json!({
            "root": source.root.to_string_lossy(),
            "online": source.online,
            "n_items": source.n_items,
        })).collect::<Vec<_>>(),
        "skipped": failures.iter().map(|failure| json!({
            "path": root(failure.source).unwrap_or_default().join(path_from_bytes(&failure.path)).to_string_lossy(),
            "kind": failure.kind,
            "reason": failure.reason,
        })).collect::<Vec<_>>(),
    })
}
