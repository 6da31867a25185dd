//! Answers a query: embed its terms, search the spaces that fit, take each item's best, and describe what was found.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fovea_decode as decode;
use fovea_vectordb::{Database, Filter, Hit, Item, ItemId, Metric, VectorQuery};

use crate::error::{Error, IoContext};
use crate::query::{Query, Term, TermContent};
use crate::{Engine, space};

/// A query image may be as large as what is indexed; reading it has the same bound.
const MAX_QUERY_IMAGE_BYTES: u64 = 1 << 30;

#[derive(Clone, Debug)]
pub struct SearchOptions {
    pub top_k: usize,
    pub filter: Filter,
    pub spaces: Spaces,
}

/// Which spaces answer words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spaces {
    /// `image` and `caption`; an item counts with the better of the two.
    #[default]
    All,
    Image,
    Caption,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            top_k: 10,
            filter: Filter::All,
            spaces: Spaces::All,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SearchResult {
    /// From 1.
    pub rank: usize,
    /// In the space where the item matches best; the cosine, unless a space of vectors of others goes by another metric.
    pub score: f32,
    /// Cosine in each space that found the item; none where a vector was asked for.
    pub cosines: Vec<(&'static str, f32)>,
    pub item: Item,
}

#[derive(Clone, Debug)]
pub struct SearchResults {
    pub results: Vec<SearchResult>,
    /// What the scores are.
    pub metric: Metric,
    /// Embedding and searching, without the opening of database and pack.
    pub took: Duration,
}

/// One ranked list of a space.
struct List {
    space: &'static str,
    hits: Vec<Hit>,
}

/// An item before it is described.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub item: ItemId,
    pub score: f32,
    pub cosines: Vec<(&'static str, f32)>,
}

impl Engine {
    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResults, Error> {
        let started = Instant::now();
        let ranked = self.rank(query, options)?;
        describe(self.database(), ranked, Metric::Cosine, started)
    }

    /// The same without the description of the items: what `eval` needs.
    pub fn rank(&self, query: &Query, options: &SearchOptions) -> Result<Vec<Ranked>, Error> {
        if query.has_images() && !query.has_words() {
            let vector = self.combine(query, &|term| self.visual_vector(term))?;
            return Ok(alone(self.list(space::VISUAL, &vector, options)?));
        }
        let vector = self.combine(query, &|term| self.shared_vector(term))?;
        if query.has_images() {
            return Ok(alone(self.list(space::IMAGE, &vector, options)?));
        }
        let list = |space| self.list(space, &vector, options);
        match options.spaces {
            Spaces::Image => Ok(alone(list(space::IMAGE)?)),
            Spaces::Caption => Ok(alone(list(space::CAPTION)?)),
            Spaces::All => {
                let mut ranked = best_of(&[list(space::IMAGE)?, list(space::CAPTION)?]);
                ranked.truncate(options.top_k);
                Ok(ranked)
            }
        }
    }

    fn list(
        &self,
        space: &'static str,
        vector: &[f32],
        options: &SearchOptions,
    ) -> Result<List, Error> {
        let SearchOptions {
            top_k, ref filter, ..
        } = *options;
        let pack = &self.encoder().spec().fingerprint;
        let query = VectorQuery {
            pack,
            space,
            vector,
            top_k,
            filter,
        };
        Ok(List {
            space,
            hits: self.database().search(&query)?,
        })
    }

    /// The weighted sum of the terms' unit vectors, at unit length again, so that scores stay cosines.
    fn combine(
        &self,
        query: &Query,
        vector_of: &dyn Fn(&Term) -> Result<Vec<f32>, Error>,
    ) -> Result<Vec<f32>, Error> {
        let mut sum: Vec<f32> = Vec::new();
        for term in &query.terms {
            let vector = vector_of(term)?;
            sum.resize(vector.len(), 0.0);
            for (total, value) in sum.iter_mut().zip(&vector) {
                *total += term.weight * value;
            }
        }
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm < 1e-6 || !norm.is_finite() {
            return Err(Error::Input(format!(
                "`{query}`: the terms cancel each other out; change a weight"
            )));
        }
        sum.iter_mut().for_each(|value| *value /= norm);
        Ok(sum)
    }

    fn shared_vector(&self, term: &Term) -> Result<Vec<f32>, Error> {
        match &term.content {
            TermContent::Words(words) => Ok(self.encoder().text_vector(words)?),
            TermContent::Image(path) => Ok(self.encoder().image_vector(&self.feature_of(path)?)),
        }
    }

    fn visual_vector(&self, term: &Term) -> Result<Vec<f32>, Error> {
        match &term.content {
            TermContent::Words(words) => Ok(self.encoder().text_vector(words)?),
            TermContent::Image(path) => Ok(self.encoder().visual_vector(&self.feature_of(path)?)),
        }
    }

    /// Decodes and encodes a query image exactly as an indexed one.
    fn feature_of(&self, path: &Path) -> Result<Vec<f32>, Error> {
        let size = fs::metadata(path).at(path)?.len();
        if size > MAX_QUERY_IMAGE_BYTES {
            return Err(Error::Input(format!(
                "{}: {size} bytes are too many for a query image",
                path.display()
            )));
        }
        let bytes = fs::read(path).at(path)?;
        let options = decode::Options {
            min_side: Some(crate::ingest::process::min_side(self.encoder())),
            ..Default::default()
        };
        let image = decode::decode(&bytes, &options).map_err(|source| Error::Image {
            path: path.to_owned(),
            source,
        })?;
        let mut features = self.encoder().features(&[&image.pixels])?;
        Ok(features.pop().unwrap_or_default())
    }
}

/// The ranked items with what is known of them.
pub fn describe(
    database: &dyn Database,
    ranked: Vec<Ranked>,
    metric: Metric,
    started: Instant,
) -> Result<SearchResults, Error> {
    let ids: Vec<ItemId> = ranked.iter().map(|one| one.item).collect();
    let items = database.items(&ids)?;
    let mut by_id: HashMap<ItemId, Item> = items.into_iter().map(|item| (item.id, item)).collect();
    // An item may be removed by another process between the two reads; the list closes up over it.
    let described = ranked
        .into_iter()
        .filter_map(|one| Some((by_id.remove(&one.item)?, one)));
    let results = described.enumerate().map(|(at, (item, one))| SearchResult {
        rank: at + 1,
        score: one.score,
        cosines: one.cosines,
        item,
    });
    Ok(SearchResults {
        results: results.collect(),
        metric,
        took: started.elapsed(),
    })
}

fn alone(list: List) -> Vec<Ranked> {
    let ranked = list.hits.iter().map(|hit| Ranked {
        item: hit.item,
        score: hit.score,
        cosines: vec![(list.space, hit.score)],
    });
    ranked.collect()
}

/// An item is as good as its best match, as it is among its parts: the caption that says it, or the picture that
/// shows it. The two cosines are comparable because both spaces are the one shared with text.
///
/// A sum over lists would put an item with an unrelated caption above one that shows what was asked for and has none.
fn best_of(lists: &[List]) -> Vec<Ranked> {
    let mut by_item: HashMap<ItemId, Ranked> = HashMap::new();
    for list in lists {
        for hit in &list.hits {
            let (item, cosines) = (hit.item, Vec::new());
            let entry = by_item.entry(item).or_insert(Ranked {
                item,
                score: hit.score,
                cosines,
            });
            entry.score = entry.score.max(hit.score);
            entry.cosines.push((list.space, hit.score));
        }
    }
    let mut ranked: Vec<Ranked> = by_item.into_values().collect();
    ranked.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.item.cmp(&right.item))
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_vectordb::Part;

    fn list(space: &'static str, hits: &[(i64, f32)]) -> List {
        let hits = hits.iter().map(|(item, score)| Hit {
            item: ItemId::new(*item).unwrap(),
            score: *score,
            part: Part::WHOLE,
        });
        List {
            space,
            hits: hits.collect(),
        }
    }

    #[test]
    fn an_item_is_as_good_as_its_best_match() {
        let image = list(space::IMAGE, &[(7, 0.6), (3, 0.5), (5, 0.2)]);
        let caption = list(space::CAPTION, &[(5, 0.9), (3, 0.5), (9, 0.1)]);
        let ranked = best_of(&[image, caption]);
        let order: Vec<(i64, f32)> = ranked
            .iter()
            .map(|one| (one.item.get(), one.score))
            .collect();
        assert_eq!(order, [(5, 0.9), (7, 0.6), (3, 0.5), (9, 0.1)]);
        assert_eq!(
            ranked[0].cosines,
            [(space::IMAGE, 0.2), (space::CAPTION, 0.9)]
        );
    }
}
