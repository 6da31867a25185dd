//! What is kept: items, captions, metadata, features and vectors, behind one
//! [`Database`] trait with a typed [`Filter`].
//!
//! It knows nothing of pixels, models or ranking: a vector comes in finished,
//! and a hit goes out with its score. The engines are [`Embedded`], one
//! SQLite file per database folder with exact search in memory, and [`Milvus`],
//! which keeps everything on a server; each has to pass the same `conformance` suite.

mod batch;
mod color;
mod database;
mod embedded;
mod error;
pub mod exchange;
mod filter;
mod ids;
mod index_file;
mod indexes;
mod milvus;
mod paths;
mod place;
mod recent;
mod records;
mod together;
pub mod words;

#[doc(hidden)]
pub mod conformance;

pub use batch::{Batch, Caption, CaptionOrigin, Operation, Owner};
pub use database::{Database, Facet, Facets, Hit, KeywordHit, Listed, Order, VectorQuery, Wanted};
pub use embedded::{DATABASE_FILE, Embedded, OpenMode, SCHEMA_VERSION};
pub use error::{Error, Fault, Result};
pub use filter::{Comparison, Field, Filter};
pub use fovea_index::Metric;
pub use fovea_index::kernels::Element;
pub use ids::{Change, ContentHash, ItemId, ParseIdError, SourceId};
pub use indexes::{BuildObserver, Canary, FLAT_UP_TO, IndexChoice, IndexInfo, Tuned};
pub use milvus::{Milvus, MilvusAddress};
pub use paths::{path_from_bytes, path_to_bytes};
pub use recent::Recent;
pub use records::{
    Color, Content, ContentState, Failure, FileState, Info, Item, ItemDraft, ItemVector, Metadata,
    PackRecord, Part, Parts, Precision, Problem, ProblemKind, Region, SourceKind, SourceRecord,
    SpaceCount, SpaceRecord, SpaceSource, Stats, Tag, Value, Vocabulary,
};
pub use together::Together;
