//! `fovea bench plan`: databases of synthetic items are made here, and what they take is held against the sums.

use std::path::Path;

use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Content, ContentHash, DATABASE_FILE, Database, Embedded,
    IndexChoice, ItemDraft, Metadata, Metric, OpenMode, Operation, Owner, PackRecord, Part,
    Precision, SourceId, SourceKind, SpaceRecord, SpaceSource,
};

use super::Load;
use super::costs::graph_row;
use super::folder::Folder;
use super::server_sizes;
use crate::bench_ann::{Bar, gaussians};
use crate::flags::scale::BenchPlanFlags;
use crate::settings::Settings;

/// How far a sum may be from what was measured.
const WITHIN: f64 = 0.2;
/// Items of one write.
const BATCH: u64 = 2_000;
/// Rows of the graph whose file is weighed, and their numbers.
const GRAPH_ROWS: u64 = 20_000;

/// Numbers of a feature, of images' vectors, of captions' vectors (0: no captions).
pub(super) type Shape = (usize, usize, usize);

const SHAPES: [Shape; 3] = [(1280, 512, 0), (1280, 512, 512), (0, 768, 0)];

/// Ratios of predicted to measured: of the database for each shape and size, of the file of a graph, and of a server where one
/// is named.
pub fn measure(
    settings: &Settings,
    flags: &BenchPlanFlags,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    if let Some(server) = &settings.server {
        return server_sizes::measure(server, flags, say);
    }
    let mut bars = databases(&flags.items, say)?;
    say("a graph");
    let scratch = tempfile::tempdir()?;
    let database = filled(scratch.path(), GRAPH_ROWS, (0, 512, 0))?;
    database.set_setting(IndexChoice::SETTING, Some("vamana"))?;
    database.build_indexes(&())?;
    let measured = folder_bytes(&scratch.path().join("index"))? / GRAPH_ROWS as f64;
    let what = format!("{GRAPH_ROWS} vectors of 512: {measured:.0} bytes a row of a graph");
    bars.extend(within(&what, graph_row(512) / measured));
    Ok(bars)
}

fn databases(sizes: &[u64], say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let mut bars = Vec::new();
    for shape in SHAPES {
        for &n in sizes {
            say(&format!("{n} items with vectors of {shape:?} numbers"));
            let scratch = tempfile::tempdir()?;
            let database = filled(scratch.path(), n, shape)?;
            drop(database);
            let measured = std::fs::metadata(scratch.path().join(DATABASE_FILE))?.len() as f64;
            let predicted = Folder::of(&load(n, shape)).database_bytes;
            let each = measured / n as f64;
            let what = format!("{n} items, {shape:?}: {each:.0} bytes an item in the database");
            bars.extend(within(&what, predicted / measured));
        }
    }
    Ok(bars)
}

/// What is predicted over what was measured lies around 1.
pub(super) fn within(what: &str, ratio: f64) -> [Bar; 2] {
    [
        Bar::at_least(
            format!("{what}, predicted over that"),
            ratio,
            "x",
            1.0 - WITHIN,
        ),
        Bar::at_most(
            format!("{what}, predicted over that"),
            ratio,
            "x",
            1.0 + WITHIN,
        ),
    ]
}

pub(super) fn load(n: u64, (feature, image, caption): Shape) -> Load {
    Load {
        images: n,
        queries_per_second: 1.0,
        captions_per_image: if caption > 0 { 1.0 } else { 0.0 },
        machine_bytes: 64e9,
        machine_cores: 16.0,
        pack: "synthetic".to_owned(),
        feature_dim: feature,
        image_dims: vec![image],
        caption_dim: caption,
    }
}

fn filled(folder: &Path, n: u64, shape: Shape) -> anyhow::Result<Embedded> {
    let database = Embedded::open(folder, "plan", OpenMode::Create)?;
    fill(&database, n, shape)?;
    Ok(database)
}

pub(super) fn fill(database: &dyn Database, n: u64, shape: Shape) -> anyhow::Result<()> {
    let (feature, image, caption) = shape;
    let space = |name: &str, dim| SpaceRecord {
        name: name.to_owned(),
        dim,
        source: SpaceSource::Stored,
        metric: Metric::Cosine,
        precision: Precision::Half,
    };
    let mut spaces = vec![space("image", image)];
    spaces.extend((caption > 0).then(|| space("caption", caption)));
    database.register_pack(&PackRecord {
        name: "synthetic".to_owned(),
        fingerprint: "synthetic".to_owned(),
        feature_dim: feature,
        spaces,
    })?;
    let source = database.source(SourceKind::Root, Path::new("/synthetic"))?;
    for from in (0..n).step_by(BATCH as usize) {
        let items = (from..(from + BATCH).min(n)).flat_map(|number| item(source, number, shape));
        database.write(&items.collect::<Batch>())?;
    }
    Ok(())
}

fn item(source: SourceId, number: u64, (feature, image, caption): Shape) -> Vec<Operation> {
    let hash = ContentHash::of(&number.to_le_bytes());
    let pack = || "synthetic".to_owned();
    let text = format!("synthetic caption with number {number:09}");
    let content = Content {
        hash,
        bytes: 1_000_000,
        width: 1920,
        height: 1080,
        format: "jpeg".to_owned(),
        phash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        dhash: number.wrapping_mul(0xc2b2_ae3d_27d4_eb4f),
        hash_version: 1,
        colors: Vec::new(),
        color_version: 1,
        preview_version: 1,
    };
    let vector = |owner, space: &str, dim, stream: u64| Operation::PutVector {
        owner,
        pack: pack(),
        space: space.to_owned(),
        part: Part::WHOLE,
        vector: gaussians(number ^ (stream << 56), dim),
    };
    let mut operations = vec![
        Operation::PutContent(content),
        vector(Owner::Content(hash), "image", image, 1),
    ];
    operations.extend((feature > 0).then(|| Operation::PutFeature {
        content: hash,
        pack: pack(),
        part: Part::WHOLE,
        feature: gaussians(number ^ (2 << 56), feature),
    }));
    operations.extend((caption > 0).then(|| {
        let owner = Owner::Phrase(text.clone());
        vector(owner, "caption", caption, 3)
    }));
    let said = Caption {
        lang: None,
        text,
        origin: CaptionOrigin::Sidecar,
    };
    operations.push(Operation::PutItem(ItemDraft {
        source,
        path: format!("trip-{:03}/{number:08}.jpg", number % 500).into_bytes(),
        content: hash,
        size: 1_000_000,
        mtime_ns: 1_700_000_000_000_000_000 + number as i64,
        checked_ns: 1_700_000_000_000_000_000 + number as i64,
        metadata: Metadata::new(),
        captions: (caption > 0).then_some(said).into_iter().collect(),
    }));
    operations
}

fn folder_bytes(folder: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command measures more and larger ones; this is what every run of the tests can afford.
    #[test]
    fn what_is_predicted_of_a_small_database_is_what_it_takes() {
        let bars = databases(&[2_000], &|_| {}).unwrap();
        for bar in bars {
            assert!(bar.is_met(), "{}: {:.3}", bar.what, bar.found);
        }
    }
}
