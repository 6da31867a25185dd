//! The small JPEG kept of each picture, so that nothing later has to go back to the original.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::resize::fit_within;
use crate::{Error, Filter, Pixels, resize};

/// Changes whenever [`preview`] would write something else for the same pixels.
pub const PREVIEW_VERSION: u32 = 1;

/// Long side of a preview in pixels; a smaller picture is never enlarged.
pub const PREVIEW_SIDE: u32 = 512;

/// Where a photograph at this size shows no blocks on a screen.
const QUALITY: u8 = 82;

/// A JPEG file and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Writes the preview of `pixels`.
pub fn preview(pixels: &Pixels) -> Result<Preview, Error> {
    let (width, height) = fit_within(pixels.width(), pixels.height(), PREVIEW_SIDE);
    let small;
    let picture = if (width, height) == (pixels.width(), pixels.height()) {
        pixels
    } else {
        small = resize(pixels, width, height, Filter::Bilinear);
        &small
    };
    let mut jpeg = Vec::with_capacity(64 << 10);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(picture.data(), width as u16, height as u16, ColorType::Rgb)
        .map_err(|error| Error::Preview {
            reason: error.to_string(),
        })?;
    Ok(Preview {
        jpeg,
        width,
        height,
    })
}
