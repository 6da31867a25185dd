//! What a copy of another database needs: things under the names that they have there.

use std::path::Path;

use super::fixtures::*;
use super::{Harness, Result};
use crate::{
    Error, Filter, ItemId, Operation, SourceId, SourceKind, SourceRecord, Tag, Vocabulary,
};

fn source(id: i64, root: &str) -> SourceRecord {
    SourceRecord {
        id: SourceId(id),
        kind: SourceKind::Root,
        root: root.into(),
        online: true,
        last_scan_ns: None,
        n_items: 0,
    }
}

fn is_refused<T>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Invalid { .. }))
}

pub fn sources_are_adopted_under_their_numbers(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let far = SourceRecord {
        online: false,
        last_scan_ns: Some(17),
        ..source(1 << 47, "/far")
    };
    db.adopt_source(&far)?;
    db.adopt_source(&source(3, "/near"))?;
    assert_eq!(db.source(SourceKind::Root, Path::new("/far"))?, far.id);
    assert_eq!(
        db.source(SourceKind::Root, Path::new("/near"))?,
        SourceId(3)
    );
    let mut kept = db.sources()?;
    kept.sort_by_key(|source| source.id);
    assert_eq!(kept, [source(3, "/near"), far.clone()]);
    db.adopt_source(&source(far.id.0, "/far"))?;
    let online = db.sources()?.iter().all(|source| source.online);
    assert!(online, "its state is what was said last");
    // A number or root of another is never taken, not even by another collection.
    assert!(is_refused(db.adopt_source(&source(3, "/other"))));
    assert!(is_refused(db.adopt_source(&source(4, "/near"))));
    let other = harness.open("other")?;
    assert!(is_refused(other.adopt_source(&source(3, "/near"))));
    let new = db.source(SourceKind::Root, Path::new("/new"))?;
    assert!(new != far.id && new != SourceId(3));
    Ok(())
}

fn restore(id: i64, added_ns: i64, draft: crate::ItemDraft) -> Operation {
    Operation::RestoreItem {
        item: ItemId::new(id).unwrap_or_else(|| panic!("{id} is positive")),
        added_ns,
        draft,
    }
}

pub fn items_are_restored_under_their_ids(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let root = prepared(&*db)?;
    let covered = fill(&*db, root, &["a.png", "b.png"])?;
    let mut said = draft(root, b"a.png", 1);
    said.captions = vec![caption("a tree")];
    write(&*db, vec![restore(77, 5, said.clone())])?;
    let kept = db.items(&[covered[0]])?;
    assert!(kept.is_empty(), "what was at its place is gone");
    let id = id_at(&*db, root, "a.png")?;
    let item = db.items(&[id])?.remove(0);
    assert_eq!((id.get(), item.added_ns), (77, 5));
    assert_eq!((item.captions, item.content), (said.captions, content(1)));
    // Again with another place, time and content: the same item, changed.
    let change = write(&*db, vec![restore(77, 6, draft(root, b"b.png", 0))])?;
    let item = db.items(&[id])?.remove(0);
    assert_eq!((item.added_ns, item.change), (6, change));
    assert_eq!((&item.path[..], item.content), (&b"b.png"[..], content(0)));
    assert!(item.captions.is_empty());
    assert_eq!(db.scan(&Filter::All, None, 9)?, [id]);
    assert!(db.check()?.is_empty(), "{:?}", db.check()?);
    // Put as any other afterwards, it keeps both.
    write(&*db, vec![Operation::PutItem(draft(root, b"b.png", 1))])?;
    let item = db.items(&[id])?.remove(0);
    assert_eq!((item.added_ns, item.content), (6, content(1)));

    let other = harness.open("other")?;
    let elsewhere = prepared(&*other)?;
    let taken = restore(77, 5, draft(elsewhere, b"a.png", 1));
    assert!(is_refused(write(&*other, vec![taken])));
    assert_eq!(other.count(&Filter::All)?, 0);
    Ok(())
}

pub fn each_vocabulary_is_told_apart(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let root = prepared(&*db)?;
    fill(&*db, root, &["a.png", "b.png"])?;
    let tag = |name: &str, probability| Tag {
        name: name.to_owned(),
        probability,
    };
    let put = |vocabulary, tags: Vec<Tag>| Operation::PutTags {
        content: content(1).hash,
        pack: PACK.to_owned(),
        vocabulary,
        tags,
    };
    let (of_pack, of_list) = (
        vec![tag("dog", 0.75), tag("cat", 0.5)],
        vec![tag("dog", 0.25)],
    );
    write(&*db, vec![put(Vocabulary::Collection, of_list.clone())])?;
    write(&*db, vec![put(Vocabulary::Pack, of_pack.clone())])?;
    let asked = [content(0).hash, content(9).hash, content(1).hash];
    let expect = [
        (content(1).hash, Vocabulary::Pack, of_pack.clone()),
        (content(1).hash, Vocabulary::Collection, of_list),
    ];
    assert_eq!(db.tags(PACK, &asked)?, expect);
    assert!(db.tags("another", &asked).is_err());
    // A list is a collection's own.
    let other = harness.open("other")?;
    prepared(&*other)?;
    assert_eq!(other.tags(PACK, &asked)?, expect[..1]);
    Ok(())
}
