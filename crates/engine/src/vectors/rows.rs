//! A file of vectors as rows with names: what each is called, what was said of it, and what names its content.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use fovea_vectordb::exchange::{self, FileKind, Matrix, ReadOptions, clip_retrieval};
use fovea_vectordb::{ContentHash, Metric};

use super::error::VectorError;
use crate::error::{Error, IoContext};

/// Squared length beyond which the database takes no vector that is not at unit length.
const MOST_SQUARED: f64 = f32::MAX as f64 / 4.0;

pub struct Rows {
    pub kind: FileKind,
    pub matrix: Matrix,
    /// Vectors of the captions, where the rows themselves are of images.
    pub texts: Option<Matrix>,
    /// What the file says of its metric.
    pub metric: Option<exchange::Metric>,
    /// As the database keeps paths of an import; no two alike.
    pub names: Vec<String>,
    captions: Vec<Option<Arc<str>>>,
}

impl Rows {
    /// Reads the file; `captions` has a line for each row.
    pub fn read(
        path: &Path,
        options: &ReadOptions,
        captions: Option<&Path>,
    ) -> Result<Self, Error> {
        let kind = match options.kind {
            Some(kind) => kind,
            None => FileKind::of(path)?,
        };
        let mut rows = match kind {
            FileKind::ClipRetrieval => Self::of_folder(path, options)?,
            _ => Self::of_file(exchange::read(path, options)?),
        };
        if let Some(file) = captions {
            rows.captions = lines(file, rows.len())?;
        }
        Ok(rows)
    }

    fn of_file(file: exchange::Import) -> Self {
        let n = file.matrix.rows();
        let names = match file.ids {
            Some(ids) => ids.iter().map(|id| format!("#{id}")).collect(),
            None => (0..n).map(|row| format!("#{row}")).collect(),
        };
        Self {
            kind: file.kind,
            texts: None,
            metric: file.metric,
            names: distinct(names),
            captions: vec![None; n],
            matrix: file.matrix,
        }
    }

    fn of_folder(path: &Path, options: &ReadOptions) -> Result<Self, Error> {
        let folder = clip_retrieval::read(path, options.max_bytes)?;
        let n = folder.rows();
        let (matrix, texts) = match (folder.images, folder.texts) {
            (Some(images), texts) => (images, texts),
            (None, Some(texts)) => (texts, None),
            (None, None) => (Matrix::new(1, Vec::new())?, None),
        };
        if let Some(texts) = texts.as_ref().filter(|texts| texts.dim != matrix.dim) {
            return Err(VectorError::Texts {
                path: path.to_owned(),
                images: matrix.dim,
                texts: texts.dim,
            }
            .into());
        }
        let paths = folder.paths.unwrap_or_else(|| vec![None; n]);
        let name = |(row, name): (usize, &Option<Arc<str>>)| match name.as_deref() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!("#{row}"),
        };
        let captions = folder.captions.unwrap_or_else(|| vec![None; n]);
        let said = |caption: Option<Arc<str>>| caption.filter(|text| !text.trim().is_empty());
        Ok(Self {
            kind: FileKind::ClipRetrieval,
            metric: None,
            names: distinct(paths.iter().enumerate().map(name).collect()),
            captions: captions.into_iter().map(said).collect(),
            matrix,
            texts,
        })
    }

    pub fn len(&self) -> usize {
        self.matrix.rows()
    }

    pub fn caption(&self, row: usize) -> Option<&Arc<str>> {
        self.captions[row].as_ref()
    }

    /// The caption of a row with its vector, where it has both.
    pub fn text(&self, row: usize) -> Option<(&Arc<str>, &[f32])> {
        Some((self.caption(row)?, self.texts.as_ref()?.row(row)))
    }

    /// Names everything of a row that is kept, so that a row that changed is seen without reading what is kept.
    pub fn content(&self, row: usize) -> ContentHash {
        let mut bytes = b"fovea imported row v1".to_vec();
        let mut put = |numbers: &[f32]| {
            bytes.extend((numbers.len() as u64).to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        };
        put(self.matrix.row(row));
        put(self.text(row).map_or(&[], |(_, vector)| vector));
        if let Some(caption) = self.caption(row) {
            bytes.extend(caption.as_bytes());
        }
        ContentHash::of(&bytes)
    }

    /// That the metric can compare every row; otherwise the first that it cannot.
    pub fn check(&self, path: &Path, metric: Metric) -> Result<(), VectorError> {
        for row in 0..self.len() {
            for vector in [
                Some(self.matrix.row(row)),
                self.text(row).map(|(_, text)| text),
            ] {
                let squares = vector.map(squared_length);
                let path = || path.to_owned();
                match (metric, squares) {
                    (Metric::Cosine, Some(0.0)) => {
                        return Err(VectorError::Zero { path: path(), row });
                    }
                    (Metric::InnerProduct | Metric::L2, Some(squares))
                        if squares > MOST_SQUARED =>
                    {
                        return Err(VectorError::TooLong { path: path(), row });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn squared_length(vector: &[f32]) -> f64 {
    vector.iter().map(|&number| f64::from(number).powi(2)).sum()
}

/// Names that stand for one row each: one that came before is told apart by the row.
fn distinct(mut names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(names.len());
    for (row, name) in names.iter_mut().enumerate() {
        while !seen.insert(name.clone()) {
            *name = format!("{name} (row {row})");
        }
    }
    names
}

/// A caption for each row, one a line.
fn lines(path: &Path, rows: usize) -> Result<Vec<Option<Arc<str>>>, Error> {
    let text = std::fs::read(path).at(path)?;
    let text = String::from_utf8_lossy(&text);
    let line = |line: &str| {
        Some(line.trim())
            .filter(|line| !line.is_empty())
            .map(Arc::from)
    };
    let captions: Vec<_> = text.lines().map(line).collect();
    if captions.len() == rows {
        return Ok(captions);
    }
    let (path, got) = (path.to_owned(), captions.len());
    Err(VectorError::CaptionLines { path, rows, got }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_one_row_each() {
        let names = ["a", "b", "a", "a (row 2)", "a"]
            .map(str::to_owned)
            .to_vec();
        let expect = ["a", "b", "a (row 2)", "a (row 2) (row 3)", "a (row 4)"];
        assert_eq!(distinct(names), expect);
    }
}
