//! `fovea bench migrate`: how long a collection takes to come to another pack, from the features that are kept.
//!
//! The collection is synthetic, its features are not: each is a mixture of two of the collection of the settings, so that
//! vectors and tags are such as pictures have. It comes from the base pack without its trained alignment to the one with it.

use std::path::Path;
use std::sync::Arc;

use fovea_encode::models::BASE;
use fovea_engine::{Engine, Kept, MigrateFrom, Silent, pack_record};
use fovea_vectordb::{
    Batch, Content, ContentHash, Database, Embedded, ItemDraft, Metadata, OpenMode, Operation,
    Owner, Part, SourceId, SourceKind,
};

use crate::bench_ann::{Bar, mixed};
use crate::exit::Refusal;
use crate::settings::Settings;

/// Features that are mixed, at most.
const SEEDS: usize = 20_000;
/// Share of the one of the two.
const SHARE: f32 = 0.7;
/// Items of one write.
const BATCH: u64 = 1_000;
/// What is promised, in seconds.
const SECONDS: f64 = 20.0;
const OF: f64 = 100_000.0;

pub fn measure(settings: &Settings, n_items: u64, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let seeds = seeds(settings)?;
    let (from, to) = (
        settings.open_pack(BASE)?.conse_alone()?,
        settings.open_pack(BASE)?,
    );
    let scratch = tempfile::tempdir()?;
    let scratch = Settings {
        folder: scratch.path().join("db"),
        server: None,
        ..settings.clone()
    };
    let database = Embedded::open(&scratch.folder, &scratch.collection, OpenMode::Create)?;
    let database: Arc<dyn Database> = Arc::new(database);
    let from = scratch.join(Arc::clone(&database), from);
    say("writing a collection");
    fill(&from, &seeds, n_items)?;
    let to = scratch.join(database, to);
    say("moving it");
    let fingerprint = &from.encoder().spec().fingerprint;
    let kept = MigrateFrom {
        fingerprint,
        engine: Some(&from),
        kept: Kept::Features,
        reads_alike: true,
    };
    let done = to.migrate(kept, false, &Silent)?;
    if !done.is_moved || done.n_from_features != n_items {
        anyhow::bail!("{} of {n_items} pictures came along", done.n_from_features);
    }
    let what = format!("moving {n_items} pictures to another pack");
    let must = SECONDS * n_items as f64 / OF;
    let took = done.elapsed.as_secs_f64();
    Ok(vec![Bar::at_most(what, took, " s", must)])
}

/// Features of whole pictures of the collection of the settings.
fn seeds(settings: &Settings) -> anyhow::Result<Vec<Vec<f32>>> {
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let active = database.active_pack()?;
    let pack = active.filter(|pack| pack.name == BASE).ok_or_else(|| {
        Refusal::input(
            "the features of a collection with the pack base are needed: index some pictures first",
        )
    })?;
    let page = database
        .features(&pack.fingerprint, None, SEEDS)?
        .into_iter();
    let whole = page.filter(|(_, part, _)| *part == Part::WHOLE);
    let seeds: Vec<Vec<f32>> = whole.map(|(_, _, feature)| feature).collect();
    match seeds.len() {
        0 | 1 => Err(Refusal::input("two pictures at least are needed; index some first").into()),
        _ => Ok(seeds),
    }
}

/// So many items with features and vectors of the engine's pack, which is the active one then.
fn fill(engine: &Engine, seeds: &[Vec<f32>], n_items: u64) -> anyhow::Result<()> {
    let database = engine.database();
    let spec = engine.encoder().spec();
    database.register_pack(&pack_record(engine.encoder()))?;
    database.activate_pack(&spec.fingerprint)?;
    let source = database.source(SourceKind::Root, Path::new("/synthetic"))?;
    for start in (0..n_items).step_by(BATCH as usize) {
        let numbers = start..n_items.min(start + BATCH);
        let features: Vec<Vec<f32>> = numbers.clone().map(|n| feature(seeds, n)).collect();
        let borrowed: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
        let vectors = engine.encoder().image_vectors(&borrowed);
        let mut batch = Batch::new();
        for ((number, feature), vector) in numbers.zip(features).zip(vectors) {
            put(
                &spec.fingerprint,
                source,
                number,
                (feature, vector),
                &mut batch,
            );
        }
        database.write(&batch)?;
    }
    Ok(())
}

/// A mixture of two of the seeds.
fn feature(seeds: &[Vec<f32>], number: u64) -> Vec<f32> {
    let pick =
        |purpose: u64| &seeds[(mixed(number ^ (purpose << 48)) % seeds.len() as u64) as usize];
    let pairs = pick(1).iter().zip(pick(2));
    pairs.map(|(a, b)| SHARE * a + (1.0 - SHARE) * b).collect()
}

fn put(
    pack: &str,
    source: SourceId,
    number: u64,
    (feature, vector): (Vec<f32>, Vec<f32>),
    batch: &mut Batch,
) {
    let hash = ContentHash::of(&number.to_le_bytes());
    batch.push(Operation::PutContent(Content {
        hash,
        bytes: 1_000_000,
        width: 4000,
        height: 3000,
        format: "jpeg".to_owned(),
        phash: mixed(number),
        dhash: mixed(!number),
        hash_version: 1,
        colors: Vec::new(),
        color_version: 1,
        preview_version: 0,
    }));
    batch.push(Operation::PutItem(ItemDraft {
        source,
        path: format!("{:03}/{number:07}.jpg", number / 1_000).into_bytes(),
        content: hash,
        size: 1_000_000,
        mtime_ns: 1_700_000_000_000_000_000,
        checked_ns: 1_800_000_000_000_000_000,
        metadata: Metadata::new(),
        captions: Vec::new(),
    }));
    batch.push(Operation::PutFeature {
        content: hash,
        pack: pack.to_owned(),
        part: Part::WHOLE,
        feature,
    });
    batch.push(Operation::PutVector {
        owner: Owner::Content(hash),
        pack: pack.to_owned(),
        space: "image".to_owned(),
        part: Part::WHOLE,
        vector,
    });
}
