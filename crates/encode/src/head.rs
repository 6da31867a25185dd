//! A trained alignment: what was learnt from pairs of images and texts, laid over the frozen one.
//!
//! With a feature `x` and its frozen vector `c`, the image's vector is `r c + f(s (x - m))` at unit length, where `f` is
//! linear or has one hidden layer with GELU (Hendrycks and Gimpel, arXiv:1606.08415, in its tanh form). A head on a frozen
//! encoder that begins at what the encoder can do already is the adapter of Gao et al. (arXiv:2110.04544).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::matrix::product_of_rows;
use crate::models::write_durably;
use crate::tensors::{self, Data, Mapped, Matrix, TensorFile};

/// What a head is made of, as its manifest says it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeadShape {
    /// Width of the hidden layer; none where the head is linear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
}

/// The numbers of a head, as they come out of training. Matrices are row-major, a row for each output.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadWeights {
    /// `m`: what is taken from each number of the feature.
    pub mean: Vec<f32>,
    /// `s`: what the difference is multiplied with.
    pub scale: Vec<f32>,
    /// One layer or two: weights [outputs x inputs] and bias [outputs].
    pub layers: Vec<(Vec<f32>, Vec<f32>)>,
    /// `r`: how much of the frozen vector stays.
    pub residual: f32,
}

impl HeadWeights {
    /// Its shape.
    pub fn shape(&self) -> HeadShape {
        let hidden = (self.layers.len() == 2).then(|| self.layers[0].1.len());
        HeadShape { hidden }
    }

    /// Whether the lengths fit to each other and to features and vectors of these lengths, and every number is finite.
    pub fn check(&self, feature_dim: usize, shared_dim: usize) -> Result<(), String> {
        if !(1..=2).contains(&self.layers.len()) {
            return Err(format!(
                "it has {} layers, expected 1 or 2",
                self.layers.len()
            ));
        }
        let mut inputs = feature_dim;
        for (weights, bias) in &self.layers {
            if bias.is_empty() || weights.len() != inputs * bias.len() {
                return Err(format!(
                    "a layer has {} weights for {inputs} inputs and {} outputs",
                    weights.len(),
                    bias.len()
                ));
            }
            inputs = bias.len();
        }
        if inputs != shared_dim || [self.mean.len(), self.scale.len()] != [feature_dim; 2] {
            return Err(format!(
                "it turns {} numbers into {inputs}, expected {feature_dim} into {shared_dim}",
                self.mean.len()
            ));
        }
        let layers = self
            .layers
            .iter()
            .flat_map(|(weights, bias)| [weights, bias]);
        let mut all = layers.chain([&self.mean, &self.scale]).flatten();
        match self.residual.is_finite() && all.all(|number| number.is_finite()) {
            true => Ok(()),
            false => Err("a number in it is not finite".into()),
        }
    }

    /// Writes the file that [`Head::read`] reads, and sees it onto the disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let row = |name, data| matrix(name, 1, data);
        let mut matrices = vec![
            row("mean", &self.mean),
            row("scale", &self.scale),
            row("residual", std::slice::from_ref(&self.residual)),
        ];
        for ((weights, bias), (name, bias_name)) in self.layers.iter().zip(LAYERS) {
            matrices.push(matrix(name, bias.len(), weights));
            matrices.push(row(bias_name, bias));
        }
        write_durably(path, |out| tensors::write(out, &matrices))
    }
}

/// Names of weights and bias of each layer.
const LAYERS: [(&str, &str); 2] = [("weights1", "bias1"), ("weights2", "bias2")];

fn matrix<'a>(name: &'static str, rows: usize, data: &'a [f32]) -> Matrix<'a> {
    Matrix {
        name,
        rows,
        columns: data.len() / rows.max(1),
        data: Data::Floats(data),
    }
}

/// A head that is read in place.
pub struct Head {
    mean: Mapped<f32>,
    scale: Mapped<f32>,
    layers: Vec<(Mapped<f32>, Mapped<f32>)>,
    residual: f32,
}

impl Head {
    /// Reads the file at `path`, of a head of this shape between features and vectors of these lengths.
    pub fn read(
        path: &Path,
        shape: &HeadShape,
        (feature_dim, shared_dim): (usize, usize),
    ) -> Result<Head, Error> {
        let file = TensorFile::open(path)?;
        let lengths: Vec<usize> = [feature_dim]
            .into_iter()
            .chain(shape.hidden)
            .chain([shared_dim])
            .collect();
        let layers = lengths.windows(2).zip(LAYERS);
        let layers = layers.map(|(lengths, (weights, bias))| {
            Ok((
                file.floats(weights, lengths[1], lengths[0])?,
                file.floats(bias, 1, lengths[1])?,
            ))
        });
        Ok(Head {
            mean: file.floats("mean", 1, feature_dim)?,
            scale: file.floats("scale", 1, feature_dim)?,
            layers: layers.collect::<Result<_, Error>>()?,
            residual: file.floats("residual", 1, 1)?[0],
        })
    }

    /// Lays the head over `frozen`, the frozen vectors of the features in `rows`, one after the other. Lengths are not
    /// brought to one.
    pub fn lay_over(&self, rows: &[f32], frozen: &mut [f32]) {
        let dim = self.mean.len();
        let n = rows.len() / dim;
        let mut inputs = rows.to_vec();
        for row in inputs.chunks_exact_mut(dim) {
            let standard = self.mean.iter().zip(self.scale.iter());
            row.iter_mut()
                .zip(standard)
                .for_each(|(x, (mean, scale))| *x = (*x - mean) * scale);
        }
        for (index, (weights, bias)) in self.layers.iter().enumerate() {
            if index > 0 {
                inputs.iter_mut().for_each(|x| *x = gelu(*x));
            }
            inputs = product_of_rows(&inputs, weights, n, weights.len() / bias.len(), bias.len());
            for row in inputs.chunks_exact_mut(bias.len()) {
                row.iter_mut()
                    .zip(bias.iter())
                    .for_each(|(x, bias)| *x += bias);
            }
        }
        let learnt = frozen.iter_mut().zip(inputs);
        learnt.for_each(|(vector, learnt)| *vector = *vector * self.residual + learnt);
    }
}

/// The Gaussian error linear unit in the form that training uses.
fn gelu(x: f32) -> f32 {
    /// The square root of 2 over pi.
    const SLOPE: f32 = 0.797_884_6;
    0.5 * x * (1.0 + (SLOPE * (x + 0.044_715 * x * x * x)).tanh())
}
