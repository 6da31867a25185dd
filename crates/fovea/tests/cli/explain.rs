//! Explanations from the command line, with the real model.

use std::path::Path;

use crate::library::database;
use crate::program::{fovea, pictures, stamps};

fn stamp(name: &str) -> String {
    let path = stamps().join("stamps").join(name);
    std::fs::canonicalize(path)
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

#[test]
fn an_explanation_agrees_with_the_search() {
    let ran = fovea(
        database(),
        &["--json", "search", "a penguin", "--top", "40"],
    )
    .expect(0);
    let results = ran.json()[0]["results"].as_array().unwrap().clone();
    for result in results.iter().step_by(13) {
        let path = result["path"].as_str().unwrap();
        let ran = fovea(
            database(),
            &[
                "--json",
                "explain",
                path,
                "--query",
                "a penguin",
                "-n",
                "40",
            ],
        );
        let found = &ran.json()[0];
        assert_eq!(found["rank"], result["rank"], "{found}");
        assert_eq!(found["item"], result["item"]);
        assert_eq!(found["match"]["above_cut"], result["above_cut"], "{found}");
        let near = |a: &serde_json::Value, b: &serde_json::Value| {
            (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-3
        };
        assert!(near(&found["score"], &result["score"]), "{found}");
        assert!(
            near(&found["match"]["probability"], &result["match"]),
            "{found}"
        );
        assert_eq!(ran.code == 0, result["above_cut"] == true);
    }
}

#[test]
fn one_argument_is_a_query_and_several_are_terms() {
    let owl = stamp("animals/birds/owl.png");
    let explain = |query: &[&str]| {
        let arguments = [&["--json", "explain", owl.as_str(), "--query"], query].concat();
        fovea(database(), &arguments).json()[0]["query"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        explain(&["a bird - 0.5:water ext:png"]),
        "a bird - 0.5:water ext:png"
    );
    assert_eq!(
        explain(&["a", "bird", "-", "0.5:water", "-ext:jpg"]),
        "a bird - 0.5:water -ext:jpg"
    );
    assert_eq!(
        explain(&["a bird", "--where", "ext:jpg w:100.."]),
        "a bird ext:jpg w:100.."
    );
}

#[test]
fn a_heat_map_is_written_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heat.png");
    let file = file.to_string_lossy();
    let elephant = stamp("animals/mammals/elephant.png");
    let ran = fovea(
        database(),
        &[
            "--json",
            "explain",
            &elephant,
            "--query",
            "an elephant",
            "--heat",
            &file,
        ],
    );
    let heat = &ran.expect(0).json()[0]["heat"];
    let n = heat["columns"].as_u64().unwrap() * heat["rows"].as_u64().unwrap();
    assert_eq!(heat["gains"].as_array().unwrap().len() as u64, n);
    let picture = image::open(Path::new(&*file)).unwrap();
    assert_eq!(picture.width().max(picture.height()), 512);
    // Of an elephant, the upper part says most, and less than half of the picture.
    let best: Vec<f64> = heat["best"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert!(
        best[1] + best[3] < 0.65 && best[2] * best[3] < 0.5,
        "{best:?}"
    );

    let nowhere = folder.path().join("no/heat.png");
    let nowhere = nowhere.to_string_lossy();
    let ran = fovea(
        database(),
        &[
            "explain",
            &elephant,
            "--query",
            "an elephant",
            "--heat",
            &nowhere,
        ],
    );
    assert!(ran.expect(3).stderr.contains("--heat"));
    let ran = fovea(
        database(),
        &["explain", &elephant, "--query", "ext:png", "--heat", &file],
    );
    assert!(ran.expect(2).stderr.contains("filters alone"));
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let owl = stamp("animals/birds/owl.png");
    for (arguments, words) in [
        (vec!["explain", &owl], "--query"),
        (vec!["explain", &owl, "--query", ""], "empty"),
        (vec!["explain", &owl, "--query", "date:never"], "no day"),
        (
            vec!["explain", &owl, "--query", "x", "--where", "foldr:x"],
            "did you mean `folder:`",
        ),
        (
            vec!["explain", &owl, "--query", "x", "--where", "a dog"],
            "only filters",
        ),
        (vec!["explain", "#123", "--query", "x"], "is no item"),
        (
            vec!["explain", "#0000000000001", "--query", "x"],
            "there is no item",
        ),
        (vec!["explain", &owl, "--query", "x", "-n", "0"], "0"),
        (vec!["explain", &owl, "--query", "@nobody"], "`\"@nobody\"`"),
        (
            vec!["explain", &owl, "--query", "x", "--space", "visual"],
            "--space visual",
        ),
    ] {
        let ran = fovea(database(), &arguments).expect(2);
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn why_a_file_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (db, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, 2);
    std::fs::write(
        root.join("broken.png"),
        b"\x89PNG\r\n\x1a\n and then nothing",
    )
    .unwrap();
    fovea(
        &db,
        &["index", &root.to_string_lossy(), "--exclude", "0001.*"],
    )
    .expect(0);
    std::fs::write(root.join("notes.txt"), "words").unwrap();
    for (name, kind) in [
        ("broken.png", "failed"),
        ("0001.png", "left_out"),
        ("notes.txt", "left_out"),
        ("none.png", "missing"),
    ] {
        let path = root.join(name);
        let path = path.to_string_lossy();
        let ran = fovea(&db, &["--json", "explain", &path, "--query", "a dog"]).expect(1);
        let found = &ran.json()[0];
        assert_eq!(found["reasons"][0]["kind"], kind, "{found}");
        assert_eq!(found["shown"], false);
        let ran = fovea(&db, &["explain", &path, "--query", "a dog"]).expect(1);
        assert!(ran.stdout.contains("is no item"), "{}", ran.stdout);
    }
}
