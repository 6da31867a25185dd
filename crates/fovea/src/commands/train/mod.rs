//! `fovea train`: what is learnt from a person's own images.

mod align;
mod calibrate;
mod classify;
mod gather;
mod labelled;
mod packs;
mod pairs;
mod pseudo;
mod report;
mod suggest;
mod unfreeze;
mod visual;

pub use align::Learnt;
pub use classify::Taught;
pub use gather::Gathered;
pub use report::languages;
pub use unfreeze::Moved;

use crate::exit::Exit;
use crate::flags::train::{TrainCommand, TrainFlags};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: TrainFlags) -> anyhow::Result<Exit> {
    match flags.what {
        TrainCommand::Align(flags) => align::run(settings, &flags),
        TrainCommand::Suggest(flags) => suggest::run(settings, &flags),
        TrainCommand::Classify(flags) => classify::run(settings, &flags),
        TrainCommand::Visual(flags) => visual::run(settings, &flags),
    }
}
