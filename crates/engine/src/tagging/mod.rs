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

pub use likely::{LEAST, Likely};
pub use list::{TagList, TagName};
pub use renew::Tagged;
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

    /// What keeps the tags of some contents, of the features and vectors of their whole images and what a pack's vocabulary
    /// says of these ([`Encoder::tags_of`]).
    pub fn operations(
        &self,
        encoder: &dyn Encoder,
        all: &[(ContentHash, &[f32], &[f32])],
        of_pack: Vec<Vec<fovea_encode::Tag>>,
    ) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(2 * all.len());
        for ((content, feature, vector), classes) in all.iter().zip(of_pack) {
            let put = |vocabulary, tags| Operation::PutTags {
                content: *content,
                pack: encoder.spec().fingerprint.clone(),
                vocabulary,
                tags,
            };
            let classes = classes.into_iter().map(|tag| Tag {
                name: tag.name,
                probability: tag.probability,
            });
            operations.push(put(Vocabulary::Pack, classes.collect()));
            let listed = self.likely.as_ref();
            let listed = listed.map_or(Vec::new(), |likely| likely.tags(encoder, feature, vector));
            operations.push(put(Vocabulary::Collection, listed));
        }
        operations
    }
}
