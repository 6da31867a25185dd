//! `fovea check`: looks for damage, and makes missing previews again with `--repair`.

use fovea_engine::Repair;

use crate::exit::Exit;
use crate::flags::CheckFlags;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: CheckFlags) -> anyhow::Result<Exit> {
    let engine = settings.open_for_reading()?;
    let repair = if flags.repair {
        Repair::Previews
    } else {
        Repair::No
    };
    let report = engine.check(repair)?;
    let failures = engine.database().failures(None)?;
    render::check(settings, &report, &failures, &engine.database().sources()?)?;
    Ok(if report.is_sound() {
        Exit::Done
    } else {
        Exit::Damaged
    })
}
