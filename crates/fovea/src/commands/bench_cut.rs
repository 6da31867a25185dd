//! `fovea bench cut`: where matches end, fitted on Open Clip Art and measured on stamps.

use std::path::Path;

use crate::bench_cut;
use crate::exit::Exit;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, fit: bool, head: Option<&Path>) -> anyhow::Result<Exit> {
    let say = |words: &str| render::note(settings, words);
    if fit {
        render::calibration(settings, &bench_cut::fit(settings, head, &say)?)?;
        return Ok(Exit::Done);
    }
    let bars = bench_cut::measure(settings, &say)?;
    Ok(match render::ann_bars(settings, "cut", &bars)? {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}
