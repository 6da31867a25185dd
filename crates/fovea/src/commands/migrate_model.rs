//! `fovea migrate-model`: another pack for a collection, and the way back.

use fovea_encode::{Encoder, Pack};
use fovea_engine::{Engine, Kept, MigrateFrom};
use fovea_vectordb::{OpenMode, PackRecord};

use crate::exit::{Exit, Refusal};
use crate::flags::train::MigrateModelFlags;
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &MigrateModelFlags) -> anyhow::Result<Exit> {
    let database = settings.open_database(OpenMode::ReadWrite)?;
    let Some(active) = database.active_pack()? else {
        return Err(Refusal::input(format!(
            "collection `{}` has no pack yet; index something first, or choose one with fovea index --model PACK",
            settings.collection
        ))
        .into());
    };
    if !active.has_encoder() {
        return Err(Refusal::input(format!(
            "collection `{}` has vectors of your own, which no pack can make again",
            settings.collection
        ))
        .into());
    }
    let to = match &flags.to {
        Some(name) => settings.open_pack(name)?,
        None => previous(settings, &*database)?,
    };
    to.verify()?;
    if to.spec().fingerprint == active.fingerprint {
        return Err(Refusal::input(format!(
            "collection `{}` has the pack {} already",
            settings.collection,
            to.spec().name
        ))
        .into());
    }
    // One that is no longer installed, or was replaced, has still left its features.
    let from = settings.pack_of(&active).ok();
    let of_one_root = root_of(&active.name) == root_of(&to.spec().name);
    let (sees_alike, reads_alike) = match &from {
        Some(from) => (
            from.spec().features == to.spec().features,
            from.spec().texts == to.spec().texts,
        ),
        None => (of_one_root, of_one_root),
    };
    let to = settings.join(database.clone(), to);
    let from = from.map(|from| settings.join(database, from));
    let from = MigrateFrom {
        fingerprint: &active.fingerprint,
        engine: from.as_ref(),
        kept: match sees_alike {
            true => Kept::Features,
            false => Kept::Pictures,
        },
        reads_alike,
    };
    let progress = IndexProgress::new(settings.quiet);
    let name = &to.encoder().spec().name;
    let done = match flags.stay {
        true => to.accompany(from, &progress)?,
        false => to.migrate(from, flags.leave_behind, &progress)?,
    };
    progress.finish();
    render::migration(settings, &done, name, flags.stay)?;
    Ok(match (done.interrupted, done.is_moved || flags.stay) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Done,
        (false, false) => Exit::Environment,
    })
}

/// Packs that were learnt from one pack share what comes before the plus, and see alike.
fn root_of(name: &str) -> &str {
    name.split('+').next().unwrap_or(name)
}

/// The pack from which the collection was moved last.
fn previous(settings: &Settings, database: &dyn fovea_vectordb::Database) -> anyhow::Result<Pack> {
    let previous = Engine::previous_pack(database)?;
    let known = database.packs()?;
    let is_previous = |pack: &&PackRecord| Some(&pack.fingerprint) == previous.as_ref();
    let Some(pack) = known.iter().find(is_previous) else {
        return Err(Refusal::input(format!(
            "collection `{}` was never moved to another pack; --to PACK moves it (fovea models list shows which there are)",
            settings.collection
        ))
        .into());
    };
    settings.pack_of(pack)
}
