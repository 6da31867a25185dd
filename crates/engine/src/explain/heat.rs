//! Where in a picture a query matched: a patch slides over the picture, and what falls under it is hidden, or alone is
//! shown. The more the score falls where a part is hidden (occlusion: Zeiler and Fergus, "Visualizing and understanding
//! convolutional networks", 2014), and the more of it is there where only the part is seen (preservation: Fong and Vedaldi,
//! "Interpretable explanations of black boxes by meaningful perturbation", 2017), the more the part has matched. Hiding alone
//! says little of a thing that fills the picture: what is left of it is as good.

use std::num::NonZero;
use std::thread;

use fovea_decode::{self as decode, Filter, PREVIEW_SIDE, Pixels, resize};
use fovea_vectordb::{Item, Region};

use crate::background::dot;
use crate::error::Error;
use crate::parts::Regions;
use crate::query::Plan;
use crate::search::Asked;
use crate::{Engine, ingest, terms};

/// How patches slide. `fovea bench heat` compares some.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatOptions {
    /// Sides of the patch, as shares of the side of a square as large as the picture. Large ones hide whole things, small
    /// ones say where.
    pub sides: Vec<f32>,
    /// A patch moves on by this share of its side.
    pub step: f32,
    pub fill: Fill,
    pub see: See,
    /// A part that is shown fills the picture, so that a small thing is seen as well as a large one; otherwise it stays where it
    /// is on a plain ground.
    pub zoom: bool,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum See {
    /// The picture without the patch.
    Rest,
    /// The patch without the picture.
    Patch,
    /// Either in turn; both count alike.
    Both,
}

/// What stands where a patch lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The mean colour of the picture.
    Mean,
    /// Middle grey, as Zeiler and Fergus have it.
    Grey,
    /// The picture itself, out of focus: no edges of a patch, which might look like something.
    Blur,
}

impl Default for HeatOptions {
    /// The best of `fovea bench heat` on Open Clip Art.
    fn default() -> Self {
        Self {
            sides: vec![0.4, 0.25],
            step: 0.5,
            fill: Fill::Mean,
            see: See::Both,
            zoom: true,
        }
    }
}

/// A blurred picture has so many pixels along its longer side.
const BLUR_SIDE: u32 = 8;
/// Cells along the longer side of the map.
const CELLS: usize = 32;
/// A best box takes in what is at least so hot beside the hottest cell.
const IN_BOX: f32 = 0.5;

/// How much each part of a picture matters to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    pub columns: usize,
    pub rows: usize,
    /// Row by row, in cosine: what the patches over the cell are worth, on average. Negative where the score is better without
    /// them, as what was there spoke for something else.
    pub gains: Vec<f32>,
    /// Of the picture as a whole.
    pub score: f32,
    /// The part around the hottest cell, in fractions of the picture; none where nothing gives any of it.
    pub best: Option<Region>,
    /// Pictures that were encoded for it.
    pub n_encoded: usize,
}

impl Engine {
    /// The picture of an item, upright: of its file, or of its preview where that cannot be had.
    pub fn picture(&self, item: &Item) -> Result<Pixels, Error> {
        let path = item.absolute();
        match self.picture_at(&path) {
            Ok(pixels) => Ok(pixels),
            Err(error) => {
                let kept = self.uploads().fetch(item).ok().flatten();
                let kept = kept.or_else(|| self.previews().read(&item.content.hash).ok());
                let decoded =
                    kept.and_then(|bytes| decode::decode(&bytes, &decode::Options::default()).ok());
                decoded.map(|image| image.pixels).ok_or(error)
            }
        }
    }

    /// The picture of a file, upright, no larger than it is needed.
    pub fn picture_at(&self, path: &std::path::Path) -> Result<Pixels, Error> {
        let bytes = terms::read_image(path)?;
        let options = decode::Options {
            min_side: Some(ingest::process::min_side(self.encoder(), Regions::None)),
            ..Default::default()
        };
        let image = decode::decode(&bytes, &options).map_err(|source| Error::Image {
            path: path.to_owned(),
            source,
        })?;
        Ok(image.pixels)
    }

    /// Where a query matches a picture. None for a query of filters alone.
    pub fn heat(&self, plan: &Plan, picture: &Pixels) -> Result<Option<Heat>, Error> {
        let (asked, _) = self.embed_terms(plan, None)?;
        let Some(query) = asked.vector() else {
            return Ok(None);
        };
        let is_visual = matches!(asked, Asked::Images(_));
        let occlusion = self.occlude(picture, &HeatOptions::default())?;
        Ok(Some(occlusion.heat(&|feature| {
            let vector = match is_visual {
                true => self.encoder().visual_vector(feature),
                false => self.encoder().image_vector(feature),
            };
            dot(&vector, query)
        })))
    }

    /// What the picture looks like with each part hidden in turn, whatever is asked.
    pub fn occlude(&self, picture: &Pixels, options: &HeatOptions) -> Result<Occlusion, Error> {
        let small = reduced(picture, self.encoder().spec().input_side);
        let patches = patches(small.width(), small.height(), options);
        let filled = filled(&small, options.fill);
        let hidden = |patch: &Patch| patch.exchanged(&small, &filled);
        let shown = |patch: &Patch| match options.zoom {
            true => patch.cut_out(picture, small.width() as f32),
            false => patch.exchanged(&filled, &small),
        };
        let nothing = Vec::new();
        Ok(Occlusion {
            whole: self.encoder().features(&[&small])?.remove(0),
            hidden: match options.see {
                See::Patch => nothing.clone(),
                See::Rest | See::Both => self.features_of(&patches, &hidden)?,
            },
            shown: match options.see {
                See::Rest => nothing,
                See::Patch | See::Both => self.features_of(&patches, &shown)?,
            },
            width: small.width() as f32,
            height: small.height() as f32,
            patches,
        })
    }

    /// The features of the pictures that each patch makes, by as many threads as there are cores.
    fn features_of(
        &self,
        patches: &[Patch],
        hidden: &(dyn Fn(&Patch) -> Pixels + Sync),
    ) -> Result<Vec<Vec<f32>>, Error> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let share = patches.len().div_ceil(cores).max(1);
        let encode = |patches: &[Patch]| -> Result<Vec<Vec<f32>>, Error> {
            let mut features = Vec::with_capacity(patches.len());
            for patch in patches {
                features.extend(self.encoder().features(&[&hidden(patch)])?);
            }
            Ok(features)
        };
        let parts = thread::scope(|scope| {
            let workers: Vec<_> = patches
                .chunks(share)
                .map(|part| scope.spawn(move || encode(part)))
                .collect();
            let joined = workers.into_iter().map(|worker| match worker.join() {
                Ok(features) => features,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(parts.into_iter().flatten().collect())
    }
}

/// A picture's features: of all of it, and without each patch, and of each patch.
#[derive(Clone, Debug)]
pub struct Occlusion {
    whole: Vec<f32>,
    hidden: Vec<Vec<f32>>,
    shown: Vec<Vec<f32>>,
    patches: Vec<Patch>,
    width: f32,
    height: f32,
}

/// A square of the picture, in pixels; it may reach over the edge, so that the edge is hidden as often as the middle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Patch {
    x: f32,
    y: f32,
    side: f32,
}

/// A picture no larger than the network reads, so that each of many copies costs little.
fn reduced(picture: &Pixels, input_side: u32) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    let (short, long) = (width.min(height), width.max(height));
    // A long strip is not blown up to the side of the network either.
    let scale = (input_side as f32 / short as f32).min(2.0 * input_side as f32 / long as f32);
    if scale >= 1.0 {
        return picture.clone();
    }
    let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    resize(picture, scaled(width), scaled(height), Filter::Bilinear)
}

/// Every place of every size, their middles from edge to edge.
fn patches(width: u32, height: u32, options: &HeatOptions) -> Vec<Patch> {
    let (width, height) = (width as f32, height as f32);
    let mut all = Vec::new();
    for share in &options.sides {
        let side = (share * (width * height).sqrt()).max(1.0);
        let middles = |length: f32| {
            let n = (length / (options.step * side)).ceil().max(1.0);
            (0..=n as usize).map(move |at| at as f32 / n * length)
        };
        for y in middles(height) {
            all.extend(middles(width).map(|x| Patch {
                x: x - side / 2.0,
                y: y - side / 2.0,
                side,
            }));
        }
    }
    all
}

impl Patch {
    /// The picture with this part of it taken from another as large.
    fn exchanged(&self, picture: &Pixels, other: &Pixels) -> Pixels {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let within = |from: f32, length: usize| {
            let clamp = |at: f32| (at.round().max(0.0) as usize).min(length);
            clamp(from)..clamp(from + self.side)
        };
        let columns = within(self.x, width);
        let mut data = picture.data().to_vec();
        for row in within(self.y, height) {
            let pixels = (row * width + columns.start) * 3..(row * width + columns.end) * 3;
            data[pixels.clone()].copy_from_slice(&other.data()[pixels]);
        }
        Pixels::new(picture.width(), picture.height(), data).unwrap_or_else(|| picture.clone())
    }

    /// This part of a picture that is as many times larger as `width` goes into its own.
    fn cut_out(&self, picture: &Pixels, width: f32) -> Pixels {
        let scale = picture.width() as f32 / width;
        let within = |from: f32, length: u32| {
            let clamp = |at: f32| ((at * scale).round().max(0.0) as u32).min(length);
            let first = clamp(from).min(length - 1);
            (first, clamp(from + self.side).max(first + 1) - first)
        };
        let (x, width) = within(self.x, picture.width());
        let (y, height) = within(self.y, picture.height());
        let part = picture.cropped(x, y, width, height);
        part.unwrap_or_else(|| picture.clone())
    }

    /// How much a point, in pixels, is of the patch: most in its middle, so that the map has no edges of patches.
    fn weight(&self, x: f32, y: f32) -> f32 {
        let along = |from: f32, at: f32| {
            let from_middle = 2.0 * (at - from) / self.side - 1.0;
            (1.0 - from_middle * from_middle).max(0.0)
        };
        along(self.x, x) * along(self.y, y)
    }
}

/// What patches are made of.
fn filled(picture: &Pixels, fill: Fill) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    let plain = |colour: [u8; 3]| {
        let data = colour.repeat(width as usize * height as usize);
        Pixels::new(width, height, data).unwrap_or_else(|| picture.clone())
    };
    match fill {
        Fill::Grey => plain([128; 3]),
        Fill::Mean => plain(mean_colour(picture)),
        Fill::Blur => {
            let scale = BLUR_SIDE as f32 / width.max(height) as f32;
            let few = |side: u32| ((side as f32 * scale).round() as u32).max(1);
            let tiny = resize(picture, few(width), few(height), Filter::Box);
            resize(&tiny, width, height, Filter::Bicubic)
        }
    }
}

fn mean_colour(picture: &Pixels) -> [u8; 3] {
    let mut sums = [0u64; 3];
    for pixel in picture.data().chunks_exact(3) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    let n = u64::from(picture.width()) * u64::from(picture.height());
    sums.map(|sum| (sum / n.max(1)) as u8)
}

impl Occlusion {
    /// The same as if only this had been looked at.
    #[must_use]
    pub fn only(&self, see: See) -> Occlusion {
        let mut part = self.clone();
        match see {
            See::Rest => part.shown.clear(),
            See::Patch => part.hidden.clear(),
            See::Both => {}
        }
        part
    }

    /// Where a score of features comes from.
    pub fn heat(&self, score: &dyn Fn(&[f32]) -> f32) -> Heat {
        let whole = score(&self.whole);
        let gains = self.gains(score, whole);
        let (width, height) = (self.width, self.height);
        let cell = width.max(height) / CELLS as f32;
        let n = |side: f32| ((side / cell).round() as usize).max(1);
        let (columns, rows) = (n(width), n(height));
        let middle = |at: usize, n: usize, side: f32| (at as f32 + 0.5) / n as f32 * side;
        let mut map = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = (middle(column, columns, width), middle(row, rows, height));
                map.push(mean_gain(&self.patches, &gains, x, y));
            }
        }
        let mut heat = Heat {
            columns,
            rows,
            gains: map,
            score: whole,
            best: None,
            n_encoded: self.hidden.len() + self.shown.len() + 1,
        };
        heat.best = heat.hottest();
        heat
    }

    /// What each patch is worth: how far the score falls without it, and how far that of the patch alone stands above that
    /// of others of its size.
    fn gains(&self, score: &dyn Fn(&[f32]) -> f32, whole: f32) -> Vec<f32> {
        let falls = self.hidden.iter().map(|feature| whole - score(feature));
        let alone: Vec<f32> = self.shown.iter().map(|feature| score(feature)).collect();
        let rises = above_mean(&alone, &self.patches).into_iter();
        match (self.hidden.is_empty(), self.shown.is_empty()) {
            (false, false) => falls.zip(rises).map(|(a, b)| (a + b) / 2.0).collect(),
            _ => falls.chain(rises).collect(),
        }
    }
}

impl Heat {
    /// The hottest cell, by column and row, and how hot it is.
    pub fn peak(&self) -> Option<(usize, usize, f32)> {
        let hottest = self
            .gains
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1));
        let (at, gain) = hottest.filter(|(_, gain)| **gain > 0.0)?;
        Some((at % self.columns, at / self.columns, *gain))
    }

    /// The box of the cells that hang together with the hottest and are nearly as hot.
    fn hottest(&self) -> Option<Region> {
        let (column, row, peak) = self.peak()?;
        let mut seen = vec![false; self.gains.len()];
        let mut open = vec![(column, row)];
        let (mut left, mut top, mut right, mut bottom) = (column, row, column, row);
        while let Some((column, row)) = open.pop() {
            let at = row * self.columns + column;
            if std::mem::replace(&mut seen[at], true) || self.gains[at] < IN_BOX * peak {
                continue;
            }
            (left, right) = (left.min(column), right.max(column));
            (top, bottom) = (top.min(row), bottom.max(row));
            open.push((column.saturating_sub(1), row));
            open.push(((column + 1).min(self.columns - 1), row));
            open.push((column, row.saturating_sub(1)));
            open.push((column, (row + 1).min(self.rows - 1)));
        }
        let (columns, rows) = (self.columns as f32, self.rows as f32);
        Some(Region {
            x: left as f32 / columns,
            y: top as f32 / rows,
            w: (right + 1 - left) as f32 / columns,
            h: (bottom + 1 - top) as f32 / rows,
        })
    }

    /// The map with fewer cells, each the mean of those it covers: at most so many along a side.
    pub fn coarse(&self, most: usize) -> (usize, usize, Vec<f32>) {
        let step = self.columns.max(self.rows).div_ceil(most.max(1));
        let (columns, rows) = (self.columns.div_ceil(step), self.rows.div_ceil(step));
        let mut cells = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let across = column * step..((column + 1) * step).min(self.columns);
                let down = row * step..((row + 1) * step).min(self.rows);
                let n = (across.len() * down.len()) as f32;
                let of_row = |row: usize| across.clone().map(move |x| row * self.columns + x);
                let all = down.flat_map(of_row).map(|at| self.gains[at]);
                cells.push(all.sum::<f32>() / n);
            }
        }
        (columns, rows, cells)
    }
}

/// Scores of patches less the mean of their size.
fn above_mean(scores: &[f32], patches: &[Patch]) -> Vec<f32> {
    let mut rest = scores;
    let mut above = Vec::with_capacity(scores.len());
    for of_size in patches.chunk_by(|a, b| a.side == b.side) {
        let (these, others) = rest.split_at(of_size.len().min(rest.len()));
        let mean = these.iter().sum::<f32>() / these.len().max(1) as f32;
        above.extend(these.iter().map(|score| score - mean));
        rest = others;
    }
    above
}

/// Of the patches that hide a point, the mean gain of each size; the sizes count alike.
fn mean_gain(patches: &[Patch], gains: &[f32], x: f32, y: f32) -> f32 {
    let (mut total, mut n_sizes) = (0.0, 0.0);
    let mut gains = gains.iter();
    for of_size in patches.chunk_by(|a, b| a.side == b.side) {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (patch, gain) in of_size.iter().zip(gains.by_ref()) {
            let weight = patch.weight(x, y);
            sum += weight * gain;
            weights += weight;
        }
        total += sum / f32::max(weights, 1e-6);
        n_sizes += 1.0;
    }
    total / f32::max(n_sizes, 1.0)
}

/// Long side of a painted picture, as of a preview.
pub(super) const PAINTED_SIDE: u32 = PREVIEW_SIDE;
