//! SYNTHETIC items in the shape of a large library: folders, cameras, dates, ratings, tags and places, drawn from a
//! fixed seed, with vectors that lie in clusters as those of pictures do. For times only.

use std::path::Path;

use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Color, Content, ContentHash, Database, ItemDraft, Metadata,
    Metric, Operation, Owner, PackRecord, Part, Precision, SourceId, SourceKind, SpaceRecord,
    SpaceSource, Value,
};

use crate::bench_ann::{gaussians, mixed};

pub const DIM: usize = 64;
pub const PACK: &str = "synthetic-64";
pub const SPACE: &str = "image";
pub const N_TRIPS: u64 = 2_000;
pub const CAMERAS: [&str; 12] = [
    "Canon EOS R5",
    "Canon EOS 90D",
    "NIKON Z 6",
    "NIKON D850",
    "Sony ILCE-7M4",
    "LEICA Q2",
    "FUJIFILM X-T4",
    "Apple iPhone 13",
    "Apple iPhone 15",
    "Google Pixel 8",
    "Panasonic DC-GH5",
    "OLYMPUS E-M1",
];
pub const TAGS: [&str; 20] = [
    "family", "beach", "mountain", "city", "food", "dog", "cat", "night", "snow", "forest", "car",
    "flower", "party", "museum", "river", "bird", "train", "child", "sunset", "boat",
];
const PIXELS: [(u32, u32); 6] = [
    (6000, 4000),
    (4000, 6000),
    (4032, 3024),
    (3024, 4032),
    (1920, 1080),
    (2048, 2048),
];
/// Bytes of a file: so many at least, and how many sizes there are, one as frequent as the other.
pub const LEAST_SIZE: u64 = 200_000;
pub const SIZES: u64 = 12_000_000;
/// Spread of a trip's pictures over that of the trips.
const SPREAD: f32 = 0.7;
/// Items of one write.
const BATCH: u64 = 10_000;
const YEAR_SECONDS: u64 = 31_557_600;
const FIRST_YEAR: u64 = 2005;
const SECONDS_AT_FIRST_YEAR: u64 = 1_104_537_600;

/// Bring the collection to so many items; what is there from an earlier run stays.
pub fn fill(database: &dyn Database, n_items: u64, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    database.register_pack(&PackRecord {
        name: "synthetic".to_owned(),
        fingerprint: PACK.to_owned(),
        feature_dim: 0,
        spaces: vec![SpaceRecord {
            name: SPACE.to_owned(),
            dim: DIM,
            source: SpaceSource::Stored,
            metric: Metric::Cosine,
            precision: Precision::Half,
        }],
    })?;
    let source = database.source(SourceKind::Root, Path::new("/synthetic"))?;
    let mut next = database.info()?.n_items;
    while next < n_items {
        let end = (next + BATCH).min(n_items);
        let operations = (next..end).flat_map(|number| item(source, number));
        database.write(&operations.collect::<Batch>())?;
        next = end;
        if next.is_multiple_of(10 * BATCH) {
            say(&format!("{next} of {n_items} synthetic items written"));
        }
    }
    Ok(())
}

/// A draw of the item's own for each purpose.
fn draw(number: u64, purpose: u64) -> u64 {
    mixed(number ^ (purpose << 48))
}

fn is_one_of(number: u64, purpose: u64, percent: u64) -> bool {
    draw(number, purpose) % 100 < percent
}

/// A vector with this number, of the mixture that all are drawn from.
pub fn vector(number: u64) -> Vec<f32> {
    let centre = gaussians(trip(number) ^ (3 << 56), DIM);
    let within = gaussians(number ^ (4 << 56), DIM);
    let mut vector: Vec<f32> = centre
        .iter()
        .zip(within)
        .map(|(centre, within)| centre + SPREAD * within)
        .collect();
    fovea_index::kernels::normalize(&mut vector);
    vector
}

fn trip(number: u64) -> u64 {
    draw(number, 1) % N_TRIPS
}

fn item(source: SourceId, number: u64) -> Vec<Operation> {
    let hash = ContentHash::of(&number.to_le_bytes());
    let trip = trip(number);
    let year = FIRST_YEAR + trip % 20;
    let is_png = is_one_of(number, 2, 10);
    let ext = if is_png { "png" } else { "jpg" };
    let seconds = SECONDS_AT_FIRST_YEAR
        + (trip % 20) * YEAR_SECONDS
        + draw(number, 3) % (YEAR_SECONDS - 100_000);
    let (width, height) = PIXELS[(draw(number, 4) % PIXELS.len() as u64) as usize];
    let size = LEAST_SIZE + draw(number, 5) % SIZES;
    let content = Content {
        hash,
        bytes: size,
        width,
        height,
        format: if is_png { "png" } else { "jpeg" }.to_owned(),
        phash: draw(number, 6),
        dhash: draw(number, 7),
        hash_version: 1,
        colors: colors(number),
        color_version: 1,
        preview_version: 0,
    };
    let vector = Operation::PutVector {
        owner: Owner::Content(hash),
        pack: PACK.to_owned(),
        space: SPACE.to_owned(),
        part: Part::WHOLE,
        vector: vector(number),
    };
    let draft = ItemDraft {
        source,
        path: format!("{year}/trip-{trip:04}/IMG_{number:07}.{ext}").into_bytes(),
        content: hash,
        size,
        mtime_ns: (seconds * 1_000_000_000).cast_signed(),
        checked_ns: 1_800_000_000_000_000_000,
        metadata: metadata(number, seconds, year),
        captions: captions(number),
    };
    vec![
        Operation::PutContent(content),
        vector,
        Operation::PutItem(draft),
    ]
}

fn colors(number: u64) -> Vec<Color> {
    let drawn = (0..5).map(|nth| draw(number, 8 + nth));
    drawn
        .map(|drawn| Color {
            rgb: [drawn as u8, (drawn >> 8) as u8, (drawn >> 16) as u8],
            share: 0.2,
        })
        .collect()
}

fn metadata(number: u64, seconds: u64, year: u64) -> Metadata {
    let mut metadata = Metadata::new();
    let mut put = |key: &str, value: Value| metadata.insert(key.to_owned(), vec![value]);
    if is_one_of(number, 20, 90) {
        let day_of_year = (seconds - SECONDS_AT_FIRST_YEAR) % YEAR_SECONDS / 86_400;
        let (month, day) = (1 + day_of_year / 31, 1 + day_of_year % 28);
        let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
        let taken = format!(
            "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}",
            seconds % 60
        );
        put("taken", Value::Text(taken));
        put(
            "camera",
            Value::Text(CAMERAS[(draw(number, 21) % 12) as usize].to_owned()),
        );
        put("iso", Value::Integer(100 << (draw(number, 22) % 7)));
    }
    if is_one_of(number, 23, 20) {
        put(
            "rating",
            Value::Integer(1 + (draw(number, 24) % 5).cast_signed()),
        );
    }
    if is_one_of(number, 25, 30) {
        let degrees = |purpose: u64, most: f64| {
            (draw(number, purpose) as f64 / u64::MAX as f64 * 2.0 - 1.0) * most
        };
        put("latitude", Value::Real(degrees(26, 70.0)));
        put("longitude", Value::Real(degrees(27, 180.0)));
    }
    let n_tags = draw(number, 28) % 4;
    let tags = (0..n_tags).map(|nth| TAGS[(draw(number, 29 + nth) % 20) as usize]);
    let tags: Vec<Value> = tags.map(Value::from).collect();
    if !tags.is_empty() {
        metadata.insert("tag".to_owned(), tags);
    }
    metadata
}

fn captions(number: u64) -> Vec<Caption> {
    if !is_one_of(number, 40, 10) {
        return Vec::new();
    }
    let lang = ["en", "de", "zh-TW"][(draw(number, 41) % 3) as usize];
    vec![Caption {
        lang: Some(lang.to_owned()),
        text: format!("picture {}", draw(number, 42) % 50_000),
        origin: CaptionOrigin::Sidecar,
    }]
}
