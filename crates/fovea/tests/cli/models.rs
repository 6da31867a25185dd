//! A model of somebody else from its folder to an answer, through the program alone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Ran, command, pictures, ran};

/// A store with the base pack, which brings ONNX Runtime, and a database beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let base = fovea_encode::models::default_dir().join("base");
        let link = place.models().join("base");
        fs::create_dir_all(&link).unwrap();
        for entry in fs::read_dir(base).unwrap() {
            let entry = entry.unwrap();
            let to = link.join(entry.file_name());
            fs::hard_link(entry.path(), &to)
                .or_else(|_| fs::copy(entry.path(), &to).map(drop))
                .unwrap();
        }
        place
    }

    fn models(&self) -> PathBuf {
        self.0.path().join("models")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = command(&self.0.path().join("db"), arguments);
        ran(command.env("FOVEA_MODELS", self.models()).output().unwrap())
    }
}

/// A tiny model with random weights.
fn tiny(family: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../encode/tests/towers");
    folder.join(family).to_string_lossy().into_owned()
}

#[test]
fn a_model_is_added_and_answers() {
    let place = Place::new();
    let added = place
        .run(&["models", "add", &tiny("siglip2"), "--json"])
        .expect(0);
    let added = &added.json()[0];
    assert_eq!(added["name"], "siglip2");
    assert_eq!(added["shared_dim"], 32);
    assert_eq!(added["towers"]["text"]["words"]["length"], 16);
    assert_eq!(added["trial"]["ids"].as_array().unwrap().len(), 16);

    let listed = place.run(&["models", "list", "--json"]).expect(0);
    let names = listed.json()[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|pack| pack["name"].clone())
        .collect::<Vec<_>>();
    assert_eq!(names, ["base", "siglip2"]);
    let info = place.run(&["models", "info", "siglip2"]).expect(0);
    for part in [
        "siglip",
        "pixel_values -> pooler_output, 32 numbers",
        "both sides to 24 px, bilinear",
        "up to 16 ids, filled up",
    ] {
        assert!(info.stdout.contains(part), "{}\nlacks {part}", info.stdout);
    }

    let folder = place.0.path().join("pictures");
    pictures(&folder, 12);
    let folder = folder.to_string_lossy().into_owned();
    let indexed = place
        .run(&[
            "index",
            &folder,
            "--model",
            "siglip2",
            "--captions",
            "none",
            "--json",
        ])
        .expect(0);
    assert_eq!(indexed.json()[0]["added"], 12);
    let found = place
        .run(&["search", "a photo of a cat", "--top", "5", "--json"])
        .expect(0);
    assert_eq!(found.json()[0]["results"].as_array().unwrap().len(), 5);
    let picture = Path::new(&folder)
        .join("0007.png")
        .to_string_lossy()
        .into_owned();
    let found = place
        .run(&["search", &picture, "--top", "3", "--json"])
        .expect(0);
    let found = &found.json()[0]["results"];
    assert!(
        found[0]["path"].as_str().unwrap().ends_with("0007.png"),
        "{found}"
    );
    assert!(found[0]["score"].as_f64().unwrap() > 0.999, "{found}");
    // Nobody measured what its cosines mean, so that none is called likely.
    assert!(found[0]["match"].is_null(), "{found}");
}

#[test]
fn a_classifier_is_added_and_answers() {
    let place = Place::new();
    let added = place.run(&["models", "add", &tiny("resnet")]).expect(0);
    for part in [
        "24 numbers",
        "shorter side to 27 px, middle 24 x 24, bicubic",
        "those of ImageNet's classes, read as by base",
        "fovea --collection resnet index PATH --model resnet",
    ] {
        assert!(
            added.stdout.contains(part),
            "{}\nlacks {part}",
            added.stdout
        );
    }
    let folder = place.0.path().join("pictures");
    pictures(&folder, 12);
    let folder = folder.to_string_lossy().into_owned();
    let index = [
        "index",
        &folder,
        "--model",
        "resnet",
        "--captions",
        "none",
        "--json",
    ];
    assert_eq!(place.run(&index).expect(0).json()[0]["added"], 12);
    let found = place
        .run(&["search", "ein Hund", "--top", "5", "--json"])
        .expect(0);
    let results = &found.json()[0]["results"];
    assert_eq!(results.as_array().unwrap().len(), 5);
    // Probabilities were fitted with another network.
    assert!(results[0]["match"].is_null(), "{results}");
    let picture = format!("{folder}/0007.png");
    let found = place
        .run(&["search", &picture, "--top", "1", "--json"])
        .expect(0);
    let path = found.json()[0]["results"][0]["path"].clone();
    assert!(path.as_str().unwrap().ends_with("0007.png"), "{path}");
}

#[test]
fn a_network_that_only_sees_is_taught_words() {
    let place = Place::new();
    let added = place.run(&["models", "add", &tiny("dinov2")]).expect(0);
    for part in [
        "none yet: it knows no classes",
        "visual 32; no words yet",
        "fovea train align --model dinov2 --pairs FILE.tsv",
    ] {
        assert!(
            added.stdout.contains(part),
            "{}\nlacks {part}",
            added.stdout
        );
    }
    let folder = place.0.path().join("pictures");
    pictures(&folder, 60);
    let path = folder.to_string_lossy().into_owned();
    let index = ["index", &path, "--model", "dinov2", "--captions", "none"];
    place.run(&index).expect(0);
    let picture = format!("{path}/0007.png");
    let found = place
        .run(&["search", &picture, "--top", "3", "--json"])
        .expect(0);
    // Every seventh is nearly the same.
    let found = found.json()[0]["results"].clone();
    let is_itself = |one: &serde_json::Value| {
        one["path"].as_str().unwrap().ends_with("0007.png") && one["score"].as_f64() > Some(0.999)
    };
    assert!(found.as_array().unwrap().iter().any(is_itself), "{found}");
    let said = place.run(&["search", "a dog"]).expect(2).stderr;
    assert!(
        said.contains("the pack dinov2 only sees")
            && said.contains("fovea train align --model dinov2 --pairs FILE.tsv"),
        "{said}"
    );

    // The first colour is what they differ in.
    let words = [
        "a black night",
        "a brown table",
        "an orange fruit",
        "a red fire",
    ];
    let lines = (0..60).map(|at| format!("{at:04}.png\ten\t{}\n", words[at * 37 % 256 / 64]));
    let pairs = folder.join("pairs.tsv");
    fs::write(&pairs, lines.collect::<String>()).unwrap();
    let pairs = pairs.to_string_lossy().into_owned();
    let train = [
        "train", "align", "--model", "dinov2", "--pairs", &pairs, "--name", "mine", "--batch",
        "16", "--epochs", "20",
    ];
    place.run(&train).expect(0);
    place
        .run(&["migrate-model", "--to", "dinov2+mine"])
        .expect(0);
    let found = place
        .run(&["search", "a red fire", "--top", "5", "--json"])
        .expect(0);
    for one in found.json()[0]["results"].as_array().unwrap() {
        let name = Path::new(one["path"].as_str().unwrap())
            .file_stem()
            .unwrap();
        let number: usize = name.to_str().unwrap().parse().unwrap();
        assert_eq!(words[number * 37 % 256 / 64], "a red fire", "{number}");
    }
}

#[test]
fn models_are_recommended_by_language_and_memory() {
    let place = Place::new();
    let asked = [
        "models",
        "recommend",
        "--language",
        "de",
        "--memory",
        "3500M",
    ];
    let shown = place.run(&asked).expect(0).stdout;
    assert!(
        shown.contains("fovea models add ViT-L-16-SigLIP2-384__webli"),
        "{shown}"
    );
    let asked = ["models", "recommend", "--language", "ja", "--json"];
    let found = place.run(&asked).expect(0).json()[0].clone();
    let models = found["models"].as_array().unwrap();
    assert_eq!(
        models[0]["name"],
        "XLM-Roberta-Large-ViT-H-14__frozen_laion5b_s13b_b90k"
    );
    assert_eq!(models[0]["recall_percent"], 86.97);
    let rate = |at: usize| models[at]["pictures_per_second_and_core"].as_f64().unwrap();
    assert!(rate(0) > 0.0 && rate(models.len() - 1) > rate(0), "{found}");
    let unknown = ["models", "recommend", "--language", "tlh"];
    let said = place.run(&unknown).expect(2).stderr;
    assert!(said.contains("known are ar, bn,"), "{said}");
}

#[test]
fn what_cannot_be_added_is_wrong_input() {
    let place = Place::new();
    let nowhere = place.0.path().to_string_lossy().into_owned();
    let refused = place
        .run(&["models", "add", &nowhere, "--name", "other"])
        .expect(2);
    assert!(
        refused
            .stderr
            .contains("no image network with a text network"),
        "{}",
        refused.stderr
    );
    place.run(&["models", "info", "other"]).expect(3);
    let unknown = place
        .run(&["models", "add", &tiny("clip"), "--precision", "q4"])
        .expect(2);
    assert!(
        unknown.stderr.contains("it has no q4, it has fp32"),
        "{}",
        unknown.stderr
    );
    let nameless = place
        .run(&["models", "add", "nothing-of-the-kind"])
        .expect(2);
    assert!(
        nameless.stderr.contains("no model is known by that name"),
        "{}",
        nameless.stderr
    );
}

#[test]
fn a_name_needs_a_hub_or_what_it_gave_before() {
    let place = Place::new();
    let add = |arguments: &[&str]| {
        let mut command = command(&place.0.path().join("db"), arguments);
        command
            .env("FOVEA_MODELS", place.models())
            .env("HF_HOME", place.0.path().join("hub"))
            .env_remove("HF_HUB_CACHE");
        ran(command.output().unwrap())
    };
    let never = add(&["models", "add", "siglip2", "--offline"]).expect(3);
    let said = &never.stderr;
    assert!(
        said.contains("cannot fetch hf:immich-app/ViT-B-16-SigLIP2__webli"),
        "{said}"
    );
    assert!(said.contains("nothing of it was fetched before"), "{said}");
    // What cannot become a pack is refused before anybody is asked.
    let taken = add(&["models", "add", "siglip2", "--name", "base"]).expect(2);
    assert!(
        taken.stderr.contains("name of the base pack"),
        "{}",
        taken.stderr
    );
}

#[test]
fn how_a_pack_runs_fastest_is_measured_once_and_kept() {
    const SAID: &str = "base runs on this machine with ";
    let place = Place::new();
    let folder = place.0.path().join("pictures");
    pictures(&folder, 3);
    let folder = folder.to_string_lossy().into_owned();
    let info = || {
        place
            .run(&["models", "info", "base", "--json"])
            .expect(0)
            .json()[0]["pace"]
            .clone()
    };
    let index = |arguments: &[&str]| {
        place
            .run(&[&["index", folder.as_str()][..], arguments].concat())
            .expect(0)
    };
    // Whoever says how many threads there are has said enough.
    let threads = index(&["--threads", "2"]);
    assert!(!threads.stderr.contains(SAID), "{}", threads.stderr);
    assert!(info().is_null());
    let first = index(&[]);
    assert!(first.stderr.contains(SAID), "{}", first.stderr);
    let kept = info();
    assert!(kept["sessions"].as_u64().unwrap() >= 1, "{kept}");
    assert!(
        kept["measured"][0]["rate"].as_f64().unwrap() > 0.1,
        "{kept}"
    );
    let again = index(&[]);
    assert!(!again.stderr.contains(SAID), "{}", again.stderr);
    let shown = place.run(&["models", "info", "base"]).expect(0).stdout;
    assert!(
        shown.contains("runs         with ") && shown.contains("pictures a second"),
        "{shown}"
    );

    for file in fs::read_dir(place.models().join(".pace")).unwrap() {
        fs::write(file.unwrap().path(), "damaged").unwrap();
    }
    assert!(info().is_null());
    let tuned = place.run(&["models", "tune", "base", "--json"]).expect(0);
    assert_eq!(tuned.json()[0]["pace"], info());
    assert_eq!(tuned.json()[0]["name"], "base");
    let listed = place.run(&["models", "list", "--json"]).expect(0);
    assert_eq!(listed.json()[0].as_array().unwrap().len(), 1);
    let absent = place.run(&["models", "tune", "absent"]).expect(3);
    assert!(absent.stderr.contains("absent"), "{}", absent.stderr);
}
