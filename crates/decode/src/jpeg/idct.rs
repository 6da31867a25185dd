//! The inverse DCT of a block at a half, a quarter or an eighth of its size.
//!
//! The N x N lowest frequencies of the 8 x 8 DCT, scaled by N/8, are the DCT of the picture reduced to N x N
//! (Dugad and Ahuja, "A fast scheme for image size change in the compressed domain", 2001). With the
//! normalisation of ITU-T T.81 all three sizes end in a division by 8.

/// Low frequencies of one block, dequantised, rows of N; the last place takes what is not wanted.
pub(super) type Coefficients = [f32; 17];

/// Where in [`Coefficients`] what is not wanted goes.
const DROPPED: u8 = 16;

/// Zigzag order: row << 4 | column of each coefficient.
const ZIGZAG: [u8; 64] = [
    0x00, 0x01, 0x10, 0x20, 0x11, 0x02, 0x03, 0x12, 0x21, 0x30, 0x40, 0x31, 0x22, 0x13, 0x04, 0x05,
    0x14, 0x23, 0x32, 0x41, 0x50, 0x60, 0x51, 0x42, 0x33, 0x24, 0x15, 0x06, 0x07, 0x16, 0x25, 0x34,
    0x43, 0x52, 0x61, 0x70, 0x71, 0x62, 0x53, 0x44, 0x35, 0x26, 0x17, 0x27, 0x36, 0x45, 0x54, 0x63,
    0x72, 0x73, 0x64, 0x55, 0x46, 0x37, 0x47, 0x56, 0x65, 0x74, 0x75, 0x66, 0x57, 0x67, 0x76, 0x77,
];

/// Which coefficients a size needs.
pub(super) struct Plan {
    /// Pixels of a block each way: 4, 2 or 1.
    pub side: usize,
    /// The last coefficient in zigzag order that is wanted.
    pub last: usize,
    /// Where each coefficient goes.
    pub places: [u8; 64],
}

impl Plan {
    pub fn new(side: usize) -> Plan {
        let place = |code: u8| {
            let (row, column) = (usize::from(code >> 4), usize::from(code & 15));
            if row < side && column < side {
                (row * side + column) as u8
            } else {
                DROPPED
            }
        };
        let places = ZIGZAG.map(place);
        let last = places
            .iter()
            .rposition(|&place| place != DROPPED)
            .unwrap_or(0);
        Plan { side, last, places }
    }
}

/// Writes a block of one value.
pub(super) fn flat(dc: f32, side: usize, out: &mut [u8], stride: usize) {
    let value = level(dc / 8.0);
    for row in out.chunks_mut(stride).take(side) {
        row[..side].fill(value);
    }
}

/// Writes a block of `side` rows, `stride` apart.
pub(super) fn inverse(coefficients: &Coefficients, side: usize, out: &mut [u8], stride: usize) {
    match side {
        4 => inverse_4(coefficients, out, stride),
        2 => inverse_2(coefficients, out, stride),
        _ => out[0] = level(coefficients[0] / 8.0),
    }
}

fn inverse_2(coefficients: &Coefficients, out: &mut [u8], stride: usize) {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| coefficients[at] / 8.0);
    let (left, right) = (a + b, a - b);
    let (below_left, below_right) = (c + d, c - d);
    out[0] = level(left + below_left);
    out[1] = level(right + below_right);
    out[stride] = level(left - below_left);
    out[stride + 1] = level(right - below_right);
}

fn inverse_4(coefficients: &Coefficients, out: &mut [u8], stride: usize) {
    let row = |at: usize| std::array::from_fn::<f32, 4, _>(|column| coefficients[at * 4 + column]);
    let columns = butterfly([row(0), row(1), row(2), row(3)]);
    let pixels = butterfly(transposed(columns));
    for (row, values) in out.chunks_mut(stride).zip(transposed(pixels)) {
        for (pixel, value) in row.iter_mut().zip(values) {
            *pixel = level(value / 8.0);
        }
    }
}

/// The four-point inverse DCT down four columns at once.
#[inline(always)]
fn butterfly([f0, f1, f2, f3]: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    // The square root of two times the cosines of 1/8 and 3/8 of pi.
    const COS_1: f32 = 1.306_563;
    const COS_3: f32 = 0.541_196_1;
    let of = |value: fn(f32, f32, f32, f32) -> f32| {
        std::array::from_fn(|at| value(f0[at], f1[at], f2[at], f3[at]))
    };
    [
        of(|a, b, c, d| (a + c) + (b * COS_1 + d * COS_3)),
        of(|a, b, c, d| (a - c) + (b * COS_3 - d * COS_1)),
        of(|a, b, c, d| (a - c) - (b * COS_3 - d * COS_1)),
        of(|a, b, c, d| (a + c) - (b * COS_1 + d * COS_3)),
    ]
}

#[inline(always)]
fn transposed(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}

/// A sample around zero as a byte around 128, rounded to nearest.
#[inline(always)]
fn level(value: f32) -> u8 {
    // The conversion saturates, and not-a-number becomes 0.
    (value + 128.5) as u8
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};

    use proptest::prelude::*;

    use super::*;

    /// The definition: the orthonormal N-point inverse DCT of the scaled low frequencies.
    fn naive(coefficients: &[f32], side: usize) -> Vec<u8> {
        let scale =
            |k: usize| if k == 0 { FRAC_1_SQRT_2 } else { 1.0 } * (2.0 / side as f64).sqrt();
        let wave = |k: usize, x: usize| (PI * k as f64 * (x as f64 + 0.5) / side as f64).cos();
        let mut out = Vec::new();
        for y in 0..side {
            for x in 0..side {
                let mut sum = 0.0;
                for v in 0..side {
                    for u in 0..side {
                        let coefficient = f64::from(coefficients[v * side + u]);
                        sum += scale(u) * scale(v) * coefficient * wave(u, x) * wave(v, y);
                    }
                }
                out.push((sum * side as f64 / 8.0 + 128.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(values in prop::array::uniform16(-600.0f32..600.0), size in 0usize..3) {
            let side = [4, 2, 1][size];
            let mut coefficients = [0.0; 17];
            coefficients[..16].copy_from_slice(&values);
            let mut out = vec![0; side * side];
            inverse(&coefficients, side, &mut out, side);
            for (found, expected) in out.iter().zip(naive(&values, side)) {
                prop_assert!(found.abs_diff(expected) <= 1);
            }
        }
    }

    #[test]
    fn plans_end_where_their_square_does() {
        let last = |side| Plan::new(side).last;
        assert_eq!([last(4), last(2), last(1)], [24, 4, 0]);
        let mut places: Vec<u8> = Plan::new(4)
            .places
            .into_iter()
            .filter(|&place| place != DROPPED)
            .collect();
        places.sort();
        assert_eq!(places, (0..16).collect::<Vec<u8>>());
    }
}
