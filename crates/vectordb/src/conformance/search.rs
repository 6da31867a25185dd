//! Cases about vector search, each against the naive twin.

use super::Harness;
use super::fixtures::*;
use super::twin::{Twin, assert_same_hits, score};
use crate::{
    Database, Filter, Hit, Item, ItemId, Metric, Operation, Owner, Part, Parts, Region, Result,
    VectorQuery,
};

pub(super) fn search(
    db: &dyn Database,
    space: &str,
    vector: &[f32],
    top_k: usize,
    filter: &Filter,
) -> Result<Vec<Hit>> {
    db.search(&VectorQuery {
        pack: PACK,
        space,
        vector,
        top_k,
        filter,
        parts: Parts::default(),
    })
}

pub(super) fn all_items(db: &dyn Database) -> Result<Vec<Item>> {
    db.items(&db.scan(&Filter::All, None, usize::MAX)?)
}

/// The twin of spaces `image` and `caption` after `put_with_vectors`.
pub(super) fn twin_of(items: &[Item], space: &str) -> Twin {
    let mut twin = Twin::default();
    for item in items {
        if space == "image" {
            let n = item.content.dhash as u32;
            twin.vectors
                .insert((Owner::Content(item.content.hash), 0), direction(n));
        } else {
            for caption in &item.captions {
                let vector = direction(caption.text.len() as u32);
                twin.vectors
                    .insert((Owner::Phrase(caption.text.clone()), 0), vector);
            }
        }
    }
    twin
}

pub fn search_agrees_with_the_twin(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..60).map(|i| format!("{i}.png")).collect();
    fill(
        &*db,
        source,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    let items = all_items(&*db)?;
    let twin = twin_of(&items, "image");
    for n in [0, 7, 100] {
        let mut query = direction(n);
        query.iter_mut().for_each(|x| *x *= 40.0);
        for top_k in [0, 1, 5, 59, 60, 1000, usize::MAX] {
            let got = search(&*db, "image", &query, top_k, &Filter::All)?;
            let expect = twin.search(&items, &query, top_k, &Filter::All);
            let all = twin.search(&items, &query, usize::MAX, &Filter::All);
            assert_same_hits(&got, &expect, &all, &format!("query {n}, top {top_k}"));
        }
    }
    let visual = search(&*db, "visual", &feature(3), 1, &Filter::All)?;
    assert_eq!(db.items(&[visual[0].item])?[0].path, b"3.png");
    assert!(
        (visual[0].score - 1.0).abs() < 1e-3,
        "features are searched at unit length"
    );
    Ok(())
}

pub fn the_best_part_counts(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let ids = fill(&*db, source, &["a", "b"])?;
    let region = Region {
        x: 0.5,
        y: 0.0,
        w: 0.5,
        h: 1.0,
    };
    let crop = Part {
        index: 3,
        region: Some(region),
    };
    let owner = Owner::Content(content(1).hash);
    write(
        &*db,
        vec![put_vector(owner, "image", crop, vec![0.0, 0.0, -1.0])],
    )?;
    let hits = search(&*db, "image", &[0.0, 0.0, -2.0], 10, &Filter::All)?;
    assert_eq!(
        hits.len(),
        2,
        "an item appears once however many parts it has"
    );
    assert_eq!((hits[0].item, hits[0].part), (ids[1], crop));
    assert!((hits[0].score - 1.0).abs() < 1e-3);
    let hits = search(&*db, "image", &direction(1), 10, &Filter::All)?;
    assert_eq!((hits[0].item, hits[0].part), (ids[1], Part::WHOLE));
    Ok(())
}

pub fn items_of_one_content_all_appear(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a", "b"])?;
    for path in ["copy 1", "copy 2", "sub/copy 3"] {
        write(
            &*db,
            vec![Operation::PutItem(draft(source, path.as_bytes(), 0))],
        )?;
    }
    let same = Filter::Not(Box::new(Filter::glob("path", "b")));
    let mut expect = db.scan(&same, None, 10)?;
    expect.sort();
    let found = |filter: &Filter, top_k| -> Result<Vec<ItemId>> {
        let hits = search(&*db, "image", &direction(0), top_k, filter)?;
        Ok(hits.iter().map(|hit| hit.item).collect())
    };
    assert_eq!(found(&Filter::All, 4)?, expect);
    assert_eq!(found(&Filter::All, 2)?, expect[..2]);
    let sub = Filter::glob("folder", "sub");
    assert_eq!(
        found(&sub, 9)?,
        db.scan(&sub, None, 9)?,
        "the filter is about items, not contents"
    );
    for id in expect {
        write(&*db, vec![Operation::RemoveItem(id)])?;
    }
    assert_eq!(found(&Filter::All, 9)?, [id_at(&*db, source, "b")?]);
    Ok(())
}

pub fn captions_share_their_vectors(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    for (n, texts) in [
        (0, &["a cat", "animal"][..]),
        (1, &["a dog!!", "animal"]),
        (2, &[]),
    ] {
        let mut draft = draft(source, format!("{n}").as_bytes(), n);
        draft.captions = texts.iter().map(|text| caption(text)).collect();
        write(&*db, put_with_vectors(draft, n))?;
    }
    let items = all_items(&*db)?;
    let twin = twin_of(&items, "caption");
    assert_eq!(db.stats()?.spaces[1].n_vectors, 3);
    for (text, n) in [("animal", 2), ("a cat", 2), ("a dog!!", 2)] {
        let query = direction(text.len() as u32);
        let got = search(&*db, "caption", &query, 10, &Filter::All)?;
        assert_eq!(
            got.len(),
            n,
            "an item without captions is not found by them"
        );
        let expect = twin.search(&items, &query, 10, &Filter::All);
        assert_same_hits(&got, &expect, &expect, text);
    }
    let dog = id_at(&*db, source, "1")?;
    write(
        &*db,
        vec![Operation::PutCaptions {
            item: dog,
            captions: vec![],
        }],
    )?;
    let got = search(&*db, "caption", &direction(6), 10, &Filter::All)?;
    assert_eq!(
        got.iter().map(|hit| hit.item).collect::<Vec<_>>(),
        [id_at(&*db, source, "0")?]
    );
    Ok(())
}

pub fn equal_scores_come_by_id(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let mut operations = Vec::new();
    for n in 0..50 {
        let mut one = put_with_vectors(draft(source, format!("{n}").as_bytes(), n), n);
        let owner = Owner::Content(content(n).hash);
        one.push(put_vector(owner, "image", Part::WHOLE, vec![1.0, 2.0, 2.0]));
        operations.extend(one);
    }
    write(&*db, operations)?;
    let ids = db.scan(&Filter::All, None, 50)?;
    for top_k in [1, 10, 30, 50] {
        let hits = search(&*db, "image", &[1.0, 0.0, 0.0], top_k, &Filter::All)?;
        assert_eq!(
            hits.iter().map(|hit| hit.item).collect::<Vec<_>>(),
            ids[..top_k]
        );
    }
    Ok(())
}

pub fn replaced_vectors_are_searched(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let ids = fill(&*db, source, &["a", "b", "c"])?;
    let away = [0.0, 0.0, -1.0];
    let best = || search(&*db, "image", &away, 1, &Filter::All);
    assert!(best()?[0].score < 0.5);
    for n in [2, 0, 1] {
        let owner = Owner::Content(content(n).hash);
        let vector = vec![0.0, 0.0, -3.0];
        write(
            &*db,
            vec![put_vector(owner.clone(), "image", Part::WHOLE, vector)],
        )?;
        assert_eq!(best()?[0].item, ids[n as usize]);
        write(
            &*db,
            vec![put_vector(owner, "image", Part::WHOLE, direction(n))],
        )?;
        assert!(best()?[0].score < 0.5);
    }
    Ok(())
}

pub fn moved_items_keep_their_vectors(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let ids = fill(&*db, source, &["a.png", "b.png", "c.png"])?;
    let before = db.items(&[ids[0]])?;
    let to = |path: &str| Operation::MoveItem {
        item: ids[0],
        source,
        path: path.into(),
    };
    write(&*db, vec![to("new/place.jpg")])?;
    let after = db.items(&[ids[0]])?;
    assert_eq!(
        (after[0].path.as_slice(), after[0].added_ns),
        (&b"new/place.jpg"[..], before[0].added_ns)
    );
    assert_eq!(db.find(source, b"a.png")?, None);
    assert_eq!(db.scan(&Filter::glob("folder", "new"), None, 9)?, [ids[0]]);
    assert_eq!(
        db.count(&Filter::compare("ext", crate::Comparison::Eq, "jpg"))?,
        1
    );
    let hits = search(&*db, "image", &direction(0), 1, &Filter::All)?;
    assert_eq!(hits[0].item, ids[0]);
    write(&*db, vec![to("b.png")])?;
    assert_eq!(db.find(source, b"b.png")?, Some(ids[0]));
    assert!(db.items(&[ids[1]])?.is_empty(), "the covered item is gone");
    assert_eq!(
        search(&*db, "image", &direction(1), 9, &Filter::All)?.len(),
        2
    );
    write(&*db, vec![to("b.png")])?;
    assert_eq!(
        db.count(&Filter::All)?,
        2,
        "moving to where it is changes nothing"
    );
    Ok(())
}

/// A crop of content `n`, looking in a direction.
fn crop_of(n: u32, index: u32, vector: Vec<f32>) -> Operation {
    let region = Region {
        x: 0.0,
        y: 0.0,
        w: 0.5,
        h: 0.25 * index as f32,
    };
    let part = Part {
        index,
        region: Some(region),
    };
    put_vector(Owner::Content(content(n).hash), "image", part, vector)
}

pub fn parts_count_less_or_not_at_all(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..30).map(|i| format!("{i}.png")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fill(&*db, source, &names)?;
    let crops =
        (0..30).flat_map(|n| (1..4).map(move |at| crop_of(n, at, direction(n * 7 + at * 3))));
    write(&*db, crops.collect())?;
    let items = all_items(&*db)?;
    let query = direction(5);
    let ask = |top_k: usize, parts: Parts| {
        db.search(&VectorQuery {
            pack: PACK,
            space: "image",
            vector: &query,
            top_k,
            filter: &Filter::All,
            parts,
        })
    };
    let whole = twin_of(&items, "image").search(&items, &query, 30, &Filter::All);
    let got = ask(30, Parts::Whole)?;
    assert_same_hits(&got, &whole, &whole, "wholes alone");
    assert!(got.iter().all(|hit| hit.part == Part::WHOLE));
    for less in [0.0, 0.05, 0.3, 3.0, f32::INFINITY] {
        let all = ask(30, Parts::Less(less))?;
        assert_eq!(all.len(), 30);
        for hit in &all {
            let n = items
                .iter()
                .find(|item| item.id == hit.item)
                .map_or(0, |item| item.content.dhash as u32);
            let cosine = |n: u32| score(Metric::Cosine, &direction(n), &query);
            let parts = (1..4).map(|at| cosine(n * 7 + at * 3) - less);
            let expect = parts.fold(cosine(n), f32::max);
            assert!(
                (hit.score - expect).abs() < 2e-3,
                "{hit:?} counts {expect}, parts less {less}"
            );
        }
        // However few are asked for, they are the first of all.
        for top_k in [1, 3, 10] {
            let scores = |hits: &[Hit]| hits.iter().map(|hit| hit.score).collect::<Vec<_>>();
            assert_eq!(
                scores(&ask(top_k, Parts::Less(less))?),
                scores(&all[..top_k]),
                "less {less}"
            );
        }
    }
    Ok(())
}

pub fn parts_are_removed_and_the_whole_stays(harness: &dyn Harness) -> Result<()> {
    let (db, other) = (harness.open("photos")?, harness.open("other")?);
    let source = prepared(&*db)?;
    let ids = fill(&*db, source, &["a", "b", "c"])?;
    let shared = prepared(&*other)?;
    write(&*other, vec![Operation::PutItem(draft(shared, b"c", 2))])?;
    let below = vec![0.0, 0.0, -1.0];
    for n in 0..3 {
        let part = Part {
            index: 4,
            region: None,
        };
        write(
            &*db,
            vec![
                crop_of(n, 4, below.clone()),
                put_feature(content(n).hash, part, feature(9)),
            ],
        )?;
    }
    let known = db.known_contents(&[content(0).hash], PACK)?[0];
    assert_eq!(
        (known.n_parts, known.last_part, known.has_feature),
        (1, 4, true)
    );
    assert_eq!(
        (db.stats()?.n_parts, db.stats()?.n_contents_with_parts),
        (3, 3)
    );
    let nearest = || search(&*db, "image", &below, 10, &Filter::All);
    assert!(nearest()?.iter().all(|hit| hit.part.index == 4));

    let gone = crate::ContentHash([77; 32]);
    let remove =
        [content(0).hash, content(2).hash, gone].map(|content| Operation::RemoveParts { content });
    write(&*db, remove.to_vec())?;
    let parts: Vec<(ItemId, u32)> = nearest()?
        .iter()
        .map(|hit| (hit.item, hit.part.index))
        .collect();
    assert!(
        parts.contains(&(ids[0], 0)),
        "its whole is found, its part no more: {parts:?}"
    );
    assert!(
        parts.contains(&(ids[1], 4)) && parts.contains(&(ids[2], 4)),
        "another's, and one shared, stay: {parts:?}"
    );
    assert_eq!(db.feature(PACK, content(0).hash)?.len(), 1);
    assert_eq!(db.feature(PACK, content(2).hash)?.len(), 2);
    let again = harness.open("photos")?;
    assert_eq!(
        again
            .search(&VectorQuery {
                pack: PACK,
                space: "image",
                vector: &below,
                top_k: 10,
                filter: &Filter::All,
                parts: Parts::default(),
            })?
            .len(),
        3
    );
    assert_eq!(db.check()?, []);
    Ok(())
}

pub fn a_part_without_its_vector_is_a_problem(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a", "b"])?;
    let part = Part {
        index: 5,
        region: None,
    };
    write(&*db, vec![put_feature(content(1).hash, part, feature(9))])?;
    let problems = db.check()?;
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].message.contains("1 parts of images"),
        "{}",
        problems[0].message
    );
    Ok(())
}
