//! Asks two libraries the same and compares the answers.
//!
//! What was asked before is asked again (the queries that `events` keeps), and what could be asked is made of the items: their
//! captions, their names, and their own vectors in each space.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use fovea_measure::{kendall_tau, overlap};
use fovea_vectordb::{Database, Filter, Item, ItemId, OpenMode, Parts, VectorQuery};

use super::Library;
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};
use crate::query::Query;
use crate::search::SearchOptions;
use crate::{Engine, events};

/// Answers that are compared.
const TOP: usize = 10;
/// Queries of each kind in a collection.
const EACH: usize = 200;
/// Scores of two engines that differ less are equal: one compares in 16 bits what the other does in 32.
const CLOSE: f32 = 5e-4;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What people asked.
    Logged,
    Captions,
    Names,
    /// The vectors of items in a space.
    Vectors(String),
}

/// How much the answers of one kind agree.
#[derive(Clone, Debug)]
pub struct Agreement {
    pub collection: String,
    pub asked: Asked,
    pub n_queries: u64,
    /// Share of the source's ten best that the target finds, or finds equals of; 0 to 1.
    pub recall: f64,
    /// Share of queries with the same items in the same order, equal scores in any order.
    pub same_order: f64,
    /// Mean of Kendall's tau over the items that both found, equal scores in the order of the source; 1 where nothing
    /// can be ordered.
    pub tau: f64,
    /// What the two disagree on most, and its recall, where it is below 1.
    pub worst: Option<(String, f64)>,
}

/// An answer: items and scores, best first. What filters alone find has none.
type Answer = Vec<(ItemId, Option<f32>)>;

/// A collection of both libraries, with an encoder where its pack has one.
struct Sides {
    from: Box<dyn Asks>,
    to: Box<dyn Asks>,
}

trait Asks {
    fn database(&self) -> &dyn Database;
    fn reads_words(&self) -> bool;
    fn words(&self, query: &Query) -> Result<Answer, Error>;
}

/// Joins a collection with its pack, where that is installed and reads words.
pub type Join<'a> = dyn Fn(Arc<dyn Database>) -> Option<Engine> + 'a;

/// Compare two libraries, the second with the first, collection by collection.
pub fn verify(
    [(from, join_from), (to, join_to)]: [(&dyn Library, &Join<'_>); 2],
    observer: &dyn Observer,
) -> Result<Vec<Agreement>, Error> {
    let mut all = Vec::new();
    for name in from.collections()? {
        let source = from.open(&name, OpenMode::ReadOnly)?;
        let target = to.open(&name, OpenMode::ReadOnly)?;
        let sample = sample(&*source)?;
        let words = [
            (Asked::Logged, logged(&*source)?),
            (Asked::Captions, captions(&sample)),
            (Asked::Names, names(&sample)),
        ];
        let sides = Sides {
            from: side(source, join_from),
            to: side(target, join_to),
        };
        let has_words = sides.from.reads_words() && sides.to.reads_words();
        for (asked, queries) in words.into_iter().filter(|_| has_words) {
            all.extend(sides.ask_words(&name, asked, &queries, observer)?);
        }
        all.extend(sides.ask_vectors(&name, &sample, observer)?);
    }
    Ok(all)
}

fn side(database: Arc<dyn Database>, join: &Join<'_>) -> Box<dyn Asks> {
    match join(Arc::clone(&database)) {
        Some(engine) => Box::new(engine),
        None => Box::new(NoEncoder(database)),
    }
}

impl Sides {
    fn ask_words(
        &self,
        collection: &str,
        asked: Asked,
        queries: &[Query],
        observer: &dyn Observer,
    ) -> Result<Option<Agreement>, Error> {
        let mut adding = Adding::default();
        for (at, query) in queries.iter().enumerate() {
            if observer.is_cancelled() {
                break;
            }
            observer.on(IndexEvent::Kept {
                n_done: at as u64 + 1,
            });
            // What names an item that is gone is refused by both.
            let (Ok(wanted), Ok(found)) = (self.from.words(query), self.to.words(query)) else {
                continue;
            };
            adding.add(&query.line, &wanted, &found);
        }
        Ok(adding.done(collection, asked))
    }

    fn ask_vectors(
        &self,
        collection: &str,
        sample: &[Item],
        observer: &dyn Observer,
    ) -> Result<Vec<Agreement>, Error> {
        let Some(pack) = self.from.database().active_pack()? else {
            return Ok(Vec::new());
        };
        let ids: Vec<ItemId> = sample.iter().map(|item| item.id).collect();
        let mut all = Vec::new();
        for space in &pack.spaces {
            let vectors = self
                .from
                .database()
                .vectors(&pack.fingerprint, &space.name, &ids)?;
            let mut adding = Adding::default();
            for vector in vectors.iter().take(EACH) {
                if observer.is_cancelled() {
                    break;
                }
                let query = VectorQuery {
                    pack: &pack.fingerprint,
                    space: &space.name,
                    vector: &vector.vector,
                    top_k: TOP,
                    filter: &Filter::All,
                    parts: Parts::default(),
                };
                let hits = |side: &dyn Asks| -> Result<Answer, Error> {
                    let hits = side.database().search(&query)?.into_iter();
                    Ok(hits.map(|hit| (hit.item, Some(hit.score))).collect())
                };
                let about = format!("the vector of item {}", vector.item);
                adding.add(&about, &hits(&*self.from)?, &hits(&*self.to)?);
            }
            all.extend(adding.done(collection, Asked::Vectors(space.name.clone())));
        }
        Ok(all)
    }
}

impl Asks for Engine {
    fn database(&self) -> &dyn Database {
        Engine::database(self)
    }

    fn reads_words(&self) -> bool {
        true
    }

    fn words(&self, query: &Query) -> Result<Answer, Error> {
        let options = SearchOptions {
            top_k: TOP,
            ..SearchOptions::default()
        };
        let results = self.search(query, &options)?.results.into_iter();
        Ok(results.map(|one| (one.item.id, one.score)).collect())
    }
}

/// A collection whose words nobody here can read.
struct NoEncoder(Arc<dyn Database>);

impl Asks for NoEncoder {
    fn database(&self) -> &dyn Database {
        &*self.0
    }

    fn reads_words(&self) -> bool {
        false
    }

    fn words(&self, _query: &Query) -> Result<Answer, Error> {
        Ok(Answer::new())
    }
}

/// Sums over the queries of one kind.
#[derive(Default)]
struct Adding {
    n: u64,
    recall: f64,
    n_same: u64,
    tau: f64,
    worst: Option<(String, f64)>,
}

impl Adding {
    fn add(&mut self, query: &str, wanted: &Answer, found: &Answer) {
        let found = with_ties_as(wanted, found);
        let (wanted, found) = (ids(wanted), ids(&found));
        let recall = overlap(&wanted, &found);
        self.n += 1;
        self.recall += recall;
        self.n_same += u64::from(wanted == found);
        self.tau += kendall_tau(&wanted, &found).unwrap_or(1.0);
        let worst = self.worst.as_ref().map_or(1.0, |(_, worst)| *worst);
        if recall < worst {
            self.worst = Some((query.to_owned(), recall));
        }
    }

    fn done(self, collection: &str, asked: Asked) -> Option<Agreement> {
        let mean = |sum: f64| sum / self.n as f64;
        (self.n > 0).then(|| Agreement {
            collection: collection.to_owned(),
            asked,
            n_queries: self.n,
            recall: mean(self.recall),
            same_order: mean(self.n_same as f64),
            tau: mean(self.tau),
            worst: self.worst.clone(),
        })
    }
}

fn ids(answer: &Answer) -> Vec<ItemId> {
    answer.iter().map(|(id, _)| *id).collect()
}

/// What was found, with equal scores in the order of the other answer, and what stands at a place with the score that is
/// wanted there taken for it where it is an equal that was cut off.
fn with_ties_as(wanted: &Answer, found: &Answer) -> Answer {
    let is_close = |a: Option<f32>, b: Option<f32>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= CLOSE,
        (None, None) => true,
        _ => false,
    };
    let mut left: Answer = found.clone();
    let mut ordered = Answer::new();
    for (id, score) in wanted {
        let same = left.iter().position(|(other, _)| other == id);
        let is_wanted = |other: &ItemId| wanted.iter().any(|(one, _)| one == other);
        let equal = || {
            left.iter()
                .position(|(other, found)| !is_wanted(other) && is_close(*found, *score))
        };
        match same {
            // Its place among its equals is the source's.
            Some(at) if is_close(left[at].1, *score) => {
                left.remove(at);
                ordered.push((*id, *score));
            }
            Some(_) => {}
            None => {
                if let Some(at) = equal() {
                    left.remove(at);
                    ordered.push((*id, *score));
                }
            }
        }
    }
    ordered.extend(left);
    ordered.sort_by(|a, b| b.1.unwrap_or(0.0).total_cmp(&a.1.unwrap_or(0.0)));
    ordered
}

/// Items from all over the collection.
fn sample(database: &dyn Database) -> Result<Vec<Item>, Error> {
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let step = ids.len().div_ceil(EACH).max(1);
    let ids: Vec<ItemId> = ids.into_iter().step_by(step).collect();
    Ok(database.items(&ids)?)
}

/// What people asked, the latest first, each once.
fn logged(database: &dyn Database) -> Result<Vec<Query>, Error> {
    let events = events::list(database)?;
    let lines = events.iter().rev().map(|event| event.query.as_str());
    Ok(queries(lines, Query::from_syntax))
}

fn captions(items: &[Item]) -> Vec<Query> {
    let texts = items.iter().filter_map(|item| item.captions.first());
    queries(texts.map(|caption| caption.text.as_str()), Query::words)
}

/// Names of files as words.
fn names(items: &[Item]) -> Vec<Query> {
    let name = |item: &Item| {
        let path = item.absolute();
        let stem = path
            .file_stem()
            .map(Path::new)?
            .to_string_lossy()
            .into_owned();
        Some(stem.replace(['_', '-', '.'], " "))
    };
    let names: Vec<String> = items.iter().filter_map(name).collect();
    queries(names.iter().map(String::as_str), Query::words)
}

fn queries<'a, E>(
    lines: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Result<Query, E>,
) -> Vec<Query> {
    let mut seen = BTreeSet::new();
    let new = lines.filter(|line| seen.insert(line.to_owned()));
    new.filter_map(|line| parse(line).ok()).take(EACH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(scores: &[(i64, f32)]) -> Answer {
        let of = |&(id, score): &(i64, f32)| (ItemId::new(id).unwrap(), Some(score));
        scores.iter().map(of).collect()
    }

    fn agreement(wanted: &[(i64, f32)], found: &[(i64, f32)]) -> (f64, f64, f64) {
        let mut adding = Adding::default();
        adding.add("a query", &answer(wanted), &answer(found));
        let done = adding.done("photos", Asked::Names).unwrap();
        (done.recall, done.same_order, done.tau)
    }

    #[test]
    fn equals_agree_in_any_order_and_others_do_not() {
        let wanted = [(1, 0.9), (2, 0.8), (3, 0.8)];
        assert_eq!(agreement(&wanted, &wanted), (1.0, 1.0, 1.0));
        let swapped = [(1, 0.9), (3, 0.8), (2, 0.7999)];
        assert_eq!(agreement(&wanted, &swapped), (1.0, 1.0, 1.0));
        // An equal of the last, which was cut off there.
        let other = [(1, 0.9), (2, 0.8), (4, 0.8)];
        assert_eq!(agreement(&wanted, &other), (1.0, 1.0, 1.0));
        let (recall, same, _) = agreement(&wanted, &[(1, 0.9), (2, 0.8), (5, 0.7)]);
        assert_eq!((recall, same), (2.0 / 3.0, 0.0));
        let (_, same, tau) = agreement(&[(1, 0.9), (2, 0.5)], &[(2, 0.9), (1, 0.5)]);
        assert_eq!((same, tau), (0.0, -1.0));
        assert_eq!(agreement(&wanted, &[]).0, 0.0);
    }
}
