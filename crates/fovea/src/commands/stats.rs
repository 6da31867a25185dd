//! `fovea stats`: what the collection holds, and what it could not read.

use fovea_engine::Regions;
use fovea_vectordb::OpenMode;

use crate::exit::Exit;
use crate::render::{self, Overview};
use crate::settings::Settings;

pub fn run(settings: &Settings) -> anyhow::Result<Exit> {
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let overview = Overview {
        info: database.info()?,
        stats: database.stats()?,
        packs: database.packs()?,
        active: database.active_pack()?,
        sources: database.sources()?,
        failures: database.failures(None)?,
        indexes: database.indexes()?,
        regions: Regions::of(&*database)?,
    };
    render::overview(settings, &overview)?;
    Ok(Exit::Done)
}
