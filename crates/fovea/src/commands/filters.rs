//! Filters as a flag of several commands.

use fovea_engine::{Engine, PlanOptions, Query};
use fovea_vectordb::Filter;

use crate::exit::Refusal;

/// What `--where` lets through; everything where it is not given.
pub fn filters(engine: &Engine, filters: &[String]) -> anyhow::Result<Filter> {
    let mut query = Query::default();
    for filter in filters {
        let added = Query::from_syntax(filter)?;
        if !added.terms.is_empty() || !added.without.is_empty() {
            return Err(Refusal::input(format!(
                "--where {filter}: only filters stand here, as in folder:2023"
            ))
            .into());
        }
        query = query.with_filters(added);
    }
    if filters.is_empty() {
        return Ok(Filter::All);
    }
    Ok(engine.plan(&query, PlanOptions::new(false))?.filter)
}
