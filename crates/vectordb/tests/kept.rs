//! A database of each released schema is kept and must be read for ever.

use std::path::{Path, PathBuf};

use fovea_vectordb::conformance::{content, draft, pack, put_with_vectors};
use fovea_vectordb::{
    Caption, CaptionOrigin, Change, DATABASE_FILE, Database, Embedded, Filter, OpenMode,
    SourceKind, VectorQuery,
};

const PACK: &str = "fingerprint-a";

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
    let made = fixture(fovea_vectordb::SCHEMA_VERSION);
    std::fs::copy(folder.path().join(DATABASE_FILE), made).unwrap();
}

/// The one door: a copy of the kept file answers as it did.
fn check(schema: i64) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture(schema), folder.path().join(DATABASE_FILE)).unwrap();
    let db = Embedded::open(folder.path(), "photos", OpenMode::ReadWrite).unwrap();
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
        };
        assert_eq!(db.search(&query).unwrap().len(), 3, "{space}");
    }
}

#[test]
fn schema_1_is_read() {
    check(1);
}
