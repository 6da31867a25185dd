//! Which parts of an image are kept beside the whole, so that a small thing in a big scene is found.
//!
//! A part has a feature and vectors of its own. The grid's parts follow from the size of the image alone; the salient ones from
//! its pixels, in a number that follows from its size. So the parts that an image should have are known without
//! decoding it. An index tells what a part is and which version of this file cut it.

use std::str::FromStr;

use fovea_decode::{self as decode, Pixels};
use fovea_vectordb::{ContentState, Database, Part, Parts, Region};

use crate::error::Error;

/// Side of a grid part over the square root of the image's area: something that takes a fifth of the area fits in.
const GRID_SIDE: f32 = 0.5;
/// Most grid parts along one side. Of a longer image parts are longer too.
const GRID_MOST: u32 = 12;
/// Salient parts of an image.
const SALIENT: usize = 4;
/// An image whose shorter side has fewer pixels has no parts: they would be a handful of pixels each.
const LEAST_SIDE: u32 = 64;
/// Nor has one more than so many times as long as high salient parts: its thumbnail has too few lines.
const MOST_ASPECT: u32 = 6;
/// Parts are indexed from these on, and the salient ones from as many more.
const GRID_FROM: u32 = 1;
const SALIENT_FROM: u32 = 1_000 * decode::SALIENT_VERSION;
/// A part is cut from a decoding whose shorter side has so many times the pixels that the encoder reads: the largest
/// parts then lose none, the smallest are enlarged a little.
const ENLARGED: f32 = 2.5;
/// What a part's cosine counts less than a whole's: so that whole pictures of Open Clip Art lose nothing by parts (R@10 0.397
/// against 0.402; 0.384 with nothing less), while small figures among them are found as well as with any other value.
const LESS: f32 = 0.02;
/// The setting of a collection that remembers the choice.
const SETTING: &str = "regions";

/// Which parts of each image a collection keeps beside the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Regions {
    #[default]
    None,
    /// Overlapping squares.
    Grid,
    /// What stands out from its surroundings.
    Salient,
    /// Both.
    All,
}

impl Regions {
    /// What the collection was last told.
    pub fn of(database: &dyn Database) -> Result<Regions, Error> {
        let kept = database.setting(SETTING)?;
        Ok(kept.and_then(|kept| kept.parse().ok()).unwrap_or_default())
    }

    pub(crate) fn remember(self, database: &dyn Database) -> Result<(), Error> {
        if Regions::of(database)? == self {
            return Ok(());
        }
        let value = (self != Regions::None).then(|| self.name());
        Ok(database.set_setting(SETTING, value)?)
    }

    pub fn name(self) -> &'static str {
        match self {
            Regions::None => "none",
            Regions::Grid => "grid",
            Regions::Salient => "salient",
            Regions::All => "all",
        }
    }

    /// Names the choice with all that decides what is cut.
    pub(crate) fn version(self) -> String {
        format!("{} {GRID_FROM} {SALIENT_FROM}", self.name())
    }

    fn has_grid(self) -> bool {
        matches!(self, Regions::Grid | Regions::All)
    }

    fn has_salient(self) -> bool {
        matches!(self, Regions::Salient | Regions::All)
    }

    /// How many salient parts an image of this size has.
    fn salient(self, width: u32, height: u32) -> usize {
        let (short, long) = (width.min(height), width.max(height));
        let is_fit = short >= LEAST_SIDE && long <= short.saturating_mul(MOST_ASPECT);
        if self.has_salient() && is_fit {
            SALIENT
        } else {
            0
        }
    }

    fn grid(self, width: u32, height: u32) -> Vec<Region> {
        match self.has_grid() && width.min(height) >= LEAST_SIDE {
            true => grid(width, height),
            false => Vec::new(),
        }
    }

    /// Whether the parts of a content are those that it should have.
    pub(crate) fn are_kept(self, state: &ContentState) -> bool {
        let (width, height) = (state.width, state.height);
        let (n_grid, n_salient) = (self.grid(width, height).len(), self.salient(width, height));
        let last = match (n_grid, n_salient) {
            (0, 0) => 0,
            (n, 0) => GRID_FROM + n as u32 - 1,
            (_, n) => SALIENT_FROM + n as u32 - 1,
        };
        (state.n_parts as usize, state.last_part) == (n_grid + n_salient, last)
    }

    /// The parts of an image of this size, of which these are the pixels.
    pub(crate) fn of_image(self, pixels: &Pixels, width: u32, height: u32) -> Vec<Part> {
        let n_salient = self.salient(width, height);
        let salient = match n_salient {
            0 => Vec::new(),
            n => filled(decode::salient(pixels, n), n),
        };
        let grid = (GRID_FROM..).zip(self.grid(width, height));
        let parts = grid.chain((SALIENT_FROM..).zip(salient));
        let parts = parts.map(|(index, region)| Part {
            index,
            region: Some(region),
        });
        parts.collect()
    }

    /// The shorter side that decoding must keep for an encoder that reads squares of this side.
    pub(crate) fn min_side(self, input_side: u32) -> u32 {
        match self {
            Regions::None => input_side,
            Regions::Grid | Regions::Salient | Regions::All => {
                (input_side as f32 * ENLARGED) as u32
            }
        }
    }
}

impl FromStr for Regions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Regions, Error> {
        let all = [Regions::None, Regions::Grid, Regions::Salient, Regions::All];
        let named = all.into_iter().find(|one| one.name() == text);
        named.ok_or_else(|| {
            Error::Input(format!(
                "`{text}` names no parts of a picture: `all`, `grid` (overlapping squares), `salient` (what stands out) or `none`"
            ))
        })
    }
}

/// How parts count in a search of this collection.
pub(crate) fn counted(database: &dyn Database) -> Result<Parts, Error> {
    Ok(match Regions::of(database)? {
        // What another collection keeps of the same contents is not looked at.
        Regions::None => Parts::Whole,
        Regions::Grid | Regions::Salient | Regions::All => Parts::Less(LESS),
    })
}

/// As many as were asked for: where fewer stand out, the first again.
fn filled(found: Vec<decode::Rectangle>, n: usize) -> Vec<Region> {
    let regions = found.into_iter().map(|one| Region {
        x: one.x,
        y: one.y,
        w: one.w,
        h: one.h,
    });
    let found: Vec<Region> = regions.collect();
    found.iter().copied().cycle().take(n).collect()
}

/// Squares that overlap by half or more and cover the image, row by row.
fn grid(width: u32, height: u32) -> Vec<Region> {
    let side = GRID_SIDE * (width as f32 * height as f32).sqrt();
    let side = side.min(width.min(height) as f32);
    let columns = along(side / width as f32);
    let rows = along(side / height as f32);
    let regions = rows.iter().flat_map(|&(y, h)| {
        let row = columns.iter().map(move |&(x, w)| Region { x, y, w, h });
        row.collect::<Vec<_>>()
    });
    regions.collect()
}

/// Beginnings and lengths along a side of length 1.
fn along(length: f32) -> Vec<(f32, f32)> {
    let steps = ((1.0 - length) / (length / 2.0) - 1e-3).ceil().max(0.0);
    let n = (steps as u32 + 1).min(GRID_MOST);
    // Where there would be too many, they are longer, so that they still overlap by half.
    let length = length.max(2.0 / (n as f32 + 1.0)).min(1.0);
    let step = match n {
        1 => 0.0,
        n => (1.0 - length) / (n - 1) as f32,
    };
    (0..n).map(|at| (at as f32 * step, length)).collect()
}

/// Refuses a region that reaches out of the picture, is empty, or is made of anything but numbers.
pub(crate) fn lies_inside(region: Region) -> Result<(), Error> {
    let Region { x, y, w, h } = region;
    let is_inside =
        |from: f32, length: f32| from >= 0.0 && length > 0.0 && from + length <= 1.000_1;
    if is_inside(x, w) && is_inside(y, h) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "the region {x},{y},{w},{h} lies outside the picture, whose sides are 1: give left, top, width and height, as in \
         0.25,0.5,0.2,0.2"
    )))
}

/// The pixels of a region, one at least.
pub(crate) fn cut(pixels: &Pixels, region: Region) -> Pixels {
    let cut = |from: f32, length: f32, side: u32| {
        let first = ((from * side as f32) as u32).min(side - 1);
        let n = ((length * side as f32).round() as u32).clamp(1, side - first);
        (first, n)
    };
    let (x, width) = cut(region.x, region.w, pixels.width());
    let (y, height) = cut(region.y, region.h, pixels.height());
    let part = pixels.cropped(x, y, width, height);
    part.unwrap_or_else(|| pixels.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_covers_every_shape_with_squares_that_overlap() {
        for (width, height, expect) in [
            (600, 600, 9),
            (800, 600, 12),
            (600, 800, 12),
            (1500, 1000, 12),
            (1600, 900, 10),
            (4000, 1000, 7),
            (64, 64, 9),
            (60_000, 64, 12),
            (64, 60_000, 12),
        ] {
            let parts = grid(width, height);
            assert_eq!(parts.len(), expect, "{width}x{height}");
            let is_inside = |one: &Region| {
                one.x >= 0.0
                    && one.y >= 0.0
                    && one.x + one.w <= 1.000_01
                    && one.y + one.h <= 1.000_01
            };
            assert!(parts.iter().all(is_inside), "{parts:?}");
            let covers = |x: f32, y: f32| {
                let holds = |from: f32, length: f32, at: f32| {
                    (from - 1e-4..=from + length + 1e-4).contains(&at)
                };
                parts
                    .iter()
                    .any(|one| holds(one.x, one.w, x) && holds(one.y, one.h, y))
            };
            let steps = || (0..=40).map(|step| step as f32 / 40.0);
            assert!(
                steps().all(|x| steps().all(|y| covers(x, y))),
                "{width}x{height}"
            );
            if width.max(height) < 5_000 {
                let aspect = |one: &Region| one.w * width as f32 / (one.h * height as f32);
                assert!(
                    parts.iter().all(|one| (aspect(one) - 1.0).abs() < 0.02),
                    "{parts:?}"
                );
            }
        }
    }

    #[test]
    fn parts_are_as_many_as_their_content_says_whatever_the_pixels() {
        let flat = |width: u32, height: u32| {
            Pixels::new(
                width,
                height,
                vec![77; width as usize * height as usize * 3],
            )
            .unwrap()
        };
        for choice in [Regions::None, Regions::Grid, Regions::Salient, Regions::All] {
            for (width, height) in [
                (1, 1),
                (63, 400),
                (64, 64),
                (500, 70),
                (320, 240),
                (3000, 100),
            ] {
                let parts = choice.of_image(&flat(width, height), width, height);
                let state = ContentState {
                    hash: fovea_vectordb::ContentHash([0; 32]),
                    width,
                    height,
                    has_feature: true,
                    n_parts: parts.len() as u32,
                    last_part: parts.iter().map(|part| part.index).max().unwrap_or(0),
                    hash_version: 0,
                    color_version: 0,
                    preview_version: 0,
                };
                assert!(choice.are_kept(&state), "{choice:?} {width}x{height}");
                let one_less = ContentState {
                    n_parts: state.n_parts.wrapping_sub(1),
                    ..state
                };
                assert!(!choice.are_kept(&one_less), "{choice:?} {width}x{height}");
                assert!(
                    parts
                        .iter()
                        .all(|part| part.index != 0 && part.region.is_some())
                );
            }
        }
    }

    #[test]
    fn regions_outside_of_the_picture_are_refused() {
        let region = |[x, y, w, h]: [f32; 4]| Region { x, y, w, h };
        for good in [
            [0.0, 0.0, 1.0, 1.0],
            [0.5, 0.25, 0.5, 0.75],
            [0.0, 0.0, 1e-9, 1.0],
        ] {
            lies_inside(region(good)).unwrap();
        }
        for bad in [
            [0.5, 0.0, 0.6, 1.0],
            [-0.1, 0.0, 0.5, 1.0],
            [0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0, -1.0],
            [f32::NAN, 0.0, 1.0, 1.0],
            [0.0, 0.0, 1.0, f32::INFINITY],
        ] {
            let error = lies_inside(region(bad)).unwrap_err().to_string();
            assert!(error.contains("outside the picture"), "{error}");
        }
    }

    #[test]
    fn names_go_there_and_back_and_others_are_refused() {
        for choice in [Regions::None, Regions::Grid, Regions::Salient, Regions::All] {
            assert_eq!(choice.name().parse::<Regions>().unwrap(), choice);
        }
        let error = "12".parse::<Regions>().unwrap_err().to_string();
        assert!(error.contains("`grid`"), "{error}");
    }
}
