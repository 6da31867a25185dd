//! Words for what images show, given to each without any training: `tag:` and facets work on the first day.
//!
//! There are two vocabularies: the classes that the pack's classifier knows, and the list that a person gave the collection
//! (`list`), whose words are compared with the image (`likely`). Both need the kept features alone, so that another list is
//! applied without reading one picture again (`renew`).

mod likely;
mod list;
mod renew;

use fovea_encode::Encoder;
use fovea_vectordb::{ContentHash, Database, Operation, Tag, Vocabulary};

pub use likely::{LEAST, Likely, calibration};
pub use list::{TagList, TagName};
pub(crate) use renew::renew;

use crate::error::Error;

/// Gives images their tags; shared by all workers.
pub struct Tagger {
    likely: Option<Likely>,
    /// What tags depend on, so that those of another version are given anew.
    version: String,
}

impl Tagger {
    /// With the list that the collection has.
    pub fn of(database: &dyn Database, encoder: &dyn Encoder) -> Result<Tagger, Error> {
        let list = TagList::kept(database)?;
        let likely = match &list {
            Some(list) => Some(Likely::new(list, encoder)?),
            None => None,
        };
        Ok(Tagger {
            version: format!(
                "1 {} {}",
                encoder.spec().fingerprint,
                list::check(list.as_ref())
            ),
            likely,
        })
    }

    /// What keeps the tags of a content, of its whole image's feature and vector.
    pub fn operations(
        &self,
        encoder: &dyn Encoder,
        content: ContentHash,
        feature: &[f32],
        vector: &[f32],
    ) -> Result<[Operation; 2], Error> {
        let put = |vocabulary, tags| Operation::PutTags {
            content,
            pack: encoder.spec().fingerprint.clone(),
            vocabulary,
            tags,
        };
        let classes = encoder.tags(feature)?.into_iter().map(|tag| Tag {
            name: tag.name,
            probability: tag.probability,
        });
        let listed = self
            .likely
            .as_ref()
            .map_or(Vec::new(), |likely| likely.tags(encoder, feature, vector));
        Ok([
            put(Vocabulary::Pack, classes.collect()),
            put(Vocabulary::Collection, listed),
        ])
    }
}
