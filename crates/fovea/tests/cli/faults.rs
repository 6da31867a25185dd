//! Killed, interrupted, two at once, disk full, read-only: what was acknowledged is never lost.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::program::{Ran, command, fovea, pictures, ran, start};

fn n_items(database: &Path) -> u64 {
    fovea(database, &["stats", "--json"]).expect(0).json()[0]["n_items"]
        .as_u64()
        .unwrap()
}

fn report(ran: &Ran) -> (u64, u64) {
    let report = &ran.json()[0];
    (
        report["added"].as_u64().unwrap(),
        report["unchanged"].as_u64().unwrap(),
    )
}

#[test]
fn killed_again_and_again_it_still_arrives_and_repeats_nothing_it_kept() {
    const N: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, N);
    let root = root.to_string_lossy().into_owned();
    let mut kept = 0;
    for round in 0..8u64 {
        let mut child = start(&database, &["index", &root, "--quiet"]);
        std::thread::sleep(Duration::from_millis(600 + 170 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if !database.join("fovea.db").exists() {
            continue;
        }
        let now = fovea(&database, &["stats", "--json"]);
        let now = if now.code == 0 {
            now.json()[0]["n_items"].as_u64().unwrap()
        } else {
            0
        };
        assert!(now >= kept, "{now} items after a kill, {kept} before");
        kept = now;
        if kept == N as u64 {
            break;
        }
    }
    let ran = fovea(&database, &["index", &root, "--json"]).expect(0);
    assert_eq!(report(&ran), (N as u64 - kept, kept));
    fovea(&database, &["check"]).expect(0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_soon_and_says_that_what_is_done_is_kept() {
    const N: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, N);
    let root = root.to_string_lossy().into_owned();
    let child = start(&database, &["index", &root]);
    std::thread::sleep(Duration::from_millis(1500));
    let signalled = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let ran = ran(child.wait_with_output().unwrap());
    // A fast machine may be done before the signal comes; then there is nothing to stop.
    if ran.code != 0 {
        let ran = ran.expect(130);
        assert!(ran.stderr.contains("goes on from here"), "{}", ran.stderr);
    }
    let kept = n_items(&database);
    let ran = fovea(&database, &["index", &root, "--json"]).expect(0);
    assert_eq!(report(&ran), (N as u64 - kept, kept));
}

#[test]
fn two_processes_on_one_database_agree_while_a_third_searches() {
    const N: usize = 120;
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, N);
    let root = root.to_string_lossy().into_owned();
    fovea(
        &database,
        &["index", &root, "--captions", "none", "--exclude", "*"],
    )
    .expect(0);
    let both = [0, 1].map(|_| start(&database, &["index", &root, "--exclude", "", "--json"]));
    for _ in 0..5 {
        let ran = fovea(&database, &["--json", "search", "a cat"]);
        assert!(ran.code == 0 || ran.code == 1, "{ran:?}");
    }
    for child in both {
        ran(child.wait_with_output().unwrap()).expect(0);
    }
    assert_eq!(n_items(&database), N as u64);
    fovea(&database, &["check"]).expect(0);
}

/// A small file system of its own, where the user may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    fn remount_read_only(&self) {
        let done = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(self.0.path())
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_named_and_what_was_kept_is_still_found() {
    let Some(disk) = SmallDisk::mount("2m") else {
        // Only root may mount; the same fault is tested through SQLite's own limit in `vectordb`.
        eprintln!("no file system can be mounted here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (disk.0.path().join("db"), folder.path().join("pictures"));
    pictures(&root, 400);
    let ran = fovea(&database, &["index", &root.to_string_lossy()]).expect(3);
    let message = ran.stderr.to_lowercase();
    assert!(message.contains("no space left"), "{message}");
    let kept = n_items(&database);
    let found = fovea(&database, &["--json", "search", "a cat", "--top", "1000"]);
    assert_eq!(
        found.json()[0]["results"].as_array().unwrap().len() as u64,
        kept
    );
}

#[test]
fn copies_that_do_not_fit_on_a_full_disk_stay_where_they_are() {
    const N: usize = 60;
    let Some(disk) = SmallDisk::mount("256k") else {
        eprintln!("no file system can be mounted here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (folder.path().join("db"), folder.path().join("pictures"));
    pictures(&root, 1);
    let first = std::fs::read_dir(&root)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    // Bytes after the picture's end are read by nobody, and take room.
    let mut bytes = std::fs::read(&first).unwrap();
    bytes.resize(20_000, 0);
    for number in 0..N {
        std::fs::write(root.join(format!("copy-{number:02}.png")), &bytes).unwrap();
    }
    std::fs::remove_file(&first).unwrap();
    fovea(&database, &["index", &root.to_string_lossy(), "-q"]).expect(0);
    let away = disk.0.path().join("away");
    let ran = fovea(&database, &["dedupe", "--move", &away.to_string_lossy()]).expect(3);
    assert!(
        ran.stdout.contains("the disk is full"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let is_whole = |path: &Path| std::fs::read(path).is_ok_and(|found| found == bytes);
    let whole = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .filter(|entry| is_whole(&entry.as_ref().unwrap().path()))
            .count()
    };
    let (stayed, moved) = (whole(&root), whole(&away));
    assert_eq!(stayed + moved, N);
    assert!(moved > 0 && stayed > 1, "{stayed} stayed, {moved} moved");
}

#[test]
fn a_read_only_database_is_searched_and_not_written() {
    let Some(disk) = SmallDisk::mount("64m") else {
        eprintln!("no file system can be mounted here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (database, root) = (disk.0.path().join("db"), folder.path().join("pictures"));
    pictures(&root, 5);
    let root = root.to_string_lossy().into_owned();
    fovea(&database, &["index", &root]).expect(0);
    disk.remount_read_only();
    let ran = fovea(&database, &["--json", "search", "a cat"]).expect(0);
    assert_eq!(ran.json()[0]["results"].as_array().unwrap().len(), 5);
    let ran = fovea(&database, &["index", &root]).expect(3);
    assert!(ran.stderr.contains("read-only"), "{}", ran.stderr);
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let database = crate::library::database();
    let mut shell = Command::new("sh");
    let line = format!(
        "{} search cat --top 500 --paths | head -n 1",
        env!("CARGO_BIN_EXE_fovea")
    );
    let ran = ran(shell
        .arg("-c")
        .arg(line)
        .env("FOVEA_DB", database)
        .output()
        .unwrap())
    .expect(0);
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
}

#[test]
fn without_python_a_pull_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut pull = command(folder.path(), &["models", "pull", "base"]);
    let ran = ran(pull
        .env("PATH", "")
        .env("FOVEA_MODELS", folder.path().join("models"))
        .output()
        .unwrap())
    .expect(3);
    assert!(ran.stderr.contains("python3"), "{}", ran.stderr);
}

/// ONNX Runtime would keep a device's name and a queue of events there.
#[test]
fn indexing_leaves_nothing_in_the_home_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (home, root) = (folder.path().join("home"), folder.path().join("pictures"));
    std::fs::create_dir(&home).unwrap();
    pictures(&root, 2);
    let models = fovea_encode::models::default_dir();
    let indexed = command(&folder.path().join("db"), &["index"])
        .arg(&root)
        .env("FOVEA_MODELS", models)
        .env("HOME", &home)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("ORT_DISABLE_TELEMETRY")
        .output()
        .unwrap();
    ran(indexed).expect(0);
    let left: Vec<_> = std::fs::read_dir(&home).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
