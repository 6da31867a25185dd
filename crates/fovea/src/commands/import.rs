//! `fovea import`: vectors that somebody else made become a collection.

use std::path::Path;

use fovea_engine::choose_index;
use fovea_engine::vectors::{self, ImportOptions};
use fovea_vectordb::exchange::{FileKind, ReadOptions};
use fovea_vectordb::{IndexChoice, OpenMode};

use crate::exit::{Exit, Refusal};
use crate::flags::{ImportFlags, VectorFileFlags};
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &ImportFlags) -> anyhow::Result<Exit> {
    let options = ImportOptions {
        read: read_options(&flags.path, &flags.file)?,
        captions: flags.captions.clone(),
    };
    let choice: Option<IndexChoice> = flags.index.as_deref().map(str::parse).transpose()?;
    let progress = IndexProgress::over(settings.quiet, "vectors");
    // Before a database is made: a file that cannot be read leaves none behind.
    let file = vectors::read(&flags.path, &options, &progress)?;
    let database = settings.open_database(OpenMode::Create)?;
    if let Some(choice) = &choice {
        choose_index(&*database, choice)?;
    }
    let report = vectors::import(&*database, &file, flags.metric, &progress)?;
    progress.finish();
    render::import_report(settings, &report)?;
    Ok(match report.interrupted {
        true => Exit::Interrupted,
        false => Exit::Done,
    })
}

pub fn read_options(path: &Path, flags: &VectorFileFlags) -> Result<ReadOptions, Refusal> {
    let kind = flags.kind.or_else(|| FileKind::by_name(path));
    if kind == Some(FileKind::Annoy) && (flags.annoy_dim.is_none() || flags.annoy_metric.is_none())
    {
        return Err(Refusal::input(format!(
            "{}: an Annoy file says neither its dimension nor its metric; give --annoy-dim N and --annoy-metric \
             angular, euclidean, manhattan or dot",
            path.display()
        )));
    }
    Ok(ReadOptions {
        kind: flags.kind,
        annoy_dim: flags.annoy_dim,
        annoy_metric: flags.annoy_metric,
        ..ReadOptions::default()
    })
}
