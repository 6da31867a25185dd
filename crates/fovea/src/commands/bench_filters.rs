//! `fovea bench filters`: what filters cost among a million items.

use fovea_vectordb::IndexChoice;

use crate::bench_filters;
use crate::exit::{Exit, Refusal};
use crate::render;
use crate::settings::{Settings, cache_folder};

pub fn run(settings: &Settings, n_items: u64, index: &str) -> anyhow::Result<Exit> {
    if !(1..=1_000_000_000).contains(&n_items) {
        return Err(
            Refusal::input(format!("--items {n_items}: between 1 and 1,000,000,000")).into(),
        );
    }
    let index: IndexChoice = index
        .parse()
        .map_err(|error| Refusal::input(format!("--index {index}: {error}")))?;
    let say = |words: &str| render::note(settings, words);
    let folder = cache_folder()?.join(format!("bench/filters/{n_items}"));
    let measured = bench_filters::run(&folder, n_items, &index, &say)?;
    render::filters_bench(settings, &measured)?;
    Ok(match measured.all_met {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}
