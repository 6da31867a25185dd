//! [`FileKind`]: what a file is, by its first bytes where the format has any, else by its name.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use super::{Error, Result, clip_retrieval, fbin, fvecs, npy};

/// The kinds, for people.
pub(super) const KNOWN: &str = ".npy, .fvecs, .ivecs, .bvecs, .fbin, .ibin, .u8bin, .i8bin, .faiss or .index, .ann or .annoy, \
     a folder with img_emb or text_emb";

/// A kind of vector file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// NumPy's array.
    Npy,
    /// `.fvecs` and its siblings.
    Vecs(fvecs::Numbers),
    /// `.fbin` and its siblings.
    Bin(fbin::Numbers),
    /// A Faiss index.
    Faiss,
    /// An Annoy index.
    Annoy,
    /// A folder of clip-retrieval.
    ClipRetrieval,
}

impl FileKind {
    /// What the file or folder is.
    pub fn of(path: &Path) -> Result<FileKind> {
        if clip_retrieval::is_folder(path) {
            return Ok(FileKind::ClipRetrieval);
        }
        let by_name = FileKind::by_name(path);
        match FileKind::by_content(path)? {
            Some(kind) => Ok(kind),
            None => by_name.ok_or_else(|| Error::UnknownKind {
                path: path.to_owned(),
            }),
        }
    }

    /// Whether files of this kind can be written.
    pub fn is_written(self) -> bool {
        match self {
            FileKind::Vecs(numbers) => numbers == fvecs::Numbers::Floats,
            FileKind::Bin(numbers) => numbers == fbin::Numbers::Floats,
            FileKind::Npy | FileKind::Faiss | FileKind::ClipRetrieval => true,
            FileKind::Annoy => false,
        }
    }

    /// What a name says.
    pub fn by_name(path: &Path) -> Option<FileKind> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// What the first bytes say. A file that is named `.fvecs` may begin with any.
    fn by_content(path: &Path) -> Result<Option<FileKind>> {
        let failed = |error| Error::io(path, &error);
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Ok(None);
        }
        let mut first = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(6).read_to_end(&mut first).map_err(failed)?;
        let faiss = [&b"IxF"[..], b"IxM", b"IHN"];
        Ok(if first == *npy::MAGIC {
            Some(FileKind::Npy)
        } else if faiss.iter().any(|letters| first.starts_with(letters)) {
            Some(FileKind::Faiss)
        } else {
            None
        })
    }
}

impl FromStr for FileKind {
    type Err = String;

    /// An extension without its dot, or `clip-retrieval`.
    fn from_str(text: &str) -> Result<FileKind, String> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "npy" => FileKind::Npy,
            "fvecs" => FileKind::Vecs(fvecs::Numbers::Floats),
            "ivecs" => FileKind::Vecs(fvecs::Numbers::Integers),
            "bvecs" => FileKind::Vecs(fvecs::Numbers::Bytes),
            "fbin" => FileKind::Bin(fbin::Numbers::Floats),
            "ibin" => FileKind::Bin(fbin::Numbers::Integers),
            "u8bin" => FileKind::Bin(fbin::Numbers::Bytes),
            "i8bin" => FileKind::Bin(fbin::Numbers::SignedBytes),
            "faiss" | "index" => FileKind::Faiss,
            "ann" | "annoy" => FileKind::Annoy,
            "clip-retrieval" => FileKind::ClipRetrieval,
            _ => return Err(format!("no kind {text:?}: there are {KINDS}")),
        })
    }
}

/// What a kind is called when it is typed.
const KINDS: &str =
    "npy, fvecs, ivecs, bvecs, fbin, ibin, u8bin, i8bin, faiss, annoy, clip-retrieval";

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Npy => "npy",
            FileKind::Vecs(fvecs::Numbers::Floats) => "fvecs",
            FileKind::Vecs(fvecs::Numbers::Integers) => "ivecs",
            FileKind::Vecs(fvecs::Numbers::Bytes) => "bvecs",
            FileKind::Bin(fbin::Numbers::Floats) => "fbin",
            FileKind::Bin(fbin::Numbers::Integers) => "ibin",
            FileKind::Bin(fbin::Numbers::Bytes) => "u8bin",
            FileKind::Bin(fbin::Numbers::SignedBytes) => "i8bin",
            FileKind::Faiss => "faiss",
            FileKind::Annoy => "annoy",
            FileKind::ClipRetrieval => "clip-retrieval",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_typed_as_they_are_shown() {
        for name in KINDS.split(", ") {
            let kind: FileKind = name.parse().expect("a kind that is listed");
            assert_eq!(kind.to_string(), name);
        }
        assert!("pickle".parse::<FileKind>().is_err());
    }
}
