//! The indexes of a collection's spaces: built when a run has ended, for
//! texts like those that will be asked, and tuned on them.

use fovea_vectordb::{BuildObserver, Database, Filter, IndexChoice, IndexInfo};

use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};
use crate::{Engine, space};

/// Captions of the collection that stand for what will be asked. Texts take
/// about a millisecond each, and more bring little.
const CAPTIONS: usize = 2_000;

/// What the database wants to know while it builds.
struct Building<'a> {
    engine: &'a Engine,
    observer: &'a dyn Observer,
}

impl BuildObserver for Building<'_> {
    /// Words of the pack's classes and captions of the collection; images are
    /// asked for with images, which lie where the rows lie.
    fn queries(&self, name: &str) -> Vec<Vec<f32>> {
        if name == space::VISUAL {
            return Vec::new();
        }
        let mut queries = self.engine.encoder().sample_texts();
        // Without them the index is a little slower for texts, and as right.
        queries.extend(self.engine.sample_captions().unwrap_or_default());
        queries
    }

    fn is_cancelled(&self) -> bool {
        self.observer.is_cancelled()
    }

    fn progress(&self, space: &str, share: f32) {
        let (space, percent) = (space.to_owned(), (share * 100.0) as u8);
        self.observer.on(IndexEvent::Indexing { space, percent });
    }
}

/// Which index a collection has from now on, at the next build.
pub fn choose_index(database: &dyn Database, choice: &IndexChoice) -> Result<(), Error> {
    let value = match choice {
        IndexChoice::Auto => None,
        IndexChoice::Family { .. } => Some(choice.to_string()),
    };
    Ok(database.set_setting(IndexChoice::SETTING, value.as_deref())?)
}

impl Engine {
    /// Build, renew or drop index files as size and choice ask for.
    pub fn build_indexes(&self, observer: &dyn Observer) -> Result<u64, Error> {
        let building = Building {
            engine: self,
            observer,
        };
        Ok(self.database().build_indexes(&building)?)
    }

    /// Find the least effort that finds this share of the true nearest, on texts like those that are asked.
    pub fn tune(&self, recall: f64, observer: &dyn Observer) -> Result<Vec<IndexInfo>, Error> {
        let building = Building {
            engine: self,
            observer,
        };
        Ok(self.database().tune(recall, &building)?)
    }

    /// Captions from all over the collection, as vectors.
    fn sample_captions(&self) -> Result<Vec<Vec<f32>>, Error> {
        let ids = self
            .database()
            .scan(&Filter::HasCaption, None, usize::MAX)?;
        let step = (ids.len() / CAPTIONS).max(1);
        let ids: Vec<_> = ids.into_iter().step_by(step).take(CAPTIONS).collect();
        let mut vectors = Vec::new();
        for item in self.database().items(&ids)? {
            if let Some(caption) = item.captions.first() {
                vectors.push(self.encoder().text_vector(&caption.text)?);
            }
        }
        Ok(vectors)
    }
}
