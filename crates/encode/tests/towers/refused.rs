//! What cannot be used is refused with the file and the reason, and nothing is left in the store.

use std::fs;
use std::path::Path;

use fovea_encode::{Encoder, Pack, models};

use crate::onnx::{external, field, model, node, tensor, weight};
use crate::{add, copy, fixture, store};

const IMAGE: &str = "onnx/vision_model.onnx";
const TEXT: &str = "onnx/text_model.onnx";
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// Changes a copy of a tiny model, adds it, and looks at what is said, and that nothing was written.
#[track_caller]
fn check(family: &str, change: impl FnOnce(&Path), expect: &[&str]) {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let folder = folder.path().join("model");
    copy(&fixture(family), &folder);
    change(&folder);
    let said = add(store.path(), &folder).expect_err("it cannot be used");
    for part in expect {
        assert!(said.contains(part), "{said}\ndoes not say {part:?}");
    }
    let left = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name != models::BASE && name != ".lock")
        .collect();
    assert!(left.is_empty(), "{left:?} was left");
}

/// Puts another file in the place of one, which may be a link to the fixture.
fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    let _ = fs::remove_file(&path);
    fs::write(path, content).unwrap();
}

fn put_cut(folder: &Path, name: &str) {
    let content = fs::read(folder.join(name)).unwrap();
    put(folder, name, &content[..content.len() / 2]);
}

fn replace(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "{name} has {from}: {text}");
    put(folder, name, text.replacen(from, to, 1).as_bytes());
}

/// An image network whose graph has these parts, and one output.
fn image(folder: &Path, output: &[u64], parts: &[Vec<u8>]) {
    let pixels = tensor(11, "pixel_values", FLOAT, &[0, 3, 24, 24]);
    let output = tensor(12, "image_embeds", FLOAT, output);
    put(folder, IMAGE, &model(&[&[pixels, output], parts].concat()));
}

#[test]
fn cut_files() {
    check(
        "clip",
        |folder| put_cut(folder, IMAGE),
        &["vision_model.onnx", "cut short"],
    );
    check(
        "clip",
        |folder| put_cut(folder, TEXT),
        &["text_model.onnx", "cut short"],
    );
    check(
        "clip",
        |folder| put(folder, TEXT, b""),
        &["text_model.onnx", "cut short"],
    );
    check(
        "clip",
        |folder| put_cut(folder, "tokenizer.json"),
        &["tokenizer.json", "it is no tokenizer"],
    );
    check(
        "clip",
        |folder| put_cut(folder, "config.json"),
        &["config.json", "EOF"],
    );
    check(
        "chinese-clip",
        |folder| put_cut(folder, "onnx/model.onnx"),
        &["model.onnx", "cut short"],
    );
}

#[test]
fn absent_files() {
    let remove =
        |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
    check(
        "clip",
        remove(TEXT),
        &["no image network with a text network"],
    );
    check(
        "clip",
        remove("preprocessor_config.json"),
        &["no file says how pictures are prepared"],
    );
    let torch = |folder: &Path| {
        fs::remove_dir_all(folder.join("onnx")).unwrap();
        put(folder, "model.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    };
    check("clip", torch, &["model.safetensors", "export it"]);
}

#[test]
fn configurations_that_say_too_little_or_nonsense() {
    let preprocessor = |from: &'static str, to: &'static str| {
        move |folder: &Path| replace(folder, "preprocessor_config.json", from, to)
    };
    check(
        "clip",
        preprocessor("image_mean", "mean"),
        &["preprocessor_config.json", "lacks image_mean"],
    );
    check(
        "clip",
        preprocessor("\"resample\": 3", "\"resample\": 9"),
        &["resample is Some(9)"],
    );
    check(
        "clip",
        preprocessor("\"shortest_edge\": 24", "\"shortest_edge\": 12"),
        &["what it says cannot be"],
    );
    check(
        "clip",
        preprocessor("\"shortest_edge\": 24", "\"shortest_edge\": 24000000"),
        &["preprocessor_config.json"],
    );
    let family = |folder: &Path| {
        replace(
            folder,
            "config.json",
            "\"model_type\": \"clip\"",
            "\"model_kind\": \"clip\"",
        )
    };
    check("clip", family, &["config.json", "model_type"]);
    let dim = |folder: &Path| {
        replace(
            folder,
            "config.json",
            "\"projection_dim\": 16",
            "\"projection_dim\": 32",
        )
    };
    check(
        "clip",
        dim,
        &[
            "vision_model.onnx",
            "16 numbers",
            "the configuration says 32",
        ],
    );
}

#[test]
fn networks_that_give_no_vector() {
    let hidden = |folder: &Path| {
        let pixels = tensor(11, "pixel_values", FLOAT, &[0, 3, 24, 24]);
        let output = tensor(12, "last_hidden_state", FLOAT, &[0, 10, 16]);
        put(folder, IMAGE, &model(&[pixels, output]));
    };
    check(
        "clip",
        hidden,
        &[
            "vision_model.onnx",
            "none of its outputs (last_hidden_state)",
        ],
    );
    let pooled = |folder: &Path| {
        put(
            folder,
            IMAGE,
            &fs::read(fixture("siglip").join(IMAGE)).unwrap(),
        )
    };
    check("clip", pooled, &["none of its outputs (pooler_output)"]);
    check(
        "clip",
        |folder| image(folder, &[0, 8], &[]),
        &["text_model.onnx", "share no space"],
    );
    for (dims, said) in [
        ([0, 3, 32, 32], "[?, 3, 32, 32]"),
        ([0, 32, 32, 3], "[?, 32, 32, 3]"),
    ] {
        let other = |folder: &Path| {
            let pixels = tensor(11, "pixel_values", FLOAT, &dims);
            let vector = tensor(12, "image_embeds", FLOAT, &[0, 16]);
            put(folder, IMAGE, &model(&[pixels, vector]));
        };
        check("clip", other, &[said, "3 x 24 x 24"]);
    }
    let more = |folder: &Path| image(folder, &[0, 16], &[tensor(11, "temperature", FLOAT, &[1])]);
    check("clip", more, &["also needs the input temperature"]);
    let same = |folder: &Path| {
        let zeros = weight("image_embeds", &[1, 16], &field(9, &[0x3f; 64]));
        image(folder, &[1, 16], &[zeros]);
    };
    check("clip", same, &["vision_model.onnx"]);
}

#[test]
fn weights_outside_of_the_folder() {
    for location in [
        "../weights",
        "/etc/hostname",
        "",
        "a/../../weights",
        "C:weights",
    ] {
        let outside =
            |folder: &Path| image(folder, &[0, 16], &[weight("w", &[2], &external(location))]);
        check(
            "clip",
            outside,
            &["vision_model.onnx", "leads out of the folder"],
        );
    }
    let absent =
        |folder: &Path| image(folder, &[0, 16], &[weight("w", &[2], &external("weights"))]);
    check("clip", absent, &["\"weights\", which is not there"]);
    let short = |folder: &Path| {
        put(folder, "onnx/weights", &[0; 4]);
        image(folder, &[0, 16], &[weight("w", &[2], &external("weights"))]);
    };
    check("clip", short, &["onnx/weights", "4 bytes", "needs 8"]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_folder() {
    let link = |folder: &Path| {
        let outside = folder.parent().unwrap().join("outside");
        fs::write(&outside, [0; 64]).unwrap();
        std::os::unix::fs::symlink(outside, folder.join("onnx/weights")).unwrap();
        image(folder, &[0, 16], &[weight("w", &[2], &external("weights"))]);
    };
    check("clip", link, &["leads out of the folder"]);
}

#[test]
fn shapes_that_ask_for_terabytes() {
    let huge = |dims: &'static [u64]| {
        move |folder: &Path| image(folder, &[0, 16], &[weight("w", dims, &field(9, &[0; 16]))])
    };
    check(
        "clip",
        huge(&[1_099_511_627_776, 4]),
        &["\"w\"", "takes 17592186044416 bytes, and 16 are there"],
    );
    check(
        "clip",
        huge(&[1_099_511_627_776, 1_099_511_627_776]),
        &["impossible shape"],
    );
    check("clip", huge(&[u64::MAX]), &["impossible shape"]);
    let output = |folder: &Path| image(folder, &[0, 1_099_511_627_776], &[]);
    check("clip", output, &["would have 1099511627776 numbers"]);
    let words = |folder: &Path| {
        let ids = tensor(11, "input_ids", INT64, &[1, 1_099_511_627_776]);
        put(
            folder,
            TEXT,
            &model(&[ids, tensor(12, "text_embeds", FLOAT, &[0, 16])]),
        );
    };
    check("clip", words, &["text_model.onnx", "[1, 1099511627776]"]);
}

#[test]
fn operators_that_nobody_brings() {
    let own = |folder: &Path| {
        image(
            folder,
            &[0, 16],
            &[node("Miner", "evil", "pixel_values", "image_embeds")],
        )
    };
    check(
        "clip",
        own,
        &["vision_model.onnx", "does not bring: evil.Miner"],
    );
    let unknown = |folder: &Path| {
        image(
            folder,
            &[0, 16],
            &[node("Miner", "", "pixel_values", "image_embeds")],
        )
    };
    check("clip", unknown, &["vision_model.onnx", "Miner"]);
}

#[test]
fn the_tokenizer_of_another_model() {
    let swap = |folder: &Path| {
        put(
            folder,
            "tokenizer.json",
            &fs::read(fixture("clip").join("tokenizer.json")).unwrap(),
        )
    };
    check(
        "chinese-clip",
        swap,
        &["tokenizer.json", "of another model"],
    );
}

#[test]
fn classifiers_that_cannot_be_used() {
    check(
        "resnet",
        |folder| fs::remove_file(folder.join("config.json")).unwrap(),
        &["model.onnx", "no config.json"],
    );
    check(
        "resnet",
        |folder| put_cut(folder, "onnx/model.onnx"),
        &["model.onnx", "cut short"],
    );
    let classifier = |output: &'static str, nodes: &[Vec<u8>]| {
        let pixels = tensor(11, "pixel_values", FLOAT, &[0, 3, 24, 24]);
        model(&[&[pixels, tensor(12, output, FLOAT, &[0, 1000])], nodes].concat())
    };
    let other = classifier("hidden", &[]);
    check(
        "resnet",
        |folder| put(folder, "onnx/model.onnx", &other),
        &["output hidden is not made by one last layer"],
    );
    let soft = classifier("logits", &[node("Softmax", "", "pixel_values", "logits")]);
    check(
        "resnet",
        |folder| put(folder, "onnx/model.onnx", &soft),
        &["output logits is not made by one last layer"],
    );
    let crop = |folder: &Path| replace(folder, "preprocessor_config.json", "0.875", "8.75");
    check("resnet", crop, &["preprocessor_config.json", "crop_pct"]);
    let top = |folder: &Path| {
        replace(
            folder,
            "preprocessor_config.json",
            "\"do_normalize\"",
            "\"include_top\": true, \"do_normalize\"",
        )
    };
    check("resnet", top, &["preprocessor_config.json", "include_top"]);
}

#[test]
fn names_and_places() {
    let (store, folder) = (store(), fixture("clip"));
    let named = |name: &str, precision| {
        let addition = models::Addition {
            folder: &folder,
            name: Some(name),
            choice: models::Choice {
                precision,
                ..Default::default()
            },
            replace: false,
            origin: None,
        };
        models::add(store.path(), addition, &mut |_| {})
            .expect_err("it is refused")
            .to_string()
    };
    for (name, expect) in [
        ("base", "the name of the base pack"),
        ("a/b", "a name is made of"),
        (".x", "a name is made of"),
    ] {
        let said = named(name, None);
        assert!(said.contains(expect), "{said}");
    }
    let said = named("tiny", Some("fp16"));
    assert!(said.contains("it has no fp16, it has fp32"), "{said}");
    add(store.path(), &folder).unwrap();
    let said = add(store.path(), &folder).expect_err("it is there already");
    assert!(said.contains("--replace"), "{said}");
    let absent = add(store.path(), &folder.join("absent")).expect_err("it is not there");
    assert!(absent.contains("there is no such folder"), "{absent}");
    let file = add(store.path(), &folder.join("config.json")).expect_err("it is a file");
    assert!(file.contains("it is no folder"), "{file}");
    let empty = tempfile::tempdir().unwrap();
    let said = add(empty.path(), &folder).expect_err("there is no runtime");
    assert!(said.contains("fovea models pull base"), "{said}");
}

#[test]
fn a_changed_pack_is_not_used() {
    let store = store();
    let dir = add(store.path(), &fixture("clip")).unwrap().info.dir;
    let path = dir.join("text/model.onnx");
    let mut content = fs::read(&path).unwrap();
    let at = content.len() / 2;
    content[at] ^= 1;
    fs::write(&path, content).unwrap();
    let pack = Pack::open(&dir).unwrap();
    let said = pack
        .text_vector("a cat")
        .expect_err("it was changed")
        .to_string();
    assert!(
        said.contains("text/model.onnx is damaged") && said.contains("fovea models add"),
        "{said}"
    );
    assert!(pack.verify().is_err());
}

/// Changes one byte in the middle of a file of a pack, which may be linked from another.
fn change(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let at = content.len() / 2;
    content[at] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn whatever_file_was_changed_nothing_is_answered_from_it() {
    let store = store();
    let tiny = add(store.path(), &fixture("clip")).unwrap().info.dir;
    // A network that is loaded while it is hashed, and one with a head: the first call refuses, the second as well.
    let asked: [(&Path, &str); 7] = [
        (&tiny, "image/model.onnx"),
        (&tiny, "text/model.onnx"),
        (&tiny, "text/tokenizer.json"),
        (&store.path().join("base"), "image.onnx"),
        (&store.path().join("base"), "alignment.tensors"),
        (&store.path().join("base"), "shipped.tensors"),
        (&store.path().join("base"), "text-table.tensors"),
    ];
    for (dir, file) in asked {
        let whole = fs::read(dir.join(file)).unwrap();
        change(&dir.join(file));
        let all = || -> Result<(), fovea_encode::Error> {
            let pack = Pack::open(dir)?;
            for _ in 0..2 {
                let features = pack.features(&[&grey()]);
                let texts = pack.text_vectors(&["a cat"]);
                assert!(
                    features.is_err() || texts.is_err(),
                    "{file} was changed and answered from"
                );
                let loaded = pack.load_image().and_then(|()| pack.load_text());
                assert!(loaded.is_err(), "{file} was changed and loaded");
            }
            pack.load_image().and_then(|()| pack.load_text())
        };
        let said = all().expect_err("it was changed").to_string();
        assert!(
            said.contains(file) && said.contains("BLAKE3 checksum"),
            "{file}: {said}"
        );
        fs::write(dir.join(file), whole).unwrap();
    }
    Pack::open(&tiny).unwrap().features(&[&grey()]).unwrap();
}

#[test]
fn a_file_that_was_cut_is_refused_when_the_pack_is_opened() {
    let store = store();
    let dir = add(store.path(), &fixture("clip")).unwrap().info.dir;
    let path = dir.join("image/model.onnx");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 1]).unwrap();
    let said = Pack::open(&dir).err().expect("it was cut").to_string();
    assert!(
        said.contains("image/model.onnx") && said.contains("bytes, expected"),
        "{said}"
    );
}

fn grey() -> fovea_encode::Pixels {
    fovea_encode::Pixels::new(30, 20, vec![128; 30 * 20 * 3]).unwrap()
}
