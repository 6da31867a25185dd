//! `manifest.json`: what a pack consists of. Written last, so that a folder with a manifest is a whole pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::classifier::TaughtLabels;
use crate::conse::ConseSettings;
use crate::error::{Context, Error};
use crate::head::HeadShape;
use crate::image::Preprocessing;
use crate::models::{BASE, BASE_FORMAT, BASE_VERSION};
use crate::towers::{ImageTower, TowersSpec};
use crate::visual::VisualShape;
use crate::{PackSpec, tensors};

/// Name of the file in the folder of a pack.
pub const MANIFEST: &str = "manifest.json";
/// Version of the manifest's format. A reader refuses a newer one.
pub const FORMAT: u32 = 4;
/// The oldest format that is read. A pack of format 1 has no names of classes, and is pulled again; one of format 2
/// has no head, one of format 3 nothing that ships over ConSE and no towers.
const OLDEST: u32 = 1;
/// No honest manifest is longer.
const LENGTH_MAX: u64 = 1 << 20;
/// No pack has vectors of more words.
pub const WORDS_MAX: usize = 1 << 24;
/// No image network reads a larger square.
const SIDE_MAX: u32 = 4096;

/// The whole manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub name: String,
    pub version: String,
    /// Hex BLAKE3 of everything that decides a vector; see `models::base::fingerprint`.
    pub fingerprint: String,
    /// Hex BLAKE3 of everything that decides a feature.
    #[serde(default = "crate::models::base_features")]
    pub features: String,
    /// Hex BLAKE3 of everything that decides a text's vector.
    #[serde(default = "crate::models::base_texts")]
    pub texts: String,
    pub feature_dim: usize,
    /// How many numbers at the end of a feature come from blocks that were trained further, for the classifier alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tuned_dim: usize,
    pub shared_dim: usize,
    pub visual_dim: usize,
    /// Classes that the alignment is made of; a pack of two towers has none.
    #[serde(default)]
    pub classes: usize,
    pub languages: Vec<String>,
    pub spaces: Vec<String>,
    /// How pictures are prepared and aligned, where one network sees and classes stand between it and words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<Preprocessing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conse: Option<ConseSettings>,
    /// The network that sees, where it is one that somebody else published and classes stand between it and words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sees: Option<ImageTower>,
    /// The two networks, where they share a space from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub towers: Option<TowersSpec>,
    /// The vectors of words that texts are read by, where it is not the sentence encoder of the base pack that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<WordsRead>,
    /// What was learnt before and ships over ConSE: both together are the frozen alignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped: Option<HeadShape>,
    /// The trained alignment that is laid over the frozen one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadShape>,
    /// The trained projection that makes visual vectors, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visual: Option<VisualShape>,
    /// The labels that somebody taught it, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<TaughtLabels>,
    /// How it is judged; as ConSE is, where nothing is said.
    #[serde(default = "Calibration::of_conse")]
    pub calibration: Calibration,
    /// How it was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
    /// File name of ONNX Runtime's library.
    pub runtime: String,
    /// One line for each part: what it is, whose, and under which licence.
    pub licences: Vec<String>,
    pub files: Vec<FileEntry>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Word vectors, which are as long as the vectors of the shared space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordsRead {
    /// The format of the file that they come from.
    pub format: String,
    /// Words that have a vector.
    pub n_words: usize,
    /// Classes of the alignment whose names have a known word: without one a class says nothing of a picture.
    pub n_classes: usize,
}

/// Where a trained alignment comes from, and what it was measured at when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Name and fingerprint of the pack whose files it has; a head of that pack it replaces.
    pub parent: String,
    pub parent_fingerprint: String,
    /// Hex BLAKE3 of the pairs.
    pub data: String,
    /// What was chosen, by name.
    pub settings: BTreeMap<String, String>,
    /// What was measured, by name, on pairs that were held out.
    pub metrics: BTreeMap<String, f64>,
}

/// A file of the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name inside the folder, as in `image/model.onnx`.
    pub name: String,
    pub bytes: u64,
    /// Hex BLAKE3 of the content.
    pub blake3: String,
}

impl Manifest {
    /// Length of the part of a feature that alignments read.
    pub fn frozen_dim(&self) -> usize {
        self.feature_dim.saturating_sub(self.tuned_dim)
    }

    /// Reads the manifest of the pack in `dir`; `None` when there is none.
    pub fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(MANIFEST);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error).doing("read", &path),
        };
        if length > LENGTH_MAX {
            return Err(Error::Damaged {
                path,
                what: format!("a manifest of {length} bytes is not one"),
            });
        }
        let text = fs::read_to_string(&path).doing("read", &path)?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| Error::Damaged {
            path: path.clone(),
            what: error.to_string(),
        })?;
        manifest
            .check()
            .map_err(|what| Error::Damaged { path, what })?;
        Ok(Some(manifest))
    }

    /// Writes the manifest into `dir` and sees it onto the disk.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(MANIFEST);
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Format {
            path: path.clone(),
            format: "JSON",
            what: error.to_string(),
        })?;
        crate::models::write_durably(&path, |out| out.write_all(text.as_bytes()))
    }

    fn check(&self) -> Result<(), String> {
        if !(OLDEST..=FORMAT).contains(&self.format) {
            return Err(format!(
                "its format is {}, and this fovea reads {FORMAT}",
                self.format
            ));
        }
        let outside = self.files.iter().find(|file| !is_plain_name(&file.name));
        if let Some(file) = outside {
            return Err(format!(
                "the file name {:?} leads out of the folder",
                file.name
            ));
        }
        let dims = [
            self.feature_dim,
            self.frozen_dim(),
            self.shared_dim,
            self.visual_dim,
            hidden(self.head.as_ref()),
            hidden(self.shipped.as_ref()),
        ];
        if self
            .words
            .as_ref()
            .is_some_and(|words| !(1..=WORDS_MAX).contains(&words.n_words))
        {
            return Err("its number of words is zero or absurd".into());
        }
        let dims = dims.into_iter().chain(self.own_lengths()?);
        if dims.into_iter().any(|dim| dim == 0 || dim > 1 << 20) {
            return Err("a length in it is zero or absurd".into());
        }
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let settings = match (&self.preprocessing, self.network()) {
            (_, Some(network)) => {
                let preparation = &network.preparation;
                let scales = preparation.deviation.iter().chain([&preparation.scale]);
                scales.copied().all(positive) && preparation.shorter_side() >= preparation.side
            }
            (Some(preprocessing), _) => positive(preprocessing.deviation),
            _ => true,
        };
        let temperature = self.conse.as_ref().map_or(1.0, |conse| conse.temperature);
        if self.input_side() > SIDE_MAX || !settings || !positive(temperature) {
            return Err("a setting in it is absurd".into());
        }
        self.calibration.check()
    }

    /// Lengths of the alignment or of the towers, of which a pack has either.
    fn own_lengths(&self) -> Result<Vec<usize>, String> {
        let side = self.input_side() as usize;
        let is_one = self.preprocessing.is_some() != self.sees.is_some();
        match (is_one, &self.conse, &self.towers) {
            // It only sees; a head may lead to words.
            (true, None, None) if self.sees.is_some() => Ok(vec![side]),
            (true, Some(conse), None) => {
                let square = self
                    .sees
                    .as_ref()
                    .map_or(side, |network| network.preparation.side as usize);
                Ok(vec![self.classes, conse.top, side, square])
            }
            (false, None, Some(towers)) if self.is_one_length(towers.dim) => Ok(vec![
                side,
                towers.image.preparation.side as usize,
                towers.text.words.length,
            ]),
            _ => Err(
                "it is neither an image network with an alignment nor two towers of one space"
                    .into(),
            ),
        }
    }

    /// Whether everything is as long as the towers' vectors, but for visual vectors that are made by a trained projection.
    fn is_one_length(&self, dim: usize) -> bool {
        let is_visual = self.visual.is_some() || self.visual_dim == dim;
        is_visual && [self.feature_dim, self.shared_dim] == [dim; 2]
    }

    /// Length in pixels that the shorter side of a picture must keep.
    fn input_side(&self) -> u32 {
        match (&self.preprocessing, self.network()) {
            (_, Some(network)) => network.preparation.shorter_side(),
            (Some(preprocessing), None) => preprocessing.side,
            (None, None) => 0,
        }
    }

    /// The image network that somebody else published, where it is one.
    fn network(&self) -> Option<&ImageTower> {
        let of_towers = self.towers.as_ref().map(|towers| &towers.image);
        of_towers.or(self.sees.as_ref())
    }

    /// Whether this program needs another version of the pack.
    pub fn is_outdated(&self) -> bool {
        self.name == BASE && (self.version != BASE_VERSION || self.format < BASE_FORMAT)
    }

    /// Version and format, as people are told.
    pub fn label(&self) -> String {
        label(&self.version, self.format)
    }

    /// What encoders tell of themselves.
    pub fn spec(&self) -> PackSpec {
        PackSpec {
            name: self.name.clone(),
            version: self.version.clone(),
            fingerprint: self.fingerprint.clone(),
            features: self.features.clone(),
            texts: self.texts.clone(),
            feature_dim: self.feature_dim,
            shared_dim: self.shared_dim,
            visual_dim: self.visual_dim,
            visual_is_feature: self.visual.is_none() && self.tuned_dim == 0,
            languages: self.languages.clone(),
            knows_captions: self.towers.is_some(),
            input_side: self.input_side(),
            // Networks of others have other cosines and other probabilities than those that it was fitted with.
            is_calibrated: self.network().is_none(),
            is_aligned: self.conse.is_some() || self.towers.is_some() || self.head.is_some(),
        }
    }

    /// The entry of the file `name`.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl FileEntry {
    /// Describes a file that was just written.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::under(path.parent().unwrap_or(path), &name)
    }

    /// Describes the file `name` of the folder `dir`, where it may lie deeper.
    pub fn under(dir: &Path, name: &str) -> Result<Self, Error> {
        let content = tensors::map(&dir.join(name))?;
        Ok(Self {
            name: name.to_owned(),
            bytes: content.len() as u64,
            blake3: hash(&content),
        })
    }

    /// Whether the file is there and has its length: cheap, done at every opening.
    pub fn check_length(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(&self.name);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if is_absent(&error) => {
                return Err(Error::Damaged {
                    path,
                    what: "it is missing".into(),
                });
            }
            Err(error) => return Err(error).doing("read", &path),
        };
        if length != self.bytes {
            let what = format!("it has {length} bytes, expected {}", self.bytes);
            return Err(Error::Damaged { path, what });
        }
        Ok(())
    }

    /// Whether every byte is what was installed.
    pub fn check_content(&self, dir: &Path) -> Result<(), Error> {
        self.check_by(dir, hash)
    }

    /// The same by one thread, beside another that makes a session of the network and takes longer: with all cores hashing would
    /// take from that one what it saves.
    pub fn check_beside(&self, dir: &Path) -> Result<(), Error> {
        self.check_by(dir, |content| blake3::hash(content).to_hex().to_string())
    }

    fn check_by(&self, dir: &Path, hash: impl FnOnce(&[u8]) -> String) -> Result<(), Error> {
        self.check_length(dir)?;
        let path = dir.join(&self.name);
        let found = hash(&tensors::map(&path)?);
        if found != self.blake3 {
            let what = format!("its BLAKE3 checksum is {found}, expected {}", self.blake3);
            return Err(Error::Damaged { path, what });
        }
        Ok(())
    }
}

/// Hex BLAKE3, by as many threads as there are cores: hashing is most of what opening a pack takes.
fn hash(content: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update_rayon(content);
    hasher.finalize().to_hex().to_string()
}

fn hidden(head: Option<&HeadShape>) -> usize {
    head.and_then(|head| head.hidden).unwrap_or(1)
}

/// A version, with the format of its pack where that is not the first.
pub fn label(version: &str, format: u32) -> String {
    match format {
        1 => version.to_owned(),
        _ => format!("{version}, format {format}"),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    name.split('/').all(is_plain) && !name.contains(['\\', ':', '\0'])
}
