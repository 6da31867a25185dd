//! What is wrong with a query, and where.

use std::fmt;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of the line that are shown around the place.
const SHOWN: usize = 60;

/// A query that says nothing, with the place in what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    message: String,
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: String,
    /// In characters, from 0.
    at: usize,
}

impl QueryError {
    pub fn at(line: &str, at: usize, message: impl Into<String>) -> Self {
        let line = line.replace(char::is_control, " ");
        Self {
            message: message.into(),
            place: Some(Place { line, at }),
        }
    }

    pub fn without_place(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
        }
    }

    /// The sentence alone.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Which character of the query it is about, from 1.
    pub fn character(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.at + 1)
    }
}

impl std::error::Error for QueryError {}

/// The sentence, and under it the query with the place marked.
impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Place { line, at }) = &self.place else {
            return f.write_str(&self.message);
        };
        let letters: Vec<char> = line.chars().collect();
        let start = at.saturating_sub(SHOWN / 2);
        let end = (start + SHOWN).min(letters.len());
        let before: String = letters[start.min(end)..(*at).min(end)].iter().collect();
        let after: String = letters[(*at).min(end)..end].iter().collect();
        let (left, right) = (
            if start > 0 { "…" } else { "" },
            if end < letters.len() { "…" } else { "" },
        );
        let marked = after.chars().next().and_then(UnicodeWidthChar::width);
        writeln!(f, "character {}: {}", at + 1, self.message)?;
        writeln!(f, "  {left}{before}{after}{right}")?;
        write!(
            f,
            "  {}{}",
            " ".repeat(left.width() + before.width()),
            "^".repeat(marked.unwrap_or(1).max(1))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_under_wide_letters_too() {
        let error = QueryError::at("海滩 \"夏天", 3, "not closed");
        assert_eq!(
            error.to_string(),
            "character 4: not closed\n  海滩 \"夏天\n       ^"
        );
        let long = format!("{}!", "a".repeat(200));
        let shown = QueryError::at(&long, 200, "no").to_string();
        assert_eq!(
            shown,
            format!(
                "character 201: no\n  …{}!\n  {}^",
                "a".repeat(30),
                " ".repeat(31)
            )
        );
    }
}
