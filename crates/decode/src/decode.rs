//! From bytes to an upright picture and its metadata: the one door to all formats.

use crate::{Error, Format, Metadata, Options, Pixels};

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

/// Decodes the first frame. What the bytes are decides the decoder, never a name.
pub fn decode(_bytes: &[u8], _options: &Options) -> Result<Image, Error> {
    unimplemented!()
}
