//! How likely a result is a match, and where the matches end.
//!
//! A cosine says little by itself: what is usual differs from query to query. Two things say more. How far an item
//! stands above the collection, in deviations of the query's own cosines over a sample of it. And whether words and image
//! agree on what it is: both are compared with the pack's vocabulary, and the probability that they name the same entry
//! tells a volcano among fireworks from one. Both go through logistic regressions that were fitted on Open Clip Art
//! (`fovea bench cut --fit`) and are measured on stamps (`fovea bench cut`).

use std::sync::{Arc, Mutex, PoisonError};

use fovea_measure::Logistic;
use fovea_vectordb::{Change, ItemId};

pub use crate::background::Background;
use crate::background::{Spread, dot};
use crate::error::Error;
use crate::search::Ranked;
use crate::{Engine, space};

/// Sharpness of the vocabulary's probabilities for a text and for an image; chosen on Open Clip Art.
const TEXT_TEMPERATURE: f32 = 0.05;
const IMAGE_TEMPERATURE: f32 = 0.15;
/// Below it, names agree no more.
const LEAST_AGREEMENT: f32 = 1e-9;
/// Results that are judged at once; whether a query is answered is fitted, measured and decided with the first so many.
pub const BATCH: usize = 10;
/// A query is answered when that is likelier than not, absent and present queries being as frequent.
pub const ANSWERED: f32 = 0.5;
/// And an item is shown down to this probability of being the one that was meant.
pub const SHOWN: f32 = 0.01;
/// From this cosine on a caption says what was asked: of titles of Open Clip Art, one pair in a hundred does.
pub const SAID: f32 = 0.6;

/// Whether a caption says what was asked.
pub(crate) fn is_said(cosines: &[(&'static str, f32)]) -> bool {
    let says = |(space, cosine): &(&str, f32)| *space == space::CAPTION && *cosine >= SAID;
    cosines.iter().any(says)
}

/// What speaks for an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Deviations above the collection's mean.
    pub above: f32,
    /// Logarithm of the probability that text and image name the same entry of the vocabulary.
    pub agreement: f32,
}

impl Evidence {
    pub fn numbers(&self) -> [f64; 2] {
        [f64::from(self.above), f64::from(self.agreement)]
    }

    /// The best of each over several items.
    pub fn best(all: &[Evidence]) -> Option<Evidence> {
        all.iter().copied().reduce(|a, b| Evidence {
            above: a.above.max(b.above),
            agreement: a.agreement.max(b.agreement),
        })
    }
}

/// From evidence to probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// From the best evidence of a query to: the collection answers it.
    pub answered: Logistic,
    /// From the evidence of an item to: it is what was meant.
    pub meant: Logistic,
}

impl Calibration {
    /// Fitted by `fovea bench cut --fit` for the pack `base`.
    pub fn of_base() -> Calibration {
        Calibration {
            answered: Logistic {
                weights: vec![0.083, 0.821],
                bias: 4.024,
            },
            meant: Logistic {
                weights: vec![0.663, 0.404],
                bias: -2.847,
            },
        }
    }
}

/// What a collection is judged with, kept until it changes.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Option<(Change, Arc<Background>)>>);

impl Engine {
    /// The sample of the collection as it is now.
    pub(crate) fn known_background(&self) -> Result<Arc<Background>, Error> {
        let change = self.database().change()?;
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, background)) = &*known
            && *at == change
        {
            return Ok(Arc::clone(background));
        }
        let background = Arc::new(self.background()?);
        *known = Some((change, Arc::clone(&background)));
        Ok(background)
    }

    /// What speaks for each item that has an image vector; nothing where the pack has no vocabulary or the collection is
    /// too small to say what is usual.
    pub fn evidence(
        &self,
        query: &[f32],
        items: &[ItemId],
    ) -> Result<Option<Vec<Option<Evidence>>>, Error> {
        let background = self.known_background()?;
        let vectors = self.image_vectors(items)?;
        let images = items
            .iter()
            .map(|item| vectors.get(item).map(Vec::as_slice));
        Ok(background.evidence(query, images))
    }

    /// What speaks for each of those ranked, by the part that matched, which is judged as if it were a whole.
    fn evidence_of(
        &self,
        query: &[f32],
        ranked: &[Ranked],
    ) -> Result<Option<Vec<Option<Evidence>>>, Error> {
        let vectors = self.matched_vectors(ranked)?;
        let images = vectors.iter().map(Option::as_deref);
        Ok(self.known_background()?.evidence(query, images))
    }

    /// The probability that the collection answers the query at all, by the best of what words found; nothing where that
    /// cannot be said.
    pub(crate) fn answered(&self, query: &[f32], ranked: &[Ranked]) -> Result<Option<f32>, Error> {
        let best = &ranked[..ranked.len().min(BATCH)];
        let evidence = self.evidence_of(query, best)?;
        Ok(evidence.map(|evidence| answered(&evidence)))
    }

    /// Say of each result how likely it is meant, and which are matches. What images are like is not judged. Where the list
    /// will be `cut`, nothing is judged beyond its end.
    pub(crate) fn draw_cut(
        &self,
        query: &[f32],
        ranked: &mut [Ranked],
        cut: bool,
    ) -> Result<(), Error> {
        let mut is_answered = None;
        let mut has_ended = false;
        for batch in ranked.chunks_mut(BATCH) {
            if has_ended {
                batch.iter_mut().for_each(|one| one.above_cut = false);
                continue;
            }
            let Some(evidence) = self.evidence_of(query, batch)? else {
                return Ok(());
            };
            // The first batch decides for all.
            let is_answered = *is_answered.get_or_insert_with(|| answered(&evidence) >= ANSWERED);
            for (one, evidence) in batch.iter_mut().zip(evidence) {
                let meant = evidence.map_or(0.0, meant);
                one.likelihood = Some(meant);
                one.above_cut = is_said(&one.cosines) || (is_answered && meant >= SHOWN);
            }
            has_ended = cut && batch.last().is_some_and(|last| !last.above_cut);
        }
        Ok(())
    }
}

fn answered(evidence: &[Option<Evidence>]) -> f32 {
    let all: Vec<Evidence> = evidence.iter().flatten().copied().collect();
    let answered = Calibration::of_base().answered;
    Evidence::best(&all).map_or(0.0, |best| answered.probability(&best.numbers()) as f32)
}

/// The probability that an item is what was meant.
pub(crate) fn meant(evidence: Evidence) -> f32 {
    Calibration::of_base()
        .meant
        .probability(&evidence.numbers()) as f32
}

impl Background {
    /// What speaks for each image that is there; nothing where it is not known what is usual, or the pack has no names.
    pub fn evidence<'a>(
        &self,
        query: &[f32],
        images: impl Iterator<Item = Option<&'a [f32]>>,
    ) -> Option<Vec<Option<Evidence>>> {
        let spread = self.spread(query).filter(|_| !self.vocabulary.is_empty())?;
        let asked = probabilities(query, &self.vocabulary, TEXT_TEMPERATURE);
        let of = |image: Option<&[f32]>| {
            let shown = probabilities(image?, &self.vocabulary, IMAGE_TEMPERATURE);
            Some(evidence(query, image?, spread, &asked, &shown))
        };
        Some(images.map(of).collect())
    }
}

fn evidence(
    query: &[f32],
    image: &[f32],
    spread: Spread,
    asked: &[f32],
    shown: &[f32],
) -> Evidence {
    Evidence {
        above: (dot(query, image) - spread.mean) / spread.deviation,
        agreement: (dot(asked, shown) + LEAST_AGREEMENT).ln(),
    }
}

/// How probable each entry of the vocabulary is for a vector: the softmax of the cosines.
fn probabilities(vector: &[f32], vocabulary: &[Vec<f32>], temperature: f32) -> Vec<f32> {
    let cosines: Vec<f32> = vocabulary.iter().map(|entry| dot(entry, vector)).collect();
    let most = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = cosines
        .iter()
        .map(|cosine| ((cosine - most) / temperature).exp())
        .collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_same_agrees() {
        let vocabulary = [vec![1.0, 0.0], vec![0.0, 1.0]];
        let spread = Spread {
            mean: 0.1,
            deviation: 0.2,
        };
        let speaks = |image: &[f32]| {
            let query = [1.0, 0.0];
            let asked = probabilities(&query, &vocabulary, TEXT_TEMPERATURE);
            let shown = probabilities(image, &vocabulary, IMAGE_TEMPERATURE);
            evidence(&query, image, spread, &asked, &shown)
        };
        let (same, other) = (speaks(&[1.0, 0.0]), speaks(&[0.0, 1.0]));
        assert!(
            (same.above - 4.5).abs() < 1e-5 && same.agreement > -0.01,
            "{same:?}"
        );
        assert!(other.above < 0.0 && other.agreement < -5.0, "{other:?}");
        let calibration = Calibration::of_base();
        let of = |one: Evidence| calibration.answered.probability(&one.numbers());
        assert!(
            of(same) > 0.9 && of(other) < 0.5,
            "{} {}",
            of(same),
            of(other)
        );
    }

    #[test]
    fn probabilities_sum_to_one_whatever_the_cosines() {
        let vocabulary: Vec<Vec<f32>> = (0..9).map(|n| vec![n as f32 * 100.0 - 400.0]).collect();
        let found = probabilities(&[1.0], &vocabulary, 0.05);
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5 && found[8] > 0.99);
    }
}
