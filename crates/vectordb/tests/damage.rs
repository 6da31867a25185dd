//! Every kind of damage to the file: the answer is right, or a typed error,
//! or `check` says so; never a panic, never a wrong answer that nobody could
//! notice.

use std::path::Path;

use fovea_vectordb::conformance::{content, draft, pack, put_with_vectors};
use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, DATABASE_FILE, Database, Embedded, Fault, Filter, Hit, Item,
    OpenMode, Part, Parts, Problem, Result, SourceKind, SourceRecord, Value, VectorQuery,
};

const PACK: &str = "fingerprint-a";
const ITEMS: u32 = 12;

/// A small database with something in every table that is read.
fn small_database() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let db = Embedded::open(folder.path(), "photos", OpenMode::Create).unwrap();
    db.register_pack(&pack(PACK)).unwrap();
    let source = db.source(SourceKind::Root, Path::new("/pictures")).unwrap();
    let mut batch = Batch::new();
    for n in 0..ITEMS {
        let mut draft = draft(source, format!("folder/{n}.png").as_bytes(), n);
        draft
            .metadata
            .insert("iso".to_owned(), vec![Value::Integer(i64::from(n) * 100)]);
        draft
            .metadata
            .insert("camera".to_owned(), vec!["Leica".into(), 1.5.into()]);
        let text = "picture ".repeat(n as usize + 1);
        draft.captions = vec![Caption {
            lang: None,
            text,
            origin: CaptionOrigin::Sidecar,
        }];
        batch.operations.extend(put_with_vectors(draft, n));
    }
    db.write(&batch).unwrap();
    drop(db);
    assert!(
        !folder.path().join(format!("{DATABASE_FILE}-wal")).exists(),
        "all is merged"
    );
    std::fs::read(folder.path().join(DATABASE_FILE)).unwrap()
}

/// Everything a user may be shown.
#[derive(Debug, PartialEq)]
struct Answers {
    sources: Vec<SourceRecord>,
    items: Vec<Item>,
    hits: Vec<Vec<Hit>>,
    features: Vec<(Part, Vec<f32>)>,
    counts: Vec<u64>,
}

fn ask(dir: &Path) -> Result<(Answers, Vec<Problem>)> {
    let db = Embedded::open(dir, "photos", OpenMode::ReadWrite)?;
    let iso = Filter::compare("iso", fovea_vectordb::Comparison::Ge, 500);
    let mut hits = Vec::new();
    for (space, vector) in [
        ("image", &[1.0f32, 0.5, 0.0][..]),
        ("caption", &[0.0, 1.0, 0.0]),
        ("visual", &[1.0; 4]),
    ] {
        for filter in [&Filter::All, &iso] {
            hits.push(db.search(&VectorQuery {
                pack: PACK,
                space,
                vector,
                top_k: 5,
                filter,
                parts: Parts::default(),
            })?);
        }
    }
    let answers = Answers {
        sources: db.sources()?,
        items: db.items(&db.scan(&Filter::All, None, 1000)?)?,
        hits,
        features: db.feature(PACK, content(3).hash)?,
        counts: vec![
            db.count(&iso)?,
            db.count(&Filter::glob("path", "folder/*"))?,
        ],
    };
    Ok((answers, db.check()?))
}

/// The one door: these bytes as a database.
fn check(dir: &Path, bytes: &[u8], truth: &Answers, about: &str) -> bool {
    for entry in std::fs::read_dir(dir).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::fs::write(dir.join(DATABASE_FILE), bytes).unwrap();
    match ask(dir) {
        Ok((answers, problems)) => {
            if problems.is_empty() {
                assert_eq!(answers, *truth, "{about}: wrong and unnoticed");
            }
            answers == *truth && problems.is_empty()
        }
        Err(error) => {
            assert_ne!(error.fault(), Fault::Bug, "{about}: {error}");
            // Bytes of the header that say "only read this" and "made by a newer version".
            let header = ["byte 18", "byte 60", "byte 61", "byte 62", "byte 63"];
            let known = error.fault() != Fault::Environment || header.contains(&about);
            assert!(known, "{about}: {error}");
            false
        }
    }
}

fn truth(dir: &Path, bytes: &[u8]) -> Answers {
    std::fs::write(dir.join(DATABASE_FILE), bytes).unwrap();
    let (truth, problems) = ask(dir).unwrap();
    assert_eq!(problems, []);
    assert_eq!(truth.items.len() as u32, ITEMS);
    truth
}

#[test]
fn any_truncation_is_noticed() {
    let bytes = small_database();
    let folder = tempfile::tempdir().unwrap();
    let truth = truth(folder.path(), &bytes);
    let edges = (0..bytes.len())
        .step_by(8192)
        .flat_map(|at| [at, at + 1, at + 100, at + 8191]);
    for length in edges.chain((0..bytes.len()).step_by(3001)) {
        let whole = check(
            folder.path(),
            &bytes[..length],
            &truth,
            &format!("cut to {length}"),
        );
        // The rest of the last page may be empty; a whole page is always missed.
        assert!(
            !whole || length > bytes.len() - 8192,
            "cut to {length}, and nothing noticed"
        );
    }
}

#[test]
fn flipped_bits_are_noticed_or_harmless() {
    let bytes = small_database();
    let folder = tempfile::tempdir().unwrap();
    let truth = truth(folder.path(), &bytes);
    // Pages are mostly empty: what counts are the header and bytes in use.
    let used = (0..bytes.len()).filter(|&at| bytes[at] != 0);
    let every = used.clone().count() / 1500 + 1;
    let mut noticed = 0;
    for at in (0..100).chain(used.step_by(every)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let whole = check(folder.path(), &damaged, &truth, &format!("byte {at}"));
        noticed += u32::from(!whole);
    }
    assert!(noticed > 500, "only {noticed} were noticed");
}

#[test]
fn overwritten_pages_are_noticed() {
    let bytes = small_database();
    let folder = tempfile::tempdir().unwrap();
    let truth = truth(folder.path(), &bytes);
    for page in 0..bytes.len() / 8192 {
        for fill in [0x00, 0xff, 0x0d] {
            let mut damaged = bytes.clone();
            damaged[page * 8192..(page + 1) * 8192].fill(fill);
            check(
                folder.path(),
                &damaged,
                &truth,
                &format!("page {page} filled with {fill:#x}"),
            );
        }
    }
}
