//! `fovea train`: what is learnt from a person's own images.

mod align;
mod gather;
mod pairs;
mod report;

pub use align::Learnt;
pub use gather::Gathered;
pub use report::languages;

use crate::exit::Exit;
use crate::flags::train::{TrainCommand, TrainFlags};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: TrainFlags) -> anyhow::Result<Exit> {
    match flags.what {
        TrainCommand::Align(flags) => align::run(settings, &flags),
    }
}
