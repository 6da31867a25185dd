//! How values lie in SQLite's cells: numbers as f16 with a checksum, regions,
//! colours, and the checksums of rows. Bytes and values only, no SQL.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::fail::{Fail, Try};
use crate::batch::{Caption, CaptionOrigin};
use crate::records::{Color, Content, Metadata, Precision, Region, Value};

/// Bytes of the checksum after a row's numbers.
const CHECK_BYTES: usize = 4;
/// Bytes of a kept region: four f32.
const REGION_BYTES: usize = 16;
/// Bytes of a kept colour: three of RGB and an f32.
const COLOR_BYTES: usize = 7;

/// CRC-32 over values, each with its kind and length, so that no two
/// different lists of values feed the same bytes.
pub(super) struct Checksum(crc32fast::Hasher);

impl Checksum {
    pub(super) fn new() -> Checksum {
        Checksum(crc32fast::Hasher::new())
    }

    pub(super) fn int(&mut self, number: i64) {
        self.0.update(b"i");
        self.0.update(&number.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(b"b");
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

/// What a row of numbers belongs to: part of its checksum, so that numbers
/// that turn up in another row are noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumbersOf {
    /// 0 for a content, 1 for a phrase.
    pub(super) kind: i64,
    pub(super) owner: i64,
    /// The space's id, or the pack's for a feature.
    pub(super) space: i64,
    pub(super) part: u32,
}

impl NumbersOf {
    fn check(&self, region: Option<&[u8]>, numbers: &[u8]) -> [u8; CHECK_BYTES] {
        let mut check = Checksum::new();
        for number in [self.kind, self.owner, self.space, i64::from(self.part)] {
            check.int(number);
        }
        check.bytes(region.unwrap_or_default());
        check.bytes(numbers);
        check.finish().to_le_bytes()
    }
}

/// Numbers as f16 where that is asked for and all fit, else as f32; the
/// length tells which.
pub(super) fn encode_numbers(
    numbers: &[f32],
    precision: Precision,
    of: NumbersOf,
    region: Option<&[u8]>,
) -> Vec<u8> {
    let mut blob = match halves(numbers).filter(|_| precision == Precision::Half) {
        Some(halves) => bytes_of(&halves, |x| x.to_le_bytes()),
        None => bytes_of(numbers, |x| x.to_le_bytes()),
    };
    blob.extend(of.check(region, &blob));
    blob
}

/// With room for the checksum.
fn bytes_of<T: Copy, const N: usize>(numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(N * numbers.len() + CHECK_BYTES);
    blob.resize(N * numbers.len(), 0);
    let (cells, _) = blob.as_chunks_mut::<N>();
    for (cell, number) in cells.iter_mut().zip(numbers) {
        *cell = bytes(*number);
    }
    blob
}

/// The numbers in 16 bits, where all of them fit.
fn halves(numbers: &[f32]) -> Option<Vec<f16>> {
    let mut halves = vec![f16::ZERO; numbers.len()];
    halves.convert_from_f32_slice(numbers);
    halves.iter().all(|x| x.is_finite()).then_some(halves)
}

/// Kept numbers, in the precision they are kept in.
pub(super) enum Numbers {
    Half(Vec<f16>),
    Single(Vec<f32>),
}

impl Numbers {
    pub(super) fn into_f32(self) -> Vec<f32> {
        match self {
            Numbers::Half(halves) => {
                let mut singles = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut singles);
                singles
            }
            Numbers::Single(singles) => singles,
        }
    }

    pub(super) fn into_f16(self) -> Vec<f16> {
        match self {
            Numbers::Half(halves) => halves,
            Numbers::Single(singles) => singles.into_iter().map(f16::from_f32).collect(),
        }
    }
}

/// The numbers of a cell, which must be `dim` and match their checksum.
pub(super) fn decode_numbers(
    blob: &[u8],
    dim: usize,
    of: NumbersOf,
    region: Option<&[u8]>,
) -> Try<Numbers> {
    let damaged = |what: &str| Fail::Damaged(format!("{what} ({of:?})"));
    let (numbers, check) = blob
        .split_last_chunk::<CHECK_BYTES>()
        .ok_or_else(|| damaged("a vector is shorter than its checksum"))?;
    if of.check(region, numbers) != *check {
        return Err(damaged("a vector does not match its checksum"));
    }
    if Some(numbers.len()) == dim.checked_mul(2) {
        let (pairs, _) = numbers.as_chunks::<2>();
        Ok(Numbers::Half(
            pairs.iter().map(|&b| f16::from_le_bytes(b)).collect(),
        ))
    } else if Some(numbers.len()) == dim.checked_mul(4) {
        let (fours, _) = numbers.as_chunks::<4>();
        Ok(Numbers::Single(
            fours.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        ))
    } else {
        let got = numbers.len();
        Err(damaged(&format!(
            "a vector has {got} bytes where {dim} numbers are expected"
        )))
    }
}

pub(super) fn encode_region(region: Option<Region>) -> Option<[u8; REGION_BYTES]> {
    let Region { x, y, w, h } = region?;
    let mut bytes = [0; REGION_BYTES];
    for (cell, number) in bytes.chunks_exact_mut(4).zip([x, y, w, h]) {
        cell.copy_from_slice(&number.to_le_bytes());
    }
    Some(bytes)
}

pub(super) fn decode_region(bytes: Option<&[u8]>) -> Try<Option<Region>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let ([x, y, w, h], []) = bytes.as_chunks::<4>() else {
        return Err(Fail::Damaged(format!("a region has {} bytes", bytes.len())));
    };
    let [x, y, w, h] = [x, y, w, h].map(|&number| f32::from_le_bytes(number));
    Ok(Some(Region { x, y, w, h }))
}

pub(super) fn encode_colors(colors: &[Color]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(colors.len() * COLOR_BYTES);
    for color in colors {
        bytes.extend(color.rgb);
        bytes.extend(color.share.to_le_bytes());
    }
    bytes
}

pub(super) fn decode_colors(bytes: &[u8]) -> Try<Vec<Color>> {
    let (cells, rest) = bytes.as_chunks::<COLOR_BYTES>();
    if !rest.is_empty() {
        return Err(Fail::Damaged(format!("colours have {} bytes", bytes.len())));
    }
    let color = |&[r, g, b, s0, s1, s2, s3]: &[u8; COLOR_BYTES]| Color {
        rgb: [r, g, b],
        share: f32::from_le_bytes([s0, s1, s2, s3]),
    };
    Ok(cells.iter().map(color).collect())
}

pub(super) fn origin_code(origin: CaptionOrigin) -> i64 {
    match origin {
        CaptionOrigin::Sidecar => 0,
        CaptionOrigin::File => 1,
        CaptionOrigin::Embedded => 2,
    }
}

pub(super) fn origin_of(code: i64) -> Try<CaptionOrigin> {
    match code {
        0 => Ok(CaptionOrigin::Sidecar),
        1 => Ok(CaptionOrigin::File),
        2 => Ok(CaptionOrigin::Embedded),
        other => Err(Fail::Damaged(format!("a caption's origin is {other}"))),
    }
}

/// Over a content's row.
pub(super) fn content_check(content: &Content) -> u32 {
    let mut check = Checksum::new();
    check.bytes(&content.hash.0);
    check.text(&content.format);
    check.bytes(&encode_colors(&content.colors));
    let versions = [
        content.hash_version,
        content.color_version,
        content.preview_version,
    ];
    for number in versions.into_iter().chain([content.width, content.height]) {
        check.int(i64::from(number));
    }
    for number in [content.bytes, content.phash, content.dhash] {
        check.int(number.cast_signed());
    }
    check.finish()
}

/// Over a source's row.
pub(super) fn source_check(collection: i64, kind: i64, root: &[u8]) -> u32 {
    let mut check = Checksum::new();
    check.int(collection);
    check.int(kind);
    check.bytes(root);
    check.finish()
}

/// Over the numbers of an item's row, its path, and its content.
pub(super) fn item_check(numbers: [i64; 6], path: &[u8], content: i64) -> u32 {
    let mut check = Checksum::new();
    for number in numbers {
        check.int(number);
    }
    check.bytes(path);
    check.int(content);
    check.finish()
}

/// Over what was said of an item.
pub(super) fn said_check(metadata: &Metadata, captions: &[Caption]) -> u32 {
    let mut check = Checksum::new();
    for (key, values) in metadata.iter().filter(|(_, values)| !values.is_empty()) {
        check.text(key);
        for value in values {
            match value {
                Value::Text(text) => check.text(text),
                Value::Integer(number) => check.int(*number),
                // SQLite keeps no negative zero.
                Value::Real(number) => check.bytes(&(number + 0.0).to_le_bytes()),
            }
        }
        check.int(values.len() as i64);
    }
    for caption in captions {
        check.text(caption.lang.as_deref().unwrap_or("\0"));
        check.text(&caption.text);
        check.int(origin_code(caption.origin));
    }
    check.finish()
}
