//! A projection of features for the `visual` space, learned from several views of each image without one caption.
//!
//! SimCLR's NT-Xent (Chen et al., arXiv:2002.05709): of a batch, the other view of the same image is to be nearest. The
//! projection is linear, since the feature is frozen and nothing behind it is kept apart from what is searched.

use crate::elementwise::{add_scaled, dot, exp, map_rows, normalise};
use crate::error::{Error, expect_option, expect_size};
use crate::gradient::{normalise_rows, through_normalise};
use crate::head::mean_and_deviation;
use crate::matrix::{Form, Matrix, Output, product};
use crate::optimiser::{Adam, AdamW, clip, norm};
use crate::parameters::{NamedTensor, Parameters};
use crate::pca;
use crate::random::{Random, seeded_hash};
use crate::schedule::Schedule;
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

/// From a raw feature to the visual space.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    mean: Vec<f32>,
    parameters: Parameters,
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

impl Projection {
    /// The unit vector of one image. A feature of the wrong length, or one that is not finite, gives zeros.
    pub fn apply(&self, feature: &[f32]) -> Vec<f32> {
        let weight = self.parameters.get("weight");
        let mut vector = vec![0.0; weight.cols];
        if feature.len() == self.mean.len() && feature.iter().all(|value| value.is_finite()) {
            for (at, (value, mean)) in feature.iter().zip(&self.mean).enumerate() {
                add_scaled(&mut vector, value - mean, weight.row(at));
            }
            normalise(&mut vector);
        }
        vector
    }

    fn all(&self, features: &Matrix, rows: &[u32], threads: usize) -> Matrix {
        let (mut z, mut lengths) = (
            Matrix::zeros(rows.len(), self.parameters.get("weight").cols),
            Vec::new(),
        );
        self.forward(&self.centred(features, rows), &mut z, &mut lengths, threads);
        z
    }

    fn centred(&self, features: &Matrix, rows: &[u32]) -> Matrix {
        let mut x = Matrix::zeros(rows.len(), features.cols);
        for (row, to) in rows
            .iter()
            .zip(x.data.chunks_exact_mut(features.cols.max(1)))
        {
            to.copy_from_slice(features.row(*row as usize));
            add_scaled(to, -1.0, &self.mean);
        }
        x
    }

    fn forward(&self, x: &Matrix, z: &mut Matrix, lengths: &mut Vec<f32>, threads: usize) {
        z.set_rows(x.rows);
        let weight = self.parameters.get("weight");
        product(
            &mut z.data,
            Output::Replaced,
            1.0,
            x.view(),
            weight,
            Form::Plain,
            threads,
        );
        normalise_rows(z, lengths, threads);
    }

    /// Mean and weights.
    pub fn to_tensors(&self) -> Vec<NamedTensor> {
        let mut tensors = self.parameters.to_tensors();
        tensors.push(("mean".to_string(), 1, self.mean.len(), self.mean.clone()));
        tensors
    }

    /// A projection from its tensors.
    pub fn from_tensors(tensors: &[NamedTensor]) -> Result<Self, Error> {
        let find = |name| tensors.iter().find(|tensor| tensor.0 == name);
        let inputs = find("mean").map_or(0, |tensor| tensor.3.len());
        let dim = find("weight").map_or(0, |tensor| tensor.2);
        expect_size(
            "weight",
            inputs * dim,
            find("weight").map_or(0, |tensor| tensor.3.len()),
        )?;
        let mut all = Parameters::default().with("mean", 1, inputs);
        all.fill(tensors)?;
        let mut parameters = Parameters::default().with("weight", inputs, dim);
        parameters.fill(tensors)?;
        Ok(Self {
            mean: all.values,
            parameters,
        })
    }
}

/// The optimiser and buffers of a run.
struct Learner<'a> {
    views: &'a Views<'a>,
    options: &'a Options,
    optimiser: AdamW,
    schedule: Schedule,
    gradient: Parameters,
    random: Random,
    z: Matrix,
    lengths: Vec<f32>,
    d: Matrix,
}

impl<'a> Learner<'a> {
    fn new(views: &'a Views, options: &'a Options, projection: &Projection, images: usize) -> Self {
        let total = u64::from(options.epochs) * (images / options.batch) as u64;
        let adam = Adam {
            weight_decay: options.weight_decay,
            ..Adam::default()
        };
        Self {
            views,
            options,
            optimiser: AdamW::new(adam, projection.parameters.values.len()),
            schedule: Schedule {
                peak: options.learning_rate,
                warm_up: total / 10,
                total,
            },
            gradient: projection.parameters.zeros_like(),
            random: Random::keyed(options.seed, 4),
            z: Matrix::zeros(0, options.dim),
            lengths: Vec::new(),
            d: Matrix::zeros(0, options.dim),
        }
    }

    fn epoch(
        &mut self,
        projection: &mut Projection,
        images: &[Vec<u32>],
    ) -> Result<Vec<f64>, Error> {
        let mut order: Vec<usize> = (0..images.len()).collect();
        self.random.shuffle(&mut order);
        let mut losses = Vec::new();
        for batch in order.chunks_exact(self.options.batch) {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for image in batch {
                let views = &images[*image];
                let at = self.random.below(views.len());
                let other = (at + 1 + self.random.below(views.len() - 1)) % views.len();
                first.push(views[at]);
                second.push(views[other]);
            }
            first.extend(second);
            losses.push(self.step(projection, &first)?);
        }
        Ok(losses)
    }

    /// One step over two views of each image, all first ones before all second ones.
    fn step(&mut self, projection: &mut Projection, rows: &[u32]) -> Result<f64, Error> {
        let threads = self.options.threads;
        let x = projection.centred(self.views.features, rows);
        projection.forward(&x, &mut self.z, &mut self.lengths, threads);
        let loss = nt_xent(&self.z, self.options.temperature, &mut self.d, threads);
        through_normalise(&mut self.d, &self.z, &self.lengths, threads);
        let d_weight = self.gradient.get_mut("weight");
        product(
            d_weight,
            Output::Replaced,
            1.0,
            x.view(),
            self.d.view(),
            Form::LeftTransposed,
            threads,
        );
        let length = norm(&self.gradient, threads);
        let rate = self.schedule.rate(self.optimiser.steps);
        if !loss.is_finite() || !length.is_finite() {
            let cause = format!("the loss is {loss}: divide the learning rate by ten");
            return Err(Error::Diverged {
                step: self.optimiser.steps + 1,
                cause,
            });
        }
        self.optimiser.step(
            &mut projection.parameters,
            &self.gradient,
            rate,
            clip(length, 1.0),
            threads,
        );
        Ok(loss)
    }
}

/// The loss of unit rows of which row i and row i + n, of 2n, are views of one image; `d` becomes its gradient.
fn nt_xent(z: &Matrix, temperature: f32, d: &mut Matrix, threads: usize) -> f64 {
    let n = z.rows;
    let partner = |row: usize| (row + n / 2) % n;
    let mut logits = Matrix::zeros(n, n);
    let scale = temperature.recip();
    product(
        &mut logits.data,
        Output::Replaced,
        scale,
        z.view(),
        z.view(),
        Form::RightTransposed,
        threads,
    );
    let losses = map_rows(&mut logits.data, n, threads, |first, chunk| {
        let mut loss = 0.0f64;
        for (row, values) in (first..).zip(chunk.chunks_exact_mut(n)) {
            // A view is no answer to itself.
            values[row] = -1e30;
            let (right, best) = (
                values[partner(row)],
                values.iter().fold(-1e30f32, |best, value| best.max(*value)),
            );
            values
                .iter_mut()
                .for_each(|value| *value = exp(*value - best));
            let sum: f32 = values.iter().sum();
            loss += f64::from(sum.ln() + best - right);
            values.iter_mut().for_each(|value| *value /= sum * n as f32);
            values[partner(row)] -= (n as f32).recip();
        }
        loss
    });
    d.set_rows(n);
    product(
        &mut d.data,
        Output::Replaced,
        scale,
        logits.view(),
        z.view(),
        Form::Plain,
        threads,
    );
    product(
        &mut d.data,
        Output::Added,
        scale,
        logits.view(),
        z.view(),
        Form::LeftTransposed,
        threads,
    );
    losses.iter().sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nt_xent_agrees_with_differences() {
        let mut random = Random::new(1);
        let mut z = Matrix {
            rows: 6,
            cols: 3,
            data: (0..18).map(|_| random.unit() - 0.5).collect(),
        };
        let (mut d, mut unused) = (Matrix::zeros(0, 3), Matrix::zeros(0, 3));
        nt_xent(&z, 0.5, &mut d, 1);
        for at in 0..18 {
            let kept = z.data[at];
            let mut shifted = |by: f32| {
                z.data[at] = kept + by;
                nt_xent(&z, 0.5, &mut unused, 1)
            };
            let expect = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            z.data[at] = kept;
            assert!(
                (f64::from(d.data[at]) - expect).abs() < 1e-3,
                "{at}: {} {expect}",
                d.data[at]
            );
        }
    }

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
