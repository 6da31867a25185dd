//! A collection moves to another pack, and back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use fovea_encode::Pixels;
use fovea_encode::fake::FakeEncoder;
use fovea_engine::{
    Engine, IndexEvent, Kept, MigrateFrom, Migration, Observer, Query, SearchOptions, Silent, saved,
};
use fovea_vectordb::{
    Batch, Content, ContentHash, Database, Filter, ItemDraft, Metadata, Operation, Part, SourceKind,
};

use crate::fixture::{BLUE, Fixture, GREEN, RED, open};

const SIX: u64 = 6;

/// Six pictures, two of each colour; the red ones have a caption.
fn colours() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..2 {
        fixture.paint(&format!("red{number}.png"), RED, number);
        fixture.write(&format!("red{number}.txt"), b"seven umbrellas");
        fixture.paint(&format!("green{number}.png"), GREEN, number);
        fixture.paint(&format!("blue{number}.png"), BLUE, number);
    }
    fixture.index();
    let query = Query::from_syntax("red").unwrap();
    saved::add(fixture.engine.database(), "warm", query, false).unwrap();
    fixture
}

fn other(fixture: &Fixture) -> Engine {
    open(&fixture.database, FakeEncoder::named("other", "1"))
}

/// Moves the fixture's collection to `to`.
fn moved(fixture: &Fixture, to: &Engine, kept: Kept, observer: &dyn Observer) -> Migration {
    migrate(&fixture.engine, to, kept, observer)
}

fn migrate(from: &Engine, to: &Engine, kept: Kept, observer: &dyn Observer) -> Migration {
    let from = MigrateFrom {
        fingerprint: &from.encoder().spec().fingerprint,
        engine: Some(from),
        kept,
        reads_alike: kept == Kept::Features,
    };
    to.migrate(from, false, observer).unwrap()
}

fn forget_originals(fixture: &Fixture) {
    std::fs::remove_dir_all(&fixture.root).unwrap();
}

/// The name of the best result.
fn best(engine: &Engine, words: &str) -> String {
    let query = Query::from_arguments(&[words]).unwrap();
    let found = engine.search(&query, &SearchOptions::default()).unwrap();
    let path = found.results[0].item.absolute();
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn active(database: &dyn Database) -> String {
    database.active_pack().unwrap().unwrap().name
}

#[track_caller]
fn check(kept: Kept, expect: impl Fn(&Migration) -> u64) {
    let fixture = colours();
    forget_originals(&fixture);
    let to = other(&fixture);
    let done = moved(&fixture, &to, kept, &Silent);
    assert_eq!(
        (expect(&done), done.n_left, done.n_captions),
        (SIX, 0, 1),
        "{done:?}"
    );
    assert_eq!(active(to.database()), "other");
    assert!(best(&to, "blue").starts_with("blue"));
    assert!(best(&to, "seven umbrellas").starts_with("red"));
    let compared = &done.comparisons[0];
    assert_eq!((compared.name.as_str(), compared.overlap()), ("warm", 1.0));
    assert!(compared.before[0].contains("red"), "{compared:?}");
}

#[test]
fn kept_features_serve_without_a_single_picture() {
    check(Kept::Features, |done| done.n_from_features);
}

#[test]
fn previews_serve_where_features_do_not() {
    check(Kept::Pictures, |done| done.n_from_previews);
}

#[test]
fn originals_serve_where_there_is_no_preview_and_what_is_gone_is_counted() {
    let fixture = colours();
    std::fs::remove_dir_all(fixture.database.join("previews")).unwrap();
    std::fs::remove_file(fixture.path("red0.png")).unwrap();
    let to = other(&fixture);
    let done = moved(&fixture, &to, Kept::Pictures, &Silent);
    assert_eq!(
        (done.n_from_originals, done.n_left, done.is_moved),
        (SIX - 1, 1, false),
        "{done:?}"
    );
    assert_eq!(
        active(to.database()),
        "fake",
        "a picture would be lost to searches"
    );
    let from = MigrateFrom {
        fingerprint: &fixture.engine.encoder().spec().fingerprint,
        engine: None,
        kept: Kept::Pictures,
        reads_alike: false,
    };
    assert!(to.migrate(from, true, &Silent).unwrap().is_moved);
    assert_eq!(active(to.database()), "other");
}

#[test]
fn the_way_back_is_one_step_and_takes_along_what_came_since() {
    let fixture = colours();
    let to = other(&fixture);
    moved(&fixture, &to, Kept::Features, &Silent);
    let previous = Engine::previous_pack(to.database()).unwrap();
    assert_eq!(
        previous.as_ref(),
        Some(&fixture.engine.encoder().spec().fingerprint)
    );
    fixture.paint("green9.png", GREEN, 9);
    to.index(
        std::slice::from_ref(&fixture.root),
        &Default::default(),
        &Silent,
    )
    .unwrap();
    assert_eq!(
        active(to.database()),
        "other",
        "indexing does not move a collection"
    );
    let back = migrate(&to, &fixture.engine, Kept::Features, &Silent);
    assert_eq!((back.n_known, back.n_from_features), (SIX, 1), "{back:?}");
    assert_eq!(active(to.database()), "fake");
    assert_eq!(
        fixture
            .find(&["green"], 3)
            .iter()
            .filter(|path| path.starts_with("green"))
            .count(),
        3
    );
}

#[test]
fn a_run_with_the_old_pack_does_not_undo_the_move() {
    let fixture = colours();
    let to = other(&fixture);
    moved(&fixture, &to, Kept::Features, &Silent);
    fixture.paint("green9.png", GREEN, 9);
    fixture.index();
    assert_eq!(active(to.database()), "other");
}

/// Stops a run at the first sign of life.
#[derive(Default)]
struct Impatient(AtomicBool);

impl Observer for Impatient {
    fn on(&self, _event: IndexEvent) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_migration_that_is_cut_short_leaves_the_old_pack_and_goes_on_later() {
    let fixture = colours();
    let to = other(&fixture);
    let stopped = moved(&fixture, &to, Kept::Features, &Impatient::default());
    assert!(
        stopped.interrupted && stopped.n_from_features > 0,
        "{stopped:?}"
    );
    assert_eq!(active(to.database()), "fake");
    assert!(best(&fixture.engine, "blue").starts_with("blue"));
    let done = moved(&fixture, &to, Kept::Features, &Silent);
    assert_eq!((done.n_known, done.n_from_features), (SIX, 0), "{done:?}");
    assert_eq!(active(to.database()), "other");
}

#[test]
fn visual_vectors_of_a_projection_are_kept_and_searched() {
    let fixture = colours();
    let to = open(&fixture.database, FakeEncoder::projected("look"));
    let done = moved(&fixture, &to, Kept::Features, &Silent);
    assert_eq!((done.n_from_features, done.is_moved), (SIX, true));
    let spec = to.encoder().spec().clone();
    let alike = |engine: &Engine, name: &str| {
        let picture = fixture.path(name).to_string_lossy().into_owned();
        best(engine, &picture)
    };
    assert_eq!(alike(&to, "blue1.png"), "blue1.png");
    // What comes later has one too, and all are as long as the pack says.
    fixture.paint("late.png", [120, 30, 200], 40);
    let roots = [fixture.root.clone()];
    to.index(&roots, &Default::default(), &Silent).unwrap();
    assert_eq!(alike(&to, "late.png"), "late.png");
    let ids = to.database().scan(&Filter::All, None, 100).unwrap();
    let vectors = to
        .database()
        .vectors(&spec.fingerprint, "visual", &ids)
        .unwrap();
    assert_eq!(vectors.len(), ids.len());
    assert!(
        vectors
            .iter()
            .all(|one| one.vector.len() == spec.visual_dim)
    );
}

/// Kept features of so many pictures that nobody has any more, the first with three parts.
fn keep_features(fixture: &Fixture, n: u32) {
    let (database, encoder) = (fixture.engine.database(), fixture.engine.encoder());
    let pack = encoder.spec().fingerprint.clone();
    let root = database
        .source(SourceKind::Root, std::path::Path::new("/gone"))
        .unwrap();
    let mut batch = Batch::new();
    for number in 0..n {
        let [_, r, g, b] = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let image = Pixels::new(2, 2, [r, g, b].repeat(4)).unwrap();
        let feature = encoder.features(&[&image]).unwrap().remove(0);
        let hash = ContentHash::of(&number.to_le_bytes());
        batch.push(Operation::PutContent(Content {
            hash,
            bytes: 1,
            width: 2,
            height: 2,
            format: "png".to_owned(),
            phash: 0,
            dhash: 0,
            hash_version: 1,
            colors: Vec::new(),
            color_version: 1,
            preview_version: 0,
        }));
        batch.push(Operation::PutItem(ItemDraft {
            source: root,
            path: format!("{number}.png").into_bytes(),
            content: hash,
            size: 1,
            mtime_ns: 1,
            checked_ns: 1,
            metadata: Metadata::new(),
            captions: Vec::new(),
        }));
        for index in 0..if number == 0 { 3 } else { 1 } {
            batch.push(Operation::PutFeature {
                content: hash,
                pack: pack.clone(),
                part: Part {
                    index,
                    ..Part::WHOLE
                },
                feature: feature.clone(),
            });
        }
    }
    database.write(&batch).unwrap();
}

#[test]
fn many_come_in_pages_each_once_and_go_on_where_they_were_cut() {
    const MANY: u32 = 3_000;
    let fixture = Fixture::new();
    fixture
        .engine
        .database()
        .register_pack(&fovea_engine::pack_record(fixture.engine.encoder()))
        .unwrap();
    keep_features(&fixture, MANY);
    let to = other(&fixture);
    let stopped = moved(&fixture, &to, Kept::Features, &Impatient::default());
    let first = stopped.n_from_features;
    assert!((1..1_000).contains(&first), "{stopped:?}");
    let done = moved(&fixture, &to, Kept::Features, &Silent);
    assert_eq!(
        (done.n_known, done.n_from_features, done.n_left),
        (first, u64::from(MANY) - first, 0),
        "{done:?}"
    );
    assert!(done.is_moved && to.has_seen_all().unwrap());
    let (database, encoder) = (to.database(), to.encoder());
    let pack = &encoder.spec().fingerprint;
    let parts = database.feature(pack, ContentHash::of(&0_u32.to_le_bytes()));
    assert_eq!(parts.unwrap().len(), 3);
    let ids = database.scan(&Filter::All, None, 5_000).unwrap();
    assert_eq!(ids.len(), MANY as usize);
    let vectors = database.vectors(pack, "image", &ids).unwrap();
    assert_eq!(vectors.len(), MANY as usize + 2);
    // The tags are those that the pack gives, of all of them.
    for item in database.items(&ids).unwrap() {
        let feature = &database.feature(pack, item.content.hash).unwrap()[0].1;
        let expect = encoder.tags(feature).unwrap();
        let expect: BTreeSet<&str> = expect.iter().map(|tag| tag.name.as_str()).collect();
        let found: BTreeSet<&str> = item.tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(found, expect, "{:?}", item.path);
    }
}
