//! A first look at two pictures at a very small size, laid on each other as their waves suggest.

use super::align::{Axis, COARSE};
use super::plane::Plane;
use super::turn::Turn;

/// Share of the pixels that differ most, which a watermark may have changed.
const FORGIVEN: f32 = 0.08;

/// Brightness at [`COARSE`] x [`COARSE`].
#[derive(Clone, Debug)]
pub struct Glance(Vec<u8>);

impl Glance {
    /// Of a square of brightness whose side is a multiple of [`COARSE`].
    pub fn of(luma: &[u8], side: usize) -> Glance {
        let cell = side / COARSE;
        let mean = |at: usize| {
            let (left, top) = (at % COARSE * cell, at / COARSE * cell);
            let rows =
                (top..top + cell).map(|row| &luma[row * side + left..row * side + left + cell]);
            let sum: u32 = rows.flatten().map(|x| u32::from(*x)).sum();
            (sum / (cell * cell) as u32) as u8
        };
        Glance((0..COARSE * COARSE).map(mean).collect())
    }

    pub fn turned(&self, turn: Turn) -> Plane {
        let values = turn.of_square(&self.0, COARSE);
        Plane {
            side: COARSE,
            values: values.into_iter().map(f32::from).collect(),
        }
    }
}

/// Share of the variation here that the other, laid so, does not explain, but for the places that differ most.
pub fn unexplained(here: &Plane, other: &Plane, x: Axis, y: Axis) -> f32 {
    let warped = other.warped(x, y);
    let pairs: Vec<(f32, f32)> = here
        .values
        .iter()
        .zip(&warped.values)
        .filter(|(_, b)| !b.is_nan())
        .map(|(a, b)| (*a, *b))
        .collect();
    let (gain, offset, all) = line(&pairs);
    let mut squares: Vec<(f32, (f32, f32))> = pairs
        .into_iter()
        .map(|(a, b)| ((a - gain * b - offset).powi(2), (a, b)))
        .collect();
    let kept = squares.len() - (squares.len() as f32 * FORGIVEN) as usize;
    if kept == 0 {
        return 1.0;
    }
    squares.select_nth_unstable_by(kept - 1, |a, b| a.0.total_cmp(&b.0));
    let pairs: Vec<(f32, f32)> = squares[..kept].iter().map(|(_, pair)| *pair).collect();
    // Of a small figure on an empty ground nothing is left without the places that differ most.
    all.min(line(&pairs).2)
}

/// The straight line from the second to the first, and the share of the first's variation that it leaves.
fn line(pairs: &[(f32, f32)]) -> (f32, f32, f32) {
    let mut sums = [0.0f32; 5];
    for &(a, b) in pairs {
        for (sum, x) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
            *sum += x;
        }
    }
    let n = (pairs.len() as f32).max(1.0);
    let [a, b, aa, bb, ab] = sums;
    let (va, vb, vab) = (aa - a * a / n, bb - b * b / n, ab - a * b / n);
    let gain = vab / vb.max(1.0);
    (
        gain,
        (a - gain * b) / n,
        (1.0 - vab * vab / (va * vb).max(1.0)).max(0.0),
    )
}
