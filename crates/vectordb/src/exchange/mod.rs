//! Vector files of others: read into a [`Matrix`], and written so that others read them.
//!
//! One file a format; the byte maps, their sources and what is refused stand in `docs/formats.md`.
//! Files come from anywhere, so nothing is allocated from a count before it is held against the
//! bytes that remain, and NaN and infinity are refused with their row and column. It keeps nothing
//! and ranks nothing: a matrix goes out, and whoever imports it decides what its rows are.

pub mod annoy;
pub mod clip_retrieval;
mod element;
mod error;
pub mod faiss;
pub mod fbin;
pub mod fvecs;
mod hnsw_graph;
mod kind;
mod matrix;
pub mod npy;
mod npy_header;
mod output;
mod parquet;
mod source;

use std::path::Path;
use std::sync::Arc;

pub use annoy::AnnoyMetric;
pub use clip_retrieval::ClipFolder;
pub use error::{Error, Result};
pub use hnsw_graph::HnswGraph;
pub use kind::FileKind;
pub use matrix::Matrix;

/// What a format says of distance. `L2` is Euclidean, whether squared or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    InnerProduct,
    L2,
    L1,
    Linf,
    /// The p-norm of this p.
    Lp(f32),
    /// The angle between vectors, whatever their length.
    Angular,
}

/// What the caller knows or allows.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the file is, where neither name nor content say it.
    pub kind: Option<FileKind>,
    /// Larger files are refused before they are read.
    pub max_bytes: u64,
    /// Annoy files say neither: numbers in a vector,
    pub annoy_dim: Option<usize>,
    /// and the metric the index was built with.
    pub annoy_metric: Option<AnnoyMetric>,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            kind: None,
            max_bytes: u64::MAX,
            annoy_dim: None,
            annoy_metric: None,
        }
    }
}

/// What came out of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    pub kind: FileKind,
    /// Of a folder its images, or its texts where it has no images; [`clip_retrieval::read`] gives both.
    pub matrix: Matrix,
    /// Where the format says it.
    pub metric: Option<Metric>,
    /// The id of each row, where the format has ids.
    pub ids: Option<Vec<i64>>,
    /// The path or name of each row's picture, where the format has names.
    pub names: Option<Vec<Option<Arc<str>>>>,
    /// What was said of each row's picture.
    pub captions: Option<Vec<Option<Arc<str>>>>,
    /// Links between the rows, where the file is a graph.
    pub graph: Option<HnswGraph>,
}

impl Import {
    fn of(kind: FileKind, matrix: Matrix) -> Import {
        Import {
            kind,
            matrix,
            metric: None,
            ids: None,
            names: None,
            captions: None,
            graph: None,
        }
    }
}

/// Reads a vector file, or a folder of clip-retrieval, of any kind known.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Import> {
    let kind = match options.kind {
        Some(kind) => kind,
        None => FileKind::of(path)?,
    };
    if kind != FileKind::ClipRetrieval {
        check_size(path, options.max_bytes)?;
    }
    match kind {
        FileKind::Npy => Ok(Import::of(kind, npy::read(path)?)),
        FileKind::Vecs(numbers) => Ok(Import::of(kind, fvecs::read(path, numbers)?)),
        FileKind::Bin(numbers) => Ok(Import::of(kind, fbin::read(path, numbers)?)),
        FileKind::Faiss => {
            let index = faiss::read(path)?;
            Ok(Import {
                metric: Some(index.metric),
                ids: index.ids,
                graph: index.graph,
                ..Import::of(kind, index.matrix)
            })
        }
        FileKind::Annoy => {
            let (dim, metric) = annoy_facts(path, options)?;
            let (matrix, ids) = annoy::read(path, dim, metric)?;
            Ok(Import {
                metric: Some(metric.metric()),
                ids: Some(ids),
                ..Import::of(kind, matrix)
            })
        }
        FileKind::ClipRetrieval => {
            let folder = clip_retrieval::read(path, options.max_bytes)?;
            let Some(matrix) = folder.images.or(folder.texts) else {
                return Err(Error::UnknownKind {
                    path: path.to_owned(),
                });
            };
            Ok(Import {
                names: folder.paths,
                captions: folder.captions,
                ..Import::of(kind, matrix)
            })
        }
    }
}

fn check_size(path: &Path, limit: u64) -> Result<()> {
    let found = std::fs::metadata(path).map_err(|error| Error::io(path, &error))?;
    let (path, bytes) = (path.to_owned(), found.len());
    if bytes > limit {
        return Err(Error::TooLarge { path, bytes, limit });
    }
    Ok(())
}

/// Writes a file of this kind, whole or not at all. `metric` matters to Faiss alone.
pub fn write(path: &Path, kind: FileKind, matrix: &Matrix, metric: Metric) -> Result<()> {
    match kind {
        FileKind::Npy => npy::write(path, matrix),
        FileKind::Vecs(fvecs::Numbers::Floats) => fvecs::write(path, matrix),
        FileKind::Bin(fbin::Numbers::Floats) => fbin::write(path, matrix),
        FileKind::Faiss => faiss::write(path, matrix, metric),
        FileKind::ClipRetrieval => clip_retrieval::write(
            path,
            &ClipFolder {
                images: Some(matrix.clone()),
                ..ClipFolder::default()
            },
        ),
        FileKind::Vecs(_) | FileKind::Bin(_) | FileKind::Annoy => Err(Error::NotWritten {
            path: path.to_owned(),
            reason: "this kind is only read: write .npy, .fvecs, .fbin or .faiss",
        }),
    }
}

fn annoy_facts(path: &Path, options: &ReadOptions) -> Result<(usize, AnnoyMetric)> {
    let missing = |what| Error::Missing {
        path: path.to_owned(),
        format: "Annoy",
        what,
    };
    let dim = options
        .annoy_dim
        .ok_or_else(|| missing("their dimension"))?;
    let metric = options
        .annoy_metric
        .ok_or_else(|| missing("their metric"))?;
    Ok((dim, metric))
}
