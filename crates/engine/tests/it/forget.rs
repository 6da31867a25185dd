//! Forgetting for good: a plain search of every file, which knows nothing of how it is done, finds what is there and no more.

use std::fs;
use std::path::Path;

use fovea_engine::concepts::{Example, ExampleOf};
use fovea_engine::events::{self, Event, EventKind};
use fovea_engine::forget::Kind;
use fovea_engine::{Forgotten, IndexOptions, Query, saved};
use fovea_vectordb::{Filter, Item, ItemId};

use crate::fixture::{BLUE, Fixture, GREEN, RED};

const SECRET: &str = "grandmother-in-the-garden.png";
const CAPTION: &str = "Nobody is to know about the roses of grandmother";

/// A few pictures, one of which has much to be forgotten.
fn library() -> Fixture {
    let fixture = Fixture::new();
    let secret = fixture.paint(&format!("private/{SECRET}"), RED, 1);
    // With enough in it that its small picture is like no other.
    let picture = image::RgbImage::from_fn(96, 64, |x, y| {
        let noise = (x * 7919 + y * 104_729) % 61;
        image::Rgb([200 + (noise % 50) as u8, noise as u8, (noise / 2) as u8])
    });
    picture.save(&secret).unwrap();
    fixture.write("private/grandmother-in-the-garden.txt", CAPTION.as_bytes());
    for number in 2..6 {
        fixture.paint(&format!("private/green{number}.png"), GREEN, number);
        fixture.paint(&format!("blue{number}.png"), BLUE, number);
    }
    fixture.index();
    fixture
}

fn item(fixture: &Fixture, name: &str) -> Item {
    let database = fixture.engine.database();
    let ids = database.scan(&Filter::All, None, 1_000).unwrap();
    let mut items = database.items(&ids).unwrap().into_iter();
    items
        .find(|item| item.path.ends_with(name.as_bytes()))
        .unwrap()
}

fn forget(fixture: &Fixture, name: &str) -> Forgotten {
    let forgotten = fixture.engine.forget(&[item(fixture, name).id]).unwrap();
    assert_eq!(forgotten.searched.traces, [], "{name}");
    forgotten
}

/// Files below a folder in which the bytes stand.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut holding = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding.extend(self::holding(&path, bytes));
        } else if fs::read(&path)
            .unwrap()
            .windows(bytes.len())
            .any(|piece| piece == bytes)
        {
            holding.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    holding
}

#[test]
fn nothing_of_a_picture_stays_in_any_file() {
    let fixture = library();
    let database = fixture.engine.database();
    let secret = item(&fixture, SECRET);
    let jpeg = fixture
        .engine
        .previews()
        .read(&secret.content.hash)
        .unwrap();
    let query = Query::from_syntax(&format!("#{}", secret.id)).unwrap();
    saved::add(database, "roses", query, false).unwrap();
    let event = |item: ItemId, query: &str| Event {
        at_us: query.len() as u64,
        item,
        kind: EventKind::Liked,
        query: query.to_owned(),
    };
    let other = item(&fixture, "blue2.png").id;
    for event in [
        event(secret.id, "what nobody asked for"),
        event(other, &format!("red + #{} in the dark", secret.id)),
        event(other, "an innocent question"),
    ] {
        events::add(database, &event).unwrap();
    }
    let example = |of| Example { liked: true, of };
    let examples = [secret.id, other].map(|item| example(ExampleOf::Item(item)));
    fixture.engine.teach("family", examples.to_vec()).unwrap();
    let needles: Vec<Vec<u8>> = vec![
        SECRET.into(),
        CAPTION.into(),
        secret.content.hash.0.into(),
        secret.content.hash.to_string().into(),
        jpeg[jpeg.len() / 2..].into(),
        b"what nobody asked for".into(),
        b"in the dark".into(),
    ];
    for needle in &needles {
        // Names of files are no bytes of theirs.
        let is_name = *needle == secret.content.hash.to_string().into_bytes();
        assert_eq!(holding(&fixture.database, needle).is_empty(), is_name);
    }
    let forgotten = forget(&fixture, SECRET);
    assert_eq!(
        (
            forgotten.n_items,
            forgotten.n_contents,
            forgotten.n_captions
        ),
        (1, 1, 1)
    );
    assert_eq!((forgotten.n_events, forgotten.n_examples), (2, 1));
    assert_eq!(forgotten.saved, ["roses"]);
    for needle in &needles {
        let left = holding(&fixture.database, needle);
        assert_eq!(left, [] as [&str; 0], "{}", String::from_utf8_lossy(needle));
    }
    assert!(!fixture.engine.previews().contains(&secret.content.hash));
    assert!(fixture.path(&format!("private/{SECRET}")).exists());
    assert_eq!(events::list(database).unwrap().len(), 1);
    assert_eq!(fixture.paths().len(), 8);
    assert_eq!(fixture.find(&["blue"], 4).len(), 4);
    assert_eq!(fixture.engine.database().check().unwrap(), []);
    assert_eq!(fixture.engine.check_forgotten(false).unwrap().0, 1);
}

#[test]
fn what_was_forgotten_is_passed_over_until_it_is_asked_for() {
    let fixture = library();
    forget(&fixture, SECRET);
    let again = fixture.index();
    assert_eq!((again.forgotten, again.added, again.unchanged), (1, 0, 8));
    assert_eq!(again.skipped, []);
    // Wherever it is moved, and whatever it is called.
    let from = fixture.path(&format!("private/{SECRET}"));
    fs::rename(from, fixture.path("innocent.png")).unwrap();
    assert_eq!(fixture.index().forgotten, 1);
    assert!(
        fixture
            .engine
            .check_forgotten(false)
            .unwrap()
            .1
            .traces
            .is_empty()
    );
    let remembered = fixture.index_with(&IndexOptions {
        remember: true,
        ..IndexOptions::default()
    });
    assert_eq!((remembered.forgotten, remembered.added), (0, 1));
    assert_eq!(fixture.index().unchanged, 9);
    assert_eq!(fixture.engine.check_forgotten(false).unwrap().0, 0);
}

#[test]
fn what_another_picture_has_too_stays_with_it() {
    let fixture = library();
    let copy = fixture.path("copy-of-the-garden.png");
    fs::copy(fixture.path(&format!("private/{SECRET}")), &copy).unwrap();
    fixture.write("copy-of-the-garden.txt", CAPTION.as_bytes());
    fixture.index();
    let forgotten = forget(&fixture, SECRET);
    assert_eq!((forgotten.n_items, forgotten.n_contents), (1, 0));
    assert_eq!(fixture.find(&["red"], 1), ["copy-of-the-garden.png"]);
    assert_eq!(
        holding(&fixture.database, SECRET.as_bytes()),
        [] as [&str; 0]
    );
    assert!(!holding(&fixture.database, CAPTION.as_bytes()).is_empty());
    let again = fixture.index();
    assert_eq!((again.forgotten, again.unchanged), (1, 9));
    // Forgotten in its turn, it takes along what was left to it.
    forget(&fixture, "copy-of-the-garden.png");
    assert_eq!(
        holding(&fixture.database, CAPTION.as_bytes()),
        [] as [&str; 0]
    );
    assert_eq!(fixture.index().forgotten, 2);
}

#[test]
fn what_is_left_all_the_same_is_found_and_removed() {
    let fixture = library();
    let secret = item(&fixture, SECRET);
    let jpeg = fixture
        .engine
        .previews()
        .read(&secret.content.hash)
        .unwrap();
    forget(&fixture, SECRET);
    // As after a process that was killed on its way.
    fixture
        .engine
        .previews()
        .write(&secret.content.hash, &jpeg)
        .unwrap();
    let stray = fixture.database.join("index/stray");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, format!("... {CAPTION} ...")).unwrap();
    let (_, searched) = fixture.engine.check_forgotten(false).unwrap();
    let mut kinds: Vec<Kind> = searched.traces.iter().map(|trace| trace.of).collect();
    kinds.sort();
    kinds.dedup();
    assert!(kinds.contains(&Kind::Text), "{searched:?}");
    let (n, searched) = fixture.engine.check_forgotten(true).unwrap();
    assert_eq!((n, searched.traces), (1, vec![]));
    assert!(!stray.exists());
}

#[test]
fn where_nothing_was_forgotten_nothing_is_looked_for() {
    let fixture = library();
    let (n, searched) = fixture.engine.check_forgotten(true).unwrap();
    assert_eq!((n, searched.n_files), (0, 0));
    let missing = fixture
        .engine
        .forget(&[ItemId::new(12345).unwrap()])
        .unwrap();
    assert_eq!(missing.n_items, 0);
}
