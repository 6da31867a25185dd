//! PNG to RGB, row by row: what is held is one row and the (perhaps reduced) result, whatever the file claims.

use std::io::Cursor;

use ::png::{
    ColorType, DecodeOptions, Decoder, DecodingError, Limits as PngLimits, Reader, Transformations,
};

use crate::canvas::{Canvas, Layout};
use crate::limits::Header;
use crate::{Error, Options, Pixels, canvas};

const NAME: &str = "PNG";

/// Rows, the inflate window, and the decoder's own buffers.
const FIXED_BYTES: u64 = 1 << 20;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let [width, height] = size(bytes)?;
    let depth_and_color: &[u8] = bytes.get(24..29).ok_or(Error::Truncated { format: NAME })?;
    let bytes_per_pixel = bytes_per_pixel(depth_and_color[0], depth_and_color[1]);
    let is_interlaced = depth_and_color[4] != 0;
    let rows_held = if is_interlaced { u64::from(height) } else { 4 };
    let row_bytes = u64::from(width) * (bytes_per_pixel + 3);
    let working_bytes = FIXED_BYTES
        + options
            .result_bytes(width, height)
            .saturating_add(row_bytes.saturating_mul(rows_held));
    Ok(Header {
        width,
        height,
        working_bytes,
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let mut reader = reader(bytes, options)?;
    let (color, _) = reader.output_color_type();
    let layout = layout(color);
    let (width, height) = (reader.info().width, reader.info().height);
    if reader.info().interlaced {
        let len = reader
            .output_buffer_size()
            .ok_or(Error::Truncated { format: NAME })?;
        let mut buffer = vec![0; len];
        reader.next_frame(&mut buffer).map_err(failure)?;
        return canvas::from_buffer(&buffer, (width, height), layout, options, NAME);
    }
    let mut canvas = Canvas::new(width, height, options);
    while let Some(row) = reader.next_row().map_err(failure)? {
        canvas.row(row.data(), layout);
    }
    canvas.finish().ok_or(Error::Truncated { format: NAME })
}

fn reader<'a>(bytes: &'a [u8], options: &Options) -> Result<Reader<Cursor<&'a [u8]>>, Error> {
    let mut settings = DecodeOptions::default();
    // Words and profiles are read elsewhere, within limits of their own.
    settings.set_ignore_text_chunk(true);
    settings.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), settings);
    let limit = usize::try_from(options.limits.max_decoded_bytes).unwrap_or(usize::MAX);
    decoder.set_limits(PngLimits { bytes: limit });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.read_info().map_err(failure)
}

fn size(bytes: &[u8]) -> Result<[u32; 2], Error> {
    let header = bytes.get(12..24).ok_or(Error::Truncated { format: NAME })?;
    if &header[..4] != b"IHDR" {
        return Err(Error::Damaged {
            format: NAME,
            reason: "it does not begin with its header".to_owned(),
        });
    }
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Ok([number(4), number(8)])
}

/// Bytes of one pixel as the decoder hands it out, at its widest (a palette may turn into RGBA).
fn bytes_per_pixel(depth: u8, color: u8) -> u64 {
    let samples = match color {
        0 | 4 => 2,
        _ => 4,
    };
    samples * if depth == 16 { 2 } else { 1 }
}

fn layout(color: ColorType) -> Layout {
    match color {
        ColorType::Grayscale => Layout::Gray,
        ColorType::GrayscaleAlpha => Layout::GrayAlpha,
        ColorType::Rgba => Layout::Rgba,
        // A palette has been expanded.
        ColorType::Rgb | ColorType::Indexed => Layout::Rgb,
    }
}

fn failure(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) => Error::Truncated { format: NAME },
        error => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}
