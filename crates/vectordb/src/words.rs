//! Text as the words by which it is looked up: how captions, names and tags are cut when they are written, and queries
//! when they are asked, so that the two meet.
//!
//! Words are runs of letters and digits, in lower case and without accents (Unicode NFKD), of the text in Unicode NFKC,
//! which writes out what one sign says in several words. Scripts that are written
//! without spaces have no such runs: of them every two letters that stand beside each other are a word (bigrams, as in
//! Nie, Gao, Zhang and Zhou 2000), and when written down each letter alone as well.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters of a word that count.
const MOST_LETTERS: usize = 64;
/// Words of one text that count.
const MOST_WORDS: usize = 4_000;

/// The words that a query asks for, in order.
pub fn asked(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in runs(&plain(text)) {
        match run {
            Run::Word(word) => words.push(fold(word)),
            Run::Letters(letters) => pairs(&letters, &mut words),
        }
    }
    finish(words)
}

/// The words by which a text is found: those of the text in order, then what else each is found by: the parts of
/// `IMG_2023beach` and `myDog`, the single letters of scripts without spaces.
pub fn indexed(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut more = Vec::new();
    for run in runs(&plain(text)) {
        match run {
            Run::Word(word) => {
                words.push(fold(word));
                let parts = parts(word);
                if parts.len() > 1 {
                    more.extend(parts.into_iter().map(fold));
                }
            }
            Run::Letters(letters) => {
                pairs(&letters, &mut words);
                if letters.len() > 1 {
                    more.extend(letters.iter().map(char::to_string));
                }
            }
        }
    }
    words.extend(more);
    finish(words)
}

fn finish(mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| !word.is_empty());
    words.truncate(MOST_WORDS);
    words
}

enum Run<'a> {
    /// Letters and digits between spaces and signs.
    Word(&'a str),
    /// Letters of a script without spaces.
    Letters(Vec<char>),
}

/// Ligatures, letters of half and full width and numbers in circles as the letters that they stand for. It comes before
/// the cut into words, as there are signs that stand for a sentence with spaces.
fn plain(text: &str) -> String {
    text.nfkc().collect()
}

/// Of a text that is [`plain`].
fn runs(text: &str) -> Vec<Run<'_>> {
    #[derive(PartialEq)]
    enum Kind {
        Word,
        Letters,
    }
    let mut runs = Vec::new();
    let mut open: Option<(Kind, usize)> = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    for (at, letter) in ends {
        let kind = match letter {
            _ if is_without_spaces(letter) => Some(Kind::Letters),
            _ if letter.is_alphanumeric() => Some(Kind::Word),
            // A mark belongs to the letter before it.
            _ if is_combining_mark(letter) && open.is_some() => continue,
            _ => None,
        };
        if open.as_ref().map(|(kind, _)| kind) == kind.as_ref() {
            continue;
        }
        if let Some((kind, start)) = open.take() {
            let run = &text[start..at];
            runs.push(match kind {
                Kind::Word => Run::Word(run),
                Kind::Letters => Run::Letters(run.chars().collect()),
            });
        }
        open = kind.map(|kind| (kind, at));
    }
    runs
}

/// Han, kana, Hangul, Thai, Lao, Burmese and Khmer. Korean has spaces, but words are written together with their endings.
fn is_without_spaces(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
        && letter.is_alphanumeric()
        || matches!(letter, '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}')
}

fn pairs(letters: &[char], words: &mut Vec<String>) {
    match letters {
        [one] => words.push(one.to_string()),
        _ => words.extend(
            letters
                .windows(2)
                .map(|pair| pair.iter().collect::<String>()),
        ),
    }
}

/// Lower case, without accents.
fn fold(word: &str) -> String {
    let bare = word.nfkd().filter(|letter| !is_combining_mark(*letter));
    let lower = bare.flat_map(char::to_lowercase);
    // Upper case may hide accents: of `İ` a dot is left.
    let letters = lower.filter(|letter| !is_combining_mark(*letter));
    letters.take(MOST_LETTERS).collect()
}

/// What stands between changes from letters to digits and from lower to upper case.
fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, letter) in word.char_indices() {
        let is_border = before.is_some_and(|before| {
            before.is_numeric() != letter.is_numeric()
                || (before.is_lowercase() && letter.is_uppercase())
        });
        if is_border {
            parts.push(&word[start..at]);
            start = at;
        }
        before = Some(letter);
    }
    parts.push(&word[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect_asked: &str, expect_indexed: &str) {
        assert_eq!(asked(text).join(" "), expect_asked, "{text}");
        assert_eq!(indexed(text).join(" "), expect_indexed, "{text}");
    }

    #[test]
    fn words_are_lower_case_and_without_accents() {
        check("Café au lait", "cafe au lait", "cafe au lait");
        check("Cafe\u{301}", "cafe", "cafe");
        check("ÅNGSTRÖM, Straße!", "angstrom straße", "angstrom straße");
        check("İstanbul ﬁn", "istanbul fin", "istanbul fin");
        check("", "", "");
        check("-- ... '", "", "");
    }

    #[test]
    fn names_of_files_are_found_by_their_parts() {
        check(
            "IMG_2023beach.jpg",
            "img 2023beach jpg",
            "img 2023beach jpg 2023 beach",
        );
        check("myDog", "mydog", "mydog my dog");
    }

    #[test]
    fn scripts_without_spaces_are_found_by_pairs() {
        check("红苹果", "红苹 苹果", "红苹 苹果 红 苹 果");
        check("猫", "猫", "猫");
        check("a 红花 b", "a 红花 b", "a 红花 b 红 花");
        check(
            "ネコが好き",
            "ネコ コが が好 好き",
            "ネコ コが が好 好き ネ コ が 好 き",
        );
        check("고양이는", "고양 양이 이는", "고양 양이 이는 고 양 이 는");
        assert_eq!(asked("แมว"), ["แม", "มว"]);
    }

    #[test]
    fn a_sign_that_stands_for_several_words_is_several() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(asked(text), expected, "{text}");
            assert_eq!(indexed(text)[..expected.len()], *expected, "{text}");
        };
        check("\u{fdfa}", &["صلى", "الله", "عليه", "وسلم"]);
        check("1½", &["11", "2"]);
        check("ｶﾞｽ", &["ガス"]);
    }

    #[test]
    fn words_are_letters_and_digits_alone() {
        for letter in '\0'..=char::MAX {
            let words = indexed(&letter.to_string());
            let mut letters = words.iter().flat_map(|word| word.chars());
            assert!(
                letters.all(|letter| letter.is_alphanumeric() || is_without_spaces(letter)),
                "{letter:?}: {words:?}"
            );
        }
    }

    #[test]
    fn endless_words_are_cut() {
        assert_eq!(asked(&"x".repeat(1_000_000))[0].len(), MOST_LETTERS);
        assert_eq!(asked(&"x ".repeat(1_000_000)).len(), MOST_WORDS);
    }

    proptest::proptest! {
        #[test]
        fn what_is_asked_word_by_word_is_indexed(text in ".{0,60}") {
            let indexed = indexed(&text);
            for word in asked(&text) {
                proptest::prop_assert!(indexed.contains(&word), "{text:?}: {word:?} of {indexed:?}");
                // Words hold no sign that a full-text query could take for its own.
                proptest::prop_assert!(!word.contains(['"', ' ', '\0', '*']), "{word:?}");
            }
        }
    }
}
