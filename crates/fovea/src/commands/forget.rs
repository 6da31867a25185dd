//! `fovea forget`: pictures go for good, and it is proved that they went.

use fovea_engine::explain::Subject;
use fovea_engine::{Engine, PlanOptions, Query};
use fovea_vectordb::ItemId;

use crate::exit::{Exit, Refusal};
use crate::flags::ForgetFlags;
use crate::render;
use crate::settings::Settings;

/// Items that are named where it is only told what would go.
const NAMED: usize = 20;

pub fn run(settings: &Settings, flags: &ForgetFlags) -> anyhow::Result<Exit> {
    let engine = settings.open_for_changes()?;
    let items = match flags.filter.is_empty() {
        true => named(&engine, &flags.items)?,
        false => matching(&engine, &flags.filter)?,
    };
    if items.is_empty() {
        render::nothing_found(settings, engine.database().info()?.n_items, &[]);
        return Ok(Exit::NothingFound);
    }
    if !flags.yes {
        let first = &items[..items.len().min(NAMED)];
        let named = engine.database().items(first)?;
        render::would_forget(settings, &named, items.len())?;
        return Ok(Exit::Done);
    }
    let forgotten = engine.forget(&items)?;
    render::forgotten(settings, &forgotten)?;
    Ok(match forgotten.searched.traces.is_empty() {
        true => Exit::Done,
        false => Exit::Damaged,
    })
}

fn named(engine: &Engine, names: &[String]) -> anyhow::Result<Vec<ItemId>> {
    let mut items = Vec::new();
    for name in names {
        match engine.subject(name)? {
            Subject::Item(item) if items.contains(&item.id) => {}
            Subject::Item(item) => items.push(item.id),
            Subject::File(path) => {
                let message = format!("{} is no item of this collection", path.display());
                return Err(Refusal::input(message).into());
            }
        }
    }
    Ok(items)
}

fn matching(engine: &Engine, filters: &[String]) -> anyhow::Result<Vec<ItemId>> {
    let mut query = Query::default();
    for filter in filters {
        let added = Query::from_syntax(filter)?;
        let is_filter = added.terms.is_empty() && added.without.is_empty();
        if !is_filter || added.filters.is_empty() {
            let message = format!(
                "--where {filter}: only filters stand here, as in folder:private; what looks alike is no reason to forget it"
            );
            return Err(Refusal::input(message).into());
        }
        query = query.with_filters(added);
    }
    let plan = engine.plan(&query, PlanOptions::new(false))?;
    Ok(engine.database().scan(&plan.filter, None, usize::MAX)?)
}
