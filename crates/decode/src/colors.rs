//! The few colours that make up most of a picture.

use crate::Pixels;

/// Changes whenever [`colors`] would give something else for the same pixels.
pub const COLOR_VERSION: u32 = 1;

/// One dominant colour and the share of the picture it stands for (0 to 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    pub rgb: [u8; 3],
    pub share: f32,
}

/// At most five colours, largest share first.
pub fn colors(_pixels: &Pixels) -> Vec<Color> {
    unimplemented!()
}
