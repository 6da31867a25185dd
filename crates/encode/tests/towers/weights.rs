//! ResNet and VGG out of their weights alone, against what `torchvision` made of the same weights.
//!
//! `scripts/reference/towers/state_dicts.py` made them.

use std::fs;
use std::path::{Path, PathBuf};

use fovea_decode::{Options, decode};
use fovea_encode::{Encoder, Fitting, Middle, Pack, Pixels, models};
use serde_json::Value;

use crate::{add, fixture, store};

const COSINE: f32 = 0.9999;
/// Of a number of a unit vector, and of a score by its size.
const APART: f32 = 1e-3;

fn expected() -> Value {
    let text = fs::read_to_string(fixture("torchvision").join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(json: &Value) -> Vec<f32> {
    let all = json.as_array().unwrap().iter();
    all.map(|number| number.as_f64().unwrap() as f32).collect()
}

fn picture(name: &str) -> Pixels {
    let bytes = fs::read(fixture("pictures").join(name)).unwrap();
    decode(&bytes, &Options::default()).unwrap().pixels
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter().map(|x| x / norm).collect()
}

#[track_caller]
fn check(file: &str, family: &str, dim: usize) {
    let (store, expected) = (store(), expected());
    let added = add(store.path(), &fixture("torchvision").join(file)).unwrap();
    let said = &added.info.spec;
    assert!(
        said.version.starts_with(&format!("{family}, ")),
        "{}",
        said.version
    );
    assert_eq!((said.feature_dim, said.languages.len()), (dim, 16));
    let pack = Pack::open(&added.info.dir).unwrap();
    let step = expected["step"].as_u64().unwrap() as usize;
    let (mut least, mut most) = (1f32, 0f32);
    let all = expected["pixels"].as_object().unwrap();
    assert!(all.len() >= 20);
    for (name, given) in all {
        let pixels = picture(name);
        let planes = pack.planes(&pixels);
        assert_eq!(planes.len(), 3 * 224 * 224);
        for (found, expect) in planes.iter().step_by(step).zip(numbers(given)) {
            // A step of a byte, over the least deviation.
            assert!(
                (found - expect).abs() <= 1.0 / 255.0 / 0.224 + 1e-4,
                "{name}: {found}, {expect}"
            );
        }
        let feature = pack.features(&[&pixels]).unwrap().remove(0);
        let expect = numbers(&expected["models"][file]["features"][name]);
        let found = unit(&feature);
        let cosine = found.iter().zip(&expect).map(|(a, b)| a * b).sum::<f32>();
        let apart = found
            .iter()
            .zip(&expect)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        assert!(
            cosine >= COSINE && apart <= APART,
            "{name}: {cosine}, apart by {apart}"
        );
        (least, most) = (least.min(cosine), most.max(apart));
        let scores = numbers(&expected["models"][file]["scores"][name]);
        for (found, expect) in pack.logits(&feature).iter().zip(&scores) {
            assert!(
                (found - expect).abs() <= APART * expect.abs().max(1.0),
                "{name}: {found}, {expect}"
            );
        }
    }
    println!("{file}: cosines from {least:.7}, numbers apart by {most:.1e}");
    // Words find its pictures by the classes.
    assert_eq!(pack.text_vector("a dog").unwrap().len(), said.shared_dim);
    let feature = pack
        .features(&[&picture(all.keys().next().unwrap())])
        .unwrap()
        .remove(0);
    assert!(
        pack.image_vector(&feature)
            .iter()
            .any(|number| *number != 0.0)
    );
}

#[test]
fn resnet18_in_the_zip_container() {
    check("resnet18.pth", "resnet18", 32);
}

#[test]
fn resnet34() {
    check("resnet34.pth", "resnet34", 32);
}

#[test]
fn resnet50_in_half_precision_as_safetensors() {
    check("resnet50.safetensors", "resnet50", 128);
}

#[test]
fn vgg16_in_the_legacy_container() {
    check("vgg16.pth", "vgg16", 24);
}

#[test]
fn vgg16_with_batch_normalisation() {
    check("vgg16_bn.pth", "vgg16_bn", 24);
}

/// A folder with one fixture under another name, and the files with this content.
fn folder(file: &str, name: &str, written: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("torchvision").join(file), folder.path().join(name)).unwrap();
    for (name, content) in written {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[track_caller]
fn prepared(path: &Path, short: u32) {
    let store = store();
    let added = add(store.path(), path).unwrap();
    let preparation = added.info.sees.unwrap().preparation;
    let middle = Middle::Even;
    assert_eq!(preparation.fitting, Fitting::Shortest { short, middle });
}

#[test]
fn how_pictures_are_prepared_is_said_by_the_name_or_beside() {
    let second = folder("resnet18.pth", "resnet50-11ad3fa6.pth", &[]);
    prepared(&second.path().join("resnet50-11ad3fa6.pth"), 232);
    prepared(second.path(), 232);
    let timm = r#"{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic",
        "crop_pct": 0.95, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#;
    let timm = folder(
        "resnet50.safetensors",
        "model.safetensors",
        &[("config.json", timm)],
    );
    prepared(timm.path(), 235);
}

#[test]
fn it_is_called_as_its_file() {
    let (store, file) = (store(), fixture("torchvision").join("resnet18.pth"));
    let addition = models::Addition {
        folder: &file,
        name: None,
        choice: models::Choice::default(),
        replace: false,
        origin: None,
    };
    let added = models::add(store.path(), addition, &mut |_| {}).unwrap();
    assert_eq!(added.info.spec.name, "resnet18");
}

/// A file of weights with this content, and what is said of it.
#[track_caller]
fn refused(name: &str, content: &[u8], expect: &str) {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let said = add(store.path(), &path).expect_err("it is refused");
    assert!(said.contains(name) && said.contains(expect), "{said}");
    assert!(!store.path().join("tiny").exists());
}

fn replaced(content: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut out = content.to_vec();
    let mut at = 0;
    while let Some(found) = out[at..].windows(old.len()).position(|part| part == old) {
        at += found;
        out[at..at + old.len()].copy_from_slice(new);
    }
    assert_ne!(out, content, "nothing was replaced");
    out
}

#[test]
fn hostile_files_of_pytorch() {
    let zip = fs::read(fixture("torchvision").join("resnet18.pth")).unwrap();
    let legacy = fs::read(fixture("torchvision").join("vgg16.pth")).unwrap();
    refused("cut.pth", &zip[..zip.len() - 700], "Zip");
    refused("cut.pth", &legacy[..legacy.len() - 1], "cut short");
    let (tensor, other) = (
        b"torch._utils\n_rebuild_tensor_v2",
        b"os.path.path\n_system_command_v2",
    );
    for content in [&zip, &legacy] {
        let said = "it wants os.path.path._system_command_v2 called";
        refused("calls.pth", &replaced(content, tensor, other), said);
    }
    // A storage that another member names, and one that is not there.
    let absent = replaced(&zip, b"/data/10", b"/data/zz");
    refused("absent.pth", &absent, "is missing");
    refused("empty.pth", b"", "shorter than the length of its header");
    refused(
        "text.pth",
        b"this is no file of weights",
        "begins as no file of PyTorch",
    );
}

/// A header around so many bytes of numbers.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn hostile_safetensors() {
    let whole = fs::read(fixture("torchvision").join("resnet50.safetensors")).unwrap();
    refused(
        "cut.safetensors",
        &whole[..whole.len() - 2],
        "bytes of numbers",
    );
    let mut long = whole.clone();
    long[..8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    refused("long.safetensors", &long, "its header would have");
    let one = |shape: &str, place: &str| {
        format!(
            r#"{{"layer1.0.conv1.weight":{{"dtype":"F32","shape":{shape},"data_offsets":{place}}}}}"#
        )
    };
    let terabytes = safetensors(&one("[1000000, 1000000]", "[0, 16]"), 16);
    refused("vast.safetensors", &terabytes, "do not fit");
    let over = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    refused(
        "over.safetensors",
        &safetensors(over, 12),
        "what lies before it ends at 8",
    );
    let lacks = safetensors(&one("[1, 1, 1, 1]", "[0, 4]"), 4);
    refused("lacks.safetensors", &lacks, "it lacks `conv1.weight`");
    let other = r#"{"encoder.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    refused(
        "other.safetensors",
        &safetensors(other, 4),
        "of no network that is known here",
    );
}

#[test]
fn another_network_under_the_same_names() {
    let whole = fs::read(fixture("torchvision").join("resnet50.safetensors")).unwrap();
    // One tensor more would be left out of what is computed, and a kernel of another side as well.
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&whole[8..8 + length]).unwrap();
    let counter = header["bn1.num_batches_tracked"].clone();
    header["bn1.num_batches_tracked"] =
        serde_json::json!({"dtype": "F32", "shape": [2], "data_offsets": counter["data_offsets"]});
    let mut more = safetensors(&header.to_string(), 0);
    more.extend(&whole[8 + length..]);
    let said = "it has `bn1.num_batches_tracked`, which resnet50 has not";
    refused("more.safetensors", &more, said);
    let wide = replaced(&whole, b"\"shape\":[4,3,7,7]", b"\"shape\":[4,7,3,7]");
    refused(
        "wide.safetensors",
        &wide,
        "`conv1.weight` has the shape [4, 7, 3, 7]",
    );
}
