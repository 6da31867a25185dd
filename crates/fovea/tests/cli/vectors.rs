//! Vectors of one's own: imported, searched, exported, and the same again. No model is needed for any of it.

use std::path::{Path, PathBuf};

use fovea_vectordb::exchange::{self, Matrix, ReadOptions, clip_retrieval, npy};
use serde_json::Value;

use crate::library::database;
use crate::program::{Ran, fovea};

const ROWS: usize = 60;
const DIM: usize = 7;

/// A folder with a database to be, and files.
pub struct Bench {
    folder: tempfile::TempDir,
    pub database: PathBuf,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db");
        Self { folder, database }
    }

    pub fn path(&self, name: &str) -> String {
        let folder = std::fs::canonicalize(self.folder.path()).unwrap();
        folder.join(name).to_string_lossy().into_owned()
    }

    pub fn npy(&self, name: &str, matrix: &Matrix) -> String {
        let path = self.path(name);
        npy::write(Path::new(&path), matrix).unwrap();
        path
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        fovea(&self.database, arguments)
    }

    pub fn import(&self, arguments: &[&str]) -> Value {
        let arguments = [&["import", "--json"], arguments].concat();
        self.run(&arguments).expect(0).json()[0].clone()
    }

    /// The first result of each row of a file.
    fn nearest(&self, file: &str) -> Vec<Value> {
        let ran = self
            .run(&["search", "--json", "--vector", file, "-n", "3"])
            .expect(0);
        ran.json()
            .iter()
            .map(|answer| answer["results"][0].clone())
            .collect()
    }
}

/// Rows that 16 bits would round, of lengths that differ, none zero.
pub fn numbers(rows: usize, dim: usize) -> Matrix {
    let number = |i: usize| {
        let row = i / dim;
        (i as f32 * 0.7).sin() * (1.0 + row as f32) + 0.1
    };
    Matrix::new(dim, (0..rows * dim).map(number).collect()).unwrap()
}

/// A file that is kept, as another library wrote it.
pub fn kept(name: &str) -> String {
    format!(
        "{}/../../testdata/vectors/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn read(path: &str) -> Matrix {
    exchange::read(Path::new(path), &ReadOptions::default())
        .unwrap()
        .matrix
}

#[test]
fn each_row_finds_itself_at_no_distance_and_comes_back_as_it_went() {
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(ROWS, DIM));
    let report = bench.import(&[&file, "--metric", "l2"]);
    assert_eq!(
        (report["added"].as_u64(), report["dim"].as_u64()),
        (Some(60), Some(7))
    );
    for (row, best) in bench.nearest(&file).iter().enumerate() {
        assert_eq!(best["path"], format!("{file}#{row}"));
        assert_eq!(
            (best["distance"].as_f64(), best["score"].as_f64()),
            (Some(0.0), Some(0.0))
        );
    }
    for name in ["out.npy", "out.fvecs", "out.fbin", "out.faiss"] {
        let out = bench.path(name);
        bench.run(&["export", &out]).expect(0);
        assert_eq!(read(&out), numbers(ROWS, DIM), "{name}");
        let names = std::fs::read_to_string(format!("{out}.names.jsonl")).unwrap();
        for (row, line) in names.lines().enumerate() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (line["row"].as_u64(), &line["path"]),
                (Some(row as u64), &format!("{file}#{row}").into())
            );
        }
        assert_eq!(names.lines().count(), ROWS);
    }
    let faiss =
        exchange::read(Path::new(&bench.path("out.faiss")), &ReadOptions::default()).unwrap();
    assert_eq!(faiss.metric, Some(exchange::Metric::L2));
    assert_eq!(
        std::fs::read_dir(bench.folder.path()).unwrap().count(),
        2 + 8,
        "nothing else is left"
    );
}

#[test]
fn a_collection_of_vectors_gets_the_index_that_was_asked_for() {
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(ROWS, DIM));
    let ran = bench
        .run(&["import", &file, "--index", "pyramid"])
        .expect(2);
    assert!(ran.stderr.contains("pyramid"), "{}", ran.stderr);
    assert!(!bench.database.exists(), "a refusal leaves no database");
    bench.import(&[&file, "--metric", "l2", "--index", "vamana:degree=8"]);
    let stats = bench.run(&["stats"]).expect(0).stdout;
    assert!(stats.contains("vamana"), "{stats}");
    assert_eq!(bench.nearest(&file)[7]["path"], format!("{file}#7"));

    // Damage that no search has met yet is what `check` is for, and the next run mends it.
    let index = std::fs::read_dir(bench.database.join("index")).unwrap();
    let mut paths = index.map(|entry| entry.unwrap().path());
    let index = paths.find(|path| path.extension().is_some_and(|end| end == "fvi"));
    let index = index.expect("an index file");
    let mut bytes = std::fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x41;
    std::fs::write(&index, &bytes).unwrap();
    let ran = bench.run(&["check"]).expect(4);
    assert!(
        ran.stdout.contains("the index of space image is damaged"),
        "{}",
        ran.stdout
    );
    bench.import(&[&file, "--index", "auto"]);
    bench.run(&["check"]).expect(0);
    assert!(!index.exists(), "sixty vectors are scanned");
}

#[test]
fn metrics_rank_each_in_its_own_way() {
    let bench = Bench::new();
    // One near, one in the same direction and far, one long and askew.
    let matrix = Matrix::new(2, vec![1.0, 1.2, 5.0, 5.0, 9.0, 20.0]).unwrap();
    let file = bench.npy("vectors.npy", &matrix);
    let query = bench.npy("query.npy", &Matrix::new(2, vec![1.0, 1.0]).unwrap());
    for (metric, row) in [("l2", 0), ("cosine", 1), ("ip", 2)] {
        bench
            .run(&["--collection", metric, "import", &file, "--metric", metric])
            .expect(0);
        let ran = bench
            .run(&[
                "--collection",
                metric,
                "search",
                "--vector",
                &query,
                "--json",
            ])
            .expect(0);
        let best = &ran.json()[0]["results"][0];
        assert_eq!(best["path"], format!("{file}#{row}"), "{metric}");
        bench.run(&["--collection", metric, "check"]).expect(0);
    }
    let ran = bench
        .run(&["--collection", "l2", "search", "--vector", &query])
        .expect(0);
    assert!(ran.stdout.starts_with("  1  0.200  "), "{}", ran.stdout);
    let ran = bench.run(&["--collection", "l2", "stats"]).expect(0);
    for words in [
        "3 vectors in collection `l2`",
        "compared by Euclidean distance",
        "vectors.npy",
    ] {
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
    }
}

#[test]
fn again_writes_what_changed_and_what_left_goes() {
    let bench = Bench::new();
    let mut matrix = numbers(ROWS, DIM);
    let file = bench.npy("vectors.npy", &matrix);
    let counts = |report: &Value| {
        ["added", "updated", "unchanged", "removed"].map(|name| report[name].as_u64().unwrap())
    };
    assert_eq!(
        counts(&bench.import(&[&file, "--metric", "ip"])),
        [60, 0, 0, 0]
    );
    let change = || {
        bench.run(&["stats", "--json"]).expect(0).json()[0]["change"]
            .as_u64()
            .unwrap()
    };
    let before = change();
    assert_eq!(counts(&bench.import(&[&file])), [0, 0, 60, 0]);
    assert!(
        change() <= before + 1,
        "the end of the run is noted, and nothing else"
    );
    matrix.numbers[DIM] = 77.0;
    matrix.numbers.truncate((ROWS - 2) * DIM);
    bench.npy("vectors.npy", &matrix);
    assert_eq!(counts(&bench.import(&[&file])), [0, 1, 57, 2]);
    let out = bench.path("out.npy");
    bench.run(&["export", &out]).expect(0);
    assert_eq!(read(&out), matrix);
    let other = bench.npy("others.npy", &numbers(5, DIM));
    assert_eq!(counts(&bench.import(&[&other])), [5, 0, 0, 0]);
    let stats = &bench.run(&["stats", "--json"]).expect(0).json()[0];
    assert_eq!(stats["n_items"], 63);
    bench.run(&["check"]).expect(0);
}

#[test]
fn files_that_other_libraries_wrote_bring_their_ids_and_metrics() {
    let bench = Bench::new();
    for (name, flags, metric, first) in [
        ("idmap.faiss", &[][..], "ip", "#-1"),
        ("flat-l2.faiss", &[], "l2", "#0"),
        ("hnsw.faiss", &[], "l2", "#0"),
        (
            "angular.ann",
            &["--annoy-dim", "5", "--annoy-metric", "angular"],
            "cosine",
            "#0",
        ),
        ("f.fvecs", &[], "cosine", "#0"),
    ] {
        let file = kept(name);
        let arguments = [&["--collection", name, &file], flags].concat();
        let report = bench.import(&arguments);
        assert_eq!(report["metric"], metric, "{name}");
        let out = bench.path(&format!("{name}.npy"));
        bench.run(&["--collection", name, "export", &out]).expect(0);
        let names = std::fs::read_to_string(format!("{out}.names.jsonl")).unwrap();
        assert!(
            names
                .lines()
                .next()
                .unwrap()
                .contains(&format!("{name}{first}\"")),
            "{names}"
        );
    }
}

#[test]
fn a_folder_of_clip_retrieval_comes_back_as_it_went() {
    let bench = Bench::new();
    let report = bench.import(&["--collection", "clip", &kept("clip")]);
    assert_eq!(
        (
            report["captions"].as_u64(),
            report["caption_vectors"].as_u64()
        ),
        (Some(6), Some(6))
    );
    let out = bench.path("clip");
    bench
        .run(&[
            "--collection",
            "clip",
            "export",
            &out,
            "--kind",
            "clip-retrieval",
        ])
        .expect(0);
    let folder = clip_retrieval::read(Path::new(&out), u64::MAX).unwrap();
    let paths: Vec<_> = folder
        .paths
        .iter()
        .flatten()
        .flatten()
        .map(|path| path.to_string())
        .collect();
    assert_eq!(paths[..2], ["/pictures/0-0.jpg", "/pictures/0-1.jpg"]);
    assert_eq!(folder.captions.unwrap()[2].as_deref(), Some("猫"));
    assert_eq!(folder.texts.map(|texts| texts.rows()), Some(7));
    let copy = bench.import(&["--collection", "copy", &out]);
    assert_eq!(
        (copy["added"].as_u64(), copy["captions"].as_u64()),
        (Some(7), Some(6))
    );
    let ran = bench.run(&[
        "--collection",
        "clip",
        "search",
        "--vector",
        &kept("clip"),
        "--row",
        "4",
        "--json",
    ]);
    assert_eq!(
        ran.expect(0).json()[0]["results"][0]["path"],
        "/pictures/1-1.jpg"
    );
}

#[test]
fn captions_of_a_file_are_kept_with_the_rows() {
    let bench = Bench::new();
    let file = bench.npy("vectors.npy", &numbers(3, DIM));
    let captions = bench.path("captions.txt");
    std::fs::write(&captions, "a cat\n\na dog\n").unwrap();
    let report = bench.import(&[&file, "--captions", &captions]);
    assert_eq!(report["captions"], 2);
    let out = bench.path("out");
    bench
        .run(&["export", &out, "--kind", "clip-retrieval"])
        .expect(0);
    let folder = clip_retrieval::read(Path::new(&out), u64::MAX).unwrap();
    let said: Vec<_> = folder
        .captions
        .unwrap()
        .into_iter()
        .map(|text| text.map(|text| text.to_string()))
        .collect();
    assert_eq!(
        said,
        [Some("a cat".to_owned()), None, Some("a dog".to_owned())]
    );
    std::fs::write(&captions, "too few\n").unwrap();
    bench
        .run(&["import", &file, "--captions", &captions])
        .expect(2);
}

#[test]
fn a_collection_of_images_is_exported_and_asked_with_vectors() {
    let bench = Bench::new();
    for (space, dim) in [("image", 512), ("visual", 1280)] {
        let out = bench.path(&format!("{space}.npy"));
        fovea(database(), &["export", &out, "--space", space]).expect(0);
        let matrix = read(&out);
        assert_eq!((matrix.rows(), matrix.dim), (785, dim));
        let names = std::fs::read_to_string(format!("{out}.names.jsonl")).unwrap();
        let named: Value = serde_json::from_str(names.lines().nth(9).unwrap()).unwrap();
        // Which space it is follows from the dimension.
        let ran = fovea(
            database(),
            &["search", "--vector", &out, "--row", "9", "--json"],
        )
        .expect(0);
        let best = &ran.json()[0]["results"][0];
        assert_eq!(best["path"], named["path"]);
        assert!(best["score"].as_f64().unwrap() > 0.99);
    }
    let wrong = bench.npy("wrong.npy", &numbers(1, DIM));
    let ran = fovea(database(), &["search", "--vector", &wrong]).expect(2);
    assert!(
        ran.stderr.contains("7 numbers") && ran.stderr.contains("512"),
        "{}",
        ran.stderr
    );
    let ran = fovea(database(), &["import", &wrong]).expect(2);
    assert!(ran.stderr.contains("--collection NAME"), "{}", ran.stderr);
}
