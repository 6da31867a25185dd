//! Searching from the command line: formats, exit codes, messages.

use std::io::Write;
use std::process::Stdio;

use crate::library::database;
use crate::program::{command, fovea, pictures, ran, stamps};

#[test]
fn words_find_the_right_stamp_in_many_languages() {
    for (words, folder) in [
        ("a penguin", "animals"),
        ("企鹅", "animals"),
        ("ein roter Apfel", "food"),
        ("バナナ", "food"),
    ] {
        let ran = fovea(database(), &["--json", "search", words, "--top", "3"]).expect(0);
        let answer = &ran.json()[0];
        assert_eq!(answer["query"], words);
        assert!(answer["took_ms"].as_f64().unwrap() > 0.0);
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        let path = results[0]["path"].as_str().unwrap();
        assert!(
            path.contains(folder) && path.starts_with('/'),
            "{words}: {path}"
        );
        assert_eq!(results[0]["rank"], 1);
        assert_eq!(results[0]["item"].as_str().unwrap().len(), 13);
    }
}

#[test]
fn an_image_finds_itself_and_flags_go_before_or_after() {
    let image = stamps().join("captions.tsv");
    let list = std::fs::read_to_string(image).unwrap();
    let first = list
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .find(|path| path.ends_with(".png"))
        .unwrap();
    let image = stamps().join(first).to_string_lossy().into_owned();
    let before = fovea(database(), &["--json", "search", &image, "-n", "2"]).expect(0);
    let after = fovea(database(), &["search", &image, "-n", "2", "--json"]).expect(0);
    let results = |ran: &crate::program::Ran| ran.json()[0]["results"].clone();
    assert_eq!(results(&before), results(&after));
    assert_eq!(results(&before)[0]["path"].as_str().unwrap(), image);
    assert!(results(&before)[0]["score"].as_f64().unwrap() > 0.99);
}

#[test]
fn every_line_of_queries_is_answered_in_order_and_a_bad_one_with_its_error() {
    let mut child = command(
        database(),
        &["search", "--queries", "-", "--json", "--top", "1"],
    )
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let lines = "a lion\n\nTux and spider - two friends.\n老虎\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let answers = ran(child.wait_with_output().unwrap()).expect(2).json();
    let queries: Vec<_> = answers
        .iter()
        .map(|answer| answer["query"].as_str().unwrap())
        .collect();
    assert_eq!(
        queries,
        ["a lion", "", "Tux and spider - two friends.", "老虎"]
    );
    assert!(answers[1]["error"].as_str().unwrap().contains("empty"));
    assert!(answers[3]["results"][0]["path"].is_string());
}

#[test]
fn paths_can_be_piped_whatever_is_in_them() {
    let ran = fovea(database(), &["search", "cat", "--top", "2", "-0"]).expect(0);
    let paths: Vec<_> = ran.stdout.split_terminator('\0').collect();
    assert_eq!(paths.len(), 2);
    assert!(paths.iter().all(|path| std::path::Path::new(path).exists()));
    let ran = fovea(database(), &["search", "cat", "--top", "2", "--paths"]).expect(0);
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), paths);
}

#[test]
fn a_table_is_plain_where_there_is_no_terminal() {
    let ran = fovea(database(), &["search", "a", "penguin"]).expect(0);
    assert!((2..=10).contains(&ran.stdout.lines().count()), "{ran:?}");
    assert!(
        !ran.stdout.contains('\x1b') && ran.stderr.is_empty(),
        "{ran:?}"
    );
    let first = ran.stdout.lines().next().unwrap();
    // The cosine, and 2 because it is called so.
    assert!(first.trim_start().starts_with("1  2."), "{first}");
}

#[test]
fn the_list_ends_where_the_matches_end_unless_a_number_is_asked_for() {
    let ran = fovea(database(), &["search", "a wedding couple"]).expect(1);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .starts_with("Nothing among 785 items looks like that."),
        "{}",
        ran.stderr
    );
    assert_eq!(
        ran.stderr.lines().count(),
        4,
        "the nearest are named: {}",
        ran.stderr
    );
    let ran = fovea(database(), &["--json", "search", "a wedding couple"]).expect(1);
    assert_eq!(ran.json()[0]["results"].as_array().unwrap().len(), 0);
    let ran = fovea(
        database(),
        &["--json", "search", "a wedding couple", "--top", "5"],
    )
    .expect(0);
    let results = ran.json()[0]["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 5);
    assert!(
        results.iter().all(|one| one["above_cut"] == false),
        "{results:?}"
    );

    let ran = fovea(database(), &["--json", "search", "a penguin"]).expect(0);
    let results = ran.json()[0]["results"].as_array().unwrap().clone();
    assert!((2..=10).contains(&results.len()));
    for one in &results {
        assert_eq!(one["above_cut"], true);
        assert!(
            (0.01..=1.0).contains(&one["match"].as_f64().unwrap()),
            "{one}"
        );
    }
    // What looks like an image is judged as well.
    let image = results[0]["path"].as_str().unwrap();
    let ran = fovea(database(), &["--json", "search", image]).expect(0);
    let results = ran.json()[0]["results"].as_array().unwrap().clone();
    assert!((1..=10).contains(&results.len()));
    assert!(results[0]["match"].as_f64().unwrap() > 0.5, "itself");
    assert!(results.iter().all(|one| one["above_cut"] == true));
    let ran = fovea(database(), &["--json", "search", image, "+", "a bird"]).expect(0);
    assert!(ran.json()[0]["results"][0]["match"].as_f64().unwrap() > 0.1);
}

/// A word that many names have puts these first; what is seen decides where matches end all the same.
#[test]
fn what_is_written_in_part_hides_no_match() {
    let paths = |query: &str, space: &str| {
        let ran = fovea(database(), &["--json", "search", query, "--space", space]).expect(0);
        let results = ran.json()[0]["results"].as_array().unwrap().clone();
        let path = |one: &serde_json::Value| one["path"].as_str().unwrap().to_owned();
        results.iter().map(path).collect::<Vec<_>>()
    };
    // `animals` is a folder of a hundred stamps.
    let seen = paths("a penguin animals", "image");
    let both = paths("a penguin animals", "all");
    assert!(!seen.is_empty());
    assert!(both.iter().any(|path| path.contains("penguin")), "{both:?}");
    let ran = fovea(
        database(),
        &["search", "a wedding couple animals", "--paths"],
    )
    .expect(1);
    assert_eq!(ran.stdout, "", "a folder's name alone is no answer");
}

#[test]
fn a_region_is_inside_the_picture_of_one_image() {
    let image = stamps().join("stamps/animals/birds/penguin.png");
    let image = image.to_string_lossy();
    let ran = fovea(
        database(),
        &[
            "search",
            &image,
            "--region",
            "0.1,0,0.8,1",
            "-n",
            "3",
            "--paths",
        ],
    );
    let ran = ran.expect(0);
    assert!(
        ran.stdout.lines().next().unwrap().contains("penguin"),
        "{}",
        ran.stdout
    );
    for (region, words) in [
        ("0.5,0,0.6,1", "outside the picture"),
        ("-0.1,0,0.5,1", "outside the picture"),
        ("0,0,0,1", "outside the picture"),
        ("nan,0,1,1", "outside the picture"),
        ("1,2,3", "four numbers"),
    ] {
        let ran = fovea(database(), &["search", &image, "--region", region]).expect(2);
        assert!(ran.stderr.contains(words), "{region}: {}", ran.stderr);
    }
    let ran = fovea(database(), &["search", "a penguin", "--region", "0,0,1,1"]).expect(2);
    assert!(ran.stderr.contains("one image"), "{}", ran.stderr);
}

#[test]
fn exit_codes_and_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (nowhere, empty) = (folder.path().join("nowhere"), folder.path().join("empty"));
    let ran = fovea(&nowhere, &["search", "cat"]).expect(2);
    assert!(
        ran.stderr
            .contains("begin with `fovea index FOLDER` or `fovea import FILE`"),
        "{}",
        ran.stderr
    );
    let ran = fovea(&nowhere, &["--json", "search", "cat"]).expect(2);
    assert!(
        ran.json()[0]["error"]
            .as_str()
            .unwrap()
            .contains("no database")
    );

    let pictureless = folder.path().join("pictureless");
    std::fs::create_dir(&pictureless).unwrap();
    fovea(&empty, &["index", &pictureless.to_string_lossy()]).expect(0);
    let ran = fovea(&empty, &["search", "cat"]).expect(1);
    assert!(ran.stderr.contains("Nothing is indexed"), "{}", ran.stderr);

    fovea(database(), &["search"]).expect(2);
    fovea(database(), &["search", "cat", "--top", "0"]).expect(2);
    fovea(database(), &["search", "cat", "+"]).expect(2);
    fovea(database(), &["search", "--no-such-flag"]).expect(2);
    fovea(database(), &["search", "./nowhere.jpg"]).expect(2);
    fovea(database(), &["--collection", "other", "search", "cat"]).expect(2);
    let ran = fovea(database(), &["--db", "redis://localhost", "search", "cat"]).expect(2);
    assert!(ran.stderr.contains("milvus://"), "{}", ran.stderr);
    fovea(database(), &["index", "/there/is/no/such/folder"]).expect(2);
    fovea(database(), &["models", "pull", "nonesuch"]).expect(2);
}

#[test]
fn two_collections_in_one_database_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    for (collection, n) in [("one", 2), ("two", 3)] {
        let root = folder.path().join(collection);
        pictures(&root, n);
        fovea(
            &database,
            &["--collection", collection, "index", &root.to_string_lossy()],
        )
        .expect(0);
    }
    for (collection, n) in [("one", 2), ("two", 3)] {
        let ran = fovea(
            &database,
            &["--json", "--collection", collection, "search", "cat"],
        )
        .expect(0);
        assert_eq!(ran.json()[0]["results"].as_array().unwrap().len(), n);
    }
}

#[test]
fn stats_and_check_show_what_is_kept_and_what_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, 3);
    std::fs::write(
        root.join("broken.jpg"),
        b"\xff\xd8\xff\xe0 and then nothing",
    )
    .unwrap();
    let ran = fovea(&database, &["index", &root.to_string_lossy()]).expect(0);
    assert!(
        ran.stderr.contains("broken.jpg") && ran.stderr.contains("3 added, 1 skipped"),
        "{}",
        ran.stderr
    );
    let stats = &fovea(&database, &["stats", "--json"]).expect(0).json()[0];
    assert_eq!(
        (
            stats["n_items"].as_u64(),
            stats["skipped"].as_array().unwrap().len()
        ),
        (Some(3), 1)
    );
    let ran = fovea(&database, &["stats"]).expect(0);
    assert!(
        ran.stdout.contains("3 images") && ran.stdout.contains("broken.jpg"),
        "{}",
        ran.stdout
    );
    let ran = fovea(&database, &["check"]).expect(0);
    assert!(ran.stdout.contains("sound: 3 images"), "{}", ran.stdout);
}

#[test]
fn a_list_goes_on_where_the_page_before_ended() {
    let ask = |arguments: &[&str]| {
        let all = [&["--json", "search"][..], arguments].concat();
        fovea(database(), &all).expect(0).json()[0].clone()
    };
    let paths = |answer: &serde_json::Value| {
        let results = answer["results"].as_array().unwrap();
        let paths = results.iter().map(|one| one["path"].clone());
        paths.collect::<Vec<_>>()
    };
    for query in [&["a bird"][..], &["ext:png", "--sort", "name"]] {
        let page = |more: &[&str]| ask(&[query, more].concat());
        let whole = page(&["--top", "6"]);
        let first = page(&["--top", "3"]);
        let cursor = first["next"].as_str().unwrap();
        let second = page(&["--top", "3", "--cursor", cursor]);
        assert_eq!([paths(&first), paths(&second)].concat(), paths(&whole));
        let other = fovea(
            database(),
            &["search", "a car", "--top", "3", "--cursor", cursor],
        );
        assert!(other.expect(2).stderr.contains("of another query"));
    }
    let bad = fovea(database(), &["search", "a bird", "--cursor", "7.x"]);
    assert!(bad.expect(2).stderr.contains("this is no cursor"));
    let bad = fovea(database(), &["search", "a bird", "--diverse=2"]);
    assert!(bad.expect(2).stderr.contains("between 0 and 1"));
}

#[test]
fn groups_name_themselves_and_count_the_others() {
    // Of two folders everything is looked at, whatever comes first among pictures of one age.
    let filter = "folder:*insects*";
    let ran = fovea(
        database(),
        &["--json", "search", filter, "--group", "folder"],
    )
    .expect(0);
    let results = ran.json()[0]["results"].clone();
    let results = results.as_array().unwrap();
    let groups = results.iter().filter_map(|one| one["group"].as_str());
    let groups: std::collections::BTreeSet<&str> = groups.collect();
    assert_eq!((results.len(), groups.len()), (2, 2), "{groups:?}");
    let n_others = |one: &serde_json::Value| one["others"].as_array().map_or(0, Vec::len);
    assert_eq!(results.iter().map(n_others).sum::<usize>(), 18);
}
