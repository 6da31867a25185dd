//! Tags without training: what the encoder's vocabulary and a person's list say that pictures show.

use std::sync::atomic::{AtomicBool, Ordering};

use fovea_engine::tagging::TagList;
use fovea_engine::{Engine, IndexEvent, IndexOptions, Observer, Query, SearchOptions, TagChoice};
use fovea_vectordb::{Facet, Field, Filter, Value};

use crate::fixture::{BLUE, Fixture, GREEN, RED, line};

fn library() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..4 {
        fixture.paint(&format!("r{number}.png"), RED, number);
        fixture.paint(&format!("g{number}.png"), GREEN, 10 + number);
    }
    fixture
}

fn listed(lines: &str) -> IndexOptions {
    IndexOptions {
        tags: Some(TagChoice::List(TagList::parse(lines).unwrap())),
        ..Default::default()
    }
}

/// How many pictures have a tag.
fn count(engine: &Engine, query: &str) -> usize {
    let query = Query::from_syntax(query).unwrap();
    let options = SearchOptions {
        top_k: 100,
        ..Default::default()
    };
    engine.search(&query, &options).unwrap().results.len()
}

#[test]
fn the_first_day_has_tags_and_facets() {
    let fixture = library();
    fixture.index();
    assert_eq!(count(&fixture.engine, "tag:red"), 4);
    assert_eq!(count(&fixture.engine, "tag:green"), 4);
    assert_eq!(count(&fixture.engine, "tag:blue"), 0);
    assert_eq!(count(&fixture.engine, "-tag:red"), 4);
    assert_eq!(count(&fixture.engine, "has:tag"), 8);
    let facets = fixture
        .engine
        .database()
        .facets(&Filter::All, &Facet::Field(Field::Tag), 10)
        .unwrap();
    assert_eq!(
        facets.counts,
        [(Value::from("green"), 4), (Value::from("red"), 4)]
    );
    let ids = fixture
        .engine
        .database()
        .scan(&Filter::All, None, 1)
        .unwrap();
    let tags = fixture
        .engine
        .database()
        .items(&ids)
        .unwrap()
        .remove(0)
        .tags;
    assert!(
        tags[0].probability > 0.5 && tags[0].probability <= 1.0,
        "{tags:?}"
    );
}

const MINE: &str = "tomato\tred\nmeadow\tgreen\nsky\tblue\nsun\tyellow\nnight\tblack\nsnow\twhite\nplum\tpurple\nfog\tgray\n";

#[test]
fn a_list_is_applied_to_what_is_indexed_already() {
    let fixture = library();
    fixture.index();
    let report = fixture.index_with(&listed(MINE));
    assert_eq!(line(&report), "8 unchanged", "no picture is read again");
    assert_eq!(count(&fixture.engine, "tag:tomato"), 4);
    assert_eq!(count(&fixture.engine, "tag:meadow"), 4);
    assert_eq!(count(&fixture.engine, "tag:sky"), 0);
    assert_eq!(count(&fixture.engine, "tag:red"), 4, "the pack's own stay");
    // It is remembered, and pictures that come get their tags at once.
    fixture.paint("b.png", BLUE, 77);
    fixture.index();
    assert_eq!(count(&fixture.engine, "tag:sky"), 1);
    // Another list takes its place.
    fixture.index_with(&listed(
        "blood\tred\nleaf\tgreen\nsea\tblue\nlemon\tyellow\ncoal\tblack\nmilk\twhite\n",
    ));
    assert_eq!(count(&fixture.engine, "tag:tomato"), 0);
    assert_eq!(count(&fixture.engine, "tag:blood"), 4);
    let other = fixture.in_collection("other");
    let roots = [fixture.root.clone()];
    other
        .index(&roots, &IndexOptions::default(), &fovea_engine::Silent)
        .unwrap();
    assert_eq!(count(&other, "tag:blood"), 0, "a list is one collection's");
    assert_eq!(count(&other, "tag:red"), 4);
    fixture.index_with(&IndexOptions {
        tags: Some(TagChoice::None),
        ..Default::default()
    });
    assert_eq!(count(&fixture.engine, "tag:blood"), 0);
    assert_eq!(count(&fixture.engine, "tag:red"), 4);
}

/// Stops a run when it begins to tag.
#[derive(Default)]
struct StopsAtTagging(AtomicBool);

impl Observer for StopsAtTagging {
    fn on(&self, event: IndexEvent) {
        if matches!(event, IndexEvent::Tagging { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_list_that_was_cut_short_is_applied_by_the_next_run() {
    let fixture = library();
    fixture.index();
    let roots = [fixture.root.clone()];
    let stops = StopsAtTagging::default();
    let report = fixture.engine.index(&roots, &listed(MINE), &stops).unwrap();
    assert!(report.interrupted);
    fixture.index();
    assert_eq!(count(&fixture.engine, "tag:tomato"), 4);
}

#[test]
fn tags_are_given_again_from_features_and_a_cut_is_made_good() {
    let fixture = library();
    fixture.index();
    std::fs::remove_dir_all(&fixture.root).unwrap();
    let own = fixture.engine.encoder();
    let silent = fovea_engine::Silent;
    let done = fixture.engine.tag_by(own, &silent).unwrap();
    assert_eq!((done.n_images, done.interrupted), (8, false));
    assert_eq!(count(&fixture.engine, "tag:red"), 4);
    let stops = StopsAtTagging::default();
    assert!(fixture.engine.tag_by(own, &stops).unwrap().interrupted);
    assert_eq!(
        fixture.engine.database().setting("tags.version").unwrap(),
        None
    );
    fixture.engine.tag_by(own, &silent).unwrap();
    assert!(
        fixture
            .engine
            .database()
            .setting("tags.version")
            .unwrap()
            .is_some()
    );
}
