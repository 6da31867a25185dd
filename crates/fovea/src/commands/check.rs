//! `fovea check`: looks for damage, and makes missing previews again with `--repair`.

use fovea_engine::{Repair, vectors};
use fovea_vectordb::OpenMode;

use crate::exit::Exit;
use crate::flags::CheckFlags;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: CheckFlags) -> anyhow::Result<Exit> {
    if flags.forgotten {
        return forgotten(settings, flags.repair);
    }
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let active = database.active_pack()?;
    let report = match &active {
        Some(pack) if !pack.has_encoder() => vectors::check(&*database)?,
        _ => {
            let repair = if flags.repair {
                Repair::Previews
            } else {
                Repair::No
            };
            settings.open_for_reading()?.check(repair)?
        }
    };
    let failures = database.failures(None)?;
    let sources = database.sources()?;
    render::check(settings, &report, active.as_ref(), &failures, &sources)?;
    Ok(if report.is_sound() {
        Exit::Done
    } else {
        Exit::Damaged
    })
}

/// The proof that what was forgotten is gone.
fn forgotten(settings: &Settings, repair: bool) -> anyhow::Result<Exit> {
    let engine = match repair {
        true => settings.open_for_changes()?,
        false => settings.open_for_reading()?,
    };
    let (n_forgotten, searched) = engine.check_forgotten(repair)?;
    render::forgotten_check(settings, n_forgotten, &searched)?;
    Ok(match searched.traces.is_empty() {
        true => Exit::Done,
        false => Exit::Damaged,
    })
}
