//! Prints how fast the embedded database writes and searches on this machine:
//! `cargo run --release -p fovea-vectordb --example search_bench [ITEMS]`
//! (10,000 without a number). Vectors are random: speed does not depend on them.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Comparison, Content, ContentHash, Database, Embedded, Filter,
    ItemDraft, Metadata, Metric, OpenMode, Operation, Owner, PackRecord, Part, Parts, Precision,
    SourceId, SourceKind, SpaceRecord, SpaceSource, VectorQuery,
};

const PACK: &str = "bench";
const FEATURE_DIM: usize = 1280;
const SHARED_DIM: usize = 512;
const BATCH: u32 = 200;
const SEARCHES: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let n_items = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    println!(
        "{n_items} items: feature {FEATURE_DIM}, image {SHARED_DIM}, caption {SHARED_DIM}; kernels {}",
        fovea_index::kernels::name()
    );
    let db = Embedded::open(folder.path(), "bench", OpenMode::Create)?;
    db.register_pack(&pack())?;
    let source = db.source(SourceKind::Root, Path::new("/bench"))?;
    fill(&db, source, n_items)?;
    let bytes = db.stats()?.database_bytes;
    println!("file: {} bytes per item", bytes / u64::from(n_items.max(1)));
    drop(db);

    let begun = Instant::now();
    let db = Embedded::open(folder.path(), "bench", OpenMode::ReadWrite)?;
    println!("open: {}", ms(begun.elapsed()));
    for space in ["image", "caption", "visual"] {
        searches(&db, space, "all", &Filter::All)?;
    }
    searches(
        &db,
        "image",
        "iso < 100 (1 in 16)",
        &Filter::compare("iso", Comparison::Lt, 100),
    )?;
    let begun = Instant::now();
    let states = db.file_states(source)?;
    println!(
        "file states: {} for {} rows",
        ms(begun.elapsed()),
        states.len()
    );
    follow(&db, source, n_items)?;
    Ok(())
}

fn pack() -> PackRecord {
    let space = |name: &str, dim, source| SpaceRecord {
        name: name.to_owned(),
        dim,
        source,
        metric: Metric::Cosine,
        precision: Precision::Half,
    };
    PackRecord {
        name: "bench".to_owned(),
        fingerprint: PACK.to_owned(),
        feature_dim: FEATURE_DIM,
        spaces: vec![
            space("image", SHARED_DIM, SpaceSource::Stored),
            space("caption", SHARED_DIM, SpaceSource::Stored),
            space("visual", FEATURE_DIM, SpaceSource::FromFeature),
        ],
    }
}

/// Marsaglia's xorshift, so that every run has the same vectors.
struct Random(u64);

impl Random {
    fn vector(&mut self, dim: usize) -> Vec<f32> {
        let mut number = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        (0..dim).map(|_| number()).collect()
    }
}

/// All that indexing one image writes.
fn image(source: SourceId, n: u32) -> Vec<Operation> {
    let mut random = Random(u64::from(n) + 1);
    let hash = ContentHash::of(&n.to_le_bytes());
    let pack = || PACK.to_owned();
    let vector = |owner, space: &str, vector| Operation::PutVector {
        owner,
        pack: pack(),
        space: space.to_owned(),
        part: Part::WHOLE,
        vector,
    };
    let text = format!("a caption of picture {n}");
    let mut metadata = Metadata::new();
    metadata.insert("camera".to_owned(), vec!["Leica M6".into()]);
    metadata.insert("iso".to_owned(), vec![i64::from(n % 1600).into()]);
    metadata.insert("taken".to_owned(), vec!["2026-11-22T10:00:00".into()]);
    metadata.insert("gps".to_owned(), vec![51.5.into(), (-0.1).into()]);
    vec![
        Operation::PutContent(Content {
            hash,
            bytes: 300_000,
            width: 1600,
            height: 1200,
            format: "jpeg".to_owned(),
            phash: u64::from(n),
            dhash: u64::from(n),
            hash_version: 1,
            colors: Vec::new(),
            color_version: 1,
            preview_version: 1,
        }),
        Operation::PutFeature {
            content: hash,
            pack: pack(),
            part: Part::WHOLE,
            feature: random.vector(FEATURE_DIM),
        },
        vector(Owner::Content(hash), "image", random.vector(SHARED_DIM)),
        vector(
            Owner::Phrase(text.clone()),
            "caption",
            random.vector(SHARED_DIM),
        ),
        Operation::PutItem(ItemDraft {
            source,
            path: format!("folder {}/picture {n}.jpg", n / 1000).into_bytes(),
            content: hash,
            size: 300_000,
            mtime_ns: i64::from(n),
            checked_ns: 0,
            metadata,
            captions: vec![Caption {
                lang: None,
                text,
                origin: CaptionOrigin::Sidecar,
            }],
        }),
    ]
}

fn fill(db: &Embedded, source: SourceId, n_items: u32) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for first in (0..n_items).step_by(BATCH as usize) {
        let batch: Batch = (first..n_items.min(first + BATCH))
            .flat_map(|n| image(source, n))
            .collect();
        let begun = Instant::now();
        db.write(&batch)?;
        times.push(begun.elapsed());
    }
    let total: Duration = times.iter().sum();
    println!(
        "write: {:.0} items/s in batches of {BATCH}, each durable; batch p50 {} p99 {}",
        f64::from(n_items) / total.as_secs_f64(),
        ms(percentile(&mut times, 0.5)),
        ms(percentile(&mut times, 0.99)),
    );
    Ok(())
}

fn searches(
    db: &Embedded,
    space: &str,
    about: &str,
    filter: &Filter,
) -> Result<(), Box<dyn Error>> {
    let dim = if space == "visual" {
        FEATURE_DIM
    } else {
        SHARED_DIM
    };
    let mut random = Random(42);
    let mut times = Vec::new();
    for _ in 0..=SEARCHES {
        let vector = &random.vector(dim);
        let begun = Instant::now();
        let hits = db.search(&VectorQuery {
            pack: PACK,
            space,
            vector,
            top_k: 20,
            filter,
            parts: Parts::default(),
        })?;
        times.push(begun.elapsed());
        assert!(!hits.is_empty());
    }
    let first = times.remove(0);
    println!(
        "search {space}, {about}: first {}, then p50 {} p99 {}",
        ms(first),
        ms(percentile(&mut times, 0.5)),
        ms(percentile(&mut times, 0.99)),
    );
    Ok(())
}

/// What the first search after a batch costs.
fn follow(db: &Embedded, source: SourceId, n_items: u32) -> Result<(), Box<dyn Error>> {
    let batch: Batch = (n_items..n_items + BATCH)
        .flat_map(|n| image(source, n))
        .collect();
    db.write(&batch)?;
    let vector = &Random(7).vector(SHARED_DIM);
    let query = VectorQuery {
        pack: PACK,
        space: "image",
        vector,
        top_k: 20,
        filter: &Filter::All,
        parts: Parts::default(),
    };
    let begun = Instant::now();
    db.search(&query)?;
    println!(
        "first search after {BATCH} more items: {}",
        ms(begun.elapsed())
    );
    Ok(())
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times[at]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
