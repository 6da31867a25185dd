//! The tokenizer of a folder as `tokenizer.json`, whichever files it was published in.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::pairs;
use super::settings::{Json, homes};
use crate::error::{Context, Error};

/// No honest tokenizer is larger; that of SigLIP 2 has 34 MB.
pub const LENGTH_MAX: u64 = 256 << 20;
/// Folders of a tokenizer inside of that of the model.
pub const PLACES: [&str; 3] = ["", "textual", "tokenizer"];

/// A tokenizer and where it comes from.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    /// The content of `tokenizer.json`.
    pub content: Vec<u8>,
}

/// Reads it: `tokenizer.json`, or the vocabulary with the rules of CLIP (`vocab.json` and `merges.txt`, or the table of `open_clip`) or
/// of BERT (`vocab.txt`).
pub fn read(folder: &Path) -> Result<Found, Error> {
    let homes = homes(folder).into_iter();
    for place in homes.flat_map(|home| PLACES.map(|place| home.join(place))) {
        let (whole, words) = (place.join("tokenizer.json"), place.join("vocab.txt"));
        let (pieces, merges) = (place.join("vocab.json"), place.join("merges.txt"));
        let table = place.join(pairs::TABLE);
        if whole.is_file() {
            return Ok(Found {
                content: bounded(&whole)?,
                path: whole,
            });
        }
        if pieces.is_file() && merges.is_file() {
            let content = pairs::of_vocabulary(&pieces, &merges)?;
            return Ok(Found {
                path: pieces,
                content,
            });
        }
        if table.is_file() {
            return Ok(Found {
                content: pairs::of_table(&table)?,
                path: table,
            });
        }
        if words.is_file() {
            let config = Json::first(&place, &["tokenizer_config.json"])?;
            let lower = config
                .and_then(|json| json.value.get("do_lower_case")?.as_bool())
                .unwrap_or(true);
            let content = of_bert(&words, lower)?.to_string().into_bytes();
            return Ok(Found {
                path: words,
                content,
            });
        }
    }
    Err(Error::Unusable {
        path: folder.into(),
        what:
            "it has no tokenizer; expected tokenizer.json, vocab.json with merges.txt, bpe_simple_vocab_16e6.txt.gz, or vocab.txt"
                .into(),
    })
}

pub fn bounded(path: &Path) -> Result<Vec<u8>, Error> {
    let length = fs::metadata(path).doing("read", path)?.len();
    if length > LENGTH_MAX {
        let what = format!("a tokenizer of {length} bytes is not one");
        return Err(Error::Unusable {
            path: path.into(),
            what,
        });
    }
    fs::read(path).doing("read", path)
}

pub fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(bounded(path)?).map_err(|error| Error::Unusable {
        path: path.into(),
        what: error.to_string(),
    })
}

/// Word pieces of BERT: a line a piece.
fn of_bert(words: &Path, lower: bool) -> Result<Value, Error> {
    let pieces = text(words)?;
    let vocabulary: serde_json::Map<String, Value> = pieces
        .lines()
        .enumerate()
        .map(|(id, piece)| (piece.to_owned(), json!(id)))
        .collect();
    let mut special = Vec::new();
    for piece in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] {
        let Some(id) = vocabulary.get(piece) else {
            return Err(Error::Unusable {
                path: words.into(),
                what: format!("it lacks {piece}"),
            });
        };
        special.push(json!({"id": id, "content": piece, "special": true, "normalized": false, "single_word": false,
            "lstrip": false, "rstrip": false}));
    }
    let one = |piece: &str| json!({"id": piece, "ids": [vocabulary[piece]], "tokens": [piece]});
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": one("[CLS]"), "[SEP]": one("[SEP]")}},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary},
    }))
}
