//! What must hold when things go wrong: kill -9, a full disk, two processes,
//! folders that cannot be written, files that are not databases.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fovea_vectordb::conformance::{content, draft, pack, put_with_vectors};
use fovea_vectordb::{
    Batch, DATABASE_FILE, Database, Embedded, Error, Fault, Filter, OpenMode, Operation, Parts,
    SourceId, SourceKind, VectorQuery,
};

const FINGERPRINT: &str = "fingerprint-a";
const ITEMS_PER_BATCH: u32 = 7;

fn open(dir: &Path) -> (Embedded, SourceId) {
    let db = Embedded::open(dir, "photos", OpenMode::Create).unwrap();
    db.register_pack(&pack(FINGERPRINT)).unwrap();
    let source = db.source(SourceKind::Root, Path::new("/pictures")).unwrap();
    (db, source)
}

/// A batch of items that all carry its number in their path.
fn batch(source: SourceId, who: &str, number: u32) -> Batch {
    (0..ITEMS_PER_BATCH)
        .flat_map(|i| {
            let path = format!("{who}/{number}/{i}");
            let n = number * ITEMS_PER_BATCH + i;
            put_with_vectors(draft(source, path.as_bytes(), n), n)
        })
        .collect()
}

fn n_items(db: &Embedded, pattern: &str) -> u32 {
    db.count(&Filter::glob("path", pattern)).unwrap() as u32
}

/// Not a test of its own: the process that gets killed. It says on standard
/// output which batches were acknowledged.
#[test]
#[ignore = "started by other tests as a child process"]
fn child_writer() {
    let (Ok(dir), Ok(who), Ok(first), Ok(last)) = (
        std::env::var("CHILD_DIR"),
        std::env::var("CHILD_NAME"),
        std::env::var("CHILD_FIRST"),
        std::env::var("CHILD_LAST"),
    ) else {
        return;
    };
    let (db, source) = open(Path::new(&dir));
    for number in first.parse::<u32>().unwrap()..last.parse().unwrap() {
        db.write(&batch(source, &who, number)).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {number}").unwrap();
        out.flush().unwrap();
    }
}

fn spawn_writer(dir: &Path, who: &str, first: u32, last: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child_writer", "--exact", "--ignored", "--nocapture"])
        .env("CHILD_DIR", dir)
        .env("CHILD_NAME", who)
        .env("CHILD_FIRST", first.to_string())
        .env("CHILD_LAST", last.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Numbers of the batches the child says were acknowledged, as it says so.
fn acknowledgements(child: &mut Child) -> impl Iterator<Item = u32> + use<> {
    let out = BufReader::new(child.stdout.take().unwrap());
    out.lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("ack ")?.parse().ok())
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    const ROUNDS: u32 = 24;
    const MOST: u32 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = open(folder.path());
    let mut n_acknowledged = 0;
    for round in 0..ROUNDS {
        let who = format!("r{round}");
        let mut child = spawn_writer(folder.path(), &who, 0, MOST);
        let mut said = acknowledgements(&mut child);
        let mut acks: Vec<u32> = said.by_ref().take(1 + round as usize % 4).collect();
        std::thread::sleep(Duration::from_micros(u64::from(round) * 700));
        child.kill().unwrap();
        acks.extend(said);
        child.wait().unwrap();
        for &number in &acks {
            assert_eq!(n_items(&db, &format!("{who}/{number}/*")), ITEMS_PER_BATCH);
        }
        let n = n_items(&db, &format!("{who}/*"));
        assert_eq!(n % ITEMS_PER_BATCH, 0, "round {round}: half a batch");
        let batches = n / ITEMS_PER_BATCH;
        let acks = acks.len() as u32;
        assert!(
            batches == acks || batches == acks + 1,
            "{batches} kept, {acks} acknowledged"
        );
        n_acknowledged += acks;
    }
    assert!(n_acknowledged >= 2 * ROUNDS, "{n_acknowledged}");
    assert_eq!(db.check().unwrap(), []);
    drop(db);
    let (db, _) = open(folder.path());
    assert!(n_items(&db, "*") >= n_acknowledged * ITEMS_PER_BATCH);
}

#[test]
fn two_processes_write_one_database() {
    const BATCHES: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let mut children = ["a", "b"].map(|who| spawn_writer(folder.path(), who, 0, BATCHES));
    for child in &mut children {
        assert!(acknowledgements(child).eq(0..BATCHES));
        assert!(child.wait().unwrap().success());
    }
    let (db, _) = open(folder.path());
    assert_eq!(n_items(&db, "*"), 2 * BATCHES * ITEMS_PER_BATCH);
    assert_eq!(db.check().unwrap(), []);
}

#[test]
fn a_full_disk_keeps_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (db, source) = open(folder.path());
    let mut kept = 0;
    for limit in (400..1200).step_by(100) {
        db.limit_bytes(limit * 1024).unwrap();
        let full = loop {
            match db.write(&batch(source, "x", kept)) {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, Error::Full { .. }), "{full}");
        assert_eq!(full.fault(), Fault::Environment);
        assert!(full.to_string().contains(DATABASE_FILE), "{full}");
        assert_eq!(
            n_items(&db, "*"),
            kept * ITEMS_PER_BATCH,
            "all of a batch or nothing"
        );
    }
    assert!(kept > 20);
    assert_eq!(db.check().unwrap(), []);
    db.limit_bytes(1 << 30).unwrap();
    db.write(&batch(source, "x", kept)).unwrap();
    assert_eq!(n_items(&db, "*"), (kept + 1) * ITEMS_PER_BATCH);
}

/// A link to itself where SQLite wants its lock file is as good as a folder
/// that cannot be written, and root cannot get around it.
fn block_lock_file(dir: &Path) {
    let lock = dir.join(format!("{DATABASE_FILE}-shm"));
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("caf\u{e9} 100%?#&");
    let (db, source) = open(&dir);
    db.write(&batch(source, "x", 0)).unwrap();
    drop(db);
    block_lock_file(&dir);
    let db = Embedded::open(&dir, "photos", OpenMode::ReadOnly).unwrap();
    let query = VectorQuery {
        pack: FINGERPRINT,
        space: "image",
        vector: &[1.0, 0.0, 0.0],
        top_k: 100,
        filter: &Filter::All,
        parts: Parts::default(),
    };
    assert_eq!(db.search(&query).unwrap().len() as u32, ITEMS_PER_BATCH);
    assert_eq!(db.check().unwrap(), []);
    assert!(!db.info().unwrap().writable);
    let refused = Embedded::open(&dir, "photos", OpenMode::ReadWrite)
        .err()
        .unwrap();
    assert_eq!(refused.fault(), Fault::Environment, "{refused}");
}

#[test]
fn unmerged_changes_are_not_overlooked() {
    let folder = tempfile::tempdir().unwrap();
    let (db, source) = open(folder.path());
    db.write(&batch(source, "x", 0)).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal")] {
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
    }
    block_lock_file(copy.path());
    let refused = Embedded::open(copy.path(), "photos", OpenMode::ReadOnly)
        .err()
        .unwrap();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused}");
    assert!(refused.to_string().contains("-wal"), "{refused}");
}

#[test]
fn reading_only_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, source) = open(folder.path());
    writer.write(&batch(source, "x", 0)).unwrap();
    let db = Embedded::open(folder.path(), "photos", OpenMode::ReadOnly).unwrap();
    let refused = db.write(&batch(source, "y", 0)).unwrap_err();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused}");
    assert!(db.set_setting("a", Some("b")).is_err());
    let missing = Embedded::open(folder.path(), "other", OpenMode::ReadOnly)
        .err()
        .unwrap();
    assert!(missing.to_string().contains("photos"), "{missing}");
    writer.write(&batch(source, "x", 1)).unwrap();
    assert_eq!(
        n_items(&db, "*"),
        2 * ITEMS_PER_BATCH,
        "and it follows the writer"
    );
}

#[test]
fn what_is_no_database_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        let refused = Embedded::open(&missing, "photos", mode).err().unwrap();
        assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
        assert!(!missing.exists());
    }
    for (name, bytes) in [
        ("text", &b"Dear diary, today I am no database at all."[..]),
        ("one", b"S"),
    ] {
        let dir = folder.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join(DATABASE_FILE), bytes.repeat(100)).unwrap();
        for mode in [OpenMode::Create, OpenMode::ReadWrite, OpenMode::ReadOnly] {
            let refused = Embedded::open(&dir, "photos", mode).err().unwrap();
            assert_eq!(refused.fault(), Fault::Corruption, "{refused}");
        }
        let kept = std::fs::read(dir.join(DATABASE_FILE)).unwrap();
        assert_eq!(kept, bytes.repeat(100), "and it is left as it was");
    }
    let dir = folder.path().join("file");
    std::fs::write(&dir, "a file where the folder should be").unwrap();
    let refused = Embedded::open(&dir, "photos", OpenMode::Create)
        .err()
        .unwrap();
    assert_eq!(refused.fault(), Fault::Environment, "{refused}");
}

#[test]
fn another_program_s_and_a_newer_database_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = folder.path().join(DATABASE_FILE);
    let ours = std::fs::read(&file).unwrap();
    // Bytes 60 to 63 of the header are the user version, 68 to 71 the application's id.
    let mut newer = ours.clone();
    newer[63] = 99;
    std::fs::write(&file, newer).unwrap();
    let refused = Embedded::open(folder.path(), "photos", OpenMode::Create)
        .err()
        .unwrap();
    assert!(
        matches!(refused, Error::NewerSchema { found: 99, .. }),
        "{refused}"
    );
    let mut other = ours;
    other[68] ^= 1;
    std::fs::write(&file, other).unwrap();
    let refused = Embedded::open(folder.path(), "photos", OpenMode::Create)
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("not a Fovea database"),
        "{refused}"
    );
}

#[test]
fn a_removed_item_leaves_other_copies_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (db, source) = open(folder.path());
    db.write(&put_with_vectors(draft(source, b"a", 1), 1).into())
        .unwrap();
    db.write(&vec![Operation::PutItem(draft(source, b"b", 1))].into())
        .unwrap();
    let a = db.find(source, b"a").unwrap().unwrap();
    db.write(&vec![Operation::RemoveItem(a)].into()).unwrap();
    assert_eq!(db.sweep().unwrap(), 0);
    assert_eq!(db.feature(FINGERPRINT, content(1).hash).unwrap().len(), 1);
}
