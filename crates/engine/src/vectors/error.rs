//! Why vectors of others cannot be taken, compared or given, each with what to do about it.

use std::path::PathBuf;

use fovea_vectordb::Metric;

/// All of them are for whoever asked to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// Pictures and vectors of others would be compared with each other.
    #[error(
        "collection `{collection}` holds images of model pack `{pack}`; \
         vectors of your own go into another one: --collection NAME"
    )]
    HoldsImages { collection: String, pack: String },

    #[error(
        "collection `{collection}` holds vectors of {held} numbers, {} has {got}; \
         use the model that made the others, or another one: --collection NAME",
        path.display()
    )]
    Dimension {
        path: PathBuf,
        collection: String,
        held: usize,
        got: usize,
    },

    #[error(
        "collection `{collection}` compares by {held}, {asked}; \
         say --metric {held}, or use another collection: --collection NAME"
    )]
    Metric {
        collection: String,
        held: Metric,
        /// Who wants which other metric.
        asked: String,
    },

    #[error(
        "{}: it was made for {metric}, which is not searched here; say --metric l2, ip or cosine to compare by that",
        path.display()
    )]
    UnknownMetric { path: PathBuf, metric: String },

    #[error(
        "{}: row {row} is zero and has no direction, which the cosine needs; take it out, or say --metric l2 or ip",
        path.display()
    )]
    Zero { path: PathBuf, row: usize },

    #[error("{}: row {row} is longer than 9e18, beyond which distances overflow; scale the vectors down", path.display())]
    TooLong { path: PathBuf, row: usize },

    #[error(
        "{}: its texts have {texts} numbers and its images {images}, so they are not of one space; take one of the two out",
        path.display()
    )]
    Texts {
        path: PathBuf,
        images: usize,
        texts: usize,
    },

    #[error("{}: {got} lines, and there are {rows} rows; it needs a line for each, empty for none", path.display())]
    CaptionLines {
        path: PathBuf,
        rows: usize,
        got: usize,
    },

    #[error(
        "collection `{collection}` has no vectors yet; begin with `fovea import FILE` or `fovea index FOLDER`"
    )]
    Empty { collection: String },

    #[error("the query has {got} numbers, and {known}")]
    QueryDimension {
        got: usize,
        /// What spaces there are, with their dimensions.
        known: String,
    },

    #[error("collection `{collection}` has no space `{space}`: it has {known}")]
    NoSpace {
        collection: String,
        space: String,
        known: String,
    },

    #[error("space `{space}` of collection `{collection}` has no vector that could be written")]
    NothingToExport { collection: String, space: String },
}
