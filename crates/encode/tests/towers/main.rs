//! Models and word vectors of others as packs: tiny ones with random weights, made by the reference implementations.
//!
//! `scripts/reference/towers/make.py` made them and says with which versions. ONNX Runtime comes from the real base pack: run
//! `fovea models pull base` first.

mod hub;
mod layouts;
mod learnt;
mod onnx;
mod parity;
mod refused;
mod sizes;
mod weights;
mod wordless;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use fovea_encode::models;

/// A tiny model.
fn fixture(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/towers")
        .join(family)
}

/// An empty store but for the base pack.
fn store() -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    let base = models::default_dir().join(models::BASE);
    assert!(
        base.join("manifest.json").exists(),
        "no base pack in {}: run `fovea models pull base`",
        base.display()
    );
    copy(&base, &store.path().join(models::BASE));
    store
}

/// A folder again, by links where that is possible.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => fs::hard_link(entry.path(), &target)
                .or_else(|_| fs::copy(entry.path(), &target).map(drop))
                .unwrap(),
        }
    }
}

/// Adds the model in `folder` under the name `tiny`.
fn add(store: &Path, folder: &Path) -> Result<models::Added, String> {
    let addition = models::Addition {
        folder,
        name: Some("tiny"),
        choice: models::Choice::default(),
        replace: false,
        origin: None,
    };
    models::add(store, addition, &mut |_| {}).map_err(|error| error.to_string())
}
