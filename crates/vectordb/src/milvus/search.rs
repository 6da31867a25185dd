//! The nearest items: Milvus finds the nearest vectors, and whose they are is known here.

use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluate::{Question, View, matching, score_of};
use super::proto::{IdsKind, SearchResultData};
use super::rows::{Answered, one_of};
use super::session::Session;
use super::state::{State, owner_of, phrase_hash};
use super::table::{Space, Table};
use super::write::{space_of, stored};
use crate::database::{Hit, VectorQuery};
use crate::embedded::compared_in;
use crate::error::{Error, Result};
use crate::ids::{ContentHash, ItemId};
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
    state: &'a State,
    collection: &'a str,
    space: Space,
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
}

pub(super) fn search(
    session: &Session,
    collection: &str,
    query: &VectorQuery<'_>,
) -> Result<Vec<Hit>> {
    let state = &*session.fresh()?;
    let pack = state.pack(collection, query.pack)?;
    let record = space_of(&pack, query.space)?.clone();
    let vector = compared_in(&record, || "query".to_owned(), query.vector)?;
    let question = Question::of(query.filter)?;
    let space = stored(&pack, &record);
    // Whether there are few is all that has to be known at first, which a look at the first ones tells.
    let owners = owners(state, collection, &question, &space, FEW_OWNERS + 1);
    if owners.is_empty() || query.top_k == 0 {
        return Ok(Vec::new());
    }
    let table = session.space_table(&space);
    session.ensure(&table, false)?;
    let mut going = Going {
        session,
        state,
        collection,
        key: space.key(),
        space,
        table,
        record,
        vector,
        parts: query.parts,
        question,
        best: FxHashMap::default(),
        matches: FxHashMap::default(),
    };
    going.run(owners, query.top_k)?;
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

/// Contents and phrases of matching items that have a vector in a space: all of them, or the first ones, about so many.
fn owners(
    state: &State,
    collection: &str,
    question: &Question<'_>,
    space: &Space,
    most: usize,
) -> Vec<OwnerHash> {
    let key = space.key();
    let mut owners = FxHashSet::default();
    for view in matching(state, collection, question) {
        if owners.len() >= most {
            break;
        }
        let hash = view.item.content();
        let content = state.contents.get(&hash.0);
        if content.is_some_and(|content| {
            content
                .have
                .get(&key)
                .is_some_and(|parts| !parts.is_empty())
        }) {
            owners.insert((true, hash));
        }
        for (text, _) in view.item.said() {
            let hash = phrase_hash(text);
            if state
                .phrases
                .get(&hash)
                .is_some_and(|phrase| phrase.have.contains_key(&key))
            {
                owners.insert((false, ContentHash(hash)));
            }
        }
    }
    owners.into_iter().collect()
}

impl Going<'_> {
    fn run(&mut self, mut owners: Vec<OwnerHash>, top_k: usize) -> Result<()> {
        let named = (owners.len() <= FEW_OWNERS).then(|| one_of_owners(&owners));
        let mut limit = top_k.saturating_add(64).min(MOST_ROWS);
        if named.is_none() || top_k < owners.len().saturating_mul(2) {
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
        if named.is_none() {
            let (state, question) = (self.state, &self.question);
            owners = self::owners(state, self.collection, question, &self.space, usize::MAX);
        }
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

    fn take(&mut self, owner: &str, part: Part, score: f32) {
        let score = match self.parts {
            Parts::Less(less) if part.index != 0 => score - less,
            Parts::Less(_) | Parts::Whole => score,
        };
        let Some((is_content, hash)) = owner_of(owner) else {
            return;
        };
        // Rows come and go beside the records, which say what there is.
        if !self.state.has(is_content, &hash, &self.key, part.index) {
            return;
        }
        let items: Vec<i64> = match is_content {
            true => self.state.with_content(&hash).collect(),
            false => self.state.with_phrase(&hash).collect(),
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
            .state
            .items
            .get(&id)
            .filter(|item| item.collection == self.collection);
        let view = item.and_then(|item| View::of(self.state, self.collection, id, item));
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
