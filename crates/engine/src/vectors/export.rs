//! Gathers the vectors of a space with the names of their items, and writes them as a file that others read.
//!
//! The numbers of the whole file are in memory, as they are when a file is read; items are described a page at a time.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::slice::Iter;
use std::sync::Arc;

use fovea_vectordb::exchange::{self, ClipFolder, FileKind, Matrix, clip_retrieval};
use fovea_vectordb::{Database, Item, ItemId, ItemVector, Metric, Part, SourceId, SpaceRecord};

use super::error::VectorError;
use super::search::{AskedSpace, space_for};
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};
use crate::space;

const ITEMS_AT_ONCE: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// `None`: the first that has vectors.
    pub space: Option<String>,
    /// One row for each item, with its caption and the caption's vector: what a folder of clip-retrieval wants.
    pub by_item: bool,
}

/// What a file shall hold.
#[derive(Clone, Debug)]
pub struct Exported {
    pub space: SpaceRecord,
    pub matrix: Matrix,
    /// With `by_item` a vector of each item's caption, zeros where it has none; absent where no item has one.
    pub texts: Option<Matrix>,
    /// One for each row of the matrix.
    pub rows: Vec<ExportedRow>,
}

#[derive(Clone, Debug)]
pub struct ExportedRow {
    pub item: ItemId,
    /// Where the item is, or how it is called.
    pub path: PathBuf,
    /// What the vector is of, in space `caption`; with `by_item` what was said of the item.
    pub caption: Option<String>,
}

/// Gathers all rows, in the order of sources and names, numbers in names by their value; `None` when stopped.
pub fn export(
    database: &dyn Database,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Option<Exported>, Error> {
    let asked = space_for(database, None, options.space.as_deref())?;
    let items = in_order(database)?;
    let (n_files, n_jobs) = (items.len() as u64, items.len() as u64);
    observer.on(IndexEvent::Planned { n_files, n_jobs });
    let mut gathering = Gathering {
        database,
        numbers: Vec::new(),
        texts: Vec::new(),
        n_texts: 0,
        rows: Vec::new(),
        by_item: options.by_item,
        asked,
    };
    for (n, some) in items.chunks(ITEMS_AT_ONCE).enumerate() {
        if observer.is_cancelled() {
            return Ok(None);
        }
        gathering.take(some)?;
        let n_done = (n * ITEMS_AT_ONCE + some.len()) as u64;
        observer.on(IndexEvent::Kept { n_done });
    }
    gathering.finish().map(Some)
}

struct Gathering<'a> {
    database: &'a dyn Database,
    asked: AskedSpace,
    by_item: bool,
    numbers: Vec<f32>,
    texts: Vec<f32>,
    n_texts: usize,
    rows: Vec<ExportedRow>,
}

impl Gathering<'_> {
    fn take(&mut self, ids: &[ItemId]) -> Result<(), Error> {
        let (database, asked) = (self.database, &self.asked);
        let of = |space: &str| database.vectors(&asked.pack.fingerprint, space, ids);
        let vectors = of(&asked.space.name)?;
        let with_texts = self.by_item && self.text_dim().is_some();
        let texts = if with_texts {
            of(space::CAPTION)?
        } else {
            Vec::new()
        };
        let (mut vectors, mut texts) = (vectors.iter().peekable(), texts.iter().peekable());
        for item in database.items(ids)? {
            let (vectors, texts) = (of_item(&mut vectors, item.id), of_item(&mut texts, item.id));
            match self.by_item {
                true => self.put_item(&item, &vectors, &texts),
                // Parts of pictures are for searching; a row of a file is a picture or a caption.
                false => vectors
                    .iter()
                    .filter(|vector| vector.part.index == Part::WHOLE.index)
                    .for_each(|vector| self.put(&item, vector, vector.caption.clone())),
            }
        }
        Ok(())
    }

    /// Numbers of a caption's vector, if captions have any of their own.
    fn text_dim(&self) -> Option<usize> {
        let captions = self.asked.pack.space(space::CAPTION)?;
        (self.asked.space.name != captions.name).then_some(captions.dim)
    }

    fn put(&mut self, item: &Item, vector: &ItemVector, caption: Option<String>) {
        self.numbers.extend_from_slice(&vector.vector);
        self.rows.push(ExportedRow {
            item: item.id,
            path: item.absolute(),
            caption,
        });
    }

    /// The item as a whole, and the first of its captions that has a vector.
    fn put_item(&mut self, item: &Item, vectors: &[&ItemVector], texts: &[&ItemVector]) {
        let Some(whole) = vectors.iter().find(|vector| vector.part.index == 0) else {
            return;
        };
        let text = texts.first();
        self.n_texts += usize::from(text.is_some());
        match (text, self.text_dim()) {
            (Some(text), _) => self.texts.extend_from_slice(&text.vector),
            (None, Some(dim)) => self.texts.extend(std::iter::repeat_n(0.0, dim)),
            (None, None) => {}
        }
        let said = text.and_then(|text| text.caption.clone());
        let said = said.or_else(|| item.captions.first().map(|caption| caption.text.clone()));
        self.put(item, whole, said);
    }

    fn finish(self) -> Result<Exported, Error> {
        let space = self.asked.space.clone();
        if self.rows.is_empty() {
            return Err(VectorError::NothingToExport {
                collection: self.database.info()?.collection,
                space: space.name,
            }
            .into());
        }
        let texts = match self.text_dim() {
            Some(dim) if self.n_texts > 0 => Some(Matrix::new(dim, self.texts)?),
            _ => None,
        };
        Ok(Exported {
            matrix: Matrix::new(space.dim, self.numbers)?,
            texts,
            rows: self.rows,
            space,
        })
    }
}

/// The next vectors, as far as they are of this item. One that was written between two reads is passed over.
fn of_item<'a>(vectors: &mut Peekable<Iter<'a, ItemVector>>, item: ItemId) -> Vec<&'a ItemVector> {
    let mut found = Vec::new();
    while let Some(vector) = vectors.next_if(|vector| vector.item == item) {
        found.push(vector);
    }
    found
}

/// Writes what was gathered, whole or not at all.
pub fn write_exported(path: &Path, kind: FileKind, exported: Exported) -> Result<(), Error> {
    if kind != FileKind::ClipRetrieval {
        let metric = match exported.space.metric {
            // Of vectors at unit length the inner product is the cosine.
            Metric::Cosine | Metric::InnerProduct => exchange::Metric::InnerProduct,
            Metric::L2 => exchange::Metric::L2,
        };
        return Ok(exchange::write(path, kind, &exported.matrix, metric)?);
    }
    let name = |row: &ExportedRow| Some(Arc::from(row.path.to_string_lossy()));
    let caption = |row: &ExportedRow| row.caption.as_deref().map(Arc::from);
    let has_captions = exported.rows.iter().any(|row| row.caption.is_some());
    let folder = ClipFolder {
        paths: Some(exported.rows.iter().map(name).collect()),
        captions: has_captions.then(|| exported.rows.iter().map(caption).collect()),
        images: Some(exported.matrix),
        texts: exported.texts,
    };
    Ok(clip_retrieval::write(path, &folder)?)
}

/// All items by source and name, so that rows of an import come in the order of its file.
fn in_order(database: &dyn Database) -> Result<Vec<ItemId>, Error> {
    let mut named: Vec<(SourceId, Vec<u8>, ItemId)> = Vec::new();
    for source in database.sources()? {
        let states = database.file_states(source.id)?.into_iter();
        named.extend(states.map(|state| (source.id, state.path, state.item)));
    }
    named.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by_value(&a.1, &b.1)));
    Ok(named.into_iter().map(|(_, _, item)| item).collect())
}

/// Names in the order in which people count: `#9` before `#10`.
fn by_value(a: &[u8], b: &[u8]) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let order = match (rest_a.first(), rest_b.first()) {
            (None, None) => return a.cmp(b),
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                number(&mut rest_a).cmp(&number(&mut rest_b))
            }
            (x, y) => {
                rest_a = rest_a.get(1..).unwrap_or_default();
                rest_b = rest_b.get(1..).unwrap_or_default();
                x.cmp(&y)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits off the front: how many count, and which.
fn number<'a>(rest: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let sorted = [
            "",
            "#-1",
            "#1",
            "#02",
            "#2",
            "#9",
            "#10",
            "#10 (row 3)",
            "a/10/1",
            "a/b",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| by_value(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, sorted);
    }
}
