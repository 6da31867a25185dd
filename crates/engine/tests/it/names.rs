//! Saved searches and concepts, by `@name`.

use fovea_engine::concepts::{self, Example, ExampleOf};
use fovea_engine::{Fault, Plan, PlanOptions, Query, saved};
use fovea_vectordb::Database;

use crate::fixture::{BLUE, Fixture, GREEN, RED, YELLOW, paint};

/// Ten of each of four colours, the red ones in a folder of their own.
fn colours() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..10 {
        fixture.paint(&format!("warm/red{number}.png"), RED, number);
        fixture.paint(&format!("green{number}.png"), GREEN, number);
        fixture.paint(&format!("blue{number}.png"), BLUE, number);
        fixture.paint(&format!("yellow{number}.png"), YELLOW, number);
    }
    fixture.index();
    fixture
}

fn save(fixture: &Fixture, name: &str, query: &str) {
    let query = Query::from_syntax(query).unwrap();
    saved::add(fixture.engine.database(), name, query, true).unwrap();
}

/// How many of the first ten are of a colour.
fn found(fixture: &Fixture, arguments: &[&str], colour: &str) -> usize {
    let paths = fixture.find(arguments, 10);
    paths.iter().filter(|path| path.contains(colour)).count()
}

fn plan(database: &dyn Database, query: &str) -> Result<Plan, fovea_engine::Error> {
    let query = Query::from_syntax(query)?;
    Plan::new(query, database, PlanOptions::default())
}

/// The message of a query that is refused.
#[track_caller]
fn refused(fixture: &Fixture, query: &str, at: usize, words: &str) {
    let error = plan(fixture.engine.database(), query).expect_err(query);
    assert_eq!(error.fault(), Fault::Input);
    let fovea_engine::Error::Query(error) = error else {
        panic!("{query}: {error}");
    };
    assert_eq!(error.character(), Some(at), "{query}: {error}");
    assert!(error.message().contains(words), "{query}: {error}");
}

#[test]
fn a_saved_search_is_a_term_and_its_filters_hold() {
    let fixture = colours();
    save(&fixture, "sky", "blue");
    assert_eq!(found(&fixture, &["@sky"], "blue"), 10);
    assert_eq!(found(&fixture, &["@SKY"], "blue"), 10);
    assert_eq!(found(&fixture, &["@sky", "+", "3:green"], "green"), 10);
    assert_eq!(
        fixture.find(&["@sky", "+", "green"], 40),
        fixture.find(&["blue", "+", "green"], 40)
    );
    // Two terms together weigh as much as one.
    save(&fixture, "warmth", "red + yellow");
    let engine = &fixture.engine;
    let by_hand = plan(engine.database(), "red + yellow").unwrap();
    let named = plan(engine.database(), "@warmth").unwrap();
    let options = fovea_engine::SearchOptions::default();
    assert_eq!(
        engine.rank(&by_hand, &options).unwrap(),
        engine.rank(&named, &options).unwrap()
    );

    save(&fixture, "warm", "folder:warm");
    assert_eq!(found(&fixture, &["@warm"], "red"), 10);
    assert_eq!(found(&fixture, &["blue", "+", "@warm"], "red"), 10);
}

#[test]
fn what_is_saved_means_the_same_wherever_it_is_asked() {
    let fixture = colours();
    save(&fixture, "like-it", "./a.png + dog not:image:b.png");
    let here = std::env::current_dir().unwrap();
    let kept = saved::get(fixture.engine.database(), "like-it")
        .unwrap()
        .query;
    let expect = format!(
        "{} + dog not:{}",
        here.join("a.png").display(),
        here.join("b.png").display()
    );
    assert_eq!(kept, expect);
}

#[test]
fn what_is_saved_stands_in_what_is_saved() {
    let fixture = colours();
    save(&fixture, "warm", "folder:warm");
    save(&fixture, "hot", "yellow + @warm");
    assert_eq!(
        found(&fixture, &["@hot"], "red"),
        10,
        "the folder's filter holds"
    );
    // Taken away, a search of filters alone leaves out what it lets through.
    assert_eq!(found(&fixture, &["red", "-", "@warm"], "red"), 0);
    assert_eq!(found(&fixture, &["red", "not:@warm"], "red"), 0);
    save(&fixture, "sky", "blue");
    assert_eq!(
        found(&fixture, &["green", "+", "blue", "not:@sky"], "blue"),
        0
    );
    // What it leaves out is left out where it is added.
    save(&fixture, "no-blue", "not:blue");
    assert_eq!(found(&fixture, &["blue", "+", "@no-blue"], "blue"), 0);
    let shown = plan(fixture.engine.database(), "@hot").unwrap();
    assert_eq!(shown.query.to_string(), "@hot");
}

#[test]
fn names_that_mean_nothing_are_pointed_at() {
    let fixture = colours();
    refused(&fixture, "dog + @sky", 7, "nothing has a name yet");
    save(&fixture, "sky", "blue");
    refused(&fixture, "dog + @skz", 7, "did you mean `@sky`?");
    refused(&fixture, "dog not:@ocean", 9, "`fovea saved list`");
    refused(&fixture, "dog - @no", 7, "no saved search or concept");
    save(&fixture, "b", "@sky");
    let database = fixture.engine.database();
    for (name, query) in [("sky", "@b"), ("c", "@c + dog")] {
        let query = Query::from_syntax(query).unwrap();
        let error = saved::add(database, name, query, true).unwrap_err();
        assert!(
            error.to_string().contains("would stand for itself"),
            "{error}"
        );
    }
    assert_eq!(saved::get(database, "sky").unwrap().query, "blue");
    save(&fixture, "quiet", "not:red");
    refused(&fixture, "blue - @quiet", 8, "cannot be taken away");
    save(&fixture, "warm", "folder:warm");
    let error = plan(database, "@warm - red").unwrap_err();
    assert!(error.to_string().contains("only takes away"), "{error}");
    for name in ["", "@", "a b", "-x", "a.b", &"x".repeat(65)] {
        let query = Query::words("dog").unwrap();
        let error = saved::add(database, name, query, false).unwrap_err();
        assert!(error.to_string().contains("is no name"), "{name}: {error}");
    }
}

#[test]
fn what_was_damaged_by_hand_is_an_error_in_words() {
    let fixture = colours();
    let database = fixture.engine.database();
    for (text, words) in [
        ("\"never closed", "this quote is not closed"),
        ("", "the query is empty"),
        ("foldr:x", "there is no key"),
        ("@loop", "would stand for itself"),
        ("- dog", "only takes away"),
        (&"a ".repeat(100_000), "bytes"),
    ] {
        database.set_setting("saved.loop", Some(text)).unwrap();
        refused(&fixture, "dog + @loop", 7, words);
        assert_eq!(saved::list(database).unwrap().len(), 1);
    }
    saved::remove(database, "loop").unwrap();
    // Each names two others, ten deep: planning it all would take for ever.
    for depth in 0..10 {
        let text = format!("@n{0} + @m{0}", depth + 1);
        for name in ["n", "m"] {
            database
                .set_setting(&format!("saved.{name}{depth}"), Some(&text))
                .unwrap();
        }
    }
    for name in ["n10", "m10"] {
        database
            .set_setting(&format!("saved.{name}"), Some("dog"))
            .unwrap();
    }
    refused(&fixture, "@n0", 1, "more than 100 saved searches");
}

#[test]
fn a_plain_caption_stays_words_whatever_stands_in_it() {
    let fixture = colours();
    for text in ["@sky", "mail me@home", "dinner @ the beach", "@sky + dog"] {
        let query = Query::words(text).unwrap();
        let plan = Plan::new(query, fixture.engine.database(), PlanOptions::default());
        assert!(plan.unwrap().names.iter().next().is_none(), "{text}");
    }
}

// --- Concepts ---

fn teach(fixture: &Fixture, name: &str, like: &[&str], unlike: &[&str]) -> concepts::Concept {
    let side = |liked: bool, all: &[&str]| -> Vec<Example> {
        let of = |name: &&str| fixture.path(name).to_string_lossy().into_owned();
        let example = |path: String| fixture.engine.example(&path).unwrap();
        all.iter()
            .map(|name| Example {
                liked,
                of: example(of(name)),
            })
            .collect()
    };
    let examples = [side(true, like), side(false, unlike)].concat();
    fixture.engine.teach(name, examples).unwrap()
}

#[test]
fn a_concept_finds_what_is_like_its_examples() {
    let fixture = colours();
    let concept = teach(
        &fixture,
        "rex",
        &["blue0.png", "blue1.png", "blue2.png", "blue3.png"],
        &["green0.png"],
    );
    assert_eq!(found(&fixture, &["@rex"], "blue"), 10);
    let held_out = fixture.engine.held_out(&concept).unwrap().unwrap();
    assert_eq!((held_out.n_liked, held_out.nearest), (4, 4));
    assert!(held_out.n_others >= 36, "{held_out:?}");
    // Beside words it is one term among them.
    let both = fixture.find(&["@rex", "+", "yellow"], 20);
    let of = |colour: &str| both.iter().filter(|path| path.contains(colour)).count();
    assert_eq!((of("blue"), of("yellow")), (10, 10), "{both:?}");
    save(&fixture, "mine", "@rex name:blue1*");
    assert_eq!(fixture.find(&["@mine"], 10), ["blue1.png"]);
    assert_eq!(
        found(&fixture, &["green", "+", "blue", "not:@rex"], "blue"),
        0
    );
}

#[test]
fn examples_are_added_change_sides_and_go_with_their_items() {
    let fixture = colours();
    teach(&fixture, "rex", &["blue0.png", "warm/red0.png"], &[]);
    let concept = teach(&fixture, "REX", &["blue1.png"], &["warm/red0.png"]);
    assert_eq!(concept.name, "rex");
    let usable = fixture.engine.usable(&concept).unwrap();
    assert_eq!((usable.liked, usable.disliked), (2, 1));
    assert_eq!(
        fixture.engine.held_out(&concept).unwrap(),
        None,
        "two are too few"
    );
    assert_eq!(found(&fixture, &["@rex"], "blue"), 10);

    std::fs::remove_file(fixture.path("blue0.png")).unwrap();
    fixture.index();
    let concept = concepts::get(fixture.engine.database(), "rex").unwrap();
    let usable = fixture.engine.usable(&concept).unwrap();
    assert_eq!((usable.liked, usable.gone), (1, 1));
    assert_eq!(found(&fixture, &["@rex"], "blue"), 9);
    std::fs::remove_file(fixture.path("blue1.png")).unwrap();
    fixture.index();
    let query = Query::from_syntax("@rex").unwrap();
    let error = fixture
        .engine
        .search(&query, &Default::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("no liked example left"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_item_is_kept_as_what_it_looked_like() {
    let fixture = colours();
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("mine.png");
    paint(&path, BLUE, 77);
    let text = path.to_string_lossy().into_owned();
    let of = fixture.engine.example(&text).unwrap();
    assert!(matches!(of, ExampleOf::File { .. }), "{of:?}");
    let example = Example { liked: true, of };
    let concept = fixture.engine.teach("rex", vec![example.clone()]).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(concept.examples.len(), 1);
    assert_eq!(found(&fixture, &["@rex"], "blue"), 10, "without the file");

    // Of another model it is not compared.
    let database = fixture.engine.database();
    let kept = database.settings("concept.rex.").unwrap();
    let [(key, value)] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let other = value.replace(&fixture.engine.encoder().spec().fingerprint, "ffff");
    database.set_setting(key, Some(&other)).unwrap();
    let concept = concepts::get(database, "rex").unwrap();
    assert_eq!(fixture.engine.usable(&concept).unwrap().of_another_model, 1);
    for (damaged, words) in [
        ("like".to_owned(), "missing"),
        ("love x y z".to_owned(), "neither `like` nor `unlike`"),
        (value.replacen(' ', " x", 2), "base64"),
        (with_feature(value, "AAAA"), "ends within a number"),
        (with_feature(value, "AHw="), "not finite"),
        (
            with_feature(value, "ADwAPA=="),
            "it has 2 numbers, expected 48",
        ),
    ] {
        database.set_setting(key, Some(&damaged)).unwrap();
        let query = Query::from_syntax("@rex").unwrap();
        let found = fixture.engine.search(&query, &Default::default());
        let error = found.err().unwrap_or_else(|| panic!("{damaged}"));
        assert!(error.to_string().contains(words), "{damaged}: {error}");
        assert_eq!(error.fault(), Fault::Corruption);
        assert!(
            error.to_string().contains("fovea concept remove rex"),
            "{error}"
        );
    }
    concepts::remove(database, "rex", &[]).unwrap();
    assert!(concepts::get(database, "rex").is_err());
    database
        .set_setting("concept.rex.item.nonsense", Some("like"))
        .unwrap();
    assert!(
        concepts::list(database)
            .unwrap_err()
            .to_string()
            .contains("damaged")
    );
    concepts::remove(database, "rex", &[]).unwrap();
    assert!(concepts::list(database).unwrap().is_empty());
}

/// The same value with another feature.
fn with_feature(value: &str, feature: &str) -> String {
    let mut parts: Vec<&str> = value.splitn(4, ' ').collect();
    parts[2] = feature;
    parts.join(" ")
}

#[test]
fn a_name_means_one_thing() {
    let fixture = colours();
    save(&fixture, "sky", "blue");
    let example = Example {
        liked: true,
        of: fixture
            .engine
            .example(&fixture.path("blue0.png").to_string_lossy())
            .unwrap(),
    };
    let error = fixture
        .engine
        .teach("sky", vec![example.clone()])
        .unwrap_err();
    assert!(error.to_string().contains("is a saved search"), "{error}");
    fixture.engine.teach("rex", vec![example.clone()]).unwrap();
    let query = Query::words("dog").unwrap();
    let error = saved::add(fixture.engine.database(), "rex", query, true).unwrap_err();
    assert!(error.to_string().contains("is a concept"), "{error}");
    let disliked = Example {
        liked: false,
        ..example
    };
    let error = fixture.engine.teach("new", vec![disliked]).unwrap_err();
    assert!(
        error.to_string().contains("needs something that is liked"),
        "{error}"
    );
    let error = fixture.engine.example("./nowhere.png").unwrap_err();
    assert_eq!(error.fault(), Fault::Input, "{error}");
}
