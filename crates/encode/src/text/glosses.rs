//! What single Han characters mean in English, for an encoder of sentences that knows them badly by themselves.
//!
//! Of 247 queries of one character, Chinese and Japanese names of emoji, 52 are answered in the first ten by the character, and 66
//! where its meaning is asked beside it, judged by an alignment that learned of drawings alone (`scripts/reference/asked.py`).
//! Meanings are those of Unihan; `scripts/reference/han_glosses.py` makes the file.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The meaning of a text that is one character in common use.
pub fn of(text: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<HashMap<char, &'static str>> = LazyLock::new(read);
    let mut letters = text.trim().chars();
    let (letter, rest) = (letters.next()?, letters.next());
    if rest.is_some() || letter.is_ascii() {
        return None;
    }
    KNOWN.get(&letter).copied()
}

fn read() -> HashMap<char, &'static str> {
    let lines = include_str!("../../assets/han-glosses.tsv").lines();
    let pairs = lines.filter_map(|line| line.split_once('\t'));
    pairs
        .filter_map(|(letter, meaning)| Some((letter.chars().next()?, meaning)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_characters_in_common_use() {
        assert_eq!(of("猫"), Some("cat"));
        assert_eq!(of(" 雾 "), Some("fog, mist"));
        assert_eq!(of("桜"), Some("cherry, cherry blossom"));
        for text in ["", "a", "é", "小猫", "の", "😀", "龘"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn every_line_is_a_character_and_its_meaning() {
        let lines = include_str!("../../assets/han-glosses.tsv").lines();
        // The first says where they are from.
        assert_eq!(read().len(), lines.skip(1).count());
        for (letter, meaning) in read() {
            assert!(('\u{4e00}'..='\u{9fff}').contains(&letter), "{letter}");
            assert!(
                !meaning.is_empty() && meaning.is_ascii() && meaning.len() <= 60,
                "{letter}"
            );
        }
    }
}
