//! The nearest items: Milvus finds the nearest vectors, and whose they are is known here.

use std::ops::ControlFlow;
use std::sync::Mutex;

use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluate::{Question, View, matching, score_of};
use super::needed::{Records, until_there};
use super::proto::{IdsKind, SearchResultData};
use super::rows::{Answered, one_of};
use super::session::{Session, lock};
use super::state::{State, owner_of, phrase_hash};
use super::table::{Space, Table};
use super::write::{space_of, stored};
use crate::database::{Hit, VectorQuery};
use crate::embedded::compared_in;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::{Change, ContentHash, ItemId};
use crate::records::{Part, Parts, Region, SpaceRecord};

/// Rows of one answer at most: Milvus gives no more.
const MOST_ROWS: usize = 16_384;
/// Owners of few items are named in the expression; with more, what was not asked for is passed over.
const FEW_OWNERS: usize = 1_000;
/// Owners at a time where all of their rows are wanted: each may have so many that an answer holds them.
const WHOLE_OWNERS: usize = 500;

/// A search that is going on.
struct Going<'a> {
    session: &'a Session,
    records: Records<'a>,
    /// Whether those of all items that match are among them.
    is_read: bool,
    collection: &'a str,
    filter: &'a Filter,
    /// Under which name contents and phrases note what they have in the space.
    key: String,
    table: Table,
    record: SpaceRecord,
    vector: Vec<f32>,
    parts: Parts,
    question: Question<'a>,
    best: FxHashMap<i64, Hit>,
    /// Whether an item matches, where that was asked already.
    matches: FxHashMap<i64, bool>,
    /// Owners whose items were read.
    known: FxHashSet<String>,
}

pub(super) fn search(
    session: &Session,
    collection: &str,
    query: &VectorQuery<'_>,
) -> Result<Vec<Hit>> {
    let pack = session.records()?.pack(collection, query.pack)?;
    let record = space_of(&pack, query.space)?.clone();
    let vector = compared_in(&record, || "query".to_owned(), query.vector)?;
    let question = Question::of(query.filter)?;
    let space = stored(&pack, &record);
    if query.top_k == 0 {
        return Ok(Vec::new());
    }
    // Whether there are few is all that has to be known at first, which a look at the first ones tells.
    let mut read = None;
    let reach = reach(
        session,
        collection,
        query.filter,
        (&question, &space),
        &mut read,
    )?;
    if matches!(&reach, Reach::Few(owners) if owners.is_empty()) {
        return Ok(Vec::new());
    }
    let table = session.space_table(&space);
    match session.ensure(&table, false) {
        Err(Error::NoTable { .. }) if !is_any(session, collection, &space)? => {
            return Ok(Vec::new());
        }
        done => done?,
    }
    let mut going = Going {
        session,
        is_read: read.is_some(),
        records: match read {
            Some(state) => Records::Some(Box::new(state)),
            None => session.records()?,
        },
        collection,
        filter: query.filter,
        key: space.key(),
        table,
        record,
        vector,
        parts: query.parts,
        question,
        best: FxHashMap::default(),
        matches: FxHashMap::default(),
        known: FxHashSet::default(),
    };
    going.run(&reach, query.top_k)?;
    let mut hits: Vec<Hit> = going.best.into_values().collect();
    hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    hits.truncate(query.top_k);
    Ok(hits)
}

/// Whether it is a content, and its hash: as text only where it is named to the server, because counting a thousand of them is
/// part of every search.
type OwnerHash = (bool, ContentHash);

fn one_of_owners(owners: &[OwnerHash]) -> String {
    let name = |(is_content, hash): &OwnerHash| match is_content {
        true => format!("c{hash}"),
        false => format!("p{hash}"),
    };
    let names: Vec<String> = owners.iter().map(name).collect();
    one_of("owner", names.iter().map(String::as_str))
}

/// Contents and captions of the matching items that have a vector in a space.
enum Reach {
    Few(Vec<OwnerHash>),
    /// More than are named to the server, or all there are.
    Many,
}

/// Collections and spaces with more owners than a search names, by the change at which they were counted.
#[derive(Default)]
pub(super) struct Many(Mutex<FxHashMap<(String, Space), Change>>);

impl Many {
    /// Whether there were many, and nothing was written since.
    fn has(&self, collection: &str, space: &Space, now: Change) -> bool {
        let counted = lock(&self.0);
        counted.get(&(collection.to_owned(), space.clone())) == Some(&now)
    }

    fn note(&self, collection: &str, space: &Space, now: Change) {
        lock(&self.0).insert((collection.to_owned(), space.clone()), now);
    }
}

/// Where all that match were read for it, `read` has them.
fn reach(
    session: &Session,
    collection: &str,
    filter: &Filter,
    (question, space): (&Question<'_>, &Space),
    read: &mut Option<State>,
) -> Result<Reach> {
    let is_many = session.reads_items()
        && (question.is_all() || session.count_at_most(collection, filter)? > FEW_OWNERS as u64);
    let now = session.read().change();
    let is_all = question.is_all();
    if is_many || (is_all && session.many.has(collection, space, now)) {
        return Ok(Reach::Many);
    }
    let mut found = FxHashSet::default();
    session.each_page(collection, filter, 0, usize::MAX, &mut |records| {
        records.add_captions(session)?;
        owners(records, collection, question, space, &mut found);
        // As few as these came at once, and need not be read again.
        if let Records::Some(state) = records {
            *read = Some(std::mem::take(&mut **state));
        }
        Ok(match found.len() > FEW_OWNERS {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })?;
    if found.len() <= FEW_OWNERS {
        return Ok(Reach::Few(found.into_iter().collect()));
    }
    // Counting so many each time would be most of what a search of everything costs beside the server's part.
    if is_all {
        session.many.note(collection, space, now);
    }
    Ok(Reach::Many)
}

/// Whether any item should have a vector in a space.
fn is_any(session: &Session, collection: &str, space: &Space) -> Result<bool> {
    let mut found = FxHashSet::default();
    session.each_page(collection, &Filter::All, 0, usize::MAX, &mut |records| {
        records.add_captions(session)?;
        owners(records, collection, &Question::All, space, &mut found);
        Ok(match found.is_empty() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    })?;
    Ok(!found.is_empty())
}

/// Add those of the items that are here, until there are more than few.
fn owners(
    state: &State,
    collection: &str,
    question: &Question<'_>,
    space: &Space,
    owners: &mut FxHashSet<OwnerHash>,
) {
    let key = space.key();
    for view in matching(state, collection, question) {
        if owners.len() > FEW_OWNERS {
            break;
        }
        owners.extend(owners_of(state, &view, &key));
    }
}

/// An item's content and captions, if they have a vector in a space.
fn owners_of(state: &State, view: &View<'_>, key: &str) -> Vec<OwnerHash> {
    let mut owners = Vec::new();
    let hash = view.item.content();
    let content = state.contents.get(&hash.0);
    let parts = content.and_then(|content| content.have.get(key));
    if parts.is_some_and(|parts| !parts.is_empty()) {
        owners.push((true, hash));
    }
    for (text, _) in view.item.said() {
        let hash = phrase_hash(text);
        let phrase = state.phrases.get(&hash);
        if phrase.is_some_and(|phrase| phrase.have.contains_key(key)) {
            owners.push((false, ContentHash(hash)));
        }
    }
    owners
}

impl Going<'_> {
    fn run(&mut self, reach: &Reach, top_k: usize) -> Result<()> {
        let named = match reach {
            Reach::Few(owners) => Some(one_of_owners(owners)),
            Reach::Many => None,
        };
        let mut limit = top_k.saturating_add(64).min(MOST_ROWS);
        let is_all_wanted =
            matches!(reach, Reach::Few(owners) if top_k >= owners.len().saturating_mul(2));
        if !is_all_wanted {
            loop {
                let (n, last) = self.ask(named.as_deref(), limit)?;
                if n < limit || self.is_done(top_k, last) {
                    return Ok(());
                }
                if limit == MOST_ROWS {
                    break;
                }
                limit = (limit * 4).min(MOST_ROWS);
            }
        }
        // All of them, some at a time.
        if let Reach::Few(owners) = reach {
            return self.ask_of(owners);
        }
        let (session, collection, filter) = (self.session, self.collection, self.filter);
        if let Records::All(state) = &self.records {
            let views = matching(state, collection, &self.question);
            let owners: FxHashSet<OwnerHash> = views
                .flat_map(|view| owners_of(state, &view, &self.key))
                .collect();
            return self.ask_of(&owners.into_iter().collect::<Vec<OwnerHash>>());
        }
        session.each_page(collection, filter, 0, usize::MAX, &mut |records| {
            records.add_captions(session)?;
            let views = matching(records, collection, &self.question);
            let owners: FxHashSet<OwnerHash> = views
                .flat_map(|view| owners_of(records, &view, &self.key))
                .collect();
            self.ask_of(&owners.into_iter().collect::<Vec<OwnerHash>>())?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn ask_of(&mut self, owners: &[OwnerHash]) -> Result<()> {
        for some in owners.chunks(WHOLE_OWNERS) {
            self.ask(Some(&one_of_owners(some)), MOST_ROWS)?;
        }
        Ok(())
    }

    /// Whether rows that were not seen, none of which is nearer than the last, can change nothing.
    fn is_done(&self, top_k: usize, last: f32) -> bool {
        let better = self.best.values().filter(|hit| hit.score > last).count();
        better >= top_k
    }

    /// Take an answer's rows; how many there were, and the score of the last.
    fn ask(&mut self, owners: Option<&str>, limit: usize) -> Result<(usize, f32)> {
        let mut expr = format!("lib == \"{}\"", self.session.library);
        if let Some(owners) = owners {
            expr = format!("{expr} and {owners}");
        }
        if self.parts == Parts::Whole {
            expr += " and part == 0";
        }
        let answer = self
            .session
            .search(&self.table, expr, &self.vector, limit)?;
        let n = rows_of(&answer);
        let scores = answer.scores;
        let rows = Answered(answer.fields_data);
        let (owners, parts, regions) = (
            rows.texts("owner"),
            rows.longs("part"),
            rows.texts("region"),
        );
        if owners.len() != n || parts.len() != n || regions.len() != n || scores.len() != n {
            return Err(Error::Server {
                server: self.session.client.server().to_owned(),
                call: "Search".to_owned(),
                reason: "its answer's columns are not of one length".to_owned(),
            });
        }
        self.read_owners(owners)?;
        // A feature whose length leaves 32-bit floats has no cosine there.
        for at in (0..n).filter(|at| scores[*at].is_finite()) {
            let part = part_of(parts[at], &regions[at]);
            self.take(&owners[at], part, score_of(self.record.metric, scores[at]));
        }
        let last = scores.last().map_or(f32::NEG_INFINITY, |&last| {
            score_of(self.record.metric, last)
        });
        Ok((n, last))
    }

    /// Know the items that have what an answer named.
    fn read_owners(&mut self, owners: &[String]) -> Result<()> {
        if self.is_read || !self.session.reads_items() {
            return Ok(());
        }
        let (mut contents, mut phrases) = (Vec::new(), Vec::new());
        let now = self.session.read().change();
        let new = owners
            .iter()
            .filter(|owner| self.known.insert((*owner).clone()));
        let new = new.filter_map(|owner| owner_of(owner));
        for (is_content, hash) in new.filter(|(_, hash)| !self.session.absent.has(hash, now)) {
            match is_content {
                true => contents.push(hash),
                false => phrases.push(hash),
            }
        }
        until_there(|| {
            self.records.add_users(self.session, &contents, &phrases)?;
            contents.retain(|hash| !self.records.contents.contains_key(hash));
            phrases.retain(|hash| !self.records.phrases.contains_key(hash));
            Ok(contents.is_empty() && phrases.is_empty())
        })?;
        let absent = contents.into_iter().chain(phrases);
        self.session.absent.note(absent, now);
        Ok(())
    }

    fn take(&mut self, owner: &str, part: Part, score: f32) {
        let score = match self.parts {
            Parts::Less(less) if part.index != 0 => score - less,
            Parts::Less(_) | Parts::Whole => score,
        };
        let Some((is_content, hash)) = owner_of(owner) else {
            return;
        };
        // Rows come and go beside the records, which say what there is.
        if !self.records.has(is_content, &hash, &self.key, part.index) {
            return;
        }
        let items: Vec<i64> = match is_content {
            true => self.records.with_content(&hash).collect(),
            false => self.records.with_phrase(&hash).collect(),
        };
        for id in items {
            let Some(item) = ItemId::new(id).filter(|_| self.is_wanted(id)) else {
                continue;
            };
            let hit = Hit { item, score, part };
            let best = self.best.entry(id).or_insert(hit);
            if score > best.score || (score == best.score && part.index < best.part.index) {
                *best = hit;
            }
        }
    }

    fn is_wanted(&mut self, id: i64) -> bool {
        if let Some(known) = self.matches.get(&id) {
            return *known;
        }
        let item = self
            .records
            .items
            .get(&id)
            .filter(|item| item.collection == self.collection);
        let view = item.and_then(|item| View::of(&self.records, self.collection, id, item));
        let holds = view.is_some_and(|view| self.question.holds(&view));
        self.matches.insert(id, holds);
        holds
    }
}

fn rows_of(answer: &SearchResultData) -> usize {
    match answer.ids.as_ref().and_then(|ids| ids.id_field.as_ref()) {
        Some(IdsKind::StrId(keys)) => keys.data.len(),
        Some(IdsKind::IntId(keys)) => keys.data.len(),
        None => 0,
    }
}

/// Four numbers by their bits, so that they come back as they went.
pub(super) fn region_text(region: Option<Region>) -> String {
    let numbers = region.map(|region| [region.x, region.y, region.w, region.h]);
    let texts = numbers
        .into_iter()
        .flatten()
        .map(|number| format!("{:08x}", number.to_bits()));
    texts.collect()
}

pub(super) fn part_of(index: i64, region: &str) -> Part {
    let number = |at: usize| {
        let bits = region.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(bits, 16).ok().map(f32::from_bits)
    };
    let region = || {
        Some(Region {
            x: number(0)?,
            y: number(1)?,
            w: number(2)?,
            h: number(3)?,
        })
    };
    Part {
        index: u32::try_from(index).unwrap_or(0),
        region: region(),
    }
}

/// A vector with whose it is and of which part.
pub(super) type OwnedRow = (String, Part, Vec<f32>);

/// All rows of these owners in a space, by owner and part.
pub(super) fn rows_of_owners(
    session: &Session,
    state: &State,
    space: &Space,
    owners: &FxHashSet<String>,
) -> Result<Vec<OwnedRow>> {
    let mut rows: Vec<OwnedRow> = Vec::new();
    if owners.is_empty() {
        return Ok(rows);
    }
    let table = session.space_table(space);
    session.ensure(&table, false)?;
    let key = space.key();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    for some in owners.chunks(WHOLE_OWNERS) {
        let expr = format!(
            "lib == \"{}\" and {}",
            session.library,
            one_of("owner", some.iter().copied())
        );
        let answer = session.query(&table, expr, &["owner", "part", "region", "v"])?;
        let (names, parts) = (answer.texts("owner"), answer.longs("part"));
        let vectors = answer.vectors("v").chunks_exact(space.dim.max(1));
        let regions = answer.texts("region");
        for (((owner, part), region), vector) in names.iter().zip(parts).zip(regions).zip(vectors) {
            let part = part_of(*part, region);
            let is_kept = owner_of(owner)
                .is_some_and(|(is_content, hash)| state.has(is_content, &hash, &key, part.index));
            if is_kept {
                rows.push((owner.clone(), part, vector.to_vec()));
            }
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.index.cmp(&b.1.index)));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_come_back_as_they_went() {
        let region = Region {
            x: 0.1,
            y: -0.0,
            w: 1e-20,
            h: 1.0,
        };
        let part = part_of(7, &region_text(Some(region)));
        assert_eq!((part.index, part.region), (7, Some(region)));
        assert_eq!(part_of(0, &region_text(None)), Part::WHOLE);
    }
}
