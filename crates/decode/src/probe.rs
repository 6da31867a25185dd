//! What decoding some bytes will need, told from their headers.

use crate::format::looks_like;
use crate::limits::Header;
use crate::{Error, Format, Options, bmp, gif, heif, jpeg, png, raw, svg, tiff, webp};

/// The answer of [`probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub format: Format,
    /// Size as stored, before orientation; of AVIF and HEIC, which turn themselves, the size they come out with.
    pub width: u32,
    pub height: u32,
    /// An upper estimate of the bytes [`crate::decode`] holds at once, its result included and `bytes` itself not.
    pub working_bytes: u64,
}

/// Reads headers only: format, size, and the memory a decode needs. Refuses what [`crate::decode`] would refuse by its header.
pub fn probe(bytes: &[u8], options: &Options) -> Result<Probe, Error> {
    let format = identify(bytes)?;
    let header = guard(format, || header(format, bytes, options))?;
    let Header {
        width,
        height,
        working_bytes,
    } = header;
    Ok(Probe {
        format,
        width,
        height,
        working_bytes,
    })
}

/// The format, or why these bytes are no image.
pub(crate) fn identify(bytes: &[u8]) -> Result<Format, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    Format::sniff(bytes).ok_or_else(|| Error::NotAnImage {
        looks_like: looks_like(bytes),
    })
}

/// The header of `bytes`, within the limits.
pub(crate) fn header(format: Format, bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let header = match format {
        Format::Jpeg => jpeg::header(bytes, options),
        Format::Png => png::header(bytes, options),
        Format::WebP => webp::header(bytes, options),
        Format::Gif => gif::header(bytes, options),
        Format::Bmp => bmp::header(bytes, options),
        Format::Tiff => tiff::header(bytes, options),
        Format::Svg => svg::header(bytes, options),
        Format::Raw => raw::header(bytes, options),
        Format::Avif | Format::Heic => heif::header(format, bytes, options),
    }?;
    options.limits.check(format, &header)?;
    Ok(header)
}

/// Runs a decoder, and makes of a panic inside a library what it is for the user: one damaged file.
pub(crate) fn guard<T>(
    format: Format,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let reason = "its decoder stopped on it; please report the file".to_owned();
        Err(Error::Damaged {
            format: format.label(),
            reason,
        })
    })
}
