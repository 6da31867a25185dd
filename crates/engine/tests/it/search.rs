//! Words, images and mixtures find images.

use std::path::Path;

use fovea_encode::fake::FakeEncoder;
use fovea_engine::{
    Candidates, CaptionChoice, Engine, EvalOptions, PlanOptions, Query, SearchOptions, Spaces,
};
use fovea_vectordb::{Order, Region};

use crate::fixture::{BLUE, Fixture, GREEN, RED, YELLOW, age, open};

fn coloured() -> Fixture {
    let fixture = Fixture::new();
    for (name, rgb) in [
        ("red.png", RED),
        ("green.png", GREEN),
        ("blue.png", BLUE),
        ("yellow.jpg", YELLOW),
    ] {
        fixture.paint(name, rgb, 1);
    }
    fixture.index();
    fixture
}

#[test]
fn words_find_in_several_languages() {
    let fixture = coloured();
    for (words, expect) in [
        ("red", "red.png"),
        ("一张蓝色的图片", "blue.png"),
        ("grün", "green.png"),
        ("amarillo", "yellow.jpg"),
        // Known by its meaning alone.
        ("赤", "red.png"),
    ] {
        assert_eq!(fixture.find(&[words], 1), [expect], "for {words}");
    }
    assert_eq!(fixture.find(&["red"], 100).len(), 4);
}

#[test]
fn words_around_what_is_looked_for_are_captions_to_some_packs() {
    let fixture = coloured();
    let planned = |engine: &Engine, guess: bool, words: &str| {
        let query = Query::from_syntax(words).unwrap();
        let plan = engine.plan(&query, PlanOptions::new(guess)).unwrap();
        (plan.query.to_string(), plan.passed_over.len())
    };
    let captioned = open(&fixture.database, FakeEncoder::captioned("captioned"));
    for (words, left) in [
        ("show me photos of red", "red"),
        ("\"photos of red\"", "\"photos of red\""),
    ] {
        let engine = &fixture.engine;
        let n_passed = usize::from(words != left);
        assert_eq!(planned(engine, true, words), (left.to_owned(), n_passed));
        assert_eq!(planned(engine, false, words), (words.to_owned(), 0));
        assert_eq!(planned(&captioned, true, words), (words.to_owned(), 0));
    }
}

#[test]
fn an_image_finds_itself_first_and_mixtures_combine() {
    let fixture = coloured();
    let red = fixture.path("red.png").display().to_string();
    let query = Query::from_arguments(&[&red]).unwrap();
    let results = fixture
        .engine
        .search(&query, &SearchOptions::default())
        .unwrap()
        .results;
    assert_eq!(results[0].item.path, b"red.png");
    let scores: Vec<f32> = results.iter().filter_map(|result| result.score).collect();
    assert!(scores[0] > 0.999 && scores[1] < 0.99, "{scores:?}");
    assert_eq!(fixture.find(&[&red, "+", "3:blue"], 1), ["blue.png"]);
    assert_eq!(
        fixture.find(&[&red, "-", "red", "+", "green"], 1),
        ["green.png"]
    );
    assert_eq!(fixture.find(&["red", "+", "blue"], 2).len(), 2);
}

#[test]
fn a_query_that_cannot_be_answered_says_why() {
    let fixture = coloured();
    let fail = |arguments: &[&str]| {
        let query = Query::from_arguments(arguments).unwrap();
        fixture
            .engine
            .search(&query, &SearchOptions::default())
            .unwrap_err()
    };
    let error = fail(&["red", "-", "red"]);
    assert!(
        error.to_string().contains("cancel each other out"),
        "{error}"
    );
    let missing = fixture.path("nowhere.jpg").display().to_string();
    let error = fail(&[&missing]);
    assert!(error.to_string().contains("nowhere.jpg"), "{error}");
    assert_eq!(error.fault(), fovea_engine::Fault::Input);
    let text = fixture
        .write("text.png", b"not a picture")
        .display()
        .to_string();
    assert!(fail(&[&text]).to_string().contains("not an image"));
}

#[test]
fn an_empty_collection_answers_nothing() {
    let fixture = Fixture::new();
    fixture.index();
    assert!(fixture.find(&["red"], 5).is_empty());
}

#[test]
fn eval_counts_a_hit_on_any_image_with_the_caption() {
    let fixture = coloured();
    fixture.paint("red2.png", RED, 9);
    fixture.index();
    let tsv = fixture.write(
        "captions.tsv",
        "red.png\ten\tred\nred2.png\ten\tred\ngreen.png\ten\tblue\nblue.png\tzh\t蓝\nnowhere.png\ten\tlost\n".as_bytes(),
    );
    let options = EvalOptions {
        candidates: Candidates::Listed,
        spaces: Spaces::Image,
        languages: Vec::new(),
        bootstrap: Default::default(),
    };
    let evaluation = fixture.engine.evaluate(Path::new(&tsv), &options).unwrap();
    assert_eq!(evaluation.n_candidates, 4);
    assert_eq!(evaluation.not_indexed, [fixture.path("nowhere.png")]);
    let [english, chinese] = &evaluation.languages[..] else {
        panic!("two languages")
    };
    assert_eq!(
        (english.lang.as_str(), english.retrieval.n_queries),
        ("en", 3)
    );
    // Both reds are hits in first place; green is found for `blue` only after blue itself.
    assert!((english.retrieval.recall_at_1.value - 2.0 / 3.0).abs() < 1e-9);
    assert!((english.retrieval.recall_at_5.value - 1.0).abs() < 1e-9);
    assert_eq!(
        (chinese.lang.as_str(), chinese.retrieval.recall_at_1.value),
        ("zh", 1.0)
    );
    let all = EvalOptions {
        candidates: Candidates::All,
        ..options
    };
    assert_eq!(
        fixture
            .engine
            .evaluate(Path::new(&tsv), &all)
            .unwrap()
            .n_candidates,
        5
    );
}

#[test]
fn captions_do_not_leak_into_an_evaluation_of_what_is_seen() {
    let fixture = Fixture::new();
    fixture.paint("red.png", RED, 1);
    fixture.paint("blue.png", BLUE, 2);
    let tsv = fixture.write("captions.tsv", b"red.png\ten\tblue\nblue.png\ten\tred\n");
    fixture.index_captions(CaptionChoice::Tsv(tsv.clone()));
    let mut options = EvalOptions {
        candidates: Candidates::All,
        spaces: Spaces::Image,
        languages: vec!["en".to_owned()],
        bootstrap: Default::default(),
    };
    let recall = |options: &EvalOptions| {
        let evaluation = fixture.engine.evaluate(&tsv, options).unwrap();
        evaluation.languages[0].retrieval.recall_at_1.value
    };
    assert_eq!(recall(&options), 0.0);
    options.spaces = Spaces::Caption;
    assert_eq!(recall(&options), 1.0);
}

#[test]
fn filters_removals_and_items_work_together() {
    let fixture = Fixture::new();
    for (number, name) in ["a", "b", "c"].iter().enumerate() {
        fixture.paint(&format!("red/{name}.png"), RED, number as u8);
        fixture.paint(&format!("green/{name}.png"), GREEN, number as u8);
        fixture.paint(&format!("blue/{name}.png"), BLUE, number as u8);
        fixture.paint(&format!("yellow/{name}.png"), YELLOW, number as u8);
    }
    fixture.index();
    let folders = |arguments: &[&str]| {
        let found = fixture.find(arguments, 100);
        let folders = found
            .iter()
            .map(|path| path.split('/').next().unwrap().to_owned());
        folders
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(folders(&["folder:red|blue"]), ["blue", "red"]);
    assert_eq!(
        folders(&["red", "-folder:red", "-name:b.png"]),
        ["blue", "green", "yellow"]
    );
    assert_eq!(
        folders(&["folder:green", "|", "name:a.png", "-folder:red"]),
        ["blue", "green", "yellow"]
    );
    assert_eq!(
        folders(&["red", "not:blue", "not:green"]),
        ["red", "yellow"]
    );
    assert_eq!(folders(&["not:blue"]), ["green", "red", "yellow"]);
    assert_eq!(
        fixture.find(&["red", "not:red"], 3).len(),
        3,
        "others fill the list"
    );

    // More like one of its own: its likes come first, and it is not among them.
    let query = Query::from_arguments(&["name:a.png", "folder:red"]).unwrap();
    let results = fixture
        .engine
        .search(&query, &SearchOptions::default())
        .unwrap()
        .results;
    assert_eq!((results.len(), results[0].score), (1, None));
    let found = fixture.find(&[&format!("#{}", results[0].item.id)], 2);
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|path| path.starts_with("red/") && path != "red/a.png"),
        "{found:?}"
    );
    let error = Query::from_arguments(&["#0000000000001"]).unwrap();
    let error = fixture
        .engine
        .search(&error, &SearchOptions::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("no item #0000000000001"),
        "{error}"
    );
}

#[test]
fn found_is_put_in_order_and_cut() {
    let fixture = Fixture::new();
    for (name, rgb, days) in [("c", RED, 3), ("a", GREEN, 1), ("b", RED, 2)] {
        let path = fixture.paint(&format!("{name}.png"), rgb, days as u8);
        age(&path, days * 86_400);
    }
    fixture.index();
    let found = |sort, threshold| {
        let options = SearchOptions {
            sort,
            threshold,
            ..Default::default()
        };
        let query = Query::words("red").unwrap();
        let results = fixture.engine.search(&query, &options).unwrap().results;
        let names = results
            .iter()
            .map(|one| String::from_utf8_lossy(&one.item.path).into_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found(Some(Order::Newest), None), "a.png b.png c.png");
    assert_eq!(found(Some(Order::Oldest), None), "c.png b.png a.png");
    assert_eq!(found(Some(Order::Name), None), "a.png b.png c.png");
    assert_eq!(found(Some(Order::Name), Some(0.9)), "b.png c.png");
    assert_eq!(found(None, Some(2.0)), "");
}

#[test]
fn a_region_finds_what_stands_in_it() {
    let fixture = coloured();
    let path = fixture.path("../halves.png");
    let halves =
        image::RgbImage::from_fn(64, 48, |x, _| image::Rgb(if x < 32 { RED } else { BLUE }));
    halves.save(&path).unwrap();
    let found = |arguments: &[&str], region: Option<[f32; 4]>| {
        let query = Query::from_arguments(arguments).unwrap();
        let options = SearchOptions {
            region: region.map(|[x, y, w, h]| Region { x, y, w, h }),
            top_k: 1,
            ..Default::default()
        };
        let results = fixture.engine.search(&query, &options)?;
        Ok::<_, fovea_engine::Error>((
            results.results[0].item.path.clone(),
            results.results[0].item.id,
        ))
    };
    let image = path.to_string_lossy().into_owned();
    let left = found(&[&image], Some([0.0, 0.0, 0.5, 1.0])).unwrap();
    assert_eq!(left.0, b"red.png");
    assert_eq!(
        found(&[&image], Some([0.6, 0.2, 0.4, 0.8])).unwrap().0,
        b"blue.png"
    );
    assert_eq!(
        found(&[&image], Some([1.0, 1.0, 0.0001, 0.0001]))
            .unwrap()
            .0,
        b"blue.png"
    );
    let item = format!("#{}", left.1);
    assert_ne!(
        found(&[&item], Some([0.0, 0.0, 1.0, 1.0])).unwrap().0,
        b"red.png"
    );
    for bad in [
        [0.5, 0.0, 0.6, 1.0],
        [0.0, 0.0, 0.0, 1.0],
        [f32::NAN, 0.0, 1.0, 1.0],
    ] {
        let error = found(&[&image], Some(bad)).unwrap_err();
        assert!(error.to_string().contains("outside the picture"), "{error}");
    }
    for arguments in [&["red"][..], &[&image, "+", &image]] {
        let error = found(arguments, Some([0.0, 0.0, 0.5, 1.0])).unwrap_err();
        assert!(
            error.to_string().contains("a region is of one image"),
            "{error}"
        );
    }
}
