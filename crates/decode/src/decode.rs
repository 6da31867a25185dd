//! From bytes to an upright picture and its metadata: the one door to all formats.

use crate::probe::{guard, header, identify};
use crate::{Error, Format, Metadata, Options, Pixels};
use crate::{bmp, gif, heif, jpeg, orient, png, raw, svg, tiff, webp};

/// A decoded file.
#[derive(Clone, Debug)]
pub struct Image {
    /// Upright, flattened on white, perhaps reduced.
    pub pixels: Pixels,
    /// Upright size of the original.
    pub width: u32,
    pub height: u32,
    pub format: Format,
    pub metadata: Metadata,
}

/// What a file says of itself, without decoding its pixels: for a copy whose picture is known already. A file that is
/// no image says nothing.
pub fn metadata(bytes: &[u8], options: &Options) -> Metadata {
    let read = |format| {
        guard(format, || {
            Ok(crate::metadata::read(format, bytes, &options.limits))
        })
    };
    identify(bytes).and_then(read).unwrap_or_default()
}

/// Decodes the first frame. What the bytes are decides the decoder, never a name.
pub fn decode(bytes: &[u8], options: &Options) -> Result<Image, Error> {
    let format = identify(bytes)?;
    guard(format, || {
        let header = header(format, bytes, options)?;
        let pixels = match format {
            Format::Jpeg => jpeg::pixels(bytes, options),
            Format::Png => png::pixels(bytes, options),
            Format::WebP => webp::pixels(bytes, options),
            Format::Gif => gif::pixels(bytes, options),
            Format::Bmp => bmp::pixels(bytes, options),
            Format::Tiff => tiff::pixels(bytes, options),
            Format::Svg => svg::pixels(bytes, options),
            Format::Raw => raw::pixels(bytes, options),
            Format::Avif | Format::Heic => heif::pixels(format, bytes, options),
        }?;
        let metadata = crate::metadata::read(format, bytes, &options.limits);
        let (mut width, mut height) = (header.width, header.height);
        // These are turned by boxes of their own while decoding; what EXIF says on top of them only repeats it.
        let orientation = match format {
            Format::Avif | Format::Heic => 0,
            _ => metadata.orientation,
        };
        if orient::swaps_sides(orientation) {
            std::mem::swap(&mut width, &mut height);
        }
        let pixels = orient::upright(pixels, orientation);
        Ok(Image {
            pixels,
            width,
            height,
            format,
            metadata,
        })
    })
}
