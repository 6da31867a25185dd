//! `fovea export`: the collection's vectors as a file that others read, with the names of its rows beside it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_engine::vectors::{self, ExportOptions, Exported};
use fovea_vectordb::OpenMode;
use fovea_vectordb::exchange::FileKind;

use crate::exit::{Exit, Refusal};
use crate::flags::ExportFlags;
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

/// Where an export goes.
struct Target<'a> {
    out: &'a Path,
    kind: FileKind,
    /// The names of the rows; a folder of clip-retrieval has them inside.
    names: Option<PathBuf>,
}

pub fn run(settings: &Settings, flags: &ExportFlags) -> anyhow::Result<Exit> {
    let target = target(flags)?;
    refuse_existing(&target, flags.force)?;
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let options = ExportOptions {
        space: flags.space.clone(),
        by_item: target.kind == FileKind::ClipRetrieval,
    };
    let progress = IndexProgress::over(settings.quiet, "items");
    let Some(exported) = vectors::export(&*database, &options, &progress)? else {
        progress.finish();
        return Ok(Exit::Interrupted);
    };
    progress.finish();
    let summary =
        render::ExportSummary::of(target.out, target.kind, target.names.as_deref(), &exported);
    write(&target, exported)?;
    render::export_summary(settings, &summary)?;
    Ok(Exit::Done)
}

fn target(flags: &ExportFlags) -> Result<Target<'_>, Refusal> {
    let out = flags.out.as_path();
    let shown = out.display();
    let Some(kind) = flags.kind.or_else(|| FileKind::by_name(out)) else {
        return Err(Refusal::input(format!(
            "{shown}: what to write is said by .npy, .fvecs, .fbin, .faiss, or --kind clip-retrieval for a folder"
        )));
    };
    if !kind.is_written() {
        return Err(Refusal::input(format!(
            "{shown}: {kind} is only read; npy, fvecs, fbin, faiss and clip-retrieval can be written"
        )));
    }
    let names = (kind != FileKind::ClipRetrieval).then(|| {
        let mut name = out.as_os_str().to_owned();
        name.push(".names.jsonl");
        PathBuf::from(name)
    });
    Ok(Target { out, kind, names })
}

fn refuse_existing(target: &Target<'_>, force: bool) -> Result<(), Refusal> {
    for path in [Some(target.out), target.names.as_deref()]
        .into_iter()
        .flatten()
    {
        let shown = path.display();
        let Ok(found) = fs::symlink_metadata(path) else {
            continue;
        };
        if found.is_dir() && !(target.names.is_none() && is_replaceable(path)) {
            let message =
                format!("{shown} is a folder with something else in it; name another place");
            return Err(Refusal::input(message));
        }
        if !found.is_dir() && target.names.is_none() {
            return Err(Refusal::input(format!("{shown} is a file; name a folder")));
        }
        let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !force && !is_empty {
            let message = format!("{shown} is there already; --force replaces it");
            return Err(Refusal::input(message));
        }
    }
    Ok(())
}

/// A folder with nothing in it but what an export puts there.
fn is_replaceable(folder: &Path) -> bool {
    let known = ["img_emb", "text_emb", "metadata"];
    let is_known = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| known.iter().any(|name| entry.file_name() == *name))
    };
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_known))
}

/// Everything is on the disk beside its place before what was there is moved away, and names come before the vectors:
/// whoever finds vectors finds their names.
fn write(target: &Target<'_>, exported: Exported) -> anyhow::Result<()> {
    let folder = match target.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = || format!("cannot write {}", target.out.display());
    let aside = tempfile::Builder::new()
        .prefix(".fovea-")
        .tempdir_in(folder);
    let aside = aside.with_context(failed)?;
    let (vectors, names) = (aside.path().join("vectors"), aside.path().join("names"));
    if target.names.is_some() {
        write_names(&names, &exported).with_context(failed)?;
    }
    vectors::write_exported(&vectors, target.kind, exported)?;
    if target.out.exists() {
        fs::rename(target.out, aside.path().join("old")).with_context(failed)?;
    }
    if let Some(place) = &target.names {
        fs::rename(&names, place).with_context(failed)?;
    }
    fs::rename(&vectors, target.out).with_context(failed)?;
    sync(folder).with_context(failed)
}

fn write_names(path: &Path, exported: &Exported) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (row, named) in exported.rows.iter().enumerate() {
        writeln!(file, "{}", render::row_name(row, named))?;
    }
    Ok(file.into_inner()?.sync_all()?)
}

/// New names are on the disk once their folder is. Windows has no such call and needs none.
#[cfg(unix)]
fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> std::io::Result<()> {
    Ok(())
}
