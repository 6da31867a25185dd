//! Vectors of one's own that cannot be: one sentence, the right exit code, and nothing half done.

use std::process::Command;
use std::time::Duration;

use fovea_vectordb::exchange::Matrix;

use crate::program::{Ran, ran, start};
use crate::vectors::{Bench, kept, numbers};

const DIM: usize = 7;

/// One sentence on standard error, with all these words.
#[track_caller]
fn check(ran: Ran, code: i32, words: &[&str]) {
    let ran = ran.expect(code);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn a_hostile_file_is_one_sentence_and_leaves_no_database() {
    let bench = Bench::new();
    let cut = bench.path("cut.npy");
    let whole = std::fs::read(kept("f4.npy")).unwrap();
    std::fs::write(&cut, &whole[..whole.len() - 3]).unwrap();
    for (file, words) in [
        (kept("refused-nan.npy"), &["row 2, column 1"][..]),
        (kept("refused-object.npy"), &["refused-object.npy"]),
        (kept("refused-ivf.faiss"), &["reconstruct_n"]),
        (kept("angular.ann"), &["--annoy-dim", "--annoy-metric"]),
        (kept("expected.tsv"), &["none of the vector files known"]),
        (cut, &["cut.npy"]),
        (bench.path("nowhere.npy"), &["nowhere.npy"]),
    ] {
        check(bench.run(&["import", &file]), 2, words);
    }
    assert!(!bench.database.exists());
    check(
        bench.run(&["import", &kept("flat-l1.faiss")]),
        2,
        &["L1", "--metric l2"],
    );
    check(
        bench
            .run(&["import", &bench.path("a.npy"), "--metric", "l3"])
            .lines(1),
        2,
        &["l3"],
    );
}

impl Ran {
    /// The usage that clap prints takes several lines; the first says what is wrong.
    fn lines(mut self, n: usize) -> Self {
        self.stderr = self.stderr.lines().take(n).collect();
        self
    }
}

#[test]
fn what_does_not_fit_to_the_collection_is_told_both_sides() {
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(20, DIM));
    bench.import(&[&file, "--metric", "l2"]);
    let other = bench.npy("other.npy", &numbers(3, 9));
    check(
        bench.run(&["import", &other]),
        2,
        &["7", "9", "--collection NAME"],
    );
    check(
        bench.run(&["import", &file, "--metric", "cosine"]),
        2,
        &["l2", "cosine", "--collection NAME"],
    );
    check(
        bench.run(&["search", "--vector", &other]),
        2,
        &["9 numbers", "`image` of 7"],
    );
    check(
        bench.run(&["search", "--vector", &file, "--space", "visual"]),
        2,
        &["visual", "`image` of 7"],
    );
    check(
        bench.run(&["search", "--vector", &file, "--row", "20"]),
        2,
        &["rows 0 to 19"],
    );
    check(
        bench.run(&["search", "a", "cat"]),
        2,
        &["vectors of your own", "--vector"],
    );
    let zero = Matrix::new(2, vec![1.0, 2.0, 0.0, 0.0]).unwrap();
    let zero = bench.npy("zero.npy", &zero);
    check(
        bench.run(&["--collection", "b", "import", &zero]),
        2,
        &["row 1", "--metric l2"],
    );
    bench
        .run(&["--collection", "c", "import", &zero, "--metric", "l2"])
        .expect(0);
    let ran = bench
        .run(&["search", "--json", "--vector", &other])
        .expect(2);
    assert!(
        ran.json()[0]["error"]
            .as_str()
            .unwrap()
            .contains("9 numbers")
    );
}

#[test]
fn an_export_replaces_nothing_unless_it_is_told_to() {
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(20, DIM));
    bench.import(&[&file, "--metric", "l2"]);
    let out = bench.path("out.npy");
    std::fs::write(&out, "something else").unwrap();
    check(bench.run(&["export", &out]), 2, &["--force"]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "something else");
    bench.run(&["export", &out, "--force"]).expect(0);
    check(
        bench.run(&["export", &bench.path("out.ann")]),
        2,
        &["only read"],
    );
    check(bench.run(&["export", &bench.path("out")]), 2, &["--kind"]);
    check(
        bench.run(&["export", &bench.path("nowhere/out.npy")]),
        3,
        &["nowhere"],
    );
    check(
        bench.run(&["export", &bench.path("o.npy"), "--space", "caption"]),
        2,
        &["caption"],
    );
    let (clip, kind) = (bench.path("clip"), ["--kind", "clip-retrieval"]);
    let export = |more: &[&str]| bench.run(&[&["export", clip.as_str()], &kind[..], more].concat());
    export(&[]).expect(0);
    check(export(&[]), 2, &["--force"]);
    export(&["--force"]).expect(0);
    std::fs::write(bench.path("clip/notes.txt"), "mine").unwrap();
    check(export(&["--force"]), 2, &["something else in it"]);
    assert!(std::path::Path::new(&bench.path("clip/notes.txt")).exists());
}

#[test]
fn killed_or_stopped_what_was_kept_is_whole_and_the_next_run_goes_on() {
    const N: u64 = 30_000;
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(N as usize, DIM));
    for signal in ["-KILL", "-INT"] {
        let mut child = start(&bench.database, &["import", &file, "--metric", "l2"]);
        // Until the first batch is there, so that the signal comes in the middle.
        let n_items = || match bench.run(&["stats", "--json"]) {
            ran if ran.code == 0 => ran.json()[0]["n_items"].as_u64().unwrap(),
            _ => 0,
        };
        let before = n_items();
        while n_items() == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let id = child.id().to_string();
        Command::new("kill").args([signal, &id]).status().unwrap();
        let ran = ran(child.wait_with_output().unwrap());
        // A fast machine may be done before the signal comes; then there is nothing to stop.
        if signal == "-INT" && ran.code != 0 {
            assert!(ran.expect(130).stderr.contains("goes on from here"));
        }
        bench.run(&["check"]).expect(0);
    }
    let kept = bench.run(&["stats", "--json"]).expect(0).json()[0]["n_items"]
        .as_u64()
        .unwrap();
    assert!(kept > 0);
    let report = bench.import(&[&file]);
    assert_eq!(
        (report["added"].as_u64(), report["unchanged"].as_u64()),
        (Some(N - kept), Some(kept))
    );
    bench.run(&["check"]).expect(0);
}
