//! [`FileKind`]: what a file is, by its first bytes where the format has any, else by its name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

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

    /// What a name says.
    pub fn by_name(path: &Path) -> Option<FileKind> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
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
            _ => return None,
        })
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
