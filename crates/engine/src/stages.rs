//! Measures what each stage of ingest costs alone, on one thread: the yardstick for how well the whole uses the cores.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fovea_decode as decode;
use fovea_vectordb::{Batch, Content, ContentHash, ItemDraft, Operation, SourceKind};

use crate::error::{Error, IoContext};
use crate::ingest::IndexOptions;
use crate::ingest::process::{decode_options, put_features};
use crate::scan::{ScanOptions, file_stamp, scan};
use crate::tagging::Tagger;
use crate::time::now_ns;
use crate::{Engine, paths};

/// Names of the stages, in data-path order.
pub const STAGES: [&str; 8] = [
    "scan", "read", "hash", "decode", "preview", "describe", "encode", "write",
];

#[derive(Clone, Debug, Default)]
pub struct StageCosts {
    pub n_images: u64,
    pub n_skipped: u64,
    /// One total for each of [`STAGES`].
    pub total: [Duration; STAGES.len()],
}

impl StageCosts {
    pub fn sum(&self) -> Duration {
        self.total.iter().sum()
    }
}

/// Runs every stage over the images of a folder, one image after the other, into `engine`'s database.
pub fn measure_stages(
    engine: &Engine,
    folder: &Path,
    options: &IndexOptions,
) -> Result<StageCosts, Error> {
    let mut costs = StageCosts::default();
    engine.register_pack()?;
    let tagger = Tagger::of(engine.database(), engine.encoder())?;
    let root = fs::canonicalize(folder).at(folder)?;
    let source = engine.database().source(SourceKind::Root, &root)?;
    let found = timed(&mut costs.total[0], || {
        scan(&root, &root, &ScanOptions::default())
    })?;
    let mut batch = Batch::new();
    for candidate in &found.candidates {
        let Some((hash, image)) = measure_image(
            engine,
            &candidate.path,
            (options, &tagger),
            &mut batch,
            &mut costs,
        )?
        else {
            costs.n_skipped += 1;
            continue;
        };
        let (size, mtime_ns) = file_stamp(&candidate.path)?;
        batch.push(Operation::PutItem(ItemDraft {
            source,
            path: paths::to_bytes(
                candidate
                    .path
                    .strip_prefix(&root)
                    .unwrap_or(&candidate.path),
            ),
            content: hash,
            size,
            mtime_ns,
            checked_ns: now_ns(),
            metadata: crate::metadata::metadata_of(&image),
            captions: Vec::new(),
        }));
        costs.n_images += 1;
        if costs.n_images.is_multiple_of(64) {
            timed(&mut costs.total[7], || engine.database().write(&batch))?;
            batch = Batch::new();
        }
    }
    timed(&mut costs.total[7], || engine.database().write(&batch))?;
    Ok(costs)
}

fn measure_image(
    engine: &Engine,
    path: &PathBuf,
    (options, tagger): (&IndexOptions, &Tagger),
    batch: &mut Batch,
    costs: &mut StageCosts,
) -> Result<Option<(ContentHash, decode::Metadata)>, Error> {
    let [_, read, hash, decoding, preview, describe, encode, write] = &mut costs.total;
    let bytes = timed(read, || fs::read(path)).at(path)?;
    let content = timed(hash, || ContentHash::of(&bytes));
    let regions = options.regions.unwrap_or_default();
    let decode_options = decode_options(options, engine.encoder(), regions);
    let Ok(image) = timed(decoding, || {
        decode::probe(&bytes, &decode_options)?;
        decode::decode(&bytes, &decode_options)
    }) else {
        return Ok(None);
    };
    let Ok(small) = timed(preview, || decode::preview(&image.pixels)) else {
        return Ok(None);
    };
    timed(write, || engine.previews().write(&content, &small.jpeg))?;
    let (hashes, _colors) = timed(describe, || {
        (decode::hashes(&image.pixels), decode::colors(&image.pixels))
    });
    batch.push(Operation::PutContent(Content {
        hash: content,
        bytes: bytes.len() as u64,
        width: image.width,
        height: image.height,
        format: image.format.name().to_owned(),
        phash: hashes.phash,
        dhash: hashes.dhash,
        hash_version: decode::HASH_VERSION,
        colors: Vec::new(),
        color_version: decode::COLOR_VERSION,
        preview_version: decode::PREVIEW_VERSION,
    }));
    timed(encode, || {
        put_features(
            engine.encoder(),
            regions,
            tagger,
            content,
            &image,
            &mut batch.operations,
        )
    })?;
    Ok(Some((content, image.metadata)))
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    *total += started.elapsed();
    done
}
