//! What networks run on, asked for from the command line. No machine needs to have anything but a processor.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Ran, command, pictures, ran};

/// Runs with the device of the environment.
fn on(device: Option<&str>, database: &Path, arguments: &[&str]) -> Ran {
    let mut command = command(database, arguments);
    match device {
        Some(device) => command.env("FOVEA_DEVICE", device),
        None => command.env_remove("FOVEA_DEVICE"),
    };
    ran(command.output().unwrap())
}

/// ONNX Runtime as the base pack has it.
fn library() -> PathBuf {
    let base = fovea_encode::models::default_dir().join("base");
    let files = fs::read_dir(base).unwrap().map(|file| file.unwrap().path());
    let is_library = |path: &PathBuf| path.to_string_lossy().contains("onnxruntime");
    files.into_iter().find(is_library).unwrap()
}

#[test]
fn without_the_device_one_line_says_so_and_the_answers_are_the_same() {
    let place = tempfile::tempdir().unwrap();
    let (folder, db) = (place.path().join("pictures"), place.path().join("db"));
    pictures(&folder, 9);
    let (text, picture) = (
        folder.to_string_lossy().into_owned(),
        folder.join("0003.png").to_string_lossy().into_owned(),
    );
    let indexed = on(Some("cuda"), &db, &["index", &text, "-q", "--threads", "4"]).expect(0);
    let lines: Vec<&str> = indexed.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("--device cuda: "), "{lines:?}");
    assert!(lines[0].contains("--device cpu"), "{lines:?}");

    let answer = |device, arguments: &[&str]| {
        let ran = on(device, &db, arguments).expect(0);
        let answers = ran.json();
        (answers[0]["results"].clone(), ran.stderr)
    };
    let search = ["search", &picture, "--json", "-n", "5"];
    let (here, silent) = answer(None, &search);
    assert_eq!(silent, "");
    for device in ["tensorrt", "coreml", "directml"] {
        let (there, said) = answer(None, &[&search[..], &["--device", device]].concat());
        // Only macOS has one of them, whose numbers are rounded otherwise.
        let is_there = said.is_empty() && device == "coreml" && cfg!(target_os = "macos");
        assert!(is_there || there == here, "{device}");
        assert!(is_there || said.lines().count() == 1, "{said}");
    }
    // Words are read without a network, and ask for nothing.
    let (_, silent) = answer(Some("cuda"), &["search", "red", "--json", "-n", "5"]);
    assert_eq!(silent, "");
    let itself = library().to_string_lossy().into_owned();
    let (there, silent) = answer(None, &[&search[..], &["--onnxruntime", &itself]].concat());
    assert_eq!((there, silent), (here, String::new()));
}

#[test]
fn what_is_no_device_and_no_library_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (db, text) = (place.path().join("db"), place.path().join("library.so"));
    fs::write(&text, "no library").unwrap();
    let text = text.to_string_lossy().into_owned();
    for said in [
        on(Some("gpu"), &db, &["search", "red"]).expect(2).stderr,
        on(None, &db, &["search", "red", "--device", "gpu"])
            .expect(2)
            .stderr,
    ] {
        for part in ["gpu", "cpu, cuda, tensorrt, coreml, directml"] {
            assert!(said.contains(part), "{said}");
        }
    }
    let absent = on(None, &db, &["search", "red", "--onnxruntime", "nowhere.so"]).expect(2);
    assert!(
        absent.stderr.contains("nowhere.so: there is no such file"),
        "{}",
        absent.stderr
    );

    let folder = place.path().join("pictures");
    pictures(&folder, 1);
    let folder = folder.to_string_lossy().into_owned();
    on(None, &db, &["index", &folder, "-q"]).expect(0);
    let picture = format!("{folder}/0000.png");
    let broken = on(None, &db, &["search", &picture, "--onnxruntime", &text]).expect(3);
    for part in ["library.so", "--onnxruntime", "ONNX Runtime 1.17 or later"] {
        assert!(broken.stderr.contains(part), "{}", broken.stderr);
    }
}
