//! Cases about packs, spaces and features.

use super::Harness;
use super::fixtures::*;
use crate::{
    Batch, ContentState, Error, Fault, Filter, Operation, Owner, Part, Parts, Region, Result,
    VectorQuery,
};

pub fn packs_are_registered_once(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    db.register_pack(&pack("one"))?;
    db.register_pack(&pack("two"))?;
    let change = db.change()?;
    db.register_pack(&pack("one"))?;
    assert_eq!(db.change()?, change, "nothing changes");
    assert_eq!(db.packs()?, [pack("one"), pack("two")]);
    assert_eq!(db.active_pack()?, Some(pack("one")));
    db.activate_pack("two")?;
    assert_eq!(db.active_pack()?, Some(pack("two")));
    let mut other = pack("one");
    other.spaces.pop();
    match db.register_pack(&other) {
        Err(error) => assert_eq!(error.fault(), Fault::Input),
        Ok(()) => panic!("a fingerprint names one set of spaces"),
    }
    let elsewhere = harness.open("art")?;
    assert!(elsewhere.packs()?.is_empty());
    elsewhere.register_pack(&pack("two"))?;
    assert_eq!(elsewhere.active_pack()?, Some(pack("two")));
    Ok(())
}

pub fn other_fingerprints_are_refused(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    harness.open("art")?.register_pack(&pack("elsewhere"))?;
    for got in ["unknown", "elsewhere"] {
        let refused = [
            search(&*db, got, "image", &[1.0, 0.0, 0.0]).map(drop),
            db.activate_pack(got),
            db.known_contents(&[content(0).hash], got).map(drop),
            db.features(got, None, 1).map(drop),
            db.write(&Batch::from(vec![Operation::PutFeature {
                content: content(0).hash,
                pack: got.to_owned(),
                part: Part::WHOLE,
                feature: feature(0),
            }]))
            .map(drop),
        ];
        for refused in refused {
            let Err(error) = refused else {
                panic!("{got} was taken")
            };
            let words = error.to_string();
            assert!(matches!(error, Error::Fingerprint { .. }), "{words}");
            assert!(words.contains(got) && words.contains(PACK), "{words}");
        }
    }
    Ok(())
}

fn search(
    db: &dyn crate::Database,
    pack: &str,
    space: &str,
    vector: &[f32],
) -> Result<Vec<crate::Hit>> {
    db.search(&VectorQuery {
        pack,
        space,
        vector,
        top_k: 10,
        filter: &Filter::All,
        parts: Parts::default(),
    })
}

pub fn wrong_vectors_are_refused(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    let hash = content(0).hash;
    let owner = || Owner::Content(hash);
    let whole = Part::WHOLE;
    let nowhere = Region {
        x: f32::NAN,
        y: 0.0,
        w: 1.0,
        h: 1.0,
    };
    let bad = [
        put_vector(owner(), "image", whole, vec![1.0; 4]),
        put_vector(owner(), "image", whole, vec![]),
        put_vector(owner(), "image", whole, vec![0.0; 3]),
        put_vector(owner(), "image", whole, vec![1.0, f32::NAN, 0.0]),
        put_vector(owner(), "image", whole, vec![1.0, f32::INFINITY, 0.0]),
        put_vector(owner(), "nowhere", whole, vec![1.0; 3]),
        put_vector(owner(), "visual", whole, vec![1.0; 4]),
        put_vector(
            Owner::Content(content(9).hash),
            "image",
            whole,
            vec![1.0; 3],
        ),
        put_vector(
            owner(),
            "image",
            Part {
                index: 1,
                region: Some(nowhere),
            },
            vec![1.0; 3],
        ),
        put_feature(hash, whole, vec![1.0; 3]),
        put_feature(hash, whole, vec![f32::NEG_INFINITY; 4]),
    ];
    for operation in bad {
        match write(&*db, vec![operation.clone()]) {
            Err(error) => assert_eq!(error.fault(), Fault::Input, "{operation:?}"),
            Ok(_) => panic!("{operation:?} was taken"),
        }
    }
    for query in [&[1.0f32, 0.0][..], &[0.0; 3], &[f32::NAN, 0.0, 1.0]] {
        match search(&*db, PACK, "image", query) {
            Err(error) => assert_eq!(error.fault(), Fault::Input, "{query:?}"),
            Ok(_) => panic!("{query:?} was taken"),
        }
    }
    match search(&*db, PACK, "nowhere", &[1.0; 3]) {
        Err(Error::UnknownSpace { known, .. }) => assert_eq!(known, ["image", "caption", "visual"]),
        other => panic!("{other:?}"),
    }
    Ok(())
}

pub fn packs_do_not_mix(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let id = fill(&*db, source, &["a"])?[0];
    let mut wide = pack("wide");
    wide.feature_dim = 6;
    wide.spaces[0].dim = 2;
    wide.spaces[2].dim = 6;
    db.register_pack(&wide)?;
    assert_eq!(search(&*db, "wide", "image", &[1.0, 0.0])?, []);
    let owner = Owner::Content(content(0).hash);
    let (pack, space, part) = ("wide".to_owned(), "image".to_owned(), Part::WHOLE);
    write(
        &*db,
        vec![Operation::PutVector {
            owner,
            pack,
            space,
            part,
            vector: vec![0.0, 5.0],
        }],
    )?;
    let hits = search(&*db, "wide", "image", &[0.0, 1.0])?;
    assert_eq!((hits.len(), hits[0].item), (1, id));
    assert!((hits[0].score - 1.0).abs() < 1e-3);
    assert_eq!(search(&*db, PACK, "image", &direction(0))?.len(), 1);
    assert_eq!(db.feature(PACK, content(0).hash)?.len(), 1);
    assert_eq!(db.feature("wide", content(0).hash)?, []);
    Ok(())
}

pub fn known_contents_tell_what_is_there(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    fill(&*db, source, &["a"])?;
    write(&*db, vec![Operation::PutContent(content(1))])?;
    let state = |n, has_feature| ContentState {
        hash: content(n).hash,
        width: content(n).width,
        height: content(n).height,
        has_feature,
        n_parts: 0,
        last_part: 0,
        hash_version: 1,
        color_version: 2,
        preview_version: 3,
    };
    let asked = [content(1).hash, content(2).hash, content(0).hash];
    assert_eq!(
        db.known_contents(&asked, PACK)?,
        [state(1, false), state(0, true)]
    );
    let newer = crate::Content {
        preview_version: 9,
        ..content(0)
    };
    write(&*db, vec![Operation::PutContent(newer)])?;
    let known = db.known_contents(&asked[2..], PACK)?;
    assert_eq!((known[0].preview_version, known[0].has_feature), (9, true));
    Ok(())
}

pub fn features_come_in_pages(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..9).map(|i| i.to_string()).collect();
    fill(
        &*db,
        source,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    let crop = Part {
        index: 1,
        region: Some(Region {
            x: 0.25,
            y: 0.5,
            w: 0.125,
            h: 1.0,
        }),
    };
    let huge = vec![1e30, -1e-30, 70_000.0, 0.0];
    write(&*db, vec![put_feature(content(4).hash, crop, huge.clone())])?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.features(PACK, after, 4)?;
        let Some(last) = page.last() else { break };
        after = Some(last.0);
        seen.extend(page);
    }
    assert_eq!(seen.len(), 10);
    assert!(seen.is_sorted_by(|a, b| (a.0, a.1.index) < (b.0, b.1.index)));
    let of_four: Vec<_> = seen
        .into_iter()
        .filter(|row| row.0 == content(4).hash)
        .collect();
    assert_eq!(
        (of_four[1].1, &of_four[1].2),
        (crop, &huge),
        "too large for f16, kept as f32"
    );
    for (got, expect) in of_four[0].2.iter().zip(feature(4)) {
        assert!((got - expect).abs() < 2e-3, "{got} for {expect}");
    }
    let parts = db.feature(PACK, content(4).hash)?;
    assert_eq!(
        parts,
        of_four
            .into_iter()
            .map(|(_, part, f)| (part, f))
            .collect::<Vec<_>>()
    );
    Ok(())
}
