//! The folder of a pack: networks with their weights, tokenizer, runtime, licences, manifest.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::settings::homes;
use super::wiring::{Network, Pixels};
use super::{Addition, Model};
use crate::Encoder;
use crate::calibration::Calibration;
use crate::error::{Context, Error};
use crate::manifest::{FORMAT, FileEntry, Manifest};
use crate::models::derive::link;
use crate::models::write_durably;
use crate::onnx;
use crate::pack::{LICENCES_TEXT, Pack};
use crate::tensors;
use crate::towers::{IMAGE_TOWER, TEXT_TOWER, TOKENIZER};

/// Names of files in which models say under which licence they are.
pub const LICENCES: [&str; 5] = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"];
/// What a publisher writes of a model.
pub const CARD: &str = "README.md";
/// How the line about the runtime begins in the base pack.
const RUNTIME_LINE: &str = "runtime:";

/// ONNX Runtime, which the base pack brings.
pub struct Runtime {
    library: PathBuf,
    name: String,
    /// One line, and the text of the licence.
    licence: String,
    licence_text: String,
}

impl Runtime {
    /// That of the base pack.
    pub fn of(base: &Pack) -> Result<Self, Error> {
        let manifest = base.manifest();
        if let Some(library) = manifest.file(&manifest.runtime) {
            library.check_content(base.dir())?;
        }
        let all = base.dir().join(LICENCES_TEXT);
        let text = fs::read_to_string(&all).doing("read", &all)?;
        let line = manifest
            .licences
            .iter()
            .find(|line| line.starts_with(RUNTIME_LINE));
        let start = text.find(&format!("==== {RUNTIME_LINE}")).unwrap_or(0);
        Ok(Self {
            library: base.dir().join(&manifest.runtime),
            name: manifest.runtime.clone(),
            licence: line
                .cloned()
                .unwrap_or_else(|| format!("runtime: as of the pack {}", base.spec().name)),
            licence_text: text[start..].to_owned(),
        })
    }

    /// Its file inside a pack.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts it into a pack: a copy of its own.
    pub fn put(&self, partial: &Path) -> Result<(), Error> {
        copy(&self.library, &partial.join(&self.name))
    }
}

/// Writes everything but the manifest into `partial`, and returns that.
pub fn assemble(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    model: &Model,
    runtime: &Runtime,
) -> Result<Manifest, Error> {
    let is_one = model.image.path == model.text.path;
    let mut names = Vec::new();
    for (network, tower, output) in [
        (&model.image, IMAGE_TOWER, &model.spec.image.output),
        (&model.text, TEXT_TOWER, &model.spec.text.output),
    ] {
        names.extend(put_network(
            partial,
            network,
            tower,
            is_one.then_some(output),
        )?);
    }
    let side = model.spec.image.preparation.side;
    put_planes(partial, &model.image, &model.pixels, side)?;
    let tokenizer = &model.tokenizer.content;
    write_durably(&partial.join(TOKENIZER), |out| out.write_all(tokenizer))?;
    names.push(TOKENIZER.to_owned());
    let entries: Vec<FileEntry> = names
        .iter()
        .map(|name| FileEntry::under(partial, name))
        .collect::<Result<_, _>>()?;
    let (features, fingerprint) = fingerprints(model, &entries);
    let line = put_licence(partial, addition, &model.spec.family, &runtime.licence_text)?;
    let licences = vec![line, runtime.licence.clone()];
    runtime.put(partial)?;
    let mut files = entries;
    for name in [runtime.name.as_str(), LICENCES_TEXT] {
        files.push(FileEntry::under(partial, name)?);
    }
    Ok(Manifest {
        format: FORMAT,
        name: name.into(),
        version: version(&model.spec.family, &model.precision, &fingerprint),
        // Nobody else's texts are known to be read alike.
        texts: fingerprint.clone(),
        fingerprint,
        features,
        feature_dim: model.spec.dim,
        tuned_dim: 0,
        shared_dim: model.spec.dim,
        visual_dim: model.spec.dim,
        visual: None,
        classes: 0,
        languages: Vec::new(),
        spaces: ["image", "caption", "visual"].map(String::from).to_vec(),
        preprocessing: None,
        conse: None,
        sees: None,
        towers: Some(model.spec.clone()),
        words: None,
        shipped: None,
        calibration: Calibration::of_conse(),
        head: None,
        classifier: None,
        training: None,
        runtime: runtime.name.clone(),
        licences,
        files,
    })
}

/// Says in the manifest what else was found of the model after it was assembled.
pub fn renew(manifest: &mut Manifest, model: &Model) {
    let is_of_model =
        |file: &&FileEntry| file.name.starts_with("image/") || file.name.starts_with("text/");
    let files: Vec<FileEntry> = manifest.files.iter().filter(is_of_model).cloned().collect();
    (manifest.features, manifest.fingerprint) = fingerprints(model, &files);
    manifest.version = version(&model.spec.family, &model.precision, &manifest.fingerprint);
    manifest.texts = manifest.fingerprint.clone();
    manifest.towers = Some(model.spec.clone());
}

/// What it is called, in which precision, and the beginning of its fingerprint.
pub fn version(family: &str, precision: &str, fingerprint: &str) -> String {
    match precision {
        "" => format!("{family}, {}", &fingerprint[..8]),
        precision => format!("{family}, {precision}, {}", &fingerprint[..8]),
    }
}

/// The network, or of a larger one what `output` needs of it, with the files that hold its weights; their names.
pub fn put_network(
    partial: &Path,
    network: &Network,
    tower: &str,
    output: Option<&String>,
) -> Result<Vec<String>, Error> {
    let place = partial.join(tower);
    let folder = place.parent().unwrap_or(partial);
    fs::create_dir_all(folder).doing("create", folder)?;
    match output {
        None => copy(&network.path, &place)?,
        Some(output) => {
            let cut = onnx::cut(&tensors::map(&network.path)?, output);
            let cut = cut.map_err(|what| Error::Unusable {
                path: network.path.clone(),
                what,
            })?;
            write_durably(&place, |out| out.write_all(&cut))?;
        }
    }
    let mut names = vec![tower.to_owned()];
    for location in &network.external {
        let to = folder.join(location);
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).doing("create", parent)?;
        let inside = tower.split('/').next().unwrap_or_default();
        // Of one network with both towers the weights are in both halves' folders, and once on the disk where that can be.
        let other = partial.join("image").join(location);
        match inside != "image" && output.is_some() && other.is_file() {
            true => link(&other, &to)?,
            false => copy(&network.path.with_file_name(location), &to)?,
        }
        names.push(format!("{inside}/{location}"));
    }
    Ok(names)
}

/// Has the image network of a pack read planes.
pub fn put_planes(
    partial: &Path,
    network: &Network,
    pixels: &Pixels,
    side: u32,
) -> Result<(), Error> {
    if !pixels.is_last {
        return Ok(());
    }
    let place = partial.join(IMAGE_TOWER);
    let turned = onnx::read_planes(&tensors::map(&place)?, &pixels.input, side);
    let turned = turned.map_err(|what| Error::Unusable {
        path: network.path.clone(),
        what,
    })?;
    write_durably(&place, |out| out.write_all(&turned))
}

/// A copy of its own: what the user does to the model later changes no pack.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut source = File::open(from).doing("read", from)?;
    write_durably(to, |out| io::copy(&mut source, out).map(drop))
}

/// Writes what the model's files say of a licence before those of what comes along; the line about the model.
pub fn put_licence(
    partial: &Path,
    addition: Addition<'_>,
    family: &str,
    others: &str,
) -> Result<String, Error> {
    let folder = addition.folder;
    let model = match addition.origin {
        Some(origin) => format!("model: {family}, from {origin}"),
        None => format!("model: {family}"),
    };
    let homes = homes(folder);
    let all = LICENCES.iter();
    let mut all = all.flat_map(|name| homes.iter().map(move |home| (name, home.join(name))));
    let found = all.find(|(_, path)| path.is_file());
    let (line, text) = match (found, homes.iter().find_map(|home| on_card(home))) {
        (Some((name, path)), _) => {
            let text = fs::read(&path).doing("read", &path)?;
            let line = format!("{model}, see {name} in {LICENCES_TEXT}");
            (line, String::from_utf8_lossy(&text).into_owned())
        }
        (None, Some(licence)) => (
            format!("{model}, {licence} as its {CARD} says"),
            String::new(),
        ),
        (None, None) => {
            let line = format!("{model}, whose files say nothing of a licence; ask its publisher");
            (line, String::new())
        }
    };
    let all = format!("==== {line} ====\n\n{text}\n\n{others}");
    write_durably(&partial.join(LICENCES_TEXT), |out| {
        out.write_all(all.as_bytes())
    })?;
    Ok(line)
}

/// The licence that stands at the head of a model's card, between lines of three dashes.
fn on_card(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(CARD)).ok()?;
    let head = text.strip_prefix("---")?.split("\n---").next()?;
    let licence = head
        .lines()
        .find_map(|line| line.strip_prefix("license:"))?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let licence = licence.trim().trim_matches(['"', '\'']);
    (!licence.is_empty() && licence.len() < 40 && licence.chars().all(is_plain))
        .then(|| licence.to_owned())
}

/// Of everything that decides a feature, and of everything that decides a vector: the files as they are, and what was read.
fn fingerprints(model: &Model, files: &[FileEntry]) -> (String, String) {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &str| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    let (seeing, reading): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.name.starts_with("image/"));
    add(&format!("{:?} {}", model.spec.image, model.spec.dim));
    seeing
        .iter()
        .for_each(|file| add(&format!("{} {}", file.name, file.blake3)));
    let features = hasher.finalize().to_hex().to_string();
    let mut add = |part: &str| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    add(&format!("{:?}", model.spec.text));
    reading
        .iter()
        .for_each(|file| add(&format!("{} {}", file.name, file.blake3)));
    (features, hasher.finalize().to_hex().to_string())
}
