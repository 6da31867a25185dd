//! Indexes and checks of a collection of imported vectors, where there is no encoder to ask and no file to look at.

use fovea_vectordb::{BuildObserver, Database, Filter, IndexInfo};

use crate::check::CheckReport;
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};

/// Watches the build of an index over vectors of others.
pub struct Watched<'a> {
    pub observer: &'a dyn Observer,
    /// Vectors that stand for what will be asked; without them the index is a little slower, and as right.
    pub samples: Vec<Vec<f32>>,
}

impl BuildObserver for Watched<'_> {
    fn queries(&self, _space: &str) -> Vec<Vec<f32>> {
        self.samples.clone()
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }

    fn progress(&self, space: &str, share: f32) {
        let (space, percent) = (space.to_owned(), (share * 100.0) as u8);
        self.observer.on(IndexEvent::Indexing { space, percent });
    }
}

/// Brings the indexes up to date, without samples of what is asked.
pub fn build_indexes(database: &dyn Database, observer: &dyn Observer) -> Result<(), Error> {
    let samples = Vec::new();
    database.build_indexes(&Watched { observer, samples })?;
    Ok(())
}

/// Brings the indexes up to date and finds the least effort that finds this share of the true nearest, of rows themselves.
pub fn tune(
    database: &dyn Database,
    recall: f64,
    observer: &dyn Observer,
) -> Result<Vec<IndexInfo>, Error> {
    build_indexes(database, observer)?;
    let samples = Vec::new();
    let watched = Watched { observer, samples };
    Ok(database.tune(recall, &watched)?)
}

/// What the database says of itself: imports have neither originals nor previews.
pub fn check(database: &dyn Database) -> Result<CheckReport, Error> {
    Ok(CheckReport {
        n_items: database.count(&Filter::All)?,
        problems: database.check()?,
        ..CheckReport::default()
    })
}
