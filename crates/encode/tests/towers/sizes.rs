//! One model in several sizes, each in a folder of its own: one of them is named, and what is said of all holds for it. One in
//! several precisions: the fastest that sees alike is found by measuring.

use std::fs;
use std::path::Path;

use fovea_encode::models::hub::{Reference, fetch};
use fovea_encode::models::{self, Addition, Choice};
use fovea_encode::{Encoder, Pack};

use crate::hub::server::Server;
use crate::{fixture, store};

/// The tiny CLIP twice, as two sizes; the second says itself how pictures are prepared. Half of a third.
fn repository(folder: &Path) {
    let put = |from: &str, to: &str| {
        let to = folder.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture("clip").join(from), to).unwrap();
    };
    for name in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        put(name, name);
    }
    for size in ["s0", "s2"] {
        for network in ["vision_model.onnx", "text_model.onnx"] {
            put(
                &format!("onnx/{network}"),
                &format!("onnx/{size}/{network}"),
            );
        }
    }
    put("onnx/vision_model.onnx", "onnx/b/vision_model.onnx");
    let shared = fs::read_to_string(folder.join("preprocessor_config.json")).unwrap();
    let mut own: serde_json::Value = serde_json::from_str(&shared).unwrap();
    own["image_mean"] = serde_json::json!([0.25, 0.25, 0.25]);
    fs::write(
        folder.join("onnx/s2/preprocessor_config.json"),
        own.to_string(),
    )
    .unwrap();
    fs::write(folder.join("README.md"), "---\nlicense: mit\n---\n").unwrap();
}

fn addition<'a>(folder: &'a Path, size: Option<&'a str>) -> Addition<'a> {
    Addition {
        folder,
        name: None,
        choice: Choice {
            size,
            ..Choice::default()
        },
        replace: false,
        origin: None,
    }
}

#[test]
fn a_size_is_named_and_otherwise_they_are_listed() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let folder = folder.path().join("mobile");
    repository(&folder);
    let add = |folder: &Path, size| {
        let added = models::add(store.path(), addition(folder, size), &mut |_| {});
        added
            .map(|added| added.info)
            .map_err(|error| error.to_string())
    };
    let refused = add(&folder, None).unwrap_err();
    assert!(
        refused.contains("choose one with --size: s0, s2"),
        "{refused}"
    );
    for wrong in ["b", "s9", "..", "s0/../s0"] {
        let refused = add(&folder, Some(wrong)).unwrap_err();
        assert!(
            refused.contains(&format!("no size {wrong}, it has s0, s2")),
            "{refused}"
        );
    }
    let flat = add(&fixture("clip"), Some("s0")).unwrap_err();
    assert!(flat.contains("one size alone"), "{flat}");

    let first = add(&folder, Some("s0")).unwrap();
    assert_eq!(first.spec.name, "mobile-s0");
    assert!(
        first.licences[0].contains("mit as its README.md says"),
        "{:?}",
        first.licences
    );
    let second = add(&folder.join("onnx/s2"), None).unwrap();
    assert_eq!(second.spec.name, "mobile-s2");
    let mean = |pack: &models::PackInfo| pack.towers.as_ref().unwrap().image.preparation.mean;
    assert_eq!(mean(&second), [0.25; 3]);
    assert_ne!(mean(&first), mean(&second));
    assert!(Pack::open(&first.dir).unwrap().text_vector("a cat").is_ok());
}

#[test]
fn of_a_hub_only_the_named_size_is_fetched() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    repository(folder.path());
    let server = Server::honest(folder.path());
    let (hub, reference) = (
        server.hub(cache.path()),
        Reference::parse("owner/tiny").unwrap(),
    );
    let get = |size| {
        let choice = Choice {
            size,
            ..Choice::default()
        };
        fetch(&hub, &reference, choice, &mut |_| {})
    };
    let refused = get(None).unwrap_err().to_string();
    assert!(
        refused.contains("choose one with --size: s0, s2"),
        "{refused}"
    );
    assert_eq!(server.files(), []);
    let found = get(Some("s2")).unwrap();
    let files: Vec<String> = server.files().into_iter().map(|(name, _)| name).collect();
    assert!(
        !files.iter().any(|name| name.starts_with("onnx/s0")),
        "{files:?}"
    );
    assert!(
        files
            .iter()
            .any(|name| name == "onnx/s2/preprocessor_config.json"),
        "{files:?}"
    );
    let store = store();
    let added = models::add(
        store.path(),
        addition(&found.folder, Some("s2")),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(added.info.towers.unwrap().image.preparation.mean, [0.25; 3]);
}

#[test]
fn the_fastest_precision_is_one_that_sees_alike() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let folder = folder.path().join("several");
    repository(&folder);
    fs::remove_dir_all(folder.join("onnx")).unwrap();
    fs::create_dir(folder.join("onnx")).unwrap();
    let whole = |network: &str| fs::read(fixture("clip").join("onnx").join(network)).unwrap();
    let put = |precision: &str, change: &dyn Fn(&mut Vec<u8>)| {
        for network in ["vision_model", "text_model"] {
            let mut bytes = whole(&format!("{network}.onnx"));
            if network == "vision_model" {
                change(&mut bytes);
            }
            fs::write(
                folder.join(format!("onnx/{network}{precision}.onnx")),
                bytes,
            )
            .unwrap();
        }
    };
    put("", &|_| {});
    put("_same", &|_| {});
    put("_cut", &|bytes| bytes.truncate(bytes.len() / 2));
    // Signs of weights are turned: it runs, and sees otherwise.
    put("_other", &|bytes| {
        let (from, to) = (bytes.len() / 2, bytes.len() * 3 / 4);
        bytes[from / 4 * 4..to / 4 * 4]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x80);
    });
    let add = |name, precision| {
        let addition = Addition {
            name: Some(name),
            choice: Choice {
                precision: Some(precision),
                ..Choice::default()
            },
            ..addition(&folder, None)
        };
        models::add(store.path(), addition, &mut |_| {}).map(|added| added.info.spec.fingerprint)
    };
    let fastest = add("fastest", "fastest").unwrap();
    assert_eq!(fastest, add("plain", "fp32").unwrap());
    assert!(add("cut", "cut").is_err());
    assert!(add("other", "other").map_or(true, |other| other != fastest));
    let left: Vec<_> = fs::read_dir(store.path())
        .unwrap()
        .map(|one| one.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().contains("partial")),
        "{left:?}"
    );

    let cache = tempfile::tempdir().unwrap();
    let server = Server::honest(&folder);
    let choice = Choice {
        precision: Some("fastest"),
        ..Choice::default()
    };
    let reference = Reference::parse("owner/tiny").unwrap();
    let refused = fetch(&server.hub(cache.path()), &reference, choice, &mut |_| {}).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("--precision names: fp32, cut, other, same"),
        "{refused}"
    );
}
