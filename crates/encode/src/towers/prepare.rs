//! Pixels become what an image network reads, as the model's own processor would do it.
//!
//! Sizes are rounded as `transformers` and `torchvision` round them; the resize is Pillow's (`resample`).

use fovea_decode::Pixels;
use serde::{Deserialize, Serialize};

use crate::image::Resampling;
use crate::towers::resample::resample;

/// Longer strips are cut to their middle first: what lies farther out cannot be seen in the square anyway, and a strip of
/// 60,000 x 1 pixels must not become 10 GB.
const ASPECT_MAX: u32 = 64;

/// How pixels become the numbers that a network reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Side of the square input in pixels.
    pub side: u32,
    pub fitting: Fitting,
    pub filter: Resampling,
    /// A byte times this, minus `mean`, divided by `deviation`, for each channel.
    pub scale: f32,
    pub mean: [f32; 3],
    pub deviation: [f32; 3],
}

/// How a picture that is not square becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fitting {
    /// Both sides are scaled to the square, each by its own factor.
    Squash,
    /// The shorter side becomes `short` pixels, and the middle is kept.
    Shortest { short: u32, middle: Middle },
}

/// Where the middle begins when it cannot be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Middle {
    /// Rounded down, as `transformers` does.
    Down,
    /// Rounded to the even neighbour, as `torchvision` does.
    Even,
}

impl Middle {
    fn start(self, length: u32, side: u32) -> u32 {
        let spare = length - side;
        match self {
            Self::Even if spare % 4 == 3 => spare / 2 + 1,
            _ => spare / 2,
        }
    }
}

impl Preparation {
    /// Length of the shorter side that decoding must keep.
    pub fn shorter_side(&self) -> u32 {
        match self.fitting {
            Fitting::Squash => self.side,
            Fitting::Shortest { short, .. } => short,
        }
    }

    /// The input of the network for one picture: three planes of `side` x `side`.
    pub fn planes(&self, pixels: &Pixels) -> Vec<f32> {
        let square = self.square(pixels);
        let area = self.side as usize * self.side as usize;
        let mut planes = vec![0.0; 3 * area];
        for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
            let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
            let bytes = square.data().iter().skip(channel).step_by(3);
            for (number, byte) in plane.iter_mut().zip(bytes) {
                *number = (f32::from(*byte) * self.scale - mean) / deviation;
            }
        }
        planes
    }

    fn square(&self, pixels: &Pixels) -> Pixels {
        let Fitting::Shortest { short, middle } = self.fitting else {
            return resample(pixels, self.side, self.side, self.filter);
        };
        let strip = middle_of_strip(pixels);
        let pixels = strip.as_ref().unwrap_or(pixels);
        let (width, height) = scaled(pixels, short);
        let resized = resample(pixels, width, height, self.filter);
        let (x, y) = (
            middle.start(width, self.side),
            middle.start(height, self.side),
        );
        resized
            .cropped(x, y, self.side, self.side)
            .expect("the shorter side is at least as long as the square's")
    }
}

/// The middle of a picture that is longer than it may be.
fn middle_of_strip(pixels: &Pixels) -> Option<Pixels> {
    let (width, height) = (pixels.width(), pixels.height());
    let longest = width.min(height).saturating_mul(ASPECT_MAX);
    match (width > longest, height > longest) {
        (true, _) => pixels.cropped((width - longest) / 2, 0, longest, height),
        (_, true) => pixels.cropped(0, (height - longest) / 2, width, longest),
        _ => None,
    }
}

/// Both sides scaled so that the shorter one gets the length `short`; the longer one is rounded down.
fn scaled(pixels: &Pixels, short: u32) -> (u32, u32) {
    let (width, height) = (u64::from(pixels.width()), u64::from(pixels.height()));
    let long = |long: u64, other: u64| (u64::from(short) * long / other) as u32;
    match width <= height {
        true => (short, long(height, width)),
        false => (long(width, height), short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preparation(fitting: Fitting) -> Preparation {
        Preparation {
            side: 4,
            fitting,
            filter: Resampling::Bicubic,
            scale: 1.0 / 255.0,
            mean: [0.0, 0.5, 1.0],
            deviation: [1.0, 0.5, 0.25],
        }
    }

    #[test]
    fn the_middle_is_rounded_as_the_model_wants() {
        let spares = [0, 1, 2, 3, 4, 5, 6, 7];
        let starts = |middle: Middle| spares.map(|spare| middle.start(10 + spare, 10));
        assert_eq!(starts(Middle::Down), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(starts(Middle::Even), [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn every_shape_becomes_the_square() {
        let fittings = [
            Fitting::Squash,
            Fitting::Shortest {
                short: 4,
                middle: Middle::Down,
            },
            Fitting::Shortest {
                short: 6,
                middle: Middle::Even,
            },
        ];
        for (fitting, (width, height)) in fittings.into_iter().flat_map(|fitting| {
            [(1, 1), (9, 2), (60_000, 1), (1, 60_000), (33, 34)].map(|size| (fitting, size))
        }) {
            let white = vec![255; (width * height * 3) as usize];
            let pixels = Pixels::new(width, height, white).expect("it has this size");
            let planes = preparation(fitting).planes(&pixels);
            assert_eq!(planes.len(), 48);
            let expect = [1.0, 1.0, 0.0].iter().flat_map(|value| [*value; 16]);
            assert!(
                planes.into_iter().eq(expect),
                "{fitting:?} {width}x{height}"
            );
        }
    }
}
