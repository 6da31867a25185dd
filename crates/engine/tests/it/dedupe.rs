//! Copies of pictures: found, linked and moved, and never touched where something is not as it was indexed.

use std::fs;
use std::path::{Path, PathBuf};

use fovea_engine::dedupe::{
    Change, DedupeOptions, Done, Duplicates, LIST, Reason, Untouched, Watch,
};
use image::imageops;
use image::{DynamicImage, Rgb, RgbImage};

use crate::fixture::{Fixture, age};

/// Shapes at places that the number decides: no two numbers give the same picture.
fn drawing(number: u32) -> RgbImage {
    let mut picture = RgbImage::from_pixel(320, 240, Rgb([240, 235, 220]));
    let mut state = number.wrapping_mul(2_654_435_761).wrapping_add(97);
    let mut next = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % below
    };
    for _ in 0..9 {
        let (x, y) = (next(270), next(190));
        let (w, h) = (20 + next(90), 20 + next(70));
        let color = Rgb([next(256) as u8, next(256) as u8, next(256) as u8]);
        for py in y..(y + h).min(240) {
            for px in x..(x + w).min(320) {
                picture.put_pixel(px, py, color);
            }
        }
    }
    picture
}

fn save(fixture: &Fixture, name: &str, picture: &RgbImage) -> PathBuf {
    let path = fixture.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(&path).unwrap();
    age(&path, 3600);
    path
}

fn found(fixture: &Fixture) -> Duplicates {
    let options = DedupeOptions::default();
    let found = fixture.engine.duplicates(&options, &Watch::SILENT);
    found.unwrap().unwrap()
}

/// Names of each group, the best first, the others by name.
fn groups(fixture: &Fixture, found: &Duplicates) -> Vec<Vec<String>> {
    let name = |path: PathBuf| {
        let below = path.strip_prefix(&fixture.root).unwrap();
        below.to_string_lossy().into_owned()
    };
    let mut groups: Vec<Vec<String>> = found
        .groups
        .iter()
        .map(|group| {
            let mut others: Vec<String> = group
                .copies
                .iter()
                .map(|copy| name(copy.item.absolute()))
                .collect();
            others.sort();
            others.insert(0, name(group.best.absolute()));
            others
        })
        .collect();
    groups.sort();
    groups
}

/// `a` in many forms, `b` twice, `c` once.
fn library() -> Fixture {
    let fixture = Fixture::new();
    let (a, b, c) = (drawing(1), drawing(2), drawing(3));
    save(&fixture, "a.png", &a);
    save(&fixture, "a-saved.jpg", &a);
    save(&fixture, "turned/a-90.png", &imageops::rotate90(&a));
    save(&fixture, "turned/a-180.png", &imageops::rotate180(&a));
    save(
        &fixture,
        "turned/a-mirrored.png",
        &imageops::flip_horizontal(&a),
    );
    save(
        &fixture,
        "turned/a-flipped.png",
        &imageops::flip_vertical(&a),
    );
    let gray = DynamicImage::ImageRgb8(a.clone()).grayscale().to_rgb8();
    save(&fixture, "a-grey.png", &gray);
    let small = imageops::resize(&a, 160, 120, imageops::FilterType::Triangle);
    save(&fixture, "a-small.png", &small);
    let cut = imageops::crop_imm(&a, 20, 10, 292, 222).to_image();
    save(&fixture, "a-cropped.png", &cut);
    save(&fixture, "b.png", &b);
    fs::copy(fixture.path("b.png"), fixture.path("b-again.png")).unwrap();
    age(&fixture.path("b-again.png"), 1800);
    save(&fixture, "c.png", &c);
    fixture.index();
    fixture
}

#[test]
fn copies_are_found_in_every_form_and_others_are_not() {
    let fixture = library();
    let found = found(&fixture);
    let expect = [
        vec![
            "a.png",
            "a-cropped.png",
            "a-grey.png",
            "a-saved.jpg",
            "a-small.png",
            "turned/a-180.png",
            "turned/a-90.png",
            "turned/a-flipped.png",
            "turned/a-mirrored.png",
        ],
        vec!["b.png", "b-again.png"],
    ];
    // Turned files of the same picture have as many pixels; which of them is kept goes by bytes.
    let mut all = groups(&fixture, &found);
    all.iter_mut().for_each(|group| group.sort());
    all.sort();
    let mut expect = expect.map(|group| group.into_iter().map(str::to_owned).collect::<Vec<_>>());
    expect.iter_mut().for_each(|group| group.sort());
    assert_eq!(all, expect);
    assert_eq!((found.n_items, found.n_contents), (12, 11));
}

#[test]
fn a_copy_says_what_it_is_and_what_the_best_is_better_by() {
    let fixture = library();
    let found = found(&fixture);
    let copies = || found.groups.iter().flat_map(|group| &group.copies);
    let copy = |name: &str| copies().find(|copy| copy.item.absolute() == fixture.path(name));
    let small = copy("a-small.png").unwrap();
    assert_eq!(small.reason, Reason::Larger);
    assert_eq!(copy("a-grey.png").unwrap().reason, Reason::Colored);
    assert_eq!(copy("b-again.png").unwrap().change, Change::Identical);
    assert_eq!(copy("b-again.png").unwrap().reason, Reason::Older);
    let Change::Picture { shown, .. } = copy("a-cropped.png").unwrap().change else {
        panic!("a crop has other bytes");
    };
    assert!(
        (shown - 292.0 * 222.0 / (320.0 * 240.0)).abs() < 0.03,
        "{shown}"
    );
}

#[test]
fn blank_pictures_go_by_bytes_and_missing_previews_are_told() {
    let fixture = Fixture::new();
    save(
        &fixture,
        "white.png",
        &RgbImage::from_pixel(64, 64, Rgb([255; 3])),
    );
    save(
        &fixture,
        "white2.png",
        &RgbImage::from_pixel(80, 64, Rgb([255; 3])),
    );
    save(&fixture, "b.png", &drawing(2));
    fixture.index();
    let all = found(&fixture);
    assert!(all.groups.is_empty());
    assert_eq!((all.n_blank, all.without_preview.len()), (2, 0));
    fs::remove_dir_all(fixture.database.join("previews")).unwrap();
    let all = found(&fixture);
    assert_eq!((all.n_blank, all.without_preview.len()), (0, 3));
}

#[test]
fn similar_shots_stand_apart_from_copies() {
    let fixture = library();
    let options = DedupeOptions {
        similar: Some(0.5),
        ..DedupeOptions::default()
    };
    let found = fixture.engine.duplicates(&options, &Watch::SILENT);
    let found = found.unwrap().unwrap();
    let copies: Vec<_> = found
        .groups
        .iter()
        .flat_map(|group| &group.copies)
        .collect();
    let shots: Vec<_> = found
        .similar
        .iter()
        .flat_map(|group| &group.shots)
        .collect();
    assert!(!shots.is_empty());
    for (item, _) in shots {
        assert!(copies.iter().all(|copy| copy.item.id != item.id));
    }
}

#[test]
fn a_cancelled_comparison_answers_nothing() {
    let fixture = library();
    let watch = Watch {
        is_cancelled: &|| true,
        ..Watch::SILENT
    };
    let found = fixture.engine.duplicates(&DedupeOptions::default(), &watch);
    assert!(found.unwrap().is_none());
}

#[test]
fn links_join_the_same_bytes_and_nothing_else() {
    let fixture = library();
    let before = fs::read(fixture.path("a-saved.jpg")).unwrap();
    let all = found(&fixture);
    let outcomes = fixture.engine.link_copies(&all.groups, &|| false).unwrap();
    let linked: Vec<&Path> = outcomes
        .iter()
        .filter(|one| matches!(one.done, Done::Linked { .. }))
        .map(|one| one.path.as_path())
        .collect();
    assert_eq!(linked, [fixture.path("b-again.png")]);
    assert_eq!(
        fs::read(fixture.path("b.png")).unwrap(),
        fs::read(fixture.path("b-again.png")).unwrap()
    );
    assert_eq!(fs::read(fixture.path("a-saved.jpg")).unwrap(), before);
    let strays = fs::read_dir(&fixture.root).unwrap();
    let is_stray = |name: String| name.starts_with(".fovea");
    assert!(
        !strays
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .any(is_stray)
    );
    // The database has followed: nothing is read again, and nothing is left to link.
    let report = fixture.index();
    assert_eq!((report.updated, report.added, report.removed), (0, 0, 0));
    let again = fixture
        .engine
        .link_copies(&found(&fixture).groups, &|| false);
    assert!(
        again
            .unwrap()
            .iter()
            .all(|one| matches!(one.done, Done::Untouched(_)))
    );
}

#[test]
fn bytes_that_are_not_the_bests_are_shared_among_themselves() {
    let fixture = library();
    fs::copy(fixture.path("a-small.png"), fixture.path("small-again.png")).unwrap();
    age(&fixture.path("small-again.png"), 1800);
    fixture.index();
    let outcomes = fixture
        .engine
        .link_copies(&found(&fixture).groups, &|| false);
    let linked = outcomes.unwrap().into_iter();
    let mut linked: Vec<PathBuf> = linked
        .filter(|one| matches!(one.done, Done::Linked { .. }))
        .map(|one| one.path)
        .collect();
    linked.sort();
    assert_eq!(
        linked,
        [fixture.path("b-again.png"), fixture.path("small-again.png")]
    );
}

#[test]
fn what_changed_since_it_was_indexed_is_not_linked() {
    let fixture = library();
    let all = found(&fixture);
    // As many bytes as before, and the same time of change.
    let path = fixture.path("b-again.png");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, &bytes).unwrap();
    fs::File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    let outcomes = fixture.engine.link_copies(&all.groups, &|| false).unwrap();
    let one = outcomes.iter().find(|one| one.path == path).unwrap();
    assert_eq!(one.done, Done::Untouched(Untouched::Changed));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn moved_copies_keep_their_paths_and_are_listed() {
    let fixture = library();
    let all = found(&fixture);
    let folder = fixture.root.parent().unwrap().join("copies");
    // A file that is in the way is not written over.
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("b-again.png"), "mine").unwrap();
    let n_copies: usize = all.groups.iter().map(|group| group.copies.len()).sum();
    let outcomes = fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    assert_eq!(outcomes.len(), n_copies);
    let mut listed = fs::read_to_string(folder.join(LIST)).unwrap();
    assert_eq!(listed.lines().count(), n_copies + 1, "{listed}");
    for one in &outcomes {
        let Done::Moved(to) = &one.done else {
            panic!("{one:?}");
        };
        assert!(to.exists() && !one.path.exists(), "{one:?}");
    }
    assert_eq!(fs::read(folder.join("b-again.png")).unwrap(), b"mine");
    assert!(folder.join("b-again-2.png").exists());
    assert!(folder.join("turned").is_dir());
    assert!(found(&fixture).groups.is_empty());
    assert_eq!(fixture.paths().len(), 3);
    assert_eq!(fixture.index().removed, 0);
    // Undone by the list.
    listed = listed.split_once('\n').unwrap().1.to_owned();
    for line in listed.lines() {
        let mut columns = line.split('\t');
        let (now, before) = (columns.next().unwrap(), columns.next().unwrap());
        fs::rename(now, before).unwrap();
    }
    assert_eq!(fixture.index().added, n_copies as u64);
}

#[test]
fn copies_moved_within_a_source_keep_their_items() {
    let fixture = library();
    let all = found(&fixture);
    let folder = fixture.path("copies");
    fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    assert_eq!(fixture.paths().len(), 12);
    let report = fixture.index();
    assert_eq!((report.added, report.moved, report.removed), (0, 0, 0));
    // What lies there already stays.
    let again = found(&fixture);
    let outcomes = fixture
        .engine
        .move_copies(&again.groups, &folder, &|| false)
        .unwrap();
    assert!(
        outcomes
            .iter()
            .all(|one| one.done == Done::Untouched(Untouched::Inside))
    );
}

#[test]
fn a_run_that_was_killed_after_the_copy_is_finished_by_the_next() {
    let fixture = library();
    let all = found(&fixture);
    let folder = fixture.root.parent().unwrap().join("copies");
    fs::create_dir_all(&folder).unwrap();
    // The new name is there, the old one too, and a line was cut.
    fs::copy(fixture.path("b-again.png"), folder.join("b-again.png")).unwrap();
    let line = format!(
        "{}\t{}\t1\thash\n",
        folder.join("b-again.png").display(),
        fixture.path("b-again.png").display()
    );
    fs::write(folder.join(LIST), format!("# header\n{line}/half of a li")).unwrap();
    fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    assert!(!fixture.path("b-again.png").exists());
    assert!(folder.join("b-again.png").exists() && !folder.join("b-again-2.png").exists());
    let listed = fs::read_to_string(folder.join(LIST)).unwrap();
    assert!(
        listed
            .lines()
            .skip(3)
            .all(|line| line.split('\t').count() == 4),
        "{listed}"
    );
    assert_eq!(listed.matches("b-again.png").count(), 2, "{listed}");
}

#[test]
fn what_is_gone_changed_or_offline_is_told_and_left() {
    let fixture = library();
    let all = found(&fixture);
    let folder = fixture.root.parent().unwrap().join("copies");
    fs::remove_file(fixture.path("a-small.png")).unwrap();
    fs::write(fixture.path("a-saved.jpg"), "another").unwrap();
    let outcomes = fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    let done = |name: &str| {
        let one = outcomes.iter().find(|one| one.path == fixture.path(name));
        one.unwrap().done.clone()
    };
    assert_eq!(done("a-small.png"), Done::Untouched(Untouched::Missing));
    assert_eq!(done("a-saved.jpg"), Done::Untouched(Untouched::Changed));
    assert_eq!(fs::read(fixture.path("a-saved.jpg")).unwrap(), b"another");

    let fixture = library();
    let all = found(&fixture);
    let elsewhere = fixture.root.with_extension("unplugged");
    fs::rename(&fixture.root, &elsewhere).unwrap();
    let outcomes = fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    let offline = Done::Untouched(Untouched::Best(Box::new(Untouched::Offline)));
    assert!(
        outcomes.iter().all(|one| one.done == offline),
        "{outcomes:?}"
    );
}

#[test]
fn nothing_of_a_group_moves_when_its_best_is_gone() {
    let fixture = library();
    let all = found(&fixture);
    let folder = fixture.root.parent().unwrap().join("copies");
    fs::remove_file(fixture.path("b.png")).unwrap();
    let outcomes = fixture
        .engine
        .move_copies(&all.groups, &folder, &|| false)
        .unwrap();
    let one = outcomes
        .iter()
        .find(|one| one.path == fixture.path("b-again.png"));
    let gone = Untouched::Best(Box::new(Untouched::Missing));
    assert_eq!(one.unwrap().done, Done::Untouched(gone));
    assert!(fixture.path("b-again.png").exists());
}

/// Linux has a file system in memory besides that of the temporary folder.
#[cfg(target_os = "linux")]
#[test]
fn copies_move_to_another_file_system_whole_and_with_their_times() {
    use std::os::unix::fs::MetadataExt;
    let fixture = library();
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_ne!(
        device(elsewhere.path()),
        device(&fixture.root),
        "set TMPDIR to a disk"
    );
    let path = fixture.path("b-again.png");
    let before = (
        fs::read(&path).unwrap(),
        fs::metadata(&path).unwrap().modified().unwrap(),
    );
    let all = found(&fixture);
    let outcomes = fixture
        .engine
        .move_copies(&all.groups, elsewhere.path(), &|| false)
        .unwrap();
    assert!(
        outcomes
            .iter()
            .all(|one| matches!(one.done, Done::Moved(_))),
        "{outcomes:?}"
    );
    let there = elsewhere.path().join("b-again.png");
    let after = (
        fs::read(&there).unwrap(),
        fs::metadata(&there).unwrap().modified().unwrap(),
    );
    assert_eq!(before, after);
    assert!(!path.exists());
    // Nothing is left of the copying.
    let strays = fs::read_dir(elsewhere.path()).unwrap();
    assert!(
        strays
            .map(|entry| entry.unwrap().file_name())
            .all(|name| !name.to_string_lossy().starts_with(".fovea"))
    );
}
