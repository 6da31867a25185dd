//! Squares of numbers: brightness or colour, at several sizes, stretched, and softened.

use super::align::{Axis, COARSE};

/// One channel of a picture that was squeezed to a square, row by row.
#[derive(Clone, Debug)]
pub struct Plane {
    pub side: usize,
    pub values: Vec<f32>,
}

impl Plane {
    fn halved(&self) -> Plane {
        let side = self.side / 2;
        let at = |x: usize, y: usize| self.values[y * self.side + x];
        let mean = |place: usize| {
            let (x, y) = (2 * (place % side), 2 * (place / side));
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        };
        Plane {
            side,
            values: (0..side * side).map(mean).collect(),
        }
    }

    /// What lies at these places, between the nearest pixels; not a number outside.
    pub fn warped(&self, x: Axis, y: Axis) -> Plane {
        let rows = self.stretched_down(&y.places(self.side));
        rows.stretched_across(&x.places(self.side))
    }

    /// A row for each of these places, in pixels from the centre of the first row.
    pub fn stretched_down(&self, places: &[f32]) -> Plane {
        let mut values = Vec::with_capacity(self.values.len());
        for &place in places {
            let Some((first, part)) = between(place, self.side) else {
                values.extend(std::iter::repeat_n(f32::NAN, self.side));
                continue;
            };
            let start = first * self.side;
            let (above, below) = self.values[start..start + 2 * self.side].split_at(self.side);
            let mixed = above.iter().zip(below);
            values.extend(mixed.map(|(a, b)| a + (b - a) * part));
        }
        Plane {
            side: self.side,
            values,
        }
    }

    /// The same for columns.
    pub fn stretched_across(&self, places: &[f32]) -> Plane {
        let places: Vec<_> = places.iter().map(|x| between(*x, self.side)).collect();
        let mut values = Vec::with_capacity(self.values.len());
        for row in self.values.chunks_exact(self.side) {
            values.extend(places.iter().map(|place| match *place {
                Some((left, part)) => row[left] + (row[left + 1] - row[left]) * part,
                None => f32::NAN,
            }));
        }
        Plane {
            side: self.side,
            values,
        }
    }

    /// Values at these places along both sides, row by row.
    pub fn sampled(&self, places: &[f32]) -> Vec<f32> {
        self.stretched_down(places).stretched_across(places).values
    }

    /// Each value mixed with those beside it, a half to two quarters along both sides, so that it matters little where between two pixels
    /// an edge lies.
    pub fn blurred(&self) -> Plane {
        let across = blurred_rows(&self.values, self.side);
        let down = blurred_rows(&transposed(&across, self.side), self.side);
        Plane {
            side: self.side,
            values: transposed(&down, self.side),
        }
    }

    /// As a picture of `width` x `height` pixels would have it.
    pub fn softened(&self, width: usize, height: usize) -> Plane {
        let across = soft_rows(&self.values, self.side, width.clamp(2, self.side));
        let turned = transposed(&across, self.side);
        let down = soft_rows(&turned, self.side, height.clamp(2, self.side));
        Plane {
            side: self.side,
            values: transposed(&down, self.side),
        }
    }
}

/// The pixel before a place, and the share of the one after it; none more than half a pixel outside.
fn between(place: f32, side: usize) -> Option<(usize, f32)> {
    let last = (side - 1) as f32;
    if !(-0.5..=last + 0.5).contains(&place) {
        return None;
    }
    let place = place.clamp(0.0, last);
    let first = (place as usize).min(side - 2);
    Some((first, place - first as f32))
}

fn blurred_rows(values: &[f32], side: usize) -> Vec<f32> {
    let mut blurred = Vec::with_capacity(values.len());
    for row in values.chunks_exact(side) {
        blurred.extend((0..side).map(|x| {
            let (before, after) = (row[x.saturating_sub(1)], row[(x + 1).min(side - 1)]);
            // At the edge of what lies outside, the value itself.
            let beside = if (before + after).is_nan() {
                2.0 * row[x]
            } else {
                before + after
            };
            0.5 * row[x] + 0.25 * beside
        }));
    }
    blurred
}

fn transposed(values: &[f32], side: usize) -> Vec<f32> {
    let place = |at: usize| at % side * side + at / side;
    (0..side * side).map(|at| values[place(at)]).collect()
}

/// Means of `detail` equal parts of each row, and straight lines between them.
fn soft_rows(values: &[f32], side: usize, detail: usize) -> Vec<f32> {
    let ratio = detail as f32 / side as f32;
    let mut soft = Vec::with_capacity(values.len());
    let mut means = vec![0.0f32; detail];
    for row in values.chunks_exact(side) {
        means.fill(0.0);
        for (x, value) in row.iter().enumerate() {
            let (start, end) = (x as f32 * ratio, (x + 1) as f32 * ratio);
            let first = (start as usize).min(detail - 1);
            let inside = end.min((first + 1) as f32) - start;
            means[first] += value * inside;
            if first + 1 < detail {
                means[first + 1] += value * (end - start - inside);
            }
        }
        let places = (0..side).map(|x| (x as f32 + 0.5) * ratio - 0.5);
        soft.extend(places.map(|place| {
            let place = place.clamp(0.0, (detail - 1) as f32);
            let first = (place as usize).min(detail - 2);
            means[first] + (means[first + 1] - means[first]) * (place - first as f32)
        }));
    }
    soft
}

/// A plane at its side, half of it, and so on down to [`COARSE`].
#[derive(Clone, Debug)]
pub struct Pyramid {
    planes: Vec<Plane>,
}

impl Pyramid {
    pub fn of(plane: Plane) -> Pyramid {
        let mut planes = vec![plane];
        while let Some(last) = planes.last().filter(|plane| plane.side > COARSE) {
            let next = last.halved();
            planes.push(next);
        }
        Pyramid { planes }
    }

    pub fn side(&self) -> usize {
        self.planes[0].side
    }

    /// `side` is this one's over a power of two, and not below [`COARSE`].
    pub fn at(&self, side: usize) -> &Plane {
        &self.planes[(self.side() / side).ilog2() as usize]
    }
}
