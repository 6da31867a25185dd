//! Two networks that share one space, as of CLIP and its relatives: the feature of a picture is its vector, unscaled.
//!
//! Everything that differs between such models is data (`TowersSpec`), read from the model's own files when it was added.

mod prepare;
mod repair;
mod resample;
mod words;

use std::path::Path;
use std::sync::Arc;

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::image;
use crate::lazy::Lazy;
use crate::session::{Library, Model, Sessions, Shapes};
use crate::{Pixels, normalise};

pub use prepare::{Fitting, Middle, Preparation};
pub use words::{Cleaning, Tokens, Words, WordsSpec};

/// Folder of the image tower inside the pack.
pub const IMAGE_TOWER: &str = "image/model.onnx";
/// Folder of the text tower inside the pack.
pub const TEXT_TOWER: &str = "text/model.onnx";
/// The tokenizer inside the pack.
pub const TOKENIZER: &str = "text/tokenizer.json";

/// What is known of both towers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TowersSpec {
    /// What the model's files call it, as in `clip`.
    pub family: String,
    /// How the files were laid out.
    pub layout: String,
    /// Length of a vector of either tower.
    pub dim: usize,
    pub image: ImageTower,
    pub text: TextTower,
}

/// The network that sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageTower {
    pub input: String,
    pub output: String,
    pub preparation: Preparation,
}

/// The network that reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextTower {
    /// Input of the ids.
    pub ids: String,
    /// Inputs that say which of them count, and to which sentence they belong, where it has them.
    pub mask: Option<String>,
    pub types: Option<String>,
    /// Whether its whole numbers have 64 bits, or 32.
    pub wide: bool,
    pub output: String,
    pub words: WordsSpec,
}

/// Both towers, opened; each is loaded by the first call that needs it.
pub struct Towers {
    spec: TowersSpec,
    image: Sessions,
    text: Sessions,
    words: Lazy<Words>,
    tokenizer: std::path::PathBuf,
}

impl Towers {
    /// The towers of the pack in `dir`. Loads nothing yet.
    pub fn new(dir: &Path, library: &Library, spec: TowersSpec) -> Self {
        let text_shapes = match spec.text.words.fills() {
            true => Shapes::Same,
            false => Shapes::Varying,
        };
        let sessions = |model, shapes, load| {
            Sessions::new(Model::File(dir.join(model)), library.clone(), shapes, load)
        };
        Self {
            image: sessions(IMAGE_TOWER, Shapes::Same, "load the image network"),
            text: sessions(TEXT_TOWER, text_shapes, "load the text network"),
            words: Lazy::new(),
            tokenizer: dir.join(TOKENIZER),
            spec,
        }
    }

    /// What is known of the network that sees.
    pub fn image_tower(&self) -> &ImageTower {
        &self.spec.image
    }

    /// What is known of the network that reads.
    pub fn text_tower(&self) -> &TextTower {
        &self.spec.text
    }

    /// What the image network reads: three planes of `side` x `side` numbers.
    pub fn planes(&self, pixels: &Pixels) -> Vec<f32> {
        self.spec.image.preparation.planes(pixels)
    }

    /// The vector of a picture, as long as the network makes it.
    pub fn feature(&self, pixels: &Pixels) -> Result<Vec<f32>, Error> {
        self.see(&self.planes(pixels))
    }

    /// The same of what the network reads.
    pub fn see(&self, planes: &[f32]) -> Result<Vec<f32>, Error> {
        self.see_all(planes, 1)
    }

    /// The same of `n` pictures, one after the other.
    pub fn see_all(&self, planes: &[f32], n: usize) -> Result<Vec<f32>, Error> {
        let tower = &self.spec.image;
        let (names, side) = (
            (tower.input.as_str(), tower.output.as_str()),
            tower.preparation.side as usize,
        );
        self.image
            .run(|session| image::run(session, names, side, planes, (n, self.spec.dim)))
    }

    /// Threads of a session of the network that sees.
    pub fn set_threads(&mut self, threads: usize) {
        self.image.set_threads(threads);
    }

    /// Loads the network that sees now.
    pub fn load_image(&self) -> Result<(), Error> {
        self.image.run(|_| Ok(()))
    }

    /// Loads the network that reads, and its tokenizer, now.
    pub fn load_text(&self) -> Result<(), Error> {
        self.words()?;
        self.text.run(|_| Ok(()))
    }

    /// The ids that the text network reads.
    pub fn tokens(&self, text: &str) -> Result<Tokens, Error> {
        self.words()?.tokens(text)
    }

    /// The unit vector of a text.
    pub fn text_vector(&self, text: &str) -> Result<Vec<f32>, Error> {
        let tokens = self.tokens(text)?;
        let mut vector = self.text.run(|session| self.read(session, &tokens))?;
        normalise(&mut vector);
        Ok(vector)
    }

    /// Whether the tokenizer knows this as one piece.
    pub fn is_word(&self, word: &str) -> bool {
        self.words().is_ok_and(|words| words.is_word(word))
    }

    fn words(&self) -> Result<Arc<Words>, Error> {
        let spec = &self.spec.text.words;
        self.words
            .get_or_load(|| Words::open(&self.tokenizer, spec.clone()))
    }

    fn read(&self, session: &mut Session, tokens: &Tokens) -> Result<Vec<f32>, Error> {
        const ACTION: &str = "run the text network";
        let failed = |error: ort::Error| Error::Runtime {
            action: ACTION,
            what: error.to_string(),
        };
        let tower = &self.spec.text;
        let types = vec![0; tokens.ids.len()];
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::new();
        let given = [
            (Some(&tower.ids), &tokens.ids),
            (tower.mask.as_ref(), &tokens.mask),
            (tower.types.as_ref(), &types),
        ];
        for (name, numbers) in given {
            let Some(name) = name else { continue };
            inputs.push((name, tensor(numbers, tower.wide).map_err(failed)?));
        }
        let outputs = session.run(inputs).map_err(failed)?;
        let (_, vector) = outputs[tower.output.as_str()]
            .try_extract_tensor::<f32>()
            .map_err(failed)?;
        image::whole(ACTION, vector, self.spec.dim)
    }
}

/// One row of whole numbers.
fn tensor(numbers: &[i64], wide: bool) -> Result<SessionInputValue<'static>, ort::Error> {
    let shape = [1, numbers.len()];
    Ok(match wide {
        true => Tensor::from_array((shape, numbers.to_vec()))?.into(),
        false => {
            let narrow: Vec<i32> = numbers.iter().map(|number| *number as i32).collect();
            Tensor::from_array((shape, narrow))?.into()
        }
    })
}
