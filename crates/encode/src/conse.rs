//! Alignment by convex combination of semantic embeddings: a feature lands among texts without one image-text pair.
//!
//! ConSE (Norouzi et al., arXiv:1312.5650): classifier, softmax, and the mean of the text vectors of the class names
//! weighted by the probability of each class.

use std::path::Path;

use crate::error::Error;
use crate::matrix::{product, product_of_rows};
use crate::normalise;
use crate::tensors::{Mapped, TensorFile};

/// Settings of the alignment, chosen by `scripts/reference/choose_settings.py`; part of the fingerprint.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConseSettings {
    /// Divides the logits before the softmax.
    pub temperature: f32,
    /// Only so many of the most probable classes count.
    pub top: usize,
    /// Weight of a class's description beside its names, whose weight is one.
    pub description_weight: f32,
}

/// Classifier and class vectors.
pub struct Conse {
    weights: Mapped<f32>,
    bias: Mapped<f32>,
    classes: Mapped<f32>,
    class_count: usize,
    feature_dim: usize,
    shared_dim: usize,
    settings: ConseSettings,
}

impl Conse {
    /// Reads `weights`, `bias` and `classes` of the file at `path`.
    pub fn new(
        path: &Path,
        (class_count, feature_dim, shared_dim): (usize, usize, usize),
        settings: ConseSettings,
    ) -> Result<Self, Error> {
        let file = TensorFile::open(path)?;
        Ok(Self {
            weights: file.floats("weights", class_count, feature_dim)?,
            bias: file.floats("bias", 1, class_count)?,
            classes: file.floats("classes", class_count, shared_dim)?,
            class_count,
            feature_dim,
            shared_dim,
            settings,
        })
    }

    /// The text vector of each class.
    pub fn class_vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.classes.chunks_exact(self.shared_dim)
    }

    /// One score for each class, of each feature. A feature of the wrong length, or one that is not finite, gives zeros.
    ///
    /// Several at once cost little more than one: what takes time is to read the classifier.
    pub fn logits(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        let rows = self.rows(features);
        let (n, dim, classes) = (features.len(), self.feature_dim, self.class_count);
        let scores = product_of_rows(&rows, &self.weights, n, dim, classes);
        let all = scores.chunks_exact(classes).zip(features);
        all.map(|(scores, feature)| match self.is_feature(feature) {
            true => scores
                .iter()
                .zip(self.bias.iter())
                .map(|(score, bias)| score + bias)
                .collect(),
            false => vec![0.0; classes],
        })
        .collect()
    }

    /// The unit vectors in the shared space, one after the other, of features and their logits. A feature of the wrong
    /// length, or one that is not finite, gives zeros.
    pub fn align(&self, features: &[&[f32]], logits: &[Vec<f32>]) -> Vec<f32> {
        let mut weights = vec![0.0; features.len() * self.class_count];
        let rows = weights.chunks_exact_mut(self.class_count);
        for ((row, logits), feature) in rows.zip(logits).zip(features) {
            if self.is_feature(feature) {
                strongest(logits, &self.settings, row);
            }
        }
        let (n, classes, dim) = (features.len(), self.class_count, self.shared_dim);
        let mut vectors = product(&weights, &self.classes, n, classes, dim);
        vectors.chunks_exact_mut(dim).for_each(normalise);
        vectors
    }

    /// Whether this can be aligned at all.
    pub fn is_feature(&self, feature: &[f32]) -> bool {
        feature.len() == self.feature_dim && feature.iter().all(|value| value.is_finite())
    }

    /// The features as one matrix, with zeros for those that are none.
    pub fn rows(&self, features: &[&[f32]]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(features.len() * self.feature_dim);
        for feature in features {
            match self.is_feature(feature) {
                true => rows.extend_from_slice(feature),
                false => rows.resize(rows.len() + self.feature_dim, 0.0),
            }
        }
        rows
    }
}

/// Sets the weights of the `top` classes, relative to the best, and leaves the others at zero; ties go to the lower class.
fn strongest(logits: &[f32], settings: &ConseSettings, weights: &mut [f32]) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let best_first = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    if settings.top < order.len() {
        order.select_nth_unstable_by(settings.top, best_first);
        order.truncate(settings.top);
    }
    let best = order
        .iter()
        .map(|class| logits[*class])
        .fold(f32::NEG_INFINITY, f32::max);
    for class in order {
        weights[class] = ((logits[class] - best) / settings.temperature).exp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(logits: &[f32], temperature: f32, top: usize, expect: &[f32]) {
        let settings = ConseSettings {
            temperature,
            top,
            description_weight: 0.0,
        };
        let mut found = vec![0.0; logits.len()];
        strongest(logits, &settings, &mut found);
        for (weight, expect) in found.iter().zip(expect) {
            assert!((weight - expect).abs() < 1e-4, "{found:?}");
        }
    }

    #[test]
    fn the_strongest_classes_count() {
        check(&[0.0, 2.0, 1.0], 1.0, 2, &[0.0, 1.0, 0.36788]);
        check(&[0.0, 2.0, 1.0], 2.0, 3, &[0.36788, 1.0, 0.60653]);
        check(&[1.0, 1.0, 1.0], 1.0, 1, &[1.0, 0.0, 0.0]);
        check(&[1.0], 1.0, 1000, &[1.0]);
        check(&[500.0, -500.0], 1.0, 2, &[1.0, 0.0]);
    }
}
