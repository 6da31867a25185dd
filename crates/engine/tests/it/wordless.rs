//! A pack that only sees: pictures find pictures, and words say what to do.

use fovea_encode::fake::FakeEncoder;
use fovea_engine::dedupe::{DedupeOptions, Watch};
use fovea_engine::tagging::TagList;
use fovea_engine::{
    CaptionChoice, Engine, Fault, IndexOptions, Kept, MigrateFrom, Query, SearchOptions, Silent,
    Spaces, TagChoice,
};
use fovea_vectordb::Filter;

use crate::fixture::{BLUE, Fixture, GREEN, RED, open};

/// Three colours, indexed by a pack without words; one has a caption.
fn seen() -> (Fixture, Engine) {
    let fixture = Fixture::new();
    for (name, rgb) in [("red.png", RED), ("green.png", GREEN), ("blue.png", BLUE)] {
        fixture.paint(name, rgb, 1);
    }
    fixture.write("red.txt", b"seven umbrellas");
    let database = fixture.root.parent().unwrap().join("wordless");
    let engine = open(&database, FakeEncoder::wordless("sees"));
    let options = IndexOptions {
        captions: Some(CaptionChoice::Sidecar),
        ..Default::default()
    };
    let root = std::slice::from_ref(&fixture.root);
    assert_eq!(engine.index(root, &options, &Silent).unwrap().encoded, 3);
    (fixture, engine)
}

fn search(engine: &Engine, arguments: &[&str], spaces: Spaces) -> Result<Vec<String>, String> {
    let query = Query::from_arguments(arguments).unwrap();
    let options = SearchOptions {
        spaces,
        ..Default::default()
    };
    let found = engine.search(&query, &options).map_err(|error| {
        assert_eq!(error.fault(), Fault::Input);
        error.to_string()
    })?;
    let names = found.results.iter().map(|one| {
        let path = one.item.absolute();
        path.file_name().unwrap().to_string_lossy().into_owned()
    });
    Ok(names.collect())
}

#[test]
fn pictures_find_pictures() {
    let (fixture, engine) = seen();
    let red = fixture.path("red.png").display().to_string();
    let found = search(&engine, &[&red], Spaces::All).unwrap();
    assert_eq!((found[0].as_str(), found.len()), ("red.png", 3));
    let ids = engine.database().scan(&Filter::All, None, 10).unwrap();
    let pack = &engine.encoder().spec().fingerprint;
    assert_eq!(engine.database().vectors(pack, "image", &ids).unwrap(), []);
    assert_eq!(
        engine
            .database()
            .vectors(pack, "visual", &ids)
            .unwrap()
            .len(),
        3
    );
    let copies = engine.duplicates(&DedupeOptions::default(), &Watch::SILENT);
    assert!(copies.unwrap().unwrap().groups.is_empty());
}

#[test]
fn words_say_what_is_missing_and_what_to_do() {
    let (fixture, engine) = seen();
    let red = fixture.path("red.png").display().to_string();
    let asked: [(&[&str], Spaces); 5] = [
        (&["red"], Spaces::All),
        (&["red"], Spaces::Image),
        (&[&red, "+", "blue"], Spaces::All),
        (&["red", "-", &red], Spaces::All),
        (&[&red, "not:blue"], Spaces::All),
    ];
    for (arguments, spaces) in asked {
        let said = search(&engine, arguments, spaces).expect_err("it knows no words");
        assert!(
            said.contains("the pack sees only sees")
                && said.contains("fovea train align --model sees --pairs FILE.tsv"),
            "{arguments:?}: {said}"
        );
    }
    // What is written beside a picture is found without the pack's help, and read by its text network.
    for spaces in [Spaces::Keyword, Spaces::Caption] {
        assert_eq!(
            search(&engine, &["umbrellas"], spaces).unwrap()[0],
            "red.png"
        );
    }
}

#[test]
fn a_list_of_tags_is_refused() {
    let list = TagList::parse("red\n").unwrap();
    let fixture = Fixture::new();
    fixture.paint("red.png", RED, 1);
    let database = fixture.root.parent().unwrap().join("wordless");
    let engine = open(&database, FakeEncoder::wordless("sees"));
    let options = IndexOptions {
        tags: Some(TagChoice::List(list)),
        ..Default::default()
    };
    let said = engine
        .index(std::slice::from_ref(&fixture.root), &options, &Silent)
        .expect_err("no word is likely");
    assert!(said.to_string().contains("only sees"), "{said}");
}

#[test]
fn what_it_saw_serves_a_pack_that_was_taught_words() {
    let (fixture, engine) = seen();
    std::fs::remove_dir_all(&fixture.root).unwrap();
    let database = fixture.root.parent().unwrap().join("wordless");
    let to = open(&database, FakeEncoder::named("sees+mine", "1"));
    let from = MigrateFrom {
        fingerprint: &engine.encoder().spec().fingerprint,
        engine: Some(&engine),
        kept: Kept::Features,
        reads_alike: true,
    };
    to.migrate(from, false, &Silent).unwrap();
    assert_eq!(search(&to, &["blue"], Spaces::All).unwrap()[0], "blue.png");
}
