//! JPEG to RGB, at a reduced scale where that is allowed: the inverse DCT then gives 4x4, 2x2 or 1 pixel of a block.
//!
//! Orientation is not applied here.

mod bits;
mod idct;
mod reduced;
pub(crate) mod segments;

use jpeg_decoder::{Decoder, Error as JpegError, PixelFormat};

use crate::canvas::{self, Layout};
use crate::limits::Header;
use crate::{Error, Options, Pixels};
use segments::{Frame, SOF_PROGRESSIVE};

const NAME: &str = "JPEG";

/// Most pixels decoded over all scans of a progressive file: each scan visits the whole picture, and a hostile
/// file repeats them.
const MAX_SCANNED_PIXELS: u64 = 8_000_000_000;

/// Buffers of the decoder that do not grow with the picture.
const FIXED_BYTES: u64 = 256 << 10;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let frame = segments::frame(bytes).ok_or_else(|| no_frame(bytes))?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    Ok(Header {
        width,
        height,
        working_bytes: working_bytes(&frame, options),
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let frame = segments::frame(bytes).ok_or_else(|| no_frame(bytes))?;
    check_scans(bytes, &frame)?;
    let scale = scale(&frame, options);
    if let Some(pixels) = reduced::pixels(bytes, &frame, scale, options) {
        return Ok(pixels);
    }
    decode_with_library(bytes, &frame, scale, options)
}

/// The divisor of both sides: 1, 2, 4 or 8.
fn scale(frame: &Frame, options: &Options) -> u32 {
    let factor = options.reduction(u32::from(frame.width), u32::from(frame.height));
    1 << factor.ilog2().min(3)
}

fn decode_with_library(
    bytes: &[u8],
    frame: &Frame,
    scale: u32,
    options: &Options,
) -> Result<Pixels, Error> {
    let mut decoder = Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(
        usize::try_from(options.limits.max_decoded_bytes).unwrap_or(usize::MAX),
    );
    decoder.read_info().map_err(failure)?;
    let wanted = |side: u16| u32::from(side).div_ceil(scale) as u16;
    decoder
        .scale(wanted(frame.width), wanted(frame.height))
        .map_err(failure)?;
    let data = decoder.decode().map_err(failure)?;
    let info = decoder.info().ok_or(Error::Truncated { format: NAME })?;
    let size = (u32::from(info.width), u32::from(info.height));
    let layout = match info.pixel_format {
        PixelFormat::L8 => Layout::Gray,
        PixelFormat::CMYK32 => Layout::Cmyk,
        PixelFormat::L16 => return Err(unsupported("16-bit lossless JPEG")),
        // The common case goes on without another copy, unless the eighths were not small enough.
        PixelFormat::RGB24 if options.reduction(size.0, size.1) == 1 => {
            return Pixels::new(size.0, size.1, data).ok_or(Error::Truncated { format: NAME });
        }
        PixelFormat::RGB24 => Layout::Rgb,
    };
    canvas::from_buffer(&data, size, layout, options, NAME)
}

/// Component planes, the interleaved copy, and the result; a progressive file also keeps every coefficient.
fn working_bytes(frame: &Frame, options: &Options) -> u64 {
    let h_max = frame
        .components
        .iter()
        .map(|part| part.h)
        .max()
        .unwrap_or(1);
    let v_max = frame
        .components
        .iter()
        .map(|part| part.v)
        .max()
        .unwrap_or(1);
    let mcus = u64::from(frame.width).div_ceil(u64::from(h_max) * 8)
        * u64::from(frame.height).div_ceil(u64::from(v_max) * 8);
    let blocks: u64 = frame
        .components
        .iter()
        .map(|part| mcus * u64::from(part.h) * u64::from(part.v))
        .sum();
    let scale = u64::from(scale(frame, options));
    let planes = blocks * 64 / (scale * scale);
    let interleaved = mcus * u64::from(h_max) * u64::from(v_max) * 64 / (scale * scale)
        * frame.components.len() as u64;
    let coefficients = if frame.marker == SOF_PROGRESSIVE {
        blocks * 128
    } else {
        0
    };
    let result = options.result_bytes(u32::from(frame.width), u32::from(frame.height));
    planes + interleaved + coefficients + result.max(interleaved) + FIXED_BYTES
}

fn check_scans(bytes: &[u8], frame: &Frame) -> Result<(), Error> {
    if frame.marker != SOF_PROGRESSIVE {
        return Ok(());
    }
    let scans = bytes
        .windows(2)
        .filter(|pair| pair == &[0xFF, segments::SOS])
        .count() as u64;
    if scans * u64::from(frame.width) * u64::from(frame.height) <= MAX_SCANNED_PIXELS {
        return Ok(());
    }
    Err(Error::Damaged {
        format: NAME,
        reason: format!("it repeats its picture in {scans} scans"),
    })
}

/// Why there is no frame header: the file ends before one, or what it has is not one.
fn no_frame(bytes: &[u8]) -> Error {
    if segments::segments(bytes).any(|segment| segment.marker == segments::SOS) {
        return Error::Damaged {
            format: NAME,
            reason: "it has no frame header".to_owned(),
        };
    }
    Error::Truncated { format: NAME }
}

fn failure(error: JpegError) -> Error {
    match error {
        JpegError::Io(_) => Error::Truncated { format: NAME },
        JpegError::Format(reason) => Error::Damaged {
            format: NAME,
            reason,
        },
        JpegError::Unsupported(feature) => unsupported(&format!("JPEG with {feature:?}")),
        JpegError::Internal(error) => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}

fn unsupported(what: &str) -> Error {
    let how = "convert it to an ordinary JPEG or PNG";
    Error::Unsupported {
        what: what.to_owned(),
        how,
    }
}

/// The larger of several JPEG files by their frame headers, none of them lossless or otherwise unreadable.
pub(crate) fn largest<'a>(files: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    files
        .filter_map(|bytes| {
            let frame = segments::frame(bytes)?;
            let is_readable = matches!(frame.marker, 0xC0..=0xC2) && frame.precision == 8;
            is_readable.then_some((u32::from(frame.width) * u32::from(frame.height), bytes))
        })
        .max_by_key(|&(pixels, _)| pixels)
        .map(|(_, bytes)| bytes)
}
