//! A pack with a trained alignment: the parent's files, a head, and a manifest that says where it comes from.

use std::fs;
use std::path::Path;

use super::install::{lock, remove_leftovers, replace};
use super::{PackInfo, Progress, info, write_durably};
use crate::calibration::Calibration;
use crate::classifier::ClassifierWeights;
use crate::error::{Context, Error};
use crate::head::HeadWeights;
use crate::manifest::{FORMAT, FileEntry, Manifest, Training};
use crate::pack::{CLASSIFIER, HEAD, IMAGE_MODEL, Pack, VISUAL};
use crate::tail::Tail;
use crate::visual::{VisualShape, VisualWeights};

/// The space that a head leads to, which a network that only sees has not before.
const IMAGE_SPACE: &str = "image";
/// Between the name of the parent and that of what was learnt.
const JOINT: char = '+';

/// What was learnt: in the place of what the parent has of it, beside what it has else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learnt<'a> {
    /// An alignment.
    pub head: Option<&'a HeadWeights>,
    /// How it is judged, which decides no vector.
    pub calibration: Option<&'a Calibration>,
    /// Labels.
    pub classifier: Option<&'a ClassifierWeights>,
    /// A projection for the visual space.
    pub visual: Option<&'a VisualWeights>,
    /// Blocks of the image network that were trained further. The classifier's weights are of both features then.
    pub tail: Option<&'a Tail>,
}

impl Learnt<'_> {
    fn check(&self, parent: &Manifest) -> Result<(), String> {
        let (feature_dim, shared_dim) = (parent.frozen_dim(), parent.shared_dim);
        if let Some(head) = self.head {
            head.check(feature_dim, shared_dim)?;
        }
        if let Some(classifier) = self.classifier {
            let more = self.tail.map_or(0, Tail::feature_dim);
            classifier.check(parent.feature_dim + more)?;
        }
        if let Some(visual) = self.visual {
            visual.check(feature_dim)?;
        }
        if self.tail.is_some() && (parent.tuned_dim > 0 || self.classifier.is_none()) {
            return Err("its last blocks are trained further once, with a classifier".into());
        }
        self.calibration.map_or(Ok(()), Calibration::check)
    }

    /// Writes its files into `folder` and notes them in the manifest.
    fn write(&self, folder: &Path, manifest: &mut Manifest) -> Result<(), Error> {
        if let Some(tail) = self.tail {
            manifest.tuned_dim = tail.feature_dim();
            manifest.feature_dim += manifest.tuned_dim;
            let network = tail.with_second_end();
            write_durably(&folder.join(IMAGE_MODEL), |out| out.write_all(&network))?;
            add(folder, IMAGE_MODEL, manifest)?;
            manifest.features = blake3::hash(&network).to_hex().to_string();
        }
        if let Some(head) = self.head {
            manifest.head = Some(head.shape());
            if !manifest.spaces.iter().any(|space| space == IMAGE_SPACE) {
                manifest.spaces.insert(0, IMAGE_SPACE.to_owned());
            }
            head.write(&folder.join(HEAD))?;
            add(folder, HEAD, manifest)?;
        }
        if let Some(visual) = self.visual {
            manifest.visual = Some(VisualShape {
                alike: visual.alike,
            });
            manifest.visual_dim = visual.dim();
            visual.write(&folder.join(VISUAL))?;
            add(folder, VISUAL, manifest)?;
        }
        if let Some(classifier) = self.classifier {
            manifest.classifier = Some(classifier.taught.clone());
            classifier.write(&folder.join(CLASSIFIER))?;
            add(folder, CLASSIFIER, manifest)?;
            // What the outputs are called decides tags as much as the weights do.
            manifest.fingerprint = classifier.taught.named(&manifest.fingerprint);
        }
        if let Some(calibration) = self.calibration {
            manifest.calibration = calibration.clone();
        }
        Ok(())
    }
}

/// Notes a file that was written, which is one of those that decide what the pack says.
fn add(folder: &Path, name: &str, manifest: &mut Manifest) -> Result<(), Error> {
    let entry = FileEntry::of(&folder.join(name))?;
    manifest.fingerprint = fingerprint(&manifest.fingerprint, &entry);
    manifest.files.retain(|file| file.name != name);
    manifest.files.push(entry);
    Ok(())
}

/// Installs the pack `PARENT+NAME` under `dir`: what `PARENT` is, with what was `learnt`. It holds all of its
/// parent's files (as links to the same bytes where the file system has them), so that nothing that happens to the parent
/// changes it. One of that name is replaced where `replace_old` says so, and refused otherwise; a call that fails or is
/// killed leaves what was there.
pub fn derive(
    dir: &Path,
    parent: &Pack,
    name: &str,
    learnt: Learnt<'_>,
    training: Training,
    replace_old: bool,
) -> Result<PackInfo, Error> {
    let full = derived_name(&parent.manifest().name, name)?;
    let refuse = |what: String| Error::Refused {
        name: full.clone(),
        what,
    };
    learnt.check(parent.manifest()).map_err(refuse)?;
    let _lock = lock(dir, &mut |_: Progress| {})?;
    remove_leftovers(dir)?;
    let place = dir.join(&full);
    if place.exists() && !replace_old {
        return Err(refuse("a pack of that name is installed already".into()));
    }
    let partial = dir.join(format!(".{full}.partial-{}", std::process::id()));
    let made = assemble(&partial, parent, &full, learnt, training)
        .and_then(|manifest| replace(&partial, &place, dir).map(|()| manifest));
    match made {
        Ok(manifest) => Ok(info(place, manifest)),
        Err(error) => {
            // The error that is reported is the one that matters; what stays is removed by the next call.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

/// What the pack is called that is learnt from `parent` under this name, which is a part of paths and of what people type.
pub fn derived_name(parent: &str, name: &str) -> Result<String, Error> {
    let root = parent.split(JOINT).next().unwrap_or_default();
    let full = format!("{root}{JOINT}{name}");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        true => Ok(full),
        false => Err(Error::Refused {
            name: full,
            what: "a name is made of up to 64 letters, digits, - and _".into(),
        }),
    }
}

fn assemble(
    folder: &Path,
    parent: &Pack,
    name: &str,
    learnt: Learnt<'_>,
    training: Training,
) -> Result<Manifest, Error> {
    fs::create_dir_all(folder).doing("create", folder)?;
    let mut manifest = parent.manifest().clone();
    for file in &manifest.files {
        let is_replaced = (file.name == HEAD && learnt.head.is_some())
            || (file.name == CLASSIFIER && learnt.classifier.is_some())
            || (file.name == VISUAL && learnt.visual.is_some())
            || (file.name == IMAGE_MODEL && learnt.tail.is_some());
        if !is_replaced {
            file.check_content(parent.dir())?;
            link(&parent.dir().join(&file.name), &folder.join(&file.name))?;
        }
    }
    learnt.write(folder, &mut manifest)?;
    manifest.version = format!(
        "{}, trained {}",
        manifest.version,
        &training.data[..8.min(training.data.len())]
    );
    manifest.format = FORMAT;
    manifest.name = name.to_owned();
    manifest.training = Some(training);
    manifest.write(folder)?;
    Ok(manifest)
}

/// The same bytes under another name, or a copy where there are no links.
pub(super) fn link(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).doing("create", folder)?;
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).doing("copy", from)?;
    }
    Ok(())
}

/// What the parent is and what was learnt decide together.
fn fingerprint(parent: &str, learnt: &FileEntry) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(parent.as_bytes());
    hasher.update(learnt.blake3.as_bytes());
    hasher.finalize().to_hex().to_string()
}
