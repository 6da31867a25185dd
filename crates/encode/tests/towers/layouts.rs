//! The same model laid out as others publish it: found, and read from their files.

use std::fs;

use fovea_encode::{Cleaning, Encoder, Fitting, Middle, Pack, TowersSpec};

use crate::{add, fixture, store};

/// Lays the tiny CLIP out by pairs of a new and an old name, writes the files with this content, adds it, and compares what it says.
#[track_caller]
fn check(
    layout: &str,
    moved: &[(&str, &str)],
    written: &[(&str, String)],
    look: impl FnOnce(&Pack, &TowersSpec),
) {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    for (name, old) in moved {
        put(name, &fs::read(fixture("clip").join(old)).unwrap());
    }
    written
        .iter()
        .for_each(|(name, content)| put(name, content.as_bytes()));
    let added = add(store.path(), folder.path()).unwrap();
    let towers = added.info.towers.unwrap();
    assert_eq!(towers.layout, layout);
    let pack = Pack::open(&added.info.dir).unwrap();
    let cosine = agreement(&pack);
    assert!(cosine > 0.9999, "{cosine}");
    look(&pack, &towers);
}

/// The cosine of what the pack says of a sentence with what the reference said.
fn agreement(pack: &Pack) -> f64 {
    let expected = fs::read_to_string(fixture("clip").join("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let text = &expected["texts"][3];
    let vector = pack.text_vector(text["text"].as_str().unwrap()).unwrap();
    let said = text["vector"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap());
    vector
        .iter()
        .zip(said)
        .map(|(a, b)| f64::from(*a) * b)
        .sum()
}

const IMAGE: &str = "onnx/vision_model.onnx";
const TEXT: &str = "onnx/text_model.onnx";

/// What `open_clip` says of a model, and of its pictures.
fn open_clip(clean: &str) -> String {
    format!(
        r#"{{"embed_dim": 16, "vision_cfg": {{"image_size": 24}}, "text_cfg": {{"context_length": 77, "tokenizer_kwargs": {{"clean": "{clean}"}}}}}}"#
    )
}

const PREPARED: &str = r#"{"size": [24, 24], "mode": "RGB", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear", "resize_mode": "shortest", "fill_color": 0}"#;

#[test]
fn without_the_folder_of_networks() {
    let moved = [
        ("vision_model.onnx", IMAGE),
        ("text_model.onnx", TEXT),
        ("config.json", "config.json"),
        ("preprocessor_config.json", "preprocessor_config.json"),
        ("vocab.json", "vocab.json"),
        ("merges.txt", "merges.txt"),
    ];
    check("transformers.js", &moved, &[], |_, towers| {
        assert_eq!(towers.family, "clip")
    });
}

#[test]
fn immich() {
    let moved = [
        ("visual/model.onnx", IMAGE),
        ("textual/model.onnx", TEXT),
        ("textual/tokenizer.json", "tokenizer.json"),
        ("textual/tokenizer_config.json", "tokenizer_config.json"),
    ];
    let written = [
        ("config.json", open_clip("canonicalize")),
        ("visual/preprocess_cfg.json", PREPARED.to_owned()),
    ];
    check("Immich", &moved, &written, |pack, towers| {
        assert_eq!((pack.spec().shared_dim, pack.spec().input_side), (16, 24));
        assert_eq!(towers.text.words.cleaning, Cleaning::Canonicalize);
        assert_eq!(
            pack.token_ids("  A_CAT!! ").unwrap(),
            pack.token_ids("a cat").unwrap()
        );
    });
}

#[test]
fn open_clip_with_its_configuration() {
    let config = format!(
        r#"{{"model_cfg": {}, "preprocess_cfg": {PREPARED}}}"#,
        open_clip("whitespace")
    );
    let moved = [
        ("visual.onnx", IMAGE),
        ("textual.onnx", TEXT),
        ("tokenizer/tokenizer.json", "tokenizer.json"),
    ];
    check(
        "open_clip",
        &moved,
        &[("open_clip_config.json", config)],
        |_, towers| {
            assert_eq!(towers.text.words.cleaning, Cleaning::Whitespace);
            let preparation = &towers.image.preparation;
            assert_eq!(
                preparation.fitting,
                Fitting::Shortest {
                    short: 24,
                    middle: Middle::Even
                }
            );
            assert_eq!(
                (preparation.mean, preparation.deviation),
                ([0.5; 3], [0.25; 3])
            );
        },
    );
}
