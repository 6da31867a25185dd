//! `fovea train suggest`: the pictures of a collection whose label would help most.

use std::ops::ControlFlow;

use fovea_train::classify::{Labels, Options, classify};
use fovea_train::suggest::{Pool, SuggestOptions};

use super::labelled::{gather, nothing_unlabelled};
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
    let mut pool = Pool::new(SuggestOptions {
        n: flags.top,
        ..SuggestOptions::default()
    });
    let mut failed = Ok(());
    labelled.each_without(&engine, &flags.filter, &mut |path, feature| {
        failed = pool.add(path, &outcome.classifier.probabilities(&feature), feature);
        match failed.is_err() || interrupt::is_interrupted() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    failed?;
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    if pool.n_rows() == 0 {
        return Err(nothing_unlabelled().into());
    }
    let of_labelled = &labelled.features;
    let of_labelled = of_labelled.data.chunks_exact(of_labelled.cols.max(1));
    let found = pool.suggest(of_labelled)?;
    render::suggestions(settings, &labelled.labels, &found)?;
    Ok(Exit::Done)
}
