//! WebP (lossy, lossless, the first frame of an animation) to RGB.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use crate::canvas::{self, Layout};
use crate::limits::Header;
use crate::{Error, Options, Pixels};

const NAME: &str = "WebP";

/// Bytes a pixel takes while decoding: a frame of ARGB or YUV and alpha, its copy in the canvas of an animation,
/// and the picture handed out.
const BYTES_PER_PIXEL: u64 = 12;
const FIXED_BYTES: u64 = 1 << 20;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let (width, height) = open(bytes)?.dimensions();
    let result = options.result_bytes(width, height);
    let working_bytes =
        u64::from(width) * u64::from(height) * BYTES_PER_PIXEL + result + FIXED_BYTES;
    Ok(Header {
        width,
        height,
        working_bytes,
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let mut decoder = open(bytes)?;
    decoder
        .set_memory_limit(usize::try_from(options.limits.max_decoded_bytes).unwrap_or(usize::MAX));
    let len = decoder
        .output_buffer_size()
        .ok_or(Error::Truncated { format: NAME })?;
    let mut buffer = vec![0; len];
    decoder
        .read_image(&mut buffer)
        .map_err(|error| failure(bytes, error))?;
    let size = decoder.dimensions();
    let layout = if decoder.has_alpha() {
        Layout::Rgba
    } else {
        Layout::Rgb
    };
    canvas::from_buffer(&buffer, size, layout, options, NAME)
}

fn open(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, Error> {
    if is_cut(bytes) {
        return Err(Error::Truncated { format: NAME });
    }
    WebPDecoder::new(Cursor::new(bytes)).map_err(|error| failure(bytes, error))
}

/// Whether the file is shorter than its RIFF header says.
fn is_cut(bytes: &[u8]) -> bool {
    let Some(len) = bytes.get(4..8) else {
        return true;
    };
    let riff_len = u64::from(u32::from_le_bytes([len[0], len[1], len[2], len[3]]));
    riff_len + 8 > bytes.len() as u64 + 1
}

fn failure(bytes: &[u8], error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) | DecodingError::NotEnoughInitData if is_cut(bytes) => {
            Error::Truncated { format: NAME }
        }
        error => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}
