//! Cases about items: put, got, replaced, moved, removed, counted.

use std::path::Path;

use super::Harness;
use super::fixtures::*;
use crate::{
    Batch, Caption, CaptionOrigin, Change, Error, Failure, Fault, FileState, Filter, ItemId,
    Metadata, Operation, ProblemKind, Result, SourceId, SourceKind, Value,
};

pub fn an_empty_collection_answers(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let info = db.info()?;
    assert_eq!((info.collection.as_str(), info.n_items), ("photos", 0));
    assert_eq!(info.collections, ["photos"]);
    assert!(info.writable);
    assert_eq!(db.change()?, info.change);
    assert_eq!(db.count(&Filter::All)?, 0);
    assert!(db.scan(&Filter::All, None, 10)?.is_empty());
    assert!(db.packs()?.is_empty() && db.active_pack()?.is_none());
    assert!(db.sources()?.is_empty() && db.failures(None)?.is_empty());
    assert_eq!((db.setting("none")?, db.sweep()?), (None, 0));
    assert_eq!(db.check()?, []);
    assert_eq!(
        db.items(&[ItemId::derive("photos", SourceId(1), b"x", 0)])?,
        []
    );
    Ok(())
}

pub fn what_is_put_is_got(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let values = [
        ("camera", vec![Value::from("Leica \"M\" 日本\n")]),
        ("iso", vec![Value::Integer(i64::MAX), Value::Integer(-1)]),
        (
            "gps",
            vec![Value::Real(-33.25), Value::Real(0.0), Value::Real(1e300)],
        ),
        (
            "mixed",
            vec![Value::Integer(3), Value::Real(3.0), Value::from("3")],
        ),
    ];
    let metadata: Metadata = values.map(|(key, values)| (key.to_owned(), values)).into();
    let said = |lang: Option<&str>, text: &str, origin| Caption {
        lang: lang.map(str::to_owned),
        text: text.to_owned(),
        origin,
    };
    let mut put = draft(source, b"new\nline/na\xff\xfeme.JPG", 7);
    put.metadata = metadata.clone();
    put.captions = vec![
        said(Some("zh"), "一只猫", CaptionOrigin::File),
        said(None, "", CaptionOrigin::Embedded),
        said(Some("en"), "a cat", CaptionOrigin::Sidecar),
    ];
    let change = write(
        &*db,
        vec![
            Operation::PutContent(content(7)),
            Operation::PutItem(put.clone()),
        ],
    )?;
    let Some(id) = db.find(source, &put.path)? else {
        panic!("the item is not found")
    };
    let [item] = &db.items(&[id])?[..] else {
        panic!("one id, one item")
    };
    assert_eq!((item.id, item.source, item.change), (id, source, change));
    assert_eq!(
        (item.root.as_path(), item.online),
        (Path::new("/pictures"), true)
    );
    assert_eq!(
        (&item.path, &item.captions, &item.metadata),
        (&put.path, &put.captions, &metadata)
    );
    assert_eq!(item.content, content(7));
    assert_eq!(
        (item.size, item.mtime_ns, item.checked_ns),
        (put.size, put.mtime_ns, put.checked_ns)
    );
    assert!(item.added_ns > 1_600_000_000_000_000_000);
    assert_eq!(id.to_string().parse::<ItemId>().ok(), Some(id));
    Ok(())
}

pub fn replacing_keeps_the_id(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let mut first = draft(source, b"a.png", 0);
    first.captions = vec![caption("old")];
    first
        .metadata
        .insert("iso".to_owned(), vec![Value::Integer(100)]);
    write(&*db, put_with_vectors(first, 0))?;
    let before = db.items(&[id_at(&*db, source, "a.png")?])?;
    let change = write(&*db, put_with_vectors(draft(source, b"a.png", 1), 1))?;
    let after = db.items(&[id_at(&*db, source, "a.png")?])?;
    assert_eq!(
        (before[0].id, before[0].added_ns),
        (after[0].id, after[0].added_ns)
    );
    assert_eq!(
        (after[0].content.hash, after[0].change),
        (content(1).hash, change)
    );
    assert!(after[0].captions.is_empty() && after[0].metadata.is_empty());
    assert_eq!(db.count(&Filter::All)?, 1);
    let captions = vec![caption("new"), caption("newer")];
    write(
        &*db,
        vec![Operation::PutCaptions {
            item: after[0].id,
            captions: captions.clone(),
        }],
    )?;
    assert_eq!(db.items(&[after[0].id])?[0].captions, captions);
    Ok(())
}

pub fn removing_and_putting_again(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let ids = fill(&*db, source, &["a", "b", "c"])?;
    write(&*db, vec![Operation::RemoveItem(ids[1])])?;
    assert_eq!(db.find(source, b"b")?, None);
    assert_eq!(db.count(&Filter::All)?, 2);
    let left: Vec<ItemId> = db
        .items(&[ids[2], ids[1], ids[0]])?
        .iter()
        .map(|item| item.id)
        .collect();
    assert_eq!(
        left,
        [ids[2], ids[0]],
        "in the order asked, without the removed one"
    );
    write(&*db, vec![Operation::RemoveItem(ids[1])])?;
    write(&*db, put_with_vectors(draft(source, b"b", 5), 5))?;
    let again = db.items(&[id_at(&*db, source, "b")?])?;
    assert_eq!(again[0].content, content(5));
    Ok(())
}

pub fn scans_come_in_pages(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..25).map(|i| format!("folder/{i}.png")).collect();
    let mut ids = fill(
        &*db,
        source,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    ids.sort();
    assert_eq!(db.scan(&Filter::All, None, usize::MAX)?, ids);
    let mut paged = Vec::new();
    loop {
        let page = db.scan(&Filter::All, paged.last().copied(), 7)?;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7);
        paged.extend(page);
    }
    assert_eq!(paged, ids);
    assert!(db.scan(&Filter::All, None, 0)?.is_empty());
    Ok(())
}

pub fn a_failing_batch_leaves_nothing(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    let before = (db.change()?, db.stats()?);
    let mut operations = put_with_vectors(draft(source, b"b", 1), 1);
    operations.push(Operation::PutItem(draft(source, b"c", 99)));
    let refused = write(&*db, operations);
    assert!(matches!(refused, Err(Error::NoSuchContent(hash)) if hash == content(99).hash));
    assert_eq!((db.change()?, db.stats()?), before);
    assert_eq!(db.find(source, b"b")?, None);
    Ok(())
}

pub fn bad_input_is_refused_in_words(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    let stranger = ItemId::derive("photos", source, b"stranger", 9);
    let mut nan = draft(source, b"nan", 0);
    nan.metadata
        .insert("x".to_owned(), vec![Value::Real(f64::NAN)]);
    let mut bad = vec![
        Operation::PutItem(nan),
        Operation::PutItem(draft(SourceId(999), b"a", 0)),
        Operation::PutCaptions {
            item: stranger,
            captions: vec![],
        },
        Operation::MoveItem {
            item: stranger,
            source,
            path: b"b".to_vec(),
        },
        Operation::ClearFailure {
            source: SourceId(999),
            path: vec![],
        },
    ];
    for path in [
        &b""[..],
        b"/etc/passwd",
        b"../up",
        b"a/../../b",
        b"a//b",
        b"a/",
    ] {
        bad.push(Operation::PutItem(draft(source, path, 0)));
    }
    for operation in bad {
        match write(&*db, vec![operation.clone()]) {
            Err(error) => {
                assert_eq!(error.fault(), Fault::Input, "{operation:?}: {error}");
                assert!(error.to_string().len() > 10, "{error}");
            }
            Ok(_) => panic!("{operation:?} was taken"),
        }
    }
    let gone = Operation::Touch {
        item: stranger,
        size: 1,
        mtime_ns: 1,
        checked_ns: 1,
    };
    write(&*db, vec![gone, Operation::RemoveItem(stranger)])?;
    Ok(())
}

pub fn change_grows_by_one_with_each_write(harness: &dyn Harness) -> Result<()> {
    let (db, other) = (harness.open("photos")?, harness.open("photos")?);
    let source = prepared(&*db)?;
    let mut last = db.change()?;
    for n in 0..5 {
        let written = write(&*db, put_with_vectors(draft(source, b"a", n), n))?;
        assert_eq!(written, Change(last.0 + 1));
        assert_eq!((db.change()?, other.change()?), (written, written));
        last = written;
    }
    assert_eq!(db.write(&Batch::new())?, last, "nothing to write");
    assert_eq!(db.change()?, last);
    Ok(())
}

pub fn a_reopened_collection_is_the_same(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let mut first = draft(source, b"a", 3);
    first.captions = vec![caption("hello")];
    write(&*db, put_with_vectors(first, 3))?;
    db.set_setting("key", Some("value"))?;
    let id = id_at(&*db, source, "a")?;
    let before = (
        db.change()?,
        db.items(&[id])?,
        db.packs()?,
        db.sources()?,
        db.stats()?,
    );
    drop(db);
    let db = harness.open("photos")?;
    let after = (
        db.change()?,
        db.items(&[id])?,
        db.packs()?,
        db.sources()?,
        db.stats()?,
    );
    assert_eq!(before, after);
    assert_eq!(db.setting("key")?.as_deref(), Some("value"));
    assert_eq!(prepared(&*db)?, source);
    Ok(())
}

pub fn touch_changes_times_alone(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let id = fill(&*db, source, &["a"])?[0];
    let before = db.items(&[id])?;
    let (size, mtime_ns) = (before[0].size, before[0].mtime_ns);
    let touch = |size, mtime_ns, checked_ns| Operation::Touch {
        item: id,
        size,
        mtime_ns,
        checked_ns,
    };
    write(&*db, vec![touch(size, mtime_ns, 42)])?;
    let looked = db.items(&[id])?;
    assert_eq!(
        (looked[0].checked_ns, looked[0].change),
        (42, before[0].change)
    );
    let change = write(&*db, vec![touch(size, mtime_ns + 1, 43)])?;
    let touched = db.items(&[id])?;
    assert_eq!(
        (touched[0].mtime_ns, touched[0].change),
        (mtime_ns + 1, change)
    );
    assert_eq!(
        (&touched[0].content, touched[0].added_ns),
        (&before[0].content, before[0].added_ns)
    );
    Ok(())
}

pub fn failures_are_kept_until_indexed(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let other = db.source(SourceKind::Upload, Path::new("inbox"))?;
    let failure = |source, path: &[u8], reason: &str| Failure {
        source,
        path: path.to_vec(),
        kind: "truncated".to_owned(),
        reason: reason.to_owned(),
        size: 12,
        mtime_ns: -5,
        at_ns: 77,
    };
    let all = [
        failure(source, b"a\xff.png", "ends early"),
        failure(source, b"b.png", "ends early"),
        failure(other, b"c.png", "ends early"),
    ];
    write(
        &*db,
        all.iter().cloned().map(Operation::PutFailure).collect(),
    )?;
    assert_eq!(db.failures(None)?, all);
    assert_eq!(db.failures(Some(other))?, all[2..]);
    let again = failure(source, b"b.png", "is empty");
    write(&*db, vec![Operation::PutFailure(again.clone())])?;
    assert_eq!(db.failures(Some(source))?, [all[0].clone(), again]);
    write(&*db, put_with_vectors(draft(source, b"b.png", 0), 0))?;
    assert_eq!(
        db.failures(Some(source))?,
        all[..1],
        "an indexed file is no failure"
    );
    write(
        &*db,
        vec![Operation::ClearFailure {
            source,
            path: b"a\xff.png".to_vec(),
        }],
    )?;
    assert_eq!(db.failures(None)?, all[2..]);
    Ok(())
}

pub fn sources_go_offline_and_come_back(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let upload = db.source(SourceKind::Upload, Path::new("/pictures"))?;
    assert_ne!(source, upload, "the kind tells sources apart");
    assert_eq!(db.source(SourceKind::Root, Path::new("/pictures"))?, source);
    let id = fill(&*db, source, &["a"])?[0];
    db.set_online(source, false)?;
    let sources = db.sources()?;
    assert_eq!(
        (sources[0].online, sources[0].n_items, sources[1].n_items),
        (false, 1, 0)
    );
    assert_eq!(sources[0].last_scan_ns, None);
    assert!(!db.items(&[id])?[0].online, "the item stays");
    assert_eq!(db.count(&Filter::Online(false))?, 1);
    db.mark_scanned(source, 123)?;
    let back = &db.sources()?[0];
    assert_eq!((back.online, back.last_scan_ns), (true, Some(123)));
    assert!(matches!(
        db.set_online(SourceId(99), true),
        Err(Error::NoSuchSource(_))
    ));
    Ok(())
}

pub fn settings_are_kept(harness: &dyn Harness) -> Result<()> {
    let (db, other) = (harness.open("photos")?, harness.open("other")?);
    db.set_setting("search.cut", Some("0.3"))?;
    db.set_setting("search.cut", Some("0.4"))?;
    assert_eq!(db.setting("search.cut")?.as_deref(), Some("0.4"));
    assert_eq!(other.setting("search.cut")?, None);
    db.set_setting("search.cut", None)?;
    assert_eq!(db.setting("search.cut")?, None);

    let kept = [("saved.a%_", "1"), ("saved.é", "2"), ("saved.海", "")];
    for (key, value) in kept.iter().chain(&[("saved", "no"), ("Saved.x", "no")]) {
        db.set_setting(key, Some(value))?;
    }
    let listed = |prefix: &str| -> Result<Vec<String>> {
        let found = db.settings(prefix)?;
        Ok(found
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect())
    };
    let expect: Vec<String> = kept
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(listed("saved.")?, expect);
    assert_eq!(listed("saved.é")?, ["saved.é=2"]);
    assert_eq!(listed("saved.a__")?, [""; 0], "a prefix is no pattern");
    assert!(other.settings("")?.is_empty());
    Ok(())
}

pub fn collections_are_apart(harness: &dyn Harness) -> Result<()> {
    let (photos, art) = (harness.open("photos")?, harness.open("art")?);
    let (in_photos, in_art) = (prepared(&*photos)?, prepared(&*art)?);
    let a = fill(&*photos, in_photos, &["a", "b"])?;
    let b = fill(&*art, in_art, &["a"])?;
    assert_ne!(a[0], b[0], "the same path in two collections is two items");
    assert_eq!(
        (photos.count(&Filter::All)?, art.count(&Filter::All)?),
        (2, 1)
    );
    assert!(art.items(&[a[0]])?.is_empty());
    assert!(matches!(
        art.file_states(in_photos),
        Err(Error::NoSuchSource(_))
    ));
    write(&*art, vec![Operation::RemoveItem(a[0])])?;
    assert_eq!(
        photos.count(&Filter::All)?,
        2,
        "another collection's item is not removed"
    );
    let known = art.known_contents(&[content(0).hash, content(1).hash], PACK)?;
    assert!(
        known.iter().all(|state| state.has_feature),
        "contents are shared"
    );
    assert_eq!(photos.info()?.collections, ["art", "photos"]);
    Ok(())
}

pub fn sweeping_removes_what_nobody_uses(harness: &dyn Harness) -> Result<()> {
    let (photos, art) = (harness.open("photos")?, harness.open("art")?);
    let (in_photos, in_art) = (prepared(&*photos)?, prepared(&*art)?);
    let mut first = draft(in_photos, b"a", 0);
    first.captions = vec![caption("only here"), caption("everywhere")];
    let mut second = draft(in_art, b"b", 1);
    second.captions = vec![caption("everywhere")];
    write(&*photos, put_with_vectors(first, 0))?;
    write(&*photos, put_with_vectors(draft(in_photos, b"b", 1), 1))?;
    write(&*art, put_with_vectors(second, 1))?;
    assert_eq!(photos.sweep()?, 0);
    for path in ["a", "b"] {
        let id = id_at(&*photos, in_photos, path)?;
        write(&*photos, vec![Operation::RemoveItem(id)])?;
    }
    let known = |n| {
        photos
            .known_contents(&[content(n).hash], PACK)
            .map(|known| known.len())
    };
    assert_eq!(
        known(0)?,
        1,
        "content stays until swept, in case the file was moved"
    );
    assert_eq!(photos.sweep()?, 2, "content 0 and its own phrase");
    assert_eq!((known(0)?, known(1)?), (0, 1));
    assert_eq!(photos.feature(PACK, content(0).hash)?, []);
    assert_eq!(
        art.items(&[id_at(&*art, in_art, "b")?])?[0].captions,
        [caption("everywhere")]
    );
    assert_eq!(art.check()?, []);
    Ok(())
}

pub fn file_states_are_what_was_put(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let paths: [&[u8]; 3] = [b"a\xff", b"b/c.png", "\u{1f600}'\"".as_bytes()];
    let mut expect = Vec::new();
    for (n, path) in (0..).zip(paths) {
        let draft = draft(source, path, n);
        write(&*db, put_with_vectors(draft.clone(), n))?;
        let Some(item) = db.find(source, path)? else {
            panic!("not found")
        };
        expect.push(FileState {
            item,
            path: path.to_vec(),
            size: draft.size,
            mtime_ns: draft.mtime_ns,
            checked_ns: draft.checked_ns,
            content: draft.content,
        });
    }
    let mut states = db.file_states(source)?;
    states.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(states, expect);

    // A large source, which may be read in another way, and still the small one beside it.
    let large = db.source(SourceKind::Root, Path::new("/large"))?;
    let name = |n: u32| format!("{n:05}");
    let puts = (0..10_500).map(|n| Operation::PutItem(draft(large, name(n).as_bytes(), n % 3)));
    db.write(&puts.collect())?;
    let mut of_large = db.file_states(large)?;
    of_large.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(of_large.len(), 10_500);
    for (n, state) in (0..).zip(&of_large) {
        assert_eq!(state.path, name(n).as_bytes());
        assert_eq!(state.content, content(n % 3).hash);
    }
    let mut states = db.file_states(source)?;
    states.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(states, expect);
    Ok(())
}

pub fn stats_count(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a", "b", "c"])?;
    let mut copy = draft(source, b"copy", 1);
    copy.captions = vec![
        caption("one"),
        Caption {
            lang: None,
            ..caption("two")
        },
    ];
    write(&*db, put_with_vectors(copy, 1))?;
    let stats = db.stats()?;
    assert_eq!(
        (stats.n_items, stats.n_contents, stats.n_captions),
        (4, 3, 2)
    );
    assert_eq!(
        stats.captions_by_lang,
        [(None, 1), (Some("en".to_owned()), 1)].into()
    );
    assert_eq!(
        stats.by_format,
        [("jpeg".to_owned(), 2), ("png".to_owned(), 2)].into()
    );
    assert_eq!(stats.source_bytes, 100 + 101 + 102 + 101);
    let counts: Vec<(&str, u64)> = stats
        .spaces
        .iter()
        .map(|space| (space.space.as_str(), space.n_vectors))
        .collect();
    assert_eq!(counts, [("image", 3), ("caption", 2), ("visual", 3)]);
    Ok(())
}

pub fn check_finds_what_is_missing(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    assert_eq!(db.check()?, []);
    let bare = vec![
        Operation::PutContent(content(1)),
        Operation::PutItem(draft(source, b"bare.png", 1)),
    ];
    write(&*db, bare)?;
    let problems = db.check()?;
    let kinds: Vec<ProblemKind> = problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(
        kinds,
        [ProblemKind::MissingFeature, ProblemKind::MissingVector]
    );
    assert!(
        problems[0].message.contains("bare.png"),
        "{}",
        problems[0].message
    );
    Ok(())
}
