//! Cases about several handles and threads at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Harness;
use super::fixtures::*;
use super::search::search;
use crate::{Batch, Filter, ItemId, Operation, Owner, Part, Result};

pub fn another_handle_follows(harness: &dyn Harness) -> Result<()> {
    let (writer, reader) = (harness.open("photos")?, harness.open("photos")?);
    let source = prepared(&*writer)?;
    let names: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    fill(
        &*writer,
        source,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    let found = |n: u32| -> Result<Vec<ItemId>> {
        let hits = search(&*reader, "image", &direction(n), 1, &Filter::All)?;
        Ok(hits.iter().map(|hit| hit.item).collect())
    };
    assert_eq!(found(4)?, [id_at(&*writer, source, "4")?]);
    write(&*writer, put_with_vectors(draft(source, b"new", 77), 77))?;
    assert_eq!(found(77)?, [id_at(&*writer, source, "new")?], "added");
    let four = id_at(&*writer, source, "4")?;
    write(&*writer, vec![Operation::RemoveItem(four)])?;
    assert_ne!(found(4)?, [four], "removed");
    write(&*writer, put_with_vectors(draft(source, b"5", 4), 4))?;
    assert_eq!(
        found(4)?,
        [id_at(&*writer, source, "5")?],
        "another content"
    );
    writer.sweep()?;
    assert_eq!(
        search(&*reader, "image", &direction(1), 99, &Filter::All)?.len(),
        30
    );
    assert_eq!(
        search(&*reader, "visual", &feature(1), 99, &Filter::All)?.len(),
        30
    );
    Ok(())
}

pub fn writers_take_turns(harness: &dyn Harness) -> Result<()> {
    const WRITERS: u32 = 4;
    const BATCHES: u32 = 15;
    let first = harness.open("photos")?;
    let source = prepared(&*first)?;
    let begun = first.change()?;
    let handles: Vec<_> = (0..WRITERS)
        .map(|_| harness.open("photos"))
        .collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(&handles)
            .map(|(w, db)| {
                scope.spawn(move || -> Result<()> {
                    for n in 0..BATCHES {
                        let number = w * BATCHES + n;
                        let path = format!("{w}/{n}");
                        write(
                            &**db,
                            put_with_vectors(draft(source, path.as_bytes(), number), number),
                        )?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    let n = u64::from(WRITERS * BATCHES);
    assert_eq!(
        first.change()?.0,
        begun.0 + n,
        "one number per write, none lost"
    );
    assert_eq!(first.count(&Filter::All)?, n);
    assert_eq!(
        search(&*first, "image", &direction(1), 1000, &Filter::All)?.len() as u64,
        n
    );
    assert_eq!(first.check()?, []);
    Ok(())
}

/// Each batch turns every vector round together: a reader that saw half of
/// one would find scores of both kinds.
pub fn readers_see_whole_batches(harness: &dyn Harness) -> Result<()> {
    const ITEMS: u32 = 40;
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..ITEMS).map(|n| n.to_string()).collect();
    fill(
        &*db,
        source,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    let facing = |sign: f32| -> Batch {
        (0..ITEMS)
            .map(|n| {
                let owner = Owner::Content(content(n).hash);
                put_vector(owner, "image", Part::WHOLE, vec![sign, 0.0, 0.0])
            })
            .collect()
    };
    db.write(&facing(1.0))?;
    let done = AtomicBool::new(false);
    let (db, done) = (&*db, &done);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || -> Result<u32> {
                    let mut searches = 0;
                    while !done.load(Ordering::Relaxed) || searches == 0 {
                        let hits = search(
                            db,
                            "image",
                            &[1.0, 0.0, 0.0],
                            100,
                            &Filter::HasCaption.not(),
                        )?;
                        assert_eq!(hits.len(), ITEMS as usize);
                        let same = hits.iter().all(|hit| hit.score == hits[0].score);
                        assert!(same, "half a batch: {hits:?}");
                        searches += 1;
                    }
                    Ok(searches)
                })
            })
            .collect();
        let written = (0..25).try_for_each(|round| {
            db.write(&facing(if round % 2 == 0 { -1.0 } else { 1.0 }))
                .map(drop)
        });
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            match reader.join() {
                Ok(searches) => assert!(searches? > 0),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        written
    })
}

impl Filter {
    fn not(self) -> Filter {
        Filter::Not(Box::new(self))
    }
}

pub fn who_asks_at_once_is_answered_as_alone(harness: &dyn Harness) -> Result<()> {
    let db = harness.open("photos")?;
    let source = prepared(&*db)?;
    let names: Vec<String> = (0..80).map(|i| format!("{i}.png")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fill(&*db, source, &names)?;
    let db = &*db;
    let ask = |n: u32| {
        let space = ["image", "caption"][n as usize % 2];
        let hits = search(db, space, &direction(n), 1 + n as usize % 9, &Filter::All)?;
        let ids: Vec<_> = hits.iter().map(|hit| hit.item).collect();
        Ok::<_, crate::Error>((hits, db.items(&ids)?, db.vectors(PACK, space, &ids)?))
    };
    let alone = (0..24).map(ask).collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let askers: Vec<_> = (0..8)
            .map(|first| {
                let (ask, alone) = (&ask, &alone);
                scope.spawn(move || -> Result<()> {
                    for n in (0..24).map(|n| (n + first * 3) % 24) {
                        assert_eq!(ask(n)?, alone[n as usize], "query {n}");
                    }
                    Ok(())
                })
            })
            .collect();
        let mut joined = askers.into_iter().map(|asker| asker.join());
        joined.try_for_each(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
