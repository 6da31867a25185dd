//! Joins decoding, encoding and keeping: folders become a collection, queries become ranked results.
//!
//! Knows no flags, no JSON, no HTTP and no colours: it takes plain options and answers plain data.
//!
//! Vectors that others made go in and out by `vectors`, which needs no encoder.
//!
//! The stages of ingest are the files of `ingest`, in order: `target`, `setup`, `plan`, `process`, `writer`,
//! `finish`. The stages of a search are [`Query`], [`Plan`], [`Engine::rank`], [`Engine::search`].

mod arrange;
mod background;
mod blobs;
mod captions;
mod check;
pub mod concepts;
mod cursor;
pub mod dedupe;
mod error;
mod eval;
pub mod events;
pub mod explain;
pub mod facets;
pub mod forget;
mod fusion;
pub mod gallery;
mod indexes;
mod ingest;
pub mod judge;
mod left_out;
mod lookup;
mod metadata;
mod migrate;
pub mod pairs;
mod parts;
mod paths;
mod previews;
pub mod private;
pub mod query;
pub mod saved;
mod scan;
mod search;
pub mod space;
mod stages;
pub mod tagging;
mod terms;
mod time;
pub mod transfer;
pub mod vectors;
pub mod views;
mod watch;
pub mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fovea_encode::Encoder;
use fovea_vectordb::{Database, Metric, PackRecord, Precision, SpaceRecord, SpaceSource};

pub use arrange::Grouping;
pub use blobs::{Access, Blobs, Bucket, Entry, UPLOADS, Uploads};
pub use captions::FoundCaption;
pub use check::{CheckReport, Repair};
pub use cursor::Cursor;
pub use error::{Error, Fault};
pub use eval::{Answered, Candidates, Compared, EvalOptions, Evaluation, LanguageResult};
pub use explain::{Absent, Explanation, Heat, Subject};
pub use forget::Forgotten;
pub use fusion::{Fused, FusedPlace, PackRank};
pub use indexes::choose_index;
pub use ingest::{
    CaptionChoice, IndexEvent, IndexOptions, IndexReport, Observer, Offline, Share, Silent,
    Skipped, TagChoice, Verdict,
};
pub use migrate::{Comparison, From as MigrateFrom, Kept, Migration};
pub use parts::Regions;
pub use previews::PreviewStore;
pub use query::{Given, Plan, PlanOptions, Query, QueryError, Term, TermContent};
pub use search::{Ranked, SearchOptions, SearchResult, SearchResults, Spaces};
pub use stages::{STAGES, StageCosts, measure_stages};
pub use watch::WatchOptions;

/// A collection with the encoder that reads and writes it. Shared by any number of threads.
#[derive(Clone)]
pub struct Engine {
    database: Arc<dyn Database>,
    encoder: Arc<dyn Encoder>,
    previews: PreviewStore,
    uploads: Uploads,
    own_folder: Option<PathBuf>,
    known: Arc<judge::Known>,
}

impl Engine {
    pub fn new(
        database: Arc<dyn Database>,
        encoder: Arc<dyn Encoder>,
        previews: PreviewStore,
    ) -> Self {
        Self {
            database,
            encoder,
            previews,
            uploads: Uploads::default(),
            own_folder: None,
            known: Arc::default(),
        }
    }

    /// The folder of the database, which is never indexed even where it lies among the pictures.
    #[must_use]
    pub fn with_own_folder(mut self, folder: PathBuf) -> Self {
        self.own_folder = Some(folder);
        self
    }

    /// Where uploads are kept beside their files.
    #[must_use]
    pub fn with_uploads(mut self, uploads: Uploads) -> Self {
        self.uploads = uploads;
        self
    }

    pub fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    pub fn database(&self) -> &dyn Database {
        self.database.as_ref()
    }

    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    pub fn previews(&self) -> &PreviewStore {
        &self.previews
    }

    pub(crate) fn own_folder(&self) -> Option<&Path> {
        self.own_folder.as_deref()
    }

    /// Makes the encoder's pack known to the collection; the first one becomes the active one.
    pub(crate) fn register_pack(&self) -> Result<(), Error> {
        Ok(self.database.register_pack(&pack_record(self.encoder()))?)
    }
}

/// What the database has to know of an encoder: names and lengths of its spaces, and which of them are kept.
pub fn pack_record(encoder: &dyn Encoder) -> PackRecord {
    let spec = encoder.spec();
    let space = |name: &str, dim, source| SpaceRecord {
        name: name.to_owned(),
        dim,
        source,
        metric: Metric::Cosine,
        precision: Precision::Half,
    };
    let visual = match spec.visual_is_feature {
        true => SpaceSource::FromFeature,
        false => SpaceSource::Stored,
    };
    PackRecord {
        name: spec.name.clone(),
        fingerprint: spec.fingerprint.clone(),
        feature_dim: spec.feature_dim,
        spaces: vec![
            space(space::IMAGE, spec.shared_dim, SpaceSource::Stored),
            space(space::CAPTION, spec.shared_dim, SpaceSource::Stored),
            space(space::VISUAL, spec.visual_dim, visual),
        ],
    }
}
