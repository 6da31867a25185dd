//! What `@name` stands for: saved searches, and concepts with what they are worth.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_engine::concepts::{Concept, Example, ExampleOf, HeldOut, Usable};
use fovea_engine::saved::Saved;
use fovea_vectordb::ItemId;
use serde_json::{Value, json};

use super::print_json;
use super::results::{printable, round, shortest};
use super::units::counted;
use crate::settings::Settings;

/// Of fewer liked examples nothing can be held out.
const ENOUGH: usize = 3;

/// A concept as it is shown.
pub struct ConceptCard {
    pub concept: Concept,
    pub usable: Usable,
    pub held_out: Option<HeldOut>,
    /// Of examples that are items.
    pub paths: HashMap<ItemId, PathBuf>,
}

/// A search that was saved just now.
pub fn saved(settings: &Settings, saved: &Saved) -> anyhow::Result<()> {
    match settings.json {
        true => print_json(&saved_json(saved)),
        false => Ok(writeln!(
            anstream::stdout(),
            "@{}  {}",
            saved.name,
            saved.query
        )?),
    }
}

/// All saved searches; with --json an array.
pub fn saved_list(settings: &Settings, all: &[Saved]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&all.iter().map(saved_json).collect());
    }
    if all.is_empty() {
        anstream::eprintln!("No search is saved yet: fovea saved add NAME QUERY");
    }
    let mut out = anstream::stdout().lock();
    let width = widest(all.iter().map(|one| one.name.as_str()));
    for one in all {
        writeln!(out, "{}  {}", padded(&one.name, width), one.query)?;
    }
    Ok(())
}

/// A name that is no more.
pub fn removed(settings: &Settings, name: &str) -> anyhow::Result<()> {
    let name = name.trim_start_matches('@');
    match settings.json {
        true => print_json(&json!({ "removed": name })),
        false => Ok(writeln!(anstream::stdout(), "@{name} is forgotten")?),
    }
}

/// A concept with its examples.
pub fn concept(settings: &Settings, card: &ConceptCard) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&concept_json(card));
    }
    let mut out = anstream::stdout().lock();
    writeln!(out, "@{}: {}", card.concept.name, counts(&card.usable))?;
    let here = std::env::current_dir().ok();
    for liked in [true, false] {
        for example in card
            .concept
            .examples
            .iter()
            .filter(|one| one.liked == liked)
        {
            let side = if liked { "like" } else { "unlike" };
            writeln!(
                out,
                "  {side:<7} {}",
                described(example, card, here.as_deref())
            )?;
        }
    }
    Ok(writeln!(out, "  {}", judged(card))?)
}

/// All concepts, a line each; with --json an array.
pub fn concepts(settings: &Settings, cards: &[ConceptCard]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&cards.iter().map(concept_json).collect());
    }
    if cards.is_empty() {
        anstream::eprintln!("There is no concept yet: fovea concept add NAME --like FILE...");
    }
    let mut out = anstream::stdout().lock();
    let width = widest(cards.iter().map(|card| card.concept.name.as_str()));
    for card in cards {
        let held_out = card.held_out.as_ref().map_or(String::new(), |held_out| {
            format!("; held out: {}", share(held_out))
        });
        let name = padded(&card.concept.name, width);
        writeln!(out, "{name}  {}{held_out}", counts(&card.usable))?;
    }
    Ok(())
}

fn saved_json(saved: &Saved) -> Value {
    json!({ "name": saved.name, "query": saved.query })
}

/// A concept on the wire.
pub fn concept_json(card: &ConceptCard) -> Value {
    let example = |example: &Example| match &example.of {
        ExampleOf::Item(item) => json!({
            "liked": example.liked,
            "item": item.to_string(),
            "path": card.paths.get(item).map(|path| path.to_string_lossy()),
        }),
        ExampleOf::File { path, .. } => {
            json!({ "liked": example.liked, "path": path.to_string_lossy() })
        }
    };
    let examples: Vec<Value> = card.concept.examples.iter().map(example).collect();
    let held_out = card.held_out.as_ref().map(|one| {
        json!({
            "nearest": one.nearest,
            "right": one.right,
            "among": one.n_others + one.n_liked,
            "average_precision": round(one.average_precision, 1e4),
        })
    });
    json!({
        "name": card.concept.name,
        "liked": card.usable.liked,
        "disliked": card.usable.disliked,
        "gone": card.usable.gone,
        "of_another_model": card.usable.of_another_model,
        "held_out": held_out,
        "examples": examples,
    })
}

fn counts(usable: &Usable) -> String {
    let mut parts = vec![format!("{} liked", usable.liked)];
    if usable.disliked > 0 {
        parts.push(format!("{} disliked", usable.disliked));
    }
    if usable.gone > 0 {
        parts.push(format!("{} no longer in the collection", usable.gone));
    }
    if usable.of_another_model > 0 {
        let files = counted(usable.of_another_model as u64, "file");
        parts.push(format!("{files} read with another model: give them again"));
    }
    parts.join(", ")
}

fn described(example: &Example, card: &ConceptCard, here: Option<&Path>) -> String {
    let path = |path: &Path| printable(&shortest(path, here));
    match &example.of {
        ExampleOf::Item(item) => match card.paths.get(item) {
            Some(found) => format!("{}  #{item}", path(found)),
            None => format!("#{item}  (no longer in the collection)"),
        },
        ExampleOf::File { path: file, .. } => format!("{}  (not in the collection)", path(file)),
    }
}

/// What the numbers of held-out examples are and mean.
fn judged(card: &ConceptCard) -> String {
    let Some(held_out) = &card.held_out else {
        return match card.usable.liked < ENOUGH {
            true => {
                format!("held out: it cannot be judged yet; that takes {ENOUGH} liked examples")
            }
            false => "held out: it cannot be judged; there is no other picture to compare with"
                .to_owned(),
        };
    };
    format!(
        "held out: {} (average precision {:.2}); each was left out in turn and looked for among {} others, of which those \
         that show it and are not liked yet count as wrong",
        share(held_out),
        held_out.average_precision,
        held_out.n_others
    )
}

fn share(held_out: &HeldOut) -> String {
    format!(
        "of the {} nearest, {} liked",
        held_out.nearest,
        match held_out.right {
            1 => "1 is".to_owned(),
            right => format!("{right} are"),
        }
    )
}

fn widest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(console_width).max().unwrap_or(0)
}

fn padded(name: &str, width: usize) -> String {
    format!("@{name}{}", " ".repeat(width - console_width(name)))
}

/// Wide letters take two columns.
fn console_width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}
