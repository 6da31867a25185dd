//! The file of an item, opened so that nothing else can be reached through it.
//!
//! An item is asked for by its id, never by a path. Its path is resolved before it is opened, and has to lie below the
//! root of its source: a link that was put there later leads nowhere. What is opened has to be what was indexed, by size
//! and time of change, so that a file that took its place is not told either.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::time::UNIX_EPOCH;

use fovea_engine::Uploads;
use fovea_vectordb::{Item, SourceKind};

use super::problem::Problem;

/// Files of whose metadata a copy is cleaned, which takes all of it in memory.
const MOST_CLEANED: u64 = 256 << 20;

/// The item's file; of an upload that another machine took in, what the bucket has of it.
pub fn open(item: &Item, uploads: &Uploads) -> Result<File, Problem> {
    let here = open_here(item);
    match here {
        Ok(file) => Ok(file),
        Err(problem) => uploads.fetch_file(item)?.ok_or(problem),
    }
}

fn open_here(item: &Item) -> Result<File, Problem> {
    if item.source_kind == SourceKind::Import {
        return Err(Problem::not_found("vectors of others have no picture"));
    }
    let gone = || Problem::not_found("its file cannot be reached");
    let root = fs::canonicalize(&item.root).map_err(|_| gone())?;
    let path = fs::canonicalize(item.absolute()).map_err(|_| gone())?;
    if !path.starts_with(&root) {
        return Err(Problem::not_found(
            "its file lies outside the folder that was indexed",
        ));
    }
    // Opening what is no file may wait for ever.
    if !fs::metadata(&path).is_ok_and(|found| found.is_file()) {
        return Err(gone());
    }
    let file = File::open(&path).map_err(|_| gone())?;
    let found = file.metadata().map_err(|_| gone())?;
    match is_as_indexed(item, &found) {
        true => Ok(file),
        false => Err(Problem::not_found(
            "its file has changed since it was indexed; index its folder again",
        )),
    }
}

fn is_as_indexed(item: &Item, found: &Metadata) -> bool {
    let changed = found.modified().ok();
    let since = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
    let ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok());
    found.is_file() && found.len() == item.size && ns == Some(item.mtime_ns)
}

/// A copy without what tells where it was taken and by whom; none of a format that cannot be cleaned.
pub fn cleaned(item: &Item, uploads: &Uploads) -> Result<Option<Vec<u8>>, Problem> {
    let file = open(item, uploads)?;
    if item.size > MOST_CLEANED {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = file.take(item.size).read_to_end(&mut bytes);
    read.map_err(|_| Problem::not_found("its file cannot be read"))?;
    Ok(fovea_decode::without_metadata(&bytes))
}

/// Media type, and whether a browser may show it: a vector graphic is a program, and of some formats it makes nothing.
pub fn media_type(format: &str) -> (&'static str, bool) {
    match format {
        "jpeg" => ("image/jpeg", true),
        "png" => ("image/png", true),
        "webp" => ("image/webp", true),
        "gif" => ("image/gif", true),
        "bmp" => ("image/bmp", true),
        "avif" => ("image/avif", true),
        "heic" => ("image/heic", false),
        "tiff" => ("image/tiff", false),
        _ => ("application/octet-stream", false),
    }
}
