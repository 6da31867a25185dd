//! Unigram segmentation (Kudo, arXiv:1804.10959): the most probable way to cut a text into pieces of the vocabulary.
//!
//! The vocabulary is a finite-state map from piece to id that is read in place, so that opening it costs nothing.

use std::path::Path;

use fst::raw::Fst;

use super::charsmap::Charsmap;
use crate::error::Error;
use crate::tensors::{Mapped, TensorFile};

/// Ids that SentencePiece fixes.
const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;

/// What an unknown character costs beyond the least probable piece, as SentencePiece has it.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Pieces past this many are dropped: enough for a long caption, and a bound on memory for any text.
const PIECES_MAX: usize = 512;
/// Bytes past this many are not looked at, for the same reason.
const BYTES_MAX: usize = 16 * 1024;

/// Text to ids of pieces.
pub struct Tokenizer {
    charsmap: Charsmap,
    pieces: Fst<Mapped<u8>>,
    scores: Mapped<f32>,
    unknown_score: f64,
}

/// The best way to reach a place in the text.
#[derive(Clone, Copy)]
struct Reach {
    score: f64,
    start: usize,
    piece: u32,
}

impl Tokenizer {
    /// Reads `pieces`, `scores` (of `size` pieces) and `charsmap` of `file`, which lies at `path`.
    pub fn new(file: &TensorFile, path: &Path, size: usize) -> Result<Self, Error> {
        let damaged = |what: String| Error::Damaged {
            path: path.into(),
            what,
        };
        let charsmap = Charsmap::new(file.blob("charsmap")?)
            .ok_or_else(|| damaged("its charsmap is cut short".into()))?;
        let pieces = Fst::new(file.blob("pieces")?).map_err(|error| damaged(error.to_string()))?;
        let scores = file.floats("scores", 1, size)?;
        let least = scores.iter().copied().fold(f32::INFINITY, f32::min);
        Ok(Self {
            charsmap,
            pieces,
            scores,
            unknown_score: f64::from(least) - UNKNOWN_PENALTY,
        })
    }

    /// Ids of the pieces of `text`, between the marks of begin and end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let end = (0..=BYTES_MAX.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let normalised = self.charsmap.normalise(&text[..end]);
        let mut ids = vec![BEGIN];
        if normalised.is_empty() {
            ids.push(UNKNOWN);
        } else {
            ids.extend(self.segment(&normalised));
            ids.truncate(PIECES_MAX - 1);
        }
        ids.push(END);
        ids
    }

    /// Viterbi over byte positions that begin a character; on equal scores the earliest start stays.
    fn segment(&self, text: &str) -> Vec<u32> {
        let unreached = Reach {
            score: f64::NEG_INFINITY,
            start: 0,
            piece: UNKNOWN,
        };
        let mut best = vec![unreached; text.len() + 1];
        best[0].score = 0.0;
        for (start, character) in text.char_indices() {
            let base = best[start].score;
            let first_end = start + character.len_utf8();
            let mut has_single = false;
            self.for_each_prefix(&text.as_bytes()[start..], |length, piece| {
                let Some(score) = self.scores.get(piece as usize) else {
                    return;
                };
                let reach = Reach {
                    score: base + f64::from(*score),
                    start,
                    piece,
                };
                if reach.score > best[start + length].score {
                    best[start + length] = reach;
                }
                has_single |= start + length == first_end;
            });
            let unknown = Reach {
                score: base + self.unknown_score,
                start,
                piece: UNKNOWN,
            };
            if !has_single && unknown.score > best[first_end].score {
                best[first_end] = unknown;
            }
        }
        let mut ids = Vec::new();
        let mut at = text.len();
        while at > 0 {
            ids.push(best[at].piece);
            at = best[at].start;
        }
        ids.reverse();
        ids
    }

    /// Calls `found` with the length and id of each piece in front of `bytes`, shortest first.
    fn for_each_prefix(&self, bytes: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut node = self.pieces.root();
        let mut id = 0;
        for (place, byte) in bytes.iter().enumerate() {
            let Some(transition) = node.find_input(*byte).map(|index| node.transition(index))
            else {
                return;
            };
            id += transition.out.value();
            node = self.pieces.node(transition.addr);
            if node.is_final() {
                found(place + 1, (id + node.final_output().value()) as u32);
            }
        }
    }
}
