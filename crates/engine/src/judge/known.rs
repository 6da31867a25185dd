//! What a collection is judged with, kept until it changes.

use std::sync::{Arc, Mutex, PoisonError};

use fovea_vectordb::{Change, ContentHash};
use half::f16;

use super::Meaning;
use crate::Engine;
use crate::background::{Background, Spread};
use crate::error::Error;
use fovea_vectordb::Recent;

/// Images whose names are kept: of each as many half-precision numbers as the pack has names, 33 MB in all.
const NAMED: usize = 16_384;

/// Queries that are kept, 6 KB each.
const ASKED: usize = 1_024;

/// A sample, kept until the collection changes.
type Kept = Mutex<Option<(Change, Arc<Background>)>>;

/// Words that were asked, in a collection as it is.
#[derive(Debug)]
pub struct Words {
    pub meaning: Meaning,
    pub spread: Spread,
}

/// What a collection is judged with.
#[derive(Debug)]
pub(crate) struct Known {
    shared: Kept,
    visual: Kept,
    /// How probable each name is for an image, by the hash of its vector: most of the time of a judgement, and the same for
    /// every query.
    named: Mutex<Recent<ContentHash, Arc<[f16]>>>,
    /// Words that were asked lately, by the hash of their vector and the change of the collection: a query is judged in parts.
    asked: Mutex<Recent<ContentHash, Arc<Words>>>,
}

impl Default for Known {
    fn default() -> Self {
        Known {
            shared: Kept::default(),
            visual: Kept::default(),
            named: Mutex::new(Recent::new(NAMED)),
            asked: Mutex::new(Recent::new(ASKED)),
        }
    }
}

impl Known {
    /// What is known of images, by their vectors.
    pub fn names(&self, keys: &[ContentHash]) -> Vec<Option<Arc<[f16]>>> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| named.get(key)).collect()
    }

    pub fn keep_names(&self, key: ContentHash, names: Vec<f32>) -> Arc<[f16]> {
        let names: Arc<[f16]> = names.into_iter().map(f16::from_f32).collect();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.put(key, Arc::clone(&names));
        names
    }
}

/// A vector, and the state of a collection in which it means something.
pub fn key_of(vector: &[f32], change: u64) -> ContentHash {
    let bytes = vector.iter().flat_map(|number| number.to_le_bytes());
    let bytes = bytes.chain(change.to_le_bytes());
    ContentHash::of(&bytes.collect::<Vec<u8>>())
}

impl Engine {
    /// The sample of the collection as it is now, in the space shared with text.
    pub(crate) fn known_background(&self) -> Result<Arc<Background>, Error> {
        self.kept_or(&self.known.shared, || self.background())
    }

    /// The same in the encoder's own space.
    pub(crate) fn known_looks(&self) -> Result<Arc<Background>, Error> {
        self.kept_or(&self.known.visual, || self.visual_background())
    }

    fn kept_or(
        &self,
        kept: &Kept,
        make: impl FnOnce() -> Result<Background, Error>,
    ) -> Result<Arc<Background>, Error> {
        let change = self.database().change()?;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, background)) = &*kept
            && *at == change
        {
            return Ok(Arc::clone(background));
        }
        let background = Arc::new(make()?);
        *kept = Some((change, Arc::clone(&background)));
        Ok(background)
    }

    /// What words mean here; nothing where it is not known what is usual, or the pack has no names.
    pub(super) fn known_words(&self, query: &[f32]) -> Result<Option<Arc<Words>>, Error> {
        let key = key_of(query, self.database().change()?.0);
        let lock = || {
            self.known
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(known) = lock().get(&key) {
            return Ok(Some(known));
        }
        let Some(words) = Words::of(query, &*self.known_background()?) else {
            return Ok(None);
        };
        let words = Arc::new(words);
        lock().put(key, Arc::clone(&words));
        Ok(Some(words))
    }
}

impl Words {
    /// By a sample of the collection.
    pub fn of(query: &[f32], background: &Background) -> Option<Words> {
        let has_names = !background.vocabulary.is_empty();
        let spread = background.spread(query).filter(|_| has_names)?;
        Some(Words {
            meaning: Meaning::of(query, &background.vocabulary),
            spread,
        })
    }
}
