//! Vectors that are put, read and removed; what nobody uses; counting and checking.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::evaluate::{Question, View, matching};
use super::order;
use super::proto::DescribeIndexRequest;
use super::rows::{MOST_REQUEST_BYTES, longs, texts, vectors};
use super::search::{region_text, rows_of_owners};
use super::session::Session;
use super::state::{State, owner_key, phrase_hash};
use super::table::Space;
use super::write::{VectorRow, features_of, stored};
use crate::batch::Owner;
use crate::error::{Error, Result};
use crate::ids::ItemId;
use crate::indexes::IndexInfo;
use crate::records::{
    ItemVector, PackRecord, Problem, ProblemKind, SpaceCount, SpaceSource, Stats,
};

/// Bytes of a row beside its numbers, about.
const ROW_BYTES: usize = 250;

/// The key of a vector's row: the same for the same owner and part, so that what is put again takes its place.
fn row_key(library: &str, owner: &str, part: u32) -> String {
    let hash = blake3::hash(format!("{owner} {part}").as_bytes()).to_hex();
    format!("{library}{:.40}", hash.as_str())
}

pub(super) fn put_vectors(
    session: &Session,
    space: &Space,
    rows: BTreeMap<(String, u32), VectorRow>,
) -> Result<()> {
    let table = session.space_table(space);
    session.ensure(&table, true)?;
    let rows: Vec<((String, u32), VectorRow)> = rows.into_iter().collect();
    let at_once = (MOST_REQUEST_BYTES / (ROW_BYTES + 4 * space.dim)).max(1);
    for some in rows.chunks(at_once) {
        let keys = some
            .iter()
            .map(|((owner, part), _)| row_key(&session.library, owner, *part));
        let columns = vec![
            texts("pk", keys.collect()),
            texts("lib", vec![session.library.clone(); some.len()]),
            texts(
                "owner",
                some.iter().map(|((owner, _), _)| owner.clone()).collect(),
            ),
            texts(
                "region",
                some.iter()
                    .map(|(_, row)| region_text(row.part.region))
                    .collect(),
            ),
            longs(
                "part",
                some.iter().map(|((_, part), _)| i64::from(*part)).collect(),
            ),
            vectors(
                "v",
                space.dim,
                some.iter()
                    .flat_map(|(_, row)| row.vector.iter().copied())
                    .collect(),
            ),
        ];
        session.upsert(&table, columns, some.len())?;
    }
    Ok(())
}

pub(super) fn remove_vectors(
    session: &Session,
    space: &Space,
    rows: BTreeSet<(String, u32)>,
) -> Result<()> {
    let table = session.space_table(space);
    let keys: Vec<String> = rows
        .iter()
        .map(|(owner, part)| row_key(&session.library, owner, *part))
        .collect();
    let deleted = session.ensure(&table, false);
    match deleted.and_then(|()| session.delete(&table, &keys)) {
        // Where there is no table any more, its rows are gone.
        Err(Error::NoTable { .. }) => Ok(()),
        deleted => deleted,
    }
}

/// The vectors of items in the order asked: those of the content by part, then those of the captions in their order.
pub(super) fn vectors_of(
    session: &Session,
    state: &State,
    collection: &str,
    space: &Space,
    items: &[ItemId],
) -> Result<Vec<ItemVector>> {
    let mut wanted: Vec<(ItemId, String, Option<String>)> = Vec::new();
    for &id in items {
        let item = state
            .items
            .get(&id.get())
            .filter(|item| item.collection == collection);
        let Some(item) = item else { continue };
        wanted.push((id, owner_key(&Owner::Content(item.content())), None));
        let phrases = item.said().map(|(text, _)| text.to_owned());
        wanted
            .extend(phrases.map(|text| (id, owner_key(&Owner::Phrase(text.clone())), Some(text))));
    }
    let owners: FxHashSet<String> = wanted.iter().map(|(_, owner, _)| owner.clone()).collect();
    let owners = match n_vectors(state, &space.key()) {
        0 => FxHashSet::default(),
        _ => owners,
    };
    let rows = rows_of_owners(session, state, space, &owners)?;
    let mut vectors = Vec::new();
    for (item, owner, caption) in wanted {
        let first = rows.partition_point(|(of, _, _)| *of < owner);
        let own = rows[first..].iter().take_while(|(of, _, _)| *of == owner);
        vectors.extend(own.map(|(_, part, vector)| ItemVector {
            item,
            part: *part,
            caption: caption.clone(),
            vector: vector.clone(),
        }));
    }
    Ok(vectors)
}

/// Vectors of the whole library in a space.
pub(super) fn n_vectors(state: &State, key: &str) -> u64 {
    let contents = state
        .contents
        .values()
        .filter_map(|content| content.have.get(key));
    let phrases = state
        .phrases
        .values()
        .filter_map(|phrase| phrase.have.get(key));
    contents
        .chain(phrases)
        .map(|parts| parts.len() as u64)
        .sum()
}

/// Every text that is kept.
pub(super) fn each_value(session: &Session, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
    let state = session.fresh()?;
    for item in state.items.values() {
        visit(&item.path);
        item.said().for_each(|(text, _)| visit(text.as_bytes()));
        for (key, values) in item.metadata() {
            visit(key.as_bytes());
            values
                .iter()
                .for_each(|value| visit(format!("{value:?}").as_bytes()));
        }
    }
    state
        .phrases
        .values()
        .for_each(|phrase| visit(phrase.text.as_bytes()));
    state
        .settings
        .values()
        .for_each(|value| visit(value.as_bytes()));
    state.contents.keys().for_each(|hash| visit(hash));
    state.failures.keys().for_each(|(_, path)| visit(path));
    Ok(())
}

/// How much is kept.
pub(super) fn stats(state: &State, collection: &str, packs: &[PackRecord]) -> Stats {
    let mut stats = Stats {
        by_format: order::by_format(state, collection),
        ..Stats::default()
    };
    let mut contents = BTreeSet::new();
    for view in matching(state, collection, &Question::All) {
        stats.n_items += 1;
        stats.source_bytes += view.item.size;
        stats.n_offline += u64::from(!view.is_online());
        contents.insert(view.item.content().0);
        for (_, lang) in view.item.said() {
            stats.n_captions += 1;
            *stats
                .captions_by_lang
                .entry(lang.map(str::to_owned))
                .or_default() += 1;
        }
    }
    stats.n_contents = contents.len() as u64;
    let active = state.active(collection);
    let features = active
        .and_then(|active| packs.iter().find(|pack| pack.fingerprint == active))
        .map(features_of);
    for content in contents.iter().filter_map(|hash| state.contents.get(hash)) {
        let parts = features
            .as_ref()
            .and_then(|features| content.have.get(&features.key()));
        let parts = parts.map_or(0, |parts| {
            parts.iter().filter(|part| **part != 0).count() as u64
        });
        stats.n_parts += parts;
        stats.n_contents_with_parts += u64::from(parts > 0);
    }
    for (id, _) in state.sources_of(collection) {
        let of_source = state.failures.iter().filter(|((of, _), _)| *of == id);
        for ((_, path), doc) in of_source {
            *stats
                .failures_by_kind
                .entry(doc.record(id, path).kind)
                .or_default() += 1;
        }
    }
    for pack in packs {
        for record in &pack.spaces {
            let n_vectors = n_vectors(state, &stored(pack, record).key());
            // What the server needs beside the numbers it does not say.
            stats.database_bytes += match record.source {
                SpaceSource::Stored => n_vectors * 4 * record.dim as u64,
                SpaceSource::FromFeature => 0,
            };
            stats.spaces.push(SpaceCount {
                pack: pack.fingerprint.clone(),
                space: record.name.clone(),
                n_vectors,
            });
        }
        stats.database_bytes +=
            n_vectors(state, &features_of(pack).key()) * 4 * pack.feature_dim as u64;
    }
    stats
}

/// What is missing: contents and captions without the vectors that others have, and vectors that the server lost.
pub(super) fn check(session: &Session, collection: &str) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let state = session.fresh()?;
    for (id, item) in state.items_of(collection) {
        if View::of(&state, collection, id, item).is_none() {
            let path = String::from_utf8_lossy(&item.path).into_owned();
            let message =
                format!("{path} refers to a content or source that is not there: index it again");
            problems.push(Problem {
                kind: ProblemKind::Dangling,
                message,
            });
        }
    }
    let Some(active) = state.active(collection) else {
        return Ok(problems);
    };
    let pack = state.pack(collection, active)?;
    if pack.has_encoder() {
        missing_features(&state, collection, &pack, &mut problems);
    }
    for record in pack
        .spaces
        .iter()
        .filter(|record| record.source == SpaceSource::Stored)
    {
        missing_vectors(
            &state,
            collection,
            &pack,
            &record.name,
            &stored(&pack, record),
            &mut problems,
        );
    }
    let spaces: BTreeSet<Space> = pack
        .spaces
        .iter()
        .map(|record| stored(&pack, record))
        .collect();
    for space in spaces {
        lost_vectors(session, &state, &space, &mut problems)?;
    }
    Ok(problems)
}

fn missing_features(
    state: &State,
    collection: &str,
    pack: &PackRecord,
    problems: &mut Vec<Problem>,
) {
    let key = features_of(pack).key();
    let mut paths: Vec<String> = Vec::new();
    for (_, item) in state.items_of(collection) {
        let content = state.contents.get(&item.content().0);
        let has = content.is_some_and(|content| {
            content
                .have
                .get(&key)
                .is_some_and(|parts| parts.contains(&0))
        });
        if !has {
            paths.push(String::from_utf8_lossy(&item.path).into_owned());
        }
    }
    paths.sort();
    problems.extend(paths.into_iter().map(|path| Problem {
        kind: ProblemKind::MissingFeature,
        message: format!(
            "{path} has no feature of pack {}: index it again",
            pack.name
        ),
    }));
}

/// A space that has vectors of some contents should have them of all, the same for their parts that have features, and
/// for phrases.
fn missing_vectors(
    state: &State,
    collection: &str,
    pack: &PackRecord,
    name: &str,
    space: &Space,
    problems: &mut Vec<Problem>,
) {
    let (key, features) = (space.key(), features_of(pack).key());
    let (mut contents, mut phrases) = (BTreeSet::new(), BTreeSet::new());
    for (_, item) in state.items_of(collection) {
        contents.insert(item.content().0);
        phrases.extend(item.said().map(|(text, _)| phrase_hash(text)));
    }
    let of_contents = state.contents.values().any(|content| {
        content
            .have
            .get(&key)
            .is_some_and(|parts| !parts.is_empty())
    });
    let (mut n_contents, mut n_parts) = (0, 0);
    for content in contents
        .iter()
        .filter_map(|hash| state.contents.get(hash))
        .filter(|_| of_contents)
    {
        let none = Vec::new();
        let have = content.have.get(&key).unwrap_or(&none);
        let wanted = content.have.get(&features).unwrap_or(&none);
        n_contents += usize::from(!have.contains(&0));
        n_parts += wanted
            .iter()
            .filter(|part| **part != 0 && !have.contains(part))
            .count();
    }
    let of_phrases = state
        .phrases
        .values()
        .any(|phrase| phrase.have.contains_key(&key));
    let lacks = |hash: &&[u8; 32]| {
        !state
            .phrases
            .get(*hash)
            .is_some_and(|phrase| phrase.have.contains_key(&key))
    };
    let n_phrases = if of_phrases {
        phrases.iter().filter(lacks).count()
    } else {
        0
    };
    let again = "index them again";
    let parts = "`fovea index --regions=none` and then `--regions` makes them anew";
    for (n, what, mend) in [
        (n_contents, "images", again),
        (n_parts, "parts of images", parts),
        (n_phrases, "captions", again),
    ] {
        if n > 0 {
            problems.push(Problem {
                kind: ProblemKind::MissingVector,
                message: format!("{n} {what} have no vector in space {name}: {mend}"),
            });
        }
    }
}

/// Whether the server has as many rows as the records say.
fn lost_vectors(
    session: &Session,
    state: &State,
    space: &Space,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let known = n_vectors(state, &space.key());
    if known == 0 {
        return Ok(());
    }
    let table = session.space_table(space);
    let counted = session.ensure(&table, false);
    let (found, advice) = match counted.and_then(|()| session.count(&table)) {
        Ok(found) => {
            let advice = "index into another library of the server (`library=NAME` in the address), \
                          and let the server's keeper know";
            (found.unsigned_abs(), advice)
        }
        Err(Error::NoTable { .. }) => (0, "somebody dropped them; index again"),
        Err(error) => return Err(error),
    };
    if found < known {
        let name = space.name.as_deref().unwrap_or("features");
        problems.push(Problem {
            kind: ProblemKind::Vector,
            message: format!(
                "{} of {known} vectors of {name} are gone from {}: {advice}",
                known - found,
                session.client.server()
            ),
        });
    }
    Ok(())
}

/// What the server built over each space of the active pack.
fn effort_of(session: &Session) -> u32 {
    let effort = session.address.effort_for(0).unwrap_or(0);
    u32::try_from(effort).unwrap_or(u32::MAX)
}

pub(super) fn indexes(session: &Session, collection: &str) -> Result<Vec<IndexInfo>> {
    let state = session.fresh()?;
    let Some(active) = state.active(collection) else {
        return Ok(Vec::new());
    };
    let pack = state.pack(collection, active)?;
    let mut infos = Vec::new();
    for record in &pack.spaces {
        let space = stored(&pack, record);
        let n_vectors = n_vectors(&state, &space.key());
        if n_vectors == 0 {
            continue;
        }
        let described = session.client.call(DescribeIndexRequest {
            db_name: session.client.database().to_owned(),
            collection_name: session.space_table(&space).name,
        })?;
        for index in described.index_descriptions {
            let parameter = |key: &str| {
                let found = index.params.iter().find(|pair| pair.key == key);
                found.map(|pair| pair.value.clone()).unwrap_or_default()
            };
            infos.push(IndexInfo {
                space: record.name.clone(),
                family: format!("milvus {}", parameter("index_type").to_lowercase()),
                parameters: format!("{} {}", parameter("metric_type"), parameter("params")),
                why: "the address asks for it".to_owned(),
                n_vectors,
                n_pending: n_vectors.saturating_sub(index.indexed_rows.unsigned_abs()),
                memory_bytes: 0,
                file_bytes: 0,
                build_ms: 0,
                n_queries: 0,
                effort: effort_of(session),
                effort_unit: "ef".to_owned(),
                tuned: None,
                canary: None,
            });
        }
    }
    Ok(infos)
}
