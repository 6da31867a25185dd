//! The program over a Milvus server, in processes of their own: what one writes another finds, and answers are those of a
//! folder. They run where `FOVEA_MILVUS` names a server, and say so where it does not.

use std::path::Path;

use crate::program::{Ran, command, fovea, ran, stamps};

/// A database of its own on the server, with a folder for what is no row.
pub struct Server {
    pub db: String,
    pub blobs: tempfile::TempDir,
}

impl Server {
    pub fn new() -> Option<Server> {
        let Ok(server) = std::env::var("FOVEA_MILVUS") else {
            eprintln!(
                "SKIPPED, NOT PASSED: FOVEA_MILVUS names no server; scripts/milvus exec CMD... does"
            );
            return None;
        };
        let blobs = tempfile::tempdir().unwrap();
        let name = blobs
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let db = format!("{server}?index=flat&library={}{name}", std::process::id());
        Some(Server { db, blobs })
    }

    pub fn fovea(&self, arguments: &[&str]) -> Ran {
        let mut command = command(Path::new(&self.db), arguments);
        ran(command
            .env("FOVEA_BLOBS", self.blobs.path())
            .output()
            .unwrap())
    }
}

/// Fruit and birds among the stamps.
fn pictures(folder: &Path) {
    for kind in ["food/fruit", "animals/birds"] {
        let from = stamps().join("stamps").join(kind);
        let to = folder.join(kind);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "png") {
                std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

/// Paths and scores of a search.
fn found(ran: Ran) -> Vec<(String, f64)> {
    let answer = ran.expect(0).json().remove(0);
    let results = answer["results"].as_array().unwrap().iter();
    let one = |result: &serde_json::Value| {
        let path = result["path"].as_str().unwrap().to_owned();
        // What only filters were asked for has no score.
        (path, result["score"].as_f64().unwrap_or_default())
    };
    results.map(one).collect()
}

#[test]
fn milvus_answers_as_a_folder_does() {
    let Some(server) = Server::new() else { return };
    let (scratch, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = std::fs::canonicalize(scratch.path()).unwrap();
    pictures(&folder);
    let folder_text = folder.to_string_lossy().into_owned();
    let nothing = server.fovea(&["search", "a bird"]).expect(2);
    assert!(
        nothing.stderr.contains("begin with `fovea index"),
        "{}",
        nothing.stderr
    );
    server.fovea(&["index", &folder_text]).expect(0);
    fovea(local.path(), &["index", &folder_text]).expect(0);

    for query in [
        "a penguin",
        "a red fruit",
        "un oiseau qui vole",
        "path:*banana*",
        "width:>100",
    ] {
        let by_filter = query.contains(':');
        let top = if by_filter { "500" } else { "10" };
        let ask = ["--json", "search", "--top", top, query];
        let (mut there, mut here) = (found(server.fovea(&ask)), found(fovea(local.path(), &ask)));
        if by_filter {
            // Copied within one second they are equals, whose order is that of ids, which belong to a database.
            there.sort_by(|a, b| a.0.cmp(&b.0));
            here.sort_by(|a, b| a.0.cmp(&b.0));
        }
        assert_eq!(there.len(), here.len(), "{query}");
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(there.0, here.0, "{query}");
            assert!(
                (there.1 - here.1).abs() < 2e-3,
                "{query}: {there:?} for {here:?}"
            );
        }
    }
    let stats = |ran: Ran| {
        let mut stats = ran.expect(0).json().remove(0);
        (stats["n_items"].take(), stats["n_contents"].take())
    };
    let there = stats(server.fovea(&["--json", "stats"]));
    assert_eq!(there, stats(fovea(local.path(), &["--json", "stats"])));
    server.fovea(&["check"]).expect(0);

    // What is gone from the folder is gone for the next process.
    let penguin = folder.join("animals/birds/penguin.png");
    std::fs::remove_file(&penguin).unwrap();
    server.fovea(&["index", &folder_text]).expect(0);
    let left = found(server.fovea(&["--json", "search", "--top", "50", "a penguin"]));
    assert!(!left.is_empty() && left.iter().all(|(path, _)| Path::new(path) != penguin));
    let previews = server.blobs.path().join("previews");
    assert!(previews.is_dir(), "previews lie where --blobs says");
}

/// Two workers with a share each, one of which is killed and begun anew, and a reader meanwhile.
#[test]
fn milvus_is_filled_by_several_workers_of_which_one_dies() {
    let Some(server) = Server::new() else { return };
    let (scratch, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = std::fs::canonicalize(scratch.path()).unwrap();
    pictures(&folder);
    let folder = folder.to_string_lossy().into_owned();
    let index = |part: &str| {
        let arguments = ["index", &folder, "--part", part];
        let mut command = command(Path::new(&server.db), &arguments);
        command.env("FOVEA_BLOBS", server.blobs.path());
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let count = || {
        let stats = server.fovea(&["--json", "stats"]);
        (stats.code == 0).then(|| stats.json().remove(0)["n_items"].as_u64().unwrap())
    };
    let (mut first, second) = (index("1/2"), index("2/2"));
    let begun = std::time::Instant::now();
    while count().unwrap_or(0) == 0 && begun.elapsed().as_secs() < 120 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let acknowledged = count().unwrap();
    assert!(acknowledged > 0, "nothing was indexed within two minutes");
    first.kill().unwrap();
    first.wait().unwrap();
    ran(second.wait_with_output().unwrap()).expect(0);
    assert!(count().unwrap() >= acknowledged);
    ran(index("1/2").wait_with_output().unwrap()).expect(0);

    fovea(local.path(), &["index", &folder]).expect(0);
    let paths = |ran: Ran| {
        let mut paths: Vec<String> = found(ran).into_iter().map(|(path, _)| path).collect();
        paths.sort();
        paths
    };
    let ask = ["--json", "search", "--top", "500", "width:>0"];
    let there = paths(server.fovea(&ask));
    assert_eq!(there, paths(fovea(local.path(), &ask)));
    assert!(there.len() > 50, "{}", there.len());
    server.fovea(&["check"]).expect(0);
    // A share removes what is gone of its own, and nothing of the others'.
    std::fs::remove_dir_all(Path::new(&folder).join("food")).unwrap();
    server.fovea(&["index", &folder, "--part", "1/2"]).expect(0);
    let left = count().unwrap();
    server.fovea(&["index", &folder, "--part", "2/2"]).expect(0);
    let birds = there.iter().filter(|path| path.contains("/birds/")).count() as u64;
    assert!(
        left > birds && left < there.len() as u64,
        "{left} of {}",
        there.len()
    );
    assert_eq!(count(), Some(birds));
    let wrong = server.fovea(&["index", &folder, "--part", "3/2"]).expect(2);
    assert!(wrong.stderr.contains("2/4"), "{}", wrong.stderr);
}

/// A folder, a server and another folder with the same in them, and the server is live while it is copied.
#[test]
fn milvus_is_a_copy_of_a_folder_and_a_folder_of_it() {
    let Some(server) = Server::new() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let folder = std::fs::canonicalize(scratch.path()).unwrap();
    let (first, last) = (folder.join("first"), folder.join("last"));
    let root = folder.join("pictures");
    pictures(&root);
    std::fs::write(
        root.join("animals/birds/penguin.txt"),
        "a penguin of my own",
    )
    .unwrap();
    let root_text = root.to_string_lossy().into_owned();
    let index = [
        "index",
        &root_text,
        "--captions",
        "sidecar",
        "--regions=grid",
    ];
    fovea(&first, &index).expect(0);
    fovea(&first, &["saved", "add", "cold", "a", "penguin"]).expect(0);

    let blobs = server.blobs.path().to_string_lossy().into_owned();
    let there = [
        "--json",
        "migrate",
        "--to",
        &server.db,
        "--to-blobs",
        &blobs,
        "--verify",
    ];
    let report = fovea(&first, &there).expect(0).json().remove(0);
    agrees(&report);
    server.fovea(&["check"]).expect(0);
    let ask = ["--json", "search", "@cold"];
    same(&found(server.fovea(&ask)), &found(fovea(&first, &ask)));
    // Both ways of naming an item lead to the same one.
    let id = |ran: Ran| ran.expect(0).json()[0]["results"][0]["item"].clone();
    assert_eq!(id(server.fovea(&ask)), id(fovea(&first, &ask)));
    let refused = fovea(&last, &there).expect(2);
    assert!(
        refused.stderr.contains("nothing to copy"),
        "{}",
        refused.stderr
    );

    goes_on_and_comes_back(&server, [&first, &last], &root, &there);
}

/// What is indexed on the server goes on there, under the same sources, and all of it comes back.
fn goes_on_and_comes_back(server: &Server, [first, last]: [&Path; 2], root: &Path, there: &[&str]) {
    let root_text = root.to_string_lossy().into_owned();
    std::fs::remove_file(root.join("animals/birds/penguin.png")).unwrap();
    let indexed = server.fovea(&["--json", "index", &root_text]).expect(0);
    assert_eq!(indexed.json()[0]["added"], 0, "{}", indexed.stdout);
    let refused = fovea(first, there).expect(2);
    assert!(
        refused.stderr.contains("was written to"),
        "{}",
        refused.stderr
    );

    let back = [
        "--json",
        "migrate",
        "--to",
        &last.to_string_lossy(),
        "--verify",
    ];
    let report = server.fovea(&back).expect(0).json().remove(0);
    agrees(&report);
    fovea(last, &["check"]).expect(0);
    let indexed = fovea(last, &["--json", "index", &root_text]).expect(0);
    let indexed = indexed.json().remove(0);
    assert_eq!(
        (&indexed["added"], &indexed["updated"]),
        (&0.into(), &0.into())
    );
    fovea(first, &["index", &root_text]).expect(0);
    for words in ["a bird", "a red fruit", "@cold"] {
        let ask = ["--json", "search", words];
        same(&found(fovea(last, &ask)), &found(fovea(first, &ask)));
    }
}

#[track_caller]
fn agrees(report: &serde_json::Value) {
    assert_eq!(report["settled"], true, "{report}");
    let all = report["agreement"].as_array().unwrap();
    assert!(all.len() >= 3, "{report}");
    for one in all {
        assert!(one["recall_at_10"].as_f64().unwrap() >= 0.99, "{one}");
    }
}

/// The same paths in the same order, with scores that differ by what rounding does.
#[track_caller]
fn same(there: &[(String, f64)], here: &[(String, f64)]) {
    assert!(!here.is_empty());
    assert_eq!(there.len(), here.len());
    for (there, here) in there.iter().zip(here) {
        assert_eq!(there.0, here.0);
        assert!((there.1 - here.1).abs() < 2e-3, "{there:?} for {here:?}");
    }
}

#[test]
fn milvus_that_is_away_is_told_in_a_line() {
    let scratch = tempfile::tempdir().unwrap();
    let db = "milvus://ann:secret@127.0.0.1:1?timeout=1";
    let away = fovea(
        Path::new(db),
        &["--blobs", &scratch.path().to_string_lossy(), "stats"],
    )
    .expect(3);
    assert!(
        away.stderr
            .contains("milvus://127.0.0.1:1/default does not answer"),
        "{}",
        away.stderr
    );
    assert!(!away.stderr.contains("secret"), "{}", away.stderr);
    let odd = fovea(Path::new("postgres://x"), &["stats"]).expect(2);
    assert!(odd.stderr.contains("milvus://HOST:PORT"), "{}", odd.stderr);
}
