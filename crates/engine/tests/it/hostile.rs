//! Files that cannot be used are named with their reason, the rest is indexed, and they are not tried in vain again.

use std::fs;
use std::path::Path;

use fovea_engine::IndexOptions;

use crate::fixture::{Fixture, RED, age, line};

fn reasons(fixture: &Fixture) -> Vec<(String, String)> {
    let failures = fixture.engine.database().failures(None).unwrap();
    let mut reasons: Vec<_> = failures
        .into_iter()
        .map(|failure| {
            (
                String::from_utf8_lossy(&failure.path).into_owned(),
                failure.reason,
            )
        })
        .collect();
    reasons.sort();
    reasons
}

#[test]
fn bad_files_are_reported_once_and_good_ones_are_kept() {
    let fixture = Fixture::new();
    fixture.paint("good.png", RED, 1);
    for (name, bytes) in [
        ("empty.jpg", &b""[..]),
        ("text.png", b"hello there"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0"),
    ] {
        let path = fixture.write(name, bytes);
        age(&path, 500);
    }
    assert_eq!(line(&fixture.index()), "1 added, 3 skipped, 1 encoded");
    let names: Vec<String> = reasons(&fixture)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["cut.png", "empty.jpg", "text.png"]);

    let report = fixture.index();
    assert_eq!(line(&report), "1 unchanged, 3 skipped");
    assert!(report.skipped.iter().all(|skipped| skipped.known));
    let report = fixture.index_with(&IndexOptions {
        retry: true,
        ..Default::default()
    });
    assert!(report.skipped.iter().all(|skipped| !skipped.known));

    fixture.paint("text.png", RED, 7);
    fs::remove_file(fixture.path("cut.png")).unwrap();
    assert_eq!(
        line(&fixture.index()),
        "1 added, 1 unchanged, 1 skipped, 1 encoded"
    );
    assert_eq!(reasons(&fixture).len(), 1);
}

#[test]
fn a_good_file_that_turns_bad_keeps_its_item() {
    let fixture = Fixture::new();
    let path = fixture.paint("a.png", RED, 1);
    fixture.index();
    fs::write(&path, b"half a pict").unwrap();
    assert_eq!(line(&fixture.index()), "1 skipped");
    assert_eq!(fixture.find(&["red"], 1), ["a.png"]);
}

#[test]
fn every_hostile_fixture_gives_a_line_and_no_harm() {
    let fixture = Fixture::new();
    fixture.paint("good.png", RED, 1);
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hostile");
    let mut n_files = 0;
    for entry in fs::read_dir(&hostile).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(
            &path,
            fixture.path(&path.file_name().unwrap().to_string_lossy()),
        )
        .unwrap();
        n_files += 1;
    }
    assert!(n_files > 10, "only {n_files} fixtures");
    let report = fixture.index();
    assert!(report.added >= 1 && !report.skipped.is_empty());
    for skipped in &report.skipped {
        assert!(
            !skipped.reason.is_empty() && !skipped.reason.contains('\n'),
            "{skipped:?}"
        );
    }
    assert!(fixture.find(&["red"], 100).contains(&"good.png".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_named_and_the_rest_is_indexed() {
    let fixture = Fixture::new();
    fixture.paint("sub/a.png", RED, 1);
    std::os::unix::fs::symlink(&fixture.root, fixture.path("sub/loop")).unwrap();
    let report = fixture.index();
    assert_eq!(line(&report), "1 added, 1 skipped, 1 encoded");
    assert!(
        report.skipped[0].reason.contains("leads back"),
        "{:?}",
        report.skipped
    );
    assert_eq!(fixture.index().removed, 0);
}

#[test]
fn a_file_above_the_limit_is_refused_by_its_size() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    let report = fixture.index_with(&IndexOptions {
        max_file_bytes: 10,
        ..Default::default()
    });
    assert!(
        report.skipped[0].reason.contains("--max-file-mb"),
        "{:?}",
        report.skipped
    );
}
