//! BMP to RGB.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use crate::canvas::{self, Layout};
use crate::limits::Header;
use crate::{Error, Options, Pixels};

const NAME: &str = "BMP";
const FIXED_BYTES: u64 = 256 << 10;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let (width, height) = size(bytes)?;
    let result = options.result_bytes(width, height);
    let working_bytes = u64::from(width)
        .saturating_mul(u64::from(height))
        .saturating_mul(4)
        .saturating_add(result);
    Ok(Header {
        width,
        height,
        working_bytes: working_bytes.saturating_add(FIXED_BYTES),
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(failure)?;
    let size = decoder.dimensions();
    let layout = match decoder.color_type() {
        ColorType::L8 => Layout::Gray,
        ColorType::Rgba8 => Layout::Rgba,
        _ => Layout::Rgb,
    };
    let len = u64::from(size.0) * u64::from(size.1) * layout.samples() as u64;
    // The library's own idea of the size is what gets allocated.
    if len != decoder.total_bytes() || len > options.limits.max_decoded_bytes {
        return Err(Error::Damaged {
            format: NAME,
            reason: "its header contradicts itself".to_owned(),
        });
    }
    let mut buffer = vec![0; len as usize];
    decoder.read_image(&mut buffer).map_err(failure)?;
    canvas::from_buffer(&buffer, size, layout, options, NAME)
}

/// Width and height from the header; rows may stand top to bottom, which a negative height says.
fn size(bytes: &[u8]) -> Result<(u32, u32), Error> {
    let truncated = Error::Truncated { format: NAME };
    let field = |at: usize| {
        bytes
            .get(at..at + 4)
            .map(|field| [field[0], field[1], field[2], field[3]])
    };
    let (Some(header_len), Some(first), Some(second)) = (field(14), field(18), field(22)) else {
        return Err(truncated);
    };
    if u32::from_le_bytes(header_len) == 12 {
        let [w0, w1, h0, h1] = first;
        return Ok((
            u32::from(u16::from_le_bytes([w0, w1])),
            u32::from(u16::from_le_bytes([h0, h1])),
        ));
    }
    Ok((
        i32::from_le_bytes(first).unsigned_abs(),
        i32::from_le_bytes(second).unsigned_abs(),
    ))
}

fn failure(error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Truncated { format: NAME }
        }
        ImageError::Unsupported(error) => Error::Unsupported {
            what: error.to_string(),
            how: "convert it to PNG",
        },
        error => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}
