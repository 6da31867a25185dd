//! Pictures are found by what was written of them, beside what is seen in them.

use fovea_engine::{
    CaptionChoice, PlanOptions, Query, SearchOptions, SearchResults, Spaces, written,
};

use crate::fixture::{BLUE, Fixture, GREEN, RED};

fn library() -> Fixture {
    let fixture = Fixture::new();
    for (name, rgb, number) in [
        ("Lake Garda 2021/a.png", RED, 1),
        ("b.png", RED, 2),
        ("c.png", GREEN, 3),
        ("d.png", BLUE, 4),
        ("e.png", BLUE, 5),
    ] {
        fixture.paint(name, rgb, number);
    }
    fixture.write("c.txt", "Elephants in the Serengeti".as_bytes());
    fixture.write("d.txt", "湖边的红船".as_bytes());
    fixture.index_captions(CaptionChoice::Sidecar);
    fixture
}

fn search(fixture: &Fixture, query: &str, spaces: Spaces) -> SearchResults {
    let options = SearchOptions {
        spaces,
        ..Default::default()
    };
    let query = Query::from_syntax(query).unwrap();
    fixture.engine.search(&query, &options).unwrap()
}

/// Names of the files found by what is written, the best first.
fn written(fixture: &Fixture, query: &str) -> Vec<String> {
    let found = search(fixture, query, Spaces::Keyword).results;
    let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    found.iter().map(|one| name(&one.item.path)).collect()
}

#[test]
fn words_of_names_folders_and_captions_find_pictures() {
    let fixture = library();
    for (query, expect) in [
        ("garda", &["Lake Garda 2021/a.png"][..]),
        ("2021", &["Lake Garda 2021/a.png"]),
        ("the lake in 2021", &["Lake Garda 2021/a.png"]),
        ("elephant", &["c.png"]),
        ("ELEPHANTS", &["c.png"]),
        ("\"the serengeti\"", &["c.png"]),
        ("\"serengeti the\"", &[]),
        ("红船", &["d.png"]),
        ("船", &["d.png"]),
        ("湖边的船", &["d.png"]),
        ("the", &["c.png"]),
        ("zebra", &[]),
        ("- garda + elephant", &["c.png"]),
    ] {
        assert_eq!(written(&fixture, query), expect, "{query}");
    }
}

#[test]
fn what_is_written_counts_on_top_of_what_is_seen() {
    let fixture = library();
    let found = search(&fixture, "red garda", Spaces::All).results;
    assert_eq!(found[0].item.path, b"Lake Garda 2021/a.png");
    assert!(found[1..].iter().all(|one| one.written.is_none()));
    let (best, share) = (&found[0], found[0].written.unwrap());
    assert!(share > 0.3 && share < 0.8, "one word of two: {share}");
    let cosine = best.cosines.iter().map(|one| one.1).fold(0.0, f32::max);
    let added = written::WEIGHT * share;
    assert!((best.score.unwrap() - cosine - added).abs() < 1e-6);
    // Found by words alone, however unlike it looks.
    let found = search(&fixture, "elephants", Spaces::All).results;
    assert_eq!(
        (found[0].item.path.as_slice(), found[0].written),
        (&b"c.png"[..], Some(1.0))
    );
    assert!(found[1..].iter().all(|one| one.written.is_none()));
}

#[test]
fn slips_are_taken_for_what_was_meant() {
    let fixture = library();
    for (query, word, meant) in [
        ("elefants", "elefants", "elephants"),
        ("serengetti", "serengetti", "serengeti"),
        ("Gadra", "gadra", "garda"),
    ] {
        let found = search(&fixture, query, Spaces::Keyword);
        let corrections: Vec<(&str, &str)> = found
            .corrections
            .iter()
            .map(|one| (one.word.as_str(), one.meant.as_str()))
            .collect();
        assert_eq!(corrections, [(word, meant)], "{query}");
        let share = found.results[0].written.unwrap();
        assert!(share < 1.0, "a slip is not as sure: {share}");
    }
    // Other letters, not a slip; and what is there is not corrected.
    for query in ["zzzz", "lakes", "elephants", "go", "#!"] {
        let plan = fixture
            .engine
            .plan(&Query::words(query).unwrap(), PlanOptions::default());
        let written = fixture.engine.written(&plan.unwrap()).unwrap();
        assert_eq!(written.corrections, [], "{query}");
    }
}

#[test]
fn filters_hold_for_what_is_written() {
    let fixture = library();
    assert_eq!(
        written(&fixture, "garda -folder:\"Lake Garda 2021\""),
        Vec::<String>::new()
    );
    assert_eq!(written(&fixture, "elephants ext:png"), ["c.png"]);
}

#[test]
fn words_leave_with_their_file() {
    let fixture = library();
    std::fs::rename(
        fixture.path("Lake Garda 2021/a.png"),
        fixture.path("como.png"),
    )
    .unwrap();
    fixture.write("c.txt", b"Giraffes");
    std::fs::remove_file(fixture.path("d.png")).unwrap();
    fixture.index();
    for (query, expect) in [
        ("garda", &[][..]),
        ("como", &["como.png"]),
        ("elephants", &[]),
        ("giraffe", &["c.png"]),
        ("船", &[]),
    ] {
        assert_eq!(written(&fixture, query), expect, "{query}");
    }
}
