//! How long a large collection takes: SYNTHETIC pictures with real previews, of which one in ten is a copy of another. For times only.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use fovea_decode::{Filter, Pixels, preview, resize};
use fovea_encode::Encoder;
use fovea_engine::Engine;
use fovea_engine::dedupe::{DedupeOptions, Watch};
use fovea_index::Random;
use fovea_vectordb::{
    Batch, Color, Content, ContentHash, ItemDraft, Metadata, Operation, SourceId, SourceKind,
};

use super::engine;
use crate::bench_ann::Bar;
use crate::settings::cache_folder;

const SECONDS: f64 = 120.0;
/// One of so many is a copy of the one before it.
const COPIES: u64 = 10;
const SIZES: [(u32, u32); 4] = [(512, 341), (512, 384), (341, 512), (512, 512)];
/// Pictures are drawn this much smaller, and enlarged.
const DRAWN: u32 = 4;
const SHAPES: usize = 14;
/// Items of one write.
const BATCH: u64 = 1_000;

/// The time of `fovea dedupe` over so many items, which are made once.
pub fn timed(n_items: u64, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let folder = cache_folder()?
        .join("bench/dedupe")
        .join(format!("scale-{n_items}"));
    let engine = engine(&folder)?;
    fill(&engine, n_items, say)?;
    say(&format!("comparing {n_items} synthetic pictures"));
    let started = Instant::now();
    let found = engine.duplicates(&DedupeOptions::default(), &Watch::SILENT)?;
    let seconds = started.elapsed().as_secs_f64();
    let found = found.context("nobody cancels this")?;
    let copies: usize = found.groups.iter().map(|group| group.copies.len()).sum();
    Ok(vec![
        Bar::at_most(
            format!("{n_items} indexed synthetic pictures are compared within"),
            seconds,
            " s",
            SECONDS,
        ),
        Bar::at_least(
            "copies found among them, of those that were made (no bar)",
            copies as f64 / (n_items / COPIES).max(1) as f64,
            "",
            0.0,
        ),
    ])
}

fn fill(engine: &Engine, n_items: u64, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let database = engine.database();
    database.register_pack(&fovea_engine::pack_record(engine.encoder()))?;
    let source = database.source(SourceKind::Root, Path::new("/synthetic"))?;
    let mut next = database.info()?.n_items;
    while next < n_items {
        let end = (next + BATCH).min(n_items);
        let at = AtomicU64::new(next);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || -> anyhow::Result<Vec<Operation>> {
            let mut mine = Vec::new();
            loop {
                let number = at.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return Ok(mine);
                }
                mine.extend(item(engine, source, number)?);
            }
        };
        let made = std::thread::scope(|scope| {
            let others: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined = others
                .into_iter()
                .map(|one| one.join().expect("drawing does not panic"));
            joined.collect::<anyhow::Result<Vec<_>>>()
        })?;
        database.write(&made.into_iter().flatten().collect::<Batch>())?;
        next = end;
        if next.is_multiple_of(10 * BATCH) {
            say(&format!("{next} of {n_items} synthetic pictures drawn"));
        }
    }
    Ok(())
}

fn item(engine: &Engine, source: SourceId, number: u64) -> anyhow::Result<Vec<Operation>> {
    let hash = ContentHash::of(&number.to_le_bytes());
    let is_copy = number % COPIES == COPIES - 1;
    let mut pixels = drawn(if is_copy { number - 1 } else { number });
    if is_copy {
        let data = pixels
            .data()
            .iter()
            .map(|x| (f32::from(*x) * 0.9 + 20.0) as u8)
            .collect();
        pixels = Pixels::new(pixels.width(), pixels.height(), data)
            .context("as many bytes as before")?;
    }
    engine.previews().write(&hash, &preview(&pixels)?.jpeg)?;
    let content = Content {
        hash,
        bytes: 2_000_000 + number,
        width: pixels.width() * 8,
        height: pixels.height() * 8,
        format: "jpeg".to_owned(),
        phash: 0,
        dhash: 0,
        hash_version: fovea_decode::HASH_VERSION,
        colors: vec![Color {
            rgb: [200, 100, 50],
            share: 1.0,
        }],
        color_version: fovea_decode::COLOR_VERSION,
        preview_version: fovea_decode::PREVIEW_VERSION,
    };
    let encoder: &dyn Encoder = engine.encoder();
    let feature = encoder
        .features(&[&pixels])?
        .pop()
        .context("one picture has one feature")?;
    Ok(vec![
        Operation::PutContent(content),
        Operation::PutFeature {
            content: hash,
            pack: encoder.spec().fingerprint.clone(),
            part: fovea_vectordb::Part::WHOLE,
            feature,
        },
        Operation::PutItem(ItemDraft {
            source,
            path: format!("{:03}/{number:07}.jpg", number / 1000).into_bytes(),
            content: hash,
            size: 2_000_000 + number,
            mtime_ns: i64::try_from(number)? * 1_000_000_000,
            checked_ns: 1_800_000_000_000_000_000,
            metadata: Metadata::new(),
            captions: Vec::new(),
        }),
    ])
}

/// Ellipses and boxes of drawn colours over a slope of light, and a little noise: as many waves as pictures have.
fn drawn(number: u64) -> Pixels {
    let mut random = Random::new(number);
    let (width, height) = SIZES[random.below(SIZES.len())];
    let (w, h) = (width / DRAWN, height / DRAWN);
    let mut color = || [0; 3].map(|_: u8| random.unit() * 255.0);
    let (from, to) = (color(), color());
    let slope = random.unit();
    let shapes: Vec<_> = (0..SHAPES)
        .map(|_| {
            let place = [0; 4].map(|_: u8| random.unit());
            let rgb = [0; 3].map(|_: u8| random.unit() * 255.0);
            (place, rgb, random.below(2) == 0)
        })
        .collect();
    let mut data = Vec::with_capacity((w * h * 3) as usize);
    for y in 0..h {
        for x in 0..w {
            let (u, v) = (x as f32 / w as f32, y as f32 / h as f32);
            let part = slope * u + (1.0 - slope) * v;
            let mut rgb: [f32; 3] = std::array::from_fn(|at| from[at] + (to[at] - from[at]) * part);
            for ([cx, cy, rx, ry], other, is_round) in &shapes {
                let (dx, dy) = ((u - cx) / (0.02 + 0.3 * rx), (v - cy) / (0.02 + 0.3 * ry));
                let is_inside = match is_round {
                    true => dx * dx + dy * dy < 1.0,
                    false => dx.abs().max(dy.abs()) < 1.0,
                };
                if is_inside {
                    rgb = *other;
                }
            }
            let noise = 12.0 * (random.unit() - 0.5);
            data.extend(rgb.map(|x| (x + noise) as u8));
        }
    }
    let small = Pixels::new(w, h, data).expect("three bytes a pixel were drawn");
    resize(&small, width, height, Filter::Bilinear)
}
