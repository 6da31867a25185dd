//! Which images and captions a run learns from, and which pack reads them.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context;
use fovea_encode::{Encoder, Pack};
use fovea_engine::pairs::{self, GatheredPairs, PairOptions};
use fovea_engine::{Engine, IndexOptions};
use fovea_train::pairs::{Pairs, Split};
use fovea_vectordb::OpenMode;

use super::packs::open_pack;
use super::pairs::matrices;
use crate::commands::filters::filters;
use crate::exit::Refusal;
use crate::flags::train::AlignFlags;
use crate::interrupt;
use crate::render::IndexProgress;
use crate::settings::Settings;

/// What a run begins with.
pub struct Gathered {
    pub pack: Pack,
    pub images: GatheredPairs,
    pub pairs: Pairs,
    /// Where somebody said which images are held out.
    pub split: Option<Split>,
}

pub fn gather(settings: &Settings, flags: &AlignFlags) -> anyhow::Result<Gathered> {
    let pack = open_pack(settings, flags.model.as_deref(), flags.from_collection)?;
    let options = PairOptions {
        n_views: usize::from(flags.views),
        files: IndexOptions {
            n_workers: flags.n_threads(),
            ..Default::default()
        },
    };
    let progress = IndexProgress::new(settings.quiet);
    let mut images = match &flags.pairs {
        None => {
            let engine = settings.open_for_reading()?;
            let filter = filters(&engine, &flags.filter)?;
            pairs::of_collection(&engine, &filter, &options, &progress)?
        }
        Some(file) => of_file(settings, &pack, file, &options, &progress)?,
    };
    let languages = &pack.spec().languages;
    images.keep_spoken(languages);
    let n_learnt = images.images.len();
    if let Some(file) = &flags.held_out {
        let mut held_out = of_file(settings, &pack, file, &options, &progress)?;
        held_out.keep_spoken(languages);
        images.n_not_spoken += held_out.n_not_spoken;
        images.images.extend(held_out.images);
        images.skipped.extend(held_out.skipped);
        images.n_without_caption += held_out.n_without_caption;
    }
    progress.finish();
    if images.images.is_empty() && !interrupt::is_interrupted() {
        return Err(nothing(&images, flags).into());
    }
    let n_images = u32::try_from(images.images.len()).context("too many images")?;
    let split = flags.held_out.is_some().then(|| Split {
        train: (0..n_learnt as u32).collect(),
        validation: (n_learnt as u32..n_images).collect(),
    });
    Ok(Gathered {
        pairs: matrices(&images, &pack, (flags.word_dropout, flags.seed))?,
        pack,
        images,
        split,
    })
}

fn of_file(
    settings: &Settings,
    pack: &Pack,
    file: &Path,
    options: &PairOptions,
    progress: &IndexProgress,
) -> anyhow::Result<GatheredPairs> {
    let engine = collection_of(settings, pack);
    Ok(pairs::of_listed(
        pack,
        engine.as_ref(),
        pairs::listed(file)?,
        options,
        progress,
    )?)
}

/// The collection, where there is one whose features are this pack's.
pub fn collection_of(settings: &Settings, pack: &Pack) -> Option<Engine> {
    settings.open_database(OpenMode::ReadOnly).ok()?;
    let engine = settings.open_for_reading().ok()?;
    (engine.encoder().spec().features == pack.spec().features).then_some(engine)
}

fn nothing(images: &GatheredPairs, flags: &AlignFlags) -> Refusal {
    let reasons: HashSet<&str> = images
        .skipped
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    let first = images
        .skipped
        .first()
        .map(|one| format!("; {}: {}", one.path.display(), one.reason));
    let hint = match flags.from_collection {
        true => {
            "index the images with captions (fovea index --captions FILE.tsv), or bring a file: --pairs FILE.tsv"
        }
        false => {
            "its lines are path, language and caption with tabs between them, and paths are relative to its folder"
        }
    };
    Refusal::input(format!(
        "there is no image with a caption to learn from: {} without a caption, {} could not be read for {} reasons{}; {hint}",
        images.n_without_caption,
        images.skipped.len(),
        reasons.len(),
        first.unwrap_or_default(),
    ))
}
