//! The coarsest waves of a picture, which a resize, a recompression, a crop or a mark in a corner hardly changes.
//!
//! They are coefficients of the two-dimensional DCT-II. Mirroring a picture negates its odd ones and transposing it swaps
//! their two frequencies, so that those of all eight turns are known from those of one.

use std::f32::consts::PI;
use std::sync::LazyLock;

use super::plane::Plane;
use super::sketch::SIDE;
use super::turn::Turn;

/// Frequencies each way, the constant one included.
pub const WAVES: usize = 8;
/// Numbers of an [`invariants`] row: each pair of frequencies once and twice, and one to fill up.
pub const INVARIANTS: usize = WAVES * WAVES;
/// What 1 is in [`invariants`]: squares of a row of unit length still sum up within 32 bits.
pub const UNIT: f32 = 8192.0;
/// Natural pictures vary less the higher the frequency, which is made up for; beyond this frequency waves count less, because a crop
/// turns their phase further.
const SOFTNESS: f32 = 3.0;
/// Brightness has to vary by this many steps of 255 (standard deviation over the coarse waves) for a picture to have a shape.
const LEAST_CONTRAST: f32 = 2.0;

/// At unit length, so that brightness and contrast of the picture do not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// By vertical frequency, then by horizontal frequency; the constant is 0.
    waves: [f32; WAVES * WAVES],
}

impl Spectrum {
    /// None for a picture that is almost blank: it has no shape to be known by.
    pub fn of(luma: &[u8]) -> Option<Spectrum> {
        let values = luma.iter().map(|x| f32::from(*x)).collect();
        Spectrum::of_plane(&Plane { side: SIDE, values })
    }

    /// The same of a plane of [`SIDE`].
    pub fn of_plane(plane: &Plane) -> Option<Spectrum> {
        let mut waves = coefficients(&plane.values);
        waves[0] = 0.0;
        let plain = length(&waves);
        if plain < LEAST_CONTRAST {
            return None;
        }
        for (at, wave) in waves.iter_mut().enumerate() {
            let (u, v) = ((at % WAVES) as f32, (at / WAVES) as f32);
            let square = u * u + v * v;
            *wave *= square.sqrt() * (-square / (2.0 * SOFTNESS * SOFTNESS)).exp();
        }
        let length = length(&waves);
        waves.iter_mut().for_each(|wave| *wave /= length);
        Some(Spectrum { waves })
    }

    pub fn waves(&self) -> &[f32; WAVES * WAVES] {
        &self.waves
    }

    /// Of the picture turned so.
    pub fn turned(&self, turn: Turn) -> [f32; WAVES * WAVES] {
        std::array::from_fn(|at| {
            let (u, v) = (at % WAVES, at / WAVES);
            let from = if turn.transposed { u * WAVES + v } else { at };
            let is_negated = (turn.mirrored && u % 2 == 1) != (turn.flipped && v % 2 == 1);
            if is_negated {
                -self.waves[from]
            } else {
                self.waves[from]
            }
        })
    }

    /// The cosine with each turn of the other, in the order of [`Turn::ALL`].
    pub fn cosines(&self, other: &Spectrum) -> [f32; 8] {
        // A turn changes signs by the parity of the two frequencies alone, so that four sums serve four turns.
        let (mut straight, mut across) = ([0.0; 4], [0.0; 4]);
        for v in 0..WAVES {
            for u in 0..WAVES {
                let (class, ours) = ((v % 2) * 2 + u % 2, self.waves[v * WAVES + u]);
                straight[class] += ours * other.waves[v * WAVES + u];
                across[class] += ours * other.waves[u * WAVES + v];
            }
        }
        Turn::ALL.map(|turn| {
            let sums = if turn.transposed { across } else { straight };
            let x = if turn.mirrored { -1.0 } else { 1.0 };
            let y = if turn.flipped { -1.0 } else { 1.0 };
            sums[0] + x * sums[1] + y * sums[2] + x * y * sums[3]
        })
    }

    /// What all turns of a picture have in common, in steps of 1 / [`UNIT`]. Its products are never less than the greatest of
    /// [`Spectrum::cosines`], but for rounding: each number comes from the waves by rotations and by leaving out signs, which bring no two
    /// points further apart.
    pub fn invariants(&self) -> [i16; INVARIANTS] {
        let mut row = [0; INVARIANTS];
        let mut at = 0;
        let mut push = |number: f32| {
            row[at] = (number * UNIT).round() as i16;
            at += 1;
        };
        for v in 0..WAVES {
            for u in 0..=v {
                let (a, b) = (self.waves[v * WAVES + u], self.waves[u * WAVES + v]);
                let half = std::f32::consts::FRAC_1_SQRT_2;
                match (u == v, u % 2 == 1, v % 2 == 1) {
                    (true, false, _) => push(a),
                    (true, true, _) => push(a.abs()),
                    (false, false, false) => {
                        push((a + b) * half);
                        push((a - b).abs() * half);
                    }
                    // Both change their signs together.
                    (false, true, true) => {
                        push((a + b).abs() * half);
                        push((a - b).abs() * half);
                    }
                    (false, ..) => {
                        push((a.abs() + b.abs()) * half);
                        push((a.abs() - b.abs()).abs() * half);
                    }
                }
            }
        }
        row
    }
}

fn length(waves: &[f32]) -> f32 {
    waves.iter().map(|wave| wave * wave).sum::<f32>().sqrt()
}

/// Of an orthonormal DCT, over the side: a coefficient is then in steps of brightness.
fn coefficients(luma: &[f32]) -> [f32; WAVES * WAVES] {
    static BASIS: LazyLock<[[f32; SIDE]; WAVES]> = LazyLock::new(|| {
        std::array::from_fn(|frequency| {
            let scale = if frequency == 0 { 1.0 } else { 2.0f32.sqrt() };
            let wave = |x: usize| (PI * frequency as f32 * (x as f32 + 0.5) / SIDE as f32).cos();
            std::array::from_fn(|x| scale * wave(x) / SIDE as f32)
        })
    });
    let mut columns = [[0.0f32; SIDE]; WAVES];
    for (y, row) in luma.chunks_exact(SIDE).enumerate() {
        for (column, basis) in columns.iter_mut().zip(BASIS.iter()) {
            let products = basis.iter().zip(row).map(|(wave, x)| wave * x);
            column[y] = products.sum();
        }
    }
    std::array::from_fn(|at| {
        let products = BASIS[at / WAVES].iter().zip(&columns[at % WAVES]);
        products.map(|(wave, x)| wave * x).sum()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A few broad waves with drawn phases, as pictures have.
    fn picture(seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let waves: Vec<[f32; 4]> = (0..6).map(|_| [0; 4].map(|_: u8| next())).collect();
        let value = |at: usize| {
            let (x, y) = (
                (at % SIDE) as f32 / SIDE as f32,
                (at / SIDE) as f32 / SIDE as f32,
            );
            let sum: f32 = waves
                .iter()
                .map(|[a, b, c, d]| d * (12.0 * a * x + 12.0 * b * y + 6.3 * c).sin())
                .sum();
            (127.0 + 30.0 * sum).clamp(0.0, 255.0) as u8
        };
        (0..SIDE * SIDE).map(value).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_turned_spectrum_is_that_of_the_turned_picture(seed: u64) {
            let luma = picture(seed);
            let spectrum = Spectrum::of(&luma).unwrap();
            for turn in Turn::ALL {
                let expect = Spectrum::of(&turn.of_square(&luma, SIDE)).unwrap();
                for (a, b) in spectrum.turned(turn).iter().zip(expect.waves()) {
                    prop_assert!((a - b).abs() < 1e-3, "{turn:?}: {a} {b}");
                }
            }
        }

        #[test]
        fn cosines_are_those_with_the_turned_spectra(a: u64, b: u64) {
            let (a, b) = (Spectrum::of(&picture(a)).unwrap(), Spectrum::of(&picture(b)).unwrap());
            for (turn, cosine) in Turn::ALL.into_iter().zip(a.cosines(&b)) {
                let turned = b.turned(turn);
                let naive: f32 = a.waves().iter().zip(&turned).map(|(x, y)| x * y).sum();
                prop_assert!((cosine - naive).abs() < 1e-4, "{turn:?}: {cosine} {naive}");
            }
        }

        #[test]
        fn invariants_are_those_of_every_turn_and_never_miss_a_turned_copy(a: u64, b: u64) {
            let luma = picture(a);
            let (a, b) = (Spectrum::of(&luma).unwrap(), Spectrum::of(&picture(b)).unwrap());
            let row = a.invariants();
            for turn in Turn::ALL {
                let turned = Spectrum::of(&turn.of_square(&luma, SIDE)).unwrap().invariants();
                for (x, y) in row.iter().zip(turned) {
                    prop_assert!((x - y).abs() <= 24, "{turn:?}: {x} {y}");
                }
            }
            let product: f32 = row.iter().zip(b.invariants()).map(|(x, y)| f32::from(*x) * f32::from(y)).sum();
            let best = a.cosines(&b).into_iter().fold(-1.0, f32::max);
            prop_assert!(product / (UNIT * UNIT) >= best - 0.01);
        }
    }

    #[test]
    fn a_blank_picture_has_no_spectrum() {
        assert_eq!(Spectrum::of(&[200; SIDE * SIDE]), None);
    }
}
