//! The query language: words and images, added and subtracted with weights.
//!
//! The grammar is rclip's: terms joined by a lone `+` or `-`, a weight as in `0.5:night`, an image as `./file.jpg`.
//! Parsing opens no file and embeds nothing.

use std::fmt;
use std::path::PathBuf;

use crate::error::Error;

/// Terms whose weighted sum, normalised again, is what is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Negative for a term that is subtracted.
    pub weight: f32,
    pub content: TermContent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermContent {
    Words(String),
    Image(PathBuf),
}

impl Query {
    /// One text, taken as it is: no sign or weight is looked for in it.
    pub fn words(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::Input("the query is empty".to_owned()));
        }
        let content = TermContent::Words(text.to_owned());
        Ok(Self {
            terms: vec![Term {
                weight: 1.0,
                content,
            }],
        })
    }

    /// The arguments of a command line: neighbouring words belong together, a lone `+` or `-` begins a new term.
    ///
    /// An argument is never split, so a caption with a dash in it can be quoted.
    pub fn from_arguments<S: AsRef<str>>(arguments: &[S]) -> Result<Self, Error> {
        let mut terms = Vec::new();
        let mut sign = 1.0;
        let mut words: Vec<&str> = Vec::new();
        for (number, argument) in arguments.iter().map(AsRef::as_ref).enumerate() {
            let next_sign = match argument {
                "+" => 1.0,
                "-" => -1.0,
                word => {
                    words.push(word);
                    continue;
                }
            };
            let starts_with_sign = number == 0;
            if !starts_with_sign {
                terms.push(term(sign, &words)?);
            }
            words.clear();
            sign = next_sign;
        }
        terms.push(term(sign, &words)?);
        if terms.iter().all(|term| term.weight <= 0.0) {
            return Err(Error::Input(
                "the query only takes away; add something to look for before the `-`".to_owned(),
            ));
        }
        Ok(Self { terms })
    }

    /// The same grammar over one line of text, split at spaces.
    pub fn from_syntax(line: &str) -> Result<Self, Error> {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Self::from_arguments(&arguments)
    }

    pub fn has_images(&self) -> bool {
        self.terms
            .iter()
            .any(|term| matches!(term.content, TermContent::Image(_)))
    }

    pub fn has_words(&self) -> bool {
        self.terms
            .iter()
            .any(|term| matches!(term.content, TermContent::Words(_)))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, term) in self.terms.iter().enumerate() {
            match (number, term.weight < 0.0) {
                (_, true) => f.write_str(if number == 0 { "- " } else { " - " })?,
                (0, false) => {}
                (_, false) => f.write_str(" + ")?,
            }
            if term.weight.abs() != 1.0 {
                write!(f, "{}:", term.weight.abs())?;
            }
            match &term.content {
                TermContent::Words(words) => f.write_str(words)?,
                TermContent::Image(path) => write!(f, "{}", path.display())?,
            }
        }
        Ok(())
    }
}

fn term(sign: f32, words: &[&str]) -> Result<Term, Error> {
    let text = words.join(" ");
    let (weight, text) = split_weight(&text);
    if text.trim().is_empty() {
        return Err(Error::Input(
            "a `+` or `-` has nothing beside it to add or take away".to_owned(),
        ));
    }
    let content = content(text.trim())?;
    Ok(Term {
        weight: sign * weight,
        content,
    })
}

fn content(text: &str) -> Result<TermContent, Error> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Err(Error::Input(format!(
            "{text}: Fovea opens no address on the network; download the picture and give its path as ./FILE"
        )));
    }
    if let Some(path) = text.strip_prefix("file://") {
        return Ok(TermContent::Image(PathBuf::from(path)));
    }
    let is_path = ["./", "../", "/", "~/"]
        .iter()
        .any(|start| text.starts_with(start))
        || is_drive(text);
    if !is_path {
        return Ok(TermContent::Words(text.to_owned()));
    }
    let expanded = text
        .strip_prefix("~/")
        .and_then(|rest| Some(std::env::home_dir()?.join(rest)));
    Ok(TermContent::Image(
        expanded.unwrap_or_else(|| PathBuf::from(text)),
    ))
}

/// `C:\…` or `C:/…`.
fn is_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/')
}

/// `0.5:night` -> (0.5, `night`); a time such as `12:30` stays words, because a term never begins with a digit there.
fn split_weight(text: &str) -> (f32, &str) {
    let Some((number, rest)) = text.split_once(':') else {
        return (1.0, text);
    };
    let is_number = !number.is_empty()
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.bytes().filter(|byte| *byte == b'.').count() <= 1
        && number != ".";
    let is_clock = rest
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit())
        && !number.contains('.');
    match number.parse::<f32>() {
        Ok(weight) if is_number && !is_clock && weight.is_finite() => (weight, rest),
        _ => (1.0, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expect: &str) {
        let shown = match Query::from_arguments(arguments) {
            Ok(query) => query
                .terms
                .iter()
                .map(|term| match &term.content {
                    TermContent::Words(words) => format!("{:+} words {words}", term.weight),
                    TermContent::Image(path) => {
                        format!("{:+} image {}", term.weight, path.display())
                    }
                })
                .collect::<Vec<_>>()
                .join("; "),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expect, "for {arguments:?}");
    }

    #[test]
    fn arguments_become_terms() {
        check(&["beach"], "+1 words beach");
        check(&["red", "car"], "+1 words red car");
        check(
            &["horse", "+", "stripes"],
            "+1 words horse; +1 words stripes",
        );
        check(
            &["horse", "-", "0.5:night"],
            "+1 words horse; -0.5 words night",
        );
        check(
            &["./a b.jpg", "+", "2:snow"],
            "+1 image ./a b.jpg; +2 words snow",
        );
        check(&["file:///tmp/a.jpg"], "+1 image /tmp/a.jpg");
        check(
            &["Tux and spider - two friends."],
            "+1 words Tux and spider - two friends.",
        );
        check(&["12:30", "clock"], "+1 words 12:30 clock");
        check(&["C:\\a.jpg"], "+1 image C:\\a.jpg");
        check(&["-", "night", "+", "day"], "-1 words night; +1 words day");
    }

    #[test]
    fn a_query_that_cannot_mean_anything_says_why() {
        check(
            &["a", "+"],
            "error: a `+` or `-` has nothing beside it to add or take away",
        );
        check(
            &["a", "+", "-", "b"],
            "error: a `+` or `-` has nothing beside it to add or take away",
        );
        check(
            &[" "],
            "error: a `+` or `-` has nothing beside it to add or take away",
        );
        check(
            &["-", "night"],
            "error: the query only takes away; add something to look for before the `-`",
        );
        check(
            &["https://example.org/a.jpg"],
            "error: https://example.org/a.jpg: Fovea opens no address on the network; download the picture and \
             give its path as ./FILE",
        );
        assert!(Query::words("  ").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_parsed_again(weights in proptest::collection::vec(1u8..40, 1..5)) {
            let terms = weights.iter().enumerate().map(|(number, weight)| Term {
                weight: f32::from(*weight) / 8.0 * if number % 2 == 1 { -1.0 } else { 1.0 },
                content: TermContent::Words(format!("word {number}")),
            });
            let query = Query { terms: terms.collect() };
            let again = Query::from_syntax(&query.to_string()).unwrap();
            proptest::prop_assert_eq!(query, again);
        }
    }
}
