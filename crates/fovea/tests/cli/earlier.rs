//! A collection that an earlier version of the base pack made.

use std::sync::Arc;

use fovea_encode::{Encoder, Pack};
use fovea_engine::{CaptionChoice, Engine, IndexOptions, PreviewStore, Silent};
use fovea_vectordb::{Embedded, OpenMode};

use crate::train::{Place, of};

/// Indexes the drawings as a fovea did that knew `base-1` alone. Answers the fingerprint.
fn index_with_base_1(place: &Place) -> String {
    let pack = Pack::open(&place.path("models/base")).unwrap();
    let pack = pack.conse_alone().unwrap();
    let fingerprint = pack.spec().fingerprint.clone();
    let database = Embedded::open(&place.path("db"), "default", OpenMode::Create).unwrap();
    let previews = PreviewStore::new(place.path("db/previews"));
    let engine = Engine::new(Arc::new(database), Arc::new(pack), previews);
    let options = IndexOptions {
        captions: Some(CaptionChoice::Tsv(place.path("captions.tsv"))),
        ..Default::default()
    };
    let report = engine.index(&[place.path("drawings")], &options, &Silent);
    assert_eq!(report.unwrap().added, 96);
    fingerprint
}

fn search(place: &Place) -> String {
    let arguments = [
        "--json",
        "search",
        "a red circle",
        "--space",
        "image",
        "--top",
        "5",
    ];
    of(&place.run(&arguments).expect(0))["results"].to_string()
}

#[test]
fn it_stays_what_it_was_until_somebody_moves_it() {
    let place = Place::new();
    let earlier = index_with_base_1(&place);
    let before = search(&place);
    // What comes later goes by what is there.
    let again = of(&place.run(&["--json", "index", "drawings"]).expect(0));
    assert_eq!(again["unchanged"], 96, "{again}");
    let moved = of(&place
        .run(&["migrate-model", "--to", "base", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    assert_ne!(search(&place), before);
    let stats = of(&place.run(&["--json", "stats"]).expect(0)).to_string();
    let now = Pack::open(&place.path("models/base")).unwrap();
    assert!(
        stats.contains(&now.spec().fingerprint) && stats.contains(&earlier),
        "{stats}"
    );
    place.run(&["migrate-model", "--back"]).expect(0);
    assert_eq!(search(&place), before);
    place.run(&["check"]).expect(0);
}
