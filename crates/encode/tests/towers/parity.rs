//! Ids, prepared pixels and vectors against what the reference implementation said.

use std::fs;
use std::path::PathBuf;

use fovea_decode::{Options, decode};
use fovea_encode::{Cleaning, Encoder, ImageTower, Pack, Pixels, WordsSpec};

use crate::{add, fixture, store};

/// Half a step of a byte is the rounding of either side; one step may lie between them.
const STEP: f32 = 1.0 / 255.0 + 1e-5;
const COSINE: f32 = 0.9999;
/// Where a JPEG is decoded at a reduced scale.
const COSINE_REDUCED: f32 = 0.995;

/// What the reference said of one model.
struct Reference {
    pack: Pack,
    expected: serde_json::Value,
    pixels: Vec<f32>,
    _store: tempfile::TempDir,
}

impl Reference {
    fn of(family: &str) -> Self {
        let (store, folder) = (store(), fixture(family));
        let added = add(store.path(), &folder).unwrap();
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
        let pixels = fs::read(folder.join("pixels.bin")).unwrap();
        let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
        Self {
            pack: Pack::open(&added.info.dir).unwrap(),
            expected: serde_json::from_str(&expected).unwrap(),
            pixels: pixels.chunks_exact(4).map(number).collect(),
            _store: store,
        }
    }

    /// Every picture, by name, with its vector.
    fn pictures(&self) -> Vec<(String, Pixels, Vec<f32>)> {
        let said = self.expected["pictures"].as_object().unwrap();
        let all = said
            .iter()
            .map(|(name, vector)| (name.clone(), picture(name, None), numbers(vector)));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(all.len() >= 20, "there are {} pictures", all.len());
        all
    }
}

fn picture(name: &str, min_side: Option<u32>) -> Pixels {
    let path: PathBuf = fixture("pictures").join(name);
    let options = Options {
        min_side,
        ..Options::default()
    };
    decode(&fs::read(path).unwrap(), &options).unwrap().pixels
}

fn numbers(json: &serde_json::Value) -> Vec<f32> {
    json.as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn check(family: &str) {
    let reference = Reference::of(family);
    let ids = check_ids(&reference);
    let pixels = check_pixels(&reference);
    let vectors = check_vectors(&reference);
    let reduced = check_reduced(&reference);
    println!(
        "{family}: {ids} texts with the same ids, pixels within {pixels:.2}/255, cosines from {vectors:.7}, reduced {reduced:.5}"
    );
}

fn check_ids(reference: &Reference) -> usize {
    let texts = reference.expected["texts"].as_array().unwrap();
    assert_eq!(texts.len(), 40);
    for text in texts {
        let found = reference
            .pack
            .token_ids(text["text"].as_str().unwrap())
            .unwrap();
        assert_eq!(serde_json::json!(found), text["ids"], "{}", text["text"]);
    }
    texts.len()
}

/// The largest difference in steps of a byte.
fn check_pixels(reference: &Reference) -> f32 {
    let deviation = seen_by(reference).preparation.deviation;
    let side = reference.expected["side"].as_u64().unwrap() as usize;
    let (area, mut most) = (side * side, 0f32);
    for ((name, pixels, _), expect) in reference
        .pictures()
        .iter()
        .zip(reference.pixels.chunks_exact(3 * area))
    {
        let found = reference.pack.planes(pixels);
        for (at, (found, expect)) in found.iter().zip(expect).enumerate() {
            let apart = (found - expect).abs() * deviation[at / area];
            assert!(apart <= STEP, "{name} at {at}: {found}, expected {expect}");
            most = most.max(apart * 255.0);
        }
    }
    most
}

/// The least cosine.
fn check_vectors(reference: &Reference) -> f32 {
    let mut least = 1f32;
    for (name, pixels, expect) in reference.pictures() {
        let feature = reference.pack.features(&[&pixels]).unwrap().remove(0);
        let found = cosine(&reference.pack.image_vector(&feature), &expect);
        assert!(found >= COSINE, "{name}: {found}");
        assert_eq!(
            reference.pack.visual_vector(&feature),
            reference.pack.image_vector(&feature)
        );
        least = least.min(found);
    }
    for text in reference.expected["texts"].as_array().unwrap() {
        let vector = reference
            .pack
            .text_vector(text["text"].as_str().unwrap())
            .unwrap();
        let found = cosine(&vector, &numbers(&text["vector"]));
        assert!(found >= COSINE, "{}: {found}", text["text"]);
        least = least.min(found);
    }
    least
}

/// The cosine of a JPEG that is decoded at the smallest scale that the model allows.
fn check_reduced(reference: &Reference) -> f32 {
    const NAME: &str = "camera.jpg";
    let side = reference.pack.spec().input_side;
    let (whole, reduced) = (picture(NAME, None), picture(NAME, Some(side)));
    assert_eq!((whole.width(), whole.height()), (960, 720));
    assert!(reduced.height() * 4 <= whole.height() && reduced.height() >= side);
    let feature = reference.pack.features(&[&reduced]).unwrap().remove(0);
    let expect = numbers(&reference.expected["jpegs"][NAME]);
    let found = cosine(&reference.pack.image_vector(&feature), &expect);
    assert!(found >= COSINE_REDUCED, "{NAME}: {found}");
    found
}

#[test]
fn clip() {
    check("clip");
}

#[test]
fn siglip() {
    check("siglip");
}

#[test]
fn siglip2() {
    check("siglip2");
}

/// A network that only sees: what stands below its last layer, and what that layer makes of it.
#[test]
fn resnet() {
    classifier("resnet");
}

/// One of TensorFlow's: the channels last, and a softmax over its scores.
#[test]
fn keras() {
    let reference = classifier("keras");
    let input = &seen_by(&reference).input;
    assert!(input.ends_with(" turned to channels last"), "{input}");
}

fn seen_by(reference: &Reference) -> ImageTower {
    let store = reference.pack.dir().parent().unwrap();
    let info = fovea_encode::models::installed(store, "tiny").unwrap();
    let of_towers = info.towers.map(|towers| towers.image);
    info.sees.or(of_towers).unwrap()
}

fn classifier(family: &str) -> Reference {
    let reference = Reference::of(family);
    let pixels = check_pixels(&reference);
    let mut least = 1f32;
    for (name, picture, expect) in reference.pictures() {
        let feature = reference.pack.features(&[&picture]).unwrap().remove(0);
        let found = cosine(&feature, &expect);
        assert!(found >= COSINE, "{name}: {found}");
        least = least.min(found);
        let scores = numbers(&reference.expected["scores"][&name]);
        assert_eq!(scores.len(), 16);
        let all = reference.pack.logits(&feature);
        assert_eq!(all.len(), 1000);
        for (found, expect) in all.iter().zip(&scores) {
            assert!(
                (found - expect).abs() <= 1e-3 * expect.abs().max(1.0),
                "{name}: {all:?}, expected {scores:?}"
            );
        }
    }
    println!("{family}: pixels within {pixels:.2}/255, cosines from {least:.7}");
    reference
}

/// Both towers lie in one file, as it is published.
#[test]
fn chinese_clip() {
    check("chinese-clip");
}

/// A text network without a causal mask, so that what fills a text up counts; and pictures of bytes between 0 and 1.
#[test]
fn mobileclip() {
    check("mobileclip");
    let words = filling("mobileclip");
    assert_eq!((words.fill, words.length), (Some(0), 77));
    // One that is told what counts is not filled up.
    assert_eq!(filling("clip").fill, None);
}

/// What ends a text would fill it up if the tokenizer's files had their way.
#[test]
fn mobileclip2() {
    check("mobileclip2");
    assert_eq!(filling("mobileclip2").fill, Some(0));
}

#[test]
fn xlm_r() {
    check("xlm-r");
}

/// Its configuration speaks of CLIP's own text network.
#[test]
fn m_clip() {
    check("m-clip");
    let words = filling("m-clip");
    assert_eq!((words.cleaning, words.repairs), (Cleaning::None, false));
}

#[test]
fn jina_clip() {
    check("jina-clip");
}

fn filling(family: &str) -> WordsSpec {
    let store = store();
    let added = add(store.path(), &fixture(family)).unwrap();
    added.info.towers.unwrap().text.words
}
