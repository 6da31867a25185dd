//! Pixels or words become features and unit vectors.
//!
//! This crate owns model packs, preprocessing, tokenizers and inference sessions. It does not know
//! where a vector goes, opens no database, and never prints.
//!
//! The stages, in order:
//!
//! ```text
//! Pixels --Encoder::features--> feature --image_vector--> unit vector of space `image`
//!                                       --visual_vector-> unit vector of space `visual`
//! &str   --Encoder::text_vector-------------------------> unit vector of the shared space
//! ```
//!
//! `unsafe` stands in two places: the memory map in `tensors.rs` and the matrix kernel in `matrix.rs`.

#![deny(unsafe_code)]

mod calibration;
mod classifier;
mod conse;
mod convert;
pub mod device;
mod error;
pub mod fake;
mod head;
mod image;
mod lazy;
mod manifest;
mod matrix;
pub mod models;
mod networks;
mod onnx;
pub mod pace;
mod pack;
mod session;
mod tags;
mod tail;
mod tensors;
mod text;
mod towers;
mod visual;

pub use calibration::{Calibration, Regression};
pub use classifier::{ClassifierWeights, TaughtLabels};
pub use error::{Error, Fault};
pub use fovea_decode::Pixels;
pub use head::{HeadShape, HeadWeights};
pub use manifest::{Training, WordsRead};
pub use networks::{ImageNetwork, Recipe};
pub use pack::Pack;
pub use tags::Tag;
pub use tail::{Tail, TailBlock, TailLayer};
pub use towers::{
    Cleaning, Fitting, ImageTower, Middle, Preparation, TextTower, Tokens, TowersSpec, WordsSpec,
};
pub use visual::{VisualShape, VisualWeights};

/// What a caller must know of an encoder before it stores one of its vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackSpec {
    /// Name of the pack, as in `fovea models info NAME`.
    pub name: String,
    /// Version of the pack, compared with [`models::BASE_VERSION`] for `base`.
    pub version: String,
    /// Hex BLAKE3 over everything that decides a vector: vectors of another fingerprint are never compared.
    pub fingerprint: String,
    /// Hex BLAKE3 over what decides a feature: kept features of one pack serve another one that agrees in this.
    pub features: String,
    /// Hex BLAKE3 over what decides a text's vector: those of one pack serve another one that agrees in this.
    pub texts: String,
    /// Length of a raw feature.
    pub feature_dim: usize,
    /// Length of a vector of the space shared by images and texts.
    pub shared_dim: usize,
    /// Length of a vector of the encoder's own visual space.
    pub visual_dim: usize,
    /// Whether that vector is the feature at unit length, so that it need not be kept beside it.
    pub visual_is_feature: bool,
    /// BCP 47 tags of the languages that the text encoder knows.
    pub languages: Vec<String>,
    /// Whether texts were learned with pictures, as by CLIP, so that "a photo of a dog" is a caption to the encoder rather than
    /// a text about a photo.
    pub knows_captions: bool,
    /// Side in pixels of the square the image network reads. An image decoded at reduced scale
    /// loses nothing as long as its shorter side stays at least this long.
    pub input_side: u32,
    /// Whether anything leads from pictures to the space shared with text: the vectors of the image space are zeros otherwise,
    /// until an alignment is trained.
    pub is_aligned: bool,
    /// Whether somebody measured which cosines of its visual space mean that two pictures show the same kind of thing.
    pub is_calibrated: bool,
}

/// A vector and the tags of each of some features, in order.
pub type VectorsAndTags = (Vec<Vec<f32>>, Vec<Vec<Tag>>);

/// Pixels or words in, features and unit vectors out.
///
/// Every method may be called from many threads at once; inference itself uses the calling thread alone, unless the pack is told
/// otherwise ([`Pack::with_threads`]) or runs on a device. None has a
/// default that knows less than the encoder, because an encoder that wraps another one would silently lose what it forgets to pass on.
pub trait Encoder: Send + Sync {
    /// What this encoder is and how long its vectors are.
    fn spec(&self) -> &PackSpec;

    /// Raw features, one of `spec().feature_dim` numbers for each image, in order.
    fn features(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error>;

    /// Alignment: features become unit vectors of the shared space (`spec().shared_dim`), in order. Many at once cost far
    /// less than one after the other.
    ///
    /// A feature of the wrong length is a bug of the caller and gives the zero vector.
    fn image_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>>;

    /// The vector of one feature; see [`Encoder::image_vectors`].
    fn image_vector(&self, feature: &[f32]) -> Vec<f32> {
        self.image_vectors(&[feature]).remove(0)
    }

    /// A feature becomes a unit vector of the visual space (`spec().visual_dim`).
    fn visual_vector(&self, feature: &[f32]) -> Vec<f32>;

    /// Cosine of visual vectors from which on two pictures are shots of one thing.
    fn alike(&self) -> f32;

    /// Texts become unit vectors of the shared space. Each is what it would be by itself; several at once may cost less.
    fn text_vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;

    /// A text becomes a unit vector of the shared space.
    fn text_vector(&self, text: &str) -> Result<Vec<f32>, Error> {
        Ok(self.text_vectors(&[text])?.pop().unwrap_or_default())
    }

    /// What a text means in other words, where the encoder knows it badly by itself: a single Han character, in English.
    fn gloss(&self, text: &str) -> Option<&'static str>;

    /// A text that is asked as a unit vector of the shared space: that of the text, or midway between it and its gloss.
    fn asked_vector(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut vector = self.text_vector(text)?;
        if let Some(gloss) = self.gloss(text) {
            let meaning = self.text_vector(gloss)?;
            vector.iter_mut().zip(meaning).for_each(|(x, y)| *x += y);
            normalise(&mut vector);
        }
        Ok(vector)
    }

    /// Unit vectors of texts that stand for those that people will ask, where the pack knows some at no cost.
    fn sample_texts(&self) -> Vec<Vec<f32>>;

    /// How probable each of [`Encoder::sample_texts`] is for each of some images, where the pack has a classifier that says
    /// so. Several at once cost little more than one: what takes time is to read the classifier.
    fn sample_probabilities(&self, features: &[&[f32]]) -> Option<Vec<Vec<f32>>>;

    /// Where the pack's classifier and the words of its classes alone place features in the space shared with text, whatever
    /// was learned beside them. The image vectors where nothing is known apart from these.
    fn named_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>>;

    /// What turns evidence into probabilities, for vectors of this alignment.
    fn calibration(&self) -> &Calibration;

    /// Whether the text encoder knows this as one word, where it can tell: then it is no slip of the finger.
    fn is_word(&self, word: &str) -> bool;

    /// The words that the pack's own vocabulary has for each of some images, the most probable first; none without a
    /// vocabulary. Many at once cost far less than one after the other.
    fn tags_of(&self, features: &[&[f32]]) -> Result<Vec<Vec<Tag>>, Error>;

    /// [`Encoder::image_vectors`] and [`Encoder::tags_of`] of the same features: what both are made of is made once.
    fn vectors_and_tags(&self, features: &[&[f32]]) -> Result<VectorsAndTags, Error>;

    /// The words for one image; see [`Encoder::tags_of`].
    fn tags(&self, feature: &[f32]) -> Result<Vec<Tag>, Error> {
        Ok(self.tags_of(&[feature])?.remove(0))
    }
}

/// Scales `vector` to length one in place; the zero vector and vectors that are not finite stay as they are.
pub(crate) fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
}
