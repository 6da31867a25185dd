//! The words of a collection that are meant by a word of a query: its other forms, and where it stands nowhere, words
//! that it may be a slip for.

use rust_stemmers::{Algorithm, Stemmer};

use crate::Engine;
use crate::error::Error;

/// How much a word counts that was found by a slip.
pub const MISTYPED: f32 = 0.75;
/// Letters from which on a word may have one slip, and two.
const ONE_SLIP: usize = 4;
const TWO_SLIPS: usize = 8;
/// Other words that a slip may stand for.
const MOST_FORMS: usize = 3;
/// Letters that all forms of a word share.
const COMMON: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// It stands there, in these forms.
    Known(Vec<String>),
    /// It does not, but these do, the likeliest first.
    Mistyped(Vec<String>),
    Unknown,
}

/// A word as [`fovea_vectordb::words`] cuts it.
pub fn of(engine: &Engine, word: &str) -> Result<Spelling, Error> {
    let database = engine.database();
    let beginning: String = word.chars().take(COMMON).collect();
    let alike = database.known_words(&beginning)?;
    let forms = forms(word, alike.iter().map(|(known, _)| known.as_str()));
    if !forms.is_empty() {
        return Ok(Spelling::Known(forms));
    }
    // A word that the text encoder has as a whole is a word.
    if slips(word) == 0 || engine.encoder().is_word(word) {
        return Ok(Spelling::Unknown);
    }
    // The first letter is rarely wrong, and all words would be many.
    let first: String = word.chars().take(1).collect();
    let near = nearest(word, database.known_words(&first)?);
    Ok(match near.is_empty() {
        true => Spelling::Unknown,
        false => Spelling::Mistyped(near),
    })
}

/// Of the known words those of one stem with this (Porter 2001, for words in Latin letters).
fn forms<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let is_latin = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let stemmer = Stemmer::create(Algorithm::English);
    let stem = stemmer.stem(word);
    let is_form = |other: &&str| {
        *other == word || (is_latin(word) && is_latin(other) && stemmer.stem(other) == stem)
    };
    known.filter(is_form).map(str::to_owned).collect()
}

/// Slips that a word may have; none where digits or other signs make each letter count.
fn slips(word: &str) -> usize {
    let is_spelt = word
        .chars()
        .all(|letter| letter.is_alphabetic() && letter < '\u{0e00}');
    match word.chars().count() {
        TWO_SLIPS.. if is_spelt => 2,
        ONE_SLIP.. if is_spelt => 1,
        _ => 0,
    }
}

/// The known words with the fewest slips between, the most frequent first.
fn nearest(word: &str, known: Vec<(String, u64)>) -> Vec<String> {
    let most = slips(word);
    let n_letters = word.chars().count();
    let mut near: Vec<(usize, u64, String)> = Vec::new();
    for (other, n_items) in known {
        // A letter is a byte or more, so that this leaves none out.
        if other.len() + most < n_letters || !other.chars().all(char::is_alphabetic) {
            continue;
        }
        if other.chars().count() > n_letters + most {
            continue;
        }
        let slips = strsim::osa_distance(word, &other);
        if slips <= most {
            near.push((slips, n_items, other));
        }
    }
    let fewest = near.iter().map(|(slips, ..)| *slips).min().unwrap_or(0);
    near.retain(|(slips, ..)| *slips == fewest);
    near.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.2.cmp(&b.2)));
    near.truncate(MOST_FORMS);
    near.into_iter().map(|(.., word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_share_a_stem() {
        let known = ["dog", "dogs", "dogma", "fly", "flies", "flying", "船"];
        let of = |word| forms(word, known.into_iter());
        assert_eq!(of("dog"), ["dog", "dogs"]);
        assert_eq!(of("flies"), ["fly", "flies", "flying"]);
        assert_eq!(of("船"), ["船"]);
        assert!(of("cat").is_empty());
    }

    #[test]
    fn the_fewest_slips_win() {
        let known = || {
            let known = [
                ("butterfly", 3),
                ("buttery", 9),
                ("batter", 1),
                ("butter", 2),
                ("b", 1),
            ];
            known.map(|(word, n)| (word.to_owned(), n)).to_vec()
        };
        assert_eq!(nearest("buterfly", known()), ["butterfly"]);
        assert_eq!(nearest("buttrefly", known()), ["butterfly"]);
        assert_eq!(nearest("bitter", known()), ["butter", "batter"]);
        assert!(nearest("bxx", known()).is_empty(), "too short to guess");
        assert!(nearest("volcano", known()).is_empty());
    }

    #[test]
    fn numbers_and_pictographs_have_no_slips() {
        assert_eq!(
            ["dog", "boat", "elephant", "img20230", "苹果"].map(slips),
            [0, 1, 2, 0, 0]
        );
    }
}
