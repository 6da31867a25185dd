//! Two packs over one collection answer together.

use fovea_encode::fake::FakeEncoder;
use fovea_engine::{Engine, Kept, MigrateFrom, PlanOptions, Query, SearchOptions, Silent};

use crate::fixture::{BLUE, Fixture, GREEN, RED, YELLOW, open};

/// Three pictures of each of four colours, and a pack beside the collection's own that has seen them.
fn both() -> (Fixture, Engine) {
    let fixture = Fixture::new();
    for number in 0..3 {
        fixture.paint(&format!("red{number}.png"), RED, number);
        fixture.paint(&format!("green{number}.png"), GREEN, number);
        fixture.paint(&format!("blue{number}.png"), BLUE, number);
        fixture.paint(&format!("yellow{number}.png"), YELLOW, number);
    }
    fixture.index();
    let other = open(&fixture.database, FakeEncoder::named("other", "1"));
    accompany(&fixture, &other, 12);
    (fixture, other)
}

fn accompany(fixture: &Fixture, other: &Engine, n_derived: u64) {
    let from = MigrateFrom {
        fingerprint: &fixture.engine.encoder().spec().fingerprint,
        engine: None,
        kept: Kept::Features,
        reads_alike: true,
    };
    let done = other.accompany(from, &Silent).unwrap();
    assert!(!done.is_moved && !done.interrupted, "{done:?}");
    assert_eq!(done.n_from_features, n_derived, "{done:?}");
    // The collection keeps its pack.
    let active = fixture.engine.database().active_pack().unwrap().unwrap();
    assert_eq!(active.name, "fake");
}

#[test]
fn what_both_see_stands_first_and_what_one_has_not_seen_has_one_place() {
    let (fixture, other) = both();
    fixture.paint("red9.png", RED, 9);
    fixture.index();
    assert!(!other.has_seen_all().unwrap());
    let others = [other];
    let options = SearchOptions {
        top_k: 4,
        ..Default::default()
    };
    let query = Query::from_arguments(&["red"]).unwrap();
    let plan = fixture.engine.plan(&query, PlanOptions::default()).unwrap();
    let fused = fixture
        .engine
        .search_with(&others, &plan, &options)
        .unwrap();
    let found = &fused.results.results;
    assert_eq!(found.len(), 4);
    for result in &found[..3] {
        let places = &fused.places[&result.item.id];
        let packs: Vec<&str> = places.iter().map(|one| one.pack.as_str()).collect();
        assert_eq!(packs, ["fake", "other"]);
        let sum: f32 = places
            .iter()
            .map(|one| 1.0 / (60.0 + one.rank as f32))
            .sum();
        assert!((result.score.unwrap() - sum).abs() < 1e-6);
        assert!(result.item.absolute().to_string_lossy().contains("red"));
    }
    // What was added since is known to one of them alone, and stands behind all that both know.
    let all = SearchOptions {
        top_k: 13,
        ..Default::default()
    };
    let fused = fixture.engine.search_with(&others, &plan, &all).unwrap();
    let last = fused.results.results.last().unwrap();
    assert!(last.item.absolute().ends_with("red9.png"), "{last:?}");
    assert_eq!(fused.places[&last.item.id].len(), 1);
    let place = fixture
        .engine
        .fused_place(&others, &plan, &all, last.item.id)
        .unwrap()
        .unwrap();
    assert_eq!(
        (place.rank, place.places),
        (13, fused.places[&last.item.id].clone())
    );

    // Another turn brings what is missing.
    accompany(&fixture, &others[0], 1);
    assert!(others[0].has_seen_all().unwrap());
    let fused = fixture
        .engine
        .search_with(&others, &plan, &options)
        .unwrap();
    assert!(fused.places.values().all(|places| places.len() == 2));
    assert_eq!(
        fused
            .results
            .results
            .iter()
            .filter(|one| one.item.absolute().to_string_lossy().contains("red"))
            .count(),
        4
    );
}

#[test]
fn filters_and_what_is_left_out_hold_for_every_pack() {
    let (fixture, other) = both();
    let query = Query::from_syntax("red not:blue path:*0.png").unwrap();
    let plan = fixture.engine.plan(&query, PlanOptions::default()).unwrap();
    let options = SearchOptions::default();
    let fused = fixture
        .engine
        .search_with(&[other], &plan, &options)
        .unwrap();
    let mut names: Vec<String> = fused
        .results
        .results
        .iter()
        .map(|one| {
            one.item
                .absolute()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(names[0], "red0.png");
    names.sort();
    assert_eq!(names, ["green0.png", "red0.png", "yellow0.png"]);
}
