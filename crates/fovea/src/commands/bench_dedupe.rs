//! `fovea bench dedupe`: how well copies of pictures are found, and how long a large collection takes.

use crate::bench_dedupe::{self, Sizes};
use crate::exit::Exit;
use crate::flags::BenchDedupeFlags;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &BenchDedupeFlags) -> anyhow::Result<Exit> {
    let say = |words: &str| render::note(settings, words);
    let (name, bars) = match flags.items {
        Some(n_items) => ("dedupe, time", bench_dedupe::timed(n_items, &say)?),
        None => {
            let sizes = Sizes {
                clips: flags.clips,
                stamps: flags.stamps,
                fit: flags.fit,
            };
            ("dedupe", bench_dedupe::measure(sizes, &say)?)
        }
    };
    Ok(match render::ann_bars(settings, name, &bars)? {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}
