//! Networks that only see and know none of ImageNet's classes: pictures are compared, and words wait for a trained alignment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fovea_decode::{Options, decode};
use fovea_encode::{Encoder, HeadWeights, Pack, Pixels, Training, models};
use serde_json::Value;

use crate::{add, copy, fixture, store};

const COSINE: f32 = 0.9999;

fn picture(name: &str) -> Pixels {
    let bytes = fs::read(fixture("pictures").join(name)).unwrap();
    decode(&bytes, &Options::default()).unwrap().pixels
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What every pack without words has in common.
fn is_wordless(added: &models::Added, dim: usize, reason: &str) -> Pack {
    let said = added.trial.wordless.as_ref().expect("it has no words");
    assert!(said.contains(reason), "{said}");
    let pack = Pack::open(&added.info.dir).unwrap();
    pack.verify().unwrap();
    let spec = pack.spec();
    assert!(!spec.is_aligned && !spec.is_calibrated && spec.visual_is_feature);
    assert_eq!((spec.feature_dim, spec.visual_dim), (dim, dim));
    assert_eq!(added.info.spaces, ["caption", "visual"]);
    let feature = pack.features(&[&picture("square.png")]).unwrap().remove(0);
    assert_eq!(pack.image_vector(&feature), vec![0.0; spec.shared_dim]);
    assert!((dot(&pack.visual_vector(&feature), &pack.visual_vector(&feature)) - 1.0).abs() < 1e-5);
    assert!(pack.tags(&feature).unwrap().is_empty() && pack.logits(&feature).is_empty());
    // Captions are read as in the base pack.
    assert_eq!(pack.text_vector("a cat").unwrap().len(), spec.shared_dim);
    pack
}

#[test]
fn dinov2_gives_its_first_row() {
    sees_as("dinov2", 32, 1.0 / 255.0 / 0.224);
}

/// One of TensorFlow's with the channels last and its own preparation in it: bytes go in as they are.
#[test]
fn keras_without_classes_gives_its_vector() {
    sees_as("keras-features", 24, 1.0);
}

/// Its vectors and pixels are those of the reference; one step of a byte makes a difference of `step`.
fn sees_as(family: &str, dim: usize, step: f32) {
    let (store, folder) = (store(), fixture(family));
    let added = add(store.path(), &folder).unwrap();
    let of_family = family.split('-').next().unwrap();
    assert!(
        added
            .info
            .spec
            .version
            .starts_with(&format!("{of_family}, "))
    );
    let pack = is_wordless(&added, dim, "it knows no classes");
    let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let pixels = fs::read(folder.join("pixels.bin")).unwrap();
    let pixels: Vec<f32> = pixels
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let said = expected["pictures"].as_object().unwrap();
    assert!(said.len() >= 20);
    let mut least = 1f32;
    for ((name, vector), prepared) in said.iter().zip(pixels.chunks_exact(3 * 24 * 24)) {
        let picture = picture(name);
        let apart = pack.planes(&picture).into_iter().zip(prepared);
        let apart = apart.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(apart <= step + 1e-4, "{name}: {apart}");
        let expect: Vec<f32> = vector
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap() as f32)
            .collect();
        let feature = pack.features(&[&picture]).unwrap().remove(0);
        let found = dot(&pack.visual_vector(&feature), &expect);
        assert!(found >= COSINE, "{name}: {found}");
        least = least.min(found);
    }
    println!("{family}: cosines from {least:.7}");
}

/// A copy of a fixture with another `config.json`.
fn with_config(family: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(family), folder.path());
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut config);
    fs::remove_file(&path).unwrap();
    fs::write(path, config.to_string()).unwrap();
    folder
}

#[test]
fn classes_that_are_not_those_of_imagenet_give_no_words() {
    let nameless = |config: &mut Value| drop(config.as_object_mut().unwrap().remove("id2label"));
    let turned = |config: &mut Value| {
        let labels = config["id2label"].as_object().unwrap().clone();
        let next = |at: usize| labels[&((at + 1) % 1000).to_string()].clone();
        config["id2label"] = (0..1000).map(|at| (at.to_string(), next(at))).collect();
    };
    let store = store();
    let folder = with_config("resnet", nameless);
    let added = add(store.path(), folder.path()).unwrap();
    is_wordless(&added, 24, "0 are called as there");
    let store = crate::store();
    let folder = with_config("resnet", turned);
    let added = add(store.path(), folder.path()).unwrap();
    is_wordless(&added, 24, "in their order");
}

/// The tensors of a file but for those of its last layer.
fn without_last_layer(bytes: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: BTreeMap<String, Value> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let (mut kept, mut data) = (BTreeMap::new(), Vec::new());
    for (name, mut entry) in header {
        if name.starts_with("fc.") || name == "__metadata__" {
            continue;
        }
        let at =
            |which: usize| entry["data_offsets"][which].as_u64().unwrap() as usize + 8 + length;
        let start = data.len();
        data.extend(&bytes[at(0)..at(1)]);
        entry["data_offsets"] = serde_json::json!([start, data.len()]);
        kept.insert(name, entry);
    }
    let header = serde_json::to_vec(&kept).unwrap();
    [&(header.len() as u64).to_le_bytes(), &header[..], &data].concat()
}

#[test]
fn weights_without_a_last_layer_give_no_words() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let whole = fs::read(fixture("torchvision").join("resnet50.safetensors")).unwrap();
    let path = folder.path().join("trunk.safetensors");
    fs::write(&path, without_last_layer(&whole)).unwrap();
    let added = add(store.path(), &path).unwrap();
    is_wordless(&added, 128, "it has no last layer");
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value), expect: &str) {
    let (store, folder) = (store(), with_config("dinov2", change));
    let said = add(store.path(), folder.path()).expect_err("it is refused");
    assert!(
        said.contains("model.onnx") && said.contains(expect),
        "{said}"
    );
    assert!(!Path::new(store.path()).join("tiny").exists());
}

#[test]
fn rows_of_which_none_stands_for_the_picture() {
    let swin = |config: &mut Value| config["model_type"] = "swin".into();
    refused(swin, "of the family swin; known are beit,");
    let wide = |config: &mut Value| config["hidden_size"] = 48.into();
    refused(wide, "expected 48 finite ones");
}

#[test]
fn a_trained_alignment_gives_it_words() {
    let store = store();
    let parent = Pack::open(&add(store.path(), &fixture("dinov2")).unwrap().info.dir).unwrap();
    let (dim, shared) = (parent.spec().feature_dim, parent.spec().shared_dim);
    let mut bias = vec![0.0; shared];
    bias[3] = 2.0;
    let head = HeadWeights {
        mean: vec![0.0; dim],
        scale: vec![1.0; dim],
        layers: vec![(vec![0.0; dim * shared], bias)],
        residual: 1.0,
    };
    let learnt = models::Learnt {
        head: Some(&head),
        ..Default::default()
    };
    let training = Training {
        parent: parent.spec().name.clone(),
        parent_fingerprint: parent.spec().fingerprint.clone(),
        data: "0123456789abcdef".into(),
        settings: BTreeMap::new(),
        metrics: BTreeMap::new(),
    };
    let made = models::derive(store.path(), &parent, "mine", learnt, training, false).unwrap();
    assert_eq!(made.spaces, ["image", "caption", "visual"]);
    let pack = Pack::open(&made.dir).unwrap();
    assert!(pack.spec().is_aligned);
    let feature = pack.features(&[&picture("square.png")]).unwrap().remove(0);
    let vector = pack.image_vector(&feature);
    assert!((vector[3] - 1.0).abs() < 1e-6, "{vector:?}");
}
