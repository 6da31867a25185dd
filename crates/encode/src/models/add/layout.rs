//! Which files of a folder are the model: the layouts in which such models are published.

use std::collections::{BTreeMap, BTreeSet};
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

/// What the plain files are called.
const PLAIN: &str = "fp32";
/// Where models of several sizes lie, each in a folder of its own, as in `onnx/s0/vision_model.onnx`.
pub const SIZES: &str = "onnx";

/// The folder of the networks of one size, where one is wanted.
pub fn of_size(folder: &Path, size: Option<&str>) -> Result<PathBuf, Error> {
    let Some(size) = size else {
        return Ok(folder.into());
    };
    let names = names(folder)?;
    let found = in_size(&names, size).map_err(|what| Error::Unusable {
        path: folder.into(),
        what,
    })?;
    Ok(folder.join(found.0))
}

/// The folder of a size inside of a folder with these names, and the names in it.
pub fn in_size(names: &BTreeSet<String>, size: &str) -> Result<(String, BTreeSet<String>), String> {
    let place = format!("{SIZES}/{size}");
    let known = sizes(names);
    if !known.contains(size) {
        return Err(match known.is_empty() {
            true => format!("it has no networks in {place}: it is of one size alone"),
            false => format!("it has no size {size}, it has {}", listed(&known)),
        });
    }
    let inner = names.iter().filter_map(|name| {
        let inner = name.strip_prefix(&place)?.strip_prefix('/')?;
        Some(inner.to_owned())
    });
    let inner = inner.collect();
    Ok((place, inner))
}

/// The sizes of which both networks are there.
fn sizes(names: &BTreeSet<String>) -> BTreeSet<&str> {
    let mut inner: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in names {
        let parts: Vec<&str> = name.split('/').collect();
        if let [SIZES, size, file] = parts[..] {
            inner.entry(size).or_default().insert(file.to_owned());
        }
    }
    let is_whole =
        |names: &BTreeSet<String>| LAYOUTS.iter().any(|layout| !both(names, layout).is_empty());
    inner.retain(|_, names| is_whole(names));
    inner.into_keys().collect()
}

fn listed(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The precisions in which both networks of a layout are there.
fn both(names: &BTreeSet<String>, layout: &Layout) -> Vec<String> {
    let both =
        variants(names, layout.image).filter(|one| names.contains(&layout.text.replace('*', one)));
    both.map(str::to_owned).collect()
}

/// The precisions in which a folder has both networks, as they are named to ask for one: the plain one first.
pub fn precisions(folder: &Path) -> Result<Vec<String>, Error> {
    Ok(precisions_of(&names(folder)?))
}

/// The same of a list of names.
pub fn precisions_of(names: &BTreeSet<String>) -> Vec<String> {
    let mut all = LAYOUTS.iter().map(|layout| both(names, layout));
    let all = all.find(|both| !both.is_empty());
    let named = all
        .into_iter()
        .flatten()
        .map(|one| match one.trim_start_matches('_') {
            "" => PLAIN.to_owned(),
            name => name.to_owned(),
        });
    let mut named: Vec<String> = named.collect();
    named.sort_by_key(|name| name != PLAIN);
    named
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
        let both = both(names, &layout);
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
    let sizes = sizes(names);
    if !sizes.is_empty() {
        return Err(format!(
            "it has several sizes, each in a folder of its own; choose one with --size: {}",
            listed(&sizes)
        ));
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

/// The files of a folder, of those folders in it that a layout names, and of those that may be of one size.
fn names(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let inner = LAYOUTS
        .iter()
        .flat_map(|layout| [layout.image, layout.text]);
    let inner = inner.map(|pattern| pattern.rsplit_once('/').map_or("", |(inner, _)| inner));
    let mut inner: BTreeSet<PathBuf> = inner.map(PathBuf::from).collect();
    let sizes = entries(&folder.join(SIZES))?.into_iter();
    let sizes = sizes.filter(|path| path.is_dir());
    inner.extend(sizes.filter_map(|path| Some(Path::new(SIZES).join(path.file_name()?))));
    let mut names = BTreeSet::new();
    for inner in inner {
        for path in entries(&folder.join(&inner))? {
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                let name = inner.join(name);
                names.insert(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(names)
}

/// What lies in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).doing("list", folder)?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    paths.collect::<std::io::Result<_>>().doing("list", folder)
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
            "" => PLAIN,
            name => name,
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let suffix = match wanted {
        Some("" | PLAIN) => String::new(),
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
    let blobs = root.ancestors().find(|above| above.ends_with("snapshots"));
    let blobs = blobs
        .and_then(Path::parent)
        .map(|repository| repository.join("blobs"));
    let is_inside = real.starts_with(&root) || blobs.is_some_and(|blobs| real.starts_with(blobs));
    match is_inside && real.is_file() {
        true => Ok(path),
        false => Err(refuse("leads out of the folder")),
    }
}
