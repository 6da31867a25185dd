//! A network that only sees. Of a classifier of ImageNet, as ResNet, VGG or ViT, the network without the last layer sees; its last
//! layer and the words of the base pack stand between that and words, by the same ConSE. Of others, as DINOv2 or a classifier of
//! other classes, pictures are compared with pictures, until an alignment is trained with captions.

use std::fs;
use std::path::{Path, PathBuf};

use super::Addition;
use super::assemble::{self, Runtime};
use super::preparing;
use super::settings::Json;
use super::trial::{Trial, try_pack};
use super::wiring::{FLOAT, LENGTH_MAX, Network, Pixels};
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

/// The output of rows, one for each part of a picture.
const ROWS: &str = "last_hidden_state";
/// The output of one vector for the whole picture.
const POOLED: &str = "pooler_output";
/// What the output of a network is called that is made here.
pub const FEATURE: &str = "feature";
/// Of a thousand labels so many at least are called as in the base pack. Of those of torchvision 705 are; in another order hardly any.
const SAME_MIN: usize = 500;

/// Families whose networks give rows of which the first stands for the whole picture.
const FIRST_OF_ROWS: [&str; 8] = [
    "beit",
    "data2vec-vision",
    "deit",
    "dinov2",
    "dinov2_with_registers",
    "dinov3_vit",
    "vit",
    "vit_msn",
];

/// What was read of a network that only sees, before anything is written.
pub struct Sighted {
    pub source: Source,
    pub family: String,
    pub precision: String,
    pub tower: ImageTower,
    /// Length of a feature.
    pub dim: usize,
    pub words: Words,
}

/// What leads from its features to words.
pub enum Words {
    /// A last layer over ImageNet's classes.
    Classes(Layer),
    /// Nothing, for this reason.
    None(String),
}

/// Whence its network comes.
pub enum Source {
    /// A file in ONNX, of which the part below this value is kept; of rows the first.
    File {
        network: Box<Network>,
        pixels: Pixels,
        output: String,
        is_rows: bool,
    },
    /// A file of weights, and what was made of it.
    Made { path: PathBuf, onnx: Vec<u8> },
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::File { network, .. } => &network.path,
            Self::Made { path, .. } => path,
        }
    }

    /// Writes the network, which reads squares of `side`, into a pack; the names of its files.
    fn put(&self, partial: &Path, side: u32) -> Result<Vec<String>, Error> {
        let place = partial.join(IMAGE_TOWER);
        match self {
            Self::File {
                network,
                pixels,
                output,
                is_rows,
            } => {
                let names = assemble::put_network(partial, network, IMAGE_TOWER, Some(output))?;
                if *is_rows {
                    let whole = onnx::first_row(&tensors::map(&place)?, output, FEATURE);
                    let whole = whole.map_err(|what| Error::Unusable {
                        path: network.path.clone(),
                        what,
                    })?;
                    write_durably(&place, |out| out.write_all(&whole))?;
                }
                assemble::put_planes(partial, network, pixels, side)?;
                Ok(names)
            }
            Self::Made { onnx, .. } => {
                let folder = place.parent().unwrap_or(partial);
                fs::create_dir_all(folder).doing("create", folder)?;
                write_durably(&place, |out| out.write_all(onnx))?;
                Ok(vec![IMAGE_TOWER.to_owned()])
            }
        }
    }
}

/// Everything that can be found wrong without running anything. `base` is the base pack, of whose classes it may be.
pub fn read(
    folder: &Path,
    precision: String,
    network: Network,
    base: &Pack,
) -> Result<Sighted, Error> {
    let refuse = |what: &str| Error::Unusable {
        path: network.path.clone(),
        what: what.into(),
    };
    let Some(config) = Json::first(folder, &["config.json"])? else {
        return Err(refuse(
            "it sees and does not read, and no config.json beside it says which classes it knows",
        ));
    };
    let preparation = preparing::read(folder)?;
    let pixels = network.pixels(preparation.side)?;
    network.needs_only(&[&pixels.input])?;
    let family = config
        .text("/model_type")
        .unwrap_or("classifier")
        .to_owned();
    let end = match of_rows(&network, &family, &config)? {
        Some(end) => end,
        None => match of_pooled(&network)? {
            Some(end) => end,
            None => of_classes(&network, &config, base)?,
        },
    };
    Ok(Sighted {
        family,
        precision,
        tower: ImageTower {
            input: pixels.of_planes(),
            output: match end.is_rows {
                true => FEATURE.to_owned(),
                false => end.output.clone(),
            },
            preparation,
        },
        dim: end.dim,
        words: end.words,
        source: Source::File {
            network: Box::new(network),
            pixels,
            output: end.output,
            is_rows: end.is_rows,
        },
    })
}

/// Where a network ends, as far as it is kept.
struct End {
    output: String,
    is_rows: bool,
    dim: usize,
    words: Words,
}

/// A network without a last layer: what stands for the whole picture is the first of its rows. Nothing where it has no rows.
fn of_rows(network: &Network, family: &str, config: &Json) -> Result<Option<End>, Error> {
    let mut outputs = network.graph.outputs.iter();
    let Some(rows) = outputs.find(|output| output.name == ROWS) else {
        return Ok(None);
    };
    let refuse = |what: String| Error::Unusable {
        path: network.path.clone(),
        what,
    };
    if !FIRST_OF_ROWS.contains(&family) {
        return Err(refuse(format!(
            "of the rows that it gives, none is known to stand for the whole picture of a network of the family {family}; known are {}",
            FIRST_OF_ROWS.join(", ")
        )));
    }
    let dims = rows.dims.as_deref();
    let last = dims.and_then(|dims| dims.last().copied().flatten());
    let said = config.number("/hidden_size").map(|dim| dim as i64);
    let dim = last.or(said).filter(|dim| (1..=LENGTH_MAX).contains(dim));
    let is_usable = rows.kind == FLOAT && dims.is_none_or(|dims| dims.len() == 3);
    let (Some(dim), true, true) = (dim, is_usable, said.is_none_or(|said| Some(said) == dim))
    else {
        return Err(refuse(format!(
            "its output {ROWS} is not a row of as many numbers as config.json says (hidden_size) for each part of a picture"
        )));
    };
    Ok(Some(End {
        output: ROWS.into(),
        is_rows: true,
        dim: dim as usize,
        words: Words::None("it knows no classes".into()),
    }))
}

/// A network that gives one vector for a picture and says so by its name. Nothing where it has none.
fn of_pooled(network: &Network) -> Result<Option<End>, Error> {
    let mut outputs = network.graph.outputs.iter();
    if !outputs.any(|output| output.name == POOLED) {
        return Ok(None);
    }
    let vector = network.vector(&[POOLED])?;
    let Some(dim) = vector.dim else {
        return Err(Error::Unusable {
            path: network.path.clone(),
            what: format!("it does not say how many numbers its output {POOLED} has"),
        });
    };
    Ok(Some(End {
        output: vector.name,
        is_rows: false,
        dim,
        words: Words::None("it knows no classes".into()),
    }))
}

/// A classifier: what its last layer reads.
fn of_classes(network: &Network, config: &Json, base: &Pack) -> Result<End, Error> {
    let refuse = |what: String| Error::Unusable {
        path: network.path.clone(),
        what,
    };
    let mut outputs = network.graph.outputs.iter();
    let logits = outputs.find(|output| output.name == "logits");
    let logits = match (logits, &network.graph.outputs[..]) {
        (Some(logits), _) | (None, [logits]) => logits.name.clone(),
        _ => return Err(refuse("none of its outputs is called logits".into())),
    };
    let layer = onnx::last_layer(&tensors::map(&network.path)?, &logits).map_err(refuse)?;
    let (classes, known) = (layer.bias.len(), base.manifest().classes);
    let other = match classes == known {
        true => other_labels(config, base)?,
        false => Some(format!(
            "its last layer has {classes} classes, and ImageNet {known}"
        )),
    };
    Ok(End {
        output: layer.input.clone(),
        is_rows: false,
        dim: layer.dim,
        words: other.map_or(Words::Classes(layer), Words::None),
    })
}

/// Whether `id2label` lists other classes than those of ImageNet in their order: the words of another class would be found by no
/// error.
fn other_labels(config: &Json, base: &Pack) -> Result<Option<String>, Error> {
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
    let same = classes.iter().enumerate();
    let same = same.filter(|one| is_same(*one)).count();
    let is_other = same * 1000 < SAME_MIN * classes.len();
    Ok(is_other.then(|| {
        format!(
            "the id2label of its config.json is not that of ImageNet's {} classes in their order ({same} are called as there)",
            classes.len()
        )
    }))
}

/// Writes the pack into `partial`, its manifest last, and tries it.
pub fn put(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    model: &Sighted,
    base: &Pack,
    runtime: &Runtime,
) -> Result<(Manifest, Trial), Error> {
    let mut names = model.source.put(partial, model.tower.preparation.side)?;
    let mut of_base = vec![TEXT_VOCABULARY, TEXT_TABLE, TEXT_DENSE];
    let is_aligned = match &model.words {
        Words::Classes(layer) => {
            put_alignment(partial, layer, base)?;
            names.push(ALIGNMENT.into());
            of_base.insert(0, CLASS_NAMES);
            true
        }
        Words::None(_) => false,
    };
    for name in of_base {
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
        feature_dim: model.dim,
        tuned_dim: 0,
        visual_dim: model.dim,
        conse: of_base.conse.clone().filter(|_| is_aligned),
        classes: if is_aligned { of_base.classes } else { 0 },
        spaces: match is_aligned {
            true => of_base.spaces.clone(),
            // Captions are read as in the base pack.
            false => ["caption", "visual"].map(String::from).to_vec(),
        },
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
    let mut trial = try_pack(&Pack::open(partial)?, model.source.path())?;
    if let Words::None(reason) = &model.words {
        trial.wordless = Some(reason.clone());
    }
    Ok((manifest, trial))
}

fn entries(partial: &Path, names: &[String]) -> Result<Vec<FileEntry>, Error> {
    names
        .iter()
        .map(|name| FileEntry::under(partial, name))
        .collect()
}

fn put_alignment(partial: &Path, layer: &Layer, base: &Pack) -> Result<(), Error> {
    let vectors: Vec<f32> = base.class_vectors().flatten().copied().collect();
    let classes = layer.bias.len();
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
    model: &Sighted,
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
fn fingerprints(model: &Sighted, base: &Pack, files: &[FileEntry]) -> (String, String) {
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
        match model.words {
            Words::Classes(_) => base.manifest().conse.as_ref(),
            Words::None(_) => None,
        },
        base.spec().texts
    ));
    (features, add(&parts(rest)))
}
