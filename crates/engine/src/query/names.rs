//! `@name` in a query: a saved search of the collection, found and planned in its turn, or a concept.

use std::collections::BTreeMap;
use std::fmt;

use fovea_vectordb::{Database, Filter};

use super::plan::MOST_EDITS;
use super::{Plan, PlanOptions, Query, QueryError, Term, TermContent};
use crate::concepts::{self, Concept};
use crate::error::Error;
use crate::saved;

/// The sign before a name.
const SIGN: char = '@';
/// Letters of a name.
pub const MOST_LETTERS: usize = 64;
/// Saved searches that one query may come to, those inside others counted again: each may name many others.
const MOST_NAMES: usize = 100;

/// A name as it stands in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// In lower case, without the `@`.
    text: String,
    /// Character of the line at which it stands.
    at: usize,
}

impl Name {
    /// `@` and a name, and nothing else.
    pub(super) fn parse(text: &str, at: usize) -> Option<Name> {
        let name = text.strip_prefix(SIGN)?;
        is_name(name).then(|| Name {
            text: folded(name),
            at,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGN}{}", self.text)
    }
}

/// Letters and digits of any script, `-` and `_`, the first of them a letter or digit.
pub fn is_name(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
        && text.chars().count() <= MOST_LETTERS
}

/// Letter case does not count.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// What the names of a query stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names(BTreeMap<String, Meaning>);

#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    Saved(Box<Plan>),
    Concept(Concept),
}

impl Names {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Meaning)> {
        self.0
            .iter()
            .map(|(name, meaning)| (name.as_str(), meaning))
    }

    pub fn get(&self, name: &Name) -> Option<&Meaning> {
        self.0.get(name.as_str())
    }
}

/// Plans a query and what it names, one inside the other.
pub(super) struct Resolver<'a> {
    pub database: &'a dyn Database,
    pub options: PlanOptions,
    /// Names that are being planned, from the outermost in.
    path: Vec<String>,
    left: usize,
}

impl<'a> Resolver<'a> {
    pub fn new(database: &'a dyn Database, options: PlanOptions) -> Resolver<'a> {
        Resolver {
            database,
            options,
            path: Vec::new(),
            left: MOST_NAMES,
        }
    }

    /// For what is saved under a name, which must not stand in it.
    pub fn inside(name: &str, database: &'a dyn Database, options: PlanOptions) -> Resolver<'a> {
        Resolver {
            path: vec![name.to_owned()],
            ..Resolver::new(database, options)
        }
    }

    /// What each name in a query stands for.
    pub fn names(&mut self, query: &Query) -> Result<Names, Error> {
        let mut names = Names::default();
        let terms = query.terms.iter().map(|term| &term.content);
        for content in terms.chain(&query.without) {
            if let TermContent::Named(name) = content
                && !names.0.contains_key(name.as_str())
            {
                let meaning = self.meaning(query, name)?;
                names.0.insert(name.text.clone(), meaning);
            }
        }
        Ok(names)
    }

    fn meaning(&mut self, query: &Query, name: &Name) -> Result<Meaning, Error> {
        let refused = |message: String| Error::from(QueryError::at(&query.line, name.at, message));
        if self.path.contains(&name.text) {
            let others = self.path.iter().filter(|one| **one != name.text);
            let others: Vec<String> = others.map(|one| format!("{SIGN}{one}")).collect();
            let by_way = match others.is_empty() {
                true => String::new(),
                false => format!(", by way of {}", others.join(" and ")),
            };
            return Err(refused(format!("{name} would stand for itself{by_way}")));
        }
        let Some(text) = saved::text(self.database, name.as_str())? else {
            return match concepts::find(self.database, name.as_str())? {
                Some(concept) => Ok(Meaning::Concept(concept)),
                None => Err(refused(self.unknown(name)?)),
            };
        };
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => {
                return Err(refused(format!(
                    "{name} and the others come to more than {MOST_NAMES} saved searches"
                )));
            }
        };
        self.path.push(name.text.clone());
        let plan = Query::from_syntax(&text)
            .map_err(Error::from)
            .and_then(|query| Plan::resolved(query, self));
        self.path.pop();
        match plan {
            Ok(plan) => Ok(Meaning::Saved(Box::new(plan))),
            Err(Error::Query(inner)) => {
                // Said once, whatever lies how deep.
                let mend = match self.path.is_empty() {
                    true => "; save it anew: fovea saved add NAME QUERY --replace",
                    false => "",
                };
                let what = inner.message();
                Err(refused(format!(
                    "{name} stands for `{text}`, and there: {what}{mend}"
                )))
            }
            Err(error) => Err(error),
        }
    }

    fn unknown(&self, name: &Name) -> Result<String, Error> {
        let mut known = saved::names(self.database)?;
        known.extend(concepts::names(self.database)?);
        let distance = |known: &String| strsim::damerau_levenshtein(known, name.as_str());
        let nearest = known.iter().map(|known| (distance(known), known)).min();
        let hint = match nearest {
            Some((edits, known))
                if edits <= MOST_EDITS && edits < name.as_str().chars().count() =>
            {
                format!("did you mean `{SIGN}{known}`?")
            }
            _ if known.is_empty() => {
                "nothing has a name yet: fovea saved add NAME QUERY, or fovea concept add NAME --like FILE."
                    .to_owned()
            }
            _ => "`fovea saved list` and `fovea concept list` show what there is.".to_owned(),
        };
        Ok(format!(
            "no saved search or concept is called `{name}`; {hint} As a word it goes in quotes: `\"{name}\"`"
        ))
    }
}

impl Plan {
    /// What a name in its query stands for; nothing for a query that was not planned in a collection.
    fn saved(&self, content: &TermContent) -> Option<&Plan> {
        match self.meant(content)? {
            Meaning::Saved(plan) => Some(plan),
            Meaning::Concept(_) => None,
        }
    }

    fn meant(&self, content: &TermContent) -> Option<&Meaning> {
        match content {
            TermContent::Named(name) => self.names.get(name),
            _ => None,
        }
    }

    /// What a name stands for, which planning has found out.
    pub(crate) fn meaning(&self, name: &Name) -> Result<&Meaning, Error> {
        let unplanned = || Error::Input(format!("{name} was never looked up in this collection"));
        self.names.get(name).ok_or_else(unplanned)
    }

    /// The terms that have a vector; a saved search of filters alone has none.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.query
            .terms
            .iter()
            .filter(|term| self.is_summed(&term.content))
    }

    pub(crate) fn is_summed(&self, content: &TermContent) -> bool {
        self.saved(content)
            .is_none_or(|plan| plan.terms().next().is_some())
    }

    /// Whether a term looks by words, here or in a saved search.
    pub fn has_words(&self) -> bool {
        self.terms().any(|term| match self.meant(&term.content) {
            Some(Meaning::Saved(plan)) => plan.has_words(),
            Some(Meaning::Concept(_)) => false,
            None => term.content.is_words(),
        })
    }

    /// Whether a term looks by pictures, here or in a saved search; a concept does.
    pub fn has_images(&self) -> bool {
        self.terms().any(|term| match self.meant(&term.content) {
            Some(Meaning::Saved(plan)) => plan.has_images(),
            Some(Meaning::Concept(_)) => true,
            None => term.content.is_image(),
        })
    }

    /// Whether one of its own terms is a concept.
    pub(crate) fn has_concepts(&self) -> bool {
        let is_concept =
            |term: &Term| matches!(self.meant(&term.content), Some(Meaning::Concept(_)));
        self.terms().any(is_concept)
    }

    /// Items that are terms, here or in a saved search.
    pub(crate) fn likenesses(&self) -> Vec<fovea_vectordb::ItemId> {
        let of = |term: &Term| match self.saved(&term.content) {
            Some(plan) => plan.likenesses(),
            None => term.content.item().into_iter().collect(),
        };
        self.query.terms.iter().flat_map(of).collect()
    }

    /// What is left out, each with the plan that knows its names: the query's own, and those of the saved searches that
    /// are added.
    pub(crate) fn removals(&self) -> Vec<(&TermContent, &Plan)> {
        let own = self.query.without.iter();
        let mut all: Vec<_> = own
            .filter(|content| self.is_summed(content))
            .map(|content| (content, self))
            .collect();
        all.extend(self.added().flat_map(|(_, plan)| plan.removals()));
        all
    }

    /// Saved searches that are added, with their names; where they say to look counts.
    pub(crate) fn added(&self) -> impl Iterator<Item = (&Name, &Plan)> {
        let added = self.query.terms.iter().filter(|term| term.weight > 0.0);
        added.filter_map(|term| self.named(&term.content))
    }

    fn named<'a>(&'a self, content: &'a TermContent) -> Option<(&'a Name, &'a Plan)> {
        let TermContent::Named(name) = content else {
            return None;
        };
        Some((name, self.saved(content)?))
    }

    /// Saved searches of filters alone that are taken away or left out: what they let through is.
    pub(crate) fn opposites(&self) -> impl Iterator<Item = (&Name, &Plan)> {
        let taken = self.query.terms.iter().filter(|term| term.weight <= 0.0);
        let contents = taken.map(|term| &term.content).chain(&self.query.without);
        let named = contents.filter_map(|content| self.named(content));
        named.filter(|(_, plan)| plan.terms().next().is_none())
    }

    /// Where a term looks, by itself.
    pub(crate) fn filter_of(&self, content: &TermContent) -> Filter {
        self.saved(content)
            .map_or(Filter::All, |plan| plan.filter.clone())
    }

    /// Where what it names says to look.
    pub(super) fn filter_of_names(&self) -> Filter {
        let added = self.added().map(|(_, plan)| plan.filter.clone());
        let opposite = self
            .opposites()
            .map(|(_, plan)| Filter::Not(Box::new(plan.filter.clone())));
        added.chain(opposite).fold(Filter::All, Filter::and)
    }

    /// What is taken away has to be taken from something, and be something.
    pub(super) fn check_signs(&self) -> Result<(), QueryError> {
        let double = |(_, plan): &(&Name, &Plan)| !plan.removals().is_empty();
        if let Some((name, _)) = self.opposites().find(double) {
            let message =
                format!("{name} only leaves things out, and what is left out cannot be taken away");
            return Err(QueryError::at(&self.query.line, name.at, message));
        }
        let mut terms = self.terms().peekable();
        if terms.peek().is_none() || terms.any(|term| term.weight > 0.0) {
            return Ok(());
        }
        Err(QueryError::without_place(
            "the query only takes away: what is added has nothing but filters; add something to look for",
        ))
    }
}
