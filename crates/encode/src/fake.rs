//! An encoder without weights, for the tests of the crates above: it sees colours and knows their names.
//!
//! A feature is the mean colour of each cell of a 4 x 4 grid, less a constant. The shared space has one axis for each
//! colour of a small palette, so that "a red picture" finds red pictures, and a few axes for all other
//! words, so that a caption is found by its words.

use crate::{Calibration, Encoder, Error, PackSpec, Pixels, Tag, VectorsAndTags, normalise};

const GRID: usize = 4;
const FEATURE_DIM: usize = GRID * GRID * 3;
const WORD_AXES: usize = 32;
/// Taken from every colour, so that a black picture has a direction too.
const OFFSET: f32 = 0.4;

/// Colour, and the words for it in English, Chinese, German, Spanish and French.
const PALETTE: [([f32; 3], &[&str]); 11] = [
    (
        [0.9, 0.1, 0.1],
        &["red", "红", "紅", "rot", "rote", "rojo", "rouge"],
    ),
    (
        [0.1, 0.7, 0.1],
        &["green", "绿", "綠", "grün", "grüne", "verde", "vert"],
    ),
    (
        [0.1, 0.1, 0.9],
        &["blue", "蓝", "藍", "blau", "blaue", "azul", "bleu"],
    ),
    (
        [0.9, 0.9, 0.1],
        &["yellow", "黄", "黃", "gelb", "gelbe", "amarillo", "jaune"],
    ),
    ([1.0, 0.55, 0.0], &["orange", "橙", "naranja"]),
    (
        [0.5, 0.1, 0.6],
        &["purple", "紫", "lila", "morado", "violet"],
    ),
    ([0.1, 0.8, 0.8], &["cyan", "青", "türkis", "turquesa"]),
    ([1.0, 0.6, 0.75], &["pink", "粉", "rosa", "rose"]),
    ([1.0, 1.0, 1.0], &["white", "白", "weiß", "blanco", "blanc"]),
    (
        [0.0, 0.0, 0.0],
        &["black", "黑", "schwarz", "negro", "noir"],
    ),
    ([0.5, 0.5, 0.5], &["gray", "grey", "灰", "grau", "gris"]),
];

const SHARED_DIM: usize = PALETTE.len() + WORD_AXES;

/// Deterministic, tiny, no weights; see the module.
pub struct FakeEncoder {
    spec: PackSpec,
    calibration: Calibration,
}

impl FakeEncoder {
    /// The fake pack named `fake`.
    pub fn new() -> Self {
        Self::named("fake", "1")
    }

    /// Another pack with another fingerprint, for tests with several packs.
    pub fn named(name: &str, version: &str) -> Self {
        let spec = PackSpec {
            name: name.into(),
            version: version.into(),
            fingerprint: format!("{:016x}{:016x}", fnv(name), fnv(version)),
            features: "fake".into(),
            texts: "fake".into(),
            feature_dim: FEATURE_DIM,
            shared_dim: SHARED_DIM,
            visual_dim: FEATURE_DIM,
            visual_is_feature: true,
            languages: ["en", "zh", "de", "es", "fr"].map(String::from).to_vec(),
            knows_captions: false,
            input_side: 16,
            is_aligned: true,
            is_calibrated: true,
        };
        Self {
            spec,
            calibration: Calibration::of_conse(),
        }
    }

    /// A pack that sees alike, but whose visual vectors are a projection of features: their upper half.
    pub fn projected(name: &str) -> Self {
        let mut fake = Self::named(name, "1");
        fake.spec.visual_dim = FEATURE_DIM / 2;
        fake.spec.visual_is_feature = false;
        fake
    }

    /// A pack whose texts were learned with pictures.
    pub fn captioned(name: &str) -> Self {
        let mut fake = Self::named(name, "1");
        fake.spec.knows_captions = true;
        fake
    }

    /// A pack that sees alike and knows no words.
    pub fn wordless(name: &str) -> Self {
        let mut fake = Self::named(name, "1");
        fake.spec.is_aligned = false;
        fake
    }

    /// Its words, each on an axis of its colour or of its own.
    fn said(text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; SHARED_DIM];
        let lower = text.to_lowercase();
        for word in lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let colour = PALETTE
                .iter()
                .position(|(_, names)| names.iter().any(|name| names_colour(word, name)));
            match colour {
                Some(axis) => vector[axis] += 1.0,
                None => vector[PALETTE.len() + fnv(word) as usize % WORD_AXES] += 0.25,
            }
        }
        if vector.iter().all(|x| *x == 0.0) {
            vector[SHARED_DIM - 1] = 1.0;
        }
        normalise(&mut vector);
        vector
    }
}

impl Default for FakeEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder for FakeEncoder {
    fn spec(&self) -> &PackSpec {
        &self.spec
    }

    fn features(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error> {
        Ok(images.iter().map(|image| mean_colours(image)).collect())
    }

    fn image_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        if !self.spec.is_aligned {
            return vec![vec![0.0; SHARED_DIM]; features.len()];
        }
        features
            .iter()
            .map(|feature| shares_of_colours(feature))
            .collect()
    }

    fn visual_vector(&self, feature: &[f32]) -> Vec<f32> {
        let mut vector = feature.to_vec();
        vector.truncate(self.spec.visual_dim);
        normalise(&mut vector);
        vector
    }

    fn alike(&self) -> f32 {
        crate::visual::ALIKE
    }

    /// The colours' English names.
    fn tags_of(&self, features: &[&[f32]]) -> Result<Vec<Vec<Tag>>, Error> {
        Ok(self
            .image_vectors(features)
            .iter()
            .map(|one| names(one))
            .collect())
    }

    fn vectors_and_tags(&self, features: &[&[f32]]) -> Result<VectorsAndTags, Error> {
        Ok((self.image_vectors(features), self.tags_of(features)?))
    }

    fn text_vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        Ok(texts.iter().map(|text| Self::said(text)).collect())
    }

    /// It knows no Chinese word for red but by this.
    fn gloss(&self, text: &str) -> Option<&'static str> {
        (text == "赤").then_some("red")
    }

    fn sample_texts(&self) -> Vec<Vec<f32>> {
        Vec::new()
    }

    fn sample_probabilities(&self, _features: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        None
    }

    fn named_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        self.image_vectors(features)
    }

    fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    fn is_word(&self, _word: &str) -> bool {
        false
    }
}

/// How near the cells are to each colour of the palette.
fn shares_of_colours(feature: &[f32]) -> Vec<f32> {
    let mut vector = vec![0.0; SHARED_DIM];
    for cell in feature.chunks_exact(3) {
        for (axis, (colour, _)) in vector.iter_mut().zip(&PALETTE) {
            let distance: f32 = cell
                .iter()
                .zip(colour)
                .map(|(a, b)| (a + OFFSET - b).powi(2))
                .sum();
            *axis += (-12.0 * distance).exp();
        }
    }
    normalise(&mut vector);
    vector
}

/// Chinese writes no spaces, so there a colour's character is looked for anywhere.
fn names_colour(word: &str, name: &str) -> bool {
    if name.chars().all(|c| c >= '\u{2e80}') {
        word.contains(name)
    } else {
        word == name
    }
}

fn mean_colours(image: &Pixels) -> Vec<f32> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut feature = Vec::with_capacity(FEATURE_DIM);
    for cell in 0..GRID * GRID {
        let columns = span(cell % GRID, width);
        let rows = span(cell / GRID, height);
        let count = (columns.len() * rows.len()) as f32;
        let mut sum = [0.0f32; 3];
        for y in rows {
            for x in columns.clone() {
                let at = (y * width + x) * 3;
                for (total, value) in sum.iter_mut().zip(&image.data()[at..at + 3]) {
                    *total += f32::from(*value);
                }
            }
        }
        feature.extend(sum.map(|total| total / count / 255.0 - OFFSET));
    }
    feature
}

/// Pixels of grid line `index`; a side shorter than the grid repeats pixels, so that no cell is empty.
fn span(index: usize, side: usize) -> std::ops::Range<usize> {
    let start = (index * side / GRID).min(side - 1);
    let end = ((index + 1) * side / GRID).max(start + 1);
    start..end
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits: stable over platforms and releases.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The colours of an image vector by their English names.
fn names(vector: &[f32]) -> Vec<Tag> {
    let shares = vector[..PALETTE.len()].iter().zip(&PALETTE);
    let tags = shares.map(|(share, (_, names))| Tag {
        name: names[0].to_owned(),
        probability: share * share,
    });
    let mut tags: Vec<Tag> = tags.filter(|tag| tag.probability >= 0.1).collect();
    tags.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rgb: [u8; 3], width: u32, height: u32) -> Pixels {
        let data = rgb.repeat((width * height) as usize);
        Pixels::new(width, height, data).expect("the data has the size that was asked for")
    }

    fn check(rgb: [u8; 3], text: &str, another: &str) {
        let encoder = FakeEncoder::new();
        for (width, height) in [(1, 1), (3, 7), (40, 30)] {
            let image = plain(rgb, width, height);
            let feature = encoder
                .features(&[&image])
                .expect("a fake never fails")
                .remove(0);
            assert_eq!(feature.len(), encoder.spec().feature_dim);
            let vector = encoder.image_vector(&feature);
            let dot = |text: &str| -> f32 {
                let words = encoder.text_vector(text).expect("a fake never fails");
                assert_eq!(words.len(), encoder.spec().shared_dim);
                vector.iter().zip(&words).map(|(a, b)| a * b).sum()
            };
            assert!(
                dot(text) > 0.6 && dot(text) > dot(another) + 0.3,
                "{text}: {} {}",
                dot(text),
                dot(another)
            );
        }
    }

    #[test]
    fn a_colour_is_found_by_its_name() {
        check([230, 20, 20], "red", "blue");
        check([230, 20, 20], "a red picture", "a green picture");
        check([230, 20, 20], "一张红色的图片", "蓝色");
        check([0, 0, 0], "black", "white");
        check([255, 255, 255], "weiß", "schwarz");
        check([20, 20, 230], "Blue!", "dog");
    }
}
