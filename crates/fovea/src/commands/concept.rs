//! `fovea concept`: names for what a few pictures have in common.

use fovea_engine::Engine;
use fovea_engine::concepts::{self, Concept, Example, ExampleOf};
use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::{ConceptCommand, ConceptFlags};
use crate::render::{self, ConceptCard};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: ConceptFlags) -> anyhow::Result<Exit> {
    match flags.what {
        ConceptCommand::Add { name, like, unlike } => add(settings, &name, &like, &unlike),
        ConceptCommand::List => list(settings),
        ConceptCommand::Show { name } => {
            let engine = settings.open_for_reading()?;
            let concept = concepts::get(engine.database(), &name)?;
            render::concept(settings, &card(&engine, concept)?)?;
            Ok(Exit::Done)
        }
        ConceptCommand::Remove { name, examples } => remove(settings, &name, &examples),
    }
}

fn add(
    settings: &Settings,
    name: &str,
    like: &[String],
    unlike: &[String],
) -> anyhow::Result<Exit> {
    if like.is_empty() && unlike.is_empty() {
        return Err(Refusal::input(format!(
            "say what is meant: fovea concept add {name} --like A.jpg B.jpg --unlike C.jpg"
        ))
        .into());
    }
    let engine = settings.open_for_changes()?;
    let sides = like
        .iter()
        .map(|one| (true, one))
        .chain(unlike.iter().map(|one| (false, one)));
    let mut examples: Vec<Example> = Vec::new();
    for (liked, text) in sides {
        let of = engine.example(text)?;
        if examples
            .iter()
            .any(|one| one.liked != liked && one.of == of)
        {
            return Err(Refusal::input(format!("{text} is both liked and unlike; choose")).into());
        }
        examples.push(Example { liked, of });
    }
    let concept = engine.teach(name, examples)?;
    render::concept(settings, &card(&engine, concept)?)?;
    Ok(Exit::Done)
}

fn list(settings: &Settings) -> anyhow::Result<Exit> {
    let engine = settings.open_for_reading()?;
    let mut cards = Vec::new();
    for concept in concepts::list(engine.database())? {
        cards.push(card(&engine, concept)?);
    }
    render::concepts(settings, &cards)?;
    Ok(match cards.is_empty() {
        true => Exit::NothingFound,
        false => Exit::Done,
    })
}

fn remove(settings: &Settings, name: &str, examples: &[String]) -> anyhow::Result<Exit> {
    if examples.is_empty() {
        // A concept can go where no model is installed, and whatever is wrong with it.
        let database = settings.open_database(OpenMode::ReadWrite)?;
        concepts::remove(database.as_ref(), name, &[])?;
        render::removed(settings, name)?;
        return Ok(Exit::Done);
    }
    let engine = settings.open_for_changes()?;
    let meant: Vec<ExampleOf> = examples
        .iter()
        .map(|text| engine.example(text))
        .collect::<Result<_, _>>()?;
    concepts::remove(engine.database(), name, &meant)?;
    match concepts::get(engine.database(), name) {
        Ok(concept) => render::concept(settings, &card(&engine, concept)?)?,
        Err(_) => render::removed(settings, name)?,
    }
    Ok(Exit::Done)
}

/// What there is to say of a concept.
pub fn card(engine: &Engine, concept: Concept) -> anyhow::Result<ConceptCard> {
    let items = concept.examples.iter().filter_map(|one| match one.of {
        ExampleOf::Item(item) => Some(item),
        ExampleOf::File { .. } => None,
    });
    let ids: Vec<_> = items.collect();
    let items = engine.database().items(&ids)?;
    Ok(ConceptCard {
        usable: engine.usable(&concept)?,
        held_out: engine.held_out(&concept)?,
        paths: items
            .iter()
            .map(|item| (item.id, item.absolute()))
            .collect(),
        concept,
    })
}
