//! SYNTHETIC items with vectors that lie as those of pictures do, the same in every engine.

use fovea_vectordb::exchange::Matrix;
use fovea_vectordb::{
    Batch, Content, ContentHash, Database, ItemDraft, Metadata, Metric, Operation, Owner,
    PackRecord, Part, Precision, SourceId, SourceKind, SourceRecord, SpaceRecord, SpaceSource,
};

use crate::bench_ann::Drawn;

pub(super) const SPACE: &str = "image";
/// The same in both engines, so that items have the same ids.
const SOURCE: SourceId = SourceId(1);

pub(super) struct Data {
    pub(super) pack: PackRecord,
    pub(super) base: Matrix,
    pub(super) queries: Matrix,
}

impl Data {
    pub(super) fn draw(n_items: usize, n_queries: usize) -> Data {
        let drawn = Drawn::new();
        let rows = |from: usize, n: usize| -> Matrix {
            let numbers = (from..from + n).flat_map(|row| drawn.vector(row as u64));
            Matrix {
                dim: Drawn::DIM,
                numbers: numbers.collect(),
            }
        };
        Data {
            pack: PackRecord {
                name: "synthetic".to_owned(),
                // A run's own, so that no rows of another lie among those that are searched.
                fingerprint: format!("bench-{}-{}", std::process::id(), n_items),
                feature_dim: 0,
                spaces: vec![SpaceRecord {
                    name: SPACE.to_owned(),
                    dim: Drawn::DIM,
                    source: SpaceSource::Stored,
                    metric: Metric::Cosine,
                    precision: Precision::Half,
                }],
            },
            base: rows(0, n_items),
            queries: rows(n_items, n_queries),
        }
    }

    /// A collection that its items may be written to.
    pub(super) fn prepare(&self, database: &dyn Database) -> anyhow::Result<()> {
        database.register_pack(&self.pack)?;
        database.adopt_source(&SourceRecord {
            id: SOURCE,
            kind: SourceKind::Import,
            root: "/synthetic".into(),
            online: true,
            last_scan_ns: None,
            n_items: 0,
        })?;
        Ok(())
    }

    /// What importing rows from a place on writes.
    pub(super) fn batch(&self, from: usize, most: usize) -> Batch {
        let to = (from + most).min(self.base.rows());
        (from..to).flat_map(|row| self.item(row)).collect()
    }

    fn item(&self, row: usize) -> [Operation; 3] {
        let hash = ContentHash::of(&(row as u64).to_le_bytes());
        let content = Content {
            hash,
            bytes: 100_000,
            width: 640,
            height: 480,
            format: "jpeg".to_owned(),
            phash: row as u64,
            dhash: row as u64,
            hash_version: 1,
            colors: Vec::new(),
            color_version: 1,
            preview_version: 1,
        };
        let draft = ItemDraft {
            source: SOURCE,
            path: format!("trip/{row:08}.jpg").into_bytes(),
            content: hash,
            size: 100_000,
            mtime_ns: 1_700_000_000_000_000_000,
            checked_ns: 1_700_000_000_000_000_000,
            metadata: Metadata::new(),
            captions: Vec::new(),
        };
        let vector = Operation::PutVector {
            owner: Owner::Content(hash),
            pack: self.pack.fingerprint.clone(),
            space: SPACE.to_owned(),
            part: Part::WHOLE,
            vector: self.base.row(row).to_vec(),
        };
        [
            Operation::PutContent(content),
            vector,
            Operation::PutItem(draft),
        ]
    }
}
