//! What was removed is in no file any more.

use std::fs;
use std::path::Path;

use fovea_vectordb::conformance::{draft, pack, put_with_vectors};
use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Database, Embedded, Filter, OpenMode, Operation, SourceKind,
};

const CAPTION: &str = "words that nobody is to read again";

fn stands_in(folder: &Path, bytes: &[u8]) -> bool {
    let stands = |entry: fs::DirEntry| {
        let path = entry.path();
        match path.is_dir() {
            true => stands_in(&path, bytes),
            false => {
                let file = fs::read(path).unwrap();
                file.windows(bytes.len()).any(|piece| piece == bytes)
            }
        }
    };
    let mut entries = fs::read_dir(folder).unwrap();
    entries.any(|entry| stands(entry.unwrap()))
}

fn is_kept(database: &Embedded, bytes: &[u8]) -> bool {
    let mut is_kept = false;
    let mut look = |value: &[u8]| {
        is_kept |= value.windows(bytes.len()).any(|piece| piece == bytes);
    };
    database.each_value(&mut look).unwrap();
    is_kept
}

#[test]
fn what_was_removed_is_in_no_file_any_more_and_the_rest_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = Embedded::open(folder.path(), "photos", OpenMode::Create).unwrap();
    database.register_pack(&pack("fingerprint-a")).unwrap();
    let source = database
        .source(SourceKind::Root, Path::new("/pictures"))
        .unwrap();
    for n in 0..200 {
        let name = format!("folder-{n}/the-name-of-picture-{n}.png");
        let mut draft = draft(source, name.as_bytes(), n);
        if n == 100 {
            draft.captions = vec![Caption {
                lang: None,
                text: CAPTION.to_owned(),
                origin: CaptionOrigin::File,
            }];
        }
        database.write(&put_with_vectors(draft, n).into()).unwrap();
    }
    let name = b"the-name-of-picture-100.png";
    let other = b"the-name-of-picture-101.png";
    let index = folder.path().join("index");
    fs::create_dir_all(&index).unwrap();
    fs::write(index.join("1-1.asked"), "a search of the past").unwrap();
    assert!(is_kept(&database, CAPTION.as_bytes()) && is_kept(&database, name));
    let gone = database
        .find(source, b"folder-100/the-name-of-picture-100.png")
        .unwrap()
        .unwrap();
    let batch: Batch = [Operation::RemoveItem(gone)].into_iter().collect();
    database.write(&batch).unwrap();
    database.sweep().unwrap();
    assert!(!is_kept(&database, CAPTION.as_bytes()) && !is_kept(&database, name));
    // Removed is not gone: SQLite leaves the bytes where they were.
    assert!(stands_in(folder.path(), CAPTION.as_bytes()));
    assert!(stands_in(folder.path(), name));
    // Another process that reads now and then is no hindrance.
    let reader = Embedded::open(folder.path(), "photos", OpenMode::ReadOnly).unwrap();
    assert_eq!(reader.count(&Filter::All).unwrap(), 199);
    let before = database.change().unwrap();
    database.scrub().unwrap();
    for needle in [CAPTION.as_bytes(), name, b"a search of the past"] {
        assert!(!stands_in(folder.path(), needle));
    }
    assert!(stands_in(folder.path(), other) && is_kept(&database, other));
    assert_eq!(database.change().unwrap(), before);
    assert_eq!(reader.count(&Filter::All).unwrap(), 199);
    assert_eq!(database.check().unwrap(), []);
    assert!(reader.scrub().is_err(), "it was opened for reading");
}
