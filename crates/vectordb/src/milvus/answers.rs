//! Answers that are made of records one by one: what is known of files and contents, and which items words stand in.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::evaluate::Question;
use super::session::Session;
use super::write::features_of;
use super::{expression, order};
use crate::database::{KeywordHit, Wanted};
use crate::error::Result;
use crate::filter::Filter;
use crate::ids::{ContentHash, ItemId, SourceId};
use crate::records::{ContentState, FileState};

/// Of so many items words are proposed where a process has no copy of all.
const MOST_READ: usize = 20_000;

pub(super) fn file_states(
    session: &Session,
    collection: &str,
    source: SourceId,
) -> Result<Vec<FileState>> {
    session.records()?.source(collection, source)?;
    let mut states = Vec::new();
    let of_source = format!("source == {}", source.0);
    let of_collection = Some(collection);
    session.each_page_where(of_collection, &of_source, &mut |records| {
        let items = records
            .items_of(collection)
            .filter(|(_, item)| item.source == source.0);
        states.extend(items.filter_map(|(id, item)| {
            // Whose content is not there is as if it had not been read yet.
            records.contents.get(&item.content().0)?;
            Some(FileState {
                item: ItemId::new(id)?,
                path: item.path.clone(),
                size: item.size,
                mtime_ns: item.mtime_ns,
                checked_ns: item.checked_ns,
                content: item.content(),
            })
        }));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(states)
}

pub(super) fn known_contents(
    session: &Session,
    collection: &str,
    hashes: &[ContentHash],
    pack: &str,
) -> Result<Vec<ContentState>> {
    let mut state = session.records()?;
    let features = features_of(&state.pack(collection, pack)?).key();
    let wanted: Vec<[u8; 32]> = hashes.iter().map(|hash| hash.0).collect();
    state.add_contents(session, &wanted)?;
    let known = hashes.iter().filter_map(|hash| {
        let doc = state.contents.get(&hash.0)?;
        let content = doc.record(*hash);
        let parts = doc
            .have
            .get(&features)
            .map(Vec::as_slice)
            .unwrap_or_default();
        Some(ContentState {
            hash: *hash,
            width: content.width,
            height: content.height,
            has_feature: parts.contains(&0),
            n_parts: parts.iter().filter(|part| **part != 0).count() as u32,
            last_part: parts.last().copied().unwrap_or(0),
            hash_version: content.hash_version,
            color_version: content.color_version,
            preview_version: content.preview_version,
        })
    });
    Ok(known.collect())
}

pub(super) fn keywords(
    session: &Session,
    collection: &str,
    wanted: &[Wanted],
    filter: &Filter,
    n_items: u64,
) -> Result<Vec<KeywordHit>> {
    let question = Question::of(filter)?;
    let mut finding = order::Finding::of(wanted);
    if let Some(expr) = expression::having_words(finding.sequences()) {
        let expr = format!("{expr} or big == 1");
        session.each_page_where(Some(collection), &expr, &mut |records| {
            finding.add(records, collection, &question);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(finding.done(n_items))
}

pub(super) fn known_words(session: &Session, prefix: &str) -> Result<Vec<(String, u64)>> {
    let mut counts = BTreeMap::new();
    let mut n_seen = 0;
    session.each_page_where(None, "kind == 9", &mut |records| {
        order::count_words(records, prefix, &mut counts);
        n_seen += records.items.len();
        Ok(match n_seen < MOST_READ {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    })?;
    Ok(counts.into_iter().collect())
}
