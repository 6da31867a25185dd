//! The terms of a query as one vector.

use std::fs;
use std::path::Path;

use fovea_decode as decode;
use fovea_vectordb::{ContentHash, ItemId, Part, Region};

use crate::error::{Error, IoContext};
use crate::parts::{self, Regions};
use crate::query::{Given, Meaning, Plan, Term, TermContent};
use crate::{Engine, space};

/// A query image may be as large as what is indexed; reading it has the same bound.
const MAX_QUERY_IMAGE_BYTES: u64 = 1 << 30;

/// The terms of a query in one space, and their sum at unit length, so that scores stay cosines.
pub(crate) struct Sum {
    pub vector: Vec<f32>,
    pub parts: Vec<TermPart>,
}

/// One term of a sum: the sum is made of each vector so many times.
pub(crate) struct TermPart {
    pub term: Term,
    pub factor: f32,
    pub vector: Vec<f32>,
}

impl Engine {
    /// The sum in the space shared with text. Cosines with an image spread wider over a collection than cosines with
    /// words, so that an image would drown them: where both are asked for, each term is brought to the same spread.
    pub(crate) fn shared_sum(&self, plan: &Plan, region: Option<Region>) -> Result<Sum, Error> {
        let is_mixed = plan.has_images() && plan.has_words();
        let background = is_mixed.then(|| self.known_background()).transpose()?;
        sum(plan, &|content| {
            let vector = match (content.is_image(), region) {
                (true, Some(region)) => self
                    .encoder()
                    .image_vector(&self.feature_in(content, region)?),
                _ => self.shared_vector(content, plan)?,
            };
            let spread = background
                .as_ref()
                .and_then(|sample| sample.spread(&vector));
            Ok((spread.map_or(1.0, |spread| 1.0 / spread.deviation), vector))
        })
    }

    /// The sum in the encoder's own space, for images alone. A concept's direction has smaller cosines than an image: beside
    /// one, all are brought to the same spread there, too.
    pub(crate) fn visual_sum(&self, plan: &Plan, region: Option<Region>) -> Result<Sum, Error> {
        let is_mixed = plan.has_concepts() && plan.terms().nth(1).is_some();
        let background = is_mixed.then(|| self.known_looks()).transpose()?;
        sum(plan, &|content| {
            let vector = match region.filter(|_| content.is_image()) {
                Some(region) => self
                    .encoder()
                    .visual_vector(&self.feature_in(content, region)?),
                None => self.visual_vector(content, plan)?,
            };
            let spread = background
                .as_ref()
                .and_then(|sample| sample.spread(&vector));
            Ok((spread.map_or(1.0, |spread| 1.0 / spread.deviation), vector))
        })
    }

    fn visual_vector(&self, content: &TermContent, plan: &Plan) -> Result<Vec<f32>, Error> {
        match content {
            TermContent::Words(words) | TermContent::Phrase(words) => {
                Ok(self.encoder().asked_vector(words)?)
            }
            TermContent::Image(path) => Ok(self.encoder().visual_vector(&self.feature_of(path)?)),
            TermContent::Given(given) => Ok(self
                .encoder()
                .visual_vector(&self.feature_of_given(given, None)?)),
            TermContent::Item(item) => self.kept_vector(*item, space::VISUAL),
            TermContent::Named(name) => match plan.meaning(name)? {
                Meaning::Saved(saved) => Ok(self.visual_sum(saved, None)?.vector),
                Meaning::Concept(concept) => self.concept_vector(concept, space::VISUAL),
            },
        }
    }

    /// The vector of a term in the space shared with text; `plan` knows its names.
    pub(crate) fn shared_vector(
        &self,
        content: &TermContent,
        plan: &Plan,
    ) -> Result<Vec<f32>, Error> {
        match content {
            TermContent::Words(words) | TermContent::Phrase(words) => {
                Ok(self.encoder().asked_vector(words)?)
            }
            TermContent::Image(path) => Ok(self.encoder().image_vector(&self.feature_of(path)?)),
            TermContent::Given(given) => Ok(self
                .encoder()
                .image_vector(&self.feature_of_given(given, None)?)),
            TermContent::Item(item) => self.kept_vector(*item, space::IMAGE),
            TermContent::Named(name) => match plan.meaning(name)? {
                Meaning::Saved(saved) => Ok(self.shared_sum(saved, None)?.vector),
                Meaning::Concept(concept) => self.concept_vector(concept, space::IMAGE),
            },
        }
    }

    /// The vector of a picture that the collection has.
    fn kept_vector(&self, item: ItemId, space: &str) -> Result<Vec<f32>, Error> {
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space, &[item])?;
        let mut whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
        let missing = || Error::Input(format!("there is no item #{item} in this collection"));
        whole.next().map(|one| one.vector).ok_or_else(missing)
    }

    /// The feature of a part of an image, which is read from its file.
    fn feature_in(&self, content: &TermContent, region: Region) -> Result<Vec<f32>, Error> {
        let path = match content {
            TermContent::Given(given) => return self.feature_of_given(given, Some(region)),
            TermContent::Image(path) => path.clone(),
            TermContent::Item(item) => {
                let items = self.database().items(&[*item])?;
                let missing =
                    || Error::Input(format!("there is no item #{item} in this collection"));
                items.first().ok_or_else(missing)?.absolute()
            }
            TermContent::Words(_) | TermContent::Phrase(_) | TermContent::Named(_) => {
                return Err(Error::Input("words have no region".to_owned()));
            }
        };
        self.feature_of_part(&path, Some(region))
    }

    fn feature_of_given(&self, given: &Given, region: Option<Region>) -> Result<Vec<f32>, Error> {
        self.feature_of_bytes(Path::new("the picture"), given.bytes(), region)
    }

    fn feature_of(&self, path: &Path) -> Result<Vec<f32>, Error> {
        self.feature_of_part(path, None)
    }

    /// What a file is, and what its picture looks like.
    pub(crate) fn content_and_feature(
        &self,
        path: &Path,
    ) -> Result<(ContentHash, Vec<f32>), Error> {
        let bytes = read_image(path)?;
        Ok((
            ContentHash::of(&bytes),
            self.feature_of_bytes(path, &bytes, None)?,
        ))
    }

    fn feature_of_part(&self, path: &Path, region: Option<Region>) -> Result<Vec<f32>, Error> {
        self.feature_of_bytes(path, &read_image(path)?, region)
    }

    /// Decodes and encodes a query image exactly as an indexed one, all of it or a part.
    fn feature_of_bytes(
        &self,
        path: &Path,
        bytes: &[u8],
        region: Option<Region>,
    ) -> Result<Vec<f32>, Error> {
        let side = crate::ingest::process::min_side(self.encoder(), Regions::None);
        // A part is as large as a whole would be, where the picture has so many pixels.
        let share = region.map_or(1.0, |region| region.w.min(region.h));
        let options = decode::Options {
            min_side: Some((side as f32 / share.max(0.01)) as u32),
            ..Default::default()
        };
        let image = decode::decode(bytes, &options).map_err(|source| Error::Image {
            path: path.to_owned(),
            source,
        })?;
        let pixels = match region {
            Some(region) => parts::cut(&image.pixels, region),
            None => image.pixels,
        };
        let mut features = self.encoder().features(&[&pixels])?;
        Ok(features.pop().unwrap_or_default())
    }
}

/// The bytes of a query image.
pub(crate) fn read_image(path: &Path) -> Result<Vec<u8>, Error> {
    let size = fs::metadata(path).at(path)?.len();
    if size > MAX_QUERY_IMAGE_BYTES {
        return Err(Error::Input(format!(
            "{}: {size} bytes are too many for a query image",
            path.display()
        )));
    }
    fs::read(path).at(path)
}

/// A term's vector, after what it is scaled by.
type Scaled = (f32, Vec<f32>);

/// The weighted sum of the terms' vectors. Each comes with what it is scaled by.
fn sum(plan: &Plan, scaled: &dyn Fn(&TermContent) -> Result<Scaled, Error>) -> Result<Sum, Error> {
    let mut total: Vec<f32> = Vec::new();
    let mut parts = Vec::new();
    for term in plan.terms() {
        let (scale, vector) = scaled(&term.content)?;
        let factor = term.weight * scale;
        total.resize(vector.len(), 0.0);
        for (total, value) in total.iter_mut().zip(&vector) {
            *total += factor * value;
        }
        parts.push(TermPart {
            term: term.clone(),
            factor,
            vector,
        });
    }
    let is_zero = |vector: &[f32]| vector.iter().all(|value| *value == 0.0);
    if !plan.has_images() && parts.iter().all(|part| is_zero(&part.vector)) {
        // Words that the pack knows nothing of may still be written somewhere.
        return Ok(Sum {
            vector: total,
            parts,
        });
    }
    let norm = total.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm < 1e-6 || !norm.is_finite() {
        return Err(Error::Input(format!(
            "`{}`: the terms cancel each other out; change a weight",
            plan.query
        )));
    }
    total.iter_mut().for_each(|value| *value /= norm);
    parts.iter_mut().for_each(|part| part.factor /= norm);
    Ok(Sum {
        vector: total,
        parts,
    })
}
