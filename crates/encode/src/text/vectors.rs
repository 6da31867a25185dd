//! A text as the mean of its words' vectors, each the less the more frequent it is (smooth inverse frequency: Arora, Liang and Ma,
//! "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017).
//!
//! Files of word vectors have the most frequent word first and no counts, so that the frequency of a word is that of its rank by
//! Zipf's law. What the paper also does, taking away the component that all sentences of a set share, is left out: nobody
//! knows what will be asked, and a head that is trained over the vectors takes away what is of no use to it.

use std::path::Path;

use fst::raw::Fst;
use tokenizers::NormalizedString;

use crate::error::Error;
use crate::normalise;
use crate::tensors::{Mapped, TensorFile};

/// The paper's `a`: a word this frequent has half the weight.
const SMOOTHING: f64 = 1e-3;
/// Words of a text past this many are not looked at: a bound on time for any text.
const WORDS_MAX: usize = 512;
/// What is written without spaces is cut into the longest words that are known, of so many letters at most.
const LETTERS_MAX: usize = 12;

/// Words and their vectors, read in place.
pub struct WordVectors {
    words: Fst<Mapped<u8>>,
    vectors: Mapped<f32>,
    dim: usize,
    /// The sum of the inverse ranks, by which frequencies become shares.
    harmonic: f64,
}

impl WordVectors {
    /// Reads `words` and `vectors` (`n_words` of `dim` numbers) of the file at `path`.
    pub fn new(path: &Path, n_words: usize, dim: usize) -> Result<Self, Error> {
        let file = TensorFile::open(path)?;
        let words = Fst::new(file.blob("words")?).map_err(|error| Error::Damaged {
            path: path.into(),
            what: error.to_string(),
        })?;
        Ok(Self {
            words,
            vectors: file.floats("vectors", n_words, dim)?,
            dim,
            harmonic: (1..=n_words).map(|rank| 1.0 / rank as f64).sum(),
        })
    }

    /// The rows of the words of a text that are known, in order.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        // Files have letters with their marks in one.
        let mut composed = NormalizedString::from(text);
        composed.nfc();
        let mut ids = Vec::new();
        for word in composed.get().split(|letter| !is_of_word(letter)) {
            if ids.len() >= WORDS_MAX {
                break;
            }
            let word = word.trim_matches(is_joint);
            if let Some(row) = self.row(word) {
                ids.push(row);
                continue;
            }
            // As of "red-haired" and "dog's", or of a script without spaces.
            for part in word.split(is_joint).filter(|part| !part.is_empty()) {
                match self.row(part) {
                    Some(row) => ids.push(row),
                    None if is_unspaced(part) => ids.extend(self.segmented(part)),
                    None => {}
                }
            }
        }
        ids.truncate(WORDS_MAX);
        ids
    }

    /// The unit vector of a text; zeros where no word of it is known.
    pub fn vector(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0f64; self.dim];
        for row in self.ids(text) {
            let weight = self.weight(row);
            let at = row as usize * self.dim;
            let numbers = &self.vectors[at..at + self.dim];
            sum.iter_mut()
                .zip(numbers)
                .for_each(|(sum, number)| *sum += weight * f64::from(*number));
        }
        let most = sum.iter().fold(0f64, |most, number| most.max(number.abs()));
        // Scaled first, so that no vector is too long or too short to be scaled to length one.
        let scale = if most > 0.0 { most.recip() } else { 0.0 };
        let mut vector: Vec<f32> = sum.iter().map(|number| (number * scale) as f32).collect();
        normalise(&mut vector);
        vector
    }

    /// `a / (a + p)`, where `p` is how frequent the word of this row is.
    fn weight(&self, row: u32) -> f64 {
        let share = 1.0 / ((f64::from(row) + 1.0) * self.harmonic);
        SMOOTHING / (SMOOTHING + share)
    }

    /// The row of a word as it is written, else in small letters, else as a name.
    fn row(&self, word: &str) -> Option<u32> {
        if word.is_empty() {
            return None;
        }
        let lower = word.to_lowercase();
        self.exact(word).or_else(|| self.exact(&lower)).or_else(|| {
            let mut letters = lower.chars();
            let first = letters.next()?.to_uppercase();
            self.exact(&first.chain(letters).collect::<String>())
        })
    }

    fn exact(&self, word: &str) -> Option<u32> {
        let row = u32::try_from(self.words.get(word)?.value()).ok()?;
        ((row as usize + 1) * self.dim <= self.vectors.len()).then_some(row)
    }

    /// The longest known words from the left on; letters that begin none are passed over.
    fn segmented(&self, text: &str) -> Vec<u32> {
        let (mut rest, mut ids) = (text, Vec::new());
        while !rest.is_empty() && ids.len() < WORDS_MAX {
            let ends = rest
                .char_indices()
                .map(|(at, letter)| at + letter.len_utf8());
            let ends: Vec<usize> = ends.take(LETTERS_MAX).collect();
            let longest = ends
                .iter()
                .rev()
                .find_map(|end| Some((self.exact(&rest[..*end])?, *end)));
            let end = match longest {
                Some((row, end)) => {
                    ids.push(row);
                    end
                }
                None => ends[0],
            };
            rest = &rest[end..];
        }
        ids
    }
}

/// Letters, marks over them, digits, and what joins words to one.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_joint(letter) || is_mark(letter)
}

fn is_joint(letter: char) -> bool {
    matches!(letter, '-' | '_' | '\'' | '\u{2019}' | '.' | '/')
}

/// Marks that belong to the letter before them, in Latin, Hebrew, Arabic, Indic scripts and Thai.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

/// Whether it is of a script that puts no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
fn is_unspaced(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    })
}
