//! A query as text that is read back as the same query.

use std::fmt;

use super::lex::quote;
use super::parse::IMAGE;
use super::{Clause, KeyValues, Query, TermContent};

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for (number, term) in self.terms.iter().enumerate() {
            match (number, term.weight < 0.0) {
                (_, true) => parts.push("-".to_owned()),
                (0, false) => {}
                (_, false) => parts.push("+".to_owned()),
            }
            let weight = match term.weight.abs() {
                1.0 => String::new(),
                weight => format!("{weight}:"),
            };
            parts.push(format!("{weight}{}", term.content));
        }
        let without = self.without.iter();
        parts.extend(without.map(|content| match content {
            TermContent::Words(words) | TermContent::Phrase(words) => {
                format!("not:{}", quote(words))
            }
            other => format!("not:{other}"),
        }));
        parts.extend(self.filters.iter().map(Clause::to_string));
        f.write_str(&parts.join(" "))
    }
}

/// Words that would be taken for something else stand in quotes.
impl fmt::Display for TermContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TermContent::Words(words) if reads_as_words(words) => f.write_str(words),
            TermContent::Words(words) | TermContent::Phrase(words) => f.write_str(&quote(words)),
            TermContent::Image(path) => {
                let path = path.display().to_string();
                let is_plain = ["./", "../", "/"]
                    .iter()
                    .any(|start| path.starts_with(start));
                match is_plain
                    && !path.contains(|letter: char| letter.is_whitespace() || letter == '"')
                {
                    true => f.write_str(&path),
                    false => write!(f, "{IMAGE}:{}", quote(&path)),
                }
            }
            // Not read back: what was handed in is no file.
            TermContent::Given(given) => {
                let hash = given.hash().to_string();
                write!(f, "{IMAGE}:{}", quote(&format!("given {}", &hash[..16])))
            }
            TermContent::Item(item) => write!(f, "#{item}"),
            TermContent::Named(name) => name.fmt(f),
        }
    }
}

fn reads_as_words(words: &str) -> bool {
    // A space more or less would not come back.
    let is_even = words.split_whitespace().collect::<Vec<_>>().join(" ") == words;
    is_even
        && Query::from_syntax(words).is_ok_and(|query| {
            let is_one =
                query.without.is_empty() && query.filters.is_empty() && query.terms.len() == 1;
            let first = query.terms.first();
            is_one
                && first.is_some_and(|term| {
                    term.weight == 1.0 && term.content == TermContent::Words(words.to_owned())
                })
        })
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.any.iter().map(KeyValues::to_string).collect();
        f.write_str(&parts.join(" | "))
    }
}

impl fmt::Display for KeyValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negated { "-" } else { "" };
        let needs_quotes = |value: &String| {
            value.is_empty()
                || value.contains(|letter: char| {
                    letter.is_whitespace() || matches!(letter, '|' | '"' | '\u{201c}' | '\u{201d}')
                })
        };
        match self.values.as_slice() {
            [value] if needs_quotes(value) => write!(f, "{sign}{}:{}", self.key, quote(value)),
            values => write!(f, "{sign}{}:{}", self.key, values.join("|")),
        }
    }
}
