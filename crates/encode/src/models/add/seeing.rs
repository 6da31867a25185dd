//! A classifier of ImageNet, as ResNet, VGG or ViT: its network without the last layer sees, its last layer and the words of the
//! base pack stand between that and words, by the same ConSE.

use std::fs;
use std::path::{Path, PathBuf};

use super::Addition;
use super::assemble::{self, Runtime};
use super::preparing;
use super::settings::Json;
use super::trial::{Trial, try_pack};
use super::wiring::Network;
use crate::Encoder;
use crate::calibration::Calibration;
use crate::error::{Context, Error};
use crate::manifest::{FORMAT, FileEntry, Manifest};
use crate::models::derive::link;
use crate::models::write_durably;
use crate::onnx::{self, Layer};
use crate::pack::{
    ALIGNMENT, CLASS_NAMES, LICENCES_TEXT, Pack, TEXT_DENSE, TEXT_TABLE, TEXT_VOCABULARY,
};
use crate::tags::ClassName;
use crate::tensors::{self, Data, Matrix};
use crate::towers::{IMAGE_TOWER, ImageTower};

/// Of a thousand labels so many at least are called as in the base pack. Of those of torchvision 705 are; in another order hardly any.
const SAME_MIN: usize = 500;

/// What was read of a classifier before anything is written.
pub struct Classifier {
    pub source: Source,
    pub family: String,
    pub precision: String,
    pub tower: ImageTower,
    pub layer: Layer,
}

/// Whence its network comes.
pub enum Source {
    /// A file in ONNX, of which the part below the last layer is kept.
    File(Network),
    /// A file of weights, and what was made of it.
    Made { path: PathBuf, onnx: Vec<u8> },
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::File(network) => &network.path,
            Self::Made { path, .. } => path,
        }
    }

    /// Writes the network into a pack; the names of its files.
    fn put(&self, partial: &Path, output: &String) -> Result<Vec<String>, Error> {
        match self {
            Self::File(network) => {
                assemble::put_network(partial, network, IMAGE_TOWER, Some(output))
            }
            Self::Made { onnx, .. } => {
                let place = partial.join(IMAGE_TOWER);
                let folder = place.parent().unwrap_or(partial);
                fs::create_dir_all(folder).doing("create", folder)?;
                write_durably(&place, |out| out.write_all(onnx))?;
                Ok(vec![IMAGE_TOWER.to_owned()])
            }
        }
    }
}

/// Everything that can be found wrong without running anything. `base` is the base pack, whose classes they must be.
pub fn read(
    folder: &Path,
    precision: String,
    network: Network,
    base: &Pack,
) -> Result<Classifier, Error> {
    let refuse = |what: String| Error::Unusable {
        path: network.path.clone(),
        what,
    };
    let Some(config) = Json::first(folder, &["config.json"])? else {
        return Err(refuse(
            "it sees and does not read, and no config.json beside it says which classes it knows"
                .into(),
        ));
    };
    check_labels(&config, base)?;
    let preparation = preparing::read(folder)?;
    let input = network.pixels(preparation.side)?;
    network.needs_only(&[&input])?;
    let logits = network
        .graph
        .outputs
        .iter()
        .find(|output| output.name == "logits");
    let logits = match (logits, &network.graph.outputs[..]) {
        (Some(logits), _) | (None, [logits]) => logits.name.clone(),
        _ => return Err(refuse("none of its outputs is called logits".into())),
    };
    let layer = onnx::last_layer(&tensors::map(&network.path)?, &logits).map_err(refuse)?;
    let classes = base.manifest().classes;
    if layer.bias.len() != classes {
        let what = format!(
            "its last layer has {} classes, and the base pack {classes}",
            layer.bias.len()
        );
        return Err(refuse(what));
    }
    Ok(Classifier {
        family: config
            .text("/model_type")
            .unwrap_or("classifier")
            .to_owned(),
        precision,
        tower: ImageTower {
            input,
            output: layer.input.clone(),
            preparation,
        },
        layer,
        source: Source::File(network),
    })
}

/// Whether `id2label` lists the classes of ImageNet in their order: the words of another class would be found by no error.
fn check_labels(config: &Json, base: &Pack) -> Result<(), Error> {
    let path = base.dir().join(CLASS_NAMES);
    let text = fs::read_to_string(&path).doing("read", &path)?;
    let classes: Vec<ClassName> = serde_json::from_str(&text).map_err(|error| Error::Damaged {
        path,
        what: error.to_string(),
    })?;
    let plain = |word: &str| word.trim().to_lowercase().replace(['-', '_'], " ");
    let is_same = |(at, class): (usize, &ClassName)| {
        let Some(label) = config.text(&format!("/id2label/{at}")) else {
            return false;
        };
        let mut known = std::iter::once(&class.name)
            .chain(&class.also)
            .map(|word| plain(word));
        known.any(|known| label.split(',').any(|word| plain(word) == known))
    };
    let same = classes
        .iter()
        .enumerate()
        .filter(|one| is_same(*one))
        .count();
    match same * 1000 >= SAME_MIN * classes.len() {
        true => Ok(()),
        false => Err(config.refuse(format!(
            "its id2label is not that of ImageNet's {} classes in their order: {same} are called as there; without them no words \
             would find its pictures",
            classes.len()
        ))),
    }
}

/// Writes the pack into `partial`, its manifest last, and tries it.
pub fn put(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    model: &Classifier,
    base: &Pack,
    runtime: &Runtime,
) -> Result<(Manifest, Trial), Error> {
    let mut names = model.source.put(partial, &model.tower.output)?;
    put_alignment(partial, model, base)?;
    names.push(ALIGNMENT.into());
    for name in [CLASS_NAMES, TEXT_VOCABULARY, TEXT_TABLE, TEXT_DENSE] {
        link(&base.dir().join(name), &partial.join(name))?;
        names.push(name.into());
    }
    let seen: Vec<FileEntry> = entries(partial, &names)?;
    let (features, fingerprint) = fingerprints(model, base, &seen);
    let licences = put_licences(partial, addition, model, base)?;
    runtime.put(partial)?;
    let mut files = seen;
    files.extend(entries(
        partial,
        &[runtime.name().to_owned(), LICENCES_TEXT.to_owned()],
    )?);
    let of_base = base.manifest();
    let manifest = Manifest {
        format: FORMAT,
        name: name.into(),
        version: assemble::version(&model.family, &model.precision, &fingerprint),
        fingerprint,
        features,
        feature_dim: model.layer.dim,
        tuned_dim: 0,
        visual_dim: model.layer.dim,
        preprocessing: None,
        sees: Some(model.tower.clone()),
        // What was learnt over the classes of another network is not true of this one.
        shipped: None,
        calibration: Calibration::of_conse(),
        head: None,
        visual: None,
        classifier: None,
        training: None,
        licences,
        files,
        ..of_base.clone()
    };
    manifest.write(partial)?;
    let trial = try_pack(&Pack::open(partial)?, model.source.path())?;
    Ok((manifest, trial))
}

fn entries(partial: &Path, names: &[String]) -> Result<Vec<FileEntry>, Error> {
    names
        .iter()
        .map(|name| FileEntry::under(partial, name))
        .collect()
}

fn put_alignment(partial: &Path, model: &Classifier, base: &Pack) -> Result<(), Error> {
    let vectors: Vec<f32> = base.class_vectors().flatten().copied().collect();
    let (classes, layer) = (model.layer.bias.len(), &model.layer);
    let matrix = |name, rows, columns, numbers| Matrix {
        name,
        rows,
        columns,
        data: Data::Floats(numbers),
    };
    let all = [
        matrix("weights", classes, layer.dim, &layer.weights),
        matrix("bias", 1, classes, &layer.bias),
        matrix("classes", classes, vectors.len() / classes, &vectors),
    ];
    write_durably(&partial.join(ALIGNMENT), |out| tensors::write(out, &all))
}

fn put_licences(
    partial: &Path,
    addition: Addition<'_>,
    model: &Classifier,
    base: &Pack,
) -> Result<Vec<String>, Error> {
    let of_base = base.dir().join(LICENCES_TEXT);
    let rest = fs::read_to_string(&of_base).doing("read", &of_base)?;
    let line = assemble::put_licence(partial, addition, &model.family, &rest)?;
    // Neither the network of the base pack comes along, nor what was learnt over its features.
    let stays = |line: &&String| {
        ["image", "alignment"]
            .iter()
            .all(|part| !line.starts_with(part))
    };
    let others = base.manifest().licences.iter().filter(stays);
    Ok(std::iter::once(line).chain(others.cloned()).collect())
}

/// Of everything that decides a feature, and of everything that decides a vector.
fn fingerprints(model: &Classifier, base: &Pack, files: &[FileEntry]) -> (String, String) {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &str| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
        hasher.finalize().to_hex().to_string()
    };
    add(&format!("{:?}", model.tower));
    let (seeing, rest): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.name.starts_with("image/"));
    let parts = |files: Vec<&FileEntry>| {
        files
            .iter()
            .map(|file| format!("{} {}\n", file.name, file.blake3))
            .collect::<String>()
    };
    let features = add(&parts(seeing));
    add(&format!(
        "{:?} {}",
        base.manifest().conse,
        base.spec().texts
    ));
    (features, add(&parts(rest)))
}
