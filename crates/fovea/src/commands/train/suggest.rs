//! `fovea train suggest`: the pictures of a collection whose label would help most.

use fovea_train::classify::{Labels, Options, classify};
use fovea_train::suggest::{SuggestOptions, suggest};

use super::labelled::gather;
use crate::exit::Exit;
use crate::flags::train::SuggestFlags;
use crate::interrupt;
use crate::render;
use crate::settings::{DEFAULT_PACK, Settings};

pub fn run(settings: &Settings, flags: &SuggestFlags) -> anyhow::Result<Exit> {
    let engine = settings.open_for_reading()?;
    let pack = match engine.database().active_pack()? {
        Some(active) => settings.pack_of(&active)?,
        None => settings.open_pack(DEFAULT_PACK)?,
    };
    let n_threads = flags.n_threads();
    let labelled = gather(settings, &flags.source, (n_threads, 1), &pack)?;
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    render::skipped(settings, &labelled.skipped);
    let options = Options {
        threads: n_threads,
        ..Options::default()
    };
    let singles = labelled.singles();
    let labels = match &singles {
        Some(singles) => Labels::One(singles),
        None => Labels::Several(&labelled.rows),
    };
    let outcome = classify(&labelled.features, labels, labelled.labels.len(), &options)?;
    let unlabelled = labelled.without(&engine, &flags.filter)?;
    let probabilities: Vec<Vec<f32>> = unlabelled
        .iter()
        .map(|(_, feature)| outcome.classifier.probabilities(feature))
        .collect();
    let (paths, features): (Vec<_>, Vec<_>) = unlabelled.into_iter().unzip();
    let of_labelled = labelled
        .features
        .data
        .chunks_exact(labelled.features.cols.max(1));
    let of_labelled: Vec<Vec<f32>> = of_labelled.map(<[f32]>::to_vec).collect();
    let asked = SuggestOptions {
        n: flags.top,
        ..SuggestOptions::default()
    };
    let found = suggest(&probabilities, &features, &of_labelled, &asked)?;
    let named: Vec<_> = found.iter().map(|one| (&paths[one.row], one)).collect();
    render::suggestions(settings, &labelled.labels, &named)?;
    Ok(Exit::Done)
}
