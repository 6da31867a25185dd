//! Files that appear whole or not at all: written beside their place, synced, renamed.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Error, Matrix, Result};

/// Writes `path` with what `fill` puts into it. A file that is there is replaced only by a whole one.
pub(super) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> Result<()> {
    try_write(path, fill).map_err(|error| Error::io(path, &error))
}

fn try_write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fovea-");
    if let Some(permissions) = as_others_write() {
        builder.permissions(permissions);
    }
    let temporary = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 16, temporary.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// A temporary file is for its owner alone, a finished one is as the user's umask has it.
#[cfg(unix)]
fn as_others_write() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn as_others_write() -> Option<Permissions> {
    None
}

/// The new name is on the disk once its folder is. Windows has no such call and needs none.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Errs where the matrix is no matrix, or holds a number that no reader should meet.
pub(super) fn check(path: &Path, matrix: &Matrix) -> Result<()> {
    if matrix.dim == 0 || !matrix.numbers.len().is_multiple_of(matrix.dim) {
        let (dim, numbers) = (matrix.dim, matrix.numbers.len());
        return Err(Error::Shape { dim, numbers });
    }
    match matrix.first_not_finite() {
        None => Ok(()),
        Some((row, column)) => Err(Error::Number {
            path: path.to_owned(),
            row,
            column,
            found: f64::from(matrix.row(row)[column]),
        }),
    }
}

/// Puts numbers as little-endian 32-bit floats.
pub(super) fn put_numbers(writer: &mut impl Write, numbers: &[f32]) -> std::io::Result<()> {
    let mut piece = [0; 4096];
    for some in numbers.chunks(piece.len() / 4) {
        let (words, _) = piece.as_chunks_mut();
        for (word, number) in words.iter_mut().zip(some) {
            *word = number.to_le_bytes();
        }
        writer.write_all(&piece[..some.len() * 4])?;
    }
    Ok(())
}

/// `got` as a count that the format can hold.
pub(super) fn fit(
    path: &Path,
    format: &'static str,
    what: &'static str,
    got: usize,
    most: u64,
) -> Result<u64> {
    let got = got as u64;
    if got <= most {
        return Ok(got);
    }
    Err(Error::DoesNotFit {
        path: path.to_owned(),
        format,
        what,
        most,
        got,
    })
}
