//! Splits what was typed into the pieces that the grammar is about, each with its place, for the messages.

use super::error::QueryError;

/// Bytes of a query; nobody types more, and a paste of a file is told so.
pub const MOST_BYTES: usize = 64 * 1024;

/// A run of text between spaces, or one argument of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Without its quotes and their backslashes.
    pub text: String,
    /// In characters from the beginning of the line.
    pub at: usize,
    /// From which byte of `text` on it stood in quotes, where it did.
    pub quoted_from: Option<usize>,
    /// One argument of a command line with spaces in it: somebody quoted it for the shell.
    pub is_spaced: bool,
}

impl Piece {
    /// Nothing in it is looked for but words.
    pub fn is_phrase(&self) -> bool {
        self.quoted_from == Some(0)
    }
}

/// One line of text: pieces are split at spaces, and `"` holds one together.
pub fn line(text: &str) -> Result<Vec<Piece>, QueryError> {
    check_length(text)?;
    let letters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if letters[at].is_whitespace() {
            at += 1;
        } else {
            let (piece, end) = piece(text, &letters, at)?;
            pieces.push(piece);
            at = end;
        }
    }
    Ok(pieces)
}

/// The arguments of a command line, none of which is split.
pub fn arguments<S: AsRef<str>>(arguments: &[S]) -> Result<(String, Vec<Piece>), QueryError> {
    let texts: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let line = texts.join(" ");
    check_length(&line)?;
    let mut pieces = Vec::new();
    let mut at = 0;
    for text in texts {
        let inner = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        pieces.push(Piece {
            text: inner.unwrap_or(text).to_owned(),
            at,
            quoted_from: inner.map(|_| 0),
            is_spaced: text.contains(char::is_whitespace),
        });
        at += text.chars().count() + 1;
    }
    Ok((line, pieces))
}

pub fn check_length(text: &str) -> Result<(), QueryError> {
    if text.len() > MOST_BYTES {
        return Err(QueryError::without_place(format!(
            "the query has {} bytes; {MOST_BYTES} is the most: say what to look for in a sentence",
            text.len()
        )));
    }
    Ok(())
}

/// The piece that begins at a letter, and where it ends.
fn piece(line: &str, letters: &[char], start: usize) -> Result<(Piece, usize), QueryError> {
    let mut text = String::new();
    let mut quoted_from = None;
    let mut at = start;
    while at < letters.len() && !letters[at].is_whitespace() {
        let opens = is_quote(letters[at]) && (text.is_empty() || text.ends_with(':'));
        if !opens {
            text.push(letters[at]);
            at += 1;
            continue;
        }
        quoted_from = Some(text.len());
        let Some((inner, end)) = quoted(letters, at) else {
            let message = "this quote is not closed: end it with `\"`, or leave it out";
            return Err(QueryError::at(line, at, message));
        };
        text.push_str(&inner);
        at = end;
        if letters
            .get(at)
            .is_some_and(|letter| !letter.is_whitespace())
        {
            let message = "after a closing quote a space has to follow";
            return Err(QueryError::at(line, at, message));
        }
    }
    let piece = Piece {
        text,
        at: start,
        quoted_from,
        is_spaced: false,
    };
    Ok((piece, at))
}

/// Phones make round quotes of straight ones.
fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '\u{201c}' | '\u{201d}')
}

/// What stands between the quote here and the next, and where it goes on.
fn quoted(letters: &[char], start: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(&letter) = letters.get(at) {
        match letter {
            '\\' if letters
                .get(at + 1)
                .is_some_and(|next| matches!(next, '"' | '\\')) =>
            {
                text.push(letters[at + 1]);
                at += 2;
            }
            quote if is_quote(quote) => return Some((text, at + 1)),
            other => {
                text.push(other);
                at += 1;
            }
        }
    }
    None
}

/// Text in quotes, as [`line`] reads it back.
pub fn quote(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    // Round quotes cannot be escaped, and mean the same.
    format!("\"{}\"", escaped.replace(['\u{201c}', '\u{201d}'], "\\\""))
}
