//! The places of a picture that stand out from what is around them.
//!
//! How far a pixel is from the border of the picture, by the least barrier that a path has to cross, says how much it
//! belongs to something that lies on a background (minimum barrier distance, in the raster scans of Zhang et al.,
//! "Minimum Barrier Salient Object Detection at 80 FPS", ICCV 2015), here on a thumbnail in Oklab. Boxes of a few sizes and
//! shapes are then compared with the frame around them, and the best that do not repeat each other are chosen. Nothing is
//! random.

use crate::colors::{Lab, to_oklab};
use crate::{Filter, Pixels, resize};

/// Changes whenever [`salient`] would choose another box for the same pixels.
pub const SALIENT_VERSION: u32 = 1;

/// Long side of the thumbnail.
const SIDE: u32 = 72;
/// Scans of the thumbnail in turns from either corner; three come near to the exact distance.
const SCANS: usize = 4;
/// Sides of a square box over the square root of the picture's area; chosen with figures of Open Clip Art at a tenth to a
/// fifth of the area, where 83 of 100 have a box of four that shares half or more with theirs.
const SIZES: [f32; 3] = [0.3, 0.4, 0.5];
/// Width over height of a box.
const SHAPES: [f32; 3] = [0.6, 1.0, 1.65];
/// Boxes begin at every second pixel of the thumbnail.
const STRIDE: usize = 2;
/// How wide the frame is that a box is compared with, over the box.
const FRAME: f32 = 0.3;
/// Two boxes that share more than this of what they cover together are one.
const REPEATS: f32 = 0.35;
/// What is left around a box, over the box.
const MARGIN: f32 = 0.06;

/// A rectangle in fractions (0 to 1) of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectangle {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

/// At most `n` boxes, the one that stands out most first. A picture of one colour has some too.
pub fn salient(pixels: &Pixels, n: usize) -> Vec<Rectangle> {
    let long = pixels.width().max(pixels.height()).max(1);
    let side = |length: u32| ((length * SIDE.min(long) + long / 2) / long).max(1);
    let (width, height) = (side(pixels.width()), side(pixels.height()));
    let thumbnail = resize(pixels, width, height, Filter::Box);
    let map = Map::of(&thumbnail);
    let sums = Sums::of(&map);
    let mut boxes = candidates(map.width, map.height);
    let scores: Vec<f32> = boxes.iter().map(|one| sums.contrast(*one)).collect();
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    boxes = order.into_iter().map(|at| boxes[at]).collect();
    let mut chosen: Vec<Cells> = Vec::new();
    for one in boxes {
        if chosen.len() == n {
            break;
        }
        if chosen.iter().all(|other| other.overlap(&one) <= REPEATS) {
            chosen.push(one);
        }
    }
    chosen
        .iter()
        .map(|one| one.with_margin(map.width, map.height))
        .collect()
}

/// How much each pixel of a thumbnail stands out.
struct Map {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Map {
    fn of(thumbnail: &Pixels) -> Map {
        let (width, height) = (thumbnail.width() as usize, thumbnail.height() as usize);
        let rgb = thumbnail.data().as_chunks::<3>().0;
        let lab: Vec<Lab> = rgb.iter().map(|&rgb| to_oklab(rgb)).collect();
        let mut values = vec![0.0; lab.len()];
        for channel in 0..3 {
            let plane: Vec<f32> = lab.iter().map(|lab| lab[channel]).collect();
            for (value, distance) in values.iter_mut().zip(barriers(&plane, width, height)) {
                *value += distance;
            }
        }
        Map {
            width,
            height,
            values,
        }
    }
}

/// Of each pixel, the least range of values on a path from it to the border.
fn barriers(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let is_border = |at: usize| {
        let (x, y) = (at % width, at / width);
        x == 0 || y == 0 || x == width - 1 || y == height - 1
    };
    let start = |at: usize| if is_border(at) { 0.0 } else { f32::INFINITY };
    let mut distances: Vec<f32> = (0..plane.len()).map(start).collect();
    // The highest and the lowest value on the best path so far.
    let (mut highest, mut lowest) = (plane.to_vec(), plane.to_vec());
    for scan in 0..SCANS {
        let forward = scan % 2 == 0;
        for step in 0..plane.len() {
            let at = if forward {
                step
            } else {
                plane.len() - 1 - step
            };
            if is_border(at) {
                continue;
            }
            let neighbours = if forward {
                [at - 1, at - width]
            } else {
                [at + 1, at + width]
            };
            for from in neighbours {
                let high = highest[from].max(plane[at]);
                let low = lowest[from].min(plane[at]);
                if high - low < distances[at] && distances[from].is_finite() {
                    (distances[at], highest[at], lowest[at]) = (high - low, high, low);
                }
            }
        }
    }
    distances
}

/// A box of the thumbnail in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cells {
    x: usize,
    y: usize,
    w: usize,
    h: usize,
}

fn candidates(width: usize, height: usize) -> Vec<Cells> {
    let unit = ((width * height) as f32).sqrt();
    let mut boxes = Vec::new();
    for size in SIZES {
        for shape in SHAPES {
            let side =
                |factor: f32, most: usize| ((size * unit * factor).round() as usize).clamp(1, most);
            let (w, h) = (side(shape.sqrt(), width), side(1.0 / shape.sqrt(), height));
            for y in (0..=height - h).step_by(STRIDE) {
                for x in (0..=width - w).step_by(STRIDE) {
                    boxes.push(Cells { x, y, w, h });
                }
            }
        }
    }
    boxes
}

impl Cells {
    fn area(&self) -> f32 {
        (self.w * self.h) as f32
    }

    /// What both cover over what either covers.
    fn overlap(&self, other: &Cells) -> f32 {
        let shared = |from: usize, length: usize, begin: usize, extent: usize| {
            (from + length)
                .min(begin + extent)
                .saturating_sub(from.max(begin))
        };
        let both =
            shared(self.x, self.w, other.x, other.w) * shared(self.y, self.h, other.y, other.h);
        both as f32 / (self.area() + other.area() - both as f32)
    }

    /// Wider on all sides, as far as the picture goes.
    fn widened(&self, share: f32, width: usize, height: usize) -> Cells {
        let (dx, dy) = (self.w as f32 * share, self.h as f32 * share);
        let (dx, dy) = (dx.ceil() as usize, dy.ceil() as usize);
        let (x, y) = (self.x.saturating_sub(dx), self.y.saturating_sub(dy));
        Cells {
            x,
            y,
            w: (self.x + self.w + dx).min(width) - x,
            h: (self.y + self.h + dy).min(height) - y,
        }
    }

    fn with_margin(&self, width: usize, height: usize) -> Rectangle {
        let wide = self.widened(MARGIN, width, height);
        let (columns, rows) = (width as f32, height as f32);
        Rectangle {
            x: wide.x as f32 / columns,
            y: wide.y as f32 / rows,
            w: wide.w as f32 / columns,
            h: wide.h as f32 / rows,
        }
    }
}

/// Sums of the map over every rectangle from its corner (Crow 1984), so that a box costs four look-ups.
struct Sums {
    width: usize,
    height: usize,
    sums: Vec<f32>,
}

impl Sums {
    fn of(map: &Map) -> Sums {
        let stride = map.width + 1;
        let mut sums = vec![0.0; stride * (map.height + 1)];
        for y in 0..map.height {
            let mut row = 0.0;
            for x in 0..map.width {
                row += map.values[y * map.width + x];
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
            }
        }
        Sums {
            width: map.width,
            height: map.height,
            sums,
        }
    }

    fn sum(&self, one: Cells) -> f32 {
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        at(one.x + one.w, one.y + one.h) + at(one.x, one.y)
            - at(one.x + one.w, one.y)
            - at(one.x, one.y + one.h)
    }

    /// How much more what is in the box stands out than the frame around it.
    fn contrast(&self, one: Cells) -> f32 {
        let wide = one.widened(FRAME, self.width, self.height);
        let (inside, around) = (self.sum(one), self.sum(wide) - self.sum(one));
        inside / one.area() - around / (wide.area() - one.area()).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(width: u32, height: u32, at: [u32; 4]) -> Pixels {
        let [x, y, w, h] = at;
        let inside =
            |column: u32, row: u32| (x..x + w).contains(&column) && (y..y + h).contains(&row);
        let data = (0..width * height).flat_map(|place| {
            let (column, row) = (place % width, place / width);
            match inside(column, row) {
                true => [220, 40, 30],
                // A gradient, which has no barrier of its own.
                false => [
                    20,
                    (40 + row * 60 / height) as u8,
                    (120 + column * 100 / width) as u8,
                ],
            }
        });
        Pixels::new(width, height, data.collect()).unwrap()
    }

    fn lies_inside(one: &Rectangle) -> bool {
        let side =
            |from: f32, length: f32| from >= 0.0 && length > 0.0 && from + length <= 1.000_01;
        side(one.x, one.w) && side(one.y, one.h)
    }

    #[test]
    fn what_stands_out_is_boxed_first() {
        for (width, height, at) in [
            (400, 300, [240, 60, 120, 110]),
            (300, 400, [20, 250, 130, 120]),
            (500, 500, [200, 210, 170, 110]),
        ] {
            let found = salient(&scene(width, height, at), 3);
            assert_eq!(found.len(), 3);
            assert!(found.iter().all(lies_inside), "{found:?}");
            let (w, h) = (width as f32, height as f32);
            let [x, y, side, tall] = at.map(|length| length as f32);
            let first = found[0];
            let shared = |from: f32, length: f32, begin: f32, extent: f32| {
                ((from + length).min(begin + extent) - from.max(begin)).max(0.0)
            };
            let both = shared(first.x * w, first.w * w, x, side)
                * shared(first.y * h, first.h * h, y, tall);
            let either = first.w * w * first.h * h + side * tall - both;
            assert!(both / either > 0.5, "{at:?}: {first:?}");
        }
    }

    #[test]
    fn every_shape_and_size_has_boxes_inside_of_it_and_always_the_same() {
        for (width, height) in [
            (1, 1),
            (2, 3),
            (5, 5),
            (1, 400),
            (3_000, 2),
            (73, 71),
            (640, 480),
        ] {
            let data = (0..width * height * 3).map(|at| (at * 37 % 251) as u8);
            let picture = Pixels::new(width, height, data.collect()).unwrap();
            let found = salient(&picture, 4);
            assert!(
                (1..=4).contains(&found.len()),
                "{width}x{height}: {found:?}"
            );
            assert!(found.iter().all(lies_inside), "{width}x{height}: {found:?}");
            assert_eq!(found, salient(&picture, 4));
        }
        let grey = Pixels::new(90, 60, vec![90; 90 * 60 * 3]).unwrap();
        assert_eq!(salient(&grey, 3).len(), 3);
        assert!(salient(&grey, 0).is_empty());
    }

    #[test]
    fn the_barrier_is_the_least_range_of_a_path() {
        // A wall of 9 around a 4: from there to the border at 1 a path has to pass 9.
        let plane = [
            1.0, 1.0, 1.0, 1.0, 1.0, //
            1.0, 9.0, 9.0, 9.0, 1.0, //
            1.0, 9.0, 4.0, 9.0, 1.0, //
            1.0, 9.0, 9.0, 9.0, 1.0, //
            1.0, 1.0, 1.0, 1.0, 1.0,
        ];
        let found = barriers(&plane, 5, 5);
        assert_eq!((found[0], found[6], found[12]), (0.0, 8.0, 8.0));
    }
}
