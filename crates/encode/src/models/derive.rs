//! A pack with a trained alignment: the parent's files, a head, and a manifest that says where it comes from.

use std::fs;
use std::path::Path;

use super::install::{lock, remove_leftovers, replace};
use super::{PackInfo, Progress, info};
use crate::error::{Context, Error};
use crate::head::HeadWeights;
use crate::manifest::{FORMAT, FileEntry, Manifest, Training};
use crate::pack::{HEAD, Pack};

/// Between the name of the parent and that of what was learnt.
const JOINT: char = '+';

/// Installs the pack `PARENT+NAME` under `dir`: what `PARENT` is, with `weights` as its alignment. It holds all of its
/// parent's files (as links to the same bytes where the file system has them), so that nothing that happens to the parent
/// changes it. One of that name is replaced where `replace_old` says so, and refused otherwise; a call that fails or is
/// killed leaves what was there.
pub fn derive(
    dir: &Path,
    parent: &Pack,
    name: &str,
    weights: &HeadWeights,
    training: Training,
    replace_old: bool,
) -> Result<PackInfo, Error> {
    let full = derived_name(&parent.manifest().name, name)?;
    let refuse = |what: String| Error::Refused {
        name: full.clone(),
        what,
    };
    let dims = (parent.manifest().feature_dim, parent.manifest().shared_dim);
    weights.check(dims.0, dims.1).map_err(refuse)?;
    let _lock = lock(dir, &mut |_: Progress| {})?;
    let place = dir.join(&full);
    if place.exists() && !replace_old {
        return Err(refuse("a pack of that name is installed already".into()));
    }
    remove_leftovers(dir)?;
    let partial = dir.join(format!(".{full}.partial-{}", std::process::id()));
    let made = assemble(&partial, parent, &full, weights, training)
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
    weights: &HeadWeights,
    training: Training,
) -> Result<Manifest, Error> {
    fs::create_dir_all(folder).doing("create", folder)?;
    let mut manifest = parent.manifest().clone();
    manifest.files.retain(|file| file.name != HEAD);
    for file in &manifest.files {
        file.check_content(parent.dir())?;
        link(&parent.dir().join(&file.name), &folder.join(&file.name))?;
    }
    let head = folder.join(HEAD);
    weights.write(&head)?;
    let head = FileEntry::of(&head)?;
    manifest.fingerprint = fingerprint(&manifest.fingerprint, &head);
    manifest.version = format!(
        "{}, trained {}",
        manifest.version,
        &training.data[..8.min(training.data.len())]
    );
    manifest.format = FORMAT;
    manifest.name = name.to_owned();
    manifest.head = Some(weights.shape());
    manifest.training = Some(training);
    manifest.files.push(head);
    manifest.write(folder)?;
    Ok(manifest)
}

/// The same bytes under another name, or a copy where there are no links.
fn link(from: &Path, to: &Path) -> Result<(), Error> {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).doing("copy", from)?;
    }
    Ok(())
}

/// The frozen alignment of the parent and the head together decide a vector.
fn fingerprint(parent: &str, head: &FileEntry) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(parent.as_bytes());
    hasher.update(head.blake3.as_bytes());
    hasher.finalize().to_hex().to_string()
}
