//! What stands behind the figures: photographs of landscapes and plants, patterns, and blurred drawings.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_decode::{Filter, Options, Pixels, decode, resize};
use fovea_index::Random;

use crate::bench_ann::datasets::clipart;

/// Pictures are scaled down to this before they are cut: scenes are no larger.
const LONG_SIDE: u32 = 1600;
/// Drawings are blurred by being scaled down to so many pixels.
const BLURRED: u32 = 20;
const PATTERNS: usize = 5;

/// Photographs and drawings to choose from.
pub struct Backgrounds {
    photos: Vec<Pixels>,
    drawings: Vec<PathBuf>,
}

impl Backgrounds {
    pub fn read(photos: &Path, drawings: &Path) -> anyhow::Result<Backgrounds> {
        let photos = clipart::files(photos, "jpg")?;
        anyhow::ensure!(!photos.is_empty(), "there are no photographs");
        let photos = photos.iter().map(|path| picture(path));
        Ok(Backgrounds {
            photos: photos.collect::<Result<_, _>>()?,
            drawings: clipart::files(drawings, "png")?,
        })
    }

    /// A photograph every other time, else a pattern.
    pub fn draw(&self, width: u32, height: u32, random: &mut Random) -> anyhow::Result<Pixels> {
        if random.below(2) == 0 {
            let photo = &self.photos[random.below(self.photos.len())];
            return Ok(part_of(photo, width, height, random));
        }
        let colours = [colour(random), colour(random)];
        Ok(match random.below(PATTERNS) {
            0 => gradient(width, height, colours, random),
            1 => noise(width, height, colours, random),
            2 => checkers(width, height, colours, random),
            3 => stripes(width, height, colours, random),
            _ => {
                let drawing = &self.drawings[random.below(self.drawings.len())];
                let small = resize(&picture(drawing)?, BLURRED, BLURRED, Filter::Box);
                resize(&small, width, height, Filter::Bicubic)
            }
        })
    }
}

fn picture(path: &Path) -> anyhow::Result<Pixels> {
    let what = || format!("cannot read {}", path.display());
    let pixels = decode(&fs::read(path).with_context(what)?, &Options::default());
    let pixels = pixels.with_context(what)?.pixels;
    let long = pixels.width().max(pixels.height());
    if long <= LONG_SIDE {
        return Ok(pixels);
    }
    let side = |length: u32| (length * LONG_SIDE / long).max(1);
    let (width, height) = (side(pixels.width()), side(pixels.height()));
    Ok(resize(&pixels, width, height, Filter::Bilinear))
}

/// Half of the picture or more, in the shape that is wanted.
fn part_of(photo: &Pixels, width: u32, height: u32, random: &mut Random) -> Pixels {
    let (columns, rows) = (photo.width() as f32, photo.height() as f32);
    let most = (columns / width as f32).min(rows / height as f32);
    let scale = most * (0.6 + 0.4 * random.unit());
    let (w, h) = (
        (width as f32 * scale) as u32,
        (height as f32 * scale) as u32,
    );
    let (w, h) = (w.clamp(1, photo.width()), h.clamp(1, photo.height()));
    let x = random.below((photo.width() - w + 1) as usize) as u32;
    let y = random.below((photo.height() - h + 1) as usize) as u32;
    let part = photo
        .cropped(x, y, w, h)
        .expect("it was drawn inside the photograph");
    resize(&part, width, height, Filter::Bilinear)
}

type Colour = [f32; 3];

fn colour(random: &mut Random) -> Colour {
    std::array::from_fn(|_| 255.0 * random.unit())
}

/// A picture whose pixels lie between two colours, 0 being the first.
fn between(
    width: u32,
    height: u32,
    [from, to]: [Colour; 2],
    mix: impl Fn(f32, f32) -> f32,
) -> Pixels {
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let share = mix(x as f32, y as f32).clamp(0.0, 1.0);
            let channel = |at: usize| from[at] + share * (to[at] - from[at]);
            data.extend((0..3).map(|at| channel(at) as u8));
        }
    }
    Pixels::new(width, height, data).expect("a colour was made for each pixel")
}

fn direction(random: &mut Random) -> [f32; 2] {
    let angle = std::f32::consts::TAU * random.unit();
    [angle.cos(), angle.sin()]
}

fn gradient(width: u32, height: u32, colours: [Colour; 2], random: &mut Random) -> Pixels {
    let ([dx, dy], long) = (direction(random), width.max(height) as f32);
    between(width, height, colours, |x, y| {
        0.5 + (dx * (x - width as f32 / 2.0) + dy * (y - height as f32 / 2.0)) / long
    })
}

fn checkers(width: u32, height: u32, colours: [Colour; 2], random: &mut Random) -> Pixels {
    let cell = 24.0 + 72.0 * random.unit();
    between(width, height, colours, |x, y| {
        ((x / cell) as i32 + (y / cell) as i32).rem_euclid(2) as f32
    })
}

fn stripes(width: u32, height: u32, colours: [Colour; 2], random: &mut Random) -> Pixels {
    let ([dx, dy], wide) = (direction(random), 20.0 + 60.0 * random.unit());
    between(width, height, colours, |x, y| {
        ((x * dx + y * dy) / wide).floor().rem_euclid(2.0)
    })
}

/// Value noise of four octaves, each with half the cells' size and height of the one before.
fn noise(width: u32, height: u32, colours: [Colour; 2], random: &mut Random) -> Pixels {
    const LATTICE: usize = 64;
    let lattice: Vec<f32> = (0..LATTICE * LATTICE).map(|_| random.unit()).collect();
    let cell = 60.0 + 120.0 * random.unit();
    let at = |x: i32, y: i32| {
        let wrapped = |place: i32| place.rem_euclid(LATTICE as i32) as usize;
        lattice[wrapped(y) * LATTICE + wrapped(x)]
    };
    let smooth = |x: f32, y: f32| {
        let (column, row) = (x.floor(), y.floor());
        let (u, v) = (x - column, y - row);
        let (column, row) = (column as i32, row as i32);
        let line = |row| at(column, row) * (1.0 - u) + at(column + 1, row) * u;
        line(row) * (1.0 - v) + line(row + 1) * v
    };
    between(width, height, colours, |x, y| {
        let octave = |n: i32| {
            let finer = 2.0f32.powi(n) / cell;
            smooth(x * finer + 17.0 * n as f32, y * finer) / 2.0f32.powi(n + 1)
        };
        (0..4).map(octave).sum::<f32>() / 0.9375
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_two_colours_and_come_again() {
        let colours = [[250.0, 0.0, 0.0], [0.0, 0.0, 250.0]];
        for pattern in [gradient, noise, checkers, stripes] {
            let draw = || pattern(120, 90, colours, &mut Random::new(7));
            let drawn = draw();
            assert_eq!(drawn, draw());
            let reds = drawn.data().iter().step_by(3);
            let (least, most) = (reds.clone().min(), reds.max());
            assert!(least < most, "all of it is one colour");
        }
    }

    #[test]
    fn a_part_of_a_photograph_has_the_wanted_shape() {
        let photo = Pixels::new(300, 100, vec![7; 90_000]).unwrap();
        let mut random = Random::new(1);
        for (width, height) in [(80, 60), (60, 80), (500, 10)] {
            let part = part_of(&photo, width, height, &mut random);
            assert_eq!((part.width(), part.height()), (width, height));
        }
    }
}
