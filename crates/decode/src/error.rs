//! Why some bytes did not become a picture, in words for a person. The caller adds which file it was.

/// Who can do something about an [`Error`]; exit codes and HTTP statuses follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The file: damaged, too large, or of a kind this build does not read.
    Input,
    /// Fovea itself.
    Bug,
}

/// Why a picture was not decoded. No variant names the file: the caller knows its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the file is empty")]
    Empty,
    #[error("not an image: it looks like {looks_like}")]
    NotAnImage { looks_like: &'static str },
    #[error(
        "truncated {format}: the file ends before the picture does; copy it again from where it came"
    )]
    Truncated { format: &'static str },
    #[error("damaged {format}: {reason}")]
    Damaged {
        format: &'static str,
        reason: String,
    },
    #[error(
        "too large: {width}x{height} is {megapixels} megapixels and the limit is {limit_megapixels}; raise it with --max-megapixels"
    )]
    TooManyPixels {
        width: u32,
        height: u32,
        megapixels: u64,
        limit_megapixels: u64,
    },
    #[error(
        "too large: decoding this {format} of {width}x{height} needs {needed_mib} MiB at once and the limit is {limit_mib} MiB"
    )]
    TooMuchMemory {
        format: &'static str,
        width: u32,
        height: u32,
        needed_mib: u64,
        limit_mib: u64,
    },
    #[error("{what} is not supported by this build: {how}")]
    Unsupported { what: String, how: &'static str },
    #[error("the preview could not be written: {reason}")]
    Preview { reason: String },
}

impl Error {
    pub fn fault(&self) -> Fault {
        match self {
            Error::Preview { .. } => Fault::Bug,
            _ => Fault::Input,
        }
    }
}
