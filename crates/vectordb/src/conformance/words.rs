//! What was written of items and what is seen in them.

use super::Harness;
use super::fixtures::{PACK, caption, content, draft, fill, id_at, pack, prepared, write};
use crate::{
    Database, Facet, Field, Filter, Operation, Result, Tag, Value, Vocabulary, Wanted, words,
};

/// Everything that a text asks for, word by word.
fn wanted(text: &str) -> Vec<Wanted> {
    let one = |word| Wanted {
        any: vec![vec![word]],
        worth: 1.0,
    };
    words::asked(text).into_iter().map(one).collect()
}

/// Paths of what a text finds, with the share of it that stands there.
fn found(database: &dyn Database, text: &str, filter: &Filter) -> Result<Vec<(String, f32)>> {
    let hits = database.keywords(&wanted(text), filter)?;
    let ids: Vec<_> = hits.iter().map(|hit| hit.item).collect();
    let items = database.items(&ids)?;
    let path = |at: usize| String::from_utf8_lossy(&items[at].path).into_owned();
    Ok(hits
        .iter()
        .enumerate()
        .map(|(at, hit)| (path(at), hit.share))
        .collect())
}

fn paths(database: &dyn Database, text: &str) -> Result<Vec<String>> {
    let found = found(database, text, &Filter::All)?;
    Ok(found.into_iter().map(|(path, _)| path).collect())
}

pub fn words_that_were_written_are_found(harness: &dyn Harness) -> Result<()> {
    let database = harness.open("main")?;
    let source = prepared(&*database)?;
    fill(
        &*database,
        source,
        &["Lake Garda/IMG_1.jpg", "b.jpg", "c.jpg"],
    )?;
    let mut captioned = draft(source, b"b.jpg", 1);
    captioned.captions = vec![caption("A red boat on the lake"), caption("湖上的红船")];
    let mut tagged = draft(source, b"c.jpg", 2);
    let tags = vec![Value::from("red apple"), Value::from("Café")];
    tagged.metadata.insert("tag".to_owned(), tags);
    write(
        &*database,
        vec![Operation::PutItem(captioned), Operation::PutItem(tagged)],
    )?;
    for (text, expect) in [
        ("garda", &["Lake Garda/IMG_1.jpg"][..]),
        ("img", &["Lake Garda/IMG_1.jpg"]),
        ("BOAT", &["b.jpg"]),
        ("cafe", &["c.jpg"]),
        ("红船", &["b.jpg"]),
        ("船", &["b.jpg"]),
        ("jpg", &[]),
        ("volcano", &[]),
        ("", &[]),
    ] {
        assert_eq!(paths(&*database, text)?, expect, "{text}");
    }
    let shares = found(&*database, "red lake boat", &Filter::All)?;
    assert_eq!(shares[0].0, "b.jpg");
    assert!((shares[0].1 - 1.0).abs() < 1e-5, "{shares:?}");
    assert_eq!(shares.len(), 3);
    assert!(shares[1].1 < 0.6 && shares[2].1 > 0.0, "{shares:?}");
    let filter = Filter::glob("name", "c*");
    let filtered = found(&*database, "red lake boat", &filter)?;
    assert_eq!(filtered.len(), 1);
    assert!(shares.contains(&filtered[0]), "a filter changes no share");

    let phrase = |words: &[&str]| Wanted {
        any: vec![words.iter().map(|word| (*word).to_owned()).collect()],
        worth: 0.5,
    };
    let hits = database.keywords(&[phrase(&["red", "boat"])], &Filter::All)?;
    assert_eq!((hits.len(), hits[0].share), (1, 0.5));
    let hits = database.keywords(&[phrase(&["boat", "red"])], &Filter::All)?;
    assert_eq!(hits, []);
    let hostile = ["\"", "red\" OR \"lake", "*", "NEAR(", "a\0b"];
    for text in hostile {
        assert_eq!(
            database.keywords(&[phrase(&[text])], &Filter::All)?,
            [],
            "{text}"
        );
    }
    Ok(())
}

pub fn keywords_follow_what_is_written(harness: &dyn Harness) -> Result<()> {
    let (database, other) = (harness.open("main")?, harness.open("other")?);
    let source = prepared(&*database)?;
    fill(&*database, source, &["a/one.jpg", "b/two.jpg"])?;
    let elsewhere = prepared(&*other)?;
    fill(&*other, elsewhere, &["one.jpg"])?;
    assert_eq!(paths(&*database, "one")?, ["a/one.jpg"]);
    assert_eq!(paths(&*other, "one")?, ["one.jpg"]);
    assert_eq!(database.known_words("on")?, [("one".to_owned(), 2)]);
    assert_eq!(database.known_words("zz")?, []);

    let item = id_at(&*database, source, "a/one.jpg")?;
    let captions = vec![caption("a heron")];
    write(&*database, vec![Operation::PutCaptions { item, captions }])?;
    assert_eq!(paths(&*database, "heron")?, ["a/one.jpg"]);
    let path = b"c/three.jpg".to_vec();
    write(&*database, vec![Operation::MoveItem { item, source, path }])?;
    assert_eq!(paths(&*database, "heron three")?, ["c/three.jpg"]);
    assert_eq!(paths(&*database, "one")?, Vec::<String>::new());
    // It takes the place of another.
    let path = b"b/two.jpg".to_vec();
    write(&*database, vec![Operation::MoveItem { item, source, path }])?;
    assert_eq!(paths(&*database, "two")?, ["b/two.jpg"]);
    write(&*database, vec![Operation::RemoveItem(item)])?;
    assert_eq!(paths(&*database, "two heron")?, Vec::<String>::new());
    Ok(())
}

fn tags(all: &[(&str, f32)]) -> Vec<Tag> {
    let tag = |(name, probability): &(&str, f32)| Tag {
        name: (*name).to_owned(),
        probability: *probability,
    };
    all.iter().map(tag).collect()
}

fn put_tags(n: u32, vocabulary: Vocabulary, all: &[(&str, f32)]) -> Operation {
    Operation::PutTags {
        content: content(n).hash,
        pack: PACK.to_owned(),
        vocabulary,
        tags: tags(all),
    }
}

pub fn tags_of_a_pack_that_was_away_are_followed(harness: &dyn Harness) -> Result<()> {
    let database = harness.open("main")?;
    let source = prepared(&*database)?;
    fill(&*database, source, &["a.jpg", "b.jpg"])?;
    database.register_pack(&pack("another"))?;
    let put = |pack: &str, n: u32, name: &str| Operation::PutTags {
        content: content(n).hash,
        pack: pack.to_owned(),
        vocabulary: Vocabulary::Pack,
        tags: tags(&[(name, 0.75)]),
    };
    let counted = || -> Result<Vec<Value>> {
        let facets = database.facets(&Filter::All, &Facet::Field(Field::Tag), 9)?;
        Ok(facets.counts.into_iter().map(|(value, _)| value).collect())
    };
    let names = |names: &[&str]| -> Vec<Value> { names.iter().copied().map(Value::from).collect() };
    write(&*database, vec![put(PACK, 0, "dog")])?;
    assert_eq!(counted()?, names(&["dog"]));
    // What another pack says shows once it is searched with.
    write(&*database, vec![put("another", 0, "pet")])?;
    assert_eq!(counted()?, names(&["dog"]));
    database.activate_pack("another")?;
    assert_eq!(counted()?, names(&["pet"]));
    // What the first one says meanwhile shows when it is back, whether somebody asked in between or not.
    write(&*database, vec![put(PACK, 1, "cat")])?;
    database.activate_pack(PACK)?;
    assert_eq!(counted()?, names(&["cat", "dog"]));
    database.activate_pack("another")?;
    write(&*database, vec![put(PACK, 1, "lion")])?;
    database.activate_pack(PACK)?;
    assert_eq!(counted()?, names(&["dog", "lion"]));
    Ok(())
}

pub fn tags_are_filtered_and_counted(harness: &dyn Harness) -> Result<()> {
    let (database, other) = (harness.open("main")?, harness.open("other")?);
    let source = prepared(&*database)?;
    let ids = fill(&*database, source, &["a.jpg", "b.jpg", "c.jpg"])?;
    let mut own = draft(source, b"c.jpg", 2);
    own.metadata.insert(
        "tag".to_owned(),
        vec![Value::from("dog"), Value::from("mine")],
    );
    let elsewhere = prepared(&*other)?;
    let shared = fill(&*other, elsewhere, &["a.jpg"])?;
    let count = |database: &dyn Database, name: &str| {
        let filter = Filter::compare("tag", crate::Comparison::Eq, name);
        let facets = database.facets(&filter, &Facet::Field(Field::Tag), 9)?;
        assert_eq!(facets.n_items, database.count(&filter)?, "{name}");
        Ok::<u64, crate::Error>(facets.n_items)
    };
    assert_eq!(count(&*database, "dog")?, 0);
    write(
        &*database,
        vec![
            Operation::PutItem(own),
            put_tags(0, Vocabulary::Pack, &[("dog", 0.9), ("pug", 0.5)]),
            put_tags(2, Vocabulary::Pack, &[("dog", 0.25)]),
            put_tags(0, Vocabulary::Collection, &[("my own", 1.0)]),
        ],
    )?;
    let expect = tags(&[("my own", 1.0), ("dog", 0.9), ("pug", 0.5)]);
    assert_eq!(database.items(&ids)?[0].tags, expect);
    for (name, n) in [("dog", 2), ("mine", 1), ("my own", 1), ("cat", 0)] {
        assert_eq!(count(&*database, name)?, n, "{name}");
    }
    // A list is a collection's own, and a pack's words are everybody's.
    assert_eq!(
        other.items(&shared)?[0].tags,
        tags(&[("dog", 0.9), ("pug", 0.5)])
    );
    assert_eq!(count(&*other, "my own")?, 0);
    assert_eq!(count(&*other, "pug")?, 1);
    let facets = database.facets(&Filter::All, &Facet::Field(Field::Tag), 9)?;
    assert_eq!(facets.counts[0], (Value::from("dog"), 2));
    assert_eq!((facets.n_items, facets.n_without), (3, 1));
    let having = database.scan(&Filter::Exists(Field::Tag), None, 9)?;
    assert_eq!(having.len(), 2);

    write(
        &*database,
        vec![put_tags(0, Vocabulary::Pack, &[("cat", 0.75)])],
    )?;
    for (name, n) in [("dog", 1), ("pug", 0), ("cat", 1), ("my own", 1)] {
        assert_eq!(count(&*database, name)?, n, "{name}");
    }
    assert_eq!(count(&*other, "cat")?, 1);
    write(&*database, vec![put_tags(0, Vocabulary::Collection, &[])])?;
    assert_eq!(count(&*database, "my own")?, 0);
    for wrong in [("", 0.5), ("x", 0.0), ("x", 1.5), ("x", f32::NAN)] {
        let refused = write(&*database, vec![put_tags(0, Vocabulary::Pack, &[wrong])]);
        assert!(refused.is_err(), "{wrong:?}");
    }
    assert_eq!(count(&*database, "cat")?, 1);
    Ok(())
}
