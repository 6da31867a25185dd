//! A linear classifier with its weights, and the losses over its logits.

use crate::elementwise::{exp, sigmoid};
use crate::error::{Error, expect_option, expect_size};
use crate::matrix::{Form, Matrix, Output, View, product};
use crate::parameters::{NamedTensor, Parameters};

/// A classifier with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    pub(crate) is_single: bool,
    pub(crate) mean: Vec<f32>,
    pub(crate) deviation: Vec<f32>,
    pub(crate) parameters: Parameters,
    pub(crate) temperature: f32,
}

impl Classifier {
    /// How probable each class is; of single labels they sum to one. A feature of the wrong length gives zeros.
    pub fn probabilities(&self, feature: &[f32]) -> Vec<f32> {
        if feature.len() != self.mean.len() || !feature.iter().all(|value| value.is_finite()) {
            return vec![0.0; self.parameters.get("bias").cols];
        }
        let feature = Matrix {
            rows: 1,
            cols: feature.len(),
            data: feature.to_vec(),
        };
        let mut logits = self.logits(&self.standardised(&feature, &[0]), 1).data;
        probabilities_of(&mut logits, self.temperature, self.is_single);
        logits
    }

    /// Whether an example has exactly one class.
    pub fn is_single(&self) -> bool {
        self.is_single
    }

    /// Divides the logits; found on the validation side.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    pub(crate) fn standardised(&self, features: &Matrix, rows: &[u32]) -> Matrix {
        let mut x = gather(features, rows);
        for row in x.data.chunks_exact_mut(features.cols.max(1)) {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = if *deviation > 0.0 {
                    (*x - mean) / deviation
                } else {
                    0.0
                };
            }
        }
        x
    }

    pub(crate) fn logits(&self, x: &Matrix, threads: usize) -> Matrix {
        let bias: View = self.parameters.get("bias");
        let mut logits = Matrix {
            rows: x.rows,
            cols: bias.cols,
            data: bias.data.repeat(x.rows),
        };
        let weight = self.parameters.get("weight");
        product(
            &mut logits.data,
            Output::Added,
            1.0,
            x.view(),
            weight,
            Form::Plain,
            threads,
        );
        logits
    }

    /// Everything that [`Classifier::from_tensors`] needs.
    pub fn to_tensors(&self) -> Vec<NamedTensor> {
        let scalars = vec![self.temperature, f32::from(u8::from(self.is_single))];
        let mut tensors = self.parameters.to_tensors();
        tensors.push(("mean".to_string(), 1, self.mean.len(), self.mean.clone()));
        tensors.push((
            "deviation".to_string(),
            1,
            self.mean.len(),
            self.deviation.clone(),
        ));
        tensors.push(("temperature and single".to_string(), 1, 2, scalars));
        tensors
    }

    /// A classifier from its tensors, in any order.
    pub fn from_tensors(tensors: &[NamedTensor]) -> Result<Self, Error> {
        let cols = |name| {
            tensors
                .iter()
                .find(|tensor| tensor.0 == name)
                .map_or(0, |tensor| tensor.3.len())
        };
        let (inputs, classes) = (cols("mean"), cols("bias"));
        expect_size("weight", inputs * classes, cols("weight"))?;
        let mut scaling =
            Parameters::default()
                .with("mean", 1, inputs)
                .with("deviation", 1, inputs);
        scaling = scaling.with("temperature and single", 1, 2);
        scaling.fill(tensors)?;
        let mut parameters = Parameters::default()
            .with("weight", inputs, classes)
            .with("bias", 1, classes);
        parameters.fill(tensors)?;
        let temperature = scaling.scalar("temperature and single", 1.0);
        expect_option(
            "temperature",
            temperature > 0.0,
            "a number above zero",
            temperature,
        )?;
        Ok(Self {
            is_single: scaling.values[2 * inputs + 1] != 0.0,
            mean: scaling.get("mean").data.to_vec(),
            deviation: scaling.get("deviation").data.to_vec(),
            parameters,
            temperature,
        })
    }
}

pub(crate) fn gather(from: &Matrix, rows: &[u32]) -> Matrix {
    let data = rows
        .iter()
        .flat_map(|row| from.row(*row as usize))
        .copied()
        .collect();
    Matrix {
        rows: rows.len(),
        cols: from.cols,
        data,
    }
}

pub(crate) fn probabilities(logits: &Matrix, temperature: f32, is_single: bool) -> Matrix {
    let mut all = logits.clone();
    all.data
        .chunks_exact_mut(logits.cols)
        .for_each(|row| probabilities_of(row, temperature, is_single));
    all
}

pub(crate) fn probabilities_of(logits: &mut [f32], temperature: f32, is_single: bool) {
    if !is_single {
        return logits
            .iter_mut()
            .for_each(|logit| *logit = sigmoid(*logit / temperature));
    }
    let best = logits.iter().fold(f32::MIN, |best, logit| best.max(*logit));
    logits
        .iter_mut()
        .for_each(|logit| *logit = exp((*logit - best) / temperature));
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|p| *p /= sum);
}

/// Mean negative logarithm of the probability of what is; of several labels summed over classes.
pub(crate) fn log_loss(
    logits: &Matrix,
    targets: &Matrix,
    temperature: f32,
    is_single: bool,
) -> f64 {
    let of = |(logit, target): (&f32, &f32)| {
        let z = f64::from(logit / temperature);
        let against = if *target > 0.5 { -z } else { z };
        against.max(0.0) + (-against.abs()).exp().ln_1p()
    };
    let of_row = |row: usize| {
        let (logits, targets) = (logits.row(row), targets.row(row));
        if !is_single {
            return logits.iter().zip(targets).map(of).sum::<f64>();
        }
        let best = logits.iter().fold(f32::MIN, |best, logit| best.max(*logit));
        let scaled = |logit: &f32| f64::from((logit - best) / temperature);
        let sum: f64 = logits.iter().map(|logit| scaled(logit).exp()).sum();
        let right: f64 = logits
            .iter()
            .zip(targets)
            .map(|(logit, target)| scaled(logit) * f64::from(*target))
            .sum();
        sum.ln() - right
    };
    (0..logits.rows).map(of_row).sum::<f64>() / logits.rows.max(1) as f64
}

/// The temperature of the least loss (temperature scaling, Guo et al., arXiv:1706.04599), by golden section: the loss is
/// unimodal in it.
pub(crate) fn temperature(logits: &Matrix, targets: &Matrix, is_single: bool) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    let loss = |log: f32| log_loss(logits, targets, log.exp(), is_single);
    let (mut low, mut high) = (0.05f32.ln(), 20f32.ln());
    for _ in 0..40 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        match loss(left) < loss(right) {
            true => high = right,
            false => low = left,
        }
    }
    ((low + high) / 2.0).exp()
}
