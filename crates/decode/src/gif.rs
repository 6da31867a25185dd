//! The first frame of a GIF to RGB.

use std::num::NonZeroU64;

use ::gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};

use crate::canvas::{Canvas, Layout};
use crate::limits::Header;
use crate::{Error, Options, Pixels};

const NAME: &str = "GIF";
const FIXED_BYTES: u64 = 256 << 10;
const WHITE: u8 = 255;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let screen = bytes.get(6..10).ok_or(Error::Truncated { format: NAME })?;
    let width = u32::from(u16::from_le_bytes([screen[0], screen[1]]));
    let height = u32::from(u16::from_le_bytes([screen[2], screen[3]]));
    // One byte a pixel of the frame, which lies inside the screen.
    let frame = u64::from(width) * u64::from(height);
    let working_bytes =
        frame + options.result_bytes(width, height) + u64::from(width) * 12 + FIXED_BYTES;
    Ok(Header {
        width,
        height,
        working_bytes,
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let mut decoder = open(bytes, options)?;
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let missing = Error::Truncated { format: NAME };
    let frame = decoder.next_frame_info().map_err(failure)?.ok_or(missing)?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let transparent = frame.transparent;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(failure)?;
    let palette = decoder.palette().map_err(failure)?;

    let mut canvas = Canvas::new(width as u32, height as u32, options);
    let mut row = vec![WHITE; width * 3];
    for y in 0..height {
        row.fill(WHITE);
        if (top..top + frame_height).contains(&y) && left < width {
            let line = &indices[(y - top) * frame_width..][..frame_width];
            paint(line, palette, transparent, &mut row[left * 3..]);
        }
        canvas.row(&row, Layout::Rgb);
    }
    canvas.finish().ok_or(Error::Truncated { format: NAME })
}

fn paint(indices: &[u8], palette: &[u8], transparent: Option<u8>, row: &mut [u8]) {
    for (&index, pixel) in indices.iter().zip(row.chunks_exact_mut(3)) {
        let color = palette.get(usize::from(index) * 3..usize::from(index) * 3 + 3);
        if let Some(color) = color.filter(|_| transparent != Some(index)) {
            pixel.copy_from_slice(color);
        }
    }
}

fn open<'a>(bytes: &'a [u8], options: &Options) -> Result<Decoder<&'a [u8]>, Error> {
    let mut settings = DecodeOptions::new();
    settings.set_color_output(ColorOutput::Indexed);
    settings.check_frame_consistency(true);
    let limit = NonZeroU64::new(options.limits.max_decoded_bytes).unwrap_or(NonZeroU64::MIN);
    settings.set_memory_limit(MemoryLimit::Bytes(limit));
    settings.read_info(bytes).map_err(failure)
}

fn failure(error: DecodingError) -> Error {
    match error {
        DecodingError::UnexpectedEof | DecodingError::EndCodeNotFound => {
            Error::Truncated { format: NAME }
        }
        DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Truncated { format: NAME }
        }
        error => Error::Damaged {
            format: NAME,
            reason: error.to_string(),
        },
    }
}
