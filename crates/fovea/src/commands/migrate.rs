//! `fovea migrate`: the whole database to another place.

use std::sync::Arc;

use fovea_engine::transfer::{self, Agreement, Library};
use fovea_engine::{Engine, vectors};
use fovea_vectordb::{Database, OpenMode};

use crate::exit::{Exit, Refusal};
use crate::flags::scale::MigrateFlags;
use crate::place::Place;
use crate::render::{self, IndexProgress};
use crate::settings::{Settings, place_of};

pub fn run(settings: &Settings, flags: &MigrateFlags) -> anyhow::Result<Exit> {
    if !(0.0..=1.0).contains(&flags.recall) {
        return Err(Refusal::input(format!(
            "--recall {}: a share from 0 to 1, as in --recall 0.95",
            flags.recall
        ))
        .into());
    }
    let from = settings.place();
    let to = Some(flags.to.clone());
    let to = place_of(to, flags.to_blobs.clone(), ["--to", "--to-blobs"])?;
    let progress = IndexProgress::over(settings.quiet, "items");
    let done = transfer::transfer(&from, &to, &progress)?;
    let mut agreements = Vec::new();
    if done.is_settled {
        let there = settings.at(&to);
        build_indexes(&there, &to, &progress)?;
        if flags.verify {
            agreements = verify(settings, &there, &from, &to, &progress)?;
        }
    }
    progress.finish();
    render::transferred(settings, &done, &agreements, &to.name(), flags)?;
    let agrees = agreements.iter().all(|one| one.recall >= flags.recall);
    Ok(match (done.interrupted, done.is_settled, agrees) {
        (true, _, _) => Exit::Interrupted,
        (_, false, _) => Exit::Environment,
        (_, _, false) => Exit::NothingFound,
        (_, _, true) => Exit::Done,
    })
}

/// Index files are made where they are used.
fn build_indexes(there: &Settings, to: &Place, progress: &IndexProgress) -> anyhow::Result<()> {
    for name in Library::collections(to)? {
        let database = Library::open(to, &name, OpenMode::ReadWrite)?;
        match joined(there, Arc::clone(&database)) {
            Some(engine) => drop(engine.build_indexes(progress)?),
            None => vectors::build_indexes(&*database, progress)?,
        }
    }
    Ok(())
}

fn verify(
    here: &Settings,
    there: &Settings,
    from: &Place,
    to: &Place,
    progress: &IndexProgress,
) -> anyhow::Result<Vec<Agreement>> {
    let source = |database| joined(here, database);
    let target = |database| joined(there, database);
    let sides = [(from as &dyn Library, &source as _), (to, &target as _)];
    Ok(transfer::verify(sides, progress)?)
}

/// A collection with its pack, where that is installed and reads words.
fn joined(settings: &Settings, database: Arc<dyn Database>) -> Option<Engine> {
    let active = database.active_pack().ok()??;
    let pack = active.has_encoder().then(|| settings.pack_of(&active).ok());
    Some(settings.join(database, pack.flatten()?))
}
