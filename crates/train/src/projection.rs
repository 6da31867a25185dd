//! A linear projection of features, with its mean.

use crate::elementwise::{add_scaled, normalise};
use crate::error::{Error, expect_size};
use crate::gradient::normalise_rows;
use crate::matrix::{Form, Matrix, Output, product};
use crate::parameters::{NamedTensor, Parameters};

/// From a raw feature to the visual space.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    pub(crate) mean: Vec<f32>,
    pub(crate) parameters: Parameters,
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

    /// What is taken from each number of a feature.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    pub(crate) fn all(&self, features: &Matrix, rows: &[u32], threads: usize) -> Matrix {
        let (mut z, mut lengths) = (
            Matrix::zeros(rows.len(), self.parameters.get("weight").cols),
            Vec::new(),
        );
        self.forward(&self.centred(features, rows), &mut z, &mut lengths, threads);
        z
    }

    pub(crate) fn centred(&self, features: &Matrix, rows: &[u32]) -> Matrix {
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

    pub(crate) fn forward(
        &self,
        x: &Matrix,
        z: &mut Matrix,
        lengths: &mut Vec<f32>,
        threads: usize,
    ) {
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
