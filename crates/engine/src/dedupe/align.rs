//! Lays one picture on another: which part of the one is the other, up to a scale and a shift along each side, and up to
//! brightness and contrast.
//!
//! A coarse grid of crops first, then Gauss-Newton steps on the squared difference (Lucas and Kanade 1981; with the weights of
//! Geman and McClure, as in Black and Anandan 1996, what a watermark hides does not pull), from coarse to fine.

use super::plane::{Plane, Pyramid};

/// The most that a crop takes of a side.
pub const MOST_CROPPED: f32 = 0.1;
/// What rounding to whole pixels and small pictures may add.
const SLACK: f32 = 0.02;
/// Side at which crops are tried.
pub const COARSE: usize = 16;
/// Steps at each side at most, and the change of a side below which there is no need for another.
const STEPS: usize = 4;
const SETTLED: f32 = 2e-4;
/// Correlation of the best crop below which two pictures are not one: a watermark leaves more.
const LEAST_CORRELATION: f32 = 0.6;
/// Crops of the grid that are refined, until one explains enough.
const STARTS: usize = 3;
/// How much of the best known of scales and shifts is added to what is known of each.
const STIFFNESS: f64 = 2e-3;
/// What a difference is at least taken to be usual, in steps of brightness: noise.
const NOISE: f32 = 12.0;

/// Where a place along one side lies in the other picture: `scale * x + shift`, the side being 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub scale: f32,
    pub shift: f32,
}

impl Axis {
    pub const SAME: Axis = Axis {
        scale: 1.0,
        shift: 0.0,
    };

    /// Whether a crop could have done it: either side lies within the other and is nearly as long.
    fn is_a_crop(self) -> bool {
        let (start, end) = (self.shift, self.scale + self.shift);
        let most = MOST_CROPPED + SLACK;
        let within = start >= -SLACK && end <= 1.0 + SLACK && self.scale >= 1.0 - most;
        let around = start <= SLACK && end >= 1.0 - SLACK && self.scale <= 1.0 / (1.0 - most);
        within || around
    }

    fn is_sane(self) -> bool {
        (0.75..1.35).contains(&self.scale) && self.shift.abs() < 0.35
    }

    /// Where each pixel's centre lies in the other, in its pixels.
    pub fn places(self, side: usize) -> Vec<f32> {
        let along = |at: usize| {
            (self.scale * (at as f32 + 0.5) / side as f32 + self.shift) * side as f32 - 0.5
        };
        (0..side).map(along).collect()
    }
}

/// How a picture lies on another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    pub x: Axis,
    pub y: Axis,
    /// Brightness there times this and plus that is brightness here.
    pub gain: f32,
    pub offset: f32,
}

/// Where `other` may lie on `here`, the likeliest first.
pub fn starts(here: &Pyramid, other: &Pyramid) -> Vec<Placement> {
    best_crops(here.at(COARSE), other.at(COARSE))
}

/// How `other` lies on `here`, to begin with `near` at this side; none where no crop within bounds was found.
pub fn align(here: &Pyramid, other: &Pyramid, near: Placement, side: usize) -> Option<Placement> {
    let (mut found, mut side) = (near, side);
    while side <= here.side() {
        for _ in 0..STEPS {
            let next = step(here.at(side), other.at(side), found)?;
            let moved = |a: Axis, b: Axis| (a.scale - b.scale).abs() + (a.shift - b.shift).abs();
            let is_settled = moved(next.x, found.x) + moved(next.y, found.y) < SETTLED;
            found = next;
            if is_settled {
                break;
            }
        }
        side *= 2;
    }
    (found.x.is_a_crop() && found.y.is_a_crop()).then_some(found)
}

/// Of a grid of crops of either picture those with the highest correlations.
fn best_crops(here: &Plane, other: &Plane) -> Vec<Placement> {
    const KEPT: [f32; 2] = [0.95, 0.9];
    let mut axes = vec![Axis::SAME];
    for scale in KEPT {
        for part in [0.0, 0.5, 1.0] {
            let shift = (1.0 - scale) * part;
            axes.push(Axis { scale, shift });
            axes.push(Axis {
                scale: 1.0 / scale,
                shift: -shift / scale,
            });
        }
    }
    let mut found: Vec<(f32, Placement)> = Vec::new();
    for &y in &axes {
        let rows = other.stretched_down(&y.places(other.side));
        for &x in &axes {
            let warped = rows.stretched_across(&x.places(other.side));
            let correlation = correlation(here, &warped);
            if correlation >= LEAST_CORRELATION {
                let (gain, offset) = (1.0, 0.0);
                found.push((correlation, Placement { x, y, gain, offset }));
            }
        }
        // What lies as it is needs no grid.
        if found.iter().any(|(correlation, _)| *correlation > 0.99) {
            break;
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(STARTS);
    found.into_iter().map(|(_, placement)| placement).collect()
}

/// Over what lies on both; what is outside is not a number.
fn correlation(here: &Plane, other: &Plane) -> f32 {
    let mut sums = [0.0f32; 6];
    for (&a, &b) in here.values.iter().zip(&other.values) {
        if b.is_nan() {
            continue;
        }
        for (sum, x) in sums.iter_mut().zip([1.0, a, b, a * a, b * b, a * b]) {
            *sum += x;
        }
    }
    let [n, a, b, aa, bb, ab] = sums;
    let (va, vb) = (aa - a * a / n, bb - b * b / n);
    (ab - a * b / n) / (va * vb).sqrt().max(1e-6)
}

/// One Gauss-Newton step on scale and shift of both sides, gain and offset.
fn step(here: &Plane, other: &Plane, from: Placement) -> Option<Placement> {
    let side = here.side;
    let warped = other.warped(from.x, from.y);
    let residual = residuals(here, &warped, from);
    let usual = usual(&residual)?;
    let mut system = [[0.0f64; 7]; 6];
    let length = side as f32;
    for row in 1..side - 1 {
        let mut sums = [[0.0f32; 7]; 6];
        let y = (row as f32 + 0.5) / length;
        for column in 1..side - 1 {
            let at = row * side + column;
            let b = |at: usize| warped.values[at];
            let (left, right, up, down) = (b(at - 1), b(at + 1), b(at - side), b(at + side));
            let difference = residual[at];
            if (left + right + up + down + difference).is_nan() {
                continue;
            }
            let x = (column as f32 + 0.5) / length;
            // Slopes of the other picture in its own places, in fractions of the side.
            let gx = from.gain * (right - left) * 0.5 * length / from.x.scale;
            let gy = from.gain * (down - up) * 0.5 * length / from.y.scale;
            let slopes = [gx * x, gx, gy * y, gy, b(at) / 255.0, 1.0];
            let weight = 1.0 / (1.0 + (difference / usual).powi(2)).powi(2);
            for i in 0..6 {
                let weighted = weight * slopes[i];
                for j in i..6 {
                    sums[i][j] += weighted * slopes[j];
                }
                sums[i][6] += weighted * difference;
            }
        }
        for (total, sum) in system
            .as_flattened_mut()
            .iter_mut()
            .zip(sums.as_flattened())
        {
            *total += f64::from(*sum);
        }
    }
    let upper = system;
    for (i, row) in system.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate().take(i) {
            *value = upper[j][i];
        }
    }
    // A side without detail of its own stays where it is, whatever noise says.
    let most = (0..4).map(|i| system[i][i]).fold(0.0, f64::max);
    for (i, row) in system.iter_mut().enumerate().take(4) {
        row[i] += STIFFNESS * most;
    }
    let [sx, tx, sy, ty, gain, offset] = solve(system)?.map(|x| x as f32);
    let moved = |axis: Axis, scale: f32, shift: f32| Axis {
        scale: axis.scale + scale,
        shift: axis.shift + shift,
    };
    let next = Placement {
        x: moved(from.x, sx, tx),
        y: moved(from.y, sy, ty),
        gain: from.gain + gain / 255.0,
        offset: from.offset + offset,
    };
    (next.x.is_sane() && next.y.is_sane()).then_some(next)
}

/// What the other does not explain here, pixel by pixel; not a number outside of it.
///
/// What was made brighter or darker until it was white or black could have been anything beyond.
pub fn residuals(here: &Plane, warped: &Plane, placement: Placement) -> Vec<f32> {
    const WHITE: f32 = 250.0;
    const BLACK: f32 = 5.0;
    let one = |(&a, &b): (&f32, &f32)| {
        let expected = placement.gain * b + placement.offset;
        let difference = a - expected.clamp(0.0, 255.0);
        let is_clipped = (b >= WHITE && difference > 0.0) || (b <= BLACK && difference < 0.0);
        if is_clipped { 0.0 } else { difference }
    };
    here.values.iter().zip(&warped.values).map(one).collect()
}

/// What a difference usually is: three medians, and never less than noise.
fn usual(residual: &[f32]) -> Option<f32> {
    // Every third is enough to know.
    let sizes = residual.iter().step_by(3).map(|x| x.abs());
    let mut sizes: Vec<f32> = sizes.filter(|x| !x.is_nan()).collect();
    if sizes.is_empty() {
        return None;
    }
    let middle = sizes.len() / 2;
    let (_, median, _) = sizes.select_nth_unstable_by(middle, f32::total_cmp);
    Some((3.0 * *median).max(NOISE))
}

/// Gauss's elimination with pivots, of so many equations, the right side in the last column; a little is added to the diagonal, so that a side without detail stays as it is.
pub fn solve<const N: usize, const COLUMNS: usize>(
    mut system: [[f64; COLUMNS]; N],
) -> Option<[f64; N]> {
    for (i, row) in system.iter_mut().enumerate() {
        row[i] += 1e-3 * row[i] + 1e-6;
    }
    for i in 0..N {
        let pivot = (i..N).max_by(|&a, &b| system[a][i].abs().total_cmp(&system[b][i].abs()))?;
        system.swap(i, pivot);
        if system[i][i].abs() < 1e-12 {
            return None;
        }
        let pivoted = system[i];
        for row in &mut system[i + 1..] {
            let factor = row[i] / pivoted[i];
            for (value, above) in row.iter_mut().zip(pivoted) {
                *value -= factor * above;
            }
        }
    }
    let mut solution = [0.0; N];
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|j| system[i][j] * solution[j]).sum();
        solution[i] = (system[i][N] - known) / system[i][i];
    }
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}
