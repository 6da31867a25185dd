//! `fovea explain`: why an item is where it is in an answer, or why it is not there.

use std::path::Path;

use anyhow::Context;
use fovea_engine::explain::{Subject, paint, png};
use fovea_engine::{Engine, Plan, PlanOptions, Query, SearchOptions};

use super::search::spaces;
use crate::exit::{Exit, Refusal};
use crate::flags::ExplainFlags;
use crate::render::{self, Explained, Map, Together};
use crate::settings::Settings;

const DEFAULT_TOP: usize = 10;

pub fn run(settings: &Settings, flags: ExplainFlags) -> anyhow::Result<Exit> {
    let query = query(&flags)?;
    let engine = settings.open_for_reading()?;
    let subject = engine.subject(&flags.item)?;
    let guess = !flags.no_guess;
    let plan = engine.plan(&query, PlanOptions::new(guess))?;
    let heat = match &flags.heat {
        Some(file) => heat(&engine, &plan, &subject, file)?,
        None => None,
    };
    let options = SearchOptions {
        top_k: flags.top.map_or(DEFAULT_TOP, |top| top as usize),
        spaces: spaces(flags.space)?,
        judge: true,
        ..Default::default()
    };
    let together = together(settings, &engine, &flags, &plan, (&subject, &options))?;
    let (explained, exit) = match subject {
        Subject::Item(item) => {
            let explanation = engine.explain(*item, &plan, &options)?;
            let is_shown = explanation.reasons.is_empty();
            let exit = if is_shown {
                Exit::Done
            } else {
                Exit::NothingFound
            };
            (Explained::Item(Box::new(explanation)), exit)
        }
        Subject::File(path) => {
            let reason = engine.why_absent(&path)?;
            (Explained::Absent { path, reason }, Exit::NothingFound)
        }
    };
    render::explained(
        settings,
        &plan,
        &explained,
        heat.as_ref(),
        together.as_ref(),
    )?;
    Ok(exit)
}

/// Where the item stands by several packs, where these were named.
fn together(
    settings: &Settings,
    engine: &Engine,
    flags: &ExplainFlags,
    plan: &Plan,
    (subject, options): (&Subject, &SearchOptions),
) -> anyhow::Result<Option<Together>> {
    let Subject::Item(item) = subject else {
        return Ok(None);
    };
    if flags.with.is_empty() {
        return Ok(None);
    }
    let others = settings.open_beside(engine, &flags.with)?;
    let own = std::iter::once(engine).chain(&others);
    Ok(Some(Together {
        packs: own.map(|one| one.encoder().spec().name.clone()).collect(),
        place: engine.fused_place(&others, plan, options, item.id)?,
    }))
}

/// One argument is a line of the grammar, several are the terms of `fovea search`; `--where` adds filters.
fn query(flags: &ExplainFlags) -> anyhow::Result<Query> {
    let mut query = match flags.query.as_slice() {
        [line] => Query::from_syntax(line)?,
        terms => Query::from_arguments(terms)?,
    };
    for filter in &flags.filter {
        let added = Query::from_syntax(filter)?;
        if !added.terms.is_empty() || !added.without.is_empty() {
            return Err(Refusal::input(format!(
                "--where {filter}: only filters stand here, as in date:2023; terms belong to --query"
            ))
            .into());
        }
        query = query.with_filters(added);
    }
    Ok(query)
}

/// Writes the heat map; none where the query has nothing that could match in a picture.
fn heat(
    engine: &Engine,
    plan: &Plan,
    subject: &Subject,
    file: &Path,
) -> anyhow::Result<Option<Map>> {
    let picture = match subject {
        Subject::Item(item) => engine.picture(item)?,
        Subject::File(path) => engine.picture_at(path)?,
    };
    let Some(heat) = engine.heat(plan, &picture)? else {
        return Err(Refusal::input(
            "--heat: a query of filters alone matches nowhere in a picture; add words or an image",
        )
        .into());
    };
    let bytes = png(&paint(&picture, &heat)).context("the heat map cannot be encoded")?;
    std::fs::write(file, bytes)
        .map_err(|error| Refusal::environment(format!("--heat {}: {error}", file.display())))?;
    let file = file.to_owned();
    Ok(Some(Map { heat, file }))
}
