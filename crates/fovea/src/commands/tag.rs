//! `fovea tag`: tags anew for what is indexed, from kept features.

use fovea_engine::Query;
use fovea_engine::facets;
use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::train::TagFlags;
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &TagFlags) -> anyhow::Result<Exit> {
    if flags.limit == 0 {
        return Err(Refusal::input("--limit 0: ask for at least one tag").into());
    }
    let database = settings.open_database(OpenMode::ReadWrite)?;
    let active = database.active_pack()?.filter(|pack| pack.has_encoder());
    let Some(active) = active else {
        return Err(Refusal::input(format!(
            "collection `{}` has no images yet; fovea index PATH adds some",
            settings.collection
        ))
        .into());
    };
    let engine = settings.join(database, settings.pack_of(&active)?);
    let labels = match &flags.pack {
        Some(name) => {
            let pack = settings.open_pack(name)?;
            pack.verify()?;
            Some(pack)
        }
        None => None,
    };
    let progress = IndexProgress::new(settings.quiet);
    let done = match &labels {
        Some(labels) => engine.tag_by(labels, &progress)?,
        None => engine.tag_by(engine.encoder(), &progress)?,
    };
    progress.finish();
    if done.interrupted {
        return Ok(Exit::Interrupted);
    }
    let by = ["tag".to_owned()];
    let counted = facets::facets(engine.database(), Query::default(), &by, flags.limit)?;
    let name = flags.pack.as_deref().unwrap_or(&active.name);
    render::tagged(settings, name, done.n_images, &counted)?;
    Ok(match done.n_images {
        0 => Exit::NothingFound,
        _ => Exit::Done,
    })
}
