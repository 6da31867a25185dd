//! A figure cut out of its picture: what is transparent stays so.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use fovea_decode::{Filter, Pixels, resize};
use png::{BitDepth, ColorType, Decoder, Transformations};

/// From this alpha on a pixel belongs to the figure.
const SOLID: u8 = 32;

/// Colours times alpha, and alpha in all three channels, so that both can be scaled as any picture.
#[derive(Clone, Debug)]
pub struct Cutout {
    colour: Pixels,
    cover: Pixels,
}

impl Cutout {
    /// The figure of a PNG without its transparent margin; none where nothing is solid.
    pub fn read(path: &Path) -> anyhow::Result<Option<Cutout>> {
        let what = || format!("cannot read {}", path.display());
        let file = BufReader::new(File::open(path).with_context(what)?);
        let mut decoder = Decoder::new(file);
        decoder
            .set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
        let mut reader = decoder.read_info().with_context(what)?;
        let size = reader.output_buffer_size().with_context(what)?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes).with_context(what)?;
        anyhow::ensure!(
            info.bit_depth == BitDepth::Eight,
            "{}: not 8 bits",
            path.display()
        );
        let rgba: Vec<[u8; 4]> = match info.color_type {
            ColorType::Rgba => bytes.as_chunks().0.to_vec(),
            ColorType::GrayscaleAlpha => {
                let grey = bytes.as_chunks::<2>().0.iter();
                grey.map(|&[grey, alpha]| [grey, grey, grey, alpha])
                    .collect()
            }
            other => anyhow::bail!("{}: {other:?} was not turned into RGBA", path.display()),
        };
        Ok(Cutout::trimmed(info.width, info.height, &rgba))
    }

    fn trimmed(width: u32, height: u32, rgba: &[[u8; 4]]) -> Option<Cutout> {
        let solid = (0..).zip(rgba).filter(|(_, pixel)| pixel[3] >= SOLID);
        let places = solid.map(|(at, _): (u32, _)| (at % width, at / width));
        let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
        for (x, y) in places {
            (left, right) = (left.min(x), right.max(x + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
        if left >= right {
            return None;
        }
        let scaled = |value: u8, alpha: u8| (u32::from(value) * u32::from(alpha) / 255) as u8;
        let colour = rgba
            .iter()
            .flat_map(|&[r, g, b, a]| [r, g, b].map(|value| scaled(value, a)));
        let cover = rgba.iter().flat_map(|pixel| [pixel[3]; 3]);
        let cut = |data: Vec<u8>| {
            Pixels::new(width, height, data)?.cropped(left, top, right - left, bottom - top)
        };
        Some(Cutout {
            colour: cut(colour.collect())?,
            cover: cut(cover.collect())?,
        })
    }

    /// Width over height.
    pub fn aspect(&self) -> f32 {
        self.colour.width() as f32 / self.colour.height() as f32
    }

    /// The background with the figure on it, scaled to `width` x `height` at `x`, `y`; it has to lie inside.
    pub fn onto(&self, background: Pixels, [x, y, width, height]: [u32; 4]) -> Pixels {
        let colour = resize(&self.colour, width, height, Filter::Bilinear);
        let cover = resize(&self.cover, width, height, Filter::Bilinear);
        let (columns, rows) = (background.width(), background.height());
        let mut data = background.into_data();
        let line = width as usize * 3;
        for row in 0..height as usize {
            let at = ((y as usize + row) * columns as usize + x as usize) * 3;
            let figure = colour.data()[row * line..][..line].iter();
            let cover = cover.data()[row * line..][..line].iter();
            for (below, (colour, cover)) in data[at..at + line].iter_mut().zip(figure.zip(cover)) {
                let shines_through = u32::from(*below) * (255 - u32::from(*cover)) / 255;
                *below = (u32::from(*colour) + shines_through).min(255) as u8;
            }
        }
        Pixels::new(columns, rows, data).expect("the background kept its size")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_loses_its_margin_and_covers_what_is_below() {
        let clear = [9, 9, 9, 0];
        let mut rgba = vec![clear; 12];
        rgba[5] = [200, 0, 0, 255];
        rgba[6] = [200, 0, 0, 255];
        let cutout = Cutout::trimmed(4, 3, &rgba).unwrap();
        assert_eq!(cutout.aspect(), 2.0);
        let white = Pixels::new(4, 4, vec![255; 48]).unwrap();
        let drawn = cutout.onto(white, [2, 1, 2, 1]);
        let red: Vec<usize> = (0..16).filter(|at| drawn.data()[at * 3 + 1] == 0).collect();
        assert_eq!(red, [6, 7]);
        assert!(Cutout::trimmed(4, 3, &[clear; 12]).is_none());
    }
}
