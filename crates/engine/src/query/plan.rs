//! What a query means in one collection: dates that stand in its words, keys that only this collection has, and the
//! filter that all of it comes to. A plan is printed as a query again, to be looked at and changed.

use fovea_encode::PackSpec;
use fovea_vectordb::{Database, Filter};
use jiff::ZonedDateTime;
use jiff::civil::Date;

use super::carriers::{self, Carrier};
use super::guess::{self, Guess};
use super::keys::{self, Asked, KEYS};
use super::names::{Names, Resolver};
use super::{Clause, KeyValues, Query, QueryError, TermContent};
use crate::error::Error;
use crate::saved::Saved;

/// Edits after which a key is still taken for a slip of the finger.
pub(super) const MOST_EDITS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// Take dates in the words for filters, and pass over words that say only that a picture is looked for.
    guess: bool,
    /// The encoder knows no captions, where such words stand. Without one they stay as they are.
    passes_over: bool,
}

impl PlanOptions {
    pub fn new(guess: bool) -> PlanOptions {
        PlanOptions {
            guess,
            passes_over: false,
        }
    }

    /// For what is asked of this encoder.
    pub(crate) fn with(self, spec: &PackSpec) -> PlanOptions {
        PlanOptions {
            passes_over: !spec.knows_captions,
            ..self
        }
    }
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self::new(true)
    }
}

/// A query as it is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Dates among the words have become filters.
    pub query: Query,
    pub guesses: Vec<Guess>,
    /// Dates that stayed words, because no picture is of that time.
    pub unused: Vec<Guess>,
    /// What was said around the words.
    pub passed_over: Vec<Carrier>,
    /// What each `@name` stands for.
    pub names: Names,
    /// The query's own filters, and those of what it names.
    pub filter: Filter,
}

impl Plan {
    /// A query of terms alone, which means the same everywhere.
    pub fn of_terms(query: Query) -> Plan {
        Plan {
            query,
            ..Plan::default()
        }
    }

    pub fn new(query: Query, database: &dyn Database, options: PlanOptions) -> Result<Plan, Error> {
        Plan::resolved(query, &mut Resolver::new(database, options))
    }

    /// The plan of a saved search, which must not stand for itself.
    pub(crate) fn of_saved(
        saved: &Saved,
        database: &dyn Database,
        options: PlanOptions,
    ) -> Result<Plan, Error> {
        let query = Query::from_syntax(&saved.query)?;
        Plan::resolved(query, &mut Resolver::inside(&saved.name, database, options))
    }

    /// A query with what it names, which was found on the way.
    pub(super) fn resolved(query: Query, resolver: &mut Resolver<'_>) -> Result<Plan, Error> {
        let mut plan = Plan::of_terms(query);
        let options = resolver.options;
        if options.guess && !plan.query.names_a_date() {
            plan.guess(resolver.database)?;
        }
        if options.guess && options.passes_over {
            plan.pass_over_carriers();
        }
        if options.guess {
            plan.pass_over_any();
        }
        plan.names = resolver.names(&plan.query)?;
        plan.check_signs()?;
        let own = filter_of(&plan.query, resolver.database)?;
        plan.filter = own.and(plan.filter_of_names());
        Ok(plan)
    }

    fn guess(&mut self, database: &dyn Database) -> Result<(), Error> {
        let today = today();
        let mut added = Vec::new();
        for term in &mut self.query.terms {
            let TermContent::Words(words) = &term.content else {
                continue;
            };
            let Some(guess) = guess::date_in(words, today).filter(|_| term.weight > 0.0) else {
                continue;
            };
            if database.scan(&guess.days.filter(), None, 1)?.is_empty() {
                self.unused.push(guess);
                continue;
            }
            added.push(Clause {
                any: vec![KeyValues {
                    negated: false,
                    key: "date".to_owned(),
                    values: vec![guess.days.to_string()],
                    at: 0,
                }],
            });
            term.content = TermContent::Words(guess.left.clone());
            self.guesses.push(guess);
        }
        self.query.filters.extend(added);
        let is_left = |content: &TermContent| *content != TermContent::Words(String::new());
        self.query.terms.retain(|term| is_left(&term.content));
        Ok(())
    }

    fn pass_over_carriers(&mut self) {
        let terms = self.query.terms.iter_mut().map(|term| &mut term.content);
        for content in terms.chain(&mut self.query.without) {
            if let TermContent::Words(words) = content
                && let Some(carrier) = carriers::carrier_of(words)
            {
                *words = carrier.left.clone();
                self.passed_over.push(carrier);
            }
        }
    }

    /// "Photos from July 2023" are all of that time.
    fn pass_over_any(&mut self) {
        let [only] = &self.query.terms[..] else {
            return;
        };
        if let TermContent::Words(words) = &only.content
            && only.weight > 0.0
            && !self.query.filters.is_empty()
            && carriers::is_any(words)
        {
            self.passed_over.push(Carrier {
                said: words.clone(),
                left: String::new(),
            });
            self.query.terms.clear();
        }
    }
}

/// This day, here.
pub(super) fn today() -> Date {
    ZonedDateTime::now().date()
}

impl Query {
    /// The filter of one of its clauses.
    pub(crate) fn filter_of(
        &self,
        clause: &Clause,
        database: &dyn Database,
    ) -> Result<Filter, Error> {
        let any = clause.any.iter();
        let mut any: Vec<Filter> = any
            .map(|one| filter_of_one(self, one, database))
            .collect::<Result<_, _>>()?;
        Ok(match any.len() {
            1 => any.remove(0),
            _ => Filter::Or(any),
        })
    }

    fn names_a_date(&self) -> bool {
        let mut keys = self.filters.iter().flat_map(|clause| &clause.any);
        keys.any(|one| ["date", "year", "month"].contains(&one.key.as_str()))
    }
}

/// All clauses together.
fn filter_of(query: &Query, database: &dyn Database) -> Result<Filter, Error> {
    let mut all = Filter::All;
    for clause in &query.filters {
        all = all.and(query.filter_of(clause, database)?);
    }
    Ok(all)
}

fn filter_of_one(query: &Query, one: &KeyValues, database: &dyn Database) -> Result<Filter, Error> {
    let today = today();
    let values = one.values.iter();
    let filters: Result<Vec<Filter>, Error> = match keys::key(&one.key) {
        Some(key) => values
            .map(|value| key.filter(&Asked { value, today }))
            .map(|filter| filter.map_err(|reason| refused(query, one, reason)))
            .collect(),
        None => {
            let key = own_key(query, one, database)?;
            Ok(values.map(|value| keys::metadata(&key, value)).collect())
        }
    };
    let mut filters = filters?;
    let any = match filters.len() {
        1 => filters.remove(0),
        _ => Filter::Or(filters),
    };
    Ok(match one.negated {
        true => Filter::Not(Box::new(any)),
        false => any,
    })
}

/// A key of the collection's own metadata, as it is spelt there.
fn own_key(query: &Query, one: &KeyValues, database: &dyn Database) -> Result<String, Error> {
    let known = database.metadata_keys()?;
    let asked = one.key.as_str();
    let is_it = |key: &&String| key.eq_ignore_ascii_case(asked);
    if let Some(key) = known.iter().find(is_it) {
        return Ok(key.clone());
    }
    let names = KEYS
        .iter()
        .map(|key| key.name)
        .chain(known.iter().map(String::as_str));
    let hint = match nearest_key(asked, names) {
        Some(name) => {
            format!(
                "did you mean `{name}:`? Or is it a word: `\"{asked}:{}\"`",
                one.values.join("|")
            )
        }
        None => {
            let all: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            format!(
                "the keys are {}; a word with a colon goes in quotes",
                all.join(", ")
            )
        }
    };
    Err(refused(
        query,
        one,
        format!("there is no key `{asked}` here; {hint}"),
    ))
}

/// The key that was meant by a mistyped one.
pub(crate) fn nearest_key<'a>(
    asked: &str,
    names: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = asked.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    let (edits, name) = names.map(|name| (distance(name), name)).min()?;
    (edits <= MOST_EDITS && edits < asked.chars().count()).then_some(name)
}

fn refused(query: &Query, one: &KeyValues, reason: String) -> Error {
    QueryError::at(&query.line, one.at, reason).into()
}
