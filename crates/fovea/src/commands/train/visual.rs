//! `fovea train visual`: pictures without a word become a projection for the `visual` space.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_encode::{Pack, VisualWeights, models};
use fovea_engine::pairs::GatheredPairs;
use fovea_engine::views::{self, ViewOptions};
use fovea_engine::{IndexOptions, Skipped};
use fovea_train::matrix::Matrix;
use fovea_train::visual::{Options, Outcome, Projection, Views, project};

use super::gather::collection_of;
use super::labelled::images_below;
use super::packs::{expect_free, open_pack, settings_of, training, turned};
use crate::commands::filters::filters;
use crate::exit::{Exit, Refusal};
use crate::flags::train::VisualFlags;
use crate::interrupt;
use crate::render::{self, IndexProgress, TrainProgress};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &VisualFlags) -> anyhow::Result<Exit> {
    expect_free(settings, flags.model.as_deref(), &flags.name, flags.replace)?;
    let pack = open_pack(settings, flags.model.as_deref(), flags.from_collection)?;
    let gathered = gather(settings, flags, &pack)?;
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    render::skipped(settings, &gathered.skipped);
    if gathered.images.is_empty() {
        return Err(nothing(flags, &gathered.skipped).into());
    }
    let seen = Seen::of(&gathered, &pack);
    let started = Instant::now();
    let options = options(flags);
    let progress = TrainProgress::new(settings.quiet, options.epochs);
    let outcome = project(&seen.views(), &options, |epoch| {
        progress.alike(epoch);
        match interrupt::is_interrupted() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    progress.finish();
    if outcome.is_stopped {
        return Ok(Exit::Interrupted);
    }
    let is_better = outcome.after.score() > outcome.raw.score();
    let made = match is_better {
        true => Some(install(
            settings,
            flags,
            &pack,
            &seen,
            (&outcome, &options),
        )?),
        false => None,
    };
    let took = started.elapsed();
    render::seen_alike(settings, &gathered.skipped, &outcome, made.as_ref(), took)?;
    if !is_better {
        return Err(Refusal::input(
            "the projection finds held-out pictures no better than the features do, so no pack was made; more pictures help, \
             or another --dim, --rate or --temperature",
        )
        .into());
    }
    Ok(Exit::Done)
}

fn gather(settings: &Settings, flags: &VisualFlags, pack: &Pack) -> anyhow::Result<GatheredPairs> {
    let minutes = Duration::try_from_secs_f64(60.0 * flags.minutes);
    let options = ViewOptions {
        n_images: flags.images,
        n_views: usize::from(flags.views),
        seed: flags.seed,
        until: Some(Instant::now() + minutes.context("--minutes takes minutes")?),
        files: IndexOptions {
            n_workers: flags.n_threads(),
            ..Default::default()
        },
    };
    let progress = IndexProgress::new(settings.quiet);
    let gathered = match &flags.folder {
        None => {
            let engine = settings.open_for_reading()?;
            let filter = filters(&engine, &flags.filter)?;
            views::of_collection(&engine, &filter, &options, &progress)?
        }
        Some(folder) => {
            let folder = fs::canonicalize(folder)
                .with_context(|| format!("cannot find {}", folder.display()))?;
            let engine = collection_of(settings, pack);
            let files = images_below(&folder).collect();
            views::of_files(pack, engine.as_ref(), files, &options, &progress)?
        }
    };
    progress.finish();
    Ok(gathered)
}

fn nothing(flags: &VisualFlags, skipped: &[Skipped]) -> Refusal {
    let where_to = match &flags.folder {
        Some(folder) => format!("{} holds no picture", folder.display()),
        None => "the collection has no picture (fovea index PATH adds some)".to_owned(),
    };
    Refusal::input(match skipped.first() {
        Some(first) => format!(
            "none of {} pictures could be read; {}: {}",
            skipped.len(),
            first.path.display(),
            first.reason
        ),
        None => format!("{where_to} to learn from"),
    })
}

fn options(flags: &VisualFlags) -> Options {
    Options {
        dim: flags.dim,
        temperature: flags.temperature,
        batch: flags.batch,
        epochs: flags.epochs,
        learning_rate: flags.rate,
        validation_share: flags.validation,
        seed: flags.seed,
        threads: flags.n_threads(),
        ..Options::default()
    }
}

/// Views as matrices.
struct Seen {
    features: Matrix,
    view_image: Vec<u32>,
    image_keys: Vec<String>,
    folders: Vec<u32>,
}

impl Seen {
    fn of(gathered: &GatheredPairs, pack: &Pack) -> Seen {
        let mut numbers: BTreeMap<PathBuf, u32> = BTreeMap::new();
        let mut seen = Seen {
            features: Matrix {
                cols: pack.frozen_dim(),
                ..Matrix::default()
            },
            view_image: Vec::new(),
            image_keys: Vec::new(),
            folders: Vec::new(),
        };
        for (image, one) in (0..).zip(&gathered.images) {
            let next = numbers.len() as u32;
            let folder = one.path.parent().unwrap_or(Path::new("")).to_owned();
            seen.folders.push(*numbers.entry(folder).or_insert(next));
            seen.image_keys.push(one.content.to_string());
            for feature in &one.features {
                seen.features.data.extend_from_slice(pack.frozen(feature));
                seen.view_image.push(image);
            }
        }
        seen.features.rows = seen.view_image.len();
        seen
    }

    fn views(&self) -> Views<'_> {
        Views {
            features: &self.features,
            view_image: &self.view_image,
            image_keys: &self.image_keys,
            folders: &self.folders,
        }
    }

    /// Hex BLAKE3 of the pictures and what was seen of them.
    fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for key in &self.image_keys {
            hasher.update(key.as_bytes());
        }
        for value in &self.features.data {
            hasher.update(&value.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

fn install(
    settings: &Settings,
    flags: &VisualFlags,
    pack: &Pack,
    seen: &Seen,
    (outcome, options): (&Outcome, &Options),
) -> anyhow::Result<models::PackInfo> {
    let weights = weights(&outcome.projection, outcome.alike)?;
    let learnt = models::Learnt {
        visual: Some(&weights),
        ..Default::default()
    };
    let metrics = [
        ("held_out_images", outcome.sides.2 as f64),
        ("frozen_map_copies", outcome.raw.same_image),
        ("trained_map_copies", outcome.after.same_image),
        ("frozen_map_folder", outcome.raw.same_folder),
        ("trained_map_folder", outcome.after.same_folder),
    ];
    let mut chosen = settings_of(options);
    chosen.insert("views".to_owned(), flags.views.to_string());
    let metrics = metrics.map(|(name, value)| (name.to_owned(), value)).into();
    Ok(models::derive(
        &settings.models,
        pack,
        &flags.name,
        learnt,
        training(pack, seen.hash(), chosen, metrics),
        flags.replace,
    )?)
}

/// The projection as a pack keeps it, whose rows are outputs.
fn weights(projection: &Projection, alike: f32) -> anyhow::Result<VisualWeights> {
    let tensors = projection.to_tensors();
    let weight = tensors.iter().find(|tensor| tensor.0 == "weight");
    let (_, inputs, dim, weights) = weight.context("a projection without weights")?;
    Ok(VisualWeights {
        mean: projection.mean().to_vec(),
        weights: turned(weights, *inputs, *dim),
        alike,
    })
}
