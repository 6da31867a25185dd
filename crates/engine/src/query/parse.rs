//! From pieces to a query.

use std::path::PathBuf;

use super::error::QueryError;
use super::keys::{self, Asked};
use super::lex::Piece;
use super::names::Name;
use super::{Clause, KeyValues, Query, Term, TermContent, plan};

/// The key before what is left out.
const NOT: &str = "not";
/// The key before an image whose path would not be taken for one, or has spaces.
pub(super) const IMAGE: &str = "image";
const ITEM: char = '#';
const ITEM_LETTERS: usize = 13;
const AN_IMAGE_BESIDE_WORDS: &str = "an image is a term of its own: put a `+` between it and the words, or quotes around a name with spaces, as in \
     `image:\"my dog.jpg\"`";

/// A query from the pieces of a line.
pub(super) fn query(line: String, pieces: &[Piece]) -> Result<Query, QueryError> {
    let mut reader = Reader {
        query: Query::default(),
        line: &line,
        sign: None,
        term: Vec::new(),
        or: None,
        after_filter: false,
    };
    for piece in pieces {
        reader.take(piece)?;
    }
    let query = reader.finish()?;
    Ok(Query { line, ..query })
}

struct Reader<'a> {
    query: Query,
    line: &'a str,
    /// The sign that began the term, and where it stands.
    sign: Option<(f32, usize)>,
    term: Vec<&'a Piece>,
    /// Where a `|` waits for its right side.
    or: Option<usize>,
    after_filter: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, piece: &'a Piece) -> Result<(), QueryError> {
        let sign = match piece.text.as_str() {
            _ if piece.is_phrase() => None,
            "+" => Some(1.0),
            "-" => Some(-1.0),
            "|" => return self.take_or(piece.at),
            _ => None,
        };
        if let Some(sign) = sign {
            self.refuse_or()?;
            self.end_term()?;
            self.sign = Some((sign, piece.at));
            self.after_filter = false;
            return Ok(());
        }
        if let Some(clause) = self.clause(piece)? {
            self.put_clause(clause);
            return Ok(());
        }
        self.refuse_or()?;
        self.after_filter = false;
        match removed(piece) {
            Some(content) => self.query.without.push(content),
            None => self.term.push(piece),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Query, QueryError> {
        self.refuse_or()?;
        self.end_term()?;
        let Query {
            terms,
            without,
            filters,
            ..
        } = &self.query;
        if terms.is_empty() && without.is_empty() && filters.is_empty() {
            return Err(QueryError::without_place("the query is empty"));
        }
        if !terms.is_empty() && terms.iter().all(|term| term.weight <= 0.0) {
            return Err(QueryError::without_place(
                "the query only takes away; add something to look for before the `-`",
            ));
        }
        Ok(self.query)
    }

    fn take_or(&mut self, at: usize) -> Result<(), QueryError> {
        if !self.after_filter {
            return Err(self.no_filter_beside(at));
        }
        self.or = Some(at);
        Ok(())
    }

    fn refuse_or(&self) -> Result<(), QueryError> {
        match self.or {
            Some(at) => Err(self.no_filter_beside(at)),
            None => Ok(()),
        }
    }

    fn no_filter_beside(&self, at: usize) -> QueryError {
        let message = "`|` stands between two filters, as in `ext:png | rating:5`; in words, put the query in quotes";
        QueryError::at(self.line, at, message)
    }

    fn put_clause(&mut self, clause: KeyValues) {
        match (self.or.take(), self.query.filters.last_mut()) {
            (Some(_), Some(last)) => last.any.push(clause),
            _ => self.query.filters.push(Clause { any: vec![clause] }),
        }
        self.after_filter = true;
    }

    /// The piece as a filter, if it is one.
    fn clause(&self, piece: &Piece) -> Result<Option<KeyValues>, QueryError> {
        let Some((key, value)) = split_key(piece) else {
            return Ok(None);
        };
        let (negated, name) = match key.strip_prefix(['-', '!']) {
            Some(name) => (true, name),
            None => (false, key),
        };
        if !is_key(name) || [NOT, IMAGE].contains(&name) {
            return Ok(None);
        }
        let known = keys::key(name);
        // Somebody quoted the whole for the shell: a caption, unless it begins as only filters do.
        let is_caption = piece.is_spaced && (known.is_none() || value.starts_with(' '));
        let is_quoted = piece.quoted_from == Some(piece.text.len() - value.len());
        if is_caption || (value.is_empty() && known.is_none()) {
            return Ok(None);
        }
        let values: Vec<String> = match is_quoted {
            true => vec![value.to_owned()],
            false => value.split('|').map(str::to_owned).collect(),
        };
        if !is_quoted && values.iter().any(String::is_empty) {
            let message = format!(
                "`{name}:` is followed by no value, as in `{name}:{}`",
                known.map_or("a", |key| key.example)
            );
            return Err(QueryError::at(self.line, piece.at, message));
        }
        if let Some(known) = known {
            let today = plan::today();
            for value in &values {
                let tried = known.filter(&Asked { value, today });
                tried.map_err(|message| QueryError::at(self.line, piece.at, message))?;
            }
        }
        Ok(Some(KeyValues {
            negated,
            key: known.map_or(name, |known| known.name).to_owned(),
            values,
            at: piece.at,
        }))
    }

    fn end_term(&mut self) -> Result<(), QueryError> {
        let pieces = std::mem::take(&mut self.term);
        let sign = self.sign.take();
        let Some(first) = pieces.first() else {
            return match sign {
                Some((_, at)) => Err(QueryError::at(
                    self.line,
                    at,
                    "this sign has nothing beside it to add or take away",
                )),
                None => Ok(()),
            };
        };
        let (weight, start) = self.weight(first)?;
        let content = self.content(&pieces, start)?;
        self.query.terms.push(Term {
            weight: sign.map_or(1.0, |(sign, _)| sign) * weight,
            content,
        });
        Ok(())
    }

    /// `0.5:night` -> 0.5, and the byte from which on it is `night`. A time such as `12:30` stays words, because a term
    /// never begins with a digit there.
    fn weight(&self, piece: &Piece) -> Result<(f32, usize), QueryError> {
        let Some((number, rest)) = piece.text.split_once(':') else {
            return Ok((1.0, 0));
        };
        let is_number = number.bytes().any(|byte| byte.is_ascii_digit())
            && number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
            && number.bytes().filter(|byte| *byte == b'.').count() <= 1;
        let is_clock = rest
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_digit())
            && !number.contains('.');
        let is_quoted = piece.quoted_from.is_some_and(|from| from <= number.len());
        if !is_number || is_clock || is_quoted {
            return Ok((1.0, 0));
        }
        match number.parse::<f32>() {
            Ok(weight) if weight.is_finite() => Ok((weight, number.len() + 1)),
            _ => Err(QueryError::at(
                self.line,
                piece.at,
                "this weight is too large; 1 is the usual one",
            )),
        }
    }

    /// What the pieces of one term are, without the weight before the first.
    fn content(&self, pieces: &[&Piece], start: usize) -> Result<TermContent, QueryError> {
        if let [piece] = pieces {
            let text = &piece.text[start..];
            if text.trim().is_empty() {
                let message = "there is nothing to look for here";
                return Err(QueryError::at(self.line, piece.at, message));
            }
            if piece.quoted_from == Some(start) {
                return Ok(TermContent::Phrase(text.trim().to_owned()));
            }
            let refused = |message: String| QueryError::at(self.line, piece.at, message);
            return content(text, piece.at + start).map_err(refused);
        }
        let mut words = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let text = &piece.text[if number == 0 { start } else { 0 }..];
            let alone = content(text, piece.at)
                .map_err(|message| QueryError::at(self.line, piece.at, message))?;
            let message = match alone {
                _ if piece.is_phrase() => None,
                TermContent::Named(name) => Some(format!(
                    "`{name}` is a term of its own: put a `+` between it and the words, or quotes around it where it \
                     is a word"
                )),
                image if image.is_image() => Some(AN_IMAGE_BESIDE_WORDS.to_owned()),
                _ => None,
            };
            if let Some(message) = message {
                return Err(QueryError::at(self.line, piece.at, message));
            }
            words.push(text.trim());
        }
        Ok(TermContent::Words(words.join(" ").trim().to_owned()))
    }
}

/// `key` and `value` of a piece in which a colon stands before any quote.
fn split_key(piece: &Piece) -> Option<(&str, &str)> {
    let (key, value) = piece.text.split_once(':')?;
    let stands_before = piece.quoted_from.is_none_or(|from| from > key.len());
    let is_address = value.starts_with("//");
    let is_drive = key.len() == 1 && value.starts_with(['\\', '/']);
    (stands_before && !is_address && !is_drive).then_some((key, value))
}

fn is_key(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// What a `not:TERM` leaves out.
fn removed(piece: &Piece) -> Option<TermContent> {
    let (key, value) = split_key(piece)?;
    if key != NOT || value.trim().is_empty() || value.starts_with(' ') {
        return None;
    }
    if piece.quoted_from == Some(NOT.len() + 1) {
        return Some(TermContent::Phrase(value.trim().to_owned()));
    }
    content(value, piece.at + NOT.len() + 1).ok()
}

/// One text as a term: an image by its path, an item by its id, what is kept under a name, words. `at` is where it stands.
fn content(text: &str, at: usize) -> Result<TermContent, String> {
    let text = text.trim();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Err(format!(
            "{text}: Fovea opens no address on the network; download the picture and give its path as ./FILE"
        ));
    }
    let image = text.strip_prefix("file://").or_else(|| {
        let named = text.strip_prefix(IMAGE)?.strip_prefix(':')?;
        (!named.is_empty() && !named.starts_with(' ')).then_some(named)
    });
    if let Some(path) = image {
        return Ok(TermContent::Image(home(path)));
    }
    if let Some(id) = text
        .strip_prefix(ITEM)
        .filter(|id| id.len() == ITEM_LETTERS)
    {
        let id = id
            .parse()
            .map_err(|_| format!("`{text}` is no item; `fovea search --json` prints their ids"))?;
        return Ok(TermContent::Item(id));
    }
    if let Some(name) = Name::parse(text, at) {
        return Ok(TermContent::Named(name));
    }
    let is_path = ["./", "../", "/", "~/"]
        .iter()
        .any(|start| text.starts_with(start))
        || is_drive(text);
    Ok(match is_path {
        true => TermContent::Image(home(text)),
        false => TermContent::Words(text.to_owned()),
    })
}

/// The path with the home folder in the place of `~`.
fn home(path: &str) -> PathBuf {
    let expanded = path
        .strip_prefix("~/")
        .and_then(|rest| Some(std::env::home_dir()?.join(rest)));
    expanded.unwrap_or_else(|| PathBuf::from(path))
}

/// `C:\\…` or `C:/…`.
fn is_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/')
}
