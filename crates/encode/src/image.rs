//! Pixels become a raw feature: preprocessing, and the image network in ONNX Runtime.

use fovea_decode::{Filter, Pixels, resize};
use ort::session::Session;
use ort::value::TensorRef;

use crate::error::Error;
use crate::session::{Library, Model, Sessions, Shapes};
use crate::towers::ImageTower;

/// How pixels become the numbers that a network reads. It travels with the weights, in the manifest.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Preprocessing {
    /// Side of the square input.
    pub side: u32,
    pub fit: Fit,
    pub filter: Resampling,
    /// `(value / 255 - mean) / deviation`, for every channel alike.
    pub mean: f32,
    pub deviation: f32,
}

/// How a picture that is not square becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The longer side fits, the rest is white. Nothing is cut off.
    Pad,
    /// The shorter side fits, the middle is kept.
    Crop,
    /// Both sides are scaled to the square, each by its own factor.
    Squash,
}

/// Filter of the resize, widened when shrinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    Bilinear,
    Bicubic,
    Lanczos3,
}

/// Pictures with a longer side than this are scaled down before they are padded.
const PADDED_SIDE_MAX: u32 = 2048;

impl Preprocessing {
    /// The input of the network for one picture: three planes of `side` x `side`.
    pub fn planes(&self, pixels: &Pixels) -> Vec<f32> {
        let square = self.square(pixels);
        let area = self.side as usize * self.side as usize;
        let mut planes = vec![0.0; 3 * area];
        let (scale, shift) = (1.0 / (255.0 * self.deviation), self.mean / self.deviation);
        for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
            for (value, byte) in plane.iter_mut().zip(square.iter().skip(channel).step_by(3)) {
                *value = f32::from(*byte) * scale - shift;
            }
        }
        planes
    }

    /// RGB bytes of the square.
    fn square(&self, pixels: &Pixels) -> Vec<u8> {
        let filter = match self.filter {
            Resampling::Bilinear => Filter::Bilinear,
            Resampling::Bicubic => Filter::Bicubic,
            Resampling::Lanczos3 => Filter::Lanczos3,
        };
        match self.fit {
            Fit::Squash => resize(pixels, self.side, self.side, filter).into_data(),
            Fit::Pad => resize(&padded(pixels, filter), self.side, self.side, filter).into_data(),
            Fit::Crop => {
                let short = pixels.width().min(pixels.height());
                let (width, height) = scaled(pixels, self.side, short);
                centred(&resize(pixels, width, height, filter), self.side).into_data()
            }
        }
    }
}

/// `pixels` in the middle of a white square with the longer side. A longer side past the bound is scaled down
/// first: a strip of 60,000 x 1 pixels must not become a square of 10 GB.
fn padded(pixels: &Pixels, filter: Filter) -> Pixels {
    let long = pixels.width().max(pixels.height());
    if long <= PADDED_SIDE_MAX {
        return centred(pixels, long);
    }
    let (width, height) = scaled(pixels, PADDED_SIDE_MAX, long);
    centred(&resize(pixels, width, height, filter), PADDED_SIDE_MAX)
}

/// Both sides scaled so that the side of length `reference` gets length `side`.
fn scaled(pixels: &Pixels, side: u32, reference: u32) -> (u32, u32) {
    let scale = |length: u32| {
        let exact = f64::from(length) * f64::from(side) / f64::from(reference);
        // The long side of a crop could be absurd for a picture one pixel high; nothing past this is kept anyway.
        (exact.round() as u32).clamp(1, side.saturating_mul(64))
    };
    (scale(pixels.width()), scale(pixels.height()))
}

/// The middle of `pixels` on a white square: pads where it is smaller, cuts where it is larger.
fn centred(pixels: &Pixels, side: u32) -> Pixels {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let length = side as usize;
    let mut square = vec![255; length * length * 3];
    let (columns, rows) = (width.min(length), height.min(length));
    let (from_x, from_y) = ((width - columns) / 2, (height - rows) / 2);
    let (to_x, to_y) = ((length - columns) / 2, (length - rows) / 2);
    for row in 0..rows {
        let from = ((from_y + row) * width + from_x) * 3;
        let to = ((to_y + row) * length + to_x) * 3;
        square[to..to + columns * 3].copy_from_slice(&pixels.data()[from..from + columns * 3]);
    }
    Pixels::new(side, side, square).expect("the square was made with this size")
}

/// How an image network sees.
pub enum Seeing {
    /// That of the base pack, which is written here.
    Own(Preprocessing),
    /// That of somebody else.
    Other(ImageTower),
}

impl Seeing {
    /// What the network reads of a picture: three planes.
    pub fn planes(&self, pixels: &Pixels) -> Vec<f32> {
        match self {
            Self::Own(preprocessing) => preprocessing.planes(pixels),
            Self::Other(network) => network.preparation.planes(pixels),
        }
    }

    /// Names of input and output, and the side of the square between them.
    pub fn wiring(&self) -> ((&str, &str), u32) {
        match self {
            Self::Own(preprocessing) => (("pixels", "feature"), preprocessing.side),
            Self::Other(network) => ((&network.input, &network.output), network.preparation.side),
        }
    }
}

/// The image network.
pub struct ImageEncoder {
    sessions: Sessions,
    seeing: Seeing,
    feature_dim: usize,
}

impl ImageEncoder {
    /// Loads nothing yet.
    pub fn new(
        (model, library): (Model, Library),
        seeing: Seeing,
        feature_dim: usize,
        threads: usize,
    ) -> Self {
        let sessions = Sessions::new(model, library, Shapes::Same, "load the image network");
        Self {
            sessions: sessions.with_threads(threads),
            seeing,
            feature_dim,
        }
    }

    /// The features of one picture.
    pub fn feature(&self, pixels: &Pixels) -> Result<Vec<f32>, Error> {
        self.run(&self.seeing.planes(pixels))
    }

    /// The same of what the network reads.
    pub fn run(&self, planes: &[f32]) -> Result<Vec<f32>, Error> {
        self.run_all(planes, 1)
    }

    /// The same of `n` pictures, one after the other.
    pub fn run_all(&self, planes: &[f32], n: usize) -> Result<Vec<f32>, Error> {
        let (names, side) = self.seeing.wiring();
        let dims = (n, self.feature_dim);
        self.sessions
            .run(|session| run(session, names, side as usize, planes, dims))
    }

    /// Loads the network now.
    pub fn load(&self) -> Result<(), Error> {
        self.sessions.run(|_| Ok(()))
    }
}

/// Runs an image network on `n` pictures, one after the other in `planes`: `names` are those of its input and of the output that is
/// wanted, which has `dim` numbers for each.
pub fn run(
    session: &mut Session,
    names: (&str, &str),
    side: usize,
    planes: &[f32],
    (n, dim): (usize, usize),
) -> Result<Vec<f32>, Error> {
    const ACTION: &str = "run the image network";
    let failed = |error: ort::Error| Error::Runtime {
        action: ACTION,
        what: error.to_string(),
    };
    let input = TensorRef::from_array_view(([n, 3, side, side], planes)).map_err(failed)?;
    let outputs = session
        .run(ort::inputs![names.0 => input])
        .map_err(failed)?;
    let (_, features) = outputs[names.1]
        .try_extract_tensor::<f32>()
        .map_err(failed)?;
    whole(ACTION, features, n * dim)
}

/// The numbers, where there are as many as there must be and all are finite.
pub fn whole(action: &'static str, found: &[f32], dim: usize) -> Result<Vec<f32>, Error> {
    if found.len() == dim && found.iter().all(|value| value.is_finite()) {
        return Ok(found.to_vec());
    }
    let finite = match found.iter().all(|value| value.is_finite()) {
        true => "",
        false => ", of which some are no numbers",
    };
    let what = format!(
        "it returned {} numbers{finite}, expected {dim} finite ones",
        found.len()
    );
    Err(Error::Runtime { action, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Preprocessing = Preprocessing {
        side: 4,
        fit: Fit::Pad,
        filter: Resampling::Bilinear,
        mean: 0.5,
        deviation: 0.5,
    };

    fn plain(width: u32, height: u32) -> Pixels {
        let data = [0u8, 0, 255].repeat((width * height) as usize);
        Pixels::new(width, height, data).expect("the data has the size that was asked for")
    }

    /// Draws the red plane: `#` is black, `.` is white.
    #[track_caller]
    fn check(fit: Fit, width: u32, height: u32, expect: [&str; 4]) {
        let planes = Preprocessing { fit, ..BASE }.planes(&plain(width, height));
        assert_eq!(planes.len(), 48);
        let red = planes[..16].chunks(4);
        let drawn: Vec<String> = red
            .map(|row| {
                row.iter()
                    .map(|value| if *value < 0.0 { '#' } else { '.' })
                    .collect()
            })
            .collect();
        assert_eq!(drawn, expect);
        assert!(
            planes[32..].iter().all(|value| *value == 1.0),
            "blue is full everywhere"
        );
    }

    #[test]
    fn fits() {
        check(Fit::Pad, 8, 4, ["....", "####", "####", "...."]);
        check(Fit::Pad, 10, 20, [".##."; 4]);
        check(Fit::Pad, 300, 1, ["...."; 4]);
        check(Fit::Pad, 60_000, 1, ["...."; 4]);
        check(Fit::Pad, 1, 1, ["####"; 4]);
        check(Fit::Crop, 8, 4, ["####"; 4]);
        check(Fit::Crop, 1, 30_000, ["####"; 4]);
        check(Fit::Squash, 9, 2, ["####"; 4]);
    }
}
