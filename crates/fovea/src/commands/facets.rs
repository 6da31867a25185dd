//! `fovea facets`: how many items have which camera, year, tag.

use fovea_engine::Query;
use fovea_engine::facets::{self, USUAL};
use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::FacetsFlags;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &FacetsFlags) -> anyhow::Result<Exit> {
    if flags.limit == 0 {
        return Err(Refusal::input("--limit 0: ask for at least one value").into());
    }
    let query = match flags.filters.is_empty() {
        true => Query::default(),
        false => Query::from_arguments(&flags.filters)?,
    };
    let asked: Vec<String> = match flags.by.is_empty() {
        true => USUAL.map(str::to_owned).to_vec(),
        false => flags.by.iter().map(|key| key.trim().to_owned()).collect(),
    };
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let mut counted = facets::facets(&*database, query, &asked, flags.limit)?;
    let n_items = counted.first().map_or(0, |one| one.facets.n_items);
    if flags.by.is_empty() {
        counted.retain(|one| one.facets.n_values > 0);
    }
    render::facets(settings, n_items, &counted)?;
    if n_items == 0 {
        render::nothing_found(settings, database.info()?.n_items, &[]);
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Done)
}
