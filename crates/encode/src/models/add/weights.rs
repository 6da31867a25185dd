//! Weights without a network: the state dict of a ResNet or VGG as `torchvision` publishes it.

use std::fs;
use std::path::{Path, PathBuf};

use super::preparing;
use super::seeing::{FEATURE, Sighted, Source, Words};
use crate::convert::torchvision::{self, Made, SIDE};
use crate::error::{Context, Error};
use crate::image::Resampling;
use crate::onnx::Layer;
use crate::towers::{Fitting, ImageTower, Middle, Preparation};
use crate::{Pack, tensors};

/// How files of weights end.
const ENDINGS: [&str; 4] = ["pth", "pt", "bin", "safetensors"];
/// What `torchvision` normalises by.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// Length of the shorter side of a picture before the middle is kept.
const SHORT: u32 = 256;
/// The same of weights that were trained by the second recipe, which their published names tell by the beginning of a checksum.
const SHORT_OF_SECOND: u32 = 232;
const SECOND: [&str; 8] = [
    "11ad3fa6", "cd907fc2", "f82ba261", "1a0047aa", "110c445d", "173b62eb", "9ba9bcbe", "d733dc28",
];

/// Whether a file is one of weights, by its name.
pub fn is_weights(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The file of weights in a folder; nothing where there is none.
pub fn find(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).doing("list", folder)? {
        let path = entry.doing("list", folder)?.path();
        // Whatever is no network ends so as well.
        let is_other = path.extension().is_some_and(|ending| ending == "bin")
            && !path.ends_with("pytorch_model.bin");
        if is_weights(&path) && !is_other {
            found.push(path);
        }
    }
    found.sort();
    // Both forms of the same weights lie side by side at publishers.
    let safe = found
        .iter()
        .find(|path| path.ends_with("model.safetensors"));
    match (safe, &found[..]) {
        (Some(safe), _) => Ok(Some(safe.clone())),
        (None, []) => Ok(None),
        (None, [one]) => Ok(Some(one.clone())),
        (None, [one, other, ..]) => Err(Error::Unusable {
            path: folder.into(),
            what: format!(
                "it has several files of weights, as {} and {}; add the one that is meant",
                name(one),
                name(other)
            ),
        }),
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Makes the network whose weights these are. A folder around them may say how pictures are prepared.
pub fn read(path: &Path, folder: Option<&Path>, base: &Pack) -> Result<Sighted, Error> {
    let refuse = |what: String| Error::Unusable {
        path: path.into(),
        what,
    };
    let made = torchvision::tensors(&tensors::map(path)?)
        .and_then(torchvision::make)
        .map_err(refuse)?;
    let preparation = match folder {
        Some(folder) if folder.join("preprocessor_config.json").is_file() => {
            Some(preparing::read(folder)?)
        }
        Some(folder) => preparing::of_timm(folder)?,
        None => None,
    };
    let preparation = preparation.unwrap_or_else(|| of_torchvision(path));
    if preparation.side != SIDE {
        let side = preparation.side;
        return Err(refuse(format!(
            "it is said to see squares of {side} pixels, and networks are made here for {SIDE}"
        )));
    }
    let Made {
        family,
        onnx,
        dim,
        classifier,
    } = made;
    let known = base.manifest().classes;
    let words = match classifier {
        Some(classifier) if classifier.bias.len() == known => Words::Classes(Layer {
            input: FEATURE.into(),
            weights: classifier.weights,
            dim,
            bias: classifier.bias,
        }),
        Some(other) => Words::None(format!(
            "its last layer has {} classes, and ImageNet {known}",
            other.bias.len()
        )),
        None => Words::None("it has no last layer".into()),
    };
    Ok(Sighted {
        source: Source::Made {
            path: path.into(),
            onnx,
        },
        family,
        precision: String::new(),
        tower: ImageTower {
            input: "pixels".into(),
            output: FEATURE.into(),
            preparation,
        },
        dim,
        words,
    })
}

/// How `torchvision` prepares pictures for weights of this name.
fn of_torchvision(path: &Path) -> Preparation {
    let name = name(path);
    let short = match SECOND.iter().any(|mark| name.contains(mark)) {
        true => SHORT_OF_SECOND,
        false => SHORT,
    };
    Preparation {
        side: SIDE,
        fitting: Fitting::Shortest {
            short,
            middle: Middle::Even,
        },
        filter: Resampling::Bilinear,
        scale: 1.0 / 255.0,
        mean: MEAN,
        deviation: DEVIATION,
    }
}
