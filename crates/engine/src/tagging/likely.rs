//! How likely a word of a person's list is for an image. What speaks for it is what speaks for a result of a search
//! (`judge`), but measured against the pack's vocabulary alone, so that it does not depend on the rest of the collection.

use fovea_encode::Encoder;
use fovea_vectordb::Tag;

use super::list::TagList;
use crate::background::dot;
use crate::error::Error;
use crate::judge::{Evidence, Meaning, Seen, Spread, names_of};

/// From this probability on an image is tagged.
pub const LEAST: f32 = 0.1;
/// No image has more of a list.
const MOST: usize = 8;

/// A list, ready to be compared with images.
pub struct Likely {
    names: Vec<Name>,
    /// What the pack has names for; of a pack without any the list itself.
    vocabulary: Vec<Vec<f32>>,
}

struct Name {
    name: String,
    meaning: Meaning,
}

impl Likely {
    pub fn new(list: &TagList, encoder: &dyn Encoder) -> Result<Likely, Error> {
        let spec = encoder.spec();
        if !spec.is_aligned {
            return Err(Error::Input(format!(
                "the pack {name} only sees, and no words of a list are likely or unlikely to it; teach it some with `fovea train align \
                 --model {name} --pairs FILE.tsv`",
                name = spec.name
            )));
        }
        let mut vectors = Vec::new();
        for one in &list.0 {
            vectors.push(encoder.text_vector(&one.words)?);
        }
        let known = encoder.sample_texts();
        let vocabulary = if known.is_empty() {
            vectors.clone()
        } else {
            known
        };
        let names = list.0.iter().zip(vectors).map(|(one, vector)| Name {
            name: one.name.clone(),
            meaning: Meaning::of(&vector, &vocabulary),
        });
        Ok(Likely {
            names: names.collect(),
            vocabulary,
        })
    }

    /// The words that are likely for an image, the likeliest first: its feature, and its unit vector in the shared space.
    pub fn tags(&self, encoder: &dyn Encoder, feature: &[f32], image: &[f32]) -> Vec<Tag> {
        let calibration = &encoder.calibration().tag;
        let evidence = self.evidence(encoder, feature, image);
        let all = self.names.iter().zip(evidence).map(|(one, evidence)| Tag {
            name: one.name.clone(),
            probability: calibration.probability(&evidence.numbers()) as f32,
        });
        let mut tags: Vec<Tag> = all.filter(|tag| tag.probability >= LEAST).collect();
        tags.sort_by(|a, b| {
            let by_probability = b.probability.total_cmp(&a.probability);
            by_probability.then_with(|| a.name.cmp(&b.name))
        });
        tags.truncate(MOST);
        tags
    }

    /// What speaks for each word of the list, in its order. A word of a list is a name like those of the pack, so that it is
    /// compared with where these place the image; what was learned beside them does not change how likely it is.
    pub fn evidence(&self, encoder: &dyn Encoder, feature: &[f32], image: &[f32]) -> Vec<Evidence> {
        let names = names_of(encoder, &[(feature, image)], &self.vocabulary);
        let place = encoder.named_vectors(&[feature]);
        let (Some(names), Some(place)) = (names.first(), place.first()) else {
            return Vec::new();
        };
        let cosines: Vec<f32> = self.vocabulary.iter().map(|one| dot(one, place)).collect();
        let n = cosines.len().max(1) as f32;
        let mean = cosines.iter().sum::<f32>() / n;
        let square = cosines.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n;
        let spread = Spread {
            mean,
            deviation: square.sqrt().max(1e-6),
        };
        let seen = Seen {
            vector: place,
            names,
        };
        let of = |name: &Name| name.meaning.evidence(seen, spread);
        self.names.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_encode::{Pixels, fake::FakeEncoder};

    #[test]
    fn an_image_gets_the_words_that_fit() {
        let encoder = FakeEncoder::new();
        let list = TagList::parse("tomato\ta red picture\nsky\tblue\nmeadow\tgreen\nsun\tyellow\n")
            .unwrap();
        let likely = Likely::new(&list, &encoder).unwrap();
        let image = Pixels::new(2, 2, [230, 20, 20].repeat(4)).unwrap();
        let feature = encoder.features(&[&image]).unwrap().remove(0);
        let tags = likely.tags(&encoder, &feature, &encoder.image_vector(&feature));
        assert_eq!(
            tags.first().map(|tag| tag.name.as_str()),
            Some("tomato"),
            "{tags:?}"
        );
        assert!(tags.iter().all(|tag| tag.name != "sky"), "{tags:?}");
    }
}
