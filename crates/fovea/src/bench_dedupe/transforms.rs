//! The changes after which a picture is still the same one, drawn at random within the bounds that are promised.

use std::io::Cursor;

use anyhow::Context;
use fovea_decode::{Filter, Pixels, resize};
use fovea_index::Random;
use jpeg_encoder::{ColorType, Encoder};

/// Quality of what is saved as JPEG without that being the change.
const PLAIN_QUALITY: u8 = 90;
/// A side is never brought below this: a picture of fewer pixels is none.
const LEAST_SIDE: u32 = 8;

/// One of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// JPEG of quality 30 to 90.
    Jpeg,
    /// 25% to 200% of the size.
    Resized,
    /// Up to 10% of the width and of the height are cut off, at either end.
    Cropped,
    /// Up to 20% brighter or darker, and up to 20% more or less contrast.
    Toned,
    Gray,
    /// Letters over a box of 5% of the area.
    Watermarked,
    Mirrored,
    UpsideDown,
    Turned90,
    Turned180,
    Turned270,
    /// WebP, GIF, TIFF, or JPEG of high quality.
    Format,
}

impl Change {
    pub const ALL: [Change; 12] = [
        Change::Jpeg,
        Change::Resized,
        Change::Cropped,
        Change::Toned,
        Change::Gray,
        Change::Watermarked,
        Change::Mirrored,
        Change::UpsideDown,
        Change::Turned90,
        Change::Turned180,
        Change::Turned270,
        Change::Format,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Change::Jpeg => "JPEG 30-90",
            Change::Resized => "resized 25-200%",
            Change::Cropped => "cropped up to 10%",
            Change::Toned => "brightness and contrast ±20%",
            Change::Gray => "grey",
            Change::Watermarked => "watermark over 5%",
            Change::Mirrored => "mirrored",
            Change::UpsideDown => "flipped top to bottom",
            Change::Turned90 => "turned by 90°",
            Change::Turned180 => "turned by 180°",
            Change::Turned270 => "turned by 270°",
            Change::Format => "another format",
        }
    }

    /// The changed picture as a file: its ending and its bytes.
    pub fn apply(
        self,
        pixels: &Pixels,
        random: &mut Random,
    ) -> anyhow::Result<(&'static str, Vec<u8>)> {
        let quality = match self {
            Change::Jpeg => 30 + random.below(61) as u8,
            _ => PLAIN_QUALITY,
        };
        let changed = match self {
            Change::Jpeg => pixels.clone(),
            Change::Resized => resized(pixels, random),
            Change::Cropped => cropped(pixels, random)?,
            Change::Toned => toned(pixels, random),
            Change::Gray => mapped(pixels, |rgb| [luma(rgb); 3]),
            Change::Watermarked => watermarked(pixels, random),
            Change::Mirrored => placed(pixels, false, |x, y, w, _| (w - 1 - x, y)),
            Change::UpsideDown => placed(pixels, false, |x, y, _, h| (x, h - 1 - y)),
            Change::Turned90 => placed(pixels, true, |x, y, _, h| (y, h - 1 - x)),
            Change::Turned180 => placed(pixels, false, |x, y, w, h| (w - 1 - x, h - 1 - y)),
            Change::Turned270 => placed(pixels, true, |x, y, w, _| (w - 1 - y, x)),
            Change::Format => return in_another_format(pixels, random),
        };
        Ok(("jpg", jpeg(&changed, quality)?))
    }
}

/// Log-uniform, so that a half is as likely as a double.
fn resized(pixels: &Pixels, random: &mut Random) -> Pixels {
    let factor = 0.25 * 8.0f32.powf(random.unit());
    let scaled = |side: u32| ((side as f32 * factor).round() as u32).max(LEAST_SIDE);
    let (width, height) = (scaled(pixels.width()), scaled(pixels.height()));
    let filter = [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3][random.below(3)];
    resize(pixels, width, height, filter)
}

fn cropped(pixels: &Pixels, random: &mut Random) -> anyhow::Result<Pixels> {
    let mut cut = |side: u32| {
        let off = (side as f32 * 0.1 * random.unit()) as u32;
        let start = (off as f32 * random.unit()).round() as u32;
        (start, side - off)
    };
    let (left, width) = cut(pixels.width());
    let (top, height) = cut(pixels.height());
    let cropped = pixels.cropped(left, top, width, height);
    cropped.context("a crop lies inside of its picture")
}

fn toned(pixels: &Pixels, random: &mut Random) -> Pixels {
    let mut within = || 0.4 * random.unit() - 0.2;
    let (brightness, contrast) = (255.0 * within(), 1.0 + within());
    let tone = |x: u8| ((f32::from(x) - 127.5) * contrast + 127.5 + brightness) as u8;
    mapped(pixels, |rgb| rgb.map(tone))
}

/// Half transparent letters, as wide and high as 5% of the area has room for, at a random place.
fn watermarked(pixels: &Pixels, random: &mut Random) -> Pixels {
    let (width, height) = (pixels.width() as f32, pixels.height() as f32);
    let shape = 1.0 + 3.0 * random.unit();
    let (w, h) = (
        (0.05 * width * height * shape).sqrt(),
        (0.05 * width * height / shape).sqrt(),
    );
    let (w, h) = (
        w.min(width),
        (0.05 * width * height / w.min(width)).max(h).min(height),
    );
    let (left, top) = ((width - w) * random.unit(), (height - h) * random.unit());
    let ink = if random.below(2) == 0 { 255.0 } else { 0.0 };
    let opacity = 0.4 + 0.4 * random.unit();
    let letters = 3 + random.below(6);
    let pattern: Vec<u16> = (0..letters).map(|_| random.next_u64() as u16).collect();
    let mut data = pixels.data().to_vec();
    for (at, rgb) in data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (
            (at as u32 % pixels.width()) as f32,
            (at as u32 / pixels.width()) as f32,
        );
        let (u, v) = ((x - left) / w, (y - top) / h);
        if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) && is_ink(&pattern, u, v) {
            for value in rgb {
                *value = (f32::from(*value) * (1.0 - opacity) + ink * opacity).round() as u8;
            }
        }
    }
    Pixels::new(pixels.width(), pixels.height(), data).expect("as many bytes as before")
}

/// Letters of 3 x 5 strokes, a column of each left free.
fn is_ink(letters: &[u16], u: f32, v: f32) -> bool {
    let along = u * letters.len() as f32;
    let (letter, column) = (along as usize, (along.fract() * 4.0) as usize);
    let row = (v * 5.0) as usize;
    column < 3 && letters[letter.min(letters.len() - 1)] >> (row * 3 + column) & 1 == 1
}

fn luma(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(f32::from);
    (0.299 * r + 0.587 * g + 0.114 * b).round() as u8
}

fn mapped(pixels: &Pixels, change: impl Fn([u8; 3]) -> [u8; 3]) -> Pixels {
    let rgb = pixels.data().chunks_exact(3);
    let data = rgb
        .flat_map(|rgb| change([rgb[0], rgb[1], rgb[2]]))
        .collect();
    Pixels::new(pixels.width(), pixels.height(), data).expect("as many bytes as before")
}

/// Each pixel from its place in the original, given x, y and the original's width and height.
fn placed(
    pixels: &Pixels,
    is_turned: bool,
    place: impl Fn(u32, u32, u32, u32) -> (u32, u32),
) -> Pixels {
    let (w, h) = (pixels.width(), pixels.height());
    let (width, height) = if is_turned { (h, w) } else { (w, h) };
    let mut data = Vec::with_capacity(pixels.data().len());
    for y in 0..height {
        for x in 0..width {
            let (x, y) = place(x, y, w, h);
            let at = (y as usize * w as usize + x as usize) * 3;
            data.extend_from_slice(&pixels.data()[at..at + 3]);
        }
    }
    Pixels::new(width, height, data).expect("as many bytes as before")
}

fn in_another_format(
    pixels: &Pixels,
    random: &mut Random,
) -> anyhow::Result<(&'static str, Vec<u8>)> {
    let (width, height) = (pixels.width(), pixels.height());
    let mut bytes = Vec::new();
    let ending = match random.below(4) {
        0 => {
            image_webp::WebPEncoder::new(&mut bytes).encode(
                pixels.data(),
                width,
                height,
                image_webp::ColorType::Rgb8,
            )?;
            "webp"
        }
        1 => {
            let (width, height) = (width as u16, height as u16);
            let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[])?;
            encoder.write_frame(&gif::Frame::from_rgb(width, height, pixels.data()))?;
            drop(encoder);
            "gif"
        }
        2 => {
            let mut file = Cursor::new(&mut bytes);
            tiff::encoder::TiffEncoder::new(&mut file)?
                .write_image::<tiff::encoder::colortype::RGB8>(width, height, pixels.data())?;
            "tif"
        }
        _ => {
            bytes = jpeg(pixels, 95)?;
            "jpg"
        }
    };
    Ok((ending, bytes))
}

fn jpeg(pixels: &Pixels, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = (pixels.width() as u16, pixels.height() as u16);
    Encoder::new(&mut bytes, quality).encode(pixels.data(), width, height, ColorType::Rgb)?;
    Ok(bytes)
}
