//! Cases about spaces that go by other metrics than the cosine, and keep 32
//! bits: what imported vectors want.

use std::path::Path;

use super::Harness;
use super::fixtures::*;
use super::search::{self, all_items};
use super::twin::{Twin, assert_same_hits};
use crate::{
    Caption, Database, Error, Fault, Filter, Hit, ItemId, Metric, Operation, Owner, Part, Parts,
    Precision, Result, SourceKind, SpaceSource, VectorQuery,
};

const DIM: usize = 3;

/// A vector of any length, number 3 being zero.
fn vector(n: u32) -> Vec<f32> {
    let length = (n % 7) as f32 - 3.0;
    direction(n).iter().map(|x| x * length).collect()
}

/// A collection of `n` rows compared by this metric; cosine leaves out what is zero.
fn imported(db: &dyn Database, metric: Metric, n: u32) -> Result<Vec<u32>> {
    let pack = metric.name();
    db.register_pack(&imported_pack(pack, DIM, metric))?;
    let source = db.source(SourceKind::Import, Path::new("/vectors.npy"))?;
    let is_comparable = |n: &u32| metric != Metric::Cosine || vector(*n).iter().any(|x| *x != 0.0);
    let rows: Vec<u32> = (0..n).filter(is_comparable).collect();
    for &n in &rows {
        let draft = draft(source, format!("#{n}").as_bytes(), n);
        write(db, put_imported(draft, n, pack, vector(n)))?;
    }
    Ok(rows)
}

fn search(db: &dyn Database, metric: Metric, query: &[f32], top_k: usize) -> Result<Vec<Hit>> {
    db.search(&VectorQuery {
        pack: metric.name(),
        space: "image",
        vector: query,
        top_k,
        filter: &Filter::All,
        parts: Parts::default(),
    })
}

pub fn every_metric_agrees_with_the_twin(harness: &dyn Harness) -> Result<()> {
    for metric in Metric::ALL {
        let db = harness.open(metric.name())?;
        let rows = imported(&*db, metric, 60)?;
        let vectors = rows
            .iter()
            .map(|&n| ((Owner::Content(content(n).hash), 0), vector(n)));
        let twin = Twin {
            metric,
            vectors: vectors.collect(),
        };
        let items = all_items(&*db)?;
        for n in [0, 7, 100] {
            let query = vector(n);
            for top_k in [1, 5, 1000] {
                let got = search(&*db, metric, &query, top_k)?;
                let expect = twin.search(&items, &query, top_k, &Filter::All);
                let all = twin.search(&items, &query, usize::MAX, &Filter::All);
                let about = format!("{metric}, query {n}, top {top_k}");
                assert_same_hits(&got, &expect, &all, &about);
            }
        }
    }
    Ok(())
}

pub fn numbers_of_32_bits_come_back_as_they_went(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let metric = Metric::L2;
    db.register_pack(&imported_pack(metric.name(), DIM, metric))?;
    let source = db.source(SourceKind::Import, Path::new("/vectors.npy"))?;
    // 16 bits would round the first, lose the second and have no room for the third.
    let exact = vec![0.1, 1e-20, 70_000.5];
    let draft = draft(source, b"#0", 0);
    write(&*db, put_imported(draft, 0, metric.name(), exact.clone()))?;
    let ids = db.scan(&Filter::All, None, 9)?;
    assert_eq!(db.vectors(metric.name(), "image", &ids)?[0].vector, exact);
    assert_eq!(search(&*db, metric, &exact, 1)?[0].score, 0.0);
    assert_eq!(
        db.active_pack()?.map(|pack| pack.has_encoder()),
        Some(false)
    );
    assert_eq!(db.check()?, []);
    Ok(())
}

pub fn vectors_that_a_metric_cannot_compare_are_refused(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    for metric in Metric::ALL {
        let pack = metric.name();
        db.register_pack(&imported_pack(pack, DIM, metric))?;
        let source = db.source(SourceKind::Import, Path::new("/vectors.npy"))?;
        let put = |vector: &[f32]| {
            let draft = draft(source, b"#0", 0);
            write(&*db, put_imported(draft, 0, pack, vector.to_vec()))
        };
        let zero = put(&[0.0; DIM]).is_err();
        assert_eq!(
            zero,
            metric == Metric::Cosine,
            "{metric}: zero has no direction"
        );
        let long = put(&[1e19, 0.0, 0.0]).is_err();
        assert_eq!(
            long,
            metric != Metric::Cosine,
            "{metric}: distances would overflow"
        );
        put(&[9e18, 0.0, 0.0])?;
        let hits = search(&*db, metric, &[-9e18, 0.0, 0.0], 1)?;
        assert!(hits[0].score.is_finite(), "{metric}: {}", hits[0].score);
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(
                put(&[bad, 0.0, 0.0]).is_err() && search(&*db, metric, &[bad; DIM], 1).is_err()
            );
        }
    }
    let mut half = imported_pack("half", DIM, Metric::L2);
    half.spaces[0].precision = Precision::Half;
    let mut derived = imported_pack("derived", DIM, Metric::L2);
    derived.spaces[0].source = SpaceSource::FromFeature;
    derived.feature_dim = DIM;
    for pack in [half, derived] {
        let refused = db
            .register_pack(&pack)
            .map_err(|error: Error| error.fault());
        assert_eq!(refused, Err(Fault::Input), "{}", pack.fingerprint);
    }
    Ok(())
}

pub fn vectors_are_read_item_by_item(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    for (n, texts) in [(0, &["a cat", "animal"][..]), (1, &[]), (2, &["animal"])] {
        let mut draft = draft(source, format!("{n}").as_bytes(), n);
        draft.captions = texts
            .iter()
            .map(|text| caption(text))
            .collect::<Vec<Caption>>();
        write(&*db, put_with_vectors(draft, n))?;
    }
    let crop = Part {
        index: 2,
        region: None,
    };
    let owner = Owner::Content(content(1).hash);
    write(&*db, vec![put_vector(owner, "image", crop, direction(9))])?;
    let ids = ["2", "0", "1"].map(|path| id_at(&*db, source, path));
    let ids = ids.into_iter().collect::<Result<Vec<ItemId>>>()?;
    let read = db.vectors(PACK, "image", &ids)?;
    let found: Vec<(ItemId, u32)> = read.iter().map(|one| (one.item, one.part.index)).collect();
    assert_eq!(found, [(ids[0], 0), (ids[1], 0), (ids[2], 0), (ids[2], 2)]);
    let length: f32 = read[0].vector.iter().map(|x| x * x).sum();
    assert!(
        (length - 1.0).abs() < 2e-3,
        "at unit length, as it is compared"
    );
    let read = db.vectors(PACK, "caption", &ids)?;
    let found: Vec<(ItemId, Option<&str>)> = read
        .iter()
        .map(|one| (one.item, one.caption.as_deref()))
        .collect();
    let (animal, cat) = (Some("animal"), Some("a cat"));
    assert_eq!(found, [(ids[0], animal), (ids[1], cat), (ids[1], animal)]);
    assert_eq!(db.vectors(PACK, "visual", &ids)?.len(), 3);
    // A search may have vectors in memory; what is read stays what it was, and becomes what is written then.
    let spaces = ["image", "caption"];
    let all = || {
        let read = spaces.map(|space| db.vectors(PACK, space, &ids));
        read.into_iter().collect::<Result<Vec<_>>>()
    };
    let before = all()?;
    for space in spaces {
        search::search(&*db, space, &direction(3), 5, &Filter::All)?;
    }
    assert_eq!(all()?, before);
    let owner = Owner::Content(content(1).hash);
    write(
        &*db,
        vec![put_vector(owner, "image", Part::WHOLE, direction(7))],
    )?;
    search::search(&*db, "caption", &direction(3), 5, &Filter::All)?;
    let after = all()?;
    assert_eq!(after[1..], before[1..]);
    assert_ne!(after[0][2], before[0][2]);
    assert_eq!(
        [&after[0][..2], &after[0][3..]],
        [&before[0][..2], &before[0][3..]]
    );
    let elsewhere = harness.open("art")?;
    elsewhere.register_pack(&pack(PACK))?;
    assert_eq!(elsewhere.vectors(PACK, "image", &ids)?, []);
    Ok(())
}

pub fn an_import_is_named_by_its_rows(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    imported(&*db, Metric::L2, 1)?;
    let source = db.source(SourceKind::Import, Path::new("/vectors.npy"))?;
    for path in ["/elsewhere/../a.jpg", "https://example.org//b.jpg", ""] {
        let put = Operation::PutItem(draft(source, path.as_bytes(), 0));
        assert_eq!(write(&*db, vec![put]).is_ok(), !path.is_empty(), "{path:?}");
    }
    let mut names: Vec<String> = all_items(&*db)?
        .iter()
        .map(|item| item.absolute().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expect = [
        "/elsewhere/../a.jpg",
        "/vectors.npy#0",
        "https://example.org//b.jpg",
    ];
    assert_eq!(names, expect);
    assert_eq!(db.sources()?[0].kind, SourceKind::Import);
    Ok(())
}
