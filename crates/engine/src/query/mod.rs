//! The query language: words and images, added and subtracted with weights, and filters in the same line.
//!
//! The terms are rclip's: joined by a lone `+` or `-`, a weight as in `0.5:night`, an image as `./file.jpg`. Beside them
//! stand `key:value` filters, `not:TERM`, `#ITEM`, `@NAME` and `"phrases"`; `docs/query.md` is the grammar. Parsing opens no file
//! and embeds nothing; [`plan`] is what a query means in one collection.

pub mod carriers;
pub mod days;
mod error;
pub mod guess;
pub mod keys;
mod lex;
pub mod names;
mod parse;
pub mod plan;
mod print;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use fovea_vectordb::{ContentHash, ItemId};

pub use error::QueryError;
pub use names::{Meaning, Name, Names};
pub use plan::{Plan, PlanOptions};

/// What is looked for: the weighted sum of the terms, normalised again, among the items that every filter lets through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub terms: Vec<Term>,
    /// Items that look like any of these are left out.
    pub without: Vec<TermContent>,
    /// All of them hold.
    pub filters: Vec<Clause>,
    /// What was typed, for messages.
    pub(crate) line: String,
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
    /// Words in quotes, in which nothing is looked for but words.
    Phrase(String),
    Image(PathBuf),
    /// A picture that was handed in; no text names it.
    Given(Given),
    /// A picture of the collection itself.
    Item(ItemId),
    /// What the collection keeps under a name.
    Named(Name),
}

/// The bytes of a picture, of any format that is indexed.
#[derive(Clone)]
pub struct Given {
    bytes: Arc<[u8]>,
    hash: ContentHash,
}

impl Given {
    pub fn new(bytes: Arc<[u8]>) -> Given {
        let hash = ContentHash::of(&bytes);
        Given { bytes, hash }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn hash(&self) -> ContentHash {
        self.hash
    }
}

impl PartialEq for Given {
    fn eq(&self, other: &Given) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Given {}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Given({})", self.hash)
    }
}

/// Filters of which one has to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clause {
    pub any: Vec<KeyValues>,
}

/// A filter as it was typed: `key:value`, `key:a|b`, `-key:value`.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValues {
    pub negated: bool,
    pub key: String,
    /// One of them has to fit.
    pub values: Vec<String>,
    /// Character of the line at which it begins.
    at: usize,
}

impl Query {
    /// One text, taken as it is: no sign, weight or filter is looked for in it.
    pub fn words(text: &str) -> Result<Self, QueryError> {
        lex::check_length(text)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(QueryError::without_place("the query is empty"));
        }
        let content = TermContent::Words(text.to_owned());
        Ok(Self {
            terms: vec![Term {
                weight: 1.0,
                content,
            }],
            line: text.to_owned(),
            ..Self::default()
        })
    }

    /// The arguments of a command line: neighbouring words belong together, a lone `+` or `-` begins a new term.
    ///
    /// An argument is never split, so a caption with a dash in it can be quoted.
    pub fn from_arguments<S: AsRef<str>>(arguments: &[S]) -> Result<Self, QueryError> {
        let (line, pieces) = lex::arguments(arguments)?;
        parse::query(line, &pieces)
    }

    /// With the filters of another query, which have to hold as well.
    #[must_use]
    pub fn with_filters(mut self, mut other: Query) -> Self {
        // Places for messages go on where this line ends.
        let end = self.line.chars().count() + 1;
        let clauses = other.filters.iter_mut().flat_map(|clause| &mut clause.any);
        clauses.for_each(|one| one.at += end);
        self.line = format!("{} {}", self.line, other.line);
        self.filters.extend(other.filters);
        self
    }

    /// The same grammar over one line of text, split at spaces but within `"`.
    pub fn from_syntax(line: &str) -> Result<Self, QueryError> {
        let pieces = lex::line(line)?;
        parse::query(line.to_owned(), &pieces)
    }
}

impl TermContent {
    pub fn is_image(&self) -> bool {
        matches!(
            self,
            TermContent::Image(_) | TermContent::Given(_) | TermContent::Item(_)
        )
    }

    pub fn is_words(&self) -> bool {
        matches!(self, TermContent::Words(_) | TermContent::Phrase(_))
    }

    pub(crate) fn item(&self) -> Option<ItemId> {
        match self {
            TermContent::Item(item) => Some(*item),
            _ => None,
        }
    }
}
