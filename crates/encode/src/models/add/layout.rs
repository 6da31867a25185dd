//! Which files of a folder are the model: the layouts in which such models are published.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Context, Error};

/// A way in which both networks lie in a folder. `*` stands for the precision, as in `_fp16`.
struct Layout {
    name: &'static str,
    image: &'static str,
    text: &'static str,
}

const LAYOUTS: [Layout; 6] = [
    Layout {
        name: "transformers.js",
        image: "onnx/vision_model*.onnx",
        text: "onnx/text_model*.onnx",
    },
    Layout {
        name: "transformers.js",
        image: "onnx/model*.onnx",
        text: "onnx/model*.onnx",
    },
    Layout {
        name: "transformers.js",
        image: "vision_model*.onnx",
        text: "text_model*.onnx",
    },
    Layout {
        name: "Immich",
        image: "visual/model*.onnx",
        text: "textual/model*.onnx",
    },
    Layout {
        name: "open_clip",
        image: "visual*.onnx",
        text: "textual*.onnx",
    },
    Layout {
        name: "transformers.js",
        image: "model*.onnx",
        text: "model*.onnx",
    },
];

/// Weights for PyTorch, which are said to be of no use here where no network in ONNX lies beside them.
const TORCH: [&str; 5] = [
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
];

/// The networks of a folder, by names inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    pub layout: &'static str,
    /// As in `fp16`; empty for the plain files.
    pub precision: String,
    pub image: String,
    pub text: String,
}

/// The networks of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub layout: &'static str,
    pub precision: String,
    pub image: PathBuf,
    pub text: PathBuf,
}

/// Looks for both networks, in the wanted precision or the plain one.
pub fn find(folder: &Path, precision: Option<&str>) -> Result<Found, Error> {
    let picked = pick(&names(folder)?, precision).map_err(|what| Error::Unusable {
        path: folder.into(),
        what,
    })?;
    Ok(Found {
        layout: picked.layout,
        precision: picked.precision,
        image: folder.join(picked.image),
        text: folder.join(picked.text),
    })
}

/// The same of a list of names, as a hub has it of what is not here yet.
pub fn pick(names: &BTreeSet<String>, precision: Option<&str>) -> Result<Picked, String> {
    for layout in LAYOUTS {
        let both = variants(names, layout.image)
            .filter(|one| names.contains(&layout.text.replace('*', one)));
        let both: Vec<String> = both.map(str::to_owned).collect();
        if both.is_empty() {
            continue;
        }
        let chosen = choose(&both, precision)?;
        return Ok(Picked {
            layout: layout.name,
            image: layout.image.replace('*', &chosen),
            text: layout.text.replace('*', &chosen),
            precision: chosen.trim_start_matches('_').to_owned(),
        });
    }
    let torch = TORCH.into_iter().find(|name| names.contains(*name));
    Err(match torch {
        Some(name) => format!(
            "it has weights for PyTorch ({name}) and no network in ONNX; export it, as with `optimum-cli export onnx`, and add that folder"
        ),
        None => "it has no image network with a text network beside it; expected onnx/vision_model.onnx and onnx/text_model.onnx, \
                 onnx/model.onnx, visual/model.onnx and textual/model.onnx, or visual.onnx and textual.onnx"
            .into(),
    })
}

/// The files of a folder and of those folders in it that a layout names.
fn names(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let inner = LAYOUTS
        .iter()
        .flat_map(|layout| [layout.image, layout.text]);
    let inner = inner.map(|pattern| pattern.rsplit_once('/').map_or("", |(inner, _)| inner));
    let mut names = BTreeSet::new();
    for inner in inner.collect::<BTreeSet<_>>() {
        let place = folder.join(inner);
        if !place.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&place).doing("list", &place)? {
            let entry = entry.doing("list", &place)?;
            if entry.path().is_file() {
                let name = Path::new(inner).join(entry.file_name());
                names.insert(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(names)
}

/// What stands for `*` in the names that are there, sorted.
fn variants<'a>(names: &'a BTreeSet<String>, pattern: &str) -> impl Iterator<Item = &'a str> {
    let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
    names.iter().filter_map(move |name| {
        let middle = name.strip_prefix(start)?.strip_suffix(end)?;
        (middle.is_empty() || middle.starts_with('_')).then_some(middle)
    })
}

fn choose(found: &[String], wanted: Option<&str>) -> Result<String, String> {
    let names = || {
        let names = found.iter().map(|one| match one.trim_start_matches('_') {
            "" => "fp32",
            name => name,
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let suffix = match wanted {
        Some("" | "fp32") => String::new(),
        Some(wanted) => format!("_{wanted}"),
        None if found.len() == 1 => found[0].clone(),
        None => String::new(),
    };
    match (found.contains(&suffix), wanted) {
        (true, _) => Ok(suffix),
        (false, Some(wanted)) => Err(format!("it has no {wanted}, it has {}", names())),
        (false, None) => Err(format!(
            "it has several precisions; choose one with --precision: {}",
            names()
        )),
    }
}

/// A file that a network names, which may lie nowhere but in the folder that was given: what the network says is somebody else's.
/// Links are followed where they stay inside, or lead to the `blobs` beside the `snapshots` of a download cache.
pub fn inside(folder: &Path, network: &Path, location: &str) -> Result<PathBuf, Error> {
    let refuse = |what: &str| Error::Unusable {
        path: network.into(),
        what: format!("it keeps weights in {location:?}, which {what}"),
    };
    let is_plain = Path::new(location)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if location.is_empty() || !is_plain || location.contains(['\\', ':', '\0']) {
        return Err(refuse("leads out of the folder"));
    }
    let path = network.parent().unwrap_or(folder).join(location);
    let Ok(real) = fs::canonicalize(&path) else {
        return Err(refuse("is not there"));
    };
    let root = fs::canonicalize(folder).doing("open", folder)?;
    let blobs = root.parent().filter(|parent| parent.ends_with("snapshots"));
    let blobs = blobs
        .and_then(Path::parent)
        .map(|repository| repository.join("blobs"));
    let is_inside = real.starts_with(&root) || blobs.is_some_and(|blobs| real.starts_with(blobs));
    match is_inside && real.is_file() {
        true => Ok(path),
        false => Err(refuse("leads out of the folder")),
    }
}
