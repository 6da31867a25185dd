//! The one trait through which everything kept is reached. It promises what
//! an engine does, not how; the `conformance` module holds it to that.

use std::path::Path;

use crate::batch::Batch;
use crate::error::Result;
use crate::filter::{Field, Filter};
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::indexes::{BuildObserver, IndexInfo};
use crate::records::{
    ContentState, Failure, FileState, Info, Item, ItemVector, PackRecord, Part, Parts, Problem,
    SourceKind, SourceRecord, Stats, Tag, Value, Vocabulary,
};

/// One collection of a database, shared by any number of threads.
pub trait Database: Send + Sync {
    fn info(&self) -> Result<Info>;

    /// The change number now, commits of other processes included.
    fn change(&self) -> Result<Change>;

    /// Make a pack known; again with the same fingerprint changes nothing.
    /// The collection's first pack becomes its active one.
    fn register_pack(&self, pack: &PackRecord) -> Result<()>;

    /// Packs of this collection, in order of registration.
    fn packs(&self) -> Result<Vec<PackRecord>>;

    fn active_pack(&self) -> Result<Option<PackRecord>>;

    fn activate_pack(&self, fingerprint: &str) -> Result<()>;

    /// The source with this kind and root, created when it is not there.
    fn source(&self, kind: SourceKind, root: &Path) -> Result<SourceId>;

    fn sources(&self) -> Result<Vec<SourceRecord>>;

    /// Make a source known under the id that it has in another database, with
    /// its state; again changes that alone. An id or a root that another source
    /// has is refused.
    fn adopt_source(&self, source: &SourceRecord) -> Result<()>;

    /// Note whether a source's root can be reached. Its items stay.
    fn set_online(&self, source: SourceId, online: bool) -> Result<()>;

    /// Note that a scan of the source came to its end; it is online then.
    fn mark_scanned(&self, source: SourceId, at_ns: i64) -> Result<()>;

    /// Carry out all of the batch or nothing; durable on return.
    fn write(&self, batch: &Batch) -> Result<Change>;

    /// What a scan compares with the file system, in no order.
    fn file_states(&self, source: SourceId) -> Result<Vec<FileState>>;

    /// Of these contents the ones that are kept, in the order asked; `pack`
    /// is the fingerprint `has_feature` is about.
    fn known_contents(&self, hashes: &[ContentHash], pack: &str) -> Result<Vec<ContentState>>;

    /// The items with these ids in the order asked; those not there are left out.
    fn items(&self, ids: &[ItemId]) -> Result<Vec<Item>>;

    fn find(&self, source: SourceId, path: &[u8]) -> Result<Option<ItemId>>;

    /// Items that match, by rising id, beginning after `after`.
    fn scan(&self, filter: &Filter, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>>;

    fn count(&self, filter: &Filter) -> Result<u64>;

    /// The items that match, counted by their values of a field, the most
    /// frequent value first and equals in their order. An item with several
    /// values counts with each; numbers that are equal are one, an integer
    /// where any of them is; of `counts` the first `limit` come back.
    fn facets(&self, filter: &Filter, by: &Facet, limit: usize) -> Result<Facets>;

    /// The first of the items that match, in an order; those after a place in it, whether or not its item still stands
    /// there.
    fn list(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Listed>,
        limit: usize,
    ) -> Result<Vec<Listed>>;

    /// Keys of the metadata that items of any collection have, in alphabetical order.
    fn metadata_keys(&self) -> Result<Vec<String>>;

    /// The nearest items, best first and equal scores by rising id. An item
    /// appears once, with its best part after what [`Parts`] takes from it;
    /// items that share a content all appear.
    fn search(&self, query: &VectorQuery<'_>) -> Result<Vec<Hit>>;

    /// Items of which some of what is wanted was written: in captions, in
    /// metadata `tag`, or in the names of file and folders. The greatest share
    /// first, equals by rising id.
    fn keywords(&self, wanted: &[Wanted], filter: &Filter) -> Result<Vec<KeywordHit>>;

    /// Words that were written of items of any collection and begin like this,
    /// as [`words::indexed`](crate::words::indexed) has them, with the number of items.
    fn known_words(&self, prefix: &str) -> Result<Vec<(String, u64)>>;

    /// The vectors of these items in a space, item by item in the order asked;
    /// of an item by part, then by caption. Items without one are left out.
    fn vectors(&self, pack: &str, space: &str, items: &[ItemId]) -> Result<Vec<ItemVector>>;

    /// Whether a space has a vector at all, which is known without counting them.
    fn has_vectors(&self, pack: &str, space: &str) -> Result<bool>;

    /// Build, renew or drop the index of each of the active pack's spaces, as
    /// the setting [`IndexChoice::SETTING`](crate::IndexChoice) and their
    /// sizes ask for; answers how many were written or dropped. Searches go on
    /// meanwhile, and are right without any.
    fn build_indexes(&self, observer: &dyn BuildObserver) -> Result<u64>;

    /// The index of each of the active pack's spaces.
    fn indexes(&self) -> Result<Vec<IndexInfo>>;

    /// Find and keep, for each space with an index, the least effort that
    /// finds this share of the true ten nearest, or the greatest where none does.
    fn tune(&self, recall: f64, observer: &dyn BuildObserver) -> Result<Vec<IndexInfo>>;

    /// What each vocabulary says that contents show, by a pack: in the order
    /// asked, of a content the pack's own first, the most probable first.
    /// Contents of which nothing is said are left out.
    fn tags(
        &self,
        pack: &str,
        contents: &[ContentHash],
    ) -> Result<Vec<(ContentHash, Vocabulary, Vec<Tag>)>>;

    /// Features of up to `limit` contents that items of this collection have,
    /// by rising hash, beginning after `after`; all parts of a content come together.
    fn features(
        &self,
        pack: &str,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<(ContentHash, Part, Vec<f32>)>>;

    /// All parts' features of one content.
    fn feature(&self, pack: &str, content: ContentHash) -> Result<Vec<(Part, Vec<f32>)>>;

    /// Skipped files, of one source or of all.
    fn failures(&self, source: Option<SourceId>) -> Result<Vec<Failure>>;

    /// A value kept under a key, for this collection.
    fn setting(&self, key: &str) -> Result<Option<String>>;

    /// Keys that begin with this, each with its value, in the order of the keys' bytes.
    fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>>;

    /// Keep a value under a key; `None` forgets it.
    fn set_setting(&self, key: &str, value: Option<&str>) -> Result<()>;

    /// Remove contents and phrases that no item of any collection uses;
    /// answers how many there were.
    fn sweep(&self) -> Result<u64>;

    /// Write the files anew, so that nothing that was removed stands in them
    /// any more: neither in free pages and logs nor in index files and past
    /// searches, which have to be made again. Slow: it writes everything.
    fn scrub(&self) -> Result<()>;

    /// Every text and every blob that is kept, of all collections.
    fn each_value(&self, visit: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// Look for damage and for what is missing. Slow: it reads everything.
    fn check(&self) -> Result<Vec<Problem>>;

    fn stats(&self) -> Result<Stats>;
}

/// What items are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Facet {
    Field(Field),
    /// As in `2023`: by metadata `taken`, or by the time of the file, in UTC, where there is none.
    Year,
    /// As in `2023-07`.
    Month,
}

/// How many items have which value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facets {
    /// Values, and the number of items that have each.
    pub counts: Vec<(Value, u64)>,
    /// Values there are, those beyond the limit included.
    pub n_values: u64,
    /// Items that match.
    pub n_items: u64,
    /// Of these the ones without a value.
    pub n_without: u64,
}

/// How items that match are put in order; equals by rising id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By the time of the camera (metadata `taken`), or of the file where there is none; the newest first.
    #[default]
    Newest,
    Oldest,
    /// By the last part of the path, letter case aside.
    Name,
}

/// A place in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub item: ItemId,
    /// What the order goes by, as text that is compared by its bytes.
    pub key: String,
}

/// A search for the nearest vectors.
#[derive(Clone, Copy, Debug)]
pub struct VectorQuery<'a> {
    /// Fingerprint; refused when the collection has no such pack.
    pub pack: &'a str,
    pub space: &'a str,
    /// Where the space goes by the cosine any length but zero: it is brought
    /// to unit length.
    pub vector: &'a [f32],
    pub top_k: usize,
    pub filter: &'a Filter,
    pub parts: Parts,
}

/// One thing that is looked for among what was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Ways to write it, any of which is enough: words that stand beside each
    /// other, as [`words::asked`](crate::words::asked) cuts them.
    pub any: Vec<Vec<String>>,
    /// 0 to 1: how much it counts to have found it.
    pub worth: f32,
}

/// An item that was found by what was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeywordHit {
    pub item: ItemId,
    /// How much of what is wanted stands there, 0 to 1; what few items have
    /// counts more.
    pub share: f32,
}

/// An item that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub item: ItemId,
    /// The higher the nearer, by the space's metric: the cosine (-1 to 1), the
    /// inner product, or minus the squared Euclidean distance; of a part less
    /// what the query takes from it.
    pub score: f32,
    /// The part that matched best.
    pub part: Part,
}
