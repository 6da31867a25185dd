//! `fovea search`: words and images find images.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use fovea_engine::{Engine, Query, SearchOptions, Spaces};

use super::search_vector;
use crate::exit::{self, Exit, Refusal};
use crate::flags::{PreviewFlag, SearchFlags, SpaceFlag};
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
    let options = SearchOptions {
        top_k,
        spaces: spaces(flags.space)?,
        ..Default::default()
    };
    match &flags.queries {
        Some(file) => many(settings, file, flags.syntax, &options, &style),
        None => one(settings, &flags.terms, &options, &style),
    }
}

fn one(
    settings: &Settings,
    terms: &[String],
    options: &SearchOptions,
    style: &ResultStyle,
) -> anyhow::Result<Exit> {
    let found = Query::from_arguments(terms)
        .map_err(anyhow::Error::from)
        .and_then(|query| {
            let engine = settings.open_for_reading()?;
            let results = engine.search(&query, options)?;
            Ok((query, engine, results))
        });
    let (query, engine, results) = match found {
        Ok(found) => found,
        Err(error) if settings.json => {
            render::query_error(&mut io::stdout().lock(), &terms.join(" "), &error)?;
            return Ok(exit::exit_of(&error));
        }
        Err(error) => return Err(error),
    };
    let mut out = io::stdout().lock();
    let previews = engine.previews();
    render::results(&mut out, previews, &query.to_string(), &results, style)?;
    out.flush()?;
    if results.results.is_empty() {
        render::nothing_found(settings, engine.database().info()?.n_items);
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Done)
}

/// Every line is answered, in order; a bad one is answered with its error and does not stop the others.
fn many(
    settings: &Settings,
    file: &Path,
    syntax: bool,
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
        match answer(&engine, &line, syntax, options) {
            Ok(results) => {
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
    syntax: bool,
    options: &SearchOptions,
) -> anyhow::Result<fovea_engine::SearchResults> {
    let query = if syntax {
        Query::from_syntax(line)?
    } else {
        Query::words(line)?
    };
    Ok(engine.search(&query, options)?)
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
