//! What nobody uses goes, and what the server lost is noted, so that it is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::docs::{Doc, Have, Key};
use super::proto::DescribeCollectionRequest;
use super::session::{Session, Turn, Written};
use super::state::{State, owner_key};
use super::table::Space;
use super::upkeep::remove_vectors;
use super::write::{features_of, spaces_by_key, stored};
use crate::batch::Owner;
use crate::error::{Error, Result};
use crate::ids::ContentHash;
use crate::records::PackRecord;

/// Remove contents and phrases that no item of any collection uses, with their vectors. Answers how many.
///
/// Another process may begin to use one of them before it knows that it goes. Its item would have lost its content, so
/// what was begun meanwhile comes back, and vectors go last.
pub(super) fn sweep(session: &Session, turn: &Turn<'_>) -> Result<u64> {
    let unused = unused(session)?;
    if unused.is_empty() {
        return Ok(0);
    }
    let gone = unused.keys().map(|key| (key.clone(), None));
    session.write(turn, gone.collect())?;
    session.look_back(turn)?;
    let mut records = session.records_now();
    records.add_used(session, unused.keys())?;
    let (back, gone): (BTreeMap<Key, Doc>, BTreeMap<Key, Doc>) = unused
        .into_iter()
        .partition(|(key, _)| is_used(&records, key));
    let known = |key: &Key| match key {
        Key::Content(hash) => records.contents.contains_key(hash),
        Key::Phrase(hash) => records.phrases.contains_key(hash),
        _ => true,
    };
    let back: Written = back
        .into_iter()
        .filter(|(key, _)| !known(key))
        .map(|(key, doc)| (key, Some(doc)))
        .collect();
    let rows = rows_of(&records, &gone);
    drop(records);
    if !back.is_empty() {
        session.write(turn, back)?;
    }
    for (space, rows) in rows {
        remove_vectors(session, &space, rows)?;
    }
    Ok(gone.len() as u64)
}

fn is_used(state: &State, key: &Key) -> bool {
    match key {
        Key::Content(hash) => state.with_content(hash).next().is_some(),
        Key::Phrase(hash) => state.with_phrase(hash).next().is_some(),
        _ => true,
    }
}

fn unused(session: &Session) -> Result<BTreeMap<Key, Doc>> {
    let mut unused = BTreeMap::new();
    for is_content in [true, false] {
        session.each_owner_page(session.records_now(), is_content, None, &mut |records| {
            records.add_their_users(session)?;
            let contents = records
                .contents
                .iter()
                .map(|(hash, doc)| (Key::Content(*hash), Doc::Content(doc.clone())));
            let phrases = records
                .phrases
                .iter()
                .map(|(hash, doc)| (Key::Phrase(*hash), Doc::Phrase(doc.clone())));
            match is_content {
                true => unused.extend(contents.filter(|(key, _)| !is_used(records, key))),
                false => unused.extend(phrases.filter(|(key, _)| !is_used(records, key))),
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(unused)
}

/// Which vectors these have, by space.
fn rows_of(
    state: &State,
    records: &BTreeMap<Key, Doc>,
) -> BTreeMap<Space, BTreeSet<(String, u32)>> {
    let spaces = spaces_by_key(state);
    let mut rows = BTreeMap::<Space, BTreeSet<(String, u32)>>::new();
    let mut add = |owner: &str, have: &Have| {
        for (key, parts) in have {
            if let Some(space) = spaces.get(key) {
                let of_owner = parts.iter().map(|part| (owner.to_owned(), *part));
                rows.entry(space.clone()).or_default().extend(of_owner);
            }
        }
    };
    for (key, doc) in records {
        match (key, doc) {
            (Key::Content(hash), Doc::Content(doc)) => {
                add(&owner_key(&Owner::Content(ContentHash(*hash))), &doc.have);
            }
            (Key::Phrase(_), Doc::Phrase(doc)) => {
                add(&owner_key(&Owner::Phrase(doc.text.clone())), &doc.have);
            }
            _ => {}
        }
    }
    rows
}

/// Where somebody dropped a table, forget the contents and phrases whose vectors lay in it: items without a content
/// count as files that nobody has read, so that indexing makes all of it anew.
pub(super) fn forget_lost(session: &Session, turn: &Turn<'_>, pack: &PackRecord) -> Result<()> {
    let mut spaces: BTreeSet<Space> = pack.spaces.iter().map(|of| stored(pack, of)).collect();
    spaces.insert(features_of(pack));
    for space in spaces {
        let key = space.key();
        let described = session.client.call(DescribeCollectionRequest {
            db_name: session.client.database().to_owned(),
            collection_name: session.space_table(&space).name,
        });
        match described {
            Err(Error::NoTable { .. }) => {}
            other => {
                other?;
                continue;
            }
        }
        session.forget_table(&session.space_table(&space));
        let lost = having(session, &key)?;
        if !lost.is_empty() {
            session.write(turn, lost)?;
        }
    }
    Ok(())
}

/// That all records go that note a vector in a space.
fn having(session: &Session, key: &str) -> Result<Written> {
    let has = |have: &Have| have.get(key).is_some_and(|parts| !parts.is_empty());
    let mut lost = Written::new();
    for is_content in [true, false] {
        session.each_owner_page(session.records_now(), is_content, None, &mut |records| {
            let contents = records.contents.iter().filter(|(_, doc)| has(&doc.have));
            let phrases = records.phrases.iter().filter(|(_, doc)| has(&doc.have));
            match is_content {
                true => lost.extend(contents.map(|(hash, _)| (Key::Content(*hash), None))),
                false => lost.extend(phrases.map(|(hash, _)| (Key::Phrase(*hash), None))),
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(lost)
}
