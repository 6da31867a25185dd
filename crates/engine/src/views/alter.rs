//! Views of a picture that a person takes for the same picture: a part of it, other colours, blurred, on another picture.

use fovea_decode::{Filter, Pixels, resize};

/// What is done to the pixels, one after the other. Shares are of sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alteration {
    /// How much of either side stays, and where the part begins.
    crop: (f32, f32),
    begins: (f32, f32),
    mirrored: bool,
    /// Each channel is multiplied with one of these, and this is added.
    gains: [f32; 3],
    lift: f32,
    grey: bool,
    /// The side to which it is shrunk before it is made as large as it was.
    blurred: Option<u32>,
    /// How much of either side of another picture it covers, and where.
    pasted: Option<(f32, f32, f32)>,
}

impl Alteration {
    /// The alteration for the view of this number: by turns a part, colours, a place on another picture, and blur, each by chance.
    pub fn of(view: usize, chance: u64) -> Alteration {
        let mut draw = Draw(chance);
        let mut one = Alteration {
            crop: (draw.between(0.85, 1.0), draw.between(0.85, 1.0)),
            begins: (draw.between(0.0, 1.0), draw.between(0.0, 1.0)),
            mirrored: draw.between(0.0, 1.0) < 0.5,
            gains: [1.0; 3],
            lift: 0.0,
            grey: false,
            blurred: None,
            pasted: None,
        };
        match view % 4 {
            0 => one.crop = (draw.between(0.5, 0.8), draw.between(0.5, 0.8)),
            1 => {
                one.gains = [(); 3].map(|()| draw.between(0.6, 1.4));
                one.lift = draw.between(-40.0, 40.0);
                one.grey = draw.between(0.0, 1.0) < 0.3;
            }
            2 => {
                let places = (draw.between(0.0, 1.0), draw.between(0.0, 1.0));
                one.pasted = Some((draw.between(0.5, 0.8), places.0, places.1));
            }
            _ => {
                one.blurred = Some(draw.between(32.0, 80.0) as u32);
                one.crop = (draw.between(0.6, 0.9), draw.between(0.6, 0.9));
            }
        }
        one
    }

    /// The altered picture. Where there is no other picture it is pasted on white.
    pub fn apply(&self, pixels: &Pixels, other: Option<&Pixels>) -> Pixels {
        let mut view = self.cropped(pixels);
        if let Some(side) = self.blurred {
            let (width, height) = (view.width(), view.height());
            let small = resize(&view, side.min(width), side.min(height), Filter::Box);
            view = resize(&small, width, height, Filter::Bilinear);
        }
        let (width, height) = (view.width(), view.height());
        let mut data = self.coloured(view.data());
        if self.mirrored {
            let row = 3 * width as usize;
            data = data.chunks_exact(row).flat_map(mirrored).collect();
        }
        let view = Pixels::new(width, height, data).unwrap_or(view);
        match self.pasted {
            Some(place) => pasted(&view, other, place),
            None => view,
        }
    }

    fn cropped(&self, pixels: &Pixels) -> Pixels {
        let part = |side: u32, share: f32, begins: f32| {
            let kept = ((side as f32 * share) as u32).clamp(1, side);
            (((side - kept) as f32 * begins) as u32, kept)
        };
        let (x, width) = part(pixels.width(), self.crop.0, self.begins.0);
        let (y, height) = part(pixels.height(), self.crop.1, self.begins.1);
        let part = pixels.cropped(x, y, width, height);
        part.unwrap_or_else(|| pixels.clone())
    }

    fn coloured(&self, data: &[u8]) -> Vec<u8> {
        let of = |pixel: &[u8]| {
            let mut colour = [0, 1, 2].map(|at| f32::from(pixel[at]));
            if self.grey {
                colour = [0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]; 3];
            }
            [0, 1, 2].map(|at| (colour[at] * self.gains[at] + self.lift).clamp(0.0, 255.0) as u8)
        };
        data.chunks_exact(3).flat_map(of).collect()
    }
}

fn mirrored(row: &[u8]) -> Vec<u8> {
    row.rchunks_exact(3).flatten().copied().collect()
}

/// The picture as a part of another one, which is stretched around it.
fn pasted(pixels: &Pixels, other: Option<&Pixels>, (share, x, y): (f32, f32, f32)) -> Pixels {
    let grown = |side: u32| ((side as f32 / share) as u32).max(side);
    let (width, height) = (grown(pixels.width()), grown(pixels.height()));
    let mut data = match other {
        Some(other) => resize(other, width, height, Filter::Bilinear).into_data(),
        None => vec![255; 3 * width as usize * height as usize],
    };
    let left = ((width - pixels.width()) as f32 * x) as usize;
    let top = ((height - pixels.height()) as f32 * y) as usize;
    let row = 3 * pixels.width() as usize;
    for (at, pixels) in pixels.data().chunks_exact(row).enumerate() {
        let from = 3 * ((top + at) * width as usize + left);
        data[from..from + row].copy_from_slice(pixels);
    }
    Pixels::new(width, height, data).unwrap_or_else(|| pixels.clone())
}

/// Numbers by chance (SplitMix64, Steele, Lea and Flood 2014), the same for the same beginning.
struct Draw(u64);

impl Draw {
    fn between(&mut self, low: f32, high: f32) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = ((z ^ (z >> 31)) >> 40) as f32 / 16_777_216.0;
        low + (high - low) * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, shift: u8) -> Pixels {
        let n = 3 * width as usize * height as usize;
        let data = (0..n).map(|at| (at as u8).wrapping_mul(7).wrapping_add(shift));
        Pixels::new(width, height, data.collect()).unwrap()
    }

    #[test]
    fn the_same_chance_alters_alike_and_another_one_otherwise() {
        let (one, other) = (picture(40, 30, 0), picture(20, 50, 90));
        for view in 0..8 {
            let altered = Alteration::of(view, 5).apply(&one, Some(&other));
            assert_eq!(altered, Alteration::of(view, 5).apply(&one, Some(&other)));
            assert_ne!(altered, Alteration::of(view, 6).apply(&one, Some(&other)));
            assert_ne!(altered, one);
        }
    }

    #[test]
    fn a_picture_lies_on_another_one() {
        let (one, other) = (picture(10, 8, 0), Pixels::new(1, 1, vec![1, 2, 3]).unwrap());
        let on = pasted(&one, Some(&other), (0.5, 1.0, 0.5));
        assert_eq!((on.width(), on.height()), (20, 16));
        assert_eq!(on.cropped(10, 4, 10, 8), Some(one.clone()));
        assert_eq!(on.data()[..3], [1, 2, 3]);
        let alone = pasted(&one, None, (0.5, 0.0, 0.0));
        assert_eq!(alone.data()[3 * (20 * 16 - 1)..], [255; 3]);
    }

    #[test]
    fn the_smallest_and_the_longest_pictures_have_views_too() {
        for (width, height) in [(1, 1), (400, 1), (1, 90)] {
            for view in 0..4 {
                let altered = Alteration::of(view, 3).apply(&picture(width, height, 0), None);
                assert!(altered.width() >= 1 && altered.height() >= 1);
            }
        }
    }
}
