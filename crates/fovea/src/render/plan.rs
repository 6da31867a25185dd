//! What a query means: printed as a query again, part by part.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use fovea_engine::query::Meaning;
use fovea_engine::{Plan, TermContent};
use serde::Serialize;
use utoipa::ToSchema;

use super::dim;
use super::units::count;
use crate::settings::Settings;

/// On the wire, one object on one line.
#[derive(Serialize)]
struct Planned<'a> {
    query: &'a str,
    plan: PlanParts,
    matching: u64,
    n_items: u64,
}

/// What a query means, part by part.
#[derive(Serialize, ToSchema)]
pub struct PlanParts {
    /// The whole, which `search` takes with `--no-guess`.
    query: String,
    terms: Vec<WeightedTerm>,
    without: Vec<String>,
    filters: Vec<String>,
    /// What each `@name` stands for, in it and in what it stands for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, StandsFor>,
    guessed: Vec<Guessed>,
    unused: Vec<Guessed>,
    /// What says only that a picture is looked for, with `…` for the words that are left.
    passed_over: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct WeightedTerm {
    weight: f32,
    kind: &'static str,
    term: String,
}

#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StandsFor {
    /// A query.
    Saved(String),
    Concept {
        liked: usize,
        disliked: usize,
    },
}

/// A date that was found among the words.
#[derive(Serialize, ToSchema)]
struct Guessed {
    said: String,
    filter: String,
}

impl PlanParts {
    pub fn of(plan: &Plan) -> PlanParts {
        let query = &plan.query;
        let terms = query.terms.iter().map(|term| WeightedTerm {
            weight: term.weight,
            kind: kind(plan, &term.content),
            term: term.content.to_string(),
        });
        let guessed = |guesses: &[fovea_engine::query::guess::Guess]| {
            let guesses = guesses.iter().map(|guess| Guessed {
                said: guess.said.clone(),
                filter: format!("date:{}", guess.days),
            });
            guesses.collect()
        };
        PlanParts {
            query: query.to_string(),
            terms: terms.collect(),
            without: query.without.iter().map(ToString::to_string).collect(),
            filters: query.filters.iter().map(ToString::to_string).collect(),
            names: stand_for(plan),
            guessed: guessed(&plan.guesses),
            unused: guessed(&plan.unused),
            passed_over: plan
                .passed_over
                .iter()
                .map(|one| one.said.clone())
                .collect(),
        }
    }
}

/// What the names of a query stand for, and in turn the names in that.
fn stand_for(plan: &Plan) -> BTreeMap<String, StandsFor> {
    let mut all = BTreeMap::new();
    for (name, meaning) in plan.names.iter() {
        let stands_for = match meaning {
            Meaning::Saved(saved) => {
                all.extend(stand_for(saved));
                StandsFor::Saved(saved.query.to_string())
            }
            Meaning::Concept(concept) => {
                let liked = concept.examples.iter().filter(|one| one.liked).count();
                let disliked = concept.examples.len() - liked;
                StandsFor::Concept { liked, disliked }
            }
        };
        all.insert(format!("@{name}"), stands_for);
    }
    all
}

impl fmt::Display for StandsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StandsFor::Saved(query) => f.write_str(query),
            StandsFor::Concept { liked, disliked: 0 } => write!(f, "learnt of {liked} liked"),
            StandsFor::Concept { liked, disliked } => {
                write!(f, "learnt of {liked} liked and {disliked} disliked")
            }
        }
    }
}

fn kind(plan: &Plan, content: &TermContent) -> &'static str {
    match content {
        TermContent::Named(name) => match plan.names.get(name) {
            Some(Meaning::Concept(_)) => "concept",
            Some(Meaning::Saved(_)) | None => "saved search",
        },
        TermContent::Words(_) => "words",
        TermContent::Phrase(_) => "phrase",
        TermContent::Image(_) | TermContent::Given(_) => "image",
        TermContent::Item(_) => "item",
    }
}

/// The plan of a query, and how many items its filters let through.
pub fn plan(
    out: &mut dyn Write,
    settings: &Settings,
    query: &str,
    plan: &Plan,
    (matching, n_items): (u64, u64),
) -> anyhow::Result<()> {
    let parts = PlanParts::of(plan);
    if settings.json {
        let planned = Planned {
            query,
            plan: parts,
            matching,
            n_items,
        };
        serde_json::to_writer(&mut *out, &planned)?;
        return Ok(writeln!(out)?);
    }
    writeln!(out, "{}", parts.query)?;
    for term in &parts.terms {
        let what = if term.weight < 0.0 {
            "take away"
        } else {
            "look for"
        };
        let weight = match term.weight.abs() {
            1.0 => String::new(),
            weight => format!(", {weight} times"),
        };
        writeln!(out, "  {what:<10} {} ({}{weight})", term.term, term.kind)?;
    }
    for (name, stands_for) in &parts.names {
        writeln!(out, "  {name:<10} {stands_for}")?;
    }
    for without in &parts.without {
        writeln!(out, "  {:<10} {without}", "leave out")?;
    }
    for filter in &parts.filters {
        let said = parts.guessed.iter().find(|guess| guess.filter == *filter);
        let said = said.map_or(String::new(), |guess| {
            format!(
                "  (from \"{}\"; --no-guess leaves it in the words)",
                guess.said
            )
        });
        writeln!(out, "  {:<10} {filter}{}", "only", plain(&dim(&said)))?;
    }
    for guess in &parts.unused {
        let said = &guess.said;
        writeln!(
            out,
            "  {:<10} \"{said}\" stays in the words: no picture is of that time",
            "note"
        )?;
    }
    for said in &parts.passed_over {
        let note = format!("\"{said}\" says only that a picture is looked for");
        let hint = dim("  (--no-guess leaves it in the words)");
        writeln!(out, "  {:<10} {note}{}", "note", plain(&hint))?;
    }
    let (matching, n_items) = (count(matching), count(n_items));
    writeln!(out, "  {:<10} {matching} of {n_items} items", "among")?;
    Ok(())
}

/// Standard output may be a file, which wants no colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// What a search took for a date or passed over, said beside its results.
pub fn guesses(settings: &Settings, plan: &Plan) {
    if settings.json || settings.quiet {
        return;
    }
    for guess in &plan.guesses {
        anstream::eprintln!(
            "{}",
            dim(&format!(
                "\"{}\" is taken for a filter, date:{}; --no-guess leaves it in the words",
                guess.said, guess.days
            ))
        );
    }
    for carrier in &plan.passed_over {
        let said = &carrier.said;
        anstream::eprintln!(
            "{}",
            dim(&format!(
                "\"{said}\" is passed over; --no-guess leaves it in the words"
            ))
        );
    }
}
