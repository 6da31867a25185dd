//! A heat map laid over its picture.

use std::io;

use fovea_decode::{Filter, Pixels, resize};
use fovea_vectordb::Region;

use super::heat::{Heat, PAINTED_SIDE};

/// Viridis at ten even steps, from cold to hot (Smith and van der Walt 2015, released under CC0): even to the eye, and its
/// order is seen without colours, too.
const VIRIDIS: [[u8; 3]; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3E, 0x4A, 0x89],
    [0x31, 0x68, 0x8E],
    [0x26, 0x82, 0x8E],
    [0x1F, 0x9E, 0x89],
    [0x35, 0xB7, 0x79],
    [0x6D, 0xCD, 0x59],
    [0xB4, 0xDE, 0x2C],
    [0xFD, 0xE7, 0x25],
];

/// How much of a pixel is heat where it is coldest, and where it is hottest.
const COVER: (f32, f32) = (0.35, 0.7);
/// How far a cold pixel is drained of its own colour.
const DRAINED: f32 = 0.85;
/// How bright a cold pixel stays: a white ground would outshine the heat.
const DIMMED: f32 = 0.75;
/// Where the hottest place is worth less of the score than this, it is not painted hot: it would be noise that glows.
const LEAST_SHARE: f32 = 0.1;
/// The frame of the best box, in pixels.
const FRAME: u32 = 2;

/// The picture, with a long side of 512, under the heat: what did not matter is drained and dark, what did glows. A
/// white frame marks the best box.
pub fn paint(picture: &Pixels, heat: &Heat) -> Pixels {
    let long = picture.width().max(picture.height());
    let scale = PAINTED_SIDE as f32 / long as f32;
    let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    let small = resize(picture, width, height, Filter::Lanczos3);
    let map = Smooth::of(heat);
    let mut data = small.into_data();
    for (at, pixel) in data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (at as u32 % width, at as u32 / width);
        let place = |at: u32, side: u32| (at as f32 + 0.5) / side as f32;
        cover(pixel, map.at(place(x, width), place(y, height)));
    }
    if let Some(best) = heat.best {
        frame(&mut data, (width, height), best);
    }
    Pixels::new(width, height, data).unwrap_or_else(|| picture.clone())
}

/// A PNG file of 8-bit RGB.
pub fn png(pixels: &Pixels) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.data())?;
    writer.finish()?;
    Ok(file)
}

/// The map between its cells, from 0 where nothing mattered to 1.
struct Smooth<'a> {
    heat: &'a Heat,
    peak: f32,
}

impl Smooth<'_> {
    fn of(heat: &Heat) -> Smooth<'_> {
        let peak = heat.peak().map_or(f32::INFINITY, |(.., gain)| gain);
        let peak = peak.max(LEAST_SHARE * heat.score.abs());
        Smooth { heat, peak }
    }

    /// At a point in fractions of the picture: the cubic B-spline of the cells around it, which has no corners.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (columns, rows) = (self.heat.columns, self.heat.rows);
        let (column, across) = taps(x * columns as f32 - 0.5);
        let (row, down) = taps(y * rows as f32 - 0.5);
        let clamp = |at: isize, n: usize| at.clamp(0, n as isize - 1) as usize;
        let mut sum = 0.0;
        for (j, weight_y) in down.iter().enumerate() {
            let row = clamp(row + j as isize, rows);
            for (i, weight_x) in across.iter().enumerate() {
                let column = clamp(column + i as isize, columns);
                sum += weight_x * weight_y * self.heat.gains[row * columns + column].max(0.0);
            }
        }
        (sum / self.peak).clamp(0.0, 1.0)
    }
}

/// The first of the four cells around a place, and the weight of each.
fn taps(at: f32) -> (isize, [f32; 4]) {
    let floor = at.floor();
    let t = at - floor;
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        1.0 - 3.0 * t + 3.0 * t2 - t3,
        4.0 - 6.0 * t2 + 3.0 * t3,
        1.0 + 3.0 * t + 3.0 * t2 - 3.0 * t3,
        t3,
    ];
    (floor as isize - 1, weights.map(|weight| weight / 6.0))
}

fn cover(pixel: &mut [u8], heat: f32) {
    let colour = viridis(heat);
    let share = COVER.0 + (COVER.1 - COVER.0) * heat;
    let grey =
        0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]);
    let drained = DRAINED * (1.0 - heat);
    for (value, colour) in pixel.iter_mut().zip(colour) {
        let own = f32::from(*value) * (1.0 - drained) + grey * drained;
        let own = own * (DIMMED + (1.0 - DIMMED) * heat);
        *value = (own * (1.0 - share) + colour * share).round() as u8;
    }
}

/// The colour of a heat from 0 to 1.
fn viridis(heat: f32) -> [f32; 3] {
    let place = heat.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f32;
    let at = (place as usize).min(VIRIDIS.len() - 2);
    let share = place - at as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (VIRIDIS[at][channel], VIRIDIS[at + 1][channel]);
        f32::from(from) + share * (f32::from(to) - f32::from(from))
    })
}

/// A white frame with a dark edge, to be seen on any ground.
fn frame(data: &mut [u8], (width, height): (u32, u32), best: Region) {
    let within = |from: f32, length: f32, side: u32| {
        let clamp = |at: f32| ((at * side as f32).round() as u32).min(side);
        (clamp(from), clamp(from + length).saturating_sub(1))
    };
    let ((left, right), (top, bottom)) = (
        within(best.x, best.w, width),
        within(best.y, best.h, height),
    );
    let mut put = |x: u32, y: u32, value: u8| {
        let at = (y * width + x) as usize * 3;
        if let Some(pixel) = data.get_mut(at..at + 3).filter(|_| x < width && y < height) {
            pixel.fill(value);
        }
    };
    for ring in 0..=FRAME {
        let value = if ring == FRAME { 0 } else { 255 };
        let (l, t) = (left + ring, top + ring);
        let (r, b) = (right.saturating_sub(ring), bottom.saturating_sub(ring));
        (l..=r).for_each(|x| {
            put(x, t, value);
            put(x, b, value);
        });
        (t..=b).for_each(|y| {
            put(l, y, value);
            put(r, y, value);
        });
    }
}
