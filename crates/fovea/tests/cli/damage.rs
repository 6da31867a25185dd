//! A model pack that is missing or damaged is refused with what to do, and never used.

use std::fs;
use std::path::{Path, PathBuf};

use crate::library::database;
use crate::program::{command, fovea, ran};

fn pack_folder() -> PathBuf {
    let ran = fovea(Path::new("unused"), &["models", "info", "base", "--json"]).expect(0);
    PathBuf::from(ran.json()[0]["folder"].as_str().unwrap())
}

/// The installed packs with one file of `base` replaced.
fn models_with(file: &str, change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let models = tempfile::tempdir().unwrap();
    let copy = models.path().join("base");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(pack_folder()).unwrap() {
        let entry = entry.unwrap();
        let to = copy.join(entry.file_name());
        if entry.file_name() == file {
            let mut bytes = fs::read(entry.path()).unwrap();
            change(&mut bytes);
            fs::write(to, bytes).unwrap();
        } else if fs::hard_link(entry.path(), &to).is_err() {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
    models
}

#[test]
fn a_flipped_bit_in_any_file_of_the_pack_is_refused() {
    let info = fovea(Path::new("unused"), &["models", "info", "base", "--json"]).expect(0);
    let info = &info.json()[0];
    let folder = tempfile::tempdir().unwrap();
    for file in info["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let models = models_with(name, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        for arguments in [&["models", "info", "base"][..], &["index", "."][..]] {
            let mut command = command(folder.path(), arguments);
            let ran = ran(command.env("FOVEA_MODELS", models.path()).output().unwrap()).expect(4);
            assert!(
                ran.stderr.contains(name) && ran.stderr.contains("models pull"),
                "{name}: {}",
                ran.stderr
            );
        }
    }
}

#[test]
fn a_truncated_text_model_is_refused_by_a_search() {
    let info = fovea(Path::new("unused"), &["models", "info", "base", "--json"]).expect(0);
    for file in info.json()[0]["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let models = models_with(name, |bytes| bytes.truncate(bytes.len() - 1));
        let mut search = command(database(), &["search", "a cat"]);
        let ran = ran(search.env("FOVEA_MODELS", models.path()).output().unwrap()).expect(4);
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_missing_pack_says_how_to_get_it() {
    let models = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["search", "cat"][..], 3),
        (&["models", "info", "base"][..], 3),
        (&["models", "list"][..], 1),
    ] {
        let mut command = command(database(), arguments);
        let ran = ran(command.env("FOVEA_MODELS", models.path()).output().unwrap()).expect(code);
        assert!(
            ran.stderr.contains("fovea models pull base"),
            "{}",
            ran.stderr
        );
    }
}
