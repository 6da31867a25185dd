//! Cases about filters: every kind, in scan, count and search alike.

use std::path::Path;

use super::Harness;
use super::fixtures::*;
use super::search::{all_items, search, twin_of};
use super::twin::{assert_same_hits, facets, matches};
use crate::{
    Color, Comparison, Content, Database, Error, Facet, Field, Filter, Item, ItemId, Listed,
    Operation, Order, Result, SourceKind, Value,
};

const COMPARISONS: [Comparison; 6] = [
    Comparison::Eq,
    Comparison::Ne,
    Comparison::Lt,
    Comparison::Le,
    Comparison::Gt,
    Comparison::Ge,
];

/// Items that differ in every field a filter can name.
fn filled(harness: &dyn Harness) -> Result<Box<dyn Database>> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let away = db.source(SourceKind::Root, Path::new("/media/usb"))?;
    let metadata: [&[(&str, &[Value])]; 7] = [
        &[
            ("iso", &[Value::Integer(9)]),
            ("camera", &[Value::Text("Leica".to_owned())]),
        ],
        &[
            ("iso", &[Value::Integer(10)]),
            ("latitude", &[Value::Real(48.1)]),
            ("longitude", &[Value::Real(11.1)]),
        ],
        &[
            ("iso", &[Value::Real(9.5)]),
            ("camera", &[Value::Text("leica".to_owned())]),
            ("latitude", &[Value::Real(52.5)]),
            ("longitude", &[Value::Real(13.4)]),
        ],
        &[("iso", &[Value::Text("9".to_owned())])],
        &[
            ("iso", &[Value::Integer(9), Value::Integer(100)]),
            ("x", &[Value::Real(-0.0)]),
        ],
        &[(
            "camera",
            &[
                Value::Text("Nikon*".to_owned()),
                Value::Text("[D]".to_owned()),
            ],
        )],
        &[],
    ];
    let paths: [&[u8]; 7] = [
        b"a.png",
        b"b.JPG",
        b"sub/c.png",
        b"sub/deep/d",
        b".hidden",
        "é/ñ?.webp".as_bytes(),
        b"\xff.png",
    ];
    for (n, (path, values)) in (0..).zip(paths.into_iter().zip(metadata)) {
        let mut draft = draft(if n % 3 == 2 { away } else { source }, path, n);
        draft.metadata = values
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.to_vec()))
            .collect();
        if n % 2 == 1 {
            draft.captions = vec![caption("a caption"), caption("another")];
        }
        write(&*db, put_with_vectors(draft, n))?;
    }
    db.set_online(away, false)?;
    Ok(db)
}

fn near(latitude: f64, longitude: f64, km: f64) -> Filter {
    Filter::Near {
        latitude,
        longitude,
        km,
    }
}

fn color(rgb: [u8; 3], share: f32) -> Filter {
    Filter::Color { rgb, share }
}

/// Every comparison of every field with every value, and globs.
fn of_fields() -> Vec<Filter> {
    let fields = [
        "path", "name", "ext", "folder", "size", "width", "height", "format", "mtime", "added",
        "source", "aspect", "language", "iso", "camera", "x", "missing",
    ];
    let values = [
        Value::Integer(9),
        Value::Integer(10),
        Value::Real(9.5),
        Value::Real(100.0),
        Value::Integer(21),
        Value::Real(1_700_000_001.5),
        Value::Integer(0),
        Value::Integer(102),
        Value::from("9"),
        Value::from("png"),
        Value::from("jpg"),
        Value::from("Leica"),
        Value::from("sub"),
        Value::from(""),
        Value::from("/pictures"),
        Value::from("[D]"),
        Value::Real(f64::INFINITY),
        Value::Integer(i64::MIN),
    ];
    let mut filters = Vec::new();
    for field in fields {
        filters.push(Filter::Exists(Field::named(field)));
        for value in &values {
            for op in COMPARISONS {
                filters.push(Filter::compare(field, op, value.clone()));
            }
        }
        for pattern in [
            "*", "**", "?", "*.png", "sub/*", "[D]", "*\\**", "?.???", "l*", "", "é*", "*?ebp",
            "Nikon[*]",
        ] {
            filters.push(Filter::glob(field, pattern));
            filters.push(Filter::Glob {
                field: Field::named(field),
                pattern: pattern.to_uppercase(),
                ignore_case: true,
            });
        }
    }
    filters
}

/// The one door: scan, count and search answer as the twin does.
fn check(db: &dyn Database, items: &[Item], filter: &Filter) -> Result<()> {
    let expect: Vec<ItemId> = items
        .iter()
        .filter(|item| matches(filter, item))
        .map(|item| item.id)
        .collect();
    assert_eq!(
        db.scan(filter, None, usize::MAX)?,
        expect,
        "scan {filter:?}"
    );
    assert_eq!(db.count(filter)?, expect.len() as u64, "count {filter:?}");
    for space in ["image", "caption"] {
        let twin = twin_of(items, space);
        let query = direction(4);
        let got = search(db, space, &query, 5, filter)?;
        let expect = twin.search(items, &query, 5, filter);
        let all = twin.search(items, &query, usize::MAX, filter);
        assert_same_hits(&got, &expect, &all, &format!("search {space} {filter:?}"));
    }
    Ok(())
}

pub fn every_filter_agrees_with_the_twin(harness: &dyn Harness) -> Result<()> {
    let db = filled(harness)?;
    let items = all_items(&*db)?;
    let mut filters = vec![
        Filter::All,
        Filter::Nothing,
        Filter::And(vec![]),
        Filter::Or(vec![]),
        Filter::HasCaption,
        Filter::Online(true),
        Filter::Online(false),
        Filter::Ids(vec![]),
        near(48.0, 11.0, 10.0),
        near(48.0, 11.0, 600.0),
        near(-90.0, 0.0, 1e6),
        color([2, 255, 0], 0.7),
        color([2, 255, 0], 0.8),
        color([250, 255, 0], 0.1),
        color([0, 0, 255], 0.1),
        color([0, 0, 255], 0.0),
        Filter::Ids(vec![items[1].id, items[4].id, items[1].id]),
    ];
    filters.extend(of_fields());
    let pairs: Vec<&[Filter]> = filters.windows(2).step_by(7).collect();
    all_at_once(&filters, |filter| {
        check(&*db, &items, filter)?;
        check(&*db, &items, &Filter::Not(Box::new(filter.clone())))
    })?;
    all_at_once(&pairs, |pair| {
        check(&*db, &items, &Filter::And(pair.to_vec()))?;
        check(&*db, &items, &Filter::Or(pair.to_vec()))?;
        check(&*db, &items, &pair[0].clone().and(pair[1].clone()))
    })
}

/// Ask of each from several threads, as a server's users do. They are thousands, and an engine that asks over a network waits
/// for most of the time.
fn all_at_once<T: Sync>(all: &[T], ask: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    const THREADS: usize = 8;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let ask = &ask;
                scope.spawn(move || all.iter().skip(thread).step_by(THREADS).try_for_each(ask))
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(asked) => asked,
                // With the words of the assertion that failed.
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

/// Filters that the writes below answer differently one after the other.
fn of_what_changes() -> Vec<Filter> {
    let mut filters = vec![
        Filter::HasCaption,
        Filter::Online(false),
        color([255, 0, 0], 0.6),
        color([2, 255, 0], 0.7),
    ];
    for (field, value) in [
        ("size", Value::Integer(9)),
        ("iso", Value::Integer(9)),
        ("width", Value::Integer(5000)),
        ("aspect", Value::Real(1.0)),
        ("format", Value::from("webp")),
        ("ext", Value::from("gif")),
        ("path", Value::from("moved.tiff")),
        ("language", Value::from("en")),
        ("mtime", Value::Integer(0)),
    ] {
        filters.extend(COMPARISONS.map(|op| Filter::compare(field, op, value.clone())));
        filters.push(Filter::Exists(Field::named(field)));
    }
    filters
}

/// What was asked before a write is answered anew after it, through every handle.
pub fn filters_follow_what_is_written(harness: &dyn Harness) -> Result<()> {
    let db = filled(harness)?;
    let other = harness.open("photos")?;
    let source = db.source(SourceKind::Root, Path::new("/pictures"))?;
    let items = all_items(&*db)?;
    let (first, last) = (&items[0], &items[items.len() - 1]);
    let mut wide = content(3);
    (wide.width, wide.height, wide.format) = (5000, 20, "webp".to_owned());
    let red = Color {
        rgb: [255, 0, 0],
        share: 0.5,
    };
    wide.colors = vec![red, red];
    let flat = Content {
        height: 0,
        ..content(4)
    };
    let touched = Operation::Touch {
        item: first.id,
        size: 9,
        mtime_ns: 0,
        checked_ns: 1,
    };
    let mut new = draft(source, b"new/e.gif", 2);
    new.metadata
        .insert("iso".to_owned(), vec![Value::Integer(9)]);
    let steps = [
        vec![touched],
        put_with_vectors(new, 2),
        vec![Operation::PutContent(wide)],
        vec![Operation::PutContent(flat)],
        vec![Operation::PutCaptions {
            item: first.id,
            captions: vec![caption("a caption")],
        }],
        vec![Operation::MoveItem {
            item: last.id,
            source,
            path: b"moved.tiff".to_vec(),
        }],
        vec![Operation::RemoveItem(first.id)],
        put_with_vectors(draft(source, &first.path, 6), 6),
    ];
    let filters = of_what_changes();
    for step in steps {
        write(&*db, step)?;
        let items = all_items(&*db)?;
        all_at_once(&filters, |filter| {
            for db in [&db, &other] {
                check(&**db, &items, filter)?;
                check(&**db, &items, &Filter::Not(Box::new(filter.clone())))?;
            }
            Ok(())
        })?;
    }
    other.set_online(source, false)?;
    let items = all_items(&*db)?;
    check(&*db, &items, &Filter::Online(false))?;
    check(&*other, &items, &Filter::Online(true))
}

pub fn facets_agree_with_the_twin(harness: &dyn Harness) -> Result<()> {
    let db = filled(harness)?;
    let source = db.source(SourceKind::Root, Path::new("/pictures"))?;
    let dates: [&[Value]; 4] = [
        &[
            Value::from("2023-07-01T00:00:00"),
            Value::from("2021-12-31"),
        ],
        &[Value::from("some day")],
        &[Value::Integer(2020)],
        &[Value::from("2023-07")],
    ];
    for (n, dates) in (10..).zip(dates) {
        let mut draft = draft(source, format!("dates/{n}").as_bytes(), n);
        draft.metadata.insert("taken".to_owned(), dates.to_vec());
        let twice = vec![
            Value::Integer(9),
            Value::Real(9.0),
            Value::from("9"),
            Value::Integer(9),
        ];
        draft.metadata.insert("iso".to_owned(), twice);
        write(&*db, put_with_vectors(draft, n))?;
    }
    let items = all_items(&*db)?;
    let mut by = vec![Facet::Year, Facet::Month];
    let fields = [
        "path", "ext", "folder", "size", "width", "format", "mtime", "source", "aspect",
        "language", "iso", "camera", "taken", "x", "missing",
    ];
    by.extend(fields.map(|field| Facet::Field(Field::named(field))));
    let filters = [
        Filter::All,
        Filter::Nothing,
        Filter::HasCaption,
        Filter::compare("iso", Comparison::Eq, 9),
    ];
    for (by, filter) in by
        .iter()
        .flat_map(|by| filters.iter().map(move |filter| (by, filter)))
    {
        let expect = facets(&items, filter, by);
        let got = db.facets(filter, by, usize::MAX)?;
        assert_eq!(got, expect, "{by:?} of {filter:?}");
        let few = db.facets(filter, by, 2)?;
        assert_eq!(
            few.counts,
            expect.counts[..expect.counts.len().min(2)],
            "{by:?}"
        );
        assert_eq!(few.n_values, expect.n_values);
    }
    Ok(())
}

pub fn filters_take_hostile_values(harness: &dyn Harness) -> Result<()> {
    let db = filled(harness)?;
    let items = all_items(&*db)?;
    let hostile = [
        "'; DROP TABLE item; --",
        "\" OR 1=1",
        "?",
        "%",
        "_",
        "\0",
        "a\0b",
        ")",
        "\u{202e}",
    ];
    for text in hostile {
        for field in ["path", "iso", text] {
            check(&*db, &items, &Filter::compare(field, Comparison::Eq, text))?;
            check(&*db, &items, &Filter::compare(field, Comparison::Lt, text))?;
            check(&*db, &items, &Filter::Exists(Field::named(field)))?;
        }
    }
    let many: Vec<Filter> = (0..3000)
        .map(|n| Filter::compare("iso", Comparison::Eq, i64::from(n)))
        .collect();
    check(&*db, &items, &Filter::Or(many.clone()))?;
    check(&*db, &items, &Filter::And(many))?;
    let ids = (1..100_000)
        .filter_map(ItemId::new)
        .chain([items[0].id])
        .collect();
    check(&*db, &items, &Filter::Ids(ids))?;
    write(&*db, vec![Operation::RemoveItem(items[0].id)])?;
    assert_eq!(db.count(&Filter::All)?, items.len() as u64 - 1);
    Ok(())
}

pub fn filters_have_limits(harness: &dyn Harness) -> Result<()> {
    let db = filled(harness)?;
    let deep = (0..5000).fold(Filter::All, |filter, _| Filter::Not(Box::new(filter)));
    let wide = (0..200_000)
        .map(|n| Filter::compare("iso", Comparison::Eq, i64::from(n)))
        .collect();
    let refused = [
        deep,
        Filter::Or(wide),
        Filter::glob("path", &"a".repeat(1 << 20)),
        Filter::glob("path", &"*a".repeat(1000)),
        Filter::compare("iso", Comparison::Lt, f64::NAN),
    ];
    for filter in refused {
        match db.count(&filter) {
            Err(Error::Filter { .. }) => {}
            other => panic!("{other:?} for a filter beyond the limits"),
        }
    }
    Ok(())
}

/// In every order, pages of any length join to the whole list, also when the item that a page ended with is gone.
pub fn lists_come_in_order_and_in_pages(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let days = ["2021-05-03", "2023-01-01", "2021-05-03", "2022-12-31"];
    let names: [&[u8]; 4] = [b"b.png", b"sub/A.png", b"a.png", b"C.png"];
    for (n, (path, day)) in (0..).zip(names.into_iter().zip(days)) {
        let mut draft = draft(source, path, n);
        let taken = Value::Text(format!("{day}T10:00:00"));
        draft.metadata.insert("taken".to_owned(), vec![taken]);
        write(&*db, put_with_vectors(draft, n))?;
    }
    for (order, expect) in [
        (Order::Name, ["a.png", "a.png", "b.png", "c.png"]),
        (
            Order::Newest,
            ["2023-01-01", "2022-12-31", "2021-05-03", "2021-05-03"],
        ),
        (
            Order::Oldest,
            ["2021-05-03", "2021-05-03", "2022-12-31", "2023-01-01"],
        ),
    ] {
        let whole = db.list(&Filter::All, order, None, 100)?;
        let keys: Vec<&str> = whole
            .iter()
            .map(|one| &one.key[..one.key.len().min(10)])
            .collect();
        assert_eq!(keys, expect, "{order:?}");
        let rises = |pair: &[Listed]| pair[0].key != pair[1].key || pair[0].item < pair[1].item;
        assert!(whole.windows(2).all(rises), "{order:?}: equals by id");
        for length in 1..5 {
            let mut pages: Vec<Listed> = Vec::new();
            loop {
                let page = db.list(&Filter::All, order, pages.last(), length)?;
                if page.is_empty() {
                    break;
                }
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{order:?} by {length}");
        }
    }
    let whole = db.list(&Filter::All, Order::Newest, None, 100)?;
    write(&*db, vec![Operation::RemoveItem(whole[1].item)])?;
    let rest = db.list(&Filter::All, Order::Newest, Some(&whole[1]), 100)?;
    assert_eq!(rest, whole[2..]);
    let few = Filter::compare("name", Comparison::Eq, "a.png");
    assert_eq!(db.list(&few, Order::Name, None, 100)?.len(), 1);
    Ok(())
}
