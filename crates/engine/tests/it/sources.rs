//! Roots that overlap, go away, come back, or hold strange names.

use std::fs;
use std::path::PathBuf;

use fovea_engine::{IndexOptions, IndexReport, Silent};

use crate::fixture::{BLUE, Fixture, GREEN, RED, line};

fn index(fixture: &Fixture, paths: &[PathBuf]) -> IndexReport {
    fixture
        .engine
        .index(paths, &IndexOptions::default(), &Silent)
        .unwrap()
}

#[test]
fn a_root_that_went_away_keeps_its_items_offline_and_comes_back() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.index();
    let elsewhere = fixture.root.with_file_name("unplugged");
    fs::rename(&fixture.root, &elsewhere).unwrap();
    let report = fixture.index();
    assert_eq!(
        (
            report.offline.len(),
            report.offline[0].n_items,
            report.removed
        ),
        (1, 1, 0)
    );
    let query = fovea_engine::Query::words("red").unwrap();
    let results = fixture
        .engine
        .search(&query, &Default::default())
        .unwrap()
        .results;
    assert!(!results[0].item.online);
    fs::rename(&elsewhere, &fixture.root).unwrap();
    assert_eq!(line(&fixture.index()), "1 unchanged");
    let results = fixture
        .engine
        .search(&query, &Default::default())
        .unwrap()
        .results;
    assert!(results[0].item.online);
}

#[test]
fn an_empty_mount_point_counts_as_unplugged_unless_told_otherwise() {
    let fixture = Fixture::new();
    let path = fixture.paint("a.png", RED, 1);
    fixture.index();
    fs::remove_file(path).unwrap();
    let report = fixture.index();
    assert_eq!((report.offline.len(), report.removed), (1, 0));
    assert!(report.offline[0].reason.contains("--prune-empty"));
    let report = fixture.index_with(&IndexOptions {
        prune_empty: true,
        ..Default::default()
    });
    assert_eq!((report.offline.len(), report.removed), (0, 1));
}

#[test]
fn a_path_that_never_was_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    let nowhere = fixture.root.with_file_name("nowhere");
    let error = fixture
        .engine
        .index(&[nowhere], &IndexOptions::default(), &Silent)
        .unwrap_err();
    assert_eq!(error.fault(), fovea_engine::Fault::Input);
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_folder_or_file_inside_a_source_belongs_to_it() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("sub/b.png", GREEN, 2);
    fixture.index();
    fixture.paint("sub/c.png", BLUE, 3);
    fs::remove_file(fixture.path("a.png")).unwrap();
    assert_eq!(
        line(&index(&fixture, &[fixture.path("sub")])),
        "1 added, 1 unchanged, 1 encoded"
    );
    assert_eq!(fixture.paths(), ["a.png", "sub/b.png", "sub/c.png"]);
    assert_eq!(
        line(&index(&fixture, &[fixture.path("a.png")])),
        "1 removed"
    );
    assert_eq!(fixture.engine.database().sources().unwrap().len(), 1);
}

#[test]
fn a_root_above_a_known_one_leaves_it_its_items() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("sub/b.png", GREEN, 2);
    assert_eq!(
        line(&index(&fixture, &[fixture.path("sub")])),
        "1 added, 1 encoded"
    );
    assert_eq!(line(&fixture.index()), "1 added, 1 unchanged, 1 encoded");
    assert_eq!(fixture.paths().len(), 2);
    fs::rename(fixture.path("sub/b.png"), fixture.path("b.png")).unwrap();
    fixture.paint("sub/c.png", BLUE, 3);
    assert_eq!(
        line(&fixture.index()),
        "1 added, 1 moved, 1 unchanged, 1 encoded"
    );
}

#[test]
fn the_database_among_the_pictures_is_not_indexed() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    let base = fixture.root.parent().unwrap().to_owned();
    index(&fixture, std::slice::from_ref(&base));
    assert_eq!(line(&index(&fixture, &[base])), "1 unchanged");
}

#[test]
fn excluded_files_leave_and_the_globs_are_remembered() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    fixture.paint("raw/b.png", GREEN, 2);
    fixture.index();
    let exclude = |globs: &[&str]| IndexOptions {
        exclude: Some(globs.iter().map(|glob| (*glob).to_owned()).collect()),
        ..Default::default()
    };
    assert_eq!(
        line(&fixture.index_with(&exclude(&["raw/"]))),
        "1 removed, 1 unchanged"
    );
    assert_eq!(line(&fixture.index()), "1 unchanged");
    assert_eq!(
        line(&fixture.index_with(&exclude(&[]))),
        "1 added, 1 unchanged, 1 encoded"
    );
}

#[cfg(unix)]
#[test]
fn strange_names_survive_and_are_found() {
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::new();
    let names: [&[u8]; 6] = [
        b"new\nline.png",
        b"quote'\".png",
        "企鹅 🐧.png".as_bytes(),
        b"caf\xe9.png",
        b"%_*?.png",
        b"-dash.png",
    ];
    for (number, name) in names.iter().enumerate() {
        let plain = fixture.paint("plain.png", RED, number as u8);
        fs::rename(plain, fixture.root.join(std::ffi::OsStr::from_bytes(name))).unwrap();
    }
    assert_eq!(line(&fixture.index()), "6 added, 6 encoded");
    assert_eq!(line(&fixture.index()), "6 unchanged");
    let query = fovea_engine::Query::words("red").unwrap();
    let results = fixture
        .engine
        .search(&query, &Default::default())
        .unwrap()
        .results;
    let mut found: Vec<Vec<u8>> = results.into_iter().map(|result| result.item.path).collect();
    found.sort();
    let mut expect: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expect.sort();
    assert_eq!(found, expect);
}
