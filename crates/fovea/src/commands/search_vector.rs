//! `fovea search --vector FILE`: the rows of a file find what is near them. No model is opened.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use fovea_engine::space;
use fovea_engine::vectors::{self, AskedSpace};
use fovea_vectordb::exchange::{self, Matrix};
use fovea_vectordb::{Database, OpenMode};

use super::import::read_options;
use crate::exit::{self, Exit, Refusal};
use crate::flags::{SearchFlags, SpaceFlag};
use crate::interrupt;
use crate::render::{self, ResultStyle};
use crate::settings::Settings;

pub fn run(
    settings: &Settings,
    flags: &SearchFlags,
    file: &Path,
    top_k: usize,
    style: &ResultStyle,
) -> anyhow::Result<Exit> {
    let opened = open(settings, flags, file);
    let (database, matrix, rows, asked) = match opened {
        Ok(opened) => opened,
        Err(error) if settings.json => {
            let query = file.display().to_string();
            render::query_error(&mut io::stdout().lock(), &query, &error)?;
            return Ok(exit::exit_of(&error));
        }
        Err(error) => return Err(error),
    };
    if !asked.others.is_empty() {
        render::chosen_space(settings, &asked);
    }
    let previews = settings.previews();
    let mut exit = Exit::NothingFound;
    let is_one = rows.len() == 1;
    for row in rows {
        if interrupt::is_interrupted() {
            return Ok(Exit::Interrupted);
        }
        let query = format!("{}#{row}", file.display());
        let mut out = io::stdout().lock();
        match vectors::search_vector(&*database, &asked, matrix.row(row), top_k) {
            Ok(results) => {
                if !results.results.is_empty() && exit == Exit::NothingFound {
                    exit = Exit::Done;
                }
                if !is_one {
                    render::result_heading(&mut out, &query, style)?;
                }
                render::results(&mut out, &previews, &query, &results, style)?;
            }
            Err(error) => {
                let error = error.into();
                exit = exit::exit_of(&error);
                render::line_error(&mut out, settings, &query, &error)?;
            }
        }
        out.flush()?;
    }
    if exit == Exit::NothingFound {
        render::nothing_found(settings, database.info()?.n_items, &[]);
    }
    Ok(exit)
}

/// What is asked, and where.
type Opened = (
    std::sync::Arc<dyn Database>,
    Matrix,
    Range<usize>,
    AskedSpace,
);

fn open(settings: &Settings, flags: &SearchFlags, file: &Path) -> anyhow::Result<Opened> {
    let read = exchange::read(file, &read_options(file, &flags.file)?);
    let matrix = read.map_err(fovea_engine::Error::from)?.matrix;
    let rows = rows(&matrix, flags.row, file)?;
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let asked = vectors::space_for(&*database, Some(matrix.dim), named(flags.space)?)?;
    Ok((database, matrix, rows, asked))
}

fn named(flag: SpaceFlag) -> Result<Option<&'static str>, Refusal> {
    match flag {
        SpaceFlag::All => Ok(None),
        SpaceFlag::Image => Ok(Some(space::IMAGE)),
        SpaceFlag::Caption => Ok(Some(space::CAPTION)),
        SpaceFlag::Visual => Ok(Some(space::VISUAL)),
        SpaceFlag::Keyword => Err(Refusal::input(
            "--space keyword: a vector holds no words; leave --space out",
        )),
    }
}

fn rows(matrix: &Matrix, row: Option<usize>, file: &Path) -> Result<Range<usize>, Refusal> {
    let (n, file) = (matrix.rows(), file.display());
    match row {
        _ if n == 0 => Err(Refusal::input(format!("{file} has no row to ask with"))),
        Some(row) if row >= n => Err(Refusal::input(format!(
            "--row {row}: {file} has rows 0 to {}",
            n - 1
        ))),
        Some(row) => Ok(row..row + 1),
        None => Ok(0..n),
    }
}
