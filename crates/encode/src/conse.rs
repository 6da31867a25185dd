//! Alignment by convex combination of semantic embeddings: a feature lands among texts without one image-text pair.
//!
//! ConSE (Norouzi et al., arXiv:1312.5650): classifier, softmax, and the mean of the text vectors of the class names
//! weighted by the probability of each class.

use std::path::Path;

use crate::error::Error;
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

    /// One score for each class. A feature of the wrong length gives zeros.
    pub fn logits(&self, feature: &[f32]) -> Vec<f32> {
        if feature.len() != self.feature_dim {
            return vec![0.0; self.class_count];
        }
        let rows = self.weights.chunks_exact(self.feature_dim);
        rows.zip(self.bias.iter())
            .map(|(row, bias)| dot(row, feature) + bias)
            .collect()
    }

    /// The same of several features, for which the weights are read once.
    pub fn logits_of_all(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        let mut all = vec![Vec::with_capacity(self.class_count); features.len()];
        let rows = self.weights.chunks_exact(self.feature_dim);
        for (row, bias) in rows.zip(self.bias.iter()) {
            for (logits, feature) in all.iter_mut().zip(features) {
                logits.push(match feature.len() == self.feature_dim {
                    true => dot(row, feature) + bias,
                    false => 0.0,
                });
            }
        }
        all
    }

    /// The unit vector in the shared space. A feature of the wrong length, or one that is not finite, gives zeros.
    pub fn align(&self, feature: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; self.shared_dim];
        if feature.len() != self.feature_dim || !feature.iter().all(|value| value.is_finite()) {
            return vector;
        }
        let logits = self.logits(feature);
        for (class, weight) in strongest(&logits, &self.settings) {
            let row = &self.classes[class * self.shared_dim..(class + 1) * self.shared_dim];
            vector
                .iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        normalise(&mut vector);
        vector
    }
}

/// The `top` classes and their weights, relative to the best; ties go to the lower class.
fn strongest(logits: &[f32], settings: &ConseSettings) -> Vec<(usize, f32)> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let best_first = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    if settings.top < order.len() {
        order.select_nth_unstable_by(settings.top, best_first);
        order.truncate(settings.top);
    }
    // Summed in the order of classes, so that the result does not depend on how the selection went.
    order.sort_unstable();
    let best = order
        .iter()
        .map(|class| logits[*class])
        .fold(f32::NEG_INFINITY, f32::max);
    order
        .into_iter()
        .map(|class| (class, ((logits[class] - best) / settings.temperature).exp()))
        .collect()
}

/// Eight partial sums, so that the compiler can use the width of the machine.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (chunks_a, chunks_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = chunks_a
        .remainder()
        .iter()
        .zip(chunks_b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in chunks_a.zip(chunks_b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(logits: &[f32], temperature: f32, top: usize, expect: &[(usize, f32)]) {
        let settings = ConseSettings {
            temperature,
            top,
            description_weight: 0.0,
        };
        let found = strongest(logits, &settings);
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for ((class, weight), (expect_class, expect_weight)) in found.iter().zip(expect) {
            assert!(
                class == expect_class && (weight - expect_weight).abs() < 1e-4,
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_strongest_classes_count() {
        check(&[0.0, 2.0, 1.0], 1.0, 2, &[(1, 1.0), (2, 0.36788)]);
        check(
            &[0.0, 2.0, 1.0],
            2.0,
            3,
            &[(0, 0.36788), (1, 1.0), (2, 0.60653)],
        );
        check(&[1.0, 1.0, 1.0], 1.0, 1, &[(0, 1.0)]);
        check(&[1.0], 1.0, 1000, &[(0, 1.0)]);
        check(&[500.0, -500.0], 1.0, 2, &[(0, 1.0), (1, 0.0)]);
    }

    #[test]
    fn dot_is_the_sum_of_products() {
        let a: Vec<f32> = (0..19).map(|x| x as f32).collect();
        assert_eq!(dot(&a, &a), (0..19).map(|x| (x * x) as f32).sum::<f32>());
    }
}
