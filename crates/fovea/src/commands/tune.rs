//! `fovea tune`: the cheapest search that finds what it should.

use fovea_engine::vectors;
use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::TuneFlags;
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &TuneFlags) -> anyhow::Result<Exit> {
    if !(0.5..=1.0).contains(&flags.recall) {
        let message = format!(
            "--recall {}: expected a share from 0.5 to 1, as in 0.95",
            flags.recall
        );
        return Err(Refusal::input(message).into());
    }
    let database = settings.open_database(OpenMode::ReadWrite)?;
    let progress = IndexProgress::new(settings.quiet);
    let indexes = match database.active_pack()? {
        Some(pack) if !pack.has_encoder() => vectors::tune(&*database, flags.recall, &progress)?,
        _ => {
            let engine = settings.open_for_writing()?;
            engine.build_indexes(&progress)?;
            engine.tune(flags.recall, &progress)?
        }
    };
    progress.finish();
    render::indexes(settings, &indexes)?;
    Ok(Exit::Done)
}
