//! ONNX Runtime is code: an altered one never runs. Alone in its process, which has one runtime for good.
//!
//! Needs the real base pack: run `fovea models pull base` first.

use std::fs;

use fovea_encode::{Encoder, Pack, Pixels, models};

#[test]
fn an_altered_library_is_refused_before_it_runs() {
    let (store, base) = (
        tempfile::tempdir().unwrap(),
        models::default_dir().join(models::BASE),
    );
    let dir = store.path().join(models::BASE);
    fs::create_dir(&dir).unwrap();
    let mut library = None;
    for entry in fs::read_dir(&base).unwrap() {
        let entry = entry.unwrap();
        let target = dir.join(entry.file_name());
        fs::copy(entry.path(), &target).unwrap();
        if target.to_string_lossy().contains("onnxruntime") {
            library = Some(target);
        }
    }
    let library = library.expect("the base pack brings ONNX Runtime");
    let mut content = fs::read(&library).unwrap();
    let last = content.len() - 1;
    content[last] ^= 1;
    fs::write(&library, &content).unwrap();
    let grey = Pixels::new(30, 20, vec![128; 30 * 20 * 3]).unwrap();
    let pack = Pack::open(&dir).unwrap();
    let said = pack
        .features(&[&grey])
        .expect_err("it was altered")
        .to_string();
    assert!(
        said.contains("onnxruntime") && said.contains("BLAKE3 checksum"),
        "{said}"
    );
    // What is put right is used, in the same process.
    content[last] ^= 1;
    fs::write(&library, &content).unwrap();
    pack.features(&[&grey]).unwrap();
}
