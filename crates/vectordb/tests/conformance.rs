//! The embedded engine against the suite that every engine has to pass.

use fovea_vectordb::conformance::Harness;
use fovea_vectordb::{Database, Embedded, OpenMode, Result, conformance_suite};
use tempfile::TempDir;

struct Folder(TempDir);

impl Harness for Folder {
    fn open(&self, collection: &str) -> Result<Box<dyn Database>> {
        let database = Embedded::open(self.0.path(), collection, OpenMode::Create)?;
        Ok(Box::new(database))
    }
}

conformance_suite!(Folder(tempfile::tempdir().unwrap()));
