//! How likely a result is a match, and where the matches end.
//!
//! A cosine says little by itself: what is usual differs from query to query. Two things say more. How far an item
//! stands above the collection, in deviations of the query's own cosines over a sample of it. And whether words and image
//! agree on what it is: the words are compared with the pack's vocabulary, the image goes through its classifier, and the
//! probability that both name the same entry tells a volcano among fireworks from one. And how near the image comes to the
//! words, when the nearest name there is measures what is near. Whether a query is answered at all is said by one thing more:
//! its nearest images look alike where they show what was asked, and otherwise are what happens to be near. All go through
//! logistic regressions that belong to the pack, were fitted on Open Clip Art (`fovea bench cut --fit`) and are measured on
//! stamps (`fovea bench cut`).

mod known;

use std::collections::HashMap;
use std::sync::Arc;

pub use fovea_encode::Calibration;
use fovea_encode::Encoder;
use fovea_vectordb::{ContentHash, ItemId};
use half::f16;

use crate::background::dot;
pub use crate::background::{Background, Spread};
use crate::error::Error;
use crate::search::{Asked, Ranked};
use crate::{Engine, space, written};
pub(crate) use known::Known;
pub use known::Words;
use known::key_of;

/// Sharpness of the vocabulary's probabilities for a text, and for an image where no classifier says better; chosen on Open
/// Clip Art.
const TEXT_TEMPERATURE: f32 = 0.05;
const IMAGE_TEMPERATURE: f32 = 0.15;
/// Below it, names agree no more.
const LEAST_AGREEMENT: f32 = 1e-9;
/// Words further from all names than this are as far from each.
const LEAST_NEAR: f32 = 0.05;
/// Results that are judged at once; whether a query is answered is fitted, measured and decided with the first so many.
pub const BATCH: usize = 10;
/// A query is answered when that is likelier than not, absent and present queries being as frequent.
pub const ANSWERED: f32 = 0.5;
/// And an item is shown down to this probability of being like what was asked with an image; of words an alignment says it.
pub const SHOWN: f32 = 0.01;
/// From this cosine on a caption says what was asked: of titles of Open Clip Art, one pair in a hundred does.
pub const SAID: f32 = 0.6;

/// What a person said of a picture is mostly true; folders and files have names that mean something else. Not measured.
const TRUE: f32 = 0.9;

/// The probability that an item is meant, by what is seen in it or by what is said of it.
pub(crate) fn with_what_is_said(meant: f32, one: &Ranked) -> f32 {
    match is_said(one) {
        true => 1.0 - (1.0 - meant) * (1.0 - TRUE),
        false => meant,
    }
}

/// Whether a caption says what was asked, or all of it is written.
pub(crate) fn is_said(one: &Ranked) -> bool {
    let says = |(space, cosine): &(&str, f32)| *space == space::CAPTION && *cosine >= SAID;
    one.cosines.iter().any(says) || one.written.is_some_and(|share| share >= written::SAID)
}

/// What speaks for an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Deviations above the collection's mean.
    pub above: f32,
    /// Logarithm of the probability that text and image name the same entry of the vocabulary.
    pub agreement: f32,
    /// The cosine, as a part of the one with the nearest entry of the vocabulary.
    pub near: f32,
}

/// What speaks for the results of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// For each, where it is known.
    pub each: Vec<Option<Evidence>>,
    /// How much more alike they are than any two images of the collection ([`Background::likeness`]).
    pub likeness: f32,
}

impl Case {
    /// The best of each number over the results, and their likeness; none where nothing speaks for any of them.
    pub fn numbers(&self) -> Option<[f64; 4]> {
        let best = self.each.iter().flatten().copied().reduce(Evidence::or)?;
        let [above, agreement, near] = best.numbers();
        Some([above, agreement, near, f64::from(self.likeness)])
    }
}

/// An image as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// In the space shared with text.
    pub vector: &'a [f32],
    /// How probable each entry of the vocabulary is for it.
    pub names: &'a [f32],
}

/// Words as they are judged.
#[derive(Clone, Debug)]
pub struct Meaning {
    vector: Vec<f32>,
    /// How probable each entry of the vocabulary is for them.
    names: Vec<f32>,
    /// The cosine with the nearest of these.
    nearest: f32,
}

impl Meaning {
    pub fn of(vector: &[f32], vocabulary: &[Vec<f32>]) -> Meaning {
        let cosines = cosines(vector, vocabulary);
        Meaning {
            nearest: cosines.iter().copied().fold(LEAST_NEAR, f32::max),
            names: softmax(&cosines, TEXT_TEMPERATURE),
            vector: vector.to_vec(),
        }
    }

    /// What speaks for an image, where cosines of others with the words are spread like this.
    pub fn evidence(&self, image: Seen<'_>, spread: Spread) -> Evidence {
        let cosine = dot(&self.vector, image.vector);
        Evidence {
            above: spread.above(cosine),
            agreement: (dot(&self.names, image.names) + LEAST_AGREEMENT).ln(),
            near: cosine / self.nearest,
        }
    }
}

/// How probable each entry of the vocabulary is for images, given by feature and vector: as the pack's classifier has it, or
/// by the vector.
pub fn names_of(
    encoder: &dyn Encoder,
    images: &[(&[f32], &[f32])],
    vocabulary: &[Vec<f32>],
) -> Vec<Vec<f32>> {
    let features: Vec<&[f32]> = images.iter().map(|(feature, _)| *feature).collect();
    encoder.sample_probabilities(&features).unwrap_or_else(|| {
        let vectors = images.iter().map(|(_, vector)| *vector);
        let named = vectors.map(|vector| probabilities(vector, vocabulary, IMAGE_TEMPERATURE));
        named.collect()
    })
}

impl Evidence {
    pub fn numbers(&self) -> [f64; 3] {
        [self.above, self.agreement, self.near].map(f64::from)
    }

    /// The better of each.
    fn or(self, other: Evidence) -> Evidence {
        Evidence {
            above: self.above.max(other.above),
            agreement: self.agreement.max(other.agreement),
            near: self.near.max(other.near),
        }
    }
}

impl Engine {
    /// What speaks for each of those ranked that has an image vector, by the part that matched, which is judged as if it were
    /// a whole; nothing where the pack has no vocabulary or the collection is too small to say what is usual.
    pub(crate) fn evidence_of(
        &self,
        query: &[f32],
        ranked: &[Ranked],
    ) -> Result<Option<Case>, Error> {
        // What was fitted for one pack says nothing of another.
        if !self.encoder().spec().is_calibrated {
            return Ok(None);
        }
        let vectors = self.matched_vectors(ranked)?;
        let names = self.names_of_matches(ranked, &vectors)?;
        let Some(words) = self.known_words(query)? else {
            return Ok(None);
        };
        let all = vectors.iter().zip(&names).map(|(vector, names)| {
            let seen = Seen {
                vector: vector.as_deref()?,
                names: names.as_deref()?,
            };
            Some(words.meaning.evidence(seen, words.spread))
        });
        let each = all.collect();
        let seen: Vec<&Vec<f32>> = vectors.iter().flatten().collect();
        let likeness = self.known_background()?.likeness(&seen);
        Ok(Some(Case { each, likeness }))
    }

    /// How probable each name is for each match that has a vector: as it is known, or found for all others at once.
    fn names_of_matches(
        &self,
        ranked: &[Ranked],
        vectors: &[Option<Vec<f32>>],
    ) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let keys: Vec<ContentHash> = vectors
            .iter()
            .map(|vector| key_of(vector.as_deref().unwrap_or_default(), 0))
            .collect();
        let mut names = self.known.names(&keys);
        let unknown = |at: &usize| vectors[*at].is_some() && names[*at].is_none();
        let unknown: Vec<usize> = (0..ranked.len()).filter(unknown).collect();
        let features = self.features_of_matches(unknown.iter().map(|at| &ranked[*at]))?;
        let images = unknown.iter().zip(&features);
        let images =
            images.filter_map(|(at, one)| Some((*at, one.as_deref()?, vectors[*at].as_deref()?)));
        let (places, images): (Vec<usize>, Vec<_>) = images
            .map(|(at, feature, vector)| (at, (feature, vector)))
            .unzip();
        let vocabulary = &self.known_background()?.vocabulary;
        let found = names_of(self.encoder(), &images, vocabulary);
        for (at, found) in places.into_iter().zip(found) {
            // What is judged is what is kept, so that it is judged alike each time.
            names[at] = Some(self.known.keep_names(keys[at], found));
        }
        let wide = |names: Arc<[f16]>| names.iter().map(|name| name.to_f32()).collect();
        Ok(names.into_iter().map(|names| names.map(wide)).collect())
    }

    /// The feature of each part that matched, where it is there.
    fn features_of_matches<'a>(
        &self,
        ranked: impl Iterator<Item = &'a Ranked>,
    ) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let ranked: Vec<&Ranked> = ranked.collect();
        let ids: Vec<ItemId> = ranked.iter().map(|one| one.item).collect();
        let items = self.database().items(&ids)?.into_iter();
        let contents: HashMap<ItemId, ContentHash> =
            items.map(|item| (item.id, item.content.hash)).collect();
        let pack = &self.encoder().spec().fingerprint;
        let mut features = Vec::new();
        for one in ranked {
            features.push(match contents.get(&one.item) {
                Some(content) => {
                    let mut parts = self.database().feature(pack, *content)?.into_iter();
                    let of_part = parts.find(|(part, _)| part.index == one.part.index);
                    of_part.map(|(_, feature)| feature)
                }
                None => None,
            });
        }
        Ok(features)
    }

    /// The probability that the collection answers words at all, by the best of what is `seen`, as it was fitted: what is
    /// written stands above these in the list. Nothing where that cannot be said.
    pub(crate) fn answered(&self, asked: &Asked, seen: &[Ranked]) -> Result<Option<f32>, Error> {
        let Asked::Words(query, _) = asked else {
            return Ok(None);
        };
        let case = self.evidence_of(query, seen)?;
        Ok(case.map(|case| self.is_answered(&case)))
    }

    /// Say of each result how likely it is meant, and which are matches. Where the list will be `cut`, nothing is judged
    /// beyond its end. Whether the query is answered may be known; else the first results decide.
    pub(crate) fn draw_cut(
        &self,
        asked: &Asked,
        ranked: &mut [Ranked],
        cut: bool,
        answered: Option<f32>,
    ) -> Result<(), Error> {
        match asked {
            Asked::Filters => Ok(()),
            Asked::Images(query) => self.judge_looks(query, ranked),
            Asked::Words(query, _) | Asked::Mixture(query) => {
                let is_answered = match asked.is_words() {
                    true => answered.map(|answered| answered >= ANSWERED),
                    false => Some(true),
                };
                self.judge_names((asked, query), ranked, cut, is_answered)
            }
        }
    }

    /// The probability from which on an item is a match.
    pub(crate) fn least_shown(&self, asked: &Asked) -> f32 {
        match asked {
            Asked::Words(..) => self.encoder().calibration().shown,
            Asked::Filters | Asked::Images(_) | Asked::Mixture(_) => SHOWN,
        }
    }

    /// Whether pictures show the same kind of thing as those that were asked with.
    fn judge_looks(&self, query: &[f32], ranked: &mut [Ranked]) -> Result<(), Error> {
        if !self.encoder().spec().is_calibrated {
            return Ok(());
        }
        let Some(spread) = self.known_looks()?.spread(query) else {
            return Ok(());
        };
        for one in ranked {
            let likelihood = one
                .score
                .map_or(0.0, |cosine| self.looks_alike(cosine, spread));
            one.likelihood = Some(likelihood);
            one.above_cut = likelihood >= SHOWN;
        }
        Ok(())
    }

    fn judge_names(
        &self,
        (asked, query): (&Asked, &[f32]),
        ranked: &mut [Ranked],
        cut: bool,
        mut is_answered: Option<bool>,
    ) -> Result<(), Error> {
        let shown = self.least_shown(asked);
        let mut has_ended = false;
        for batch in ranked.chunks_mut(BATCH) {
            if has_ended {
                batch.iter_mut().for_each(|one| one.above_cut = false);
                continue;
            }
            let Some(case) = self.evidence_of(query, batch)? else {
                return Ok(());
            };
            // The first batch decides for all.
            let is_answered =
                *is_answered.get_or_insert_with(|| self.is_answered(&case) >= ANSWERED);
            for (one, evidence) in batch.iter_mut().zip(case.each) {
                let meant = evidence.map_or(0.0, |evidence| self.meant(asked, evidence));
                one.likelihood = Some(with_what_is_said(meant, one));
                one.above_cut = is_said(one) || (is_answered && meant >= shown);
            }
            has_ended = cut && batch.last().is_some_and(Ranked::ends_the_matches);
        }
        Ok(())
    }

    /// The probability that a picture shows the same kind of thing as another, by their cosine in the visual space.
    fn looks_alike(&self, cosine: f32, spread: Spread) -> f32 {
        let numbers = [f64::from(spread.above(cosine)), f64::from(cosine)];
        let alike = &self.encoder().calibration().alike;
        alike.probability(&numbers) as f32
    }

    fn is_answered(&self, case: &Case) -> f32 {
        let answered = &self.encoder().calibration().answered;
        let numbers = case.numbers();
        numbers.map_or(0.0, |numbers| answered.probability(&numbers) as f32)
    }

    /// The probability that an item is what was meant by words, alone or in a mixture.
    pub(crate) fn meant(&self, asked: &Asked, evidence: Evidence) -> f32 {
        let calibration = self.encoder().calibration();
        let meant = match asked {
            Asked::Mixture(_) => &calibration.mixed,
            Asked::Filters | Asked::Images(_) | Asked::Words(..) => &calibration.meant,
        };
        meant.probability(&evidence.numbers()) as f32
    }
}

/// How probable each entry of the vocabulary is for a vector: the softmax of the cosines.
fn probabilities(vector: &[f32], vocabulary: &[Vec<f32>], temperature: f32) -> Vec<f32> {
    softmax(&cosines(vector, vocabulary), temperature)
}

fn cosines(vector: &[f32], vocabulary: &[Vec<f32>]) -> Vec<f32> {
    vocabulary.iter().map(|entry| dot(entry, vector)).collect()
}

fn softmax(cosines: &[f32], temperature: f32) -> Vec<f32> {
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
            let names = probabilities(image, &vocabulary, IMAGE_TEMPERATURE);
            let seen = Seen {
                vector: image,
                names: &names,
            };
            Meaning::of(&[1.0, 0.0], &vocabulary).evidence(seen, spread)
        };
        let (same, other) = (speaks(&[1.0, 0.0]), speaks(&[0.0, 1.0]));
        assert!(
            (same.above - 4.5).abs() < 1e-5 && same.agreement > -0.01,
            "{same:?}"
        );
        assert!(other.above < 0.0 && other.agreement < -5.0, "{other:?}");
        let calibration = Calibration::of_conse();
        let of = |one: Evidence| calibration.answered.probability(&one.numbers());
        assert!(
            of(same) > 0.8 && of(other) < 0.2,
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
