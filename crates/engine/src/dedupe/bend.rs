//! What crops do to the spectrum of a picture, to first order.
//!
//! A picture's spectrum and that of a crop of it differ about as much as a sum of the changes that four small crops make, one at
//! each edge: the tangent distance of Simard, LeCun and Denker 1993, with secants in the place of tangents.

use super::align::{Axis, MOST_CROPPED};
use super::plane::Plane;
use super::spectrum::{Spectrum, WAVES};

/// How much of a side the small crops take.
const CUT: f32 = 0.05;
/// Added to the diagonal, so that an edge at which nothing is bends nothing.
const DAMPING: f32 = 0.02;
const EDGES: usize = 4;

/// The changes that a crop at each of four edges makes.
pub struct Bends {
    changes: [[f32; WAVES * WAVES]; EDGES],
    /// Inverse of their products with each other.
    inverse: [[f32; EDGES]; EDGES],
}

impl Bends {
    /// Of the picture with this brightness, whose spectrum it is.
    pub fn of(plane: &Plane, spectrum: &Spectrum) -> Bends {
        let kept = 1.0 - CUT;
        let cut = |shift: f32| Axis { scale: kept, shift };
        let crops = [
            (cut(CUT), Axis::SAME),
            (cut(0.0), Axis::SAME),
            (Axis::SAME, cut(CUT)),
            (Axis::SAME, cut(0.0)),
        ];
        let changes = crops.map(|(x, y)| {
            let cropped = Spectrum::of_plane(&plane.warped(x, y));
            let mut change = [0.0; WAVES * WAVES];
            if let Some(cropped) = cropped {
                let both = cropped.waves().iter().zip(spectrum.waves());
                change
                    .iter_mut()
                    .zip(both)
                    .for_each(|(change, (a, b))| *change = a - b);
            }
            change
        });
        let product = |i: usize, j: usize| dot(&changes[i], &changes[j]);
        let mut products = [[0.0; EDGES]; EDGES];
        for (i, row) in products.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = product(i, j) + if i == j { DAMPING } else { 0.0 };
            }
        }
        Bends {
            changes,
            inverse: inverse(products),
        }
    }

    /// How far another spectrum is, turned to lie as this one's picture does, after the best of such changes, and which crops those are.
    pub fn distance(&self, here: &Spectrum, other: &[f32; WAVES * WAVES]) -> Bent {
        let mut difference = [0.0; WAVES * WAVES];
        let both = here.waves().iter().zip(other);
        difference
            .iter_mut()
            .zip(both)
            .for_each(|(d, (a, b))| *d = b - a);
        let along = self
            .changes
            .each_ref()
            .map(|change| dot(change, &difference));
        let amounts = self.inverse.map(|row| {
            let products = row.iter().zip(&along).map(|(value, x)| value * x);
            products.sum::<f32>()
        });
        let explained: f32 = amounts.iter().zip(&along).map(|(a, b)| a * b).sum();
        let [left, right, top, bottom] =
            amounts.map(|amount| (amount * CUT).clamp(-MOST_CROPPED, MOST_CROPPED));
        let axis = |start: f32, end: f32| Axis {
            scale: 1.0 / (1.0 - start - end),
            shift: -start / (1.0 - start - end),
        };
        Bent {
            distance: (dot(&difference, &difference) - explained).max(0.0),
            x: axis(left, right),
            y: axis(top, bottom),
        }
    }
}

/// What remains of a difference, and where a place of this picture lies in the other.
#[derive(Clone, Copy, Debug)]
pub struct Bent {
    /// Squared.
    pub distance: f32,
    pub x: Axis,
    pub y: Axis,
}

fn dot(a: &[f32; WAVES * WAVES], b: &[f32; WAVES * WAVES]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// By Gauss and Jordan; the diagonal of a damped matrix of products is never 0.
fn inverse(mut matrix: [[f32; EDGES]; EDGES]) -> [[f32; EDGES]; EDGES] {
    let mut result = [[0.0; EDGES]; EDGES];
    for (i, row) in result.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for i in 0..EDGES {
        let pivot = matrix[i][i];
        for j in 0..EDGES {
            matrix[i][j] /= pivot;
            result[i][j] /= pivot;
        }
        for other in 0..EDGES {
            if other == i {
                continue;
            }
            let factor = matrix[other][i];
            for j in 0..EDGES {
                matrix[other][j] -= factor * matrix[i][j];
                result[other][j] -= factor * result[i][j];
            }
        }
    }
    result
}
