//! Which pieces of a picture become rows. Everything follows from the picture's name, so that every machine cuts alike.

use fovea_decode::{Filter, Pixels, resize};

use crate::bench_ann::split::hash;

/// Pieces of a large picture, the whole included.
const PIECES: usize = 24;
/// Pieces of a picture whose shorter side is below [`LARGE`].
const FEW_PIECES: usize = 12;
const LARGE: u32 = 128;
/// Below this a piece would be a handful of pixels: only the whole is taken.
const SMALL: u32 = 64;
/// Sides of a piece over the shorter side of the picture.
const SHARE: (f64, f64) = (0.35, 0.95);
/// A larger picture is scaled down first; the network reads 224 pixels.
const LONG_SIDE: u32 = 1024;
/// Mean absolute deviation of brightness below which a piece shows nothing.
const FLAT: f64 = 6.0;

/// A picture small enough to cut.
pub fn shrunk(pixels: Pixels) -> Pixels {
    let long = pixels.width().max(pixels.height());
    if long <= LONG_SIDE {
        return pixels;
    }
    let side = |length: u32| (u64::from(length) * u64::from(LONG_SIDE) / u64::from(long)) as u32;
    let (width, height) = (side(pixels.width()), side(pixels.height()));
    resize(&pixels, width, height, Filter::Bilinear)
}

/// Numbered pieces of the picture, the whole first, without those that show nothing.
pub fn pieces(name: &str, pixels: &Pixels) -> Vec<(usize, Pixels)> {
    let n = match pixels.width().min(pixels.height()) {
        short if short >= LARGE => PIECES,
        short if short >= SMALL => FEW_PIECES,
        _ => 1,
    };
    let cut = (0..n).map(|number| (number, piece(name, number, pixels)));
    cut.filter(|(_, piece)| !is_flat(piece)).collect()
}

fn piece(name: &str, number: usize, pixels: &Pixels) -> Pixels {
    if number == 0 {
        return pixels.clone();
    }
    let draw = |what: &str| {
        let drawn = hash(&format!("{name}\n{number}\n{what}"));
        (drawn >> 11) as f64 / (1u64 << 53) as f64
    };
    let short = f64::from(pixels.width().min(pixels.height()));
    let side = |what: &str, most: u32| {
        let share = SHARE.0 + (SHARE.1 - SHARE.0) * draw(what);
        ((short * share) as u32).clamp(1, most)
    };
    let (width, height) = (
        side("width", pixels.width()),
        side("height", pixels.height()),
    );
    let x = (f64::from(pixels.width() - width + 1) * draw("x")) as u32;
    let y = (f64::from(pixels.height() - height + 1) * draw("y")) as u32;
    let piece = pixels.cropped(x, y, width, height);
    piece.expect("the piece was drawn inside the picture")
}

/// Nothing but one colour, or nearly so.
fn is_flat(pixels: &Pixels) -> bool {
    let brightness = |rgb: &[u8]| rgb.iter().map(|&part| f64::from(part)).sum::<f64>() / 3.0;
    let all = || pixels.data().chunks_exact(3).map(brightness);
    let n = f64::from(pixels.width()) * f64::from(pixels.height());
    let mean = all().sum::<f64>() / n;
    all().map(|value| (value - mean).abs()).sum::<f64>() / n < FLAT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Pixels {
        let n = width * height * 3;
        let data = (0..n)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        Pixels::new(width, height, data).expect("the sizes agree")
    }

    #[track_caller]
    fn check(width: u32, height: u32, n: usize) {
        let pixels = picture(width, height);
        let found = pieces("a", &pixels);
        assert_eq!(found.len(), n);
        assert!(found.iter().skip(1).all(|(_, piece)| {
            piece.width() <= width && piece.height() <= height && *piece != pixels
        }));
        assert_eq!(found, pieces("a", &pixels), "it is cut the same way again");
        // Where there is no piece beside the whole, there is nothing that a name could move.
        assert!(n <= 1 || found[1..] != pieces("b", &pixels)[1..]);
    }

    #[test]
    fn sizes_decide_how_many() {
        check(200, 150, PIECES);
        check(64, 400, FEW_PIECES);
        check(63, 400, 1);
        check(1, 1, 0);
    }

    #[test]
    fn blank_paper_shows_nothing() {
        let blank = Pixels::new(300, 300, vec![255; 270_000]).expect("the sizes agree");
        assert!(pieces("a", &blank).is_empty());
    }
}
