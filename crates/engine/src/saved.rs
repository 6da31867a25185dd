//! Saved searches: queries kept under a name, as text, so that they stay valid while the grammar grows.

use fovea_vectordb::Database;

use crate::concepts;
use crate::error::Error;
use crate::query::names::{MOST_LETTERS, folded, is_name};
use crate::query::{Plan, PlanOptions, Query, TermContent};

/// Begins the key of the setting that keeps one.
const PREFIX: &str = "saved.";

/// A search that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub name: String,
    /// The query, as [`Query::from_syntax`] reads it.
    pub query: String,
}

/// The text of a saved search.
pub(crate) fn text(database: &dyn Database, name: &str) -> Result<Option<String>, Error> {
    Ok(database.setting(&format!("{PREFIX}{name}"))?)
}

/// Names of all saved searches.
pub(crate) fn names(database: &dyn Database) -> Result<Vec<String>, Error> {
    Ok(list(database)?.into_iter().map(|one| one.name).collect())
}

/// All saved searches, by name.
pub fn list(database: &dyn Database) -> Result<Vec<Saved>, Error> {
    let kept = database.settings(PREFIX)?.into_iter();
    Ok(kept
        .map(|(key, query)| Saved {
            name: key[PREFIX.len()..].to_owned(),
            query,
        })
        .collect())
}

/// Keeps a query under a name; `replace` says that one of that name may go. The query has to mean something in the
/// collection, and its images are kept by absolute path, so that it means the same wherever it is asked.
pub fn add(
    database: &dyn Database,
    name: &str,
    mut query: Query,
    replace: bool,
) -> Result<Saved, Error> {
    let name = checked(name)?;
    if !replace && text(database, &name)?.is_some() {
        return Err(Error::Input(format!(
            "@{name} is a saved search already; --replace puts this one in its place"
        )));
    }
    if concepts::names(database)?.contains(&name) {
        return Err(Error::Input(format!(
            "@{name} is a concept; choose another name, or forget it: fovea concept remove {name}"
        )));
    }
    query.make_absolute();
    let saved = Saved {
        query: query.to_string(),
        name,
    };
    Plan::of_saved(&saved, database, PlanOptions::default())?;
    database.set_setting(&format!("{PREFIX}{}", saved.name), Some(&saved.query))?;
    Ok(saved)
}

/// The saved search of a name.
pub fn get(database: &dyn Database, name: &str) -> Result<Saved, Error> {
    let name = checked(name)?;
    match text(database, &name)? {
        Some(query) => Ok(Saved { name, query }),
        None => Err(unknown(&name)),
    }
}

/// Forgets a saved search.
pub fn remove(database: &dyn Database, name: &str) -> Result<(), Error> {
    let saved = get(database, name)?;
    Ok(database.set_setting(&format!("{PREFIX}{}", saved.name), None)?)
}

/// A name as it is kept, with or without the `@` before it.
pub(crate) fn checked(name: &str) -> Result<String, Error> {
    let bare = name.strip_prefix('@').unwrap_or(name);
    match is_name(bare) {
        true => Ok(folded(bare)),
        false => Err(Error::Input(format!(
            "`{name}` is no name: it has letters and digits, `-` and `_`, begins with a letter or digit, and has \
             {MOST_LETTERS} of them at most, as in `beach-2023`"
        ))),
    }
}

fn unknown(name: &str) -> Error {
    Error::Input(format!(
        "no search is saved as @{name}; `fovea saved list` shows what there is"
    ))
}

impl Query {
    /// Paths of images from the root on.
    fn make_absolute(&mut self) {
        let terms = self.terms.iter_mut().map(|term| &mut term.content);
        for content in terms.chain(&mut self.without) {
            if let TermContent::Image(path) = content
                && let Ok(absolute) = std::path::absolute(&path)
            {
                *path = absolute;
            }
        }
    }
}
