//! A database of each released schema is kept and must be read for ever.

use std::path::{Path, PathBuf};

use fovea_vectordb::conformance::{
    content, draft, imported_pack, pack, put_imported, put_with_vectors,
};
use fovea_vectordb::{
    Caption, CaptionOrigin, Change, DATABASE_FILE, Database, Embedded, Field, Filter, Metric,
    OpenMode, Parts, SourceKind, VectorQuery, Wanted,
};

const PACK: &str = "fingerprint-a";
const IMPORTED: &str = "imported-l2";

fn fixture(schema: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/schema-{schema}.db"))
}

/// Makes the fixture of the present schema, when a new one is released:
/// `cargo test -p fovea-vectordb --test kept -- --ignored`.
#[test]
#[ignore = "writes a fixture"]
fn make_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let db = Embedded::open(folder.path(), "photos", OpenMode::Create).unwrap();
    db.register_pack(&pack(PACK)).unwrap();
    let source = db.source(SourceKind::Root, Path::new("/pictures")).unwrap();
    for n in 0..3 {
        let mut draft = draft(source, format!("folder/{n}.png").as_bytes(), n);
        draft
            .metadata
            .insert("iso".to_owned(), vec![i64::from(n * 100).into()]);
        let (text, lang) = ("a caption".to_owned(), Some("en".to_owned()));
        draft.captions = vec![Caption {
            lang,
            text,
            origin: CaptionOrigin::File,
        }];
        db.write(&put_with_vectors(draft, n).into()).unwrap();
    }
    drop(db);
    let db = Embedded::open(folder.path(), "vectors", OpenMode::Create).unwrap();
    db.register_pack(&imported_pack(IMPORTED, 3, Metric::L2))
        .unwrap();
    let source = db
        .source(SourceKind::Import, Path::new("/vectors.npy"))
        .unwrap();
    for n in 0..3 {
        let draft = draft(source, format!("#{n}").as_bytes(), n);
        let batch = put_imported(draft, n, IMPORTED, vec![n as f32, 0.1, 1e5]);
        db.write(&batch.into()).unwrap();
    }
    drop(db);
    let made = fixture(fovea_vectordb::SCHEMA_VERSION);
    std::fs::copy(folder.path().join(DATABASE_FILE), made).unwrap();
}

/// The one door: a copy of the kept file answers as it did.
fn check(schema: i64) {
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite, OpenMode::ReadOnly] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(fixture(schema), folder.path().join(DATABASE_FILE)).unwrap();
        check_photos(folder.path(), mode);
        // What was written once stands in the newest schema ever after.
        check_photos(folder.path(), OpenMode::ReadOnly);
        if schema >= 2 {
            check_vectors(folder.path(), mode);
        }
        check_words(folder.path(), schema >= 3 || mode != OpenMode::ReadOnly);
    }
}

fn check_photos(folder: &Path, mode: OpenMode) {
    let db = Embedded::open(folder, "photos", mode).unwrap();
    assert_eq!(db.packs().unwrap(), [pack(PACK)]);
    assert_eq!(db.check().unwrap(), []);
    assert!(db.change().unwrap() >= Change(6));
    let items = db.items(&db.scan(&Filter::All, None, 10).unwrap()).unwrap();
    assert_eq!(items.len(), 3);
    for item in &items {
        let n = item.content.dhash as u32;
        assert_eq!(item.content, content(n));
        assert_eq!(item.path, format!("folder/{n}.png").into_bytes());
        assert_eq!(item.metadata["iso"], [i64::from(n * 100).into()]);
        assert_eq!(item.captions[0].text, "a caption");
    }
    for (space, vector) in [
        ("image", &[1.0f32, 0.0, 0.0][..]),
        ("caption", &[0.0, 1.0, 0.0]),
        ("visual", &[1.0; 4]),
    ] {
        let filter = &Filter::All;
        let query = VectorQuery {
            pack: PACK,
            space,
            vector,
            top_k: 9,
            filter,
            parts: Parts::default(),
        };
        assert_eq!(db.search(&query).unwrap().len(), 3, "{space}");
    }
}

fn check_vectors(folder: &Path, mode: OpenMode) {
    let db = Embedded::open(folder, "vectors", mode).unwrap();
    assert_eq!(
        db.packs().unwrap(),
        [imported_pack(IMPORTED, 3, Metric::L2)]
    );
    assert_eq!(db.check().unwrap(), []);
    let query = VectorQuery {
        pack: IMPORTED,
        space: "image",
        vector: &[2.0, 0.1, 1e5],
        top_k: 3,
        filter: &Filter::All,
        parts: Parts::default(),
    };
    let hits = db.search(&query).unwrap();
    let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
    assert_eq!(scores, [0.0, -1.0, -4.0]);
    let first = db.items(&[hits[0].item]).unwrap();
    assert_eq!(first[0].absolute(), Path::new("/vectors.npy#2"));
}

/// Words are known from schema 3 on, and where an older one was written since.
fn check_words(folder: &Path, known: bool) {
    let db = Embedded::open(folder, "photos", OpenMode::ReadOnly).unwrap();
    let wanted = |word: &str| Wanted {
        any: vec![vec![word.to_owned()]],
        worth: 1.0,
    };
    for word in ["caption", "folder"] {
        let hits = db.keywords(&[wanted(word)], &Filter::All).unwrap();
        assert_eq!(hits.len(), if known { 3 } else { 0 }, "{word}");
    }
    assert_eq!(db.known_words("folder").unwrap().len(), usize::from(known));
    let tagged = db.count(&Filter::Exists(Field::Tag)).unwrap();
    assert_eq!(tagged, 0);
}

#[test]
fn schema_1_is_read() {
    check(1);
}

#[test]
fn schema_1_becomes_the_newest_where_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture(1), folder.path().join(DATABASE_FILE)).unwrap();
    let old = Embedded::open(folder.path(), "photos", OpenMode::ReadOnly).unwrap();
    let db = Embedded::open(folder.path(), "vectors", OpenMode::Create).unwrap();
    db.register_pack(&imported_pack(IMPORTED, 3, Metric::L2))
        .unwrap();
    db.source(SourceKind::Import, Path::new("/vectors.npy"))
        .unwrap();
    // Whoever reads meanwhile reads on.
    assert_eq!(old.packs().unwrap(), [pack(PACK)]);
    assert_eq!(old.check().unwrap(), []);
    drop((old, db));
    check_photos(folder.path(), OpenMode::ReadWrite);
}

#[test]
fn schema_2_is_read() {
    check(2);
}

#[test]
fn schema_3_is_read() {
    check(3);
}
