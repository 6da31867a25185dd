//! A projection of features for the `visual` space, learned from several views of each image without one caption.
//!
//! SimCLR's NT-Xent (Chen et al., arXiv:2002.05709): of a batch, the other view of the same image is to be nearest. The
//! projection is linear, since the feature is frozen and nothing behind it is kept apart from what is searched.

mod start;

use std::ops::ControlFlow;

use self::start::Sides;
use crate::contrast::Learner;
use crate::elementwise::normalise;
use crate::error::Error;
use crate::matrix::{Form, Matrix, Output, product};
pub use crate::projection::Projection;
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
    /// Share of images that do not teach: half of them choose the epoch, the other half is only measured.
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
            validation_share: 0.2,
            seed: 0,
            threads: 1,
        }
    }
}

/// What came out. All measures are of images that neither taught the projection nor chose its epoch.
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
    /// Cosine that as few pairs of images reach in the new space as [`ALIKE`] in that of features.
    pub alike: f32,
    /// Images that taught, chose and were measured.
    pub sides: (usize, usize, usize),
    /// The epoch of the best projection; zero where none was better than the start.
    pub best_epoch: u32,
    /// Loss of each step.
    pub losses: Vec<f64>,
    /// Whether the caller stopped it.
    pub is_stopped: bool,
}

/// What an epoch reached, on the images that choose.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// Counted from one.
    pub epoch: u32,
    /// Loss of its last step.
    pub loss: f64,
    /// How well the images that choose find what is alike.
    pub similar: Similar,
    /// Whether it is the best so far.
    pub is_best: bool,
}

/// Cosine of features from which on two pictures are shots of one thing.
pub const ALIKE: f32 = 0.9;

/// Learns a projection, calling `progress` after each epoch.
pub fn project(
    views: &Views,
    options: &Options,
    mut progress: impl FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    start::check(views, options)?;
    let sides = start::split(views, options);
    if sides.train.len() < options.batch {
        return Err(Error::TooFewImages {
            images: sides.train.len(),
            batch: options.batch,
        });
    }
    let judge = Judge {
        views,
        threads: options.threads,
    };
    let rows: Vec<u32> = sides.train.iter().flatten().copied().collect();
    let mut projection = start::start(views, &rows, options)?;
    let first = projection.clone();
    let (mut best, mut best_epoch) = (projection.clone(), 0);
    let mut reached = judge.of(&projection, &sides.choose);
    let (mut losses, mut is_stopped) = (Vec::new(), false);
    let mut learner = Learner::new(views, options, &projection, sides.train.len());
    for epoch in 1..=options.epochs {
        losses.extend(learner.epoch(&mut projection, &sides.train)?);
        let similar = judge.of(&projection, &sides.choose);
        let is_best = similar.score() > reached.score() || sides.choose.is_empty();
        if is_best {
            (best, best_epoch, reached) = (projection.clone(), epoch, similar);
        }
        let loss = losses.last().copied().unwrap_or(f64::NAN);
        let done = Epoch {
            epoch,
            loss,
            similar,
            is_best,
        };
        if progress(&done).is_break() {
            is_stopped = true;
            break;
        }
    }
    let measured = sides
        .measure
        .iter()
        .flatten()
        .copied()
        .collect::<Vec<u32>>();
    Ok(Outcome {
        raw: judge.measured(&unit_rows(views.features, &measured), &sides.measure),
        before: judge.of(&first, &sides.measure),
        after: judge.of(&best, &sides.measure),
        alike: judge.alike(&best, &sides),
        sides: (sides.train.len(), sides.choose.len(), sides.measure.len()),
        projection: best,
        best_epoch,
        losses,
        is_stopped,
    })
}

/// Measures projections.
struct Judge<'a> {
    views: &'a Views<'a>,
    threads: usize,
}

/// Pictures whose pairs say which cosines are rare; their number grows with the square.
const COMPARED: usize = 2_000;

impl Judge<'_> {
    fn of(&self, projection: &Projection, images: &[Vec<u32>]) -> Similar {
        let rows: Vec<u32> = images.iter().flatten().copied().collect();
        let vectors = projection.all(self.views.features, &rows, self.threads);
        self.measured(&vectors, images)
    }

    fn measured(&self, vectors: &Matrix, images: &[Vec<u32>]) -> Similar {
        let rows: Vec<u32> = images.iter().flatten().copied().collect();
        similar(vectors, self.views, &rows, self.threads)
    }

    /// The cosine after `projection` that as many pairs reach as [`ALIKE`] before it.
    fn alike(&self, projection: &Projection, sides: &Sides) -> f32 {
        let all = sides
            .measure
            .iter()
            .chain(&sides.choose)
            .chain(&sides.train);
        let rows: Vec<u32> = all.take(COMPARED).map(|views| views[0]).collect();
        let raw = cosines(&unit_rows(self.views.features, &rows), self.threads);
        let new = cosines(
            &projection.all(self.views.features, &rows, self.threads),
            self.threads,
        );
        let n = raw.iter().filter(|cosine| **cosine >= ALIKE).count();
        new.get(n.saturating_sub(1))
            .copied()
            .unwrap_or(ALIKE)
            .clamp(-1.0, 1.0)
    }
}

/// Those of all pairs, the greatest first.
fn cosines(vectors: &Matrix, threads: usize) -> Vec<f32> {
    let n = vectors.rows;
    let mut all = Matrix::zeros(n, n);
    let (form, replaced) = (Form::RightTransposed, Output::Replaced);
    let rows = vectors.view();
    product(&mut all.data, replaced, 1.0, rows, rows, form, threads);
    let pairs = (0..n).flat_map(|row| &all.row(row)[row + 1..]);
    let mut pairs: Vec<f32> = pairs.copied().collect();
    pairs.sort_by(|a, b| b.total_cmp(a));
    pairs
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
mod tests;
