//! `fovea search`: words and images find images.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use fovea_engine::{
    Cursor, Engine, Grouping, Plan, PlanOptions, Query, SearchOptions, SearchResults, Spaces,
};
use fovea_vectordb::{Order, Region};

use super::search_vector;
use crate::exit::{self, Exit, Refusal};
use crate::flags::{GroupFlag, PreviewFlag, SearchFlags, SortFlag, SpaceFlag};
use crate::interrupt;
use crate::render::{self, ResultStyle};
use crate::settings::Settings;

const DEFAULT_TOP: usize = 10;
const MAX_QUERY_BYTES: u64 = 64 * 1024;

pub fn run(settings: &Settings, flags: SearchFlags) -> anyhow::Result<Exit> {
    if flags.terms.is_empty() && flags.queries.is_none() && flags.vector.is_none() {
        return Err(Refusal::input("say what to look for: fovea search a dog on a beach").into());
    }
    if flags.top == Some(0) {
        return Err(Refusal::input("--top 0: ask for at least one result").into());
    }
    let top_k = flags.top.unwrap_or(DEFAULT_TOP);
    let style = style(settings, &flags);
    if let Some(file) = &flags.vector {
        return search_vector::run(settings, &flags, file, top_k, &style);
    }
    let options = options(&flags, top_k)?;
    match &flags.queries {
        None if !flags.with.is_empty() => together(settings, &flags, &options, &style),
        Some(file) => many(settings, file, &flags, &options, &style),
        None => one(settings, &flags, &options, &style),
    }
}

fn options(flags: &SearchFlags, top_k: usize) -> Result<SearchOptions, Refusal> {
    if flags.threshold.is_some_and(f32::is_nan) {
        return Err(Refusal::input("--threshold: that is no number"));
    }
    if let Some(diverse) = flags.diverse.filter(|weight| !(0.0..=1.0).contains(weight)) {
        return Err(Refusal::input(format!(
            "--diverse={diverse}: a number between 0 and 1 is needed, as in --diverse=0.5"
        )));
    }
    let cursor = flags.cursor.as_deref().map(|cursor| {
        let read = cursor.parse::<Cursor>();
        read.map_err(|error| Refusal::input(format!("--cursor {cursor}: {error}")))
    });
    Ok(SearchOptions {
        region: flags.region.as_deref().map(region).transpose()?,
        top_k,
        spaces: spaces(flags.space)?,
        // A line of `--queries` is a text, unless it is said to be more.
        guess: !flags.no_guess && (flags.queries.is_none() || flags.syntax),
        sort: match flags.sort {
            SortFlag::Relevance => None,
            SortFlag::Date => Some(Order::Newest),
            SortFlag::Name => Some(Order::Name),
        },
        threshold: flags.threshold,
        judge: true,
        // Whoever says how many gets so many.
        cut: flags.top.is_none(),
        group: flags.group.map(|by| match by {
            GroupFlag::Folder => Grouping::Folder,
            GroupFlag::Day => Grouping::Day,
            GroupFlag::Similar => Grouping::Similar,
        }),
        diversity: flags.diverse,
        after: cursor.transpose()?,
        ..Default::default()
    })
}

fn one(
    settings: &Settings,
    flags: &SearchFlags,
    options: &SearchOptions,
    style: &ResultStyle,
) -> anyhow::Result<Exit> {
    let planned = Query::from_arguments(&flags.terms)
        .map_err(anyhow::Error::from)
        .and_then(|query| planned(settings, query, options));
    let found = planned.and_then(|(query, engine, plan)| {
        let results = match flags.plan {
            true => None,
            false => Some(engine.carry_out(&plan, options)?),
        };
        Ok((query, engine, plan, results))
    });
    let (query, engine, plan, results) = match found {
        Ok(found) => found,
        Err(error) if settings.json => {
            render::query_error(&mut io::stdout().lock(), &flags.terms.join(" "), &error)?;
            return Ok(exit::exit_of(&error));
        }
        Err(error) => return Err(error),
    };
    let mut out = io::stdout().lock();
    let Some(results) = results else {
        let matching = engine.database().count(&plan.filter)?;
        let counts = (matching, engine.database().info()?.n_items);
        render::plan(&mut out, settings, &query.to_string(), &plan, counts)?;
        return Ok(Exit::Done);
    };
    render::guesses(settings, &plan);
    render::corrections(settings, &results.corrections);
    let previews = engine.previews();
    render::results(&mut out, previews, &query.to_string(), &results, style)?;
    out.flush()?;
    if results.results.is_empty() {
        render::nothing_found(settings, engine.database().info()?.n_items, &results.below);
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Done)
}

/// By the collection's own pack and others, as one list.
fn together(
    settings: &Settings,
    flags: &SearchFlags,
    options: &SearchOptions,
    style: &ResultStyle,
) -> anyhow::Result<Exit> {
    let found = Query::from_arguments(&flags.terms)
        .map_err(anyhow::Error::from)
        .and_then(|query| planned(settings, query, options))
        .and_then(|(query, engine, plan)| {
            if !plan.has_words() && !plan.has_images() {
                let message = "--with: filters alone rank nothing; say what to look for, too";
                return Err(Refusal::input(message).into());
            }
            let others = settings.open_beside(&engine, &flags.with)?;
            let fused = engine.search_with(&others, &plan, options)?;
            Ok((query, engine, plan, fused))
        });
    let (query, engine, plan, fused) = match found {
        Ok(found) => found,
        Err(error) if settings.json => {
            render::query_error(&mut io::stdout().lock(), &flags.terms.join(" "), &error)?;
            return Ok(exit::exit_of(&error));
        }
        Err(error) => return Err(error),
    };
    render::guesses(settings, &plan);
    let mut out = io::stdout().lock();
    render::fused(
        &mut out,
        engine.previews(),
        &query.to_string(),
        &fused,
        style,
    )?;
    out.flush()?;
    Ok(match fused.results.results.is_empty() {
        true => Exit::NothingFound,
        false => Exit::Done,
    })
}

/// `0.1,0.2,0.5,0.5`; whether that lies inside the picture is the engine's to say.
fn region(text: &str) -> Result<Region, Refusal> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|one| one.trim().parse().ok()).collect();
    let Some(&[x, y, w, h]) = numbers.as_deref() else {
        return Err(Refusal::input(format!(
            "--region {text}: four numbers are needed, as in 0.25,0.5,0.2,0.2: left, top, width and height"
        )));
    };
    Ok(Region { x, y, w, h })
}

fn planned(
    settings: &Settings,
    query: Query,
    options: &SearchOptions,
) -> anyhow::Result<(Query, Engine, Plan)> {
    let engine = settings.open_for_reading()?;
    let guess = options.guess;
    let plan = engine.plan(&query, PlanOptions::new(guess))?;
    Ok((query, engine, plan))
}

/// Every line is answered, in order; a bad one is answered with its error and does not stop the others.
fn many(
    settings: &Settings,
    file: &Path,
    flags: &SearchFlags,
    options: &SearchOptions,
    style: &ResultStyle,
) -> anyhow::Result<Exit> {
    let mut lines = open_queries(file)?;
    let engine = settings.open_for_reading()?;
    let mut exit = Exit::NothingFound;
    while let Some(line) = next_line(&mut *lines, file)? {
        if interrupt::is_interrupted() {
            return Ok(Exit::Interrupted);
        }
        let mut out = io::stdout().lock();
        match answer(&engine, &line, flags, options) {
            Ok((plan, None)) => {
                let matching = engine.database().count(&plan.filter)?;
                let counts = (matching, engine.database().info()?.n_items);
                exit = Exit::Done;
                render::plan(&mut out, settings, &line, &plan, counts)?;
            }
            Ok((_, Some(results))) => {
                if !results.results.is_empty() && exit == Exit::NothingFound {
                    exit = Exit::Done;
                }
                render::results(&mut out, engine.previews(), &line, &results, style)?;
            }
            Err(error) => {
                exit = exit::exit_of(&error);
                render::line_error(&mut out, settings, &line, &error)?;
            }
        }
        out.flush()?;
    }
    Ok(exit)
}

fn answer(
    engine: &Engine,
    line: &str,
    flags: &SearchFlags,
    options: &SearchOptions,
) -> anyhow::Result<(Plan, Option<SearchResults>)> {
    let query = if flags.syntax {
        Query::from_syntax(line)?
    } else {
        Query::words(line)?
    };
    let guess = options.guess;
    let plan = engine.plan(&query, PlanOptions::new(guess))?;
    let results = match flags.plan {
        true => None,
        false => Some(engine.carry_out(&plan, options)?),
    };
    Ok((plan, results))
}

pub fn open_queries(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file)
        .map_err(|error| Refusal::input(format!("--queries {}: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// One line without its end; broken UTF-8 costs only its characters, and no line can fill the memory.
pub fn next_line(lines: &mut dyn BufRead, file: &Path) -> anyhow::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = io::Read::take(&mut *lines, MAX_QUERY_BYTES).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.last() != Some(&b'\n') && read as u64 == MAX_QUERY_BYTES {
        let message = format!(
            "{}: a line is longer than {MAX_QUERY_BYTES} bytes",
            file.display()
        );
        return Err(Refusal::input(message).into());
    }
    let line = String::from_utf8_lossy(&bytes);
    Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
}

pub fn spaces(flag: SpaceFlag) -> Result<Spaces, Refusal> {
    match flag {
        SpaceFlag::All => Ok(Spaces::All),
        SpaceFlag::Image => Ok(Spaces::Image),
        SpaceFlag::Caption => Ok(Spaces::Caption),
        SpaceFlag::Keyword => Ok(Spaces::Keyword),
        SpaceFlag::Visual => Err(Refusal::input(
            "--space visual: words do not lie there; ask with an image alone (./FILE), or with --vector FILE",
        )),
    }
}

fn style(settings: &Settings, flags: &SearchFlags) -> ResultStyle {
    match (settings.json, flags.null, flags.paths) {
        (true, _, _) => ResultStyle::Json,
        (_, true, _) => ResultStyle::Paths { end: b'\0' },
        (_, _, true) => ResultStyle::Paths { end: b'\n' },
        _ => ResultStyle::Table {
            pictures: pictures(flags),
        },
    }
}

fn pictures(flags: &SearchFlags) -> Option<u32> {
    let shown = match flags.preview {
        PreviewFlag::Never => false,
        PreviewFlag::Always => true,
        PreviewFlag::Auto => render::terminal_shows_pictures(),
    };
    shown.then_some(flags.preview_height)
}
