//! Small records for the suite: everything is made from a number.

use std::path::Path;

use crate::{
    Batch, Caption, CaptionOrigin, Change, Color, Content, ContentHash, Database, ItemDraft,
    ItemId, Metadata, Metric, Operation, Owner, PackRecord, Part, Precision, Result, SourceId,
    SourceKind, SpaceRecord, SpaceSource,
};

/// Fingerprint of the pack that most cases use.
pub(super) const PACK: &str = "fingerprint-a";

/// A pack with spaces `image` and `caption` of 3 numbers and `visual` of its
/// features' 4.
pub fn pack(fingerprint: &str) -> PackRecord {
    let space = |name: &str, dim, source| SpaceRecord {
        name: name.to_owned(),
        dim,
        source,
        metric: Metric::Cosine,
        precision: Precision::Half,
    };
    PackRecord {
        name: "test".to_owned(),
        fingerprint: fingerprint.to_owned(),
        feature_dim: 4,
        spaces: vec![
            space("image", 3, SpaceSource::Stored),
            space("caption", 3, SpaceSource::Stored),
            space("visual", 4, SpaceSource::FromFeature),
        ],
    }
}

/// A pack without an encoder, whose one space keeps what it is given.
pub fn imported_pack(fingerprint: &str, dim: usize, metric: Metric) -> PackRecord {
    PackRecord {
        name: "imported".to_owned(),
        fingerprint: fingerprint.to_owned(),
        feature_dim: 0,
        spaces: vec![SpaceRecord {
            name: "image".to_owned(),
            dim,
            source: SpaceSource::Stored,
            metric,
            precision: Precision::Single,
        }],
    }
}

/// Everything that importing one row writes.
pub fn put_imported(draft: ItemDraft, n: u32, pack: &str, vector: Vec<f32>) -> Vec<Operation> {
    vec![
        Operation::PutContent(content(n)),
        Operation::PutVector {
            owner: Owner::Content(content(n).hash),
            pack: pack.to_owned(),
            space: "image".to_owned(),
            part: Part::WHOLE,
            vector,
        },
        Operation::PutItem(draft),
    ]
}

/// A content that differs from others in everything.
pub fn content(n: u32) -> Content {
    Content {
        hash: ContentHash::of(&n.to_le_bytes()),
        bytes: u64::from(n) + 100,
        width: 10 * n + 1,
        height: 1000 - n.min(999),
        format: if n.is_multiple_of(2) { "jpeg" } else { "png" }.to_owned(),
        phash: u64::MAX - u64::from(n),
        dhash: u64::from(n),
        hash_version: 1,
        colors: vec![Color {
            rgb: [n as u8, 255, 0],
            share: 0.75,
        }],
        color_version: 2,
        preview_version: 3,
    }
}

/// An item at `path` with the content of number `n`.
pub fn draft(source: SourceId, path: &[u8], n: u32) -> ItemDraft {
    ItemDraft {
        source,
        path: path.to_vec(),
        content: content(n).hash,
        size: u64::from(n) + 100,
        mtime_ns: 1_700_000_000_000_000_000 + i64::from(n) * 500_000_000,
        checked_ns: 1_800_000_000_000_000_000,
        metadata: Metadata::new(),
        captions: Vec::new(),
    }
}

pub(super) fn caption(text: &str) -> Caption {
    Caption {
        lang: Some("en".to_owned()),
        text: text.to_owned(),
        origin: CaptionOrigin::Sidecar,
    }
}

/// Direction number `n` of three numbers: all differ, none is zero.
pub(super) fn direction(n: u32) -> Vec<f32> {
    let angle = n as f32 * 0.37;
    vec![angle.cos(), angle.sin(), 0.2 + (n % 5) as f32 * 0.1]
}

pub(super) fn feature(n: u32) -> Vec<f32> {
    let mut feature = direction(n);
    feature.push(3.0);
    feature
}

pub(super) fn put_feature(hash: ContentHash, part: Part, feature: Vec<f32>) -> Operation {
    Operation::PutFeature {
        content: hash,
        pack: PACK.to_owned(),
        part,
        feature,
    }
}

pub(super) fn put_vector(owner: Owner, space: &str, part: Part, vector: Vec<f32>) -> Operation {
    let (pack, space) = (PACK.to_owned(), space.to_owned());
    Operation::PutVector {
        owner,
        pack,
        space,
        part,
        vector,
    }
}

/// Everything that indexing one file writes: content, feature, image vector,
/// caption vectors, item.
pub fn put_with_vectors(draft: ItemDraft, n: u32) -> Vec<Operation> {
    let hash = content(n).hash;
    let mut operations = vec![
        Operation::PutContent(content(n)),
        put_feature(hash, Part::WHOLE, feature(n)),
        put_vector(Owner::Content(hash), "image", Part::WHOLE, direction(n)),
    ];
    for caption in &draft.captions {
        let owner = Owner::Phrase(caption.text.clone());
        let vector = direction(caption.text.len() as u32);
        operations.push(put_vector(owner, "caption", Part::WHOLE, vector));
    }
    operations.push(Operation::PutItem(draft));
    operations
}

/// A collection with the pack and one source.
pub(super) fn prepared(database: &dyn Database) -> Result<SourceId> {
    database.register_pack(&pack(PACK))?;
    database.source(SourceKind::Root, Path::new("/pictures"))
}

/// Index items with these paths; number `n` has content `n`.
pub(super) fn fill(
    database: &dyn Database,
    source: SourceId,
    paths: &[&str],
) -> Result<Vec<ItemId>> {
    let mut batch = Batch::new();
    for (n, path) in paths.iter().enumerate() {
        let draft = draft(source, path.as_bytes(), n as u32);
        batch.operations.extend(put_with_vectors(draft, n as u32));
    }
    database.write(&batch)?;
    paths
        .iter()
        .map(|path| id_at(database, source, path))
        .collect()
}

/// The id of the item that must be at this path.
pub(super) fn id_at(database: &dyn Database, source: SourceId, path: &str) -> Result<ItemId> {
    let id = database.find(source, path.as_bytes())?;
    Ok(id.unwrap_or_else(|| panic!("no item at {path}")))
}

pub(super) fn write(database: &dyn Database, operations: Vec<Operation>) -> Result<Change> {
    database.write(&Batch::from(operations))
}
