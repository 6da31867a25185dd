//! A SentencePiece model (`sentencepiece_model.proto`) becomes the matrices that the tokenizer reads in place.

use std::collections::BTreeMap;

use prost::Message;

use crate::tensors::{Data, Matrix};

/// The fields that segmentation needs, by the published numbers:
/// <https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto>.
#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct Piece {
    #[prost(string, optional, tag = "1")]
    piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3")]
    add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    escape_whitespaces: Option<bool>,
}

/// What a tokenizer needs of a model.
pub struct Vocabulary {
    /// Finite-state map from piece to id.
    pieces: Vec<u8>,
    scores: Vec<f32>,
    charsmap: Vec<u8>,
}

/// Reads a model file.
pub fn read(bytes: &[u8]) -> Result<Vocabulary, String> {
    let model = ModelProto::decode(bytes).map_err(|error| error.to_string())?;
    let normalizer = model.normalizer.ok_or("it has no normalizer")?;
    let flags = [
        normalizer.add_dummy_prefix,
        normalizer.remove_extra_whitespaces,
        normalizer.escape_whitespaces,
    ];
    if flags.contains(&Some(false)) {
        return Err("its handling of spaces is not the one that the tokenizer knows".into());
    }
    let mut ids = BTreeMap::new();
    let mut scores = Vec::with_capacity(model.pieces.len());
    for (id, piece) in model.pieces.into_iter().enumerate() {
        scores.push(piece.score.unwrap_or(0.0));
        let text = piece
            .piece
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("piece {id} is empty"))?;
        ids.insert(text.into_bytes(), id as u64);
    }
    let mut builder = fst::MapBuilder::memory();
    for (piece, id) in ids {
        builder
            .insert(piece, id)
            .map_err(|error| error.to_string())?;
    }
    let pieces = builder.into_inner().map_err(|error| error.to_string())?;
    Ok(Vocabulary {
        pieces,
        scores,
        charsmap: normalizer.charsmap.ok_or("it has no character map")?,
    })
}

impl Vocabulary {
    /// The matrices to write.
    pub fn matrices(&self) -> [Matrix<'_>; 3] {
        let sized = |name, columns, data| Matrix {
            name,
            rows: 1,
            columns,
            data,
        };
        [
            sized("pieces", self.pieces.len(), Data::Bytes(&self.pieces)),
            sized("scores", self.scores.len(), Data::Floats(&self.scores)),
            sized("charsmap", self.charsmap.len(), Data::Bytes(&self.charsmap)),
        ]
    }
}
