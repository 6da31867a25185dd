//! What a run begins with: views that can be learned from, its sides, and the projection before the first step.

use std::collections::BTreeMap;

use crate::error::{Error, expect_option, expect_size};
use crate::head::mean_and_deviation;
use crate::parameters::Parameters;
use crate::pca;
use crate::projection::Projection;
use crate::random::seeded_hash;
use crate::visual::{Options, Start, Views};

pub(super) fn check(views: &Views, options: &Options) -> Result<(), Error> {
    let inputs = views.features.cols;
    expect_size(
        "images of views",
        views.features.rows,
        views.view_image.len(),
    )?;
    expect_size(
        "folders of images",
        views.image_keys.len(),
        views.folders.len(),
    )?;
    views.features.expect_finite("features")?;
    if let Some(image) = views
        .view_image
        .iter()
        .find(|image| **image as usize >= views.image_keys.len())
    {
        let (expected, found) = (views.image_keys.len(), *image as usize);
        return Err(Error::Shape {
            what: "number of an image",
            expected,
            found,
        });
    }
    let fits = match options.start {
        Start::Whitening => (1..=inputs).contains(&options.dim),
        Start::Identity => options.dim == inputs,
    };
    expect_option(
        "length of the visual space",
        fits,
        "at most that of a feature, or just that for identity",
        options.dim,
    )?;
    expect_option("batch", options.batch >= 2, "at least 2", options.batch)?;
    let share = options.validation_share;
    expect_option(
        "validation share",
        (0.0..=0.9).contains(&share),
        "a share, 0 to 0.9",
        share,
    )?;
    expect_option(
        "temperature",
        (0.01..=10.0).contains(&options.temperature),
        "0.01 to 10",
        options.temperature,
    )?;
    let rate = options.learning_rate;
    expect_option(
        "learning rate",
        rate.is_finite() && rate > 0.0,
        "a number above zero",
        rate,
    )
}

/// The views of each image that has two or more, by what the image is for; the same key stands on one side.
pub(super) struct Sides {
    pub(super) train: Vec<Vec<u32>>,
    pub(super) choose: Vec<Vec<u32>>,
    pub(super) measure: Vec<Vec<u32>>,
}

pub(super) fn split(views: &Views, options: &Options) -> Sides {
    let mut by_key = BTreeMap::<&str, Vec<u32>>::new();
    for (view, image) in views.view_image.iter().enumerate() {
        by_key
            .entry(&views.image_keys[*image as usize])
            .or_default()
            .push(view as u32);
    }
    by_key.retain(|_, views| views.len() >= 2);
    let mut keys: Vec<&str> = by_key.keys().copied().collect();
    keys.sort_by_key(|key| seeded_hash(options.seed, key));
    let held_out = (options.validation_share * keys.len() as f64).round() as usize;
    let of = |keys: &[&str]| keys.iter().map(|key| by_key[key].clone()).collect();
    Sides {
        train: of(&keys[held_out..]),
        choose: of(&keys[..held_out / 2]),
        measure: of(&keys[held_out / 2..held_out]),
    }
}

pub(super) fn start(views: &Views, rows: &[u32], options: &Options) -> Result<Projection, Error> {
    let inputs = views.features.cols;
    let (mean, _) = mean_and_deviation(views.features, rows);
    let mut parameters = Parameters::default().with("weight", inputs, options.dim);
    let weight = parameters.get_mut("weight");
    match options.start {
        Start::Identity => (0..inputs).for_each(|at| weight[at * inputs + at] = 1.0),
        Start::Whitening => {
            let components = pca::whitening(
                views.features,
                rows,
                &mean,
                options.dim,
                options.seed,
                options.threads,
            );
            for (component, row) in components.data.chunks_exact(inputs).enumerate() {
                row.iter()
                    .enumerate()
                    .for_each(|(at, value)| weight[at * options.dim + component] = *value);
            }
        }
    }
    match parameters.values.iter().all(|value| value.is_finite()) {
        true => Ok(Projection { mean, parameters }),
        false => Err(Error::NotFinite {
            what: "principal components",
            row: 0,
        }),
    }
}
