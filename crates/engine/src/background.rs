//! What cosines are usual in a collection: how much a term's spread, and from where on an item looks like it.

use std::collections::{HashMap, HashSet};

use fovea_vectordb::{Element, Filter, ItemId, Part};

use crate::error::Error;
use crate::query::Plan;
use crate::search::Ranked;
use crate::{Engine, space};

/// Items that stand for all. Ids are hashes, so that the first by id are a sample.
const SAMPLE: usize = 512;
/// Of fewer there is no telling what is usual.
const LEAST: usize = 8;
/// More alike than this are copies and bursts, which say no more of what was asked: one in a dozen lists of Open Clip Art is.
const MOST_ALIKE: f32 = 0.6;
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
    /// How much any two of the sample are alike: the mean of their cosines.
    alike: f32,
}

/// Cosines of the sample with one vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f32,
    pub deviation: f32,
}

impl Spread {
    /// Deviations above the mean.
    pub fn above(self, cosine: f32) -> f32 {
        (cosine - self.mean) / self.deviation
    }
}

impl Background {
    pub fn new(vectors: Vec<Vec<f32>>, vocabulary: Vec<Vec<f32>>) -> Background {
        Background {
            alike: mean_cosine(&vectors).unwrap_or(0.0),
            vectors,
            vocabulary,
        }
    }

    /// How much more alike these are than any two of the sample: the logarithm of how many times as far those are apart, by
    /// one minus the mean cosine, up to a bound. 0 of fewer than two.
    pub fn likeness<V: AsRef<[f32]>>(&self, vectors: &[V]) -> f32 {
        let apart = |alike: f32| (1.0 - alike).max(1e-3);
        let alike = mean_cosine(vectors);
        alike.map_or(0.0, |alike| {
            (apart(self.alike) / apart(alike)).ln().min(MOST_ALIKE)
        })
    }

    /// None where the sample is too small, or all of it alike.
    pub fn spread(&self, vector: &[f32]) -> Option<Spread> {
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

/// What is left out.
pub(crate) struct Without(Vec<Removal>);

/// A `not:TERM`.
pub(crate) struct Removal {
    /// As it was typed.
    pub text: String,
    vector: Vec<f32>,
    /// The cosine from which on an item looks like it.
    pub limit: f32,
    /// A saved search leaves out only what its own filters let through.
    filter: Filter,
}

impl Engine {
    /// Items that stand for all.
    pub(crate) fn sample(&self) -> Result<Vec<ItemId>, Error> {
        Ok(self.database().scan(&Filter::All, None, SAMPLE)?)
    }

    pub(crate) fn background(&self) -> Result<Background, Error> {
        let ids = self.sample()?;
        Ok(Background::new(
            self.image_vectors(&ids)?.into_values().collect(),
            self.encoder().sample_texts(),
        ))
    }

    /// The sample in the encoder's own space, which has no names.
    pub(crate) fn visual_background(&self) -> Result<Background, Error> {
        let ids = self.sample()?;
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space::VISUAL, &ids)?;
        let whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
        let vectors = whole.map(|one| one.vector).collect();
        Ok(Background::new(vectors, Vec::new()))
    }

    pub(crate) fn without(&self, plan: &Plan) -> Result<Without, Error> {
        let removals = plan.removals();
        if removals.is_empty() {
            return Ok(Without(Vec::new()));
        }
        self.expect_words()?;
        let background = self.known_background()?;
        let mut all = Vec::new();
        for (content, plan) in removals {
            let vector = self.shared_vector(content, plan)?;
            let spread = background.spread(&vector);
            all.push(Removal {
                text: content.to_string(),
                vector,
                limit: spread.map_or(f32::INFINITY, |one| one.mean + LIKE * one.deviation),
                filter: plan.filter_of(content),
            });
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

impl Engine {
    /// Of each ranked item the image vector of the part that matched, if it has one.
    pub(crate) fn matched_vectors(
        &self,
        ranked: &[Ranked],
    ) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let pack = &self.encoder().spec().fingerprint;
        let ids: Vec<ItemId> = ranked.iter().map(|one| one.item).collect();
        let mut vectors: HashMap<(ItemId, u32), Vec<f32>> = HashMap::new();
        for one in self.database().vectors(pack, space::IMAGE, &ids)? {
            vectors.insert((one.item, one.part.index), one.vector);
        }
        let matched = ranked.iter();
        Ok(matched
            .map(|one| vectors.remove(&(one.item, one.part.index)))
            .collect())
    }
}

impl Without {
    /// Those that look like none of what is left out.
    pub fn keep(&self, engine: &Engine, found: Vec<Ranked>) -> Result<Vec<Ranked>, Error> {
        if self.0.is_empty() {
            return Ok(found);
        }
        let ids: Vec<ItemId> = found.iter().map(|one| one.item).collect();
        let vectors = engine.image_vectors(&ids)?;
        let mut gone = HashSet::new();
        for removal in &self.0 {
            let alike = vectors
                .iter()
                .filter(|(_, vector)| removal.cosine(vector) >= removal.limit);
            let alike = alike.map(|(item, _)| *item).collect();
            gone.extend(removal.meant(engine, alike)?);
        }
        let stays = |one: &Ranked| !gone.contains(&one.item);
        Ok(found.into_iter().filter(stays).collect())
    }

    /// What leaves an item out, each with its cosine.
    pub fn of(&self, engine: &Engine, item: ItemId) -> Result<Vec<(&Removal, f32)>, Error> {
        let vectors = engine.image_vectors(&[item])?;
        let mut found = Vec::new();
        for (removal, vector) in self
            .0
            .iter()
            .flat_map(|one| Some((one, vectors.get(&item)?)))
        {
            let cosine = removal.cosine(vector);
            if cosine >= removal.limit && !removal.meant(engine, vec![item])?.is_empty() {
                found.push((removal, cosine));
            }
        }
        Ok(found)
    }
}

impl Removal {
    fn cosine(&self, vector: &[f32]) -> f32 {
        dot(&self.vector, vector)
    }

    /// Of these items the ones it is about.
    fn meant(&self, engine: &Engine, items: Vec<ItemId>) -> Result<Vec<ItemId>, Error> {
        if self.filter == Filter::All || items.is_empty() {
            return Ok(items);
        }
        let filter = self.filter.clone().and(Filter::Ids(items));
        Ok(engine.database().scan(&filter, None, usize::MAX)?)
    }
}

/// The mean cosine of every two, by the length of their sum; none of fewer than two. Vectors are of unit length.
fn mean_cosine<V: AsRef<[f32]>>(vectors: &[V]) -> Option<f32> {
    let n = vectors.len() as f32;
    let mut sum = vec![0.0; vectors.first()?.as_ref().len()];
    for vector in vectors {
        let numbers = sum.iter_mut().zip(vector.as_ref());
        numbers.for_each(|(sum, number): (&mut f32, _)| *sum += number);
    }
    (vectors.len() > 1).then(|| (dot(&sum, &sum) - n) / (n * (n - 1.0)))
}

/// By the fastest instructions that this machine has.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    f32::dot(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_alike_than_the_collection() {
        let axis = |at: usize| (0..4).map(|n| if n == at { 1.0 } else { 0.0 }).collect();
        let vectors: Vec<Vec<f32>> = (0..4).map(axis).collect();
        let background = Background::new(vectors.clone(), Vec::new());
        assert!(background.likeness(&vectors).abs() < 1e-6);
        // Of three, two are the same: a third of the pairs is as near as can be, and all lie 2/3 as far apart.
        let some = [&vectors[0], &vectors[0], &vectors[1]];
        assert!((background.likeness(&some) - 1.5_f32.ln()).abs() < 1e-5);
        let same = [&vectors[0], &vectors[0]];
        assert_eq!(background.likeness(&same), MOST_ALIKE);
        assert_eq!(background.likeness(&vectors[..1]), 0.0);
        assert_eq!(background.likeness::<Vec<f32>>(&[]), 0.0);
    }

    #[test]
    fn the_spread_of_cosines() {
        let vectors = (0..10).map(|n| vec![if n % 2 == 0 { 1.0 } else { 0.0 }, 0.5]);
        let background = Background::new(vectors.collect(), Vec::new());
        let spread = background.spread(&[2.0, 0.0]).unwrap();
        assert_eq!((spread.mean, spread.deviation), (1.0, 1.0));
        assert_eq!(background.spread(&[0.0, 1.0]), None, "all are alike");
        let few = Background::new(vec![vec![1.0]; 3], Vec::new());
        assert_eq!(few.spread(&[1.0]), None);
    }
}
