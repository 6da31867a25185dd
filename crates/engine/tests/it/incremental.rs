//! What changes in a folder is what changes in the collection, and nothing is decoded twice.

use std::fs;
use std::sync::atomic::AtomicU64;

use fovea_engine::{IndexOptions, Silent};

use crate::fixture::{BLUE, Fixture, GREEN, RED, StopAfter, YELLOW, age, line, open};

#[test]
fn unchanged_moved_copied_changed_and_deleted() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("b/c.png", GREEN, 2);
    fixture.paint("d.png", BLUE, 3);
    assert_eq!(line(&fixture.index()), "3 added, 3 encoded");
    assert_eq!(line(&fixture.index()), "3 unchanged");

    fs::rename(fixture.path("a.png"), fixture.path("b/moved.png")).unwrap();
    assert_eq!(line(&fixture.index()), "1 moved, 2 unchanged");

    fs::copy(fixture.path("d.png"), fixture.path("copy.png")).unwrap();
    age(&fixture.path("copy.png"), 100);
    assert_eq!(line(&fixture.index()), "1 added, 3 unchanged");

    fixture.paint("d.png", YELLOW, 4);
    assert_eq!(line(&fixture.index()), "1 updated, 3 unchanged, 1 encoded");
    assert_eq!(fixture.find(&["yellow"], 1), ["d.png"]);
    assert_eq!(fixture.find(&["blue"], 1), ["copy.png"]);

    fs::remove_file(fixture.path("b/c.png")).unwrap();
    assert_eq!(line(&fixture.index()), "1 removed, 3 unchanged");
    assert_eq!(fixture.paths(), ["b/moved.png", "copy.png", "d.png"]);
    assert_eq!(fixture.engine.database().stats().unwrap().n_contents, 3);
}

#[test]
fn a_moved_item_keeps_its_id_and_a_touched_file_is_not_decoded() {
    let fixture = Fixture::new();
    let path = fixture.paint("a.png", RED, 1);
    fixture.index();
    let id = |fixture: &Fixture| {
        let database = fixture.engine.database();
        database
            .scan(&fovea_vectordb::Filter::All, None, 10)
            .unwrap()
    };
    let before = id(&fixture);
    fs::create_dir(fixture.path("deep")).unwrap();
    fs::rename(&path, fixture.path("deep/b.png")).unwrap();
    fixture.index();
    assert_eq!(id(&fixture), before);
    age(&fixture.path("deep/b.png"), 50);
    assert_eq!(line(&fixture.index()), "1 unchanged");
}

#[test]
fn a_file_written_twice_within_one_tick_of_the_clock_is_seen() {
    let fixture = Fixture::new();
    let path = fixture.paint("a.bmp", RED, 1);
    age(&path, 0);
    let stamp = fs::metadata(&path).unwrap().modified().unwrap();
    fixture.index();
    // The same size and the same time of change, but another picture.
    fixture.paint("a.bmp", BLUE, 1);
    fs::File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .set_modified(stamp)
        .unwrap();
    assert_eq!(line(&fixture.index()), "1 updated, 1 encoded");
    assert_eq!(fixture.find(&["blue"], 1), ["a.bmp"]);
}

#[test]
fn an_interrupted_run_keeps_what_it_did_and_the_next_goes_on() {
    let fixture = Fixture::new();
    for number in 0..200 {
        fixture.paint(&format!("{number}.png"), RED, number);
    }
    // Enough for several commits, so that it is stopped in the middle.
    let stop = StopAfter {
        n_kept: 1,
        kept: AtomicU64::new(0),
    };
    let options = IndexOptions {
        n_workers: 2,
        ..Default::default()
    };
    let report = fixture
        .engine
        .index(std::slice::from_ref(&fixture.root), &options, &stop)
        .unwrap();
    assert!(report.interrupted);
    let kept = fixture.paths().len() as u64;
    assert_eq!(kept, report.added);
    let report = fixture.index();
    assert_eq!(
        (report.unchanged, report.added, report.encoded),
        (kept, 200 - kept, 200 - kept)
    );
    assert_eq!(fixture.paths().len(), 200);
}

#[test]
fn an_interrupted_run_removes_nothing() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.index();
    fs::remove_file(fixture.path("a.png")).unwrap();
    let stop = StopAfter {
        n_kept: 0,
        kept: AtomicU64::new(0),
    };
    let report = fixture
        .engine
        .index(
            std::slice::from_ref(&fixture.root),
            &IndexOptions::default(),
            &stop,
        )
        .unwrap();
    assert!(report.interrupted);
    assert_eq!(fixture.paths(), ["a.png"]);
}

#[test]
fn two_at_once_on_one_database_agree() {
    let fixture = Fixture::new();
    for number in 0..60 {
        fixture.paint(&format!("{number}.png"), GREEN, number);
    }
    let other = open(&fixture.database, fovea_encode::fake::FakeEncoder::new());
    let root = [fixture.root.clone()];
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            fixture
                .engine
                .index(&root, &IndexOptions::default(), &Silent)
                .unwrap()
        });
        let second = scope.spawn(|| {
            other
                .index(&root, &IndexOptions::default(), &Silent)
                .unwrap()
        });
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(fixture.paths().len(), 60);
    assert_eq!(line(&fixture.index()), "60 unchanged");
    let report = fixture.engine.check(fovea_engine::Repair::No).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn another_pack_reads_every_image_again_and_takes_over_at_the_end() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("b.png", BLUE, 2);
    fixture.index();
    let other = open(
        &fixture.database,
        fovea_encode::fake::FakeEncoder::named("fake", "2"),
    );
    let query = fovea_engine::Query::words("red").unwrap();
    let refused = other
        .search(&query, &Default::default())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("index the collection again"), "{refused}");
    let report = other
        .index(
            std::slice::from_ref(&fixture.root),
            &IndexOptions::default(),
            &Silent,
        )
        .unwrap();
    assert_eq!(report.encoded, 2);
    assert_eq!(
        other
            .search(&query, &Default::default())
            .unwrap()
            .results
            .len(),
        2
    );
    let active = other.database().active_pack().unwrap().unwrap();
    assert_eq!(active.fingerprint, other.encoder().spec().fingerprint);
}

#[test]
fn a_lost_preview_is_found_missing_and_made_again() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("b.png", BLUE, 2);
    fixture.index();
    fs::remove_dir_all(fixture.database.join("previews")).unwrap();
    let report = fixture.engine.check(fovea_engine::Repair::No).unwrap();
    assert_eq!((report.previews_missing, report.is_sound()), (2, false));
    let report = fixture
        .engine
        .check(fovea_engine::Repair::Previews)
        .unwrap();
    assert_eq!(
        (report.previews_made, report.is_sound()),
        (2, true),
        "{report:?}"
    );
    assert!(
        fixture
            .engine
            .check(fovea_engine::Repair::No)
            .unwrap()
            .is_sound()
    );
}
