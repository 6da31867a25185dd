//! The networks of a pack alone, for whoever measures them: where they lie, what they are given, what they cost to load.

use std::path::PathBuf;

use serde::Serialize;

use crate::Encoder;
use crate::Error;
use crate::image::{Fit, Resampling, Seeing};
use crate::lazy::Lazy;
use crate::pack::{Alignment, Pack};
use crate::towers::{Fitting, IMAGE_TOWER, Preparation, TEXT_TOWER, TextTower, Tokens};

/// The network that sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageNetwork {
    pub file: PathBuf,
    pub input: String,
    pub output: String,
    #[serde(flatten)]
    pub recipe: Recipe,
}

/// How a picture becomes what the network reads, in the words of any program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipe {
    /// Side of the square in pixels.
    pub side: u32,
    /// `pad` (white around it), `squash` (each side by its own factor) or `crop` (the middle is kept).
    pub fit: &'static str,
    /// Length of the shorter side before the middle is kept.
    pub short: u32,
    /// `bilinear`, `bicubic` or `lanczos3`.
    pub filter: &'static str,
    /// A byte times `scale`, minus `mean`, divided by `deviation`.
    pub scale: f32,
    pub mean: [f32; 3],
    pub deviation: [f32; 3],
}

impl Pack {
    /// The same with so many threads in each session of the network that sees; it has to be asked by fewer at the same time.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self.image = Lazy::new();
        if let Alignment::Towers(towers) = &mut self.alignment {
            towers.set_threads(self.threads);
        }
        self
    }

    /// The network that sees, where ONNX Runtime has one to run.
    pub fn image_network(&self) -> Option<ImageNetwork> {
        let (file, seeing) = match &self.alignment {
            Alignment::Towers(towers) => (IMAGE_TOWER, Seeing::Other(towers.image_tower().clone())),
            Alignment::Conse(_) | Alignment::Unaligned => self.seeing()?,
        };
        let ((input, output), _) = seeing.wiring();
        Some(ImageNetwork {
            file: self.dir().join(file),
            input: input.to_owned(),
            output: output.to_owned(),
            recipe: seeing.recipe(),
        })
    }

    /// The file of the network that reads, where ONNX Runtime runs it.
    pub fn text_network(&self) -> Option<PathBuf> {
        match &self.alignment {
            Alignment::Towers(_) => Some(self.dir().join(TEXT_TOWER)),
            Alignment::Conse(_) | Alignment::Unaligned => None,
        }
    }

    /// The inputs and the output of that network.
    pub fn text_tower(&self) -> Option<&TextTower> {
        match &self.alignment {
            Alignment::Towers(towers) => Some(towers.text_tower()),
            Alignment::Conse(_) | Alignment::Unaligned => None,
        }
    }

    /// What that network reads of a text; nothing where there is none.
    pub fn tokens(&self, text: &str) -> Result<Tokens, Error> {
        match &self.alignment {
            Alignment::Towers(towers) => towers.tokens(text),
            Alignment::Conse(_) | Alignment::Unaligned => Ok(Tokens::default()),
        }
    }

    /// The feature of a picture that is prepared already, as [`Pack::planes`] does.
    pub fn feature_of_planes(&self, planes: &[f32]) -> Result<Vec<f32>, Error> {
        match &self.alignment {
            Alignment::Towers(towers) => {
                self.load_image()?;
                towers.see(planes)
            }
            Alignment::Conse(_) | Alignment::Unaligned => self.image()?.run(planes),
        }
    }

    /// The features of several such pictures by one run, which fails for all where it does for one.
    pub fn features_of_planes(&self, all: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, Error> {
        match all {
            [] => return Ok(Vec::new()),
            [one] => return Ok(vec![self.feature_of_planes(one)?]),
            _ => {}
        }
        let (planes, n) = (all.concat(), all.len());
        let features = match &self.alignment {
            Alignment::Towers(towers) => {
                self.load_image()?;
                towers.see_all(&planes, n)?
            }
            Alignment::Conse(_) | Alignment::Unaligned => self.image()?.run_all(&planes, n)?,
        };
        let features = features.chunks_exact(self.spec().feature_dim);
        Ok(features.map(<[f32]>::to_vec).collect())
    }

    /// Checks and loads the network that sees now, not with the first picture.
    pub fn load_image(&self) -> Result<(), Error> {
        match &self.alignment {
            Alignment::Towers(towers) => {
                self.check_once(&self.seen, "image/", || towers.load_image())
            }
            Alignment::Conse(_) | Alignment::Unaligned => self.image().map(drop),
        }
    }

    /// Checks and loads what reads now, not with the first text.
    pub fn load_text(&self) -> Result<(), Error> {
        match &self.alignment {
            Alignment::Towers(towers) => {
                self.check_once(&self.read, "text/", || towers.load_text())
            }
            Alignment::Conse(_) | Alignment::Unaligned => self.text().map(drop),
        }
    }
}

impl Seeing {
    fn recipe(&self) -> Recipe {
        match self {
            Self::Own(own) => Recipe {
                side: own.side,
                fit: match own.fit {
                    Fit::Pad => "pad",
                    Fit::Crop => "crop",
                    Fit::Squash => "squash",
                },
                short: own.side,
                filter: own.filter.name(),
                scale: 1.0 / 255.0,
                mean: [own.mean; 3],
                deviation: [own.deviation; 3],
            },
            Self::Other(tower) => tower.preparation.recipe(),
        }
    }
}

impl Preparation {
    fn recipe(&self) -> Recipe {
        let (fit, short) = match self.fitting {
            Fitting::Squash => ("squash", self.side),
            Fitting::Shortest { short, .. } => ("crop", short),
        };
        Recipe {
            side: self.side,
            fit,
            short,
            filter: self.filter.name(),
            scale: self.scale,
            mean: self.mean,
            deviation: self.deviation,
        }
    }
}

impl Resampling {
    fn name(self) -> &'static str {
        match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos3 => "lanczos3",
        }
    }
}
