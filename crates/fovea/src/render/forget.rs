//! What was forgotten, what would be, and the proof.

use std::io::Write;

use fovea_engine::Forgotten;
use fovea_engine::forget::{Searched, Trace};
use fovea_vectordb::Item;
use serde_json::{Value, json};

use super::units::{bytes, count, counted};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// What would go, by name.
pub fn would_forget(settings: &Settings, items: &[Item], n_items: usize) -> anyhow::Result<()> {
    let paths = || items.iter().map(|item| item.absolute());
    if settings.json {
        let paths: Vec<String> = paths()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        return print_json(&json!({ "would_forget": n_items, "paths": paths }));
    }
    let mut out = anstream::stdout().lock();
    for path in paths() {
        writeln!(out, "{}", path.display())?;
    }
    let n_more = n_items - items.len();
    if n_more > 0 {
        writeln!(
            out,
            "{}",
            dim(&format!("… and {} more", count(n_more as u64)))
        )?;
    }
    drop(out);
    anstream::eprintln!(
        "{} would be forgotten, with vectors, captions, small pictures and all that was taught of them. \
         The files stay. --yes does it; it cannot be taken back.",
        strong(&counted(n_items as u64, "picture"))
    );
    Ok(())
}

/// What went.
pub fn forgotten(settings: &Settings, forgotten: &Forgotten) -> anyhow::Result<()> {
    if settings.json {
        let mut value = searched_json(&forgotten.searched);
        value["forgotten"] = json!(forgotten.n_items);
        value["contents"] = json!(forgotten.n_contents);
        value["captions"] = json!(forgotten.n_captions);
        value["examples"] = json!(forgotten.n_examples);
        value["events"] = json!(forgotten.n_events);
        value["uploads"] = json!(forgotten.n_uploads);
        value["saved"] = json!(forgotten.saved);
        return print_json(&value);
    }
    let parts = [
        (forgotten.n_captions, "caption"),
        (forgotten.n_examples, "example"),
        (forgotten.n_events, "event"),
        (forgotten.n_uploads, "uploaded file"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let with: Vec<String> = parts.map(|(number, noun)| counted(*number, noun)).collect();
    let with = match with.is_empty() {
        true => String::new(),
        false => format!(", with {}", with.join(", ")),
    };
    let mut out = anstream::stdout().lock();
    let items = strong(&counted(forgotten.n_items, "picture"));
    writeln!(out, "{items} forgotten{with}.")?;
    let others = forgotten.n_items - forgotten.n_contents;
    if others > 0 {
        writeln!(
            out,
            "{} of them had the same file as another picture, whose vectors stay.",
            count(others)
        )?;
    }
    for name in &forgotten.saved {
        writeln!(
            out,
            "The saved search @{name} asks for one of them and finds nothing any more."
        )?;
    }
    drop(out);
    proof(&forgotten.searched)
}

/// What a search for everything that was ever forgotten found.
pub fn forgotten_check(
    settings: &Settings,
    n_forgotten: u64,
    searched: &Searched,
) -> anyhow::Result<()> {
    if settings.json {
        let mut value = searched_json(searched);
        value["forgotten"] = json!(n_forgotten);
        return print_json(&value);
    }
    if n_forgotten == 0 {
        let words = "Nothing was ever forgotten here, so there is nothing to look for.";
        return Ok(writeln!(anstream::stdout(), "{words}")?);
    }
    let pictures = counted(n_forgotten, "forgotten picture");
    writeln!(anstream::stdout(), "{pictures}.")?;
    proof(searched)
}

fn proof(searched: &Searched) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let files = counted(searched.n_files, "file");
    let size = bytes(searched.n_bytes);
    if searched.traces.is_empty() {
        writeln!(
            out,
            "Searched {files} ({size}) byte by byte: nothing is left of what is looked for."
        )?;
        return Ok(());
    }
    for trace in &searched.traces {
        writeln!(
            out,
            "{} {}, byte {}: {}",
            strong("left"),
            trace.file.display(),
            trace.offset,
            trace.of.name()
        )?;
    }
    writeln!(
        out,
        "Searched {files} ({size}). Either it was said again of another picture since, or it has to be removed: \
         fovea check --forgotten --repair"
    )?;
    Ok(())
}

fn searched_json(searched: &Searched) -> Value {
    let trace = |trace: &Trace| {
        json!({
            "file": trace.file.to_string_lossy(),
            "offset": trace.offset,
            "of": trace.of.name(),
        })
    };
    json!({
        "clean": searched.traces.is_empty(),
        "files_searched": searched.n_files,
        "bytes_searched": searched.n_bytes,
        "traces": searched.traces.iter().map(trace).collect::<Vec<_>>(),
    })
}
