//! Why an item is in an answer, why it is not, and why a file is no item.

use std::fs;
use std::path::Path;

use fovea_engine::explain::{Absent, Reason, Subject, paint, png};
use fovea_engine::{
    CaptionChoice, Explanation, IndexOptions, PlanOptions, Query, SearchOptions, Spaces, saved,
};
use fovea_vectordb::Item;

use crate::fixture::{BLUE, Fixture, GREEN, RED, YELLOW, age, open, paint as paint_file};

/// Twenty of each of four colours, the red ones in a folder of their own, two of the blue ones with a caption.
fn colours() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..20 {
        fixture.paint(&format!("warm/red{number}.png"), RED, number);
        fixture.paint(&format!("green{number}.png"), GREEN, number);
        fixture.paint(&format!("blue{number}.png"), BLUE, number);
        fixture.paint(&format!("yellow{number}.png"), YELLOW, number);
    }
    fixture.write("blue1.txt", b"a submarine\nthe deep blue sea\n");
    fixture.write("blue2.txt", b"a red herring\n");
    fixture.index();
    fixture
}

fn item(fixture: &Fixture, name: &str) -> Item {
    let path = fixture.path(name).to_string_lossy().into_owned();
    match fixture.engine.subject(&path).unwrap() {
        Subject::Item(item) => *item,
        Subject::File(path) => panic!("{} is no item", path.display()),
    }
}

fn explain_with(
    fixture: &Fixture,
    name: &str,
    query: &str,
    options: &SearchOptions,
) -> Explanation {
    let query = Query::from_syntax(query).unwrap();
    let plan = fixture.engine.plan(&query, PlanOptions::default()).unwrap();
    let item = item(fixture, name);
    fixture.engine.explain(item, &plan, options).unwrap()
}

fn explain(fixture: &Fixture, name: &str, query: &str) -> Explanation {
    explain_with(fixture, name, query, &SearchOptions::default())
}

fn kinds(explanation: &Explanation) -> Vec<&'static str> {
    explanation.reasons.iter().map(Reason::kind).collect()
}

#[test]
fn shares_of_terms_add_up_to_the_score() {
    let fixture = colours();
    let image = fixture.path("green0.png").to_string_lossy().into_owned();
    for query in [
        "red",
        "red + blue",
        "red + 2:blue - 0.5:green",
        &format!("red + {image}"),
        &image,
    ] {
        let found = explain(&fixture, "blue3.png", query);
        let scored = found.scored.expect(query);
        let sum: f32 = scored.terms.iter().map(|one| one.share).sum();
        let sum = sum + scored.written.as_ref().map_or(0.0, |one| one.added);
        assert!((sum - scored.score).abs() < 1e-3, "{query}: {scored:?}");
        for term in &scored.terms {
            assert!((term.share - term.factor * term.cosine).abs() < 1e-6);
        }
    }
    let scored = explain(&fixture, "blue3.png", "red + 2:blue")
        .scored
        .unwrap();
    let [red, blue] = scored.terms.as_slice() else {
        panic!("{scored:?}");
    };
    assert_eq!((red.weight, blue.weight), (1.0, 2.0));
    assert!(blue.share > 0.5 && red.share.abs() < 0.2, "{scored:?}");
    assert!(scored.spaces[0].above.unwrap() > 1.0, "{scored:?}");
}

#[test]
fn the_caption_that_matched_is_named() {
    let fixture = colours();
    let scored = explain(&fixture, "blue1.png", "a submarine")
        .scored
        .unwrap();
    // Its words are written there, so that what is seen counts beside them, and comes first.
    let names: Vec<&str> = scored.spaces.iter().map(|one| one.space).collect();
    assert_eq!(names, ["image", "caption"]);
    assert_eq!(scored.spaces[1].caption.as_deref(), Some("a submarine"));
    assert!(
        scored.score > 0.99 && scored.spaces.len() == 2,
        "{scored:?}"
    );
    let only_seen = SearchOptions {
        spaces: Spaces::Image,
        ..Default::default()
    };
    let scored = explain_with(&fixture, "blue1.png", "a submarine", &only_seen).scored;
    assert_eq!(scored.unwrap().spaces.len(), 1);
    // What has no caption has nothing that a search of captions could compare.
    let only_said = SearchOptions {
        spaces: Spaces::Caption,
        ..Default::default()
    };
    let found = explain_with(&fixture, "blue3.png", "a submarine", &only_said);
    assert_eq!(kinds(&found), ["no_vector"]);
    assert!(found.scored.is_none() && found.standing.rank.is_none());
}

#[test]
fn the_place_is_that_of_the_search_however_far_down() {
    let fixture = colours();
    let query = Query::from_syntax("red + 0.3:blue").unwrap();
    let all = SearchOptions {
        top_k: 1_000,
        ..Default::default()
    };
    let results = fixture.engine.search(&query, &all).unwrap().results;
    assert_eq!(results.len(), 80);
    for result in results.iter().step_by(7) {
        let name = String::from_utf8(result.item.path.clone()).unwrap();
        let found = explain(&fixture, &name, "red + 0.3:blue");
        assert_eq!(found.standing.rank, Some(result.rank), "{name}");
        assert_eq!(found.standing.n_items, 80);
        let expect: &[&str] = if result.rank > 10 {
            &["beyond_top"]
        } else {
            &[]
        };
        assert_eq!(kinds(&found), expect, "{name}");
    }
    let last = explain(&fixture, "blue3.png", "blue folder:warm");
    assert_eq!(last.standing.n_matching, 20);
    assert_eq!(last.standing.rank, Some(1), "were it let through");
    assert!(last.standing.rank_of_all.unwrap() <= 20);
}

#[test]
fn each_filter_that_drops_it_is_named_with_what_it_has() {
    let fixture = colours();
    age(&fixture.path("blue5.png"), 400 * 24 * 3600);
    fixture.index();
    let database = fixture.engine.database();
    let warm = Query::from_syntax("folder:warm").unwrap();
    saved::add(database, "warm", warm, false).unwrap();
    for (query, reasons) in [
        ("blue", vec![]),
        (
            "blue ext:jpg",
            vec!["`ext:jpg` drops it: its name ends in .png"],
        ),
        ("blue -ext:png", vec!["`-ext:png` drops it"]),
        (
            "blue ext:jpg | name:red*",
            vec![
                "`ext:jpg | name:red*` drops it: its name ends in .png, and it is called blue5.png",
            ],
        ),
        ("blue ext:jpg | name:blue*", vec![]),
        (
            "blue date:2019 w:100.. ext:png",
            vec![
                "`date:2019` drops it: it does not say when it was taken",
                "`w:100..` drops it: it has 24 x 16 pixels",
            ],
        ),
        ("@warm", vec!["`folder:warm` of @warm drops it"]),
        (
            "blue camera:leica",
            vec!["`camera:leica` drops it: it has no camera"],
        ),
        (
            "blue has:gps",
            vec!["it has neither metadata nor a caption"],
        ),
        ("blue near:48,11,5", vec!["it says no place"]),
        ("blue color:red", vec!["its main colours are #"]),
        ("blue lang:en", vec!["it has no caption"]),
        ("blue size:1gb..", vec!["bytes; widen"]),
        ("blue orientation:portrait", vec!["24 x 16"]),
        ("blue folder:x", vec!["it lies in"]),
    ] {
        let found = explain_with(
            &fixture,
            "blue5.png",
            query,
            &SearchOptions {
                top_k: 100,
                ..Default::default()
            },
        );
        let said: Vec<String> = found.reasons.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), reasons.len(), "{query}: {said:?}");
        for (said, expect) in said.iter().zip(reasons) {
            assert!(said.contains(expect), "{query}: {said}");
        }
    }
    let found = explain(&fixture, "warm/red1.png", "red - @warm");
    assert_eq!(kinds(&found)[0], "opposite");
}

#[test]
fn what_is_left_out_or_asked_with_is_said() {
    let fixture = colours();
    let found = explain(&fixture, "blue3.png", "green + blue not:blue");
    assert_eq!(kinds(&found)[0], "removed");
    let Reason::Removed { cosine, limit, .. } = &found.reasons[0] else {
        panic!("{found:?}");
    };
    assert!(cosine >= limit, "{found:?}");
    assert!(found.standing.rank.is_some(), "the place it would have");
    assert!(!kinds(&explain(&fixture, "green3.png", "green not:blue")).contains(&"removed"));
    let id = item(&fixture, "blue3.png").id;
    let found = explain(&fixture, "blue3.png", &format!("#{id}"));
    assert_eq!(kinds(&found), ["asked_with"]);
    // Filters alone have an order, and no score.
    let found = explain(&fixture, "blue3.png", "ext:png");
    assert!(found.scored.is_none() && found.standing.rank.is_some());
}

#[test]
fn what_became_of_its_file_is_noted() {
    let fixture = colours();
    let notes = |name: &str| -> Vec<&'static str> {
        let found = explain(&fixture, name, "blue");
        found.notes.iter().map(Reason::kind).collect()
    };
    assert!(notes("blue1.png").is_empty());
    paint_file(&fixture.path("blue1.png"), RED, 99);
    assert_eq!(notes("blue1.png"), ["file_changed"]);
    fs::remove_file(fixture.path("blue2.png")).unwrap();
    assert_eq!(notes("blue2.png"), ["file_gone"]);
    fs::rename(&fixture.root, fixture.root.with_extension("away")).unwrap();
    fixture.index();
    assert_eq!(notes("blue3.png"), ["offline"]);
}

// --- Why not indexed ---

fn absent(fixture: &Fixture, path: &Path) -> Absent {
    match fixture.engine.subject(&path.to_string_lossy()).unwrap() {
        Subject::File(path) => fixture.engine.why_absent(&path).unwrap(),
        Subject::Item(item) => panic!("{} is an item", item.absolute().display()),
    }
}

#[test]
fn why_a_file_was_never_indexed() {
    let fixture = colours();
    fixture.write("broken.jpg", b"\xff\xd8\xff\xe0 and then nothing");
    fixture.paint("raw/a.png", RED, 1);
    fixture.paint(".hidden/b.png", RED, 2);
    fixture.write("notes.txt", b"words");
    fixture.write("ignored/.foveaignore", b"c.*\n");
    fixture.paint("ignored/c.png", RED, 3);
    let options = IndexOptions {
        exclude: Some(vec!["raw/".to_owned()]),
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    fixture.index_with(&options);
    // After the run: a new file, a copy that kept its old time, one that moved, and one more of a kept picture.
    fixture.paint("later.png", RED, 150);
    let later = fs::File::options()
        .append(true)
        .open(fixture.path("later.png"))
        .unwrap();
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    later.set_modified(soon).unwrap();
    fixture.paint("old.png", GREEN, 200);
    fs::rename(fixture.path("green3.png"), fixture.path("moved.png")).unwrap();
    fs::copy(fixture.path("green4.png"), fixture.path("again.png")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    paint_file(&outside.path().join("x.png"), RED, 1);
    for (name, kind, words) in [
        ("broken.jpg", "failed", "it was skipped:"),
        ("raw/a.png", "left_out", "--exclude 'raw/'"),
        (".hidden/b.png", "left_out", "begins with a dot"),
        ("notes.txt", "left_out", "does not end as that of an image"),
        ("ignored/c.png", "left_out", "the line `c.*` of"),
        ("later.png", "newer", "newer than the last look"),
        ("old.png", "came_later", "after the last look"),
        ("moved.png", "moved", "green3.png"),
        ("again.png", "copy", "green4.png"),
        ("warm", "folder", "it is a folder"),
        ("nowhere/red3.png", "missing", "warm/red3.png"),
        ("nowhere/none.png", "missing", "check the path"),
    ] {
        let reason = absent(&fixture, &fixture.path(name));
        let said = reason.to_string();
        assert_eq!(reason.kind(), kind, "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
    }
    let reason = absent(&fixture, &outside.path().join("x.png"));
    assert_eq!(reason.kind(), "outside");
    paint_file(&fixture.path("broken.jpg"), RED, 5);
    let said = absent(&fixture, &fixture.path("broken.jpg")).to_string();
    assert!(said.contains("it has changed since"), "{said}");
    fs::rename(&fixture.root, fixture.root.with_extension("away")).unwrap();
    assert_eq!(
        absent(&fixture, &fixture.path("new.png")).kind(),
        "unreachable"
    );
}

#[test]
fn who_is_asked_about() {
    let fixture = colours();
    let id = item(&fixture, "blue3.png").id;
    for text in [id.to_string(), format!("#{id}")] {
        let Subject::Item(found) = fixture.engine.subject(&text).unwrap() else {
            panic!("{text}");
        };
        assert_eq!(found.id, id);
    }
    for text in ["#0000000000001", "0000000000001", "#x", "#", ""] {
        let error = fixture.engine.subject(text).unwrap_err();
        assert_eq!(error.fault(), fovea_engine::Fault::Input, "{text}: {error}");
    }
    let empty = open(
        &fixture.database.with_extension("other"),
        fovea_encode::fake::FakeEncoder::new(),
    );
    let reason = empty.why_absent(&fixture.path("blue3.png")).unwrap();
    assert_eq!(reason.kind(), "outside");
}

// --- Heat ---

/// A picture with a red square in one corner and a blue one in the opposite.
fn scene(fixture: &Fixture) -> Item {
    let path = fixture.path("scene.png");
    let mut picture = image::RgbImage::from_pixel(120, 80, image::Rgb([128, 128, 128]));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if x < 30 && y < 20 {
            *pixel = image::Rgb(RED);
        } else if x >= 60 && y >= 40 {
            *pixel = image::Rgb(BLUE);
        }
    }
    picture.save(&path).unwrap();
    age(&path, 100);
    fixture.index();
    item(fixture, "scene.png")
}

#[test]
fn it_is_hot_where_the_thing_is_that_was_asked_for() {
    let fixture = colours();
    let scene = scene(&fixture);
    let picture = fixture.engine.picture(&scene).unwrap();
    let heat = |query: &str| {
        let query = Query::from_syntax(query).unwrap();
        let plan = fixture.engine.plan(&query, PlanOptions::default()).unwrap();
        fixture.engine.heat(&plan, &picture).unwrap()
    };
    let (red, blue) = (heat("red").unwrap(), heat("blue").unwrap());
    assert_eq!((red.columns, red.rows), (32, 21));
    let (red_best, blue_best) = (red.best.unwrap(), blue.best.unwrap());
    assert!(
        red_best.x + red_best.w < 0.6 && red_best.y + red_best.h < 0.6,
        "{red_best:?}"
    );
    assert!(blue_best.x > 0.3 && blue_best.y > 0.3, "{blue_best:?}");
    let (columns, rows, cells) = blue.coarse(16);
    assert_eq!((columns, rows, cells.len()), (16, 11, 176));
    assert!(cells[10 * 16 + 14] > cells[0], "{cells:?}");
    assert!(heat("ext:png").is_none(), "filters match nowhere");

    let painted = paint(&picture, &red);
    assert_eq!((painted.width(), painted.height()), (512, 341));
    let file = png(&painted).unwrap();
    let read = image::load_from_memory(&file).unwrap().to_rgb8();
    assert_eq!(read.as_raw().as_slice(), painted.data());
    // Where it is hot the yellow end of the colours shows, and elsewhere their dark end.
    let [hot, cold] = [(40, 30), (420, 30)].map(|(x, y)| read.get_pixel(x, y).0);
    assert!(hot[1] > cold[1] && hot[0] > cold[0], "{hot:?} {cold:?}");

    // Without its file the preview does.
    fs::remove_file(fixture.path("scene.png")).unwrap();
    assert_eq!(fixture.engine.picture(&scene).unwrap().width(), 120);
}

#[test]
fn pictures_of_any_shape_have_a_map() {
    let fixture = colours();
    let query = Query::from_syntax("red").unwrap();
    let plan = fixture.engine.plan(&query, PlanOptions::default()).unwrap();
    for (width, height) in [(1, 1), (1, 300), (300, 2), (7, 5)] {
        let data = [230, 20, 20].repeat((width * height) as usize);
        let pixels = fovea_decode::Pixels::new(width, height, data).unwrap();
        let heat = fixture.engine.heat(&plan, &pixels).unwrap().unwrap();
        assert_eq!(heat.gains.len(), heat.columns * heat.rows);
        assert!(
            heat.gains.iter().all(|gain| gain.is_finite()),
            "{width} x {height}"
        );
        let painted = paint(&pixels, &heat);
        assert_eq!(painted.width().max(painted.height()), 512);
    }
}
