//! Copies without metadata: the same picture, and nothing of whoever took it.

use std::path::{Path, PathBuf};

use fovea_decode::{Format, Metadata, Options, decode, metadata, without_metadata};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(testdata().join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let read = files.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(&path).unwrap())
    });
    read.collect()
}

#[test]
fn the_picture_stays_and_everything_else_goes() {
    let mut n_cleaned = 0;
    for (name, bytes) in [files("metadata"), files("small")].concat() {
        let options = Options::default();
        let (Ok(before), Some(copy)) = (decode(&bytes, &options), without_metadata(&bytes)) else {
            continue;
        };
        n_cleaned += 1;
        let after = decode(&copy, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_jpeg = Format::sniff(&bytes) == Some(Format::Jpeg);
        if is_jpeg || before.metadata.orientation <= 1 {
            assert_eq!(before.pixels.data(), after.pixels.data(), "{name}");
        }
        let mut left = metadata(&copy, &options);
        left.orientation = 0;
        assert_eq!(left, Metadata::default(), "{name}");
        assert_eq!(without_metadata(&copy).as_ref(), Some(&copy), "{name}");
    }
    assert!(n_cleaned >= 8, "{n_cleaned} files were cleaned");
}

#[test]
fn words_of_the_file_are_nowhere_in_the_copy() {
    let contains = |bytes: &[u8], word: &str| {
        let mut windows = bytes.windows(word.len());
        windows.any(|window| window == word.as_bytes())
    };
    for name in ["camera.jpg", "camera.png"] {
        let mut bytes = std::fs::read(testdata().join("metadata").join(name)).unwrap();
        assert!(contains(&bytes, "Canon EOS R6"), "{name}");
        // As a telephone appends a film.
        bytes.extend(b"a film of a secret place");
        let copy = without_metadata(&bytes).unwrap();
        for word in ["Canon", "RF24", "GPS", "secret"] {
            assert!(!contains(&copy, word), "{name}: {word}");
        }
    }
}

#[test]
fn what_is_cut_or_damaged_is_no_copy_and_no_panic() {
    for (name, bytes) in [files("metadata"), files("small"), files("hostile")].concat() {
        let _ = without_metadata(&bytes);
        for cut in 0..bytes.len().min(400) {
            let _ = without_metadata(&bytes[..cut]);
            let mut damaged = bytes.clone();
            damaged[cut] ^= 0xff;
            if let Some(copy) = without_metadata(&damaged) {
                assert!(copy.len() <= damaged.len() + 64, "{name} at {cut}");
            }
        }
    }
    let tiff = std::fs::read(testdata().join("metadata/camera.tif")).unwrap();
    assert!(without_metadata(&tiff).is_none());
}
