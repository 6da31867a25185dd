//! The small JPEG kept of each picture, so that nothing later has to go back to the original.

use crate::{Error, Pixels};

/// Changes whenever [`preview`] would write something else for the same pixels.
pub const PREVIEW_VERSION: u32 = 1;

/// Long side of a preview in pixels; a smaller picture is never enlarged.
pub const PREVIEW_SIDE: u32 = 512;

/// A JPEG file and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Writes the preview of `pixels`.
pub fn preview(_pixels: &Pixels) -> Result<Preview, Error> {
    unimplemented!()
}
