//! Members of a wheel, which is a zip file, read into memory.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::error::{Context, Error};

/// The largest member that is ever read; ONNX Runtime's library has 35 MB.
const MEMBER_MAX: u64 = 256 << 20;

/// An open zip file.
pub struct Archive<R> {
    path: PathBuf,
    zip: ZipArchive<R>,
}

impl Archive<File> {
    /// Opens a wheel.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).doing("open", path)?;
        Self::new(path.into(), file)
    }
}

impl Archive<Cursor<Vec<u8>>> {
    /// A zip file inside another; `path` names it in messages.
    pub fn inner(path: PathBuf, bytes: Vec<u8>) -> Result<Self, Error> {
        Self::new(path, Cursor::new(bytes))
    }
}

impl<R: Read + Seek> Archive<R> {
    fn new(path: PathBuf, reader: R) -> Result<Self, Error> {
        match ZipArchive::new(reader) {
            Ok(zip) => Ok(Self { path, zip }),
            Err(error) => Err(Error::Format {
                path,
                format: "a zip file",
                what: error.to_string(),
            }),
        }
    }

    /// The content of the member `name`.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        let failed = |what: String| Error::Format {
            path: path.clone(),
            format: "a member of a zip file",
            what,
        };
        let member = self
            .zip
            .by_name(name)
            .map_err(|error| failed(error.to_string()))?;
        let claimed = member.size();
        let mut content = Vec::new();
        // The claimed size is not believed: the content grows as it is read, up to the limit.
        member
            .take(MEMBER_MAX)
            .read_to_end(&mut content)
            .map_err(|error| failed(error.to_string()))?;
        if content.len() as u64 != claimed {
            return Err(failed(format!(
                "it has {} bytes and claims {claimed}",
                content.len()
            )));
        }
        Ok(content)
    }

    /// The member `name` as text.
    pub fn text(&mut self, name: &str) -> Result<String, Error> {
        let path = self.path.join(name);
        String::from_utf8(self.read(name)?).map_err(|_| Error::Format {
            path,
            format: "text",
            what: "it is not UTF-8".into(),
        })
    }
}
