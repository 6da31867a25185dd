//! `fovea train classify --pseudo-label`: pictures of the collection without a label teach too, as far as the classifier is sure.

use fovea_encode::{Encoder, Pack};
use fovea_train::classify::Options;
use fovea_train::matrix::Matrix;
use fovea_train::pseudo::{Grown, PseudoError, PseudoOptions, grow};

use super::gather::collection_of;
use super::labelled::Labelled;
use crate::exit::Refusal;
use crate::flags::train::ClassifyFlags;
use crate::settings::Settings;

/// Rounds of choosing and learning again; further ones change little.
const ROUNDS: usize = 4;

/// Refuses what would be refused after the work.
pub fn check(flags: &ClassifyFlags) -> Result<(), Refusal> {
    let precision = flags.precision;
    match precision > 0.0 && precision <= 1.0 {
        true => Ok(()),
        false => Err(Refusal::input(format!(
            "--precision {precision}: expected a share above 0, up to 1"
        ))),
    }
}

pub fn grown(
    settings: &Settings,
    flags: &ClassifyFlags,
    pack: &Pack,
    (labelled, singles): (&Labelled, Option<Vec<u32>>),
    options: &Options,
) -> anyhow::Result<Grown> {
    let Some(labels) = singles else {
        return Err(Refusal::input(
            "--pseudo-label takes images with one label each, and some have several or none",
        )
        .into());
    };
    let Some(engine) = collection_of(settings, pack) else {
        return Err(Refusal::input(format!(
            "--pseudo-label learns from pictures of the collection, and `{}` has none that the pack {} has seen; fovea index PATH adds some",
            settings.collection,
            pack.spec().name
        ))
        .into());
    };
    let (_, features): (Vec<_>, Vec<_>) = labelled
        .without(&engine, &flags.filter)?
        .into_iter()
        .unzip();
    let unlabelled = Matrix {
        rows: features.len(),
        cols: pack.spec().feature_dim,
        data: features.concat(),
    };
    let pseudo = PseudoOptions {
        target_precision: flags.precision,
        // The lower end of the interval asks for more held-out images than a small labelled set has; what is promised is measured on
        // other images, and said with its interval.
        by_lower_bound: false,
        rounds: ROUNDS,
        ..PseudoOptions::default()
    };
    let classes = labelled.labels.len();
    grow(
        &labelled.features,
        &labels,
        &unlabelled,
        classes,
        (options, &pseudo),
    )
    .map_err(|error| match error {
        PseudoError::Fit { .. } => error.into(),
        other => Refusal::input(other.to_string()).into(),
    })
}

/// What the manifest says of it.
pub fn metrics(grown: &Grown) -> Vec<(String, f64)> {
    let added = (
        "pseudo_labels".to_owned(),
        grown.training.labels.len() as f64,
    );
    let precision = grown.precision.iter();
    let precision = precision.map(|one| ("pseudo_label_precision".to_owned(), one.share.value));
    std::iter::once(added).chain(precision).collect()
}
