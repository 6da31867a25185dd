//! A whole database copied to another folder: killed in the midst, begun anew, twice at once, and refused where it would
//! mix with another. `milvus` has the same over a server.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use fovea_vectordb::exchange::Matrix;
use fovea_vectordb::{Database, Embedded, Filter, Item, ItemId, OpenMode};
use serde_json::Value;

use crate::program::{Ran, fovea, pictures, ran, start};
use crate::vectors::Bench;

const ROWS: usize = 3_000;

/// A database with pictures, imported vectors, and something of each kind that is kept beside them.
fn filled() -> (Bench, String) {
    let bench = Bench::new();
    let root = PathBuf::from(bench.path("pictures"));
    pictures(&root, 40);
    std::fs::write(root.join("0000.txt"), "a red square").unwrap();
    std::fs::write(root.join("broken.png"), "no picture").unwrap();
    let root = root.to_string_lossy().into_owned();
    bench
        .run(&["index", &root, "--captions", "sidecar"])
        .expect(0);
    bench
        .run(&["saved", "add", "squares", "a red square"])
        .expect(0);
    bench
        .run(&["keys", "add", "reader", "--role", "read"])
        .expect(0);
    let numbers = (0..ROWS * 8).map(|n| ((n * n) % 1009) as f32 - 504.0);
    let rows = Matrix::new(8, numbers.collect()).unwrap();
    let file = bench.npy("mine.npy", &rows);
    let import = ["--collection", "mine", "import", &file, "--metric", "l2"];
    bench.run(&import).expect(0);
    let target = bench.path("copy");
    (bench, target)
}

fn migrate(bench: &Bench, to: &str, more: &[&str]) -> Ran {
    bench.run(&[&["--json", "migrate", "--to", to], more].concat())
}

fn of_collection<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["collections"].as_array().unwrap();
    all.iter().find(|one| one["collection"] == name).unwrap()
}

/// Items of a collection but for the number of the write, which is each database's own.
fn items(database: &Path, collection: &str) -> Vec<Item> {
    let database = Embedded::open(database, collection, OpenMode::ReadOnly).unwrap();
    let ids: Vec<ItemId> = database.scan(&Filter::All, None, usize::MAX).unwrap();
    let mut items = database.items(&ids).unwrap();
    items
        .iter_mut()
        .for_each(|item| item.change = Default::default());
    items
}

#[track_caller]
fn assert_equal(bench: &Bench, target: &str) {
    let target = Path::new(target);
    for collection in ["default", "mine"] {
        assert_eq!(
            items(&bench.database, collection),
            items(target, collection)
        );
    }
    for ask in [
        &["search", "a red square"][..],
        &["search", "@squares"],
        &["saved", "list"],
        &["keys", "list"],
        &[
            "--collection",
            "mine",
            "search",
            "--vector",
            "mine.npy",
            "--row",
            "7",
        ],
    ] {
        let file = bench.path("mine.npy");
        let ask: Vec<&str> = ask
            .iter()
            .map(|word| if *word == "mine.npy" { &file } else { *word })
            .collect();
        let ask = [&["--json"], &ask[..]].concat();
        let answer = |database: &Path| {
            let mut answers = fovea(database, &ask).expect(0).json();
            let took = answers.iter_mut().filter_map(Value::as_object_mut);
            took.for_each(|one| drop(one.remove("took_ms")));
            answers
        };
        assert_eq!(answer(&bench.database), answer(target), "{ask:?}");
    }
    let failures = |database: &Path| {
        let database = Embedded::open(database, "default", OpenMode::ReadOnly).unwrap();
        database.failures(None).unwrap()
    };
    assert_eq!(failures(&bench.database), failures(target));
    assert_eq!(failures(target).len(), 1);
    fovea(target, &["check"]).expect(0);
}

fn n_items(database: &str, collection: &str) -> u64 {
    let opened = Embedded::open(Path::new(database), collection, OpenMode::ReadOnly);
    opened.map_or(0, |database| database.count(&Filter::All).unwrap_or(0))
}

fn kill_with(mut child: Child, is_time: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_time() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "nothing was copied"
        );
        assert!(child.try_wait().unwrap().is_none(), "it was done too soon");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_copy_that_was_killed_goes_on_and_is_equal_in_the_end() {
    let (bench, target) = filled();
    let begin = || start(&bench.database, &["migrate", "--to", &target, "--quiet"]);
    let mut kept = 0;
    for _ in 0..2 {
        kill_with(begin(), || n_items(&target, "mine") > kept);
        kept = n_items(&target, "mine");
        assert!(kept < ROWS as u64, "killed too late to show anything");
    }
    let report = migrate(&bench, &target, &["--verify"])
        .expect(0)
        .json()
        .remove(0);
    assert_eq!(report["settled"], true);
    let written = of_collection(&report, "mine")["items_written"].as_u64();
    assert_eq!(
        written,
        Some(ROWS as u64 - kept),
        "nothing is written twice"
    );
    for one in report["agreement"].as_array().unwrap() {
        assert_eq!(
            (&one["recall_at_10"], &one["same_order"]),
            (&1.0.into(), &1.0.into())
        );
    }
    assert!(
        report["agreement"].as_array().unwrap().len() >= 4,
        "{report}"
    );
    assert_equal(&bench, &target);
    // Previews came along, so that nothing has to be decoded again.
    let previews = |folder: &Path| walk(&folder.join("previews"));
    assert_eq!(previews(&bench.database), previews(Path::new(&target)));
    assert_eq!(previews(Path::new(&target)), 40);

    let again = migrate(&bench, &target, &[]).expect(0).json().remove(0);
    assert_eq!(of_collection(&again, "mine")["items_written"], 0);
    assert_eq!(again["files"], 0);
}

fn walk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path) } else { 1 }
    };
    entries.map(count).sum()
}

#[test]
fn what_changed_at_the_source_follows_and_two_at_once_do_no_harm() {
    let (bench, target) = filled();
    let both = [0, 1].map(|_| start(&bench.database, &["migrate", "--to", &target]));
    // While they copy, the source changes.
    let more = PathBuf::from(bench.path("pictures"));
    std::fs::remove_file(more.join("0003.png")).unwrap();
    std::fs::rename(more.join("0004.png"), more.join("moved.png")).unwrap();
    let root = more.to_string_lossy().into_owned();
    bench.run(&["index", &root]).expect(0);
    let ended = both.map(|child| ran(child.wait_with_output().unwrap()));
    let refused =
        |ran: &Ran| ran.code == 2 && ran.stderr.contains("another fovea migrate writes into");
    assert!(
        ended.iter().all(|ran| ran.code == 0 || refused(ran)),
        "{ended:?}"
    );
    assert!(ended.iter().any(|ran| ran.code == 0), "{ended:?}");
    migrate(&bench, &target, &["--verify"]).expect(0);
    assert_equal(&bench, &target);
    assert_eq!(n_items(&target, "default"), 39);
    // Below what was promised is told by the exit code; nothing is above 1.
    let wrong = migrate(&bench, &target, &["--verify", "--recall", "1.5"]).expect(2);
    assert!(wrong.stderr.contains("from 0 to 1"), "{}", wrong.stderr);
}

#[test]
fn a_target_with_things_of_others_is_refused_before_anything_is_written() {
    let (bench, target) = filled();
    let refuse = |to: &str, words: &str| {
        let before = std::fs::read(Path::new(to).join("fovea.db")).ok();
        let refused = bench.run(&["migrate", "--to", to]).expect(2);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        let after = std::fs::read(Path::new(to).join("fovea.db")).ok();
        assert!(before == after, "{to} was written to");
    };
    refuse(&bench.database.to_string_lossy(), "is what would be copied");
    let other = bench.path("other");
    let root = bench.path("pictures");
    fovea(Path::new(&other), &["index", &root]).expect(0);
    refuse(&other, "of its own, with 40 items");
    let elsewhere = bench.path("elsewhere");
    fovea(
        Path::new(&elsewhere),
        &["--collection", "sea", "index", &root],
    )
    .expect(0);
    refuse(
        &elsewhere,
        "a collection `sea` that the source does not have",
    );
    bench.run(&["migrate", "--to", &target]).expect(0);
    // A copy of one is no place for another, and one that is in use has what the source lacks.
    let third = fovea(Path::new(&other), &["migrate", "--to", &target]).expect(2);
    assert!(third.stderr.contains("is a copy of"), "{}", third.stderr);
    fovea(
        Path::new(&target),
        &["saved", "add", "new", "a blue square"],
    )
    .expect(0);
    refuse(&target, "was written to after the copy was done");
    let nothing = fovea(
        Path::new(&bench.path("empty")),
        &["migrate", "--to", &target],
    )
    .expect(2);
    assert!(
        nothing.stderr.contains("nothing to copy"),
        "{}",
        nothing.stderr
    );
}
