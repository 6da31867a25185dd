//! Perceptual hashes: 64 bits that stay close (few bits differ) when a picture is resized or recompressed.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::{Filter, Pixels, resize};

/// Changes whenever [`hashes`] would give something else for the same pixels.
pub const HASH_VERSION: u32 = 1;

/// Side of the thumbnail the DCT is taken of, and how many of its lowest frequencies count each way.
const DCT_SIDE: usize = 32;
const LOW: usize = 8;

/// Compare two of the same kind by Hamming distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// DCT hash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): the picture
    /// squeezed to 32x32 grey, its DCT-II, the 64 coefficients of frequencies 1 to 8 each way; a bit is set where the
    /// coefficient is above their median. Row by row, lowest frequency in the highest bit.
    pub phash: u64,
    /// Gradient hash (Krawetz, "Kind of Like That", 2013): the picture squeezed to 9x8 grey; a bit is set where a
    /// pixel is brighter than its left neighbour. Row by row, first in the highest bit.
    pub dhash: u64,
}

/// Both hashes of `pixels`.
pub fn hashes(pixels: &Pixels) -> Hashes {
    let thumbnail = resize(pixels, DCT_SIDE as u32, DCT_SIDE as u32, Filter::Box);
    Hashes {
        phash: dct_hash(&gray(&thumbnail)),
        dhash: gradient_hash(&gray(&resize(&thumbnail, 9, 8, Filter::Bilinear))),
    }
}

/// Rec. 601 luma, 0 to 255.
fn gray(pixels: &Pixels) -> Vec<f32> {
    let luma = |pixel: &[u8]| {
        0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])
    };
    pixels.data().chunks_exact(3).map(luma).collect()
}

fn dct_hash(gray: &[f32]) -> u64 {
    let coefficients = low_frequencies(gray);
    let mut sorted = coefficients;
    sorted.sort_by(f32::total_cmp);
    let median = (sorted[31] + sorted[32]) / 2.0;
    bits(coefficients.iter().map(|&coefficient| coefficient > median))
}

fn gradient_hash(gray: &[f32]) -> u64 {
    bits(
        gray.chunks_exact(9)
            .flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0])),
    )
}

fn bits(bits: impl Iterator<Item = bool>) -> u64 {
    bits.fold(0, |hash, bit| hash << 1 | u64::from(bit))
}

/// Frequencies 1 to 8 of the two-dimensional DCT-II, rows first.
fn low_frequencies(gray: &[f32]) -> [f32; LOW * LOW] {
    static BASIS: LazyLock<[[f32; DCT_SIDE]; LOW]> = LazyLock::new(|| {
        std::array::from_fn(|frequency| {
            std::array::from_fn(|x| {
                (PI * (frequency + 1) as f32 * (2 * x + 1) as f32 / (2 * DCT_SIDE) as f32).cos()
            })
        })
    });
    let dot = |basis: &[f32; DCT_SIDE], values: &[f32]| {
        basis.iter().zip(values).map(|(a, b)| a * b).sum::<f32>()
    };
    // Columns of the intermediate picture are kept as rows, so that both passes read along them.
    let mut columns = [[0.0; DCT_SIDE]; LOW];
    for (y, row) in gray.chunks_exact(DCT_SIDE).enumerate() {
        for (column, basis) in columns.iter_mut().zip(BASIS.iter()) {
            column[y] = dot(basis, row);
        }
    }
    std::array::from_fn(|at| dot(&BASIS[at / LOW], &columns[at % LOW]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, phase: f32) -> Pixels {
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
                let wave = |k: f32| {
                    (127.0 + 100.0 * (k * u + phase).sin() * (k * 0.7 * v + 2.0 * phase).cos())
                        as u8
                };
                data.extend([wave(9.0), wave(14.0), wave(5.0)]);
            }
        }
        Pixels::new(width, height, data).unwrap()
    }

    /// The definition in the doc comment, written out.
    fn naive_phash(pixels: &Pixels) -> u64 {
        let gray = gray(&resize(pixels, 32, 32, Filter::Box));
        let mut values = Vec::new();
        for v in 1..=8 {
            for u in 1..=8 {
                let mut sum = 0.0f64;
                for y in 0..32 {
                    for x in 0..32 {
                        let wave = |k: i32, at: usize| {
                            (std::f64::consts::PI * f64::from(k) * (at as f64 + 0.5) / 32.0).cos()
                        };
                        sum += f64::from(gray[y * 32 + x]) * wave(u, x) * wave(v, y);
                    }
                }
                values.push(sum);
            }
        }
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted[31] + sorted[32]) / 2.0;
        values
            .iter()
            .fold(0, |hash, &value| hash << 1 | u64::from(value > median))
    }

    #[test]
    fn phash_is_the_documented_one() {
        for phase in [0.3, 1.1, 2.9] {
            let pixels = picture(200, 150, phase);
            assert_eq!(hashes(&pixels).phash, naive_phash(&pixels));
        }
    }

    #[test]
    fn half_of_the_phash_bits_are_set() {
        assert_eq!(hashes(&picture(120, 90, 0.5)).phash.count_ones(), 32);
    }

    #[test]
    fn dhash_of_a_ramp_is_all_ones_or_all_zeros() {
        let ramp = |x: u32| [(x * 2) as u8; 3];
        let rising: Vec<u8> = (0..50).flat_map(|_| (0..100).flat_map(ramp)).collect();
        let falling: Vec<u8> = (0..50)
            .flat_map(|_| (0..100).rev().flat_map(ramp))
            .collect();
        assert_eq!(
            hashes(&Pixels::new(100, 50, rising).unwrap()).dhash,
            u64::MAX
        );
        assert_eq!(hashes(&Pixels::new(100, 50, falling).unwrap()).dhash, 0);
    }

    #[test]
    fn a_resized_picture_stays_near_and_another_is_far() {
        let [original, smaller, other] = [
            picture(640, 480, 0.3),
            picture(300, 225, 0.3),
            picture(640, 480, 1.7),
        ]
        .map(|p| hashes(&p));
        assert!((original.phash ^ smaller.phash).count_ones() <= 4);
        assert!((original.dhash ^ smaller.dhash).count_ones() <= 4);
        assert!((original.phash ^ other.phash).count_ones() >= 12);
    }
}
