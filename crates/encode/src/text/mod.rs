//! Text becomes a unit vector: normalise, cut into pieces, look up, average.

mod charsmap;
mod glosses;
pub(crate) mod network;
mod tokenizer;
mod vectors;

use std::path::Path;

use crate::error::Error;
use crate::tensors::TensorFile;
use network::Network;
use tokenizer::Tokenizer;
use vectors::WordVectors;

/// Languages of the Universal Sentence Encoder Multilingual.
pub const LANGUAGES: [&str; 16] = [
    "ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh",
    "zh-TW",
];

/// Pieces of the tokenizer.
const PIECES: usize = 128_000;

/// What reads texts.
pub enum TextEncoder {
    /// Tokenizer and network of the Universal Sentence Encoder.
    Sentences {
        tokenizer: Tokenizer,
        network: Box<Network>,
    },
    /// A text is the mean of its words.
    Words(WordVectors),
}

impl TextEncoder {
    /// Opens the three files without reading their weights.
    pub fn new(vocabulary: &Path, table: &Path, dense: &Path) -> Result<Self, Error> {
        let tokenizer = Tokenizer::new(&TensorFile::open(vocabulary)?, vocabulary, PIECES)?;
        let network = Network::new(&TensorFile::open(table)?, &TensorFile::open(dense)?)?;
        Ok(Self::Sentences {
            tokenizer,
            network: Box::new(network),
        })
    }

    /// Opens a file of word vectors: `n_words` of `dim` numbers.
    pub fn of_words(path: &Path, n_words: usize, dim: usize) -> Result<Self, Error> {
        WordVectors::new(path, n_words, dim).map(Self::Words)
    }

    /// Ids of the pieces of `text`.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        match self {
            Self::Sentences { tokenizer, .. } => tokenizer.encode(text),
            Self::Words(words) => words.ids(text),
        }
    }

    /// What a text means in other words, where it is known badly by itself.
    pub fn gloss(&self, text: &str) -> Option<&'static str> {
        match self {
            Self::Sentences { .. } => glosses::of(text),
            Self::Words(_) => None,
        }
    }

    /// The unit vectors of `texts`.
    pub fn encode(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        match self {
            Self::Sentences { network, .. } => {
                let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.ids(text)).collect();
                network.encode(&ids)
            }
            Self::Words(words) => texts.iter().map(|text| words.vector(text)).collect(),
        }
    }
}
