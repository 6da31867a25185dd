//! Cases about vector search, each against the naive twin.

use super::Harness;
use super::fixtures::*;
use super::twin::{Twin, assert_same_hits};
use crate::{
    Database, Filter, Hit, Item, ItemId, Operation, Owner, Part, Region, Result, VectorQuery,
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
