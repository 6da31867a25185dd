//! Composed scenes: one figure at a tenth to a fifth of the area on a background, written as files.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_decode::Pixels;
use fovea_index::Random;

use super::backgrounds::Backgrounds;
use super::cutout::Cutout;
use crate::bench_ann::split::hash;

/// Changes whenever another scene would be drawn.
const RECIPE: &str = "scenes 1";
const SIZES: [(u32, u32); 3] = [(800, 600), (600, 800), (720, 720)];
/// Share of the area that the figure's box takes.
const SHARE: (f32, f32) = (0.10, 0.20);
/// No side of the figure's box is longer than this share of the scene's: a long thin figure makes no scene.
const LONGEST: f32 = 0.95;

/// What is to be found, and in which words.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Tells it from the others, whatever the machine.
    pub name: String,
    pub picture: PathBuf,
    /// Any of them asks for it.
    pub captions: Vec<String>,
}

/// A scene on the disk.
#[derive(Clone, Debug)]
pub struct Scene {
    pub path: PathBuf,
    pub captions: Vec<String>,
    /// Where the figure stands: left, top, width and height in fractions.
    pub place: [f32; 4],
}

/// One scene for each figure, in the same folder as in the run before, which are not drawn again.
pub fn compose(
    figures: &[Figure],
    backgrounds: &Backgrounds,
    folder: &Path,
) -> anyhow::Result<Vec<Scene>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut scenes = Vec::new();
    for figure in figures {
        let seed = hash(&format!("{RECIPE}\n{}", figure.name));
        let mut random = Random::new(seed);
        let Some(cutout) = Cutout::read(&figure.picture)? else {
            continue;
        };
        let (width, height) = SIZES[random.below(SIZES.len())];
        let Some(place) = place(&cutout, width, height, &mut random) else {
            continue;
        };
        let path = folder.join(format!("{seed:016x}.png"));
        if !path.exists() {
            let background = backgrounds.draw(width, height, &mut random)?;
            write(&path, &cutout.onto(background, place))?;
        }
        let [x, y, w, h] = place.map(|side| side as f32);
        scenes.push(Scene {
            path,
            captions: figure.captions.clone(),
            place: [
                x / width as f32,
                y / height as f32,
                w / width as f32,
                h / height as f32,
            ],
        });
    }
    Ok(scenes)
}

/// Left, top, width and height of the figure in pixels; none for one that is too long and thin.
fn place(figure: &Cutout, width: u32, height: u32, random: &mut Random) -> Option<[u32; 4]> {
    let share = SHARE.0 + (SHARE.1 - SHARE.0) * random.unit();
    let area = share * width as f32 * height as f32;
    let (w, h) = (
        (area * figure.aspect()).sqrt(),
        (area / figure.aspect()).sqrt(),
    );
    let (from_left, from_top) = (random.unit(), random.unit());
    if w > LONGEST * width as f32 || h > LONGEST * height as f32 {
        return None;
    }
    let (w, h) = ((w as u32).max(1), (h as u32).max(1));
    let start = |room: u32, at: f32| (room as f32 * at) as u32;
    Some([
        start(width - w, from_left),
        start(height - h, from_top),
        w,
        h,
    ])
}

/// Beside its place and renamed, so that a run that was stopped leaves no half of one.
fn write(path: &Path, pixels: &Pixels) -> anyhow::Result<()> {
    let beside = path.with_extension("part");
    let file = File::create(&beside).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.data())?;
    writer.finish()?;
    Ok(fs::rename(&beside, path)?)
}
