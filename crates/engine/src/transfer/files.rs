//! Copies what is no row: previews and uploads, which lie in a folder beside the database.

use std::fs;
use std::path::Path;

use crate::error::{Error, IoContext};
use crate::ingest::Observer;

/// Folders below that of a database whose files belong to it. Index files are made anew.
const FOLDERS: [&str; 2] = ["previews", "uploads"];

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    pub(super) n: u64,
    pub(super) bytes: u64,
}

/// Copy files that are not there, or of another length: what has a name here never changes.
pub(super) fn copy_all(from: &Path, to: &Path, observer: &dyn Observer) -> Result<Copied, Error> {
    let mut copied = Copied::default();
    if from == to {
        return Ok(copied);
    }
    for name in FOLDERS {
        copy_folder(&from.join(name), &to.join(name), observer, &mut copied)?;
    }
    Ok(copied)
}

fn copy_folder(
    from: &Path,
    to: &Path,
    observer: &dyn Observer,
    copied: &mut Copied,
) -> Result<(), Error> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).at(from),
    };
    for entry in entries {
        if observer.is_cancelled() {
            return Ok(());
        }
        let entry = entry.at(from)?;
        let (path, goal) = (entry.path(), to.join(entry.file_name()));
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed since the folder was read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).at(&path),
        };
        let is_unfinished = entry.file_name().as_encoded_bytes().starts_with(b".");
        if metadata.is_dir() {
            copy_folder(&path, &goal, observer, copied)?;
        } else if metadata.is_file() && !is_unfinished {
            let length = |path: &Path| fs::metadata(path).ok().map(|found| found.len());
            if length(&goal) != Some(metadata.len()) {
                copy_file(&path, &goal)?;
                copied.n += 1;
                copied.bytes += metadata.len();
            }
        }
    }
    Ok(())
}

/// Written beside its place and renamed, so that a file is whole or not there.
fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".copy-")
        .tempfile_in(folder)
        .at(folder)?;
    let mut source = fs::File::open(from).at(from)?;
    std::io::copy(&mut source, file.as_file_mut()).at(to)?;
    file.persist(to).map_err(|error| error.error).at(to)?;
    Ok(())
}
