//! A small thing in a big scene is found by the part it stands in.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use fovea_engine::{
    IndexEvent, IndexOptions, Observer, Query, Regions, Repair, SearchOptions, SearchResult, Spaces,
};
use fovea_vectordb::{ContentHash, Filter, Part};

use crate::fixture::{BLUE, Fixture, GREEN, RED, age, line, open};

/// A picture of one colour with a square of another in it: left and top in pixels, 96 wide.
fn scene(path: &Path, ground: [u8; 3], square: [u8; 3], [left, top]: [u32; 2]) {
    let picture = image::RgbImage::from_fn(320, 240, |x, y| {
        let inside = (left..left + 96).contains(&x) && (top..top + 96).contains(&y);
        image::Rgb(if inside { square } else { ground })
    });
    picture.save(path).unwrap();
    age(path, 3_600);
}

/// Blue scenes of which one has a red square; plain reds would be found anyway.
fn scenes() -> Fixture {
    let fixture = Fixture::new();
    scene(&fixture.path("red.png"), BLUE, RED, [200, 130]);
    scene(&fixture.path("green.png"), BLUE, GREEN, [30, 20]);
    scene(&fixture.path("blue.png"), BLUE, BLUE, [0, 0]);
    fixture
}

fn with(regions: Regions) -> IndexOptions {
    IndexOptions {
        regions: Some(regions),
        ..Default::default()
    }
}

fn search(fixture: &Fixture, words: &str, parts: bool) -> Vec<SearchResult> {
    let options = SearchOptions {
        parts,
        // What files are called is another matter.
        spaces: Spaces::Image,
        ..Default::default()
    };
    let query = Query::words(words).unwrap();
    fixture.engine.search(&query, &options).unwrap().results
}

/// How many features of parts are kept for each content.
fn n_parts(fixture: &Fixture) -> Vec<usize> {
    let database = fixture.engine.database();
    let pack = &fixture.engine.encoder().spec().fingerprint;
    let ids = database.scan(&Filter::All, None, 1_000).unwrap();
    let contents = database.items(&ids).unwrap();
    let parts = |content: ContentHash| {
        let kept = database.feature(pack, content).unwrap();
        assert_eq!(kept[0].0, Part::WHOLE, "the whole is always there");
        kept.len() - 1
    };
    contents
        .iter()
        .map(|item| parts(item.content.hash))
        .collect()
}

#[test]
fn a_small_square_is_found_by_its_part_with_the_box() {
    for choice in [Regions::Grid, Regions::Salient, Regions::All] {
        let fixture = scenes();
        fixture.index();
        let whole = search(&fixture, "red", true);
        assert!(whole.iter().all(|one| one.region.is_none()));
        assert!(
            whole[0].score.unwrap() < 0.5,
            "{choice:?}: {:?}",
            whole[0].score
        );

        let report = fixture.index_with(&with(choice));
        assert_eq!(line(&report), "3 unchanged, 3 encoded", "{choice:?}");
        assert!(report.parts > 0 && report.parts.is_multiple_of(3));
        let found = search(&fixture, "red", true);
        assert_eq!(found[0].item.path, b"red.png", "{choice:?}");
        assert!(
            found[0].score.unwrap() > found[1].score.unwrap() + 0.3,
            "{choice:?}: {found:?}"
        );
        let region = found[0].region.unwrap();
        let (x, y) = (region.x + region.w / 2.0, region.y + region.h / 2.0);
        assert!(
            (0.6..0.95).contains(&x) && (0.5..0.95).contains(&y),
            "{choice:?}: {region:?}"
        );
        let whole = search(&fixture, "red", false);
        assert!(whole.iter().all(|one| one.region.is_none()));
    }
}

#[test]
fn the_choice_is_remembered_and_what_was_there_before_gets_parts() {
    let fixture = scenes();
    fixture.index();
    assert_eq!(n_parts(&fixture), [0, 0, 0]);
    let report = fixture.index_with(&with(Regions::All));
    assert_eq!((report.parts, report.unchanged), (48, 3));
    assert_eq!(n_parts(&fixture), [16, 16, 16]);
    // Nothing is done twice, asked for by name or not.
    for options in [with(Regions::All), IndexOptions::default()] {
        let report = fixture.index_with(&options);
        assert_eq!((line(&report).as_str(), report.parts), ("3 unchanged", 0));
    }
    // A plain run keeps parts of what is new; a picture too small for parts has none.
    scene(&fixture.path("new.png"), GREEN, RED, [10, 10]);
    fixture.paint("tiny.png", RED, 1);
    let report = fixture.index();
    assert_eq!((report.added, report.parts), (2, 16));
    let report = fixture.index_with(&with(Regions::All));
    assert_eq!((line(&report).as_str(), report.parts), ("5 unchanged", 0));
    // Another handle on the same database knows the choice, too.
    let again = open(&fixture.database, fovea_encode::fake::FakeEncoder::new());
    assert_eq!(Regions::of(again.database()).unwrap(), Regions::All);
}

#[test]
fn another_choice_replaces_the_parts_and_none_removes_them() {
    let fixture = scenes();
    fixture.index_with(&with(Regions::All));
    fixture.index_with(&with(Regions::Grid));
    assert_eq!(n_parts(&fixture), [12, 12, 12]);
    fixture.index_with(&with(Regions::Salient));
    assert_eq!(n_parts(&fixture), [4, 4, 4]);
    assert!(search(&fixture, "red", true)[0].region.is_some());
    let report = fixture.index_with(&with(Regions::None));
    assert_eq!(
        (line(&report).as_str(), report.without_parts),
        ("3 unchanged", 3)
    );
    assert_eq!(n_parts(&fixture), [0, 0, 0]);
    assert!(
        search(&fixture, "red", true)
            .iter()
            .all(|one| one.region.is_none())
    );
    assert_eq!(fixture.index().without_parts, 0);
    assert!(fixture.engine.check(Repair::No).unwrap().is_sound());
}

/// Stops a run when some forty images of its plan were begun.
struct StopAmid(AtomicI64);

impl Observer for StopAmid {
    fn on(&self, event: IndexEvent) {
        if let IndexEvent::Planned { .. } = event {
            self.0.store(40, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) <= 0
    }
}

#[test]
fn a_run_that_is_stopped_is_completed_by_the_next() {
    let fixture = Fixture::new();
    for number in 0..120 {
        let place = [number % 200, number];
        scene(&fixture.path(&format!("{number}.png")), BLUE, RED, place);
    }
    fixture.index();
    let stop = || StopAmid(AtomicI64::new(i64::MAX));
    let roots = std::slice::from_ref(&fixture.root);
    let report = fixture
        .engine
        .index(roots, &with(Regions::Grid), &stop())
        .unwrap();
    assert!(report.interrupted);
    let kept = n_parts(&fixture);
    assert!(
        kept.iter().all(|n| [0, 12].contains(n)),
        "an image has all of its parts or none"
    );
    let lacking = kept.iter().filter(|n| **n == 0).count() as u64;
    assert!(lacking > 0 && lacking < 120, "{lacking}");
    assert_eq!(
        fixture.engine.check(Repair::No).unwrap().without_parts,
        lacking
    );
    // No flag: the choice was kept before anything was done.
    let report = fixture.index();
    assert_eq!((report.parts, report.encoded), (12 * lacking, lacking));
    assert!(n_parts(&fixture).iter().all(|n| *n == 12));
    assert_eq!(fixture.engine.check(Repair::No).unwrap().without_parts, 0);

    // Stopped once more, and then given up: nothing is left.
    let report = fixture
        .engine
        .index(roots, &with(Regions::All), &stop())
        .unwrap();
    assert!(report.interrupted);
    fixture.index_with(&with(Regions::None));
    assert!(n_parts(&fixture).iter().all(|n| *n == 0));
}

#[test]
fn more_like_this_and_what_is_left_out_mean_the_whole_picture() {
    let fixture = scenes();
    scene(&fixture.path("other.png"), BLUE, RED, [100, 60]);
    for number in 0..8 {
        fixture.paint(&format!("plain/{number}.png"), BLUE, number);
    }
    fixture.index_with(&with(Regions::All));
    let found = search(&fixture, "red", true);
    let item = &found[0].item;
    let query = Query::from_arguments(&[format!("#{}", item.id)]).unwrap();
    let likes = fixture
        .engine
        .search(&query, &SearchOptions::default())
        .unwrap()
        .results;
    assert!(likes.iter().all(|one| one.item.id != item.id));
    // The red square is a part of the scene; as a whole it is a blue one.
    let query = Query::from_arguments(&["red", "not:red"]).unwrap();
    let kept = fixture
        .engine
        .search(&query, &SearchOptions::default())
        .unwrap()
        .results;
    assert!(!kept.is_empty());
}

#[test]
fn collections_that_share_pictures_keep_their_own_choice() {
    let fixture = scenes();
    fixture.index_with(&with(Regions::All));
    let other = fixture.in_collection("other");
    let roots = std::slice::from_ref(&fixture.root);
    other
        .index(roots, &IndexOptions::default(), &fovea_engine::Silent)
        .unwrap();
    let query = Query::words("red").unwrap();
    let found = other
        .search(&query, &SearchOptions::default())
        .unwrap()
        .results;
    assert!(
        found.iter().all(|one| one.region.is_none()),
        "it was told of no parts"
    );
    other
        .index(roots, &with(Regions::None), &fovea_engine::Silent)
        .unwrap();
    assert_eq!(
        n_parts(&fixture),
        [16, 16, 16],
        "the parts of the first stay"
    );
    assert!(search(&fixture, "red", true)[0].region.is_some());
}
