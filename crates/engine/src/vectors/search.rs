//! Asks a space with a vector as it is: no encoder, no words.

use std::time::Instant;

use fovea_vectordb::{Database, Filter, PackRecord, SpaceRecord, VectorQuery};

use super::error::VectorError;
use crate::error::Error;
use crate::parts;
use crate::search::{Ranked, SearchResults, describe};

/// The space that a vector is looked for in.
#[derive(Clone, Debug)]
pub struct AskedSpace {
    pub pack: PackRecord,
    pub space: SpaceRecord,
    /// Other spaces that would have done, where nobody chose.
    pub others: Vec<String>,
}

/// The space of this name, or the one that vectors of this length fit: the first of several.
pub fn space_for(
    database: &dyn Database,
    dim: Option<usize>,
    name: Option<&str>,
) -> Result<AskedSpace, Error> {
    let collection = || database.info().map(|info| info.collection);
    let Some(pack) = database.active_pack()? else {
        let collection = collection()?;
        return Err(VectorError::Empty { collection }.into());
    };
    let mut fitting = match name {
        Some(name) => match pack.space(name) {
            Some(space) => vec![space.clone()],
            None => {
                return Err(VectorError::NoSpace {
                    collection: collection()?,
                    space: name.to_owned(),
                    known: listed(&pack.spaces),
                }
                .into());
            }
        },
        None => filled(database, &pack)?,
    };
    let there = listed(&fitting);
    fitting.retain(|space| dim.is_none_or(|dim| dim == space.dim));
    if fitting.is_empty() {
        let (got, known) = (dim.unwrap_or(0), format!("there is {there}"));
        return Err(VectorError::QueryDimension { got, known }.into());
    }
    let space = fitting.remove(0);
    let others = fitting.into_iter().map(|space| space.name).collect();
    Ok(AskedSpace {
        pack,
        space,
        others,
    })
}

/// The pack's spaces that have vectors, or all where none has.
fn filled(database: &dyn Database, pack: &PackRecord) -> Result<Vec<SpaceRecord>, Error> {
    let mut filled = Vec::new();
    for space in &pack.spaces {
        if database.has_vectors(&pack.fingerprint, &space.name)? {
            filled.push(space.clone());
        }
    }
    Ok(if filled.is_empty() {
        pack.spaces.clone()
    } else {
        filled
    })
}

fn listed(spaces: &[SpaceRecord]) -> String {
    let named = |space: &SpaceRecord| format!("`{}` of {}", space.name, space.dim);
    spaces.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The nearest items by the space's metric.
pub fn search_vector(
    database: &dyn Database,
    asked: &AskedSpace,
    vector: &[f32],
    top_k: usize,
) -> Result<SearchResults, Error> {
    let started = Instant::now();
    let hits = database.search(&VectorQuery {
        pack: &asked.pack.fingerprint,
        space: &asked.space.name,
        vector,
        top_k,
        filter: &Filter::All,
        parts: parts::counted(database)?,
    })?;
    let ranked = hits.iter().map(|hit| Ranked {
        score: Some(hit.score),
        part: hit.part,
        ..Ranked::unscored(hit.item)
    });
    describe(database, ranked.collect(), asked.space.metric, started)
}
