//! A trained classifier: labels that a person taught, beside the classes that the image network knows by itself.
//!
//! One linear layer on the feature, and a softmax where an image has exactly one label, or a logistic function for each label.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::matrix::product_of_rows;
use crate::models::write_durably;
use crate::tags::{Tag, softmax};
use crate::tensors::{self, Data, Mapped, Matrix, TensorFile};

/// A label is given where it is likelier than not.
const LEAST: f32 = 0.5;

/// What a classifier was taught, as its manifest says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaughtLabels {
    /// In the order of the outputs.
    pub labels: Vec<String>,
    /// Whether an image has exactly one of them.
    pub one_each: bool,
}

/// The most labels, and letters of one: a manifest names them all.
const MOST_LABELS: usize = 4_000;
const MOST_LETTERS: usize = 200;

impl TaughtLabels {
    /// A fingerprint that these names were added to, each with its length.
    pub(crate) fn named(&self, fingerprint: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(fingerprint.as_bytes());
        hasher.update(&[u8::from(self.one_each)]);
        for label in &self.labels {
            hasher.update(&(label.len() as u64).to_le_bytes());
            hasher.update(label.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    fn check(&self) -> Result<(), String> {
        if self.labels.len() > MOST_LABELS {
            return Err(format!(
                "{} labels are too many, at most {MOST_LABELS} are known",
                self.labels.len()
            ));
        }
        let is_long = |label: &&String| label.chars().count() > MOST_LETTERS;
        match self.labels.iter().find(is_long) {
            Some(label) => Err(format!(
                "a label has at most {MOST_LETTERS} letters, and one begins {:?}",
                label.chars().take(40).collect::<String>()
            )),
            None => Ok(()),
        }
    }
}

/// The numbers of a classifier as they come out of training: `weights` is row-major, a row for each label, and scores are
/// `weights x + bias` of the raw feature `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierWeights {
    /// What it knows.
    pub taught: TaughtLabels,
    /// Labels times length of a feature.
    pub weights: Vec<f32>,
    /// One for each label.
    pub bias: Vec<f32>,
}

impl ClassifierWeights {
    /// Whether the lengths fit to each other and to features of this length, and every number is finite.
    pub fn check(&self, feature_dim: usize) -> Result<(), String> {
        self.taught.check()?;
        let n = self.taught.labels.len();
        if n < 2 || self.bias.len() != n || self.weights.len() != n * feature_dim {
            return Err(format!(
                "{} weights and {} biases for {n} labels of features of {feature_dim} numbers",
                self.weights.len(),
                self.bias.len()
            ));
        }
        let mut all = self.weights.iter().chain(&self.bias);
        match all.all(|number| number.is_finite()) {
            true => Ok(()),
            false => Err("a number in it is not finite".into()),
        }
    }

    /// Writes the file that [`Classifier::read`] reads, and sees it onto the disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let n = self.bias.len();
        let matrix = |name, rows: usize, data: &[f32]| (name, rows, data.len() / rows.max(1));
        let shapes = [
            matrix("weights", n, &self.weights),
            matrix("bias", 1, &self.bias),
        ];
        let matrices = shapes.into_iter().zip([&self.weights, &self.bias]);
        let matrices: Vec<Matrix> = matrices
            .map(|((name, rows, columns), data)| Matrix {
                name,
                rows,
                columns,
                data: Data::Floats(data),
            })
            .collect();
        write_durably(path, |out| tensors::write(out, &matrices))
    }
}

/// A classifier that is read in place.
pub struct Classifier {
    taught: TaughtLabels,
    weights: Mapped<f32>,
    bias: Mapped<f32>,
    feature_dim: usize,
}

impl Classifier {
    /// Reads the file at `path`.
    pub fn read(path: &Path, taught: &TaughtLabels, feature_dim: usize) -> Result<Self, Error> {
        let file = TensorFile::open(path)?;
        let n = taught.labels.len();
        Ok(Self {
            weights: file.floats("weights", n, feature_dim)?,
            bias: file.floats("bias", 1, n)?,
            taught: taught.clone(),
            feature_dim,
        })
    }

    /// The labels that a feature of the right length has, the most probable first.
    pub fn tags(&self, feature: &[f32]) -> Vec<Tag> {
        let n = self.bias.len();
        let mut scores = product_of_rows(feature, &self.weights, 1, self.feature_dim, n);
        scores
            .iter_mut()
            .zip(self.bias.iter())
            .for_each(|(score, bias)| *score += bias);
        let probabilities = match self.taught.one_each {
            true => softmax(&scores),
            false => scores
                .iter()
                .map(|score| 1.0 / (1.0 + (-score).exp()))
                .collect(),
        };
        let named = self.taught.labels.iter().zip(probabilities);
        let mut tags: Vec<Tag> = named
            .filter(|(_, probability)| *probability >= LEAST)
            .map(|(name, probability)| Tag {
                name: name.clone(),
                probability,
            })
            .collect();
        tags.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then_with(|| a.name.cmp(&b.name))
        });
        tags
    }
}
