//! `fovea bench regions`: small figures in big scenes, found with parts of pictures and without.

use crate::bench_regions::{self, Figures};
use crate::exit::Exit;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, clips: bool) -> anyhow::Result<Exit> {
    let say = |words: &str| render::note(settings, words);
    let (name, figures) = match clips {
        true => ("regions of clips", Figures::Clips),
        false => ("regions", Figures::Stamps),
    };
    let bars = bench_regions::measure(settings, figures, &say)?;
    Ok(match render::ann_bars(settings, name, &bars)? {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}
