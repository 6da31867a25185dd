//! The resize of Pillow to the last bit: what models were trained and measured with.
//!
//! `fovea_decode::resize` is faster by SIMD, with weights of 15 bits and columns before rows. What lies between the passes is
//! rounded and cut to bytes, so that the order alone changes pixels: by up to 6 steps of a byte on photographs, by 24 on black
//! and white. Here weights have 22 bits and rows come first, as in Pillow before 13 (from then on columns come first where a
//! picture becomes much lower, which no published model was trained with).

use std::collections::VecDeque;

use fovea_decode::Pixels;

use crate::image::Resampling;

/// Bits after the point of a weight.
const BITS: u32 = 22;

/// A copy of `pixels` at exactly `width` x `height`, both at least 1. Rows are narrowed as they are needed, so that a column
/// 60,000 pixels high takes little memory.
pub fn resample(pixels: &Pixels, width: u32, height: u32, filter: Resampling) -> Pixels {
    let across = windows(pixels.width(), width, filter);
    let down = windows(pixels.height(), height, filter);
    let stride = pixels.width() as usize * 3;
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    // The narrowed rows that a window looks at, and the number of the first of them.
    let (mut narrowed, mut first) = (VecDeque::new(), 0);
    for window in &down {
        while first < window.start {
            narrowed.pop_front();
            first += 1;
        }
        while narrowed.len() < window.weights.len() {
            let at = (first + narrowed.len()) * stride;
            narrowed.push_back(narrow(&pixels.data()[at..at + stride], &across));
        }
        data.extend(mixed(&narrowed, &window.weights));
    }
    Pixels::new(width, height, data).expect("each window gave a row of this width")
}

/// One row, as many pixels long as there are windows.
fn narrow(row: &[u8], across: &[Window]) -> Vec<u8> {
    let mut narrowed = Vec::with_capacity(across.len() * 3);
    for window in across {
        let mut sums = [1i32 << (BITS - 1); 3];
        for (pixel, weight) in row[window.start * 3..].chunks_exact(3).zip(&window.weights) {
            for (sum, byte) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(*byte) * weight;
            }
        }
        narrowed.extend(sums.map(byte));
    }
    narrowed
}

/// One row out of several.
fn mixed(rows: &VecDeque<Vec<u8>>, weights: &[i32]) -> impl Iterator<Item = u8> {
    let length = rows.front().map_or(0, Vec::len);
    let mut sums = vec![1i32 << (BITS - 1); length];
    for (row, weight) in rows.iter().zip(weights) {
        for (sum, byte) in sums.iter_mut().zip(row) {
            *sum += i32::from(*byte) * weight;
        }
    }
    sums.into_iter().map(byte)
}

fn byte(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Which old pixels make a new one, and with which weights.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// The windows of all new pixels of one side.
fn windows(from: u32, to: u32, filter: Resampling) -> Vec<Window> {
    let scale = f64::from(from) / f64::from(to);
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let window = |at: u32| {
        let center = (f64::from(at) + 0.5) * scale;
        // A conversion cuts off what is below zero.
        let start = (center - support + 0.5) as u32;
        let end = ((center + support + 0.5) as u32).min(from);
        let weight = |x: u32| filter.weight((f64::from(x) - center + 0.5) / stretch);
        let weights: Vec<f64> = (start..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let one = f64::from(1 << BITS);
        let weights = weights
            .iter()
            .map(|weight| (weight / sum * one).round() as i32);
        Window {
            start: start as usize,
            weights: weights.collect(),
        }
    };
    (0..to).map(window).collect()
}

impl Resampling {
    /// How far it looks, in new pixels.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos3 => 3.0,
        }
    }

    /// The weight of what lies `x` new pixels away.
    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            _ if x >= self.support() => 0.0,
            Self::Bilinear => 1.0 - x,
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
            Self::Lanczos3 => sinc(x) * sinc(x / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    match x * std::f64::consts::PI {
        0.0 => 1.0,
        x => x.sin() / x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const DRAWN: [u8; 21] = [
        0, 255, 3, 200, 90, 255, 17,
        250, 1, 99, 30, 255, 0, 128,
        9, 240, 77, 66, 5, 254, 200,
    ];

    /// Pillow 11.3: `Image.fromarray(numpy.stack([drawn] * 3, -1)).resize((width, height), filter)`.
    #[track_caller]
    fn check(filter: Resampling, width: u32, height: u32, expect: &[u8]) {
        let grey = DRAWN.into_iter().flat_map(|byte| [byte; 3]).collect();
        let pixels = Pixels::new(7, 3, grey).expect("it has this size");
        let found = resample(&pixels, width, height, filter);
        let expect: Vec<u8> = expect.iter().flat_map(|byte| [*byte; 3]).collect();
        assert_eq!(found.data(), expect);
    }

    #[test]
    fn pillow_says_the_same() {
        use Resampling::{Bicubic, Bilinear, Lanczos3};
        #[rustfmt::skip]
        let said: [(Resampling, u32, u32, &[u8]); 6] = [
            (Bilinear, 3, 2, &[
                110, 120, 122,
                119, 84, 151,
            ]),
            (Bilinear, 9, 4, &[
                0, 170, 143, 47, 200, 114, 182, 176, 17,
                156, 116, 82, 70, 94, 171, 139, 93, 86,
                160, 114, 91, 81, 44, 135, 124, 115, 155,
                9, 163, 168, 75, 66, 19, 143, 236, 200,
            ]),
            (Bicubic, 3, 2, &[
                108, 122, 121,
                119, 76, 154,
            ]),
            (Bicubic, 9, 4, &[
                0, 197, 159, 19, 209, 95, 198, 199, 0,
                178, 110, 65, 66, 91, 200, 141, 69, 82,
                178, 104, 80, 85, 32, 155, 120, 98, 166,
                0, 182, 194, 64, 68, 0, 149, 255, 200,
            ]),
            (Lanczos3, 3, 2, &[
                103, 125, 120,
                120, 74, 155,
            ]),
            (Lanczos3, 9, 4, &[
                0, 208, 171, 8, 213, 84, 207, 210, 0,
                185, 113, 51, 63, 96, 214, 150, 53, 76,
                185, 101, 76, 87, 21, 159, 119, 88, 181,
                0, 185, 218, 53, 72, 0, 149, 255, 191,
            ]),
        ];
        for (filter, width, height, expect) in said {
            check(filter, width, height, expect);
        }
    }
}
