//! Random filters over random histories, through two handles: a search finds the items that a naive reading of the
//! filter lets through, whatever was asked, written or built before.

use std::path::Path;

use fovea_vectordb::conformance::{content, draft, facets, matches, pack, put_with_vectors};
use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Comparison, Database, Embedded, Facet, Field, Filter,
    IndexChoice, Item, ItemId, Metadata, OpenMode, Operation, Parts, SourceId, SourceKind, Value,
    VectorQuery,
};
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 8] = [
    "a.png",
    "b.JPG",
    "sub/a.png",
    "sub/deep/c",
    "ß/Σς.png",
    ".hid",
    "sub/ab.gif",
    "z.png",
];
const KEYS: [&str; 4] = ["iso", "camera", "latitude", "longitude"];
const FIELDS: [&str; 14] = [
    "path", "name", "ext", "folder", "size", "width", "aspect", "format", "mtime", "source",
    "language", "iso", "camera", "missing",
];
const PATTERNS: [&str; 8] = ["*", "*.png", "sub/*", "?", "l*A", "*σ?.png", "en*", "[*"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        path: usize,
        content: u32,
        metadata: Metadata,
        langs: Vec<Option<&'static str>>,
    },
    Content {
        content: u32,
        width: u32,
        height: u32,
    },
    Captions {
        path: usize,
        langs: Vec<Option<&'static str>>,
    },
    Touch {
        path: usize,
        size: u64,
    },
    Move {
        from: usize,
        to: usize,
    },
    Remove {
        path: usize,
    },
    Online {
        second: bool,
        online: bool,
    },
    Build,
    Sweep,
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-1_i64..4).prop_map(Value::Integer),
        select(vec![0.5, 1.0, 2.0, 48.0, -0.0, f64::INFINITY]).prop_map(Value::Real),
        select(vec![
            "", "1", "Leica", "leica", "[D]", "en", "sub", "a.png", "png"
        ])
        .prop_map(Value::from),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let values = proptest::collection::vec(value(), 1..3);
    let key = select(KEYS.map(str::to_owned).to_vec());
    proptest::collection::btree_map(key, values, 0..3)
}

fn langs() -> impl Strategy<Value = Vec<Option<&'static str>>> {
    proptest::collection::vec(select(vec![None, Some("en"), Some("zh-TW")]), 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    prop_oneof![
        6 => (path(), 0..5_u32, metadata(), langs())
            .prop_map(|(path, content, metadata, langs)| Step::Put { path, content, metadata, langs }),
        1 => (0..5_u32, 1..3_u32, 0..3_u32)
            .prop_map(|(content, width, height)| Step::Content { content, width, height }),
        1 => (path(), langs()).prop_map(|(path, langs)| Step::Captions { path, langs }),
        1 => (path(), 0..3_u64).prop_map(|(path, size)| Step::Touch { path, size }),
        2 => (path(), path()).prop_map(|(from, to)| Step::Move { from, to }),
        2 => path().prop_map(|path| Step::Remove { path }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(second, online)| Step::Online { second, online }),
        1 => Just(Step::Build),
        1 => Just(Step::Sweep),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let field = || select(FIELDS.to_vec());
    let ops = {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        vec![Eq, Ne, Lt, Le, Gt, Ge]
    };
    let leaf = prop_oneof![
        4 => (field(), select(ops), value()).prop_map(|(field, op, value)| Filter::compare(field, op, value)),
        3 => (field(), select(PATTERNS.to_vec()), any::<bool>()).prop_map(|(field, pattern, ignore_case)| Filter::Glob {
            field: Field::named(field),
            pattern: pattern.to_owned(),
            ignore_case,
        }),
        1 => field().prop_map(|field| Filter::Exists(Field::named(field))),
        1 => Just(Filter::HasCaption),
        1 => any::<bool>().prop_map(Filter::Online),
        1 => Just(Filter::Color { rgb: [1, 255, 0], share: 0.5 }),
        1 => Just(Filter::All),
        1 => Just(Filter::Nothing),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            some().prop_map(Filter::And),
            some().prop_map(Filter::Or),
            inner
                .clone()
                .prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn captions(langs: &[Option<&'static str>]) -> Vec<Caption> {
    let caption = |lang: &Option<&str>| Caption {
        lang: lang.map(str::to_owned),
        text: "said".to_owned(),
        origin: CaptionOrigin::File,
    };
    langs.iter().map(caption).collect()
}

/// What is written at a path, if there is anything.
fn at(db: &dyn Database, sources: [SourceId; 2], path: usize) -> Option<ItemId> {
    db.find(sources[path % 2], PATHS[path].as_bytes()).unwrap()
}

/// What a step does to the item at a path.
fn to_item(step: &Step, item: ItemId, sources: [SourceId; 2]) -> Option<Operation> {
    Some(match step {
        Step::Captions { langs, .. } => Operation::PutCaptions {
            item,
            captions: captions(langs),
        },
        Step::Touch { size, .. } => Operation::Touch {
            item,
            size: *size,
            mtime_ns: 1,
            checked_ns: 2,
        },
        Step::Move { to, .. } => Operation::MoveItem {
            item,
            source: sources[to % 2],
            path: PATHS[*to].as_bytes().to_vec(),
        },
        Step::Remove { .. } => Operation::RemoveItem(item),
        _ => return None,
    })
}

fn take(db: &dyn Database, sources: [SourceId; 2], step: &Step) {
    let operations = match step {
        Step::Put {
            path,
            content,
            metadata,
            langs,
        } => {
            let mut draft = draft(sources[path % 2], PATHS[*path].as_bytes(), *content);
            draft.metadata = metadata.clone();
            draft.captions = captions(langs);
            put_with_vectors(draft, *content)
        }
        Step::Content {
            content: n,
            width,
            height,
        } => {
            let mut content = content(*n);
            (content.width, content.height) = (*width, *height);
            content.colors[0].rgb[1] = if *width == 2 { 0 } else { 255 };
            vec![Operation::PutContent(content)]
        }
        Step::Captions { path, .. }
        | Step::Touch { path, .. }
        | Step::Move { from: path, .. }
        | Step::Remove { path } => {
            let item = at(db, sources, *path);
            let operation = item.and_then(|item| to_item(step, item, sources));
            operation.into_iter().collect()
        }
        Step::Online { second, online } => {
            let source = sources[usize::from(*second)];
            return db.set_online(source, *online).unwrap();
        }
        Step::Build => {
            db.set_setting(IndexChoice::SETTING, Some("ivf")).unwrap();
            db.build_indexes(&()).unwrap();
            return;
        }
        Step::Sweep => return assert!(db.sweep().is_ok()),
    };
    db.write(&Batch::from(operations)).unwrap();
}

/// The one door: every item has an image vector, so that all that match are found.
fn check(db: &dyn Database, items: &[Item], filter: &Filter) {
    let matching = items.iter().filter(|item| matches(filter, item));
    let expect: Vec<ItemId> = matching.map(|item| item.id).collect();
    assert_eq!(
        db.scan(filter, None, usize::MAX).unwrap(),
        expect,
        "scan {filter:?}"
    );
    let hits = db.search(&VectorQuery {
        pack: "fingerprint-a",
        space: "image",
        vector: &[0.6, 0.7, -0.2],
        top_k: 1000,
        parts: Parts::default(),
        filter,
    });
    let mut found: Vec<ItemId> = hits.unwrap().iter().map(|hit| hit.item).collect();
    found.sort();
    assert_eq!(found, expect, "search {filter:?}");
    for by in [
        Facet::Year,
        Facet::Field(Field::named("iso")),
        Facet::Field(Field::Width),
    ] {
        let got = db.facets(filter, &by, usize::MAX).unwrap();
        assert_eq!(got, facets(items, filter, &by), "{by:?} of {filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_filter_after_any_history(
        steps in proptest::collection::vec((step(), any::<bool>(), any::<bool>()), 1..25),
        filters in proptest::collection::vec(filter(), 6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let open = || Embedded::open(folder.path(), "c", OpenMode::Create).unwrap();
        let handles = [open(), open()];
        handles[0].register_pack(&pack("fingerprint-a")).unwrap();
        let source = |path: &str| handles[0].source(SourceKind::Root, Path::new(path)).unwrap();
        let sources = [source("/a"), source("/b")];
        for (step, writer, look) in &steps {
            take(&handles[usize::from(*writer)], sources, step);
            if *look {
                let items = handles[0].items(&handles[0].scan(&Filter::All, None, usize::MAX).unwrap()).unwrap();
                for (handle, filter) in handles.iter().cycle().zip(&filters) {
                    check(handle, &items, filter);
                }
            }
        }
        let items = handles[0].items(&handles[0].scan(&Filter::All, None, usize::MAX).unwrap()).unwrap();
        for filter in &filters {
            handles.iter().for_each(|handle| check(handle, &items, filter));
        }
    }
}
