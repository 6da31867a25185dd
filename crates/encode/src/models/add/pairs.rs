//! CLIP's byte pairs as `tokenizer.json`: from the two files of `transformers`, or from the one table that `open_clip` and rclip ship.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

use super::tokens::{LENGTH_MAX, text};
use crate::error::{Context, Error};
use crate::towers::Words;

/// The table of `open_clip`: a line a merge, most of which CLIP does not use.
pub const TABLE: &str = "bpe_simple_vocab_16e6.txt.gz";
/// Merges that CLIP uses of it.
const MERGES: usize = 49_152 - 256 - 2;
/// What begins and ends a text, as `transformers` and as `open_clip` call it. A text that has the name in it is no end of a text.
const ENDS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];
const ENDS_OF_TABLE: [&str; 2] = ["<start_of_text>", "<end_of_text>"];

/// The id that fills up what `open_clip` and CLIP's own code read, and so all that was trained with them.
pub const FILL: i64 = 0;

/// Whether a tokenizer is this one.
pub fn are_of(tokenizer: &Words) -> bool {
    let has = |ends: [&str; 2]| ends.iter().all(|end| tokenizer.id(end).is_some());
    has(ENDS) || has(ENDS_OF_TABLE)
}

/// From `vocab.json` and `merges.txt`.
pub fn of_vocabulary(pieces: &Path, merges: &Path) -> Result<Vec<u8>, Error> {
    let vocabulary: Value =
        serde_json::from_str(&text(pieces)?).map_err(|error| Error::Unusable {
            path: pieces.into(),
            what: error.to_string(),
        })?;
    for end in ENDS {
        if vocabulary.get(end).and_then(Value::as_u64).is_none() {
            return Err(Error::Unusable {
                path: pieces.into(),
                what: format!("it lacks {end}"),
            });
        }
    }
    let merges = text(merges)?;
    let merges = merges
        .lines()
        .filter(|line| !line.starts_with("#version") && !line.is_empty());
    let merges = merges.collect::<Vec<_>>();
    Ok(tokenizer(vocabulary, &merges, ENDS)
        .to_string()
        .into_bytes())
}

/// From the table of `open_clip`, which has the merges, from which the pieces follow.
pub fn of_table(path: &Path) -> Result<Vec<u8>, Error> {
    let unusable = |what: String| Error::Unusable {
        path: path.into(),
        what,
    };
    let file = File::open(path).doing("open", path)?;
    let mut table = String::new();
    GzDecoder::new(file)
        .take(LENGTH_MAX)
        .read_to_string(&mut table)
        .map_err(|error| unusable(format!("it cannot be unpacked as text: {error}")))?;
    let merges: Vec<&str> = table.lines().skip(1).take(MERGES).collect();
    let is_pair = |line: &&str| line.split(' ').filter(|part| !part.is_empty()).count() == 2;
    if merges.len() < MERGES || !merges.iter().all(is_pair) {
        let n_pairs = merges.iter().take_while(|line| is_pair(line)).count();
        return Err(unusable(format!(
            "it has {n_pairs} pairs after its first line, and CLIP has {MERGES}: it is cut short, or another table"
        )));
    }
    let letters: Vec<String> = letters().map(String::from).collect();
    let ended = letters.iter().map(|letter| format!("{letter}</w>"));
    let joined = merges.iter().map(|line| line.replace(' ', ""));
    let pieces = letters.iter().cloned().chain(ended).chain(joined);
    let pieces = pieces.chain(ENDS_OF_TABLE.map(String::from));
    let vocabulary: Map<String, Value> = pieces
        .enumerate()
        .map(|(id, piece)| (piece, json!(id)))
        .collect();
    Ok(tokenizer(Value::Object(vocabulary), &merges, ENDS_OF_TABLE)
        .to_string()
        .into_bytes())
}

/// The letter that stands for each byte, those first that are printed as they are: bytes that are none get one from U+0100 on.
fn letters() -> impl Iterator<Item = char> {
    let is_printed = |byte: &u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let printed = (0..256).filter(is_printed);
    let hidden = (0..256).filter(move |byte| !is_printed(byte)).count() as u32;
    printed
        .chain(0x100..0x100 + hidden)
        .filter_map(char::from_u32)
}

/// Lower case, words, numbers digit by digit, the end of a word marked.
fn tokenizer(vocabulary: Value, merges: &[&str], ends: [&str; 2]) -> Value {
    let [start, end] = ends.map(|piece| json!([piece, vocabulary[piece]]));
    let special = ends.map(|content| {
        json!({"id": vocabulary[content], "content": content, "special": true, "normalized": false, "single_word": false,
            "lstrip": false, "rstrip": false})
    });
    let escaped = ends.map(|piece| piece.replace('|', "\\|")).join("|");
    let words =
        format!("{escaped}|'s|'t|'re|'ve|'m|'ll|'d|[\\p{{L}}]+|[\\p{{N}}]|[^\\s\\p{{L}}\\p{{N}}]+");
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
        "post_processor": {"type": "RobertaProcessing", "sep": end, "cls": start,
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": ends[1], "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": merges},
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::models::base::Wheel;
    use crate::models::{fetch, wheel};
    use crate::towers::{Cleaning, WordsSpec};

    /// The package that has the table; the reference in `pairs.json` was made with the same.
    const OPEN_CLIP: Wheel = Wheel {
        package: "open-clip-torch",
        version: "2.32.0",
        file: "open_clip_torch-2.32.0-py3-none-any.whl",
        sha256: "80b35b43e37afc2b6173aa5ab0ad68744ab3a3211e624f72dfe743a162707637",
        platform: None,
    };

    /// Where what was fetched once stays, as for the other tests.
    fn cache() -> PathBuf {
        let cache = std::env::var_os("FOVEA_CACHE").map(PathBuf::from);
        let cache = cache.or_else(|| Some(dirs::cache_dir()?.join("fovea")));
        cache.expect("a folder for caches").join("open-clip")
    }

    fn lower(length: usize) -> WordsSpec {
        WordsSpec {
            length,
            fill: None,
            fills_before: false,
            repairs: true,
            cleaning: Cleaning::Lower,
        }
    }

    /// All 49,408 pieces: each of 40 awkward texts has the ids that `open_clip` gives it.
    #[test]
    fn the_table_of_open_clip_cuts_texts_as_open_clip_does() {
        let wheels = fetch::download(&[OPEN_CLIP], &cache(), &mut |_| {}).unwrap();
        let mut archive = wheel::Archive::open(&wheels[0]).unwrap();
        let table = archive.read(&format!("open_clip/{TABLE}")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TABLE);
        fs::write(&path, &table).unwrap();
        let found = super::super::tokens::read(folder.path()).unwrap();
        let words = Words::of_bytes(&found.content, lower(77)).unwrap();
        assert_eq!(words.size(), 49_408);
        let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/towers/pairs.json");
        let expected: Value = serde_json::from_slice(&fs::read(expected).unwrap()).unwrap();
        let texts = expected["texts"].as_array().unwrap();
        assert_eq!(texts.len(), 40);
        for text in texts {
            let ids = words.tokens(text["text"].as_str().unwrap()).unwrap().ids;
            assert_eq!(json!(ids), text["ids"], "{}", text["text"]);
        }
        // Of what was cut off nothing is guessed.
        fs::write(&path, &table[..table.len() / 8]).unwrap();
        let error = of_table(&path).unwrap_err().to_string();
        assert!(error.contains("cannot be unpacked"), "{error}");
    }

    #[test]
    fn another_table_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TABLE);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, b"#version\na b\nc d\nnone").unwrap();
        fs::write(&path, packed.finish().unwrap()).unwrap();
        let error = of_table(&path).unwrap_err().to_string();
        assert!(error.contains("it has 2 pairs"), "{error}");
    }
}
