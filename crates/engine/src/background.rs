//! What cosines are usual in a collection: how much a term's spread, and from where on an item looks like it.

use std::collections::HashMap;

use fovea_vectordb::{Filter, ItemId, Part};

use crate::error::Error;
use crate::query::TermContent;
use crate::search::Ranked;
use crate::{Engine, space};

/// Items that stand for all. Ids are hashes, so that the first by id are a sample.
const SAMPLE: usize = 512;
/// Of fewer there is no telling what is usual.
const LEAST: usize = 8;
/// Deviations above the mean from which on an item looks like a term. Where a fifth of all items do, they stand 2 above
/// the mean; where three tenths do, 1.5.
const LIKE: f32 = 1.5;

/// What queries and images of a collection are judged by.
#[derive(Clone, Debug)]
pub struct Background {
    /// Vectors of a sample of its images, in the space shared with text.
    pub vectors: Vec<Vec<f32>>,
    /// What the pack has names for.
    pub vocabulary: Vec<Vec<f32>>,
}

/// Cosines of the sample with one vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub mean: f32,
    pub deviation: f32,
}

impl Background {
    /// None where the sample is too small, or all of it alike.
    pub(crate) fn spread(&self, vector: &[f32]) -> Option<Spread> {
        let n = self.vectors.len() as f32;
        let cosines = self.vectors.iter().map(|one| dot(one, vector));
        let cosines: Vec<f32> = cosines.collect();
        let mean = cosines.iter().sum::<f32>() / n;
        let square = cosines.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n;
        let deviation = square.sqrt();
        let is_known = self.vectors.len() >= LEAST && deviation > 1e-6 && deviation.is_finite();
        is_known.then_some(Spread { mean, deviation })
    }
}

/// What is left out, each with the cosine from which on an item looks like it.
pub(crate) struct Without(Vec<(Vec<f32>, f32)>);

impl Engine {
    pub(crate) fn background(&self) -> Result<Background, Error> {
        let ids = self.database().scan(&Filter::All, None, SAMPLE)?;
        Ok(Background {
            vectors: self.image_vectors(&ids)?.into_values().collect(),
            vocabulary: self.encoder().sample_texts(),
        })
    }

    pub(crate) fn without(&self, contents: &[TermContent]) -> Result<Without, Error> {
        let background = self.known_background()?;
        let mut all = Vec::new();
        for content in contents {
            let vector = self.shared_vector(content)?;
            let spread = background.spread(&vector);
            let limit = spread.map_or(f32::INFINITY, |one| one.mean + LIKE * one.deviation);
            all.push((vector, limit));
        }
        Ok(Without(all))
    }

    /// Of those that have one, the vector of the whole image.
    pub(crate) fn image_vectors(&self, ids: &[ItemId]) -> Result<HashMap<ItemId, Vec<f32>>, Error> {
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space::IMAGE, ids)?;
        let whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
        Ok(whole.map(|one| (one.item, one.vector)).collect())
    }
}

impl Without {
    /// Those that look like none of what is left out.
    pub fn keep(&self, engine: &Engine, found: Vec<Ranked>) -> Result<Vec<Ranked>, Error> {
        let ids: Vec<ItemId> = found.iter().map(|one| one.item).collect();
        let vectors = engine.image_vectors(&ids)?;
        let stays = |one: &Ranked| {
            let Some(vector) = vectors.get(&one.item) else {
                return true;
            };
            self.0
                .iter()
                .all(|(term, limit)| dot(term, vector) < *limit)
        };
        Ok(found.into_iter().filter(stays).collect())
    }
}

/// In as many sums as the compiler makes wide: one after the other, each addition would wait for the one before.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<16>(), right.as_chunks::<16>());
    let mut sums = [0.0f32; 16];
    for (a, b) in left.iter().zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_cosines() {
        let vectors = (0..10).map(|n| vec![if n % 2 == 0 { 1.0 } else { 0.0 }, 0.5]);
        let background = Background {
            vectors: vectors.collect(),
            vocabulary: Vec::new(),
        };
        let spread = background.spread(&[2.0, 0.0]).unwrap();
        assert_eq!((spread.mean, spread.deviation), (1.0, 1.0));
        assert_eq!(background.spread(&[0.0, 1.0]), None, "all are alike");
        let few = Background {
            vectors: vec![vec![1.0]; 3],
            vocabulary: Vec::new(),
        };
        assert_eq!(few.spread(&[1.0]), None);
    }
}
