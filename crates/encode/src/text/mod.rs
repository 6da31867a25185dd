//! Text becomes a unit vector: normalise, cut into pieces, look up, average.

mod charsmap;
pub(crate) mod network;
mod tokenizer;

use std::path::Path;

use crate::error::Error;
use crate::tensors::TensorFile;
use network::Network;
use tokenizer::Tokenizer;

/// Languages of the Universal Sentence Encoder Multilingual.
pub const LANGUAGES: [&str; 16] = [
    "ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh",
    "zh-TW",
];

/// Pieces of the tokenizer.
const PIECES: usize = 128_000;

/// Tokenizer and network.
pub struct TextEncoder {
    tokenizer: Tokenizer,
    network: Network,
}

impl TextEncoder {
    /// Opens the three files without reading their weights.
    pub fn new(vocabulary: &Path, table: &Path, dense: &Path) -> Result<Self, Error> {
        let tokenizer = Tokenizer::new(&TensorFile::open(vocabulary)?, vocabulary, PIECES)?;
        let network = Network::new(&TensorFile::open(table)?, &TensorFile::open(dense)?)?;
        Ok(Self { tokenizer, network })
    }

    /// Ids of the pieces of `text`.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text)
    }

    /// The unit vectors of `texts`.
    pub fn encode(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.ids(text)).collect();
        self.network.encode(&ids)
    }
}
