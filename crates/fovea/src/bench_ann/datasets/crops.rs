//! `crops-512`: pieces of the pictures of Open Clip Art and Tux Paint through the base pack, for words and for pictures.
//!
//! Titles are the text queries; pieces that are not in the base are the image queries. Tux Paint's captions are only
//! measured with: nothing is tuned on them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_decode::{Options, Pixels, decode};
use fovea_encode::{Encoder, Pack};

use super::clipart::{self, Words};
use super::{Workshop, cuts, made_with};
use crate::bench_ann::dataset::{Card, Kind, MEASURE_QUERIES, Made, Queries, Source, TUNE_QUERIES};
use crate::bench_ann::encode::{Meter, on_all_cores, texts};
use crate::bench_ann::packages::{OPENCLIPART_PNG, OPENCLIPART_SVG};
use crate::bench_ann::split::{Seen, Use, distinct, hash, key, use_of};
use crate::commands::demo::{english_captions, prepare_stamps};
use fovea_vectordb::exchange::{Matrix, npy};

/// Changes whenever another piece would be cut, or another row kept.
const RECIPE: &str = "crops 1";

/// Pictures that are encoded and kept together, so that a run that was stopped loses little.
const PICTURES_A_PART: usize = 48;

/// Of a thousand pieces so many are held out as queries.
const HELD_OUT: u64 = 30;

/// In front of each vector of a part: number of the picture and of the piece.
const NUMBERS: usize = 2;

/// A picture file, and the name that decides how it is cut.
struct Picture {
    path: PathBuf,
    name: String,
    /// One of the stamps, which never tune anything.
    is_stamp: bool,
}

pub fn make(workshop: &Workshop) -> anyhow::Result<Made> {
    let pack = workshop.pack()?;
    let clips = workshop
        .unpacked(&OPENCLIPART_PNG)?
        .join("usr/share/openclipart/png");
    let drawings = workshop
        .unpacked(&OPENCLIPART_SVG)?
        .join("usr/share/openclipart/svg");
    let stamps = prepare_stamps(&workshop.cache)?;
    let mut pictures = pictures(&clips, "openclipart", false)?;
    pictures.extend(self::pictures(&stamps.join("stamps"), "stamps", true)?);
    let parts = encode(workshop, &pack, &pictures)?;
    let mut seen = Seen::default();
    let (base, images) = sort_out(&pictures, &parts, pack.spec().shared_dim, &mut seen)?;
    let captions = english_captions(&stamps.join("captions.tsv"))?;
    let words = text_queries(
        workshop,
        &pack,
        clipart::words(&drawings)?,
        captions.into_iter().map(|(_, caption)| caption).collect(),
    )?;
    let about = "pieces of the pictures of Open Clip Art and Tux Paint in the space `image` of the base pack";
    let split = "text: titles of Open Clip Art by their hash in thirds; to build with, also its keywords and the class vectors of \
                 the pack; to measure with, also Tux Paint's English captions. image: 3% of the pieces by their hash, in no \
                 base; to tune with, none of Tux Paint. Disjoint as texts and as vectors";
    let mut sources: Vec<Source> = [&OPENCLIPART_PNG, &OPENCLIPART_SVG]
        .map(Source::from)
        .to_vec();
    sources.push(stamps_source(&stamps)?);
    Ok(Made {
        card: Card::new(
            "crops-512",
            about,
            split,
            &made_with(&pack, RECIPE),
            sources,
        ),
        base,
        queries: vec![words, images],
        half: false,
    })
}

fn pictures(folder: &Path, source: &str, is_stamp: bool) -> anyhow::Result<Vec<Picture>> {
    let files = clipart::files(folder, "png")?;
    let named = files.into_iter().map(|path| {
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        let name = format!("{source}/{name}");
        Picture {
            path,
            name,
            is_stamp,
        }
    });
    Ok(named.collect())
}

/// Encodes what no run before has encoded; answers the files of all parts.
fn encode(workshop: &Workshop, pack: &Pack, pictures: &[Picture]) -> anyhow::Result<Vec<PathBuf>> {
    let recipe = hash(&made_with(pack, RECIPE));
    let folder = workshop.folder.join(format!("parts-{recipe:016x}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let parts = pictures.len().div_ceil(PICTURES_A_PART);
    let parts: Vec<PathBuf> = (0..parts)
        .map(|part| folder.join(format!("{part:05}.npy")))
        .collect();
    let missing: Vec<usize> = (0..parts.len())
        .filter(|part| !parts[*part].exists())
        .collect();
    workshop.say(&format!(
        "{} pictures, {} of {} parts to encode",
        pictures.len(),
        missing.len(),
        parts.len()
    ));
    let meter = Meter::new("pictures", missing.len() * PICTURES_A_PART);
    on_all_cores(missing.len(), workshop.say, &meter, |at| {
        let part = missing[at];
        let first = part * PICTURES_A_PART;
        let last = (first + PICTURES_A_PART).min(pictures.len());
        let mut rows = Vec::new();
        for (number, picture) in (first..).zip(&pictures[first..last]) {
            rows.extend(rows_of(pack, number, picture)?);
            meter.add(1);
        }
        Ok(npy::write(
            &parts[part],
            &Matrix::new(NUMBERS + pack.spec().shared_dim, rows)?,
        )?)
    })?;
    Ok(parts)
}

/// Numbers and vector of each piece of a picture. One that cannot be decoded has none.
fn rows_of(pack: &Pack, number: usize, picture: &Picture) -> anyhow::Result<Vec<f32>> {
    let bytes = fs::read(&picture.path)
        .with_context(|| format!("cannot read {}", picture.path.display()))?;
    let Ok(image) = decode(&bytes, &Options::default()) else {
        return Ok(Vec::new());
    };
    let pieces = cuts::pieces(&picture.name, &cuts::shrunk(image.pixels));
    let pixels: Vec<&Pixels> = pieces.iter().map(|(_, piece)| piece).collect();
    let features = pack.features(&pixels)?;
    let mut rows = Vec::new();
    for ((piece, _), feature) in pieces.iter().zip(features) {
        rows.extend([number as f32, *piece as f32]);
        rows.extend(pack.image_vector(&feature));
    }
    Ok(rows)
}

/// Base and image queries, each vector once.
fn sort_out(
    pictures: &[Picture],
    parts: &[PathBuf],
    dim: usize,
    seen: &mut Seen,
) -> anyhow::Result<(Matrix, Queries)> {
    let (mut base, mut tune, mut measure) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let part = npy::read(part)?;
        for row in part.iter() {
            let (numbers, vector) = row.split_at(NUMBERS);
            let picture = &pictures[numbers[0] as usize];
            if vector.iter().all(|number| *number == 0.0) || !seen.is_new(vector) {
                continue;
            }
            let drawn = hash(&format!("held out\n{}\n{}", picture.name, numbers[1]));
            match drawn % 1000 {
                held if held < HELD_OUT / 3 => measure.push((drawn, vector.to_vec())),
                held if held < HELD_OUT && !picture.is_stamp => tune.push((drawn, vector.to_vec())),
                _ => base.extend_from_slice(vector),
            }
        }
    }
    let queries = Queries {
        kind: Kind::Image,
        build: None,
        tune: sample(tune, TUNE_QUERIES, dim)?,
        measure: sample(measure, MEASURE_QUERIES, dim)?,
    };
    Ok((Matrix::new(dim, base)?, queries))
}

/// So many of the vectors, from all over the pictures.
fn sample(mut drawn: Vec<(u64, Vec<f32>)>, limit: usize, dim: usize) -> anyhow::Result<Matrix> {
    drawn.sort_by_key(|(hash, _)| hash.reverse_bits());
    let numbers = drawn.into_iter().take(limit).flat_map(|(_, vector)| vector);
    Ok(Matrix::new(dim, numbers.collect())?)
}

fn text_queries(
    workshop: &Workshop,
    pack: &Pack,
    words: Words,
    captions: Vec<String>,
) -> anyhow::Result<Queries> {
    let known: std::collections::HashSet<String> = words
        .titles
        .iter()
        .chain(&captions)
        .map(|text| key(text))
        .collect();
    let titles = distinct(words.titles);
    let of = |wanted: Use| {
        titles
            .iter()
            .filter(move |title| use_of(&key(title)) == wanted)
            .cloned()
    };
    let measured = distinct(of(Use::Measure).chain(captions));
    let measured_keys: std::collections::HashSet<String> =
        measured.iter().map(|text| key(text)).collect();
    let is_free = |text: &String| !measured_keys.contains(&key(text));
    let tuned: Vec<String> = of(Use::Tune).filter(is_free).collect();
    // A keyword that is a title as well goes the title's way.
    let keywords = distinct(words.keywords)
        .into_iter()
        .filter(|word| !known.contains(&key(word)));
    let build: Vec<String> = of(Use::Build).filter(is_free).chain(keywords).collect();
    let dim = pack.spec().shared_dim;
    let mut seen = Seen::default();
    let mut kept = |rows: Matrix, limit: usize| {
        Ok::<_, anyhow::Error>(Matrix::new(dim, seen.take_new(&rows, limit))?)
    };
    let measure = kept(texts(pack, &measured, workshop.say)?, MEASURE_QUERIES)?;
    let tune = kept(texts(pack, &tuned, workshop.say)?, TUNE_QUERIES)?;
    let mut rows = texts(pack, &build, workshop.say)?;
    rows.numbers.extend(pack.class_vectors().flatten());
    let build = Some(kept(rows, usize::MAX)?);
    Ok(Queries {
        kind: Kind::Text,
        build,
        tune,
        measure,
    })
}

/// What `stamps.json` says of the package that the stamps came from; that script holds the checksum.
fn stamps_source(stamps: &Path) -> anyhow::Result<Source> {
    let text =
        fs::read_to_string(stamps.join("stamps.json")).context("the stamps have no stamps.json")?;
    let marker: serde_json::Value = serde_json::from_str(&text)?;
    let field = |name: &str| marker[name].as_str().unwrap_or("unknown").to_owned();
    Ok(Source {
        package: field("package"),
        version: field("version"),
        sha256: "checked by scripts/stamps.py".to_owned(),
    })
}
