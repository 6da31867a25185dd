//! The first page of a TIFF to RGB, one row of strips or tiles at a time, so that a large scan is never held whole.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits as TiffLimits};
use ::tiff::tags::{PlanarConfiguration, Tag};
use ::tiff::{ColorType, TiffError};

use crate::canvas::{Canvas, Layout};
use crate::ifd::Tiff;
use crate::limits::Header;
use crate::{Error, Options, Pixels};

const NAME: &str = "TIFF";
const FIXED_BYTES: u64 = 1 << 20;

/// The last tag of those the library reads before it knows any limit.
const LAST_TAG: u16 = 532;
/// What the library takes for one value of such a tag.
const BYTES_PER_VALUE: u64 = 64;

type Source<'a> = Decoder<Cursor<Cow<'a, [u8]>>>;

/// How the picture is cut up, and what its samples are.
struct Page {
    width: u32,
    height: u32,
    /// Full size of one strip or tile.
    chunk: (u32, u32),
    samples: usize,
    depth: u8,
    is_planar: bool,
    layout: Layout,
    /// RGB of each index, for a palette.
    palette: Option<Vec<[u8; 3]>>,
}

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let (mut decoder, has_palette) = open(bytes, options)?;
    let page = page(&mut decoder, has_palette)?;
    let sample_bytes = u64::from(page.depth.div_ceil(8));
    let (chunk_width, chunk_height) = page.chunk;
    let samples = page.samples as u64;
    let chunk_bytes = u64::from(chunk_width) * u64::from(chunk_height) * samples * sample_bytes;
    let band_bytes = u64::from(page.width) * u64::from(chunk_height) * samples;
    // A compressed chunk may be expanded once more on its way.
    let working_bytes = chunk_bytes.saturating_mul(2).saturating_add(band_bytes);
    let copy = if has_palette { bytes.len() as u64 } else { 0 };
    let values = directory_bytes(bytes)?;
    let rows = u64::from(page.width) * 16;
    let result = options.result_bytes(page.width, page.height) + copy + values + rows + FIXED_BYTES;
    Ok(Header {
        width: page.width,
        height: page.height,
        working_bytes: working_bytes.saturating_add(result),
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let (mut decoder, has_palette) = open(bytes, options)?;
    let page = page(&mut decoder, has_palette)?;
    let mut canvas = Canvas::new(page.width, page.height, options);
    let mut row_rgb = Vec::new();
    let mut band = Vec::new();
    for band_index in 0..page.height.div_ceil(page.chunk.1) {
        let rows = page.chunk.1.min(page.height - band_index * page.chunk.1) as usize;
        band.clear();
        band.resize(rows * page.width as usize * page.samples, 0);
        read_band(&mut decoder, &page, band_index, &mut band)?;
        for row in band.chunks_exact(page.width as usize * page.samples) {
            match &page.palette {
                Some(palette) => {
                    row_rgb.clear();
                    let color = |index: &u8| {
                        palette
                            .get(usize::from(*index))
                            .copied()
                            .unwrap_or_default()
                    };
                    row_rgb.extend(row.iter().flat_map(color));
                    canvas.row(&row_rgb, Layout::Rgb);
                }
                None if page.samples == page.layout.samples() => canvas.row(row, page.layout),
                // Samples past those of the layout are masks and the like.
                None => {
                    row_rgb.clear();
                    row_rgb.extend(
                        row.chunks_exact(page.samples)
                            .flat_map(|pixel| &pixel[..page.layout.samples()]),
                    );
                    canvas.row(&row_rgb, page.layout);
                }
            }
        }
    }
    canvas.finish().ok_or(Error::Truncated { format: NAME })
}

/// Fills `band`, interleaved 8-bit samples, from the chunks that lie in it.
fn read_band(
    decoder: &mut Source<'_>,
    page: &Page,
    band_index: u32,
    band: &mut [u8],
) -> Result<(), Error> {
    let across = page.width.div_ceil(page.chunk.0);
    let per_plane = across * page.height.div_ceil(page.chunk.1);
    let planes = if page.is_planar { page.samples } else { 1 };
    let chunk_samples = page.samples / planes;
    for plane in 0..planes {
        for column in 0..across {
            let index = plane as u32 * per_plane + band_index * across + column;
            let (width, _) = decoder.chunk_data_dimensions(index);
            let samples = eight_bit(
                decoder.read_chunk(index).map_err(failure)?,
                page,
                width as usize * chunk_samples,
            )?;
            let left = (column * page.chunk.0) as usize;
            let row_len = width as usize * chunk_samples;
            let rows = samples.chunks_exact(row_len.max(1));
            for (from, to) in rows.zip(band.chunks_exact_mut(page.width as usize * page.samples)) {
                let to = &mut to[left * page.samples..];
                let pixels = to
                    .chunks_exact_mut(page.samples)
                    .zip(from.chunks_exact(chunk_samples));
                pixels
                    .for_each(|(to, from)| to[plane..plane + chunk_samples].copy_from_slice(from));
            }
        }
    }
    Ok(())
}

/// Samples of any type as 8 bits each; `row_samples` of them make a row.
fn eight_bit(data: DecodingResult, page: &Page, row_samples: usize) -> Result<Vec<u8>, Error> {
    let from_unit = |value: f64| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    Ok(match data {
        DecodingResult::U8(packed) if page.depth < 8 => unpacked(&packed, page, row_samples),
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|sample| (sample >> 8) as u8).collect(),
        DecodingResult::U32(samples) => samples.iter().map(|sample| (sample >> 24) as u8).collect(),
        DecodingResult::U64(samples) => samples.iter().map(|sample| (sample >> 56) as u8).collect(),
        DecodingResult::F32(samples) => samples
            .iter()
            .map(|&sample| from_unit(f64::from(sample)))
            .collect(),
        DecodingResult::F64(samples) => samples.iter().map(|&sample| from_unit(sample)).collect(),
        _ => return Err(unsupported("TIFF with signed or half-precision samples")),
    })
}

/// Samples of 1 to 7 bits, each row beginning at a byte; grey is stretched to 0 to 255, indices stay.
fn unpacked(packed: &[u8], page: &Page, row_samples: usize) -> Vec<u8> {
    let depth = usize::from(page.depth);
    let max = (1u32 << depth) - 1;
    let row_bytes = (row_samples * depth).div_ceil(8).max(1);
    let sample = |row: &[u8], at: usize| {
        let bit = at * depth;
        let pair =
            u32::from(row[bit / 8]) << 8 | u32::from(row.get(bit / 8 + 1).copied().unwrap_or(0));
        let value = pair >> (16 - depth - bit % 8) & max;
        if page.palette.is_some() {
            value as u8
        } else {
            (value * 255 / max) as u8
        }
    };
    packed
        .chunks_exact(row_bytes)
        .flat_map(|row| (0..row_samples).map(move |at| sample(row, at)))
        .collect()
}

fn page(decoder: &mut Source<'_>, has_palette: bool) -> Result<Page, Error> {
    let (width, height) = decoder.dimensions().map_err(failure)?;
    let color = decoder.colortype().map_err(failure)?;
    let planar = decoder
        .find_tag_unsigned::<u16>(Tag::PlanarConfiguration)
        .map_err(failure)?;
    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    let chunk_height = if decoder.get_chunk_type() == ChunkType::Strip {
        chunk_height.min(height)
    } else {
        chunk_height
    };
    if chunk_width == 0 || chunk_height == 0 {
        return Err(Error::Damaged {
            format: NAME,
            reason: "its strips or tiles are empty".to_owned(),
        });
    }
    let (layout, samples) = layout(color)?;
    let palette = match has_palette {
        true => Some(palette(
            &decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failure)?,
        )),
        false => None,
    };
    let is_planar = samples > 1 && planar == Some(PlanarConfiguration::Planar.to_u16());
    let chunk = (chunk_width, chunk_height);
    Ok(Page {
        width,
        height,
        chunk,
        samples,
        depth: color.bit_depth(),
        is_planar,
        layout,
        palette,
    })
}

fn layout(color: ColorType) -> Result<(Layout, usize), Error> {
    Ok(match color {
        ColorType::Gray(_) => (Layout::Gray, 1),
        ColorType::GrayA(8..) => (Layout::GrayAlpha, 2),
        ColorType::RGB(8..) => (Layout::Rgb, 3),
        // JPEG-compressed chunks come out of the library as RGB.
        ColorType::YCbCr(8) => (Layout::Rgb, 3),
        ColorType::RGBA(8..) => (Layout::Rgba, 4),
        ColorType::CMYK(8..) => (Layout::Cmyk, 4),
        ColorType::CMYKA(8..) => (Layout::Cmyk, 5),
        ColorType::Multiband {
            bit_depth: 8..,
            num_samples: samples @ 3..=16,
        } => (Layout::Rgb, usize::from(samples)),
        other => return Err(unsupported(&format!("TIFF of kind {other:?}"))),
    })
}

/// The colour map holds all reds, then all greens, then all blues, 16 bits each.
fn palette(map: &[u16]) -> Vec<[u8; 3]> {
    let n_colors = map.len() / 3;
    let byte = |at: usize| (map[at] >> 8) as u8;
    (0..n_colors)
        .map(|index| {
            [
                byte(index),
                byte(n_colors + index),
                byte(2 * n_colors + index),
            ]
        })
        .collect()
}

/// The library refuses palettes, so that it is shown the indices as grey; the colours are applied here.
fn palette_as_gray(bytes: &[u8]) -> Option<Vec<u8>> {
    const PHOTOMETRIC: u16 = 262;
    const PALETTE: u32 = 3;
    const BLACK_IS_ZERO: u8 = 1;
    let tiff = Tiff::new(bytes)?;
    let entry = tiff
        .find(tiff.first_ifd()?, PHOTOMETRIC)
        .filter(|entry| entry.uint() == Some(PALETTE))?;
    let at = entry.data().as_ptr().addr() - bytes.as_ptr().addr();
    let mut patched = bytes.to_vec();
    let value = patched.get_mut(at..at + entry.data().len())?;
    value
        .iter_mut()
        .filter(|byte| **byte != 0)
        .for_each(|byte| *byte = BLACK_IS_ZERO);
    Some(patched)
}

/// What reading the first directory takes. The library makes room for as many values as a tag announces, so that
/// this has to be known before it looks.
fn directory_bytes(bytes: &[u8]) -> Result<u64, Error> {
    let tiff = Tiff::new(bytes).ok_or(Error::Truncated { format: NAME })?;
    let values = tiff
        .first_ifd()
        .and_then(|offset| tiff.announced_values(offset, LAST_TAG));
    let values = values.ok_or(Error::Truncated { format: NAME })?;
    Ok(values * BYTES_PER_VALUE)
}

fn open<'a>(bytes: &'a [u8], options: &Options) -> Result<(Source<'a>, bool), Error> {
    let limit = usize::try_from(options.limits.max_decoded_bytes).unwrap_or(usize::MAX);
    let mut limits = TiffLimits::default();
    limits.decoding_buffer_size = limit;
    limits.intermediate_buffer_size = limit;
    if directory_bytes(bytes)? > options.limits.max_decoded_bytes {
        return Err(Error::Damaged {
            format: NAME,
            reason: "its directory is too long".to_owned(),
        });
    }
    let patched = palette_as_gray(bytes);
    let has_palette = patched.is_some();
    let bytes = patched.map_or(Cow::Borrowed(bytes), Cow::Owned);
    let decoder = Decoder::new(Cursor::new(bytes)).map_err(failure)?;
    Ok((decoder.with_limits(limits), has_palette))
}

fn failure(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Truncated { format: NAME }
        }
        TiffError::UnsupportedError(error) => unsupported(&format!("TIFF ({error})")),
        error => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}

fn unsupported(what: &str) -> Error {
    Error::Unsupported {
        what: what.to_owned(),
        how: "convert it to an 8-bit RGB TIFF or PNG",
    }
}
