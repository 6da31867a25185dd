//! The records that go in and come out: plain data without behaviour. How
//! they lie on disk is `embedded/schema.sql`.
//!
//! A flat list of types, long because there are many.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fovea_index::Metric;

use crate::batch::Caption;
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::paths::path_from_bytes;

/// An item's metadata: each key has one or more values, in order.
pub type Metadata = BTreeMap<String, Vec<Value>>;

/// One value. Numbers compare with numbers whatever their kind, texts with
/// texts by their bytes. NaN is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Integer(i64),
    Real(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(number)
    }
}

/// A pack as the database knows it: what decides whether vectors may be
/// compared, and how long they are. Imported vectors have one too, without an
/// encoder: nothing here can make more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRecord {
    pub name: String,
    /// Names pack and alignment; vectors of another one are never compared.
    pub fingerprint: String,
    /// Numbers of a feature; 0 where there is no encoder and so no feature.
    pub feature_dim: usize,
    pub spaces: Vec<SpaceRecord>,
}

impl PackRecord {
    /// Whether an encoder made its vectors, and can make others of words and
    /// images.
    pub fn has_encoder(&self) -> bool {
        self.feature_dim > 0
    }

    /// The space of this name.
    pub fn space(&self, name: &str) -> Option<&SpaceRecord> {
        self.spaces.iter().find(|space| space.name == name)
    }
}

/// A named vector space of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceRecord {
    pub name: String,
    pub dim: usize,
    pub source: SpaceSource,
    /// How its vectors are compared; cosine brings them to unit length.
    pub metric: Metric,
    pub precision: Precision,
}

/// How exactly a space keeps its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 16 bits: three decimal digits, enough for what an encoder makes, in
    /// half the memory. For cosine alone, where numbers are small.
    Half,
    /// 32 bits: every number as it came.
    Single,
}

/// Where a space's vectors come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceSource {
    /// They are put, and kept as rows.
    Stored,
    /// They are the kept features at unit length, and never stored twice.
    FromFeature,
}

/// What kind of place items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A folder that is scanned.
    Root,
    /// Files handed in one by one.
    Upload,
    /// A file of vectors; its items are rows, and their paths names.
    Import,
}

/// A source of the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    pub id: SourceId,
    pub kind: SourceKind,
    pub root: PathBuf,
    /// False while the root cannot be reached; its items stay.
    pub online: bool,
    /// When a scan last came to its end, in nanoseconds since 1970.
    pub last_scan_ns: Option<i64>,
    pub n_items: u64,
}

/// One of an image's dominant colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    pub rgb: [u8; 3],
    /// Share of the image, 0 to 1.
    pub share: f32,
}

/// What is known of one file's bytes, whichever items have them.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub hash: ContentHash,
    /// Length of the file.
    pub bytes: u64,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    /// Lower case, as in `jpeg`.
    pub format: String,
    pub phash: u64,
    pub dhash: u64,
    pub hash_version: u32,
    pub colors: Vec<Color>,
    pub color_version: u32,
    /// Version of the preview that was made, 0 for none.
    pub preview_version: u32,
}

/// A word for what an image shows, by an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub name: String,
    /// Above 0 and up to 1.
    pub probability: f32,
}

/// Where the names of tags come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// The pack's own.
    Pack,
    /// A list that a person gave this collection.
    Collection,
}

/// A part of an image with a vector of its own. `index` tells parts of one
/// content apart; 0 is by custom the whole image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    pub index: u32,
    pub region: Option<Region>,
}

impl Part {
    /// The whole image.
    pub const WHOLE: Part = Part {
        index: 0,
        region: None,
    };
}

/// Which parts of an image count, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parts {
    /// The whole alone: rows of part 0.
    Whole,
    /// All of them. The score of a part other than the whole is less by this,
    /// 0 or more: of many parts one is near to a query by chance.
    Less(f32),
}

impl Default for Parts {
    fn default() -> Parts {
        Parts::Less(0.0)
    }
}

/// A box, in fractions (0 to 1) of the upright image's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

/// An item to be put.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemDraft {
    pub source: SourceId,
    /// Relative to the source's root, `/` between names, any bytes; of an
    /// import any name but none.
    pub path: Vec<u8>,
    pub content: ContentHash,
    pub size: u64,
    pub mtime_ns: i64,
    /// When the file was looked at, so that a change within the same tick of
    /// the file system's clock is not missed.
    pub checked_ns: i64,
    pub metadata: Metadata,
    pub captions: Vec<Caption>,
}

/// An item as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: ItemId,
    pub source: SourceId,
    pub source_kind: SourceKind,
    /// Root of the source.
    pub root: PathBuf,
    /// False while the root cannot be reached.
    pub online: bool,
    /// Relative to `root`; of an import a name.
    pub path: Vec<u8>,
    pub content: Content,
    pub size: u64,
    pub mtime_ns: i64,
    pub checked_ns: i64,
    pub added_ns: i64,
    /// The write that last changed the item.
    pub change: Change,
    pub metadata: Metadata,
    pub captions: Vec<Caption>,
    /// What the active pack sees in it, the most probable first.
    pub tags: Vec<Tag>,
}

impl Item {
    /// Root and relative path together. A row of an import is called by the
    /// name that its file gives, or else the file and `#` with an id or row.
    pub fn absolute(&self) -> PathBuf {
        match (self.source_kind, self.path.first()) {
            (SourceKind::Import, Some(b'#')) => {
                let mut name = self.root.clone().into_os_string();
                name.push(path_from_bytes(&self.path));
                name.into()
            }
            (SourceKind::Import, _) => path_from_bytes(&self.path),
            (SourceKind::Root | SourceKind::Upload, _) => {
                self.root.join(path_from_bytes(&self.path))
            }
        }
    }
}

/// A vector of an item in some space.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemVector {
    pub item: ItemId,
    pub part: Part,
    /// The caption that it is of, where it is not of the content.
    pub caption: Option<String>,
    /// As it is compared: at unit length where the space goes by the cosine.
    pub vector: Vec<f32>,
}

/// What a scan compares with the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    pub item: ItemId,
    pub path: Vec<u8>,
    pub size: u64,
    pub mtime_ns: i64,
    pub checked_ns: i64,
    pub content: ContentHash,
}

/// What is already there of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentState {
    pub hash: ContentHash,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    /// Whether the whole image's feature of the asked pack is kept.
    pub has_feature: bool,
    /// Features of the asked pack that are of parts.
    pub n_parts: u32,
    /// The highest index of such a part; 0 without any.
    pub last_part: u32,
    pub hash_version: u32,
    pub color_version: u32,
    pub preview_version: u32,
}

/// A file that was skipped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub source: SourceId,
    pub path: Vec<u8>,
    /// A word to group by, as in `truncated`.
    pub kind: String,
    /// The line for a person.
    pub reason: String,
    pub size: u64,
    pub mtime_ns: i64,
    /// When it was found, in nanoseconds since 1970.
    pub at_ns: i64,
}

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// As in `embedded`.
    pub engine: String,
    pub schema_version: i64,
    pub collection: String,
    pub collections: Vec<String>,
    pub change: Change,
    pub n_items: u64,
    pub writable: bool,
}

/// How much is kept. Contents, phrases and bytes are of the whole database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub n_items: u64,
    /// Distinct contents of this collection's items.
    pub n_contents: u64,
    pub n_captions: u64,
    /// Features of the active pack that are of parts, and how many contents
    /// have some.
    pub n_parts: u64,
    pub n_contents_with_parts: u64,
    /// Captions by language; `None` for those without one.
    pub captions_by_lang: BTreeMap<Option<String>, u64>,
    /// Items by format.
    pub by_format: BTreeMap<String, u64>,
    /// Failures by kind.
    pub failures_by_kind: BTreeMap<String, u64>,
    pub n_offline: u64,
    /// Sum of the items' sizes.
    pub source_bytes: u64,
    /// Of the whole database.
    pub database_bytes: u64,
    pub spaces: Vec<SpaceCount>,
}

/// Vectors of one space of one of the collection's packs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceCount {
    pub pack: String,
    pub space: String,
    pub n_vectors: u64,
}

/// Something `check` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// A line for a person: what, where, what to do.
    pub message: String,
}

/// What kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file's own structure is damaged.
    Structure,
    /// A row refers to one that is not there.
    Dangling,
    /// A vector or feature has the wrong length, or does not match its checksum.
    Vector,
    /// Kept text or numbers do not match their checksum.
    Record,
    /// An item's content has no feature of the active pack, or some parts of it
    /// have none.
    MissingFeature,
    /// An item's content or caption has no vector in a stored space.
    MissingVector,
    /// An index file is not what was written; searches do without it.
    Index,
}
