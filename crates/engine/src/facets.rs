//! What the items that match have in common: how many have which value.

use fovea_vectordb::{Database, Facet, Facets, Field};

use crate::error::Error;
use crate::query::keys::{self, KEYS};
use crate::query::plan::nearest_key;
use crate::query::{Plan, PlanOptions, Query, QueryError};

/// What items are counted by when nobody says.
pub const USUAL: [&str; 6] = ["year", "ext", "folder", "camera", "tag", "rating"];

/// The values of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// As it is spelt in this collection.
    pub key: String,
    pub facets: Facets,
}

/// Count the items that a query of filters alone lets through by each of these keys; of the values the `limit` most
/// frequent are told.
pub fn facets(
    database: &dyn Database,
    query: Query,
    keys: &[String],
    limit: usize,
) -> Result<Vec<Counted>, Error> {
    let plan = Plan::new(query, database, PlanOptions::new(false))?;
    if !plan.query.terms.is_empty() || !plan.query.without.is_empty() {
        return Err(refused(
            "facets count what filters let through, and take no words or images: \
             write filters alone, as in ext:jpg year:2023"
                .to_owned(),
        ));
    }
    let counted = keys.iter().map(|key| {
        let (key, by) = facet(database, key)?;
        let facets = database.facets(&plan.filter, &by, limit)?;
        Ok(Counted { key, facets })
    });
    counted.collect()
}

fn refused(message: String) -> Error {
    QueryError::without_place(message).into()
}

/// What a key of filters, or of the metadata of this collection, counts by.
fn facet(database: &dyn Database, asked: &str) -> Result<(String, Facet), Error> {
    if let Some(key) = keys::key(asked) {
        let by = of_key(key.name).ok_or_else(|| {
            refused(format!(
                "--by {asked}: `{}` has no values to count by; there are {}, and every key of the metadata",
                key.name,
                countable().join(", ")
            ))
        })?;
        return Ok((key.name.to_owned(), by));
    }
    let known = database.metadata_keys()?;
    if let Some(key) = known.iter().find(|key| key.eq_ignore_ascii_case(asked)) {
        return Ok((key.clone(), Facet::Field(Field::Metadata(key.clone()))));
    }
    let names = countable()
        .into_iter()
        .chain(known.iter().map(String::as_str));
    let hint = match nearest_key(asked, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", countable().join(", ")),
    };
    Err(refused(format!(
        "--by {asked}: there is no such key here; {hint}"
    )))
}

fn countable() -> Vec<&'static str> {
    let names = KEYS.iter().map(|key| key.name);
    names.filter(|name| of_key(name).is_some()).collect()
}

/// Some keys ask for what is not a value of an item: how far it is, how much of a colour it has.
fn of_key(name: &str) -> Option<Facet> {
    let field = match name {
        "year" => return Some(Facet::Year),
        "month" => return Some(Facet::Month),
        "w" => Field::Width,
        "h" => Field::Height,
        "lang" => Field::Language,
        "date" | "orientation" | "near" | "color" | "has" | "online" => return None,
        other => Field::named(other),
    };
    Some(Facet::Field(field))
}
