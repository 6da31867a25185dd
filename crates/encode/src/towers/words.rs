//! Text becomes the ids that a text network reads: cleaned, cut into pieces, cut to length, filled up.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::{Tokenizer, TruncationParams};

use super::repair::repaired;
use crate::error::{Context, Error};

/// What is done around the tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordsSpec {
    /// As many ids as the network reads at most; of a longer text the end is left out.
    pub length: usize,
    /// The id that fills shorter texts up, where the network always reads `length` of them.
    pub fill: Option<i64>,
    /// Whether what fills up stands before the text.
    pub fills_before: bool,
    /// Whether a text is repaired before it is cleaned, as `open_clip` does.
    #[serde(default)]
    pub repairs: bool,
    pub cleaning: Cleaning,
}

impl WordsSpec {
    /// Whether every text has the same number of ids.
    pub fn fills(&self) -> bool {
        self.fill.is_some()
    }

    /// The text as the tokenizer gets it.
    fn prepared(&self, text: &str) -> String {
        match self.repairs {
            true => self.cleaning.of(&repaired(text)),
            false => self.cleaning.of(text),
        }
    }
}

/// What is done to a text before the tokenizer sees it, other than what its own file says. After `open_clip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    None,
    /// Runs of white space become one space, and none is at the ends.
    Whitespace,
    /// The same in lower case.
    Lower,
    /// The same without ASCII punctuation; an underscore is a space.
    Canonicalize,
}

impl Cleaning {
    /// The text as the tokenizer gets it.
    pub fn of(self, text: &str) -> String {
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        match self {
            Self::None => text.to_owned(),
            Self::Whitespace => spaced(text),
            Self::Lower => spaced(text).to_lowercase(),
            Self::Canonicalize => {
                let text = text.replace('_', " ");
                let kept = text.chars().filter(|letter| !letter.is_ascii_punctuation());
                spaced(&kept.collect::<String>().to_lowercase())
            }
        }
    }
}

/// What a text network reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<i64>,
    /// One for each id that belongs to the text, zero for what fills up.
    pub mask: Vec<i64>,
}

/// A tokenizer with what is done around it.
pub struct Words {
    tokenizer: Tokenizer,
    spec: WordsSpec,
}

impl Words {
    /// Reads `tokenizer.json`. What it says of length and filling gives way to what was found of the network.
    pub fn open(path: &Path, spec: WordsSpec) -> Result<Self, Error> {
        let content = fs::read(path).doing("read", path)?;
        Self::of_bytes(&content, spec).map_err(|what| Error::Format {
            path: path.into(),
            format: "a tokenizer",
            what,
        })
    }

    /// The same of its content.
    pub fn of_bytes(content: &[u8], spec: WordsSpec) -> Result<Self, String> {
        let failed = |error: tokenizers::Error| error.to_string();
        let mut tokenizer = Tokenizer::from_bytes(content).map_err(failed)?;
        let truncation = TruncationParams {
            max_length: spec.length,
            ..Default::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(failed)?
            .with_padding(None);
        Ok(Self { tokenizer, spec })
    }

    /// The ids of a text.
    pub fn tokens(&self, text: &str) -> Result<Tokens, Error> {
        let text = self.spec.prepared(text);
        let found = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| Error::Runtime {
                action: "cut the text into pieces",
                what: error.to_string(),
            })?;
        let mut ids: Vec<i64> = found.get_ids().iter().map(|id| i64::from(*id)).collect();
        let mut mask = vec![1; ids.len()];
        if let Some(fill) = self.spec.fill {
            let n_ids = ids.len();
            ids.resize(self.spec.length, fill);
            mask.resize(self.spec.length, 0);
            if self.spec.fills_before {
                ids.rotate_right(self.spec.length.saturating_sub(n_ids));
                mask.rotate_right(self.spec.length.saturating_sub(n_ids));
            }
        }
        Ok(Tokens { ids, mask })
    }

    /// Ids there are, with those that were added.
    pub fn size(&self) -> usize {
        let vocabulary = self.tokenizer.get_vocab(true);
        vocabulary.values().max().map_or(0, |id| *id as usize + 1)
    }

    /// The id of a piece, as of the one that fills up.
    pub fn id(&self, piece: &str) -> Option<i64> {
        self.tokenizer.token_to_id(piece).map(i64::from)
    }

    /// Whether this is one piece.
    pub fn is_word(&self, word: &str) -> bool {
        let found = self.tokenizer.encode_fast(self.spec.prepared(word), false);
        found.is_ok_and(|found| found.get_ids().len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned() {
        let text = "  It's_a \n CAT! ";
        for (cleaning, expect) in [
            (Cleaning::None, text),
            (Cleaning::Whitespace, "It's_a CAT!"),
            (Cleaning::Lower, "it's_a cat!"),
            (Cleaning::Canonicalize, "its a cat"),
        ] {
            assert_eq!(cleaning.of(text), expect);
        }
    }
}
