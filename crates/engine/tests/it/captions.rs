//! Captions come from beside the image, follow their files, and are searched together with what is seen.

use std::fs;

use fovea_engine::{CaptionChoice, Query, SearchOptions, Spaces};

use crate::fixture::{BLUE, Fixture, GREEN, RED, age, line};

fn find_by_caption(fixture: &Fixture, words: &str) -> Vec<String> {
    let options = SearchOptions {
        top_k: 1,
        spaces: Spaces::Caption,
        ..Default::default()
    };
    let results = fixture
        .engine
        .search(&Query::words(words).unwrap(), &options)
        .unwrap()
        .results;
    let name = |item: &fovea_vectordb::Item| {
        item.absolute()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    };
    results.iter().map(|result| name(&result.item)).collect()
}

fn sidecar(fixture: &Fixture, name: &str, text: &str) {
    let path = fixture.write(name, text.as_bytes());
    age(&path, 1000);
}

#[test]
fn a_sidecar_is_read_changed_and_removed_without_decoding_again() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("b.png", BLUE, 2);
    sidecar(
        &fixture,
        "a.txt",
        "umbrella\nzh_CN.utf8=雨伞\nfi.utf8=sateenvarjo\n",
    );
    assert_eq!(line(&fixture.index()), "2 added, 2 encoded");
    assert_eq!(find_by_caption(&fixture, "umbrella"), ["a.png"]);
    assert_eq!(line(&fixture.index()), "2 unchanged");

    fs::write(fixture.path("a.txt"), "bicycle").unwrap();
    assert_eq!(line(&fixture.index()), "1 recaptioned, 1 unchanged");
    fs::write(fixture.path("b.txt"), "umbrella").unwrap();
    assert_eq!(fixture.index().recaptioned, 1);
    assert_eq!(find_by_caption(&fixture, "umbrella"), ["b.png"]);

    fs::remove_file(fixture.path("a.txt")).unwrap();
    fs::remove_file(fixture.path("b.txt")).unwrap();
    let report = fixture.index();
    assert_eq!((report.recaptioned, report.encoded), (2, 0));
    assert!(find_by_caption(&fixture, "umbrella").is_empty());
}

#[test]
fn languages_are_kept_and_only_known_ones_are_embedded() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    sidecar(
        &fixture,
        "a.txt",
        "umbrella\nzh_CN.utf8=雨伞\nfi.utf8=sateenvarjo\n",
    );
    fixture.index();
    let stats = fixture.engine.database().stats().unwrap();
    let by_lang: Vec<_> = stats.captions_by_lang.keys().cloned().collect();
    assert_eq!(
        by_lang,
        [None, Some("fi".to_owned()), Some("zh".to_owned())]
    );
    let captions = stats
        .spaces
        .iter()
        .find(|space| space.space == "caption")
        .unwrap();
    assert_eq!(captions.n_vectors, 2);
}

#[test]
fn the_choice_is_remembered_and_can_be_changed() {
    let fixture = Fixture::new();
    let image = fixture.paint("a.png", RED, 1);
    sidecar(&fixture, "a.txt", "umbrella");
    assert_eq!(
        line(&fixture.index_captions(CaptionChoice::None)),
        "1 added, 1 encoded"
    );
    assert!(find_by_caption(&fixture, "umbrella").is_empty());
    assert_eq!(line(&fixture.index()), "1 unchanged");

    assert_eq!(
        line(&fixture.index_captions(CaptionChoice::Sidecar)),
        "1 recaptioned"
    );
    assert_eq!(find_by_caption(&fixture, "umbrella"), ["a.png"]);

    let tsv = fixture.write("captions.tsv", b"a.png\ten\tbicycle\n");
    assert_eq!(
        line(&fixture.index_captions(CaptionChoice::Tsv(tsv))),
        "1 recaptioned"
    );
    let item = fixture
        .engine
        .database()
        .scan(&fovea_vectordb::Filter::HasCaption, None, 9)
        .unwrap();
    let item = fixture.engine.database().items(&item).unwrap().remove(0);
    assert_eq!(item.absolute(), image);
    assert_eq!(
        item.captions
            .iter()
            .map(|caption| caption.text.as_str())
            .collect::<Vec<_>>(),
        ["bicycle"]
    );

    assert_eq!(
        line(&fixture.index_captions(CaptionChoice::None)),
        "1 recaptioned"
    );
    assert_eq!(fixture.engine.database().stats().unwrap().n_captions, 0);
}

#[test]
fn what_was_said_and_what_is_seen_are_fused() {
    let fixture = Fixture::new();
    fixture.paint("red.png", RED, 1);
    fixture.paint("green.png", GREEN, 2);
    fixture.paint("blue.png", BLUE, 3);
    sidecar(&fixture, "blue.txt", "umbrella");
    sidecar(&fixture, "green.txt", "red");
    fixture.index();
    assert_eq!(fixture.find(&["umbrella"], 1), ["blue.png"]);
    let both = fixture.find(&["red"], 3);
    assert!(
        both[..2].contains(&"red.png".to_owned()) && both[..2].contains(&"green.png".to_owned()),
        "{both:?}"
    );
}
