//! `fovea tune`: the cheapest search that finds what it should.

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
    settings.open_database(OpenMode::ReadWrite)?;
    let engine = settings.open_for_writing()?;
    let progress = IndexProgress::new(settings.quiet);
    engine.build_indexes(&progress)?;
    let indexes = engine.tune(flags.recall, &progress)?;
    progress.finish();
    render::indexes(settings, &indexes)?;
    Ok(Exit::Done)
}
