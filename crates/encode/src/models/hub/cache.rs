//! Where the files of a repository lie, laid out as the hub's own client does:
//!
//! ```text
//! models--OWNER--REPO/blobs/ETAG              the content; ETAG.incomplete while it is on its way
//! models--OWNER--REPO/refs/REVISION           the commit that a branch or tag meant
//! models--OWNER--REPO/snapshots/COMMIT/PATH   a link to the content
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::Reference;
use crate::error::{Error, Fault};

/// The folder of a repository.
pub struct Repository<'a> {
    folder: PathBuf,
    reference: &'a Reference,
}

impl<'a> Repository<'a> {
    pub fn new(cache: &Path, reference: &'a Reference) -> Self {
        let name = format!("models--{}", reference.repository().replace('/', "--"));
        Self {
            folder: cache.join(name),
            reference,
        }
    }

    /// Where a content lies.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The folder of a commit.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit of the revision that was fetched before.
    pub fn fetched_commit(&self) -> Result<String, Error> {
        let revision = self.reference.revision();
        let noted = fs::read_to_string(self.folder.join("refs").join(revision));
        let commit = noted.map_or_else(|_| revision.to_owned(), |text| text.trim().to_owned());
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_commit && self.snapshot(&commit).is_dir() {
            true => Ok(commit),
            false => Err(Error::Hub {
                model: self.reference.to_string(),
                what: format!(
                    "nothing of it was fetched before into {}",
                    self.folder.display()
                ),
                remedy: "do it once without --offline, with a network (and without HF_HUB_OFFLINE)"
                    .into(),
                fault: Fault::Environment,
            }),
        }
    }

    /// Notes what the revision meant.
    pub fn remember(&self, commit: &str) -> Result<(), Error> {
        let revision = self.reference.revision();
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        let written = make_parent(&path).and_then(|()| fs::write(&path, commit));
        written.map_err(|error| self.cannot("write", &path, &error))
    }

    /// Puts a content under its name into the folder of a commit.
    pub fn link(&self, commit: &str, name: &str, blob: &Path) -> Result<(), Error> {
        let path = self.snapshot(commit).join(name);
        if path.is_file() {
            return Ok(());
        }
        let made = make_parent(&path).and_then(|()| {
            // One that leads nowhere is there and is no file.
            let _ = fs::remove_file(&path);
            place(name, blob, &path)
        });
        made.map_err(|error| self.cannot("write", &path, &error))
    }

    /// The repository is not what is needed.
    pub fn lacks(&self, what: String) -> Error {
        Error::Hub {
            model: self.reference.to_string(),
            what,
            remedy: "look for an export of the model as ONNX, as those of onnx-community, Xenova and immich-app".into(),
            fault: Fault::Input,
        }
    }

    pub fn cannot(&self, action: &str, path: &Path, error: &std::io::Error) -> Error {
        cannot(&self.reference.to_string(), action, path, error)
    }
}

/// The disk refused.
pub fn cannot(model: &str, action: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Hub {
        model: model.into(),
        what: format!("cannot {action} {}: {error}", path.display()),
        remedy: "make room or permission there, or point HF_HOME at another folder".into(),
        fault: Fault::Environment,
    }
}

pub fn make_parent(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))
}

/// A relative link, so that the whole cache may be moved.
#[cfg(unix)]
fn place(name: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    let up = "../".repeat(name.split('/').count() + 1);
    let etag = blob.file_name().unwrap_or_default();
    std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(etag), path)
}

/// Links need a privilege there.
#[cfg(not(unix))]
fn place(_: &str, blob: &Path, path: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, path).or_else(|_| fs::copy(blob, path).map(drop))
}
