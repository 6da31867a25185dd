//! A projection of features for the `visual` space, learned from several views of each image without one caption.
//!
//! SimCLR's NT-Xent (Chen et al., arXiv:2002.05709): of a batch, the other view of the same image is to be nearest. The
//! projection is linear, since the feature is frozen and nothing behind it is kept apart from what is searched.

use crate::contrast::Learner;
use crate::elementwise::normalise;
use crate::error::{Error, expect_option, expect_size};
use crate::head::mean_and_deviation;
use crate::matrix::Matrix;
use crate::parameters::Parameters;
use crate::pca;
pub use crate::projection::Projection;
use crate::random::seeded_hash;
pub use crate::similar::Similar;
use crate::similar::similar;

/// Views of images and what is known of the images.
#[derive(Clone, Copy, Debug)]
pub struct Views<'a> {
    /// The raw feature of each view.
    pub features: &'a Matrix,
    /// The image of each view.
    pub view_image: &'a [u32],
    /// What names the content of each image.
    pub image_keys: &'a [String],
    /// The folder of each image.
    pub folders: &'a [u32],
}

/// Where the projection starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Start {
    /// Principal components, each divided by its deviation.
    Whitening,
    /// The centred feature as it is; only as wide as it.
    Identity,
}

/// Options of a projection.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Options {
    /// Length of a vector of the visual space.
    pub dim: usize,
    /// Where to start.
    pub start: Start,
    /// Divides the cosines.
    pub temperature: f32,
    /// Images of a step, with two views each.
    pub batch: usize,
    /// How often every image has its turn.
    pub epochs: u32,
    /// The greatest learning rate.
    pub learning_rate: f32,
    /// How much of a weight a step of rate one takes away.
    pub weight_decay: f32,
    /// Share of images that are only measured.
    pub validation_share: f64,
    /// The same seed gives the same weights.
    pub seed: u64,
    /// Threads of rayon's pool. They do not change the result.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dim: 256,
            start: Start::Whitening,
            temperature: 0.1,
            batch: 256,
            epochs: 20,
            learning_rate: 1e-4,
            weight_decay: 1e-4,
            validation_share: 0.1,
            seed: 0,
            threads: 1,
        }
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best projection.
    pub projection: Projection,
    /// Raw features, only normalised.
    pub raw: Similar,
    /// The projection before the first step.
    pub before: Similar,
    /// The best projection.
    pub after: Similar,
    /// Loss of each step.
    pub losses: Vec<f64>,
}

/// Learns a projection.
pub fn project(views: &Views, options: &Options) -> Result<Outcome, Error> {
    check(views, options)?;
    let (train, validation) = split(views, options);
    if train.len() < options.batch {
        return Err(Error::TooFewPairs {
            pairs: train.len(),
            batch: options.batch,
        });
    }
    let held_out: Vec<u32> = validation.iter().flatten().copied().collect();
    let rows: Vec<u32> = train.iter().flatten().copied().collect();
    let mut projection = start(views, &rows, options)?;
    let measure = |projection: &Projection| {
        similar(
            &projection.all(views.features, &held_out, options.threads),
            views,
            &held_out,
            options.threads,
        )
    };
    let raw = similar(
        &unit_rows(views.features, &held_out),
        views,
        &held_out,
        options.threads,
    );
    let before = measure(&projection);
    let (mut best, mut after) = (projection.clone(), before);
    let mut losses = Vec::new();
    let mut learner = Learner::new(views, options, &projection, train.len());
    for _ in 0..options.epochs {
        losses.extend(learner.epoch(&mut projection, &train)?);
        let now = measure(&projection);
        if now.same_image > after.same_image || held_out.is_empty() {
            (best, after) = (projection.clone(), now);
        }
    }
    Ok(Outcome {
        projection: best,
        raw,
        before,
        after,
        losses,
    })
}

fn check(views: &Views, options: &Options) -> Result<(), Error> {
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

/// The views of each image that has two or more, on either side; the same key stands on one.
type Sides = (Vec<Vec<u32>>, Vec<Vec<u32>>);

fn split(views: &Views, options: &Options) -> Sides {
    let mut by_key = std::collections::BTreeMap::<&str, Vec<u32>>::new();
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
    (of(&keys[held_out..]), of(&keys[..held_out]))
}

fn start(views: &Views, rows: &[u32], options: &Options) -> Result<Projection, Error> {
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

fn unit_rows(features: &Matrix, rows: &[u32]) -> Matrix {
    let mut unit = Matrix::zeros(rows.len(), features.cols);
    for (row, to) in rows
        .iter()
        .zip(unit.data.chunks_exact_mut(features.cols.max(1)))
    {
        to.copy_from_slice(features.row(*row as usize));
        normalise(to);
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementwise::dot;
    use crate::random::Random;

    /// Views differ along strong directions that say nothing; images along weak ones.
    #[test]
    fn views_of_an_image_come_together() {
        let (n, per, cols) = (120, 3, 12);
        let mut random = Random::new(2);
        let mut features = Matrix::zeros(n * per, cols);
        for image in 0..n {
            let content: Vec<f32> = (0..6).map(|_| random.normals().0).collect();
            for view in 0..per {
                let row = &mut features.data[(image * per + view) * cols..][..cols];
                row[..6].copy_from_slice(&content);
                row.iter_mut()
                    .for_each(|value| *value += 0.1 * random.normals().0);
                row[6..]
                    .iter_mut()
                    .for_each(|value| *value += 3.0 * random.normals().0);
            }
        }
        let view_image: Vec<u32> = (0..n * per).map(|view| (view / per) as u32).collect();
        let image_keys: Vec<String> = (0..n).map(|image| format!("image {image}")).collect();
        let folders = vec![0; n];
        let views = Views {
            features: &features,
            view_image: &view_image,
            image_keys: &image_keys,
            folders: &folders,
        };
        let options = Options {
            dim: 12,
            batch: 32,
            validation_share: 0.3,
            learning_rate: 2e-2,
            threads: 2,
            ..Options::default()
        };
        let outcome = project(&views, &options).unwrap();
        let (raw, after) = (outcome.raw.same_image, outcome.after.same_image);
        assert!(
            raw < 0.4 && outcome.before.same_image > raw && after > 0.9,
            "{raw} {:?} {after}",
            outcome.before
        );
        let restored = Projection::from_tensors(&outcome.projection.to_tensors()).unwrap();
        assert_eq!(restored, outcome.projection);
        let vector = restored.apply(features.row(0));
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
    }
}
