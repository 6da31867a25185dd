//! What speaks for two pictures being one: how little remains when the one is laid on the other.

use super::align::{Axis, COARSE, Placement, align, residuals, solve, starts};
use super::plane::{Plane, Pyramid};
use super::sketch::{COLOR_SIDE, Sketch};
use super::turn::Turn;

/// Cells of a side.
const CELLS: usize = 16;
/// Boxes that a watermark may fill, in cells: a twentieth of the area, and what its edges touch.
const MARKS: [(usize, usize); 9] = [
    (4, 5),
    (5, 4),
    (3, 7),
    (7, 3),
    (2, 10),
    (10, 2),
    (5, 5),
    (16, 1),
    (1, 16),
];
/// Mean distance of colours from grey, in steps of 255, from which on a picture is no grey one.
const COLORED: f32 = 3.0;
/// Steps of brightness that saving and reading a picture may change.
const NOISE: f32 = 2.0;

/// What was measured of two pictures of which the one was laid on the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub turn: Turn,
    pub placement: Placement,
    /// Share of the variation of brightness that the other does not explain.
    pub unexplained: f32,
    /// The same outside of the box that hides most: where a watermark is.
    pub unmarked: f32,
    /// Share of what differs in that box that is brighter, or darker, whichever is more; a watermark does one of them.
    pub one_sided: f32,
    /// Greatest difference of a small window outside of that box, in standard deviations of the brightness.
    pub spot: f32,
    /// Share of the variation of colour that is not explained; 0 where one of them is grey.
    pub color: f32,
    /// Greatest difference of colour at one place that neither a mark nor fading makes, in steps of 255.
    pub hue: f32,
}

/// A sketch in the form in which it is compared.
pub struct Prepared {
    turn: Turn,
    pyramid: Pyramid,
    chroma: [Plane; 2],
    /// Width and height of the original, in pixels.
    detail: (usize, usize),
}

impl Prepared {
    pub fn of(sketch: &Sketch, turn: Turn) -> Prepared {
        let mut detail = (sketch.width as usize, sketch.height as usize);
        if turn.transposed {
            detail = (detail.1, detail.0);
        }
        let luma = turn.of_square(&sketch.luma, sketch.side);
        Prepared {
            turn,
            pyramid: Pyramid::of(Plane {
                side: sketch.side,
                values: luma.into_iter().map(f32::from).collect(),
            }),
            chroma: sketch.chroma.each_ref().map(|plane| Plane {
                side: COLOR_SIDE,
                values: turn
                    .of_square(plane, COLOR_SIDE)
                    .into_iter()
                    .map(f32::from)
                    .collect(),
            }),
            detail,
        }
    }

    /// With no more detail than the other has, where that is a small picture.
    fn softened(&self, detail: (usize, usize)) -> Option<Pyramid> {
        let side = self.pyramid.side();
        let is_small = detail.0.min(detail.1) < side;
        let soft = || self.pyramid.at(side).softened(detail.0, detail.1);
        is_small.then(|| Pyramid::of(soft()))
    }
}

/// Unexplained share at which no other crop is tried, and from which on none can help.
const ENOUGH: f32 = 0.08;
const HOPELESS: f32 = 0.45;

/// Lays `other` on `here`, to begin with `near` where that is known. None where it does not fit at all.
pub fn compare(here: &Prepared, other: &Prepared, near: Option<Placement>) -> Option<Evidence> {
    let soft_here = here.softened(other.detail);
    let soft_other = other.softened(here.detail);
    let a = soft_here.as_ref().unwrap_or(&here.pyramid);
    let b = soft_other.as_ref().unwrap_or(&other.pyramid);
    let (starts, side) = match near {
        // A coarser square is not quite in place, because its picture was decoded at a smaller scale.
        Some(near) => (vec![near], a.side() / 4),
        None => (starts(a, b), COARSE),
    };
    let mut best: Option<(Placement, Cells)> = None;
    for start in starts {
        let Some(placement) = align(a, b, start, side) else {
            continue;
        };
        let (a, b) = (a.at(a.side()), b.at(b.side()));
        // Where an edge lies between two pixels was lost when the two were squeezed.
        let (a, warped) = (a.blurred(), b.warped(placement.x, placement.y).blurred());
        let mut residual = residuals(&a, &warped, placement);
        if let Some(tint) = tint(here, other, placement) {
            untint(&mut residual, &warped, &tint);
        }
        let cells = Cells::of(&a, &residual);
        let unexplained = cells.unexplained(None);
        if best
            .as_ref()
            .is_none_or(|(_, best)| unexplained < best.unexplained(None))
        {
            best = Some((placement, cells));
        }
        if !(ENOUGH..HOPELESS).contains(&unexplained) {
            break;
        }
    }
    let (placement, cells) = best?;
    let mark = cells.mark();
    let (color, hue) = colors(here, other, placement);
    Some(Evidence {
        turn: other.turn,
        placement,
        unexplained: cells.unexplained(None),
        unmarked: cells.unexplained(Some(mark)),
        one_sided: cells.one_sided(mark),
        spot: cells.spot(mark),
        color,
        hue,
    })
}

/// A box: left, top, width and height in cells.
type Mark = [usize; 4];

/// Sums over each cell of what was compared.
struct Cells {
    n: Vec<f32>,
    /// Squared differences, of what is brighter here and of what is darker.
    brighter: Vec<f32>,
    darker: Vec<f32>,
    sum: Vec<f32>,
    square: Vec<f32>,
}

impl Cells {
    fn of(here: &Plane, residual: &[f32]) -> Cells {
        let cell = here.side / CELLS;
        let zero = || vec![0.0f32; CELLS * CELLS];
        let mut cells = Cells {
            n: zero(),
            brighter: zero(),
            darker: zero(),
            sum: zero(),
            square: zero(),
        };
        for (at, &residual) in residual.iter().enumerate() {
            if residual.is_nan() {
                continue;
            }
            let value = here.values[at];
            let at = at / here.side / cell * CELLS + at % here.side / cell;
            cells.n[at] += 1.0;
            cells.sum[at] += value;
            cells.square[at] += value * value;
            let square = (residual * residual - NOISE * NOISE).max(0.0);
            if residual > 0.0 {
                cells.brighter[at] += square;
            } else {
                cells.darker[at] += square;
            }
        }
        cells
    }

    fn residual(&self) -> Vec<f32> {
        let both = self.brighter.iter().zip(&self.darker);
        both.map(|(a, b)| a + b).collect()
    }

    /// Summed squared distance from the mean, of all cells.
    fn variation(&self) -> f32 {
        let [n, sum, square] = [&self.n, &self.sum, &self.square].map(|x| x.iter().sum::<f32>());
        (square - sum * sum / n.max(1.0)).max(NOISE * NOISE * n)
    }

    /// The box in which most of the residual lies.
    fn mark(&self) -> Mark {
        let residual = summed(&self.residual());
        let (mut best, mut most) = ([0; 4], -1.0f32);
        for (width, height) in MARKS {
            for top in 0..=CELLS - height {
                for left in 0..=CELLS - width {
                    let inside = boxed(&residual, [left, top, width, height]);
                    if inside > most {
                        (best, most) = ([left, top, width, height], inside);
                    }
                }
            }
        }
        best
    }

    /// What is not explained outside of the box, of the variation of the whole.
    fn unexplained(&self, mark: Option<Mark>) -> f32 {
        let residual = self.residual();
        let hidden = mark.map_or(0.0, |mark| boxed(&summed(&residual), mark));
        (residual.iter().sum::<f32>() - hidden).max(0.0) / self.variation()
    }

    fn one_sided(&self, mark: Mark) -> f32 {
        let inside = |values: &[f32]| boxed(&summed(values), mark).max(0.0);
        let (brighter, darker) = (inside(&self.brighter), inside(&self.darker));
        brighter.max(darker) / (brighter + darker).max(1e-3)
    }

    /// Greatest difference of 2 x 2 cells outside of the box.
    fn spot(&self, [left, top, width, height]: Mark) -> f32 {
        let residual = self.residual();
        let mut most = 0.0f32;
        for row in 0..CELLS - 1 {
            for column in 0..CELLS - 1 {
                let is_hidden = column + 1 >= left
                    && column < left + width
                    && row + 1 >= top
                    && row < top + height;
                let four = [0, 1, CELLS, CELLS + 1].map(|step| row * CELLS + column + step);
                let n: f32 = four.iter().map(|&at| self.n[at]).sum();
                let sum: f32 = four.iter().map(|&at| residual[at]).sum();
                if !is_hidden && n > 0.0 {
                    most = most.max(sum / n);
                }
            }
        }
        let mean_variation = self.variation() / self.n.iter().sum::<f32>().max(1.0);
        (most / mean_variation).sqrt()
    }
}

const STRIDE: usize = CELLS + 1;

/// Sums of all boxes that begin in the corner (an integral image), one row and one column more than there are cells.
fn summed(values: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; STRIDE * STRIDE];
    for row in 0..CELLS {
        let mut line = 0.0;
        for column in 0..CELLS {
            line += values[row * CELLS + column];
            sums[(row + 1) * STRIDE + column + 1] = sums[row * STRIDE + column + 1] + line;
        }
    }
    sums
}

fn boxed(sums: &[f32], [left, top, width, height]: Mark) -> f32 {
    let at = |row: usize, column: usize| sums[row * STRIDE + column];
    let (right, bottom) = (left + width, top + height);
    at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
}

/// Mean distance of colours from grey.
fn strength(planes: &[Plane; 2]) -> f32 {
    let sizes = planes[0].values.iter().zip(&planes[1].values);
    let sum: f32 = sizes.map(|(b, r)| b.hypot(*r)).sum();
    sum / (COLOR_SIDE * COLOR_SIDE) as f32
}

/// The colours of the one that has some, at their places here, where the other is grey.
fn tint(here: &Prepared, other: &Prepared, placement: Placement) -> Option<[Plane; 2]> {
    let is_gray = |one: &Prepared| strength(&one.chroma) < COLORED;
    match (is_gray(here), is_gray(other)) {
        (false, true) => Some(here.chroma.clone()),
        (true, false) => Some(
            other
                .chroma
                .each_ref()
                .map(|plane| plane.warped(placement.x, placement.y)),
        ),
        _ => None,
    }
}

/// How much of a colour may count as brightness, where a picture was made grey with other weights than Rec. 601: the mean of the
/// three channels takes half of blueness.
const MOST_TINT: f64 = 0.8;

/// Takes from the residual what the colours explain of it, and what contrast and brightness do beside them.
fn untint(residual: &mut [f32], warped: &Plane, tint: &[Plane; 2]) {
    let side = warped.side;
    let scale = COLOR_SIDE as f32 / side as f32;
    let place = |at: &f32| ((at + 0.5) * scale - 0.5).clamp(0.0, (COLOR_SIDE - 1) as f32);
    let places: Vec<f32> = Axis::SAME.places(side).iter().map(place).collect();
    let [blue, red] = tint.each_ref().map(|plane| plane.sampled(&places));
    let known = |at: usize| [warped.values[at], blue[at], red[at], 1.0].map(f64::from);
    let mut system = [[0.0f64; 5]; 4];
    for (at, left) in residual.iter().enumerate() {
        let known = known(at);
        if known.iter().any(|x| x.is_nan()) || left.is_nan() {
            continue;
        }
        for (row, x) in system.iter_mut().zip(known) {
            for (value, y) in row.iter_mut().zip(known) {
                *value += x * y;
            }
            row[4] += x * f64::from(*left);
        }
    }
    let Some(shares) = solve(system) else {
        return;
    };
    if shares[1].abs().max(shares[2].abs()) > MOST_TINT {
        return;
    }
    for (at, left) in residual.iter_mut().enumerate() {
        let known = known(at)
            .iter()
            .zip(shares)
            .map(|(x, share)| x * share)
            .sum::<f64>();
        // What lies outside stays no number.
        *left -= known as f32;
    }
}

/// What [`Evidence::color`] and [`Evidence::hue`] say.
fn colors(here: &Prepared, other: &Prepared, placement: Placement) -> (f32, f32) {
    if strength(&here.chroma).min(strength(&other.chroma)) < COLORED {
        return (0.0, 0.0);
    }
    let warped = other
        .chroma
        .each_ref()
        .map(|plane| plane.warped(placement.x, placement.y));
    let pairs = || {
        let ours = here.chroma[0].values.iter().zip(&here.chroma[1].values);
        let theirs = warped[0].values.iter().zip(&warped[1].values);
        let pairs = ours
            .zip(theirs)
            .map(|((b, r), (ob, or))| ([*b, *r], [*ob, *or]));
        pairs.filter(|(_, other)| !other[0].is_nan())
    };
    let sum = |of: fn([f32; 2], [f32; 2]) -> f32| pairs().map(|(a, b)| of(a, b)).sum::<f32>();
    let (aa, bb, ab) = (
        sum(|a, _| product(a, a)),
        sum(|_, b| product(b, b)),
        sum(product),
    );
    // Contrast changes colours too, by as much.
    let gain = (ab / bb.max(1.0)).clamp(0.6, 1.6);
    let color = (aa - 2.0 * gain * ab + gain * gain * bb).max(0.0) / aa.max(1.0);
    let hues = pairs().map(|(a, b)| {
        let b = b.map(|x| gain * x);
        beside(a, b).min(beside(b, a))
    });
    (color, hues.fold(0.0, f32::max))
}

fn product(a: [f32; 2], b: [f32; 2]) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

/// How far a colour is from what another fades through on its way to grey.
fn beside(color: [f32; 2], other: [f32; 2]) -> f32 {
    let part = (product(color, other) / product(other, other).max(1.0)).clamp(0.0, 1.0);
    (color[0] - part * other[0]).hypot(color[1] - part * other[1])
}
