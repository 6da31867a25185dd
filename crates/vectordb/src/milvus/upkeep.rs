//! Vectors that are put, read and removed; what nobody uses; counting and checking.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use rustc_hash::FxHashSet;

use super::docs::{Have, ItemDoc};
use super::evaluate::{Question, View, matching};
use super::proto::DescribeIndexRequest;
use super::rows::{MOST_REQUEST_BYTES, longs, texts, vectors};
use super::search::{region_text, rows_of_owners};
use super::session::Session;
use super::state::{State, owner_key, owner_of, phrase_hash};
use super::table::{Space, Table};
use super::write::{VectorRow, features_of, stored};
use crate::batch::Owner;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::ItemId;
use crate::indexes::IndexInfo;
use crate::records::{
    ItemVector, PackRecord, Problem, ProblemKind, SpaceCount, SpaceRecord, SpaceSource, Stats,
};

/// Bytes of a row beside its numbers, about.
const ROW_BYTES: usize = 250;

/// The key of a vector's row: the same for the same owner and part, so that what is put again takes its place.
fn row_key(library: &str, owner: &str, part: u32) -> String {
    let hash = blake3::hash(format!("{owner} {part}").as_bytes()).to_hex();
    format!("{library}{:.40}", hash.as_str())
}

pub(super) fn put_all_vectors(
    session: &Session,
    vectors: BTreeMap<Space, BTreeMap<(String, u32), VectorRow>>,
) -> Result<()> {
    vectors
        .into_iter()
        .try_for_each(|(space, rows)| put_vectors(session, &space, rows))
}

/// Requests on their way at once: a server takes each on a core of its own, and these are in no order.
const AT_ONCE: usize = 2;
/// Rows that are not worth another request.
const FEW_ROWS: usize = 256;

fn put_vectors(
    session: &Session,
    space: &Space,
    rows: BTreeMap<(String, u32), VectorRow>,
) -> Result<()> {
    let table = session.space_table(space);
    session.ensure(&table, true)?;
    let rows: Vec<((String, u32), VectorRow)> = rows.into_iter().collect();
    let most = (MOST_REQUEST_BYTES / (ROW_BYTES + 4 * space.dim)).max(1);
    let each = rows.len().div_ceil(AT_ONCE).max(FEW_ROWS).min(most);
    let requests: Vec<&[((String, u32), VectorRow)]> = rows.chunks(each).collect();
    for some in requests.chunks(AT_ONCE) {
        let put = |rows: &[_]| put_rows(session, &table, space.dim, rows);
        match some {
            [one] => put(one)?,
            _ => std::thread::scope(|scope| {
                let sent: Vec<_> = some.iter().map(|rows| scope.spawn(|| put(rows))).collect();
                let panicked = |_| Err(session.client.no_end());
                let mut ends = sent.into_iter();
                ends.try_for_each(|sent| sent.join().unwrap_or_else(panicked))
            })?,
        }
    }
    Ok(())
}

fn put_rows(
    session: &Session,
    table: &Table,
    dim: usize,
    rows: &[((String, u32), VectorRow)],
) -> Result<()> {
    let keys = rows
        .iter()
        .map(|((owner, part), _)| row_key(&session.library, owner, *part));
    let owners = rows.iter().map(|((owner, _), _)| owner.clone());
    let regions = rows.iter().map(|(_, row)| region_text(row.part.region));
    let parts = rows.iter().map(|((_, part), _)| i64::from(*part));
    let numbers = rows.iter().flat_map(|(_, row)| row.vector.iter().copied());
    let columns = vec![
        texts("pk", keys.collect()),
        texts("lib", vec![session.library.clone(); rows.len()]),
        texts("owner", owners.collect()),
        texts("region", regions.collect()),
        longs("part", parts.collect()),
        vectors("v", dim, numbers.collect()),
    ];
    session.upsert(table, columns, rows.len())
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
    collection: &str,
    space: &Space,
    items: &[ItemId],
) -> Result<Vec<ItemVector>> {
    let mut state = session.records_of_items(items)?;
    state.add_captions(session)?;
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
    // Where nothing has a vector there need be no table.
    let key = space.key();
    let has_one = wanted.iter().filter(|(_, owner, _)| {
        owner_of(owner).is_some_and(|(is_content, hash)| state.has_any(is_content, &hash, &key))
    });
    let owners: FxHashSet<String> = has_one.map(|(_, owner, _)| owner.clone()).collect();
    let rows = rows_of_owners(session, &state, space, &owners)?;
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

/// Vectors of the whole library in a space: as the records say, or as the server counts where they lie there.
pub(super) fn n_vectors(session: &Session, space: &Space) -> Result<u64> {
    if !session.reads_items() {
        let mut counts = BTreeMap::new();
        count_vectors(&*session.fresh()?, &mut counts);
        return Ok(counts.remove(&space.key()).unwrap_or(0));
    }
    let table = session.space_table(space);
    let counted = session.ensure(&table, false);
    match counted.and_then(|()| session.count(&table)) {
        Err(Error::NoTable { .. }) => Ok(0),
        counted => Ok(counted?.unsigned_abs()),
    }
}

/// The same of all spaces, by their keys, as the records say.
fn vector_counts(session: &Session) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    if !session.reads_items() {
        count_vectors(&*session.fresh()?, &mut counts);
        return Ok(counts);
    }
    for is_content in [true, false] {
        session.each_owner_page(session.records()?, is_content, None, &mut |records| {
            count_vectors(records, &mut counts);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(counts)
}

fn count_vectors(state: &State, counts: &mut BTreeMap<String, u64>) {
    let contents = state.contents.values().map(|content| &content.have);
    let phrases = state.phrases.values().map(|phrase| &phrase.have);
    for (key, parts) in contents.chain(phrases).flatten() {
        match counts.get_mut(key) {
            Some(n) => *n += parts.len() as u64,
            None => drop(counts.insert(key.clone(), parts.len() as u64)),
        }
    }
}

/// Every text that is kept.
pub(super) fn each_value(session: &Session, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
    let mut failures = session.records()?;
    failures.add_failures(session)?;
    failures
        .settings
        .values()
        .for_each(|value| visit(value.as_bytes()));
    failures.failures.keys().for_each(|(_, path)| visit(path));
    drop(failures);
    session.each_page_where(None, "kind == 9", &mut |records| {
        for item in records.items.values() {
            visit_item(item, visit);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for is_content in [true, false] {
        session.each_owner_page(session.records()?, is_content, None, &mut |records| {
            match is_content {
                true => records.contents.keys().for_each(|hash| visit(hash)),
                false => {
                    let phrases = records.phrases.values();
                    phrases.for_each(|phrase| visit(phrase.text.as_bytes()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

fn visit_item(item: &ItemDoc, visit: &mut dyn FnMut(&[u8])) {
    visit(&item.path);
    item.said().for_each(|(text, _)| visit(text.as_bytes()));
    for (key, values) in item.metadata() {
        visit(key.as_bytes());
        values
            .iter()
            .for_each(|value| visit(format!("{value:?}").as_bytes()));
    }
}

/// How much is kept.
pub(super) fn stats(session: &Session, collection: &str, packs: &[PackRecord]) -> Result<Stats> {
    let mut stats = Stats::default();
    let active = session.records()?.active(collection).map(str::to_owned);
    let features = active
        .and_then(|active| packs.iter().find(|pack| pack.fingerprint == active))
        .map(|pack| features_of(pack).key());
    let mut contents = FxHashSet::default();
    session.each_page(collection, &Filter::All, 0, usize::MAX, &mut |records| {
        count_items(records, collection, &mut stats);
        for view in matching(records, collection, &Question::All) {
            if contents.insert(view.item.content()) {
                count_parts(records, view.item, features.as_deref(), &mut stats);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    stats.n_contents = contents.len() as u64;
    let mut records = session.records()?;
    records.add_failures(session)?;
    for (id, _) in records.sources_of(collection) {
        let of_source = records.failures.iter().filter(|((of, _), _)| *of == id);
        for ((_, path), doc) in of_source {
            *stats
                .failures_by_kind
                .entry(doc.record(id, path).kind)
                .or_default() += 1;
        }
    }
    drop(records);
    let counts = vector_counts(session)?;
    let n_of = |space: &Space| counts.get(&space.key()).copied().unwrap_or(0);
    for pack in packs {
        for record in &pack.spaces {
            let n_vectors = n_of(&stored(pack, record));
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
        stats.database_bytes += n_of(&features_of(pack)) * 4 * pack.feature_dim as u64;
    }
    Ok(stats)
}

fn count_items(state: &State, collection: &str, stats: &mut Stats) {
    for view in matching(state, collection, &Question::All) {
        stats.n_items += 1;
        stats.source_bytes += view.item.size;
        stats.n_offline += u64::from(!view.is_online());
        *stats.by_format.entry(view.format().to_owned()).or_default() += 1;
        for (_, lang) in view.item.said() {
            stats.n_captions += 1;
            *stats
                .captions_by_lang
                .entry(lang.map(str::to_owned))
                .or_default() += 1;
        }
    }
}

fn count_parts(state: &State, item: &ItemDoc, features: Option<&str>, stats: &mut Stats) {
    let content = state.contents.get(&item.content().0);
    let parts = content
        .zip(features)
        .and_then(|(content, key)| content.have.get(key));
    let n_parts = parts.map_or(0, |parts| parts.iter().filter(|part| **part != 0).count());
    stats.n_parts += n_parts as u64;
    stats.n_contents_with_parts += u64::from(n_parts > 0);
}

/// What is missing: contents and captions without the vectors that others have, and vectors that the server lost.
pub(super) fn check(session: &Session, collection: &str) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let active = session.records()?.active(collection).map(str::to_owned);
    let pack = match &active {
        Some(active) => Some(session.records()?.pack(collection, active)?),
        None => None,
    };
    let mut missing = Missing::default();
    session.each_page(collection, &Filter::All, 0, usize::MAX, &mut |records| {
        records.add_captions(session)?;
        dangling(records, collection, &mut problems);
        if let Some(pack) = &pack {
            missing.add(records, collection, pack);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(pack) = pack else {
        return Ok(problems);
    };
    let counts = vector_counts(session)?;
    missing.tell(&pack, &mut problems);
    let spaces: BTreeSet<Space> = pack
        .spaces
        .iter()
        .map(|record| stored(&pack, record))
        .collect();
    for space in spaces {
        let known = counts.get(&space.key()).copied().unwrap_or(0);
        lost_vectors(session, known, &space, &mut problems)?;
    }
    Ok(problems)
}

fn dangling(state: &State, collection: &str, problems: &mut Vec<Problem>) {
    for (id, item) in state.items_of(collection) {
        if View::of(state, collection, id, item).is_none() {
            let path = String::from_utf8_lossy(&item.path).into_owned();
            let message =
                format!("{path} refers to a content or source that is not there: index it again");
            problems.push(Problem {
                kind: ProblemKind::Dangling,
                message,
            });
        }
    }
}

/// What a collection's items lack of what a pack makes of them.
#[derive(Default)]
struct Missing {
    /// Paths of items without a feature.
    features: Vec<String>,
    /// By the key of a space: contents, parts with a feature and captions without a vector in it.
    contents: BTreeMap<String, BTreeSet<[u8; 32]>>,
    parts: BTreeMap<String, BTreeSet<([u8; 32], u32)>>,
    phrases: BTreeMap<String, BTreeSet<[u8; 32]>>,
    /// Spaces in which some content, or some caption, has a vector.
    of_contents: BTreeSet<String>,
    of_phrases: BTreeSet<String>,
}

impl Missing {
    fn add(&mut self, state: &State, collection: &str, pack: &PackRecord) {
        let features = features_of(pack).key();
        let none = Vec::new();
        for (_, item) in state.items_of(collection) {
            let hash = item.content().0;
            let content = state.contents.get(&hash);
            let have = |key: &str| content.and_then(|content| content.have.get(key));
            let wanted = have(&features).unwrap_or(&none);
            if pack.has_encoder() && !wanted.contains(&0) {
                let path = String::from_utf8_lossy(&item.path).into_owned();
                self.features.push(path);
            }
            for key in stored_keys(pack) {
                let have = have(&key).unwrap_or(&none);
                if content.is_some() && !have.contains(&0) {
                    self.contents.entry(key.clone()).or_default().insert(hash);
                }
                let parts = wanted.iter().filter(|part| **part != 0);
                let lacking = parts.filter(|part| !have.contains(part));
                self.parts
                    .entry(key.clone())
                    .or_default()
                    .extend(lacking.map(|part| (hash, *part)));
                for (text, _) in item.said() {
                    let hash = phrase_hash(text);
                    if !state.has_any(false, &hash, &key) {
                        self.phrases.entry(key.clone()).or_default().insert(hash);
                    }
                }
            }
        }
        self.note_spaces(state, pack);
    }

    fn note_spaces(&mut self, state: &State, pack: &PackRecord) {
        for key in stored_keys(pack) {
            let mut contents = state.contents.values();
            let has = |have: &Have| have.get(&key).is_some_and(|parts| !parts.is_empty());
            if contents.any(|content| has(&content.have)) {
                self.of_contents.insert(key.clone());
            }
            let mut phrases = state.phrases.values();
            if phrases.any(|phrase| has(&phrase.have)) {
                self.of_phrases.insert(key.clone());
            }
        }
    }

    /// A space that has vectors of some contents should have them of all, the same for their parts that have features, and
    /// for captions.
    fn tell(mut self, pack: &PackRecord, problems: &mut Vec<Problem>) {
        self.features.sort();
        problems.extend(self.features.into_iter().map(|path| Problem {
            kind: ProblemKind::MissingFeature,
            message: format!(
                "{path} has no feature of pack {}: index it again",
                pack.name
            ),
        }));
        let again = "index them again";
        let parts = "`fovea index --regions=none` and then `--regions` makes them anew";
        for record in stored_spaces(pack) {
            let key = stored(pack, record).key();
            let (of_contents, of_phrases) = (
                self.of_contents.contains(&key),
                self.of_phrases.contains(&key),
            );
            let n = |of: Option<usize>, counts: bool| of.filter(|_| counts).unwrap_or(0);
            let contents = n(self.contents.get(&key).map(BTreeSet::len), of_contents);
            let n_parts = n(self.parts.get(&key).map(BTreeSet::len), of_contents);
            let phrases = n(self.phrases.get(&key).map(BTreeSet::len), of_phrases);
            for (n, what, mend) in [
                (contents, "images", again),
                (n_parts, "parts of images", parts),
                (phrases, "captions", again),
            ] {
                if n > 0 {
                    problems.push(Problem {
                        kind: ProblemKind::MissingVector,
                        message: format!(
                            "{n} {what} have no vector in space {}: {mend}",
                            record.name
                        ),
                    });
                }
            }
        }
    }
}

/// The spaces of a pack that are not made of its features.
fn stored_spaces(pack: &PackRecord) -> impl Iterator<Item = &SpaceRecord> {
    pack.spaces
        .iter()
        .filter(|record| record.source == SpaceSource::Stored)
}

fn stored_keys(pack: &PackRecord) -> Vec<String> {
    stored_spaces(pack)
        .map(|record| stored(pack, record).key())
        .collect()
}

/// Whether the server has as many rows as the records say.
fn lost_vectors(
    session: &Session,
    known: u64,
    space: &Space,
    problems: &mut Vec<Problem>,
) -> Result<()> {
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
    let pack = {
        let records = session.records()?;
        match records.active(collection) {
            None => return Ok(Vec::new()),
            Some(active) => records.pack(collection, active)?,
        }
    };
    let mut infos = Vec::new();
    for record in &pack.spaces {
        let space = stored(&pack, record);
        let n_vectors = n_vectors(session, &space)?;
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
