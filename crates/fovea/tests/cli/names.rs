//! Saved searches and concepts from the command line, with the real model.

use std::path::PathBuf;

use crate::program::{fovea, stamps, start};

/// A database over the stamps' animals.
fn animals() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    let animals = stamp("animals");
    fovea(&database, &["index", &animals, "--captions", "none", "-q"]).expect(0);
    (folder, database)
}

fn stamp(name: &str) -> String {
    let path = stamps().join("stamps").join(name);
    path.to_string_lossy().into_owned()
}

#[test]
fn names_are_kept_used_and_forgotten() {
    let (_folder, db) = animals();
    let ran = fovea(&db, &["saved", "list"]).expect(1);
    assert!(ran.stderr.contains("fovea saved add"), "{}", ran.stderr);
    fovea(
        &db,
        &[
            "saved",
            "add",
            "fins",
            "a fish",
            "-",
            "0.5:water",
            "-ext:jpg",
        ],
    )
    .expect(0);
    let ran = fovea(&db, &["--json", "saved", "show", "@Fins"]).expect(0);
    let plan = &ran.json()[0]["plan"];
    assert_eq!(
        plan["names"]["@fins"]["saved"],
        "a fish - 0.5:water -ext:jpg"
    );
    let ran = fovea(&db, &["saved", "add", "fins", "a shark"]).expect(2);
    assert!(ran.stderr.contains("--replace"), "{}", ran.stderr);
    fovea(&db, &["saved", "add", "fins", "a shark", "--replace"]).expect(0);
    let named = fovea(&db, &["search", "@fins", "--paths", "-n", "5"]).expect(0);
    let plain = fovea(&db, &["search", "a shark", "--paths", "-n", "5"]).expect(0);
    assert_eq!(named.stdout, plain.stdout);
    // In a line of `--queries` it is a word unless it is said to be more.
    let list = db.with_extension("txt");
    std::fs::write(&list, "@fins\n").unwrap();
    let file = list.to_string_lossy();
    let ran = fovea(&db, &["--json", "search", "--queries", &file, "--plan"]).expect(0);
    assert_eq!(ran.json()[0]["plan"]["terms"][0]["kind"], "words");
    let ran = fovea(
        &db,
        &["--json", "search", "--queries", &file, "--plan", "--syntax"],
    )
    .expect(0);
    assert_eq!(ran.json()[0]["plan"]["terms"][0]["kind"], "saved search");
    fovea(&db, &["saved", "remove", "fins"]).expect(0);
    for arguments in [
        &["saved", "remove", "fins"][..],
        &["saved", "show", "fins"],
        &["search", "@fins"],
        &["saved", "add", "no name", "x"],
        &["saved", "add", "empty"],
        &["saved", "add", "wrong", "date:never"],
        &["concept", "show", "rex"],
        &["concept", "remove", "rex"],
        &["concept", "add", "rex"],
        &["concept", "add", "rex", "--like", "./nowhere.png"],
        &["concept", "add", "rex", "--like", "Cargo.toml"],
    ] {
        let ran = fovea(&db, arguments).expect(2);
        assert!(
            ran.stderr.starts_with("fovea: "),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_concept_is_learnt_judged_and_used() {
    let (folder, db) = animals();
    let names = ["hen", "rooster", "owl", "penguin", "ostrich", "peacock"];
    let like: Vec<String> = names
        .iter()
        .map(|name| stamp(&format!("animals/birds/{name}.png")))
        .collect();
    let mut arguments = vec!["--json", "concept", "add", "fowl", "--like"];
    arguments.extend(like.iter().map(String::as_str));
    let pig = stamp("animals/mammals/pig.png");
    arguments.extend(["--unlike", &pig]);
    let card = &fovea(&db, &arguments).expect(0).json()[0];
    assert_eq!(
        (card["liked"].as_u64(), card["disliked"].as_u64()),
        (Some(6), Some(1))
    );
    let held_out = &card["held_out"];
    assert_eq!(held_out["nearest"], 6);
    assert!(held_out["right"].as_u64().unwrap() >= 2, "{card}");
    let ran = fovea(&db, &["search", "@fowl", "--paths", "-n", "15"]).expect(0);
    let birds = ran
        .stdout
        .lines()
        .filter(|path| path.contains("/birds/"))
        .count();
    assert!(birds >= 11, "{}", ran.stdout);
    // Beside words it draws what it is about to the front.
    let birds = |query: &[&str]| {
        let arguments = [&["search", "--paths", "-n", "10"], query].concat();
        let ran = fovea(&db, &arguments).expect(0);
        ran.stdout
            .lines()
            .filter(|path| path.contains("/birds/"))
            .count()
    };
    let (without, with) = (birds(&["water"]), birds(&["@fowl", "+", "water"]));
    assert!(with >= without + 3, "{with} with it, {without} without");

    // A picture from outside is one more example, which goes by its content.
    let copy = folder.path().join("mine.png");
    std::fs::copy(stamp("food/fruit/apple_red.png"), &copy).unwrap();
    let copy = copy.to_string_lossy();
    let card = &fovea(
        &db,
        &["--json", "concept", "add", "fowl", "--unlike", &copy],
    )
    .expect(0)
    .json()[0];
    assert_eq!(card["disliked"], 2);
    fovea(&db, &["concept", "remove", "fowl", &copy]).expect(0);
    let ran = fovea(&db, &["concept", "show", "fowl"]).expect(0);
    assert!(
        ran.stdout.contains("held out: of the 6 nearest"),
        "{}",
        ran.stdout
    );
    fovea(&db, &["concept", "remove", "@fowl"]).expect(0);
    fovea(&db, &["concept", "list"]).expect(1);
}

#[test]
fn two_who_teach_at_once_lose_nothing() {
    let (_folder, db) = animals();
    let names = ["hen", "rooster", "owl", "penguin"];
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let path = stamp(&format!("animals/birds/{name}.png"));
            start(&db, &["concept", "add", "fowl", "--like", &path])
        })
        .collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let ran = fovea(&db, &["--json", "concept", "show", "fowl"]).expect(0);
    assert_eq!(ran.json()[0]["liked"], 4);
}
