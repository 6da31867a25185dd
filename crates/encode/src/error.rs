//! What can go wrong between a model file and a vector, said so that a person knows what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Whose fault an error is: the caller turns it into an exit code or an HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What the user gave cannot be used.
    Input,
    /// The machine, its network or its software failed.
    Environment,
    /// A file that was written by Fovea, or pinned by it, is not what it was.
    Corruption,
    /// Fovea is wrong.
    Bug,
}

/// Everything this crate can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pack is not there.
    #[error("model pack `{name}` is not installed in {dir}; {}", remedy(name))]
    NotInstalled { name: String, dir: PathBuf },

    /// A model that somebody wants to add, or a file of it, cannot be used.
    #[error("{path} cannot be used: {what}")]
    Unusable { path: PathBuf, what: String },

    /// A pack that was to be made cannot be.
    #[error("cannot make the pack `{name}`: {what}")]
    Refused { name: String, what: String },

    /// The pack is of another version than this binary pins.
    #[error(
        "model pack `{name}` in {dir} is version {found}, but this fovea needs {expected}; run `fovea models pull {name}`"
    )]
    Outdated {
        name: String,
        dir: PathBuf,
        found: String,
        expected: String,
    },

    /// A file of the pack is missing, cut short or changed.
    #[error("{path} is damaged: {what}; {}", again(path))]
    Damaged { path: PathBuf, what: String },

    /// A file that came from outside is not what its format says.
    #[error("{path} cannot be read as {format}: {what}")]
    Format {
        path: PathBuf,
        format: &'static str,
        what: String,
    },

    /// A download does not have the pinned checksum.
    #[error(
        "{path} has SHA-256 {found}, but {expected} is pinned; delete it and try again, and if it happens again do not trust that source"
    )]
    Checksum {
        path: PathBuf,
        expected: String,
        found: String,
    },

    /// A hub does not give what was asked for, or the way to it is broken.
    #[error("cannot fetch {model}: {what}; {remedy}")]
    Hub {
        model: String,
        what: String,
        remedy: String,
        fault: Fault,
    },

    /// Files that `--from` should hold are not there.
    #[error(
        "{dir} lacks what `models pull --from` needs; on a machine with a network run:\n{commands}\nthen copy the files into {dir} and try again"
    )]
    MissingWheels { dir: PathBuf, commands: String },

    /// A program that the pull needs cannot be started.
    #[error("{program} is needed to fetch the model pack, but {what}; {remedy}")]
    Tool {
        program: String,
        what: String,
        remedy: String,
    },

    /// This platform has no pinned runtime.
    #[error(
        "no ONNX Runtime is pinned for {platform}; the base pack runs on Linux x86-64 and arm64, macOS arm64 and Windows x86-64"
    )]
    Platform { platform: String },

    /// The operating system refused.
    #[error("cannot {action} {path}: {source}{}", hint(source))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },

    /// ONNX Runtime refused.
    #[error("ONNX Runtime cannot {action}: {what}")]
    Runtime { action: &'static str, what: String },
}

impl Error {
    /// Whose fault this is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotInstalled { .. } | Self::Outdated { .. } | Self::MissingWheels { .. } => {
                Fault::Environment
            }
            Self::Tool { .. } | Self::Platform { .. } | Self::Io { .. } => Fault::Environment,
            Self::Damaged { .. } | Self::Checksum { .. } | Self::Format { .. } => Fault::Corruption,
            Self::Runtime { .. } => Fault::Environment,
            Self::Hub { fault, .. } => *fault,
            Self::Refused { .. } | Self::Unusable { .. } => Fault::Input,
        }
    }
}

/// A pack that somebody trained is nowhere to be pulled from.
fn remedy(name: &str) -> String {
    match name.contains('+') {
        true => "copy its folder there, or train it again with `fovea train align`".into(),
        false if name == crate::models::BASE => format!("run `fovea models pull {name}`"),
        false if crate::models::hub::is_known(name) => format!("run `fovea models add {name}`"),
        false => format!("run `fovea models add DIR --name {name}` with the folder of the model"),
    }
}

/// What installs a damaged pack again, told by the folder it lies in.
fn again(path: &Path) -> &'static str {
    let mut folders = path.ancestors().filter_map(Path::file_name);
    match folders.any(|folder| folder == crate::models::BASE) {
        true => "`fovea models pull base` installs it again",
        false => "add it again with `fovea models add DIR --replace`, or train it again",
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free about 400 MB there, or point FOVEA_MODELS at another disk, and try again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; point FOVEA_MODELS at a folder you may write to"
        }
        _ => "",
    }
}

/// Turns an I/O result into ours, with the path and what was being done.
pub(crate) trait Context<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            action,
            path: path.to_path_buf(),
            source,
        })
    }
}
