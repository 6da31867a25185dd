//! What can be written: a batch of operations that is kept as a whole or not
//! at all. How it is carried out is the engine's business.

use crate::ids::{ContentHash, ItemId, SourceId};
use crate::records::{Content, Failure, ItemDraft, Part, Tag, Vocabulary};

/// Operations carried out in order, in one durable transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub operations: Vec<Operation>,
}

impl Batch {
    pub fn new() -> Batch {
        Batch::default()
    }

    pub fn push(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl From<Vec<Operation>> for Batch {
    fn from(operations: Vec<Operation>) -> Batch {
        Batch { operations }
    }
}

impl FromIterator<Operation> for Batch {
    fn from_iter<T: IntoIterator<Item = Operation>>(operations: T) -> Batch {
        Batch {
            operations: operations.into_iter().collect(),
        }
    }
}

/// One step of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Insert or replace what is known of a content; its features and vectors stay.
    PutContent(Content),
    /// Insert or replace the feature of one part. Kept as f16.
    PutFeature {
        content: ContentHash,
        /// Fingerprint of a registered pack.
        pack: String,
        part: Part,
        feature: Vec<f32>,
    },
    /// Insert or replace a vector of a stored space. It is kept in the
    /// space's precision, at unit length where the space goes by the cosine.
    PutVector {
        owner: Owner,
        /// Fingerprint of a registered pack.
        pack: String,
        space: String,
        part: Part,
        vector: Vec<f32>,
    },
    /// Put what one vocabulary says that a content shows in the place of what
    /// it said before.
    PutTags {
        content: ContentHash,
        /// Fingerprint of a registered pack.
        pack: String,
        vocabulary: Vocabulary,
        tags: Vec<Tag>,
    },
    /// Remove the features and vectors, of all packs, of every part of a
    /// content but the whole (part 0). Nothing happens to a content that items
    /// of other collections have too, or that is gone.
    RemoveParts { content: ContentHash },
    /// Insert or replace the item at (source, path), with its metadata and
    /// captions, and forget a failure of that path. A replaced item keeps its
    /// id and the time it was added.
    PutItem(ItemDraft),
    /// Insert or replace an item under the id, and with the time it was added,
    /// that it has in another database; one that was at its place is removed. An
    /// id that an item of another collection has is refused.
    RestoreItem {
        item: ItemId,
        added_ns: i64,
        draft: ItemDraft,
    },
    /// Replace an item's captions.
    PutCaptions {
        item: ItemId,
        captions: Vec<Caption>,
    },
    /// Note that the file was looked at and has the same content. Nothing
    /// happens when the item is gone.
    Touch {
        item: ItemId,
        size: u64,
        mtime_ns: i64,
        checked_ns: i64,
    },
    /// Give an item another place; one that was there is removed, as a
    /// renamed file takes the place of the one it covers.
    MoveItem {
        item: ItemId,
        source: SourceId,
        path: Vec<u8>,
    },
    /// Remove an item. Its content stays until the next sweep. Nothing
    /// happens when the item is gone.
    RemoveItem(ItemId),
    /// Note that a file was skipped, in place of what was noted before.
    PutFailure(Failure),
    /// Forget a failure.
    ClearFailure { source: SourceId, path: Vec<u8> },
}

/// What a vector is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Content(ContentHash),
    /// A caption's text: captions with the same text share its vectors.
    Phrase(String),
}

/// A caption of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// As in `en` or `zh-TW`, where it is known.
    pub lang: Option<String>,
    pub text: String,
    pub origin: CaptionOrigin,
}

/// Where a caption was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptionOrigin {
    /// A text file beside the image.
    Sidecar,
    /// A file that lists captions.
    File,
    /// The image's own metadata.
    Embedded,
}
