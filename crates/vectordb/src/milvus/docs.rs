//! What is kept of each thing, as JSON: how records lie in Milvus. Names are short because there are many; a field that
//! is not known is passed over, so that a later Fovea may add some.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::batch::{Caption, CaptionOrigin};
use crate::ids::ContentHash;
use crate::ids::SourceId;
use crate::records::{
    Color, Content, Failure, Metadata, PackRecord, Precision, SourceKind, SpaceRecord, SpaceSource,
    Value,
};

/// What a record is of, and its name among those of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    Library,
    Collection(String),
    /// By fingerprint.
    Pack(String),
    Source(i64),
    Setting(String, String),
    Failure(i64, Vec<u8>),
    Content([u8; 32]),
    /// By the hash of its text.
    Phrase([u8; 32]),
    Item(i64),
    /// That an item has a caption of this text, by its hash.
    Said([u8; 32], i64),
    /// A key of the metadata that some item has or had.
    Metadata(String),
}

impl Key {
    /// The row's key, the same in every process. Rows of items are in the order of their ids, those of contents in that of
    /// their hashes, so that they can be read in pages.
    pub(super) fn row(&self, library: &str) -> String {
        match self {
            Key::Item(id) => format!("{library}i{id:020}"),
            Key::Content(hash) => format!("{library}w{}", ContentHash(*hash)),
            Key::Phrase(hash) => format!("{library}t{}", ContentHash(*hash)),
            _ => {
                let text = serde_json::to_vec(self).unwrap_or_default();
                let hash = blake3::hash(&text).to_hex();
                format!("{library}{:.40}", hash.as_str())
            }
        }
    }

    /// A number for each kind, so that a table can be read kind by kind.
    pub(super) fn kind(&self) -> i64 {
        match self {
            Key::Library => 1,
            Key::Collection(_) => 2,
            Key::Pack(_) => 3,
            Key::Source(_) => 4,
            Key::Setting(..) => 5,
            Key::Failure(..) => FAILURE,
            Key::Content(_) => CONTENT,
            Key::Phrase(_) => PHRASE,
            Key::Item(_) => ITEM,
            Key::Said(..) => 10,
            Key::Metadata(_) => METADATA_KEY,
        }
    }

    /// Whether it is of the few records that every process keeps in memory.
    pub(super) fn is_setting(&self) -> bool {
        self.kind() <= 5
    }
}

/// Kinds of rows that are asked for by their kind.
pub(super) const FAILURE: i64 = 6;
pub(super) const CONTENT: i64 = 7;
pub(super) const PHRASE: i64 = 8;
pub(super) const ITEM: i64 = 9;
pub(super) const METADATA_KEY: i64 = 11;

/// A record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Doc {
    /// Version of how records lie.
    Library {
        schema: i64,
    },
    Collection(CollectionDoc),
    Pack(PackDoc),
    Source(SourceDoc),
    Setting(String),
    Failure(FailureDoc),
    Content(ContentDoc),
    Phrase(PhraseDoc),
    Item(ItemDoc),
    Said,
    Metadata,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CollectionDoc {
    /// Fingerprints, in order of registration.
    pub(super) packs: Vec<String>,
    pub(super) active: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PackDoc {
    name: String,
    feature_dim: usize,
    spaces: Vec<SpaceDoc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SpaceDoc {
    name: String,
    dim: usize,
    from_feature: bool,
    metric: String,
    bits: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SourceDoc {
    pub(super) collection: String,
    kind: u8,
    #[serde(with = "bytes")]
    pub(super) root: Vec<u8>,
    pub(super) online: bool,
    pub(super) scanned_ns: Option<i64>,
    /// Sources are listed in the order in which they were made.
    pub(super) made_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FailureDoc {
    kind: String,
    reason: String,
    size: u64,
    mtime_ns: i64,
    at_ns: i64,
}

/// A content, what is seen in it, and which vectors there are of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ContentDoc {
    bytes: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: String,
    phash: u64,
    dhash: u64,
    hash_version: u32,
    colors: Vec<([u8; 3], f32)>,
    color_version: u32,
    preview_version: u32,
    #[serde(default)]
    pub(super) tags: Vec<TagDoc>,
    #[serde(default)]
    pub(super) have: Have,
}

/// Indexes of the parts that have a vector, by space.
pub(super) type Have = BTreeMap<String, Vec<u32>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TagDoc {
    pub(super) pack: String,
    /// None where it is a word of the pack.
    pub(super) collection: Option<String>,
    pub(super) name: String,
    pub(super) probability: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PhraseDoc {
    pub(super) text: String,
    pub(super) have: Have,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ItemDoc {
    pub(super) collection: String,
    pub(super) source: i64,
    #[serde(with = "bytes")]
    pub(super) path: Vec<u8>,
    #[serde(with = "bytes")]
    content: Vec<u8>,
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    pub(super) checked_ns: i64,
    pub(super) added_ns: i64,
    pub(super) change: u64,
    metadata: BTreeMap<String, Vec<ValueDoc>>,
    captions: Vec<CaptionDoc>,
    /// The words it is found by, cut when they are first asked for.
    #[serde(skip)]
    pub(super) words: OnceLock<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ValueDoc {
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "i")]
    Integer(i64),
    /// By its bits: JSON has no infinity.
    #[serde(rename = "r")]
    Real(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CaptionDoc {
    lang: Option<String>,
    text: String,
    origin: u8,
}

impl PackDoc {
    pub(super) fn of(pack: &PackRecord) -> PackDoc {
        let space = |space: &SpaceRecord| SpaceDoc {
            name: space.name.clone(),
            dim: space.dim,
            from_feature: space.source == SpaceSource::FromFeature,
            metric: space.metric.name().to_owned(),
            bits: if space.precision == Precision::Half {
                16
            } else {
                32
            },
        };
        PackDoc {
            name: pack.name.clone(),
            feature_dim: pack.feature_dim,
            spaces: pack.spaces.iter().map(space).collect(),
        }
    }

    pub(super) fn record(&self, fingerprint: &str) -> PackRecord {
        let space = |space: &SpaceDoc| SpaceRecord {
            name: space.name.clone(),
            dim: space.dim,
            source: if space.from_feature {
                SpaceSource::FromFeature
            } else {
                SpaceSource::Stored
            },
            metric: space.metric.parse().unwrap_or_default(),
            precision: if space.bits == 16 {
                Precision::Half
            } else {
                Precision::Single
            },
        };
        PackRecord {
            name: self.name.clone(),
            fingerprint: fingerprint.to_owned(),
            feature_dim: self.feature_dim,
            spaces: self.spaces.iter().map(space).collect(),
        }
    }
}

impl SourceDoc {
    /// By what it is, so that two processes that make it at once make the same.
    pub(super) fn id(collection: &str, kind: SourceKind, root: &[u8]) -> i64 {
        let name = format!("{collection:?} {} {root:?}", kind_code(kind));
        let hash = blake3::hash(name.as_bytes());
        let mut first = [0; 8];
        // 48 bits: a number that JSON readers of any kind keep whole.
        first[..6].copy_from_slice(&hash.as_bytes()[..6]);
        i64::from_le_bytes(first)
    }

    pub(super) fn new(
        collection: &str,
        kind: SourceKind,
        root: Vec<u8>,
        made_ns: i64,
    ) -> SourceDoc {
        SourceDoc {
            collection: collection.to_owned(),
            kind: kind_code(kind),
            root,
            online: true,
            scanned_ns: None,
            made_ns,
        }
    }

    pub(super) fn kind(&self) -> SourceKind {
        match self.kind {
            0 => SourceKind::Root,
            1 => SourceKind::Upload,
            _ => SourceKind::Import,
        }
    }
}

fn kind_code(kind: SourceKind) -> u8 {
    match kind {
        SourceKind::Root => 0,
        SourceKind::Upload => 1,
        SourceKind::Import => 2,
    }
}

impl FailureDoc {
    pub(super) fn of(failure: &Failure) -> FailureDoc {
        FailureDoc {
            kind: failure.kind.clone(),
            reason: failure.reason.clone(),
            size: failure.size,
            mtime_ns: failure.mtime_ns,
            at_ns: failure.at_ns,
        }
    }

    pub(super) fn record(&self, source: i64, path: &[u8]) -> Failure {
        Failure {
            source: SourceId(source),
            path: path.to_vec(),
            kind: self.kind.clone(),
            reason: self.reason.clone(),
            size: self.size,
            mtime_ns: self.mtime_ns,
            at_ns: self.at_ns,
        }
    }
}

impl ContentDoc {
    pub(super) fn of(content: &Content) -> ContentDoc {
        ContentDoc {
            bytes: content.bytes,
            width: content.width,
            height: content.height,
            format: content.format.clone(),
            phash: content.phash,
            dhash: content.dhash,
            hash_version: content.hash_version,
            colors: content
                .colors
                .iter()
                .map(|color| (color.rgb, color.share))
                .collect(),
            color_version: content.color_version,
            preview_version: content.preview_version,
            tags: Vec::new(),
            have: Have::new(),
        }
    }

    /// The same content with what is known of it anew; what is seen in it and its vectors stay.
    pub(super) fn renewed(&self, content: &Content) -> ContentDoc {
        ContentDoc {
            tags: self.tags.clone(),
            have: self.have.clone(),
            ..ContentDoc::of(content)
        }
    }

    /// Whether filters see the same in both.
    pub(super) fn looks_like(&self, other: &ContentDoc) -> bool {
        let seen = |doc: &ContentDoc| {
            (
                doc.width,
                doc.height,
                doc.format.clone(),
                doc.colors.clone(),
            )
        };
        seen(self) == seen(other)
    }

    pub(super) fn colors(&self) -> Vec<Color> {
        let color = |&(rgb, share): &([u8; 3], f32)| Color { rgb, share };
        self.colors.iter().map(color).collect()
    }

    pub(super) fn record(&self, hash: ContentHash) -> Content {
        Content {
            hash,
            bytes: self.bytes,
            width: self.width,
            height: self.height,
            format: self.format.clone(),
            phash: self.phash,
            dhash: self.dhash,
            hash_version: self.hash_version,
            colors: self.colors(),
            color_version: self.color_version,
            preview_version: self.preview_version,
        }
    }
}

impl ItemDoc {
    /// An item of this collection, with the times and content of a draft.
    pub(super) fn of(
        collection: &str,
        draft: &crate::records::ItemDraft,
        added_ns: i64,
        change: u64,
    ) -> ItemDoc {
        let mut doc = ItemDoc {
            collection: collection.to_owned(),
            source: draft.source.0,
            path: draft.path.clone(),
            content: draft.content.0.to_vec(),
            size: draft.size,
            mtime_ns: draft.mtime_ns,
            checked_ns: draft.checked_ns,
            added_ns,
            change,
            metadata: BTreeMap::new(),
            captions: Vec::new(),
            words: OnceLock::new(),
        };
        let value = |value: &Value| match value {
            Value::Text(text) => ValueDoc::Text(text.clone()),
            Value::Integer(number) => ValueDoc::Integer(*number),
            Value::Real(number) => ValueDoc::Real(number.to_bits()),
        };
        // A key without values is as if it were not there.
        let kept = draft
            .metadata
            .iter()
            .filter(|(_, values)| !values.is_empty());
        doc.metadata = kept
            .map(|(key, values)| (key.clone(), values.iter().map(value).collect()))
            .collect();
        doc.say(&draft.captions);
        doc
    }

    /// Other captions.
    pub(super) fn say(&mut self, captions: &[Caption]) {
        let caption = |caption: &Caption| CaptionDoc {
            lang: caption.lang.clone(),
            text: caption.text.clone(),
            origin: match caption.origin {
                CaptionOrigin::Sidecar => 0,
                CaptionOrigin::File => 1,
                CaptionOrigin::Embedded => 2,
            },
        };
        self.captions = captions.iter().map(caption).collect();
        self.words = OnceLock::new();
    }

    pub(super) fn content(&self) -> ContentHash {
        ContentHash(self.content.as_slice().try_into().unwrap_or_default())
    }

    /// Texts of the captions, with the language of those that say theirs.
    pub(super) fn said(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.captions
            .iter()
            .map(|caption| (caption.text.as_str(), caption.lang.as_deref()))
    }

    pub(super) fn captions(&self) -> Vec<Caption> {
        let caption = |caption: &CaptionDoc| Caption {
            lang: caption.lang.clone(),
            text: caption.text.clone(),
            origin: match caption.origin {
                0 => CaptionOrigin::Sidecar,
                1 => CaptionOrigin::File,
                _ => CaptionOrigin::Embedded,
            },
        };
        self.captions.iter().map(caption).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.metadata.keys()
    }

    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = Value> {
        self.metadata
            .get(key)
            .into_iter()
            .flatten()
            .map(ValueDoc::value)
    }

    pub(super) fn metadata(&self) -> Metadata {
        let values = |values: &Vec<ValueDoc>| values.iter().map(ValueDoc::value).collect();
        self.metadata
            .iter()
            .map(|(key, all)| (key.clone(), values(all)))
            .collect()
    }
}

impl ValueDoc {
    fn value(&self) -> Value {
        match self {
            ValueDoc::Text(text) => Value::Text(text.clone()),
            ValueDoc::Integer(number) => Value::Integer(*number),
            ValueDoc::Real(bits) => Value::Real(f64::from_bits(*bits)),
        }
    }
}

/// Bytes as base64.
mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD_NO_PAD
            .decode(text)
            .map_err(serde::de::Error::custom)
    }
}
