//! clip-retrieval's folder: `img_emb/img_emb_0.npy`, `text_emb/text_emb_0.npy`, `metadata/metadata_0.parquet`.
//!
//! One row of each is one picture. Large folders have many parts with numbers of any width, and an
//! `img_emb` or `text_emb` alone is whole. Source: `clip_inference/writer.py` of
//! github.com/rom1504/clip-retrieval. Of the metadata, the columns `image_path` and `caption` are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::output::{fit, sync_folder};
use super::{Error, Matrix, Result, npy, parquet};

const FORMAT: &str = "clip-retrieval";
const IMAGES: &str = "img_emb";
const TEXTS: &str = "text_emb";
const METADATA: &str = "metadata";
const PATHS: &str = "image_path";
const CAPTIONS: &str = "caption";

/// A cell for each row; rows that say the same may share it.
pub type Cells = Vec<Option<Arc<str>>>;

/// What a folder holds: as many rows in each part that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClipFolder {
    pub images: Option<Matrix>,
    pub texts: Option<Matrix>,
    pub paths: Option<Cells>,
    pub captions: Option<Cells>,
}

/// Whether a folder looks like one of clip-retrieval.
pub(super) fn is_folder(path: &Path) -> bool {
    [IMAGES, TEXTS].iter().any(|name| path.join(name).is_dir())
}

/// Reads all parts in the order of their numbers. `max_bytes` is for the whole folder.
pub fn read(folder: &Path, max_bytes: u64) -> Result<ClipFolder> {
    let images = parts(folder, IMAGES, "npy")?;
    let texts = parts(folder, TEXTS, "npy")?;
    let metadata = parts(folder, METADATA, "parquet")?;
    check_size(folder, [&images, &texts, &metadata], max_bytes)?;
    let numbers = if images.is_empty() { &texts } else { &images };
    if numbers.is_empty() {
        return Err(wrong(
            folder,
            format!("no {IMAGES}/{IMAGES}_0.npy and no {TEXTS}/{TEXTS}_0.npy"),
        ));
    }
    let agree = |other: &Parts| other.is_empty() || other.keys().eq(numbers.keys());
    if !agree(&texts) || !agree(&metadata) {
        let reason = format!("{IMAGES}, {TEXTS} and {METADATA} have parts of different numbers");
        return Err(wrong(folder, reason));
    }
    let mut whole = ClipFolder::default();
    for number in numbers.keys() {
        let part = read_part(
            folder,
            [&images, &texts, &metadata].map(|parts| parts.get(number)),
        )?;
        whole.append(folder, part)?;
    }
    Ok(whole)
}

/// Writes a new folder of one part, with 32-bit floats. Refuses a folder that has anything in it: parts
/// of another export beside these would be read as more of the same.
pub fn write(folder: &Path, content: &ClipFolder) -> Result<()> {
    let rows = check(folder, content)?;
    let failed = |error| Error::io(folder, &error);
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let reason = "there is something in this folder: name a new one".to_owned();
        return Err(wrong(folder, reason));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".fovea-")
        .tempdir_in(parent);
    let temporary = temporary.map_err(failed)?;
    // A folder inside, because the temporary one is for its owner alone.
    let whole = temporary.path().join("whole");
    for (name, matrix) in [(IMAGES, &content.images), (TEXTS, &content.texts)] {
        if let Some(matrix) = matrix {
            fs::create_dir_all(whole.join(name)).map_err(failed)?;
            npy::write(&part_path(&whole, name, "npy"), matrix)?;
        }
    }
    let columns = [(PATHS, &content.paths), (CAPTIONS, &content.captions)];
    let columns = columns
        .iter()
        .filter_map(|(name, cells)| Some((*name, cells.as_deref()?)));
    let columns: Vec<_> = columns.collect();
    if !columns.is_empty() {
        fs::create_dir_all(whole.join(METADATA)).map_err(failed)?;
        parquet::write(&part_path(&whole, METADATA, "parquet"), &columns, rows)?;
    }
    if folder.exists() {
        fs::remove_dir(folder).map_err(failed)?;
    }
    sync_folder(&whole).map_err(failed)?;
    fs::rename(&whole, folder).map_err(failed)?;
    sync_folder(parent).map_err(failed)
}

fn part_path(folder: &Path, name: &str, extension: &str) -> PathBuf {
    folder.join(name).join(format!("{name}_0.{extension}"))
}

/// Files by the number in their name.
type Parts = BTreeMap<u64, PathBuf>;

/// The parts in a folder; none where there is no such folder.
fn parts(folder: &Path, name: &str, extension: &str) -> Result<Parts> {
    let mut parts = Parts::new();
    let place = folder.join(name);
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(parts),
        Err(error) => return Err(Error::io(&place, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| Error::io(&place, &error))?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let number = stem
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('_')?.parse().ok());
        let is_part = path.extension().is_some_and(|found| found == extension);
        if let Some(number) = number.filter(|_| is_part)
            && let Some(other) = parts.insert(number, path.clone())
        {
            let reason = format!(
                "{} and {} are the same part",
                path.display(),
                other.display()
            );
            return Err(wrong(folder, reason));
        }
    }
    Ok(parts)
}

fn check_size(folder: &Path, parts: [&Parts; 3], limit: u64) -> Result<()> {
    let mut bytes = 0u64;
    for path in parts.into_iter().flat_map(Parts::values) {
        let found = fs::metadata(path).map_err(|error| Error::io(path, &error))?;
        bytes = bytes.saturating_add(found.len());
    }
    let path = folder.to_owned();
    if bytes > limit {
        return Err(Error::TooLarge { path, bytes, limit });
    }
    Ok(())
}

/// Images, texts and metadata of one number.
fn read_part(
    folder: &Path,
    [images, texts, metadata]: [Option<&PathBuf>; 3],
) -> Result<ClipFolder> {
    let mut part = ClipFolder {
        images: images.map(|path| npy::read(path)).transpose()?,
        texts: texts.map(|path| npy::read(path)).transpose()?,
        ..ClipFolder::default()
    };
    // Before the metadata, whose cells are only believed as far as there are rows.
    let rows = check(folder, &part)?;
    if let Some(path) = metadata {
        for (name, cells) in parquet::read(path, rows, &[PATHS, CAPTIONS])? {
            match name.as_str() {
                PATHS => part.paths = Some(cells),
                _ => part.captions = Some(cells),
            }
        }
    }
    Ok(part)
}

impl ClipFolder {
    /// How many pictures there are.
    pub fn rows(&self) -> usize {
        let cells = self.paths.as_ref().or(self.captions.as_ref()).map(Vec::len);
        let matrix = self.images.as_ref().or(self.texts.as_ref());
        matrix.map(Matrix::rows).or(cells).unwrap_or(0)
    }

    /// The rows of another part after these.
    fn append(&mut self, folder: &Path, part: ClipFolder) -> Result<()> {
        let (before, rows) = (self.rows(), part.rows());
        append_matrix(folder, &mut self.images, part.images)?;
        append_matrix(folder, &mut self.texts, part.texts)?;
        append_cells(&mut self.paths, part.paths, before, rows);
        append_cells(&mut self.captions, part.captions, before, rows);
        Ok(())
    }
}

fn append_matrix(folder: &Path, whole: &mut Option<Matrix>, part: Option<Matrix>) -> Result<()> {
    match (whole.as_mut(), part) {
        (Some(whole), Some(part)) if whole.dim == part.dim => whole.numbers.extend(part.numbers),
        (Some(whole), Some(part)) => {
            let reason = format!("parts of dimension {} and of {}", whole.dim, part.dim);
            return Err(wrong(folder, reason));
        }
        (None, part) => *whole = part,
        (Some(_), None) => {}
    }
    Ok(())
}

/// A column that one part lacks is empty there.
fn append_cells(whole: &mut Option<Cells>, part: Option<Cells>, before: usize, rows: usize) {
    if whole.is_none() && part.is_none() {
        return;
    }
    let whole = whole.get_or_insert_with(|| vec![None; before]);
    whole.extend(part.unwrap_or_else(|| vec![None; rows]));
}

/// How many rows there are, if all parts have as many.
fn check(folder: &Path, content: &ClipFolder) -> Result<usize> {
    let rows = content.rows();
    let counts = [
        (IMAGES, content.images.as_ref().map(Matrix::rows)),
        (TEXTS, content.texts.as_ref().map(Matrix::rows)),
        (PATHS, content.paths.as_ref().map(Vec::len)),
        (CAPTIONS, content.captions.as_ref().map(Vec::len)),
    ];
    for (name, count) in counts {
        if let Some(count) = count.filter(|count| *count != rows) {
            return Err(wrong(
                folder,
                format!("{name} has {count} rows, and there are {rows}"),
            ));
        }
    }
    if content.images.is_none() && content.texts.is_none() {
        return Err(wrong(folder, "there are no vectors".to_owned()));
    }
    let cells = content
        .paths
        .iter()
        .chain(&content.captions)
        .flatten()
        .flatten();
    let longest = cells.map(|text| text.len()).max().unwrap_or(0);
    fit(folder, FORMAT, "bytes in a text", longest, 1 << 30)?;
    fit(folder, FORMAT, "rows", rows, i32::MAX as u64)?;
    Ok(rows)
}

fn wrong(folder: &Path, reason: String) -> Error {
    Error::Folder {
        path: folder.to_owned(),
        reason,
    }
}
