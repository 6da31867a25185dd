//! A picture reduced to what two copies of it are compared by: a small square of brightness, a smaller one of colour.

use fovea_decode::{Filter, Pixels, resize};

/// Side of the square of brightness that all pictures are compared by. A watermark over a twentieth of the area still covers
/// 14 x 14 of it.
pub const SIDE: usize = 64;
/// The same where two pictures were found alike: what tells one fine drawing from another is smaller.
pub const FINE_SIDE: usize = 128;
/// Side of the squares of colour.
pub const COLOR_SIDE: usize = 16;

/// A picture squeezed to a square, whatever its shape: what a crop or another shape changes is then a scale and a shift
/// along each side alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// Of the square of brightness: [`SIDE`] or [`FINE_SIDE`].
    pub side: usize,
    /// Luma (Rec. 601), row by row.
    pub luma: Vec<u8>,
    /// Cb and Cr less 128, [`COLOR_SIDE`] x [`COLOR_SIDE`] each.
    pub chroma: [Vec<i8>; 2],
    /// Of the original, upright, in pixels.
    pub width: u32,
    pub height: u32,
}

impl Sketch {
    /// `width` and `height` are the original's, which may be larger than `pixels`.
    pub fn of(pixels: &Pixels, width: u32, height: u32, side: usize) -> Sketch {
        let square = resize(pixels, side as u32, side as u32, Filter::Bilinear);
        let small = resize(&square, COLOR_SIDE as u32, COLOR_SIDE as u32, Filter::Box);
        let luma = square.data().chunks_exact(3).map(|rgb| luma(rgb) as u8);
        let chroma = |of: fn(&[u8]) -> f32| {
            let pixels = small.data().chunks_exact(3);
            pixels.map(|rgb| of(rgb).round() as i8).collect()
        };
        Sketch {
            side,
            luma: luma.collect(),
            chroma: [chroma(blueness), chroma(redness)],
            width,
            height,
        }
    }
}

fn luma(rgb: &[u8]) -> f32 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
    (0.299 * r + 0.587 * g + 0.114 * b).round()
}

fn blueness(rgb: &[u8]) -> f32 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
    (0.5 * b - 0.168_736 * r - 0.331_264 * g).min(127.0)
}

fn redness(rgb: &[u8]) -> f32 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
    (0.5 * r - 0.418_688 * g - 0.081_312 * b).min(127.0)
}
