//! A trained projection of features for the `visual` space: without one, a visual vector is the feature itself.
//!
//! With a feature `x` the vector is `W (x - m)` at unit length. It is linear, so that what was learnt from pictures without a
//! caption can be applied to any number of kept features in no time.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::matrix::product_of_rows;
use crate::models::write_durably;
use crate::normalise;
use crate::tensors::{self, Data, Mapped, Matrix, TensorFile};

/// Cosine of features from which on two pictures are shots of one thing.
pub(crate) const ALIKE: f32 = 0.9;

/// What is to be known of a projection beside its numbers, as its manifest says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VisualShape {
    /// Cosine from which on two pictures are shots of one thing: other spaces have other cosines.
    pub alike: f32,
}

/// The numbers of a projection as they come out of training. `weights` is row-major, a row for each output.
#[derive(Clone, Debug, PartialEq)]
pub struct VisualWeights {
    /// `m`: what is taken from each number of the feature.
    pub mean: Vec<f32>,
    /// `W`: outputs times length of a feature.
    pub weights: Vec<f32>,
    /// Cosine from which on two pictures are shots of one thing.
    pub alike: f32,
}

impl VisualWeights {
    /// Length of the vectors that it makes.
    pub fn dim(&self) -> usize {
        self.weights.len() / self.mean.len().max(1)
    }

    /// Whether the lengths fit to each other and to features of this length, and every number is finite.
    pub fn check(&self, feature_dim: usize) -> Result<(), String> {
        let is_whole = self.dim() > 0 && self.weights.len() == self.dim() * feature_dim;
        if self.mean.len() != feature_dim || !is_whole {
            return Err(format!(
                "a projection of {} numbers with {} weights, expected features of {feature_dim}",
                self.mean.len(),
                self.weights.len()
            ));
        }
        let mut all = self.mean.iter().chain(&self.weights);
        match all.all(|number| number.is_finite()) && (-1.0..=1.0).contains(&self.alike) {
            true => Ok(()),
            false => Err("a number in it is not finite, or no cosine".into()),
        }
    }

    /// Writes the file that [`Projection::read`] reads, and sees it onto the disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let matrix = |name, rows, data| Matrix {
            name,
            rows,
            columns: self.mean.len(),
            data: Data::Floats(data),
        };
        let matrices = [
            matrix("mean", 1, &self.mean),
            matrix("weights", self.dim(), &self.weights),
        ];
        write_durably(path, |out| tensors::write(out, &matrices))
    }
}

/// A projection that is read in place.
pub struct Projection {
    mean: Mapped<f32>,
    weights: Mapped<f32>,
    dim: usize,
    /// Cosine from which on two pictures are shots of one thing.
    pub(crate) alike: f32,
}

impl Projection {
    /// Reads the file at `path`, of a projection from features to vectors of these lengths.
    pub fn read(
        path: &Path,
        shape: VisualShape,
        (feature_dim, dim): (usize, usize),
    ) -> Result<Projection, Error> {
        let file = TensorFile::open(path)?;
        Ok(Projection {
            mean: file.floats("mean", 1, feature_dim)?,
            weights: file.floats("weights", dim, feature_dim)?,
            dim,
            alike: shape.alike,
        })
    }

    /// The unit vector of a feature; zeros for one of another length, or with a number that is not finite.
    pub fn apply(&self, feature: &[f32]) -> Vec<f32> {
        if feature.len() != self.mean.len() || !feature.iter().all(|value| value.is_finite()) {
            return vec![0.0; self.dim];
        }
        let centred = feature.iter().zip(self.mean.iter());
        let centred: Vec<f32> = centred.map(|(value, mean)| value - mean).collect();
        let mut vector = product_of_rows(&centred, &self.weights, 1, centred.len(), self.dim);
        normalise(&mut vector);
        vector
    }
}
