//! The base pack's earlier version, which its files make too.
//!
//! These tests fail, and do not skip, where the pack is missing: run `fovea models pull base` first.

use std::fs;
use std::path::Path;

use fovea_encode::{Calibration, Encoder, Pack, models};
use serde_json::Value;

fn base() -> Pack {
    Pack::open(&models::default_dir().join(models::BASE)).unwrap_or_else(|error| {
        panic!("{error}\nthis test needs the real pack: run `fovea models pull base`")
    })
}

fn fingerprint_of_1() -> String {
    base().conse_alone().unwrap().spec().fingerprint.clone()
}

/// A store with what a fovea before this one installed.
fn store_of_1() -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    let to = store.path().join("base");
    fs::create_dir(&to).unwrap();
    let from = models::default_dir().join("base");
    for entry in fs::read_dir(&from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "shipped.tensors" && name != "manifest.json" {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
    let text = fs::read_to_string(from.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    for (name, value) in [
        ("format", 2.into()),
        ("version", "base-1".into()),
        ("fingerprint", fingerprint_of_1().into()),
    ] {
        manifest[name] = value;
    }
    let fields = manifest.as_object_mut().unwrap();
    for name in ["shipped", "calibration", "texts", "features"] {
        fields.remove(name);
    }
    let files = manifest["files"].as_array_mut().unwrap();
    files.retain(|file| file["name"] != "shipped.tensors");
    fs::write(to.join("manifest.json"), manifest.to_string()).unwrap();
    store
}

#[test]
fn an_earlier_version_is_what_it_was() {
    let feature: Vec<f32> = (0..base().spec().feature_dim)
        .map(|i| (i % 11) as f32 / 11.0)
        .collect();
    let now = base();
    let before = base().as_of(&fingerprint_of_1()).unwrap();
    assert_eq!(before.spec().version, "base-1");
    assert_eq!(before.spec().features, now.spec().features);
    assert_eq!(before.calibration(), &Calibration::of_conse());
    assert_ne!(before.image_vector(&feature), now.image_vector(&feature));
    assert_eq!(
        before.image_vector(&feature),
        before.frozen_vectors(&[&feature])
    );
    assert_eq!(
        before.text_vector("a dog").unwrap(),
        now.text_vector("a dog").unwrap()
    );
    before.verify().unwrap();
    let refused = base().as_of("0123").err().unwrap().to_string();
    assert!(refused.contains("no version of it"), "{refused}");
}

#[test]
fn an_earlier_pack_becomes_the_new_one_without_a_download() {
    let store = store_of_1();
    let place = store.path().join("base");
    let refused = Pack::open(&place).err().unwrap().to_string();
    assert!(refused.contains("base-1"), "{refused}");
    let nothing = tempfile::tempdir().unwrap();
    pull(store.path(), nothing.path()).unwrap();
    let pack = Pack::open(&place).unwrap();
    pack.verify().unwrap();
    assert_eq!(pack.spec(), base().spec());
    let licences = fs::read_to_string(place.join("LICENCES.txt")).unwrap();
    assert!(licences.contains("Fluent Emoji") && licences.contains("Apache License"));
}

#[test]
fn a_damaged_earlier_pack_is_made_of_wheels() {
    let store = store_of_1();
    let model = store.path().join("base/image.onnx");
    let mut bytes = fs::read(&model).unwrap();
    bytes[1000] ^= 1;
    fs::write(&model, bytes).unwrap();
    let nothing = tempfile::tempdir().unwrap();
    let refused = pull(store.path(), nothing.path()).unwrap_err();
    assert!(refused.contains(".whl"), "{refused}");
    let left = fs::read_dir(store.path()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("partial")
    });
    assert_eq!(left.count(), 0);
}

fn pull(store: &Path, wheels: &Path) -> Result<(), String> {
    let pulled = models::pull_base(store, Some(wheels), &mut |_| {});
    pulled.map(|_| ()).map_err(|error| error.to_string())
}
