//! `fovea saved`: searches with a name.

use fovea_engine::{Plan, PlanOptions, Query, saved};
use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::{SavedCommand, SavedFlags};
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: SavedFlags) -> anyhow::Result<Exit> {
    let mode = match flags.what {
        SavedCommand::Add { .. } | SavedCommand::Remove { .. } => OpenMode::ReadWrite,
        SavedCommand::List | SavedCommand::Show { .. } => OpenMode::ReadOnly,
    };
    let database = settings.open_database(mode)?;
    let database = database.as_ref();
    match flags.what {
        SavedCommand::Add {
            name,
            query,
            replace,
        } => {
            let query = match query.as_slice() {
                [] => {
                    let words = "say what to save: fovea saved add beach sand and sea year:2020..";
                    return Err(Refusal::input(words).into());
                }
                // Kept as it would be searched for.
                terms => Query::from_arguments(terms)?,
            };
            let saved = saved::add(database, &name, query, replace)?;
            render::saved(settings, &saved)?;
        }
        SavedCommand::List => {
            let all = saved::list(database)?;
            render::saved_list(settings, &all)?;
            if all.is_empty() {
                return Ok(Exit::NothingFound);
            }
        }
        SavedCommand::Show { name } => {
            let saved = saved::get(database, &name)?;
            let query = Query::from_syntax(&format!("@{}", saved.name))?;
            let plan = Plan::new(query, database, PlanOptions::default())?;
            let matching = database.count(&plan.filter)?;
            let counts = (matching, database.info()?.n_items);
            let mut out = std::io::stdout().lock();
            render::plan(&mut out, settings, &saved.query, &plan, counts)?;
        }
        SavedCommand::Remove { name } => {
            saved::remove(database, &name)?;
            render::removed(settings, &name)?;
        }
    }
    Ok(Exit::Done)
}
