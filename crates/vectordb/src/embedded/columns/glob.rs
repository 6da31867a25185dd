//! Globs, compiled once and matched against many texts.

/// `*` is any run of characters, `?` any one.
#[derive(Debug)]
pub(crate) struct Glob {
    pattern: String,
    ignore_case: bool,
}

impl Glob {
    pub(crate) fn new(pattern: &str, ignore_case: bool) -> Glob {
        let pattern = match ignore_case {
            true => pattern.to_lowercase(),
            false => pattern.to_owned(),
        };
        Glob {
            pattern,
            ignore_case,
        }
    }

    /// Whether it is like the whole text. `scratch` is overwritten; it keeps a
    /// million texts from a million allocations.
    pub(crate) fn matches(&self, text: &str, scratch: &mut String) -> bool {
        if !self.ignore_case {
            return is_like(self.pattern.as_bytes(), text.as_bytes());
        }
        scratch.clear();
        if text.is_ascii() {
            scratch.push_str(text);
            scratch.make_ascii_lowercase();
        } else {
            // Not letter by letter: a sigma at the end of a word has a form of its own.
            scratch.push_str(&text.to_lowercase());
        }
        is_like(self.pattern.as_bytes(), scratch.as_bytes())
    }
}

/// Both are UTF-8. Only the last `*` is ever gone back to: what an earlier one
/// could take more, the last one can as well.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // After the last `*`, and the text that it has not taken yet.
    let mut again: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                again = Some((p, t));
                continue;
            }
            (Some(b'?'), Some(_)) => {
                p += 1;
                t = next_character(text, t);
                continue;
            }
            (Some(want), Some(have)) if want == have => {
                p += 1;
                t += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match again {
            Some((after, from)) if from < text.len() => {
                let from = next_character(text, from);
                again = Some((after, from));
                (p, t) = (after, from);
            }
            _ => return false,
        }
    }
}

/// Where the character after the one at `at` begins.
fn next_character(text: &[u8], at: usize) -> usize {
    let continues = |byte: &&u8| (**byte & 0xC0) == 0x80;
    at + 1 + text[at + 1..].iter().take_while(continues).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, alike: &[&str], unlike: &[&str]) {
        let glob = Glob::new(pattern, false);
        let scratch = &mut String::new();
        for text in alike {
            assert!(glob.matches(text, scratch), "{pattern} and {text}");
        }
        for text in unlike {
            assert!(!glob.matches(text, scratch), "{pattern} and {text}");
        }
    }

    #[test]
    fn stars_take_runs_and_questions_one_character() {
        check("", &[""], &["a"]);
        check("*", &["", "a", "a/b"], &[]);
        check("a*c", &["ac", "abc", "abcbc"], &["a", "abcb", "xac"]);
        check("*ab*ab", &["abab", "xababab"], &["ab", "abaab x"]);
        check("?", &["a", "é", "山"], &["", "ab"]);
        check("*?ebp", &["ñ.webp", "xebp"], &["ebp"]);
        check("a?*", &["a山", "abc"], &["a"]);
        check("[a]", &["[a]"], &["a"]);
        check("*a*a*a*a*b", &[], &[&"a".repeat(5000)]);
    }

    #[test]
    fn letter_case_is_dropped_in_every_script() {
        let scratch = &mut String::new();
        for (pattern, text) in [("ΣΊΣΥΦΟΣ", "σίσυφος"), ("*É.PNG", "né.png"), ("a?", "AÑ")]
        {
            assert!(
                Glob::new(pattern, true).matches(text, scratch),
                "{pattern} and {text}"
            );
        }
    }
}
