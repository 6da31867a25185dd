//! The pictures that are changed: of Open Clip Art and Tux Paint, without those that are mirrored or repeated there already.
//!
//! What is repeated is told by a criterion of its own, by pixels at equal places in all eight turns, of the whole pictures and of what
//! is inside their margins. It knows nothing else of what is measured.

use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_decode::{Filter, Options, Pixels, decode, probe, resize};

use super::Sizes;
use crate::bench_ann::datasets::clipart;
use crate::bench_ann::split::hash;
use crate::commands::demo::prepare_stamps;

/// Which clips choose bounds, and which only measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    Fit,
    HeldOut,
    /// Tux Paint's stamps, which never fit anything.
    Stamps,
}

/// A picture before any change.
#[derive(Clone, Debug)]
pub struct Original {
    /// Tells it from the others, whatever the machine.
    pub name: String,
    pub path: PathBuf,
    pub half: Half,
}

impl Original {
    pub fn pixels(&self) -> anyhow::Result<Pixels> {
        let image = decode(&self.bytes()?, &Options::default());
        Ok(image
            .with_context(|| self.path.display().to_string())?
            .pixels)
    }

    /// None where it is too large to be decoded.
    fn size(&self) -> anyhow::Result<Option<[u32; 2]>> {
        let probe = probe(&self.bytes()?, &Options::default()).ok();
        Ok(probe.map(|probe| [probe.width, probe.height]))
    }

    fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        let path = &self.path;
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Sides below which clips and stamps are left out. Clips of 100 pixels are icons, and hundreds of polygons that are all one circle at
/// that size; of the stamps most are small.
const LEAST_CLIP: u32 = 128;
const LEAST_STAMP: u32 = 32;
/// Larger ones only make the files larger.
const MOST_SIDE: u32 = 3000;
/// Side of the squares that are compared.
const SIDE: u32 = 64;
/// Two pictures repeat each other where so little of the one's variance is not explained by the other, up to brightness and contrast,
/// where no 8 x 8 of the square differs by so many steps of 255, and where they have nearly one tint (the same drawing on other
/// paper), or one of them none.
const REPEATED: f32 = 0.03;
const BLOCK: f32 = 55.0;
const HUE: f32 = 20.0;
/// Mean distance of red and of blue from brightness below which a picture is grey.
const GRAY: f32 = 2.5;
/// Logarithm of the variance of the one over the other's, at most.
const SPREAD: f32 = 0.9;
/// Standard deviation of brightness below which a picture is blank.
const BLANK: f32 = 3.0;

/// So many of each, drawn by the hashes of their names.
pub fn choose(cache: &Path, sizes: Sizes, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Original>> {
    let (pictures, _) = clipart::folders(cache, say)?;
    let mut clips = named(&pictures, "clips", Half::of)?;
    if sizes.fit {
        clips.retain(|one| one.half == Half::Fit);
    }
    let mut kept = Kept::default();
    kept.fill(clips, sizes.clips, LEAST_CLIP, say)?;
    if sizes.stamps > 0 && !sizes.fit {
        let stamps = prepare_stamps(cache)?.join("stamps");
        let stamps = named(&stamps, "stamps", |_| Half::Stamps)?;
        kept.fill(stamps, sizes.stamps, LEAST_STAMP, say)?;
    }
    Ok(kept.originals)
}

fn named(
    folder: &Path,
    prefix: &str,
    half: impl Fn(&str) -> Half,
) -> anyhow::Result<Vec<Original>> {
    let mut all: Vec<Original> = clipart::files(folder, "png")?
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name = format!("{prefix}/{}", below.display());
            Original {
                half: half(&name),
                name,
                path,
            }
        })
        .collect();
    all.sort_by_key(|one| hash(&one.name));
    Ok(all)
}

/// Those that were taken, with the squares that later ones are compared with.
#[derive(Default)]
struct Kept {
    originals: Vec<Original>,
    squares: Vec<[Square; 2]>,
}

impl Kept {
    fn fill(
        &mut self,
        from: Vec<Original>,
        n: usize,
        least: u32,
        say: &dyn Fn(&str),
    ) -> anyhow::Result<()> {
        let before = self.originals.len();
        let (mut small, mut blank, mut repeated) = (0, 0, 0);
        for original in from {
            if self.originals.len() - before >= n {
                break;
            }
            let is_fit =
                |sides: [u32; 2]| sides.iter().all(|side| (least..=MOST_SIDE).contains(side));
            if !original.size()?.is_some_and(is_fit) {
                small += 1;
                continue;
            }
            let pixels = original.pixels()?;
            let squares = [&pixels, &without_margin(&pixels)].map(Square::of);
            let repeats = |kept: &[Square; 2]| {
                let mut both = kept.iter().zip(&squares);
                both.any(|(kept, square)| kept.repeats(square))
            };
            if squares[0].variance < BLANK * BLANK {
                blank += 1;
            } else if self.squares.iter().any(repeats) {
                repeated += 1;
            } else {
                self.originals.push(original);
                self.squares.push(squares);
            }
        }
        say(&format!(
            "{} pictures; removed: {repeated} mirrored or repeated, {blank} blank, {small} below {least} or above {MOST_SIDE} pixels",
            self.originals.len() - before
        ));
        Ok(())
    }
}

/// Without rows and columns at the edges that are all of the colour in the corner, or nearly.
fn without_margin(pixels: &Pixels) -> Pixels {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let data = pixels.data();
    let differs = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        (0..3).any(|i| data[at + i].abs_diff(data[i]) > 12)
    };
    let mut sides = [width, height, 0, 0];
    for y in 0..height {
        for x in 0..width {
            if differs(x, y) {
                let [left, top, right, bottom] = sides;
                sides = [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)];
            }
        }
    }
    let [left, top, right, bottom] = sides.map(|side| side as u32);
    let size = (right.saturating_sub(left), bottom.saturating_sub(top));
    let inside = pixels.cropped(left, top, size.0, size.1);
    inside.unwrap_or_else(|| pixels.clone())
}

/// Brightness and colour, squeezed to a square.
struct Square {
    values: Vec<f32>,
    variance: f32,
    /// Mean red and mean blue less mean brightness.
    hue: [f32; 2],
}

impl Square {
    fn of(pixels: &Pixels) -> Square {
        let small = resize(pixels, SIDE, SIDE, Filter::Box);
        let channel = |at: usize| -> Vec<f32> {
            let pixels = small.data().chunks_exact(3);
            pixels.map(|rgb| f32::from(rgb[at])).collect()
        };
        let [red, green, blue] = [0, 1, 2].map(channel);
        let greens = red.iter().zip(&green).zip(&blue);
        let values: Vec<f32> = greens
            .map(|((r, g), b)| 0.299 * r + 0.587 * g + 0.114 * b)
            .collect();
        let n = values.len() as f32;
        let mean = |values: &[f32]| values.iter().sum::<f32>() / n;
        let bright = mean(&values);
        Square {
            variance: values.iter().map(|x| (x - bright).powi(2)).sum::<f32>() / n,
            hue: [mean(&red) - bright, mean(&blue) - bright],
            values,
        }
    }

    fn repeats(&self, other: &Square) -> bool {
        if (self.variance / other.variance).ln().abs() > SPREAD {
            return false;
        }
        let is_gray = |square: &Square| square.hue.iter().all(|x| x.abs() < GRAY);
        let hues = self.hue.iter().zip(&other.hue);
        let is_one_color = hues.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < HUE;
        (is_one_color || is_gray(self) || is_gray(other))
            && (0..8).any(|turn| self.repeats_turned(other, turn))
    }

    /// By the straight line through brightness here and there: what it leaves.
    fn repeats_turned(&self, other: &Square, turn: u32) -> bool {
        let side = SIDE as usize;
        let place = |at: usize| {
            let (x, y) = (at % side, at / side);
            let x = if turn & 1 == 1 { side - 1 - x } else { x };
            let y = if turn & 2 == 2 { side - 1 - y } else { y };
            if turn & 4 == 4 {
                x * side + y
            } else {
                y * side + x
            }
        };
        let there = |at: usize| other.values[place(at)];
        let n = self.values.len() as f32;
        let [a, b] = [&self.values, &other.values].map(|values| values.iter().sum::<f32>() / n);
        let products = (0..side * side).map(|at| (self.values[at] - a) * (there(at) - b));
        let gain = products.sum::<f32>() / (n * other.variance);
        let left = |at: usize| self.values[at] - a - gain * (there(at) - b);
        let sum: f32 = (0..side * side).map(|at| left(at).powi(2)).sum();
        if gain <= 0.0 || sum > REPEATED * self.variance * n {
            return false;
        }
        let mut blocks = vec![0.0f32; (side / 8) * (side / 8)];
        for at in 0..side * side {
            let block = at / side / 8 * (side / 8) + at % side / 8;
            blocks[block] += left(at).powi(2) / 64.0;
        }
        blocks.iter().all(|block| block.sqrt() < BLOCK)
    }
}
