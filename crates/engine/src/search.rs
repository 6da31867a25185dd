//! Answers a query: embed its terms, search the spaces that fit, take each item's best, and describe what was found.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fovea_vectordb::{Database, Filter, Hit, Item, ItemId, Metric, Order, Region, VectorQuery};

use crate::error::Error;
use crate::query::{Plan, PlanOptions, Query};
use crate::{Engine, judge, space};

/// Items beyond twice those asked for that are looked at where some are left out.
const SPARE: usize = 32;

#[derive(Clone, Debug)]
pub struct SearchOptions {
    pub top_k: usize,
    /// Beside the query's own.
    pub filter: Filter,
    pub spaces: Spaces,
    /// Take dates in the words for filters.
    pub guess: bool,
    /// Show what was found in this order, not the best first.
    pub sort: Option<Order>,
    /// Leave out what scores less.
    pub threshold: Option<f32>,
    /// Of the query's image this part, in fractions of its width and height.
    pub region: Option<Region>,
    /// Say how likely each result is a match, where that is known: of words, in packs with a vocabulary.
    pub judge: bool,
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
            guess: false,
            sort: None,
            threshold: None,
            region: None,
            judge: false,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SearchResult {
    /// From 1.
    pub rank: usize,
    /// In the space where the item matches best; the cosine, unless a space of vectors of others goes by another metric.
    /// None where only filters were asked for.
    pub score: Option<f32>,
    /// Cosine in each space that found the item; none where a vector was asked for.
    pub cosines: Vec<(&'static str, f32)>,
    /// Probability that it is what was meant, where it was judged.
    pub likelihood: Option<f32>,
    /// False for what was judged and is no match.
    pub above_cut: bool,
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

impl Ranked {
    fn unscored(item: ItemId) -> Ranked {
        Ranked {
            item,
            score: None,
            cosines: Vec::new(),
            likelihood: None,
            above_cut: true,
        }
    }
}

impl SearchResults {
    /// Ends the list where the matches end; answers what stood below.
    pub fn cut(&mut self) -> Vec<SearchResult> {
        let all = std::mem::take(&mut self.results);
        let (above, below) = all.into_iter().partition(|result| result.above_cut);
        self.results = above;
        for (at, result) in self.results.iter_mut().enumerate() {
            result.rank = at + 1;
        }
        below
    }
}

/// A query's terms as one vector, in the space that answers it.
enum Asked {
    /// Filters alone.
    Filters,
    Images(Vec<f32>),
    Mixture(Vec<f32>),
    Words(Vec<f32>),
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
    pub score: Option<f32>,
    pub cosines: Vec<(&'static str, f32)>,
    pub likelihood: Option<f32>,
    pub above_cut: bool,
}

impl Engine {
    /// What a query means in this collection.
    pub fn plan(&self, query: &Query, options: PlanOptions) -> Result<Plan, Error> {
        Plan::new(query.clone(), self.database(), options)
    }

    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResults, Error> {
        let planned = PlanOptions {
            guess: options.guess,
        };
        self.carry_out(&self.plan(query, planned)?, options)
    }

    /// Search for what was planned.
    pub fn carry_out(&self, plan: &Plan, options: &SearchOptions) -> Result<SearchResults, Error> {
        let started = Instant::now();
        let asked = self.embed(&plan.query, options.region)?;
        let mut ranked = self.find(plan, &asked, options)?;
        if let (Asked::Words(vector), true) = (&asked, options.judge) {
            self.draw_cut(vector, &mut ranked)?;
        }
        if let Some(threshold) = options.threshold {
            ranked.retain(|one| one.score.is_none_or(|score| score >= threshold));
        }
        if let Some(order) = options.sort.filter(|_| !plan.query.terms.is_empty()) {
            self.sort(&mut ranked, order)?;
        }
        describe(self.database(), ranked, Metric::Cosine, started)
    }

    /// Say of each result how likely it is meant, and which are matches. What images are like is not judged.
    fn draw_cut(&self, vector: &[f32], ranked: &mut [Ranked]) -> Result<(), Error> {
        let Some(verdict) = self.judge(vector, ranked)? else {
            return Ok(());
        };
        let is_answered = verdict.answered >= judge::ANSWERED;
        for (one, meant) in ranked.iter_mut().zip(verdict.meant) {
            let said = one
                .cosines
                .iter()
                .any(|(space, cosine)| *space == space::CAPTION && *cosine >= judge::SAID);
            one.likelihood = Some(meant);
            one.above_cut = said || (is_answered && meant >= judge::SHOWN);
        }
        Ok(())
    }

    fn sort(&self, ranked: &mut [Ranked], order: Order) -> Result<(), Error> {
        let ids = Filter::Ids(ranked.iter().map(|one| one.item).collect());
        let listed = self.database().list(&ids, order, ranked.len())?;
        let places: HashMap<ItemId, usize> = listed.into_iter().zip(0..).collect();
        ranked.sort_by_key(|one| places.get(&one.item).copied().unwrap_or(usize::MAX));
        Ok(())
    }

    /// The same without the description of the items: what `eval` needs.
    pub fn rank(&self, plan: &Plan, options: &SearchOptions) -> Result<Vec<Ranked>, Error> {
        self.find(plan, &self.embed(&plan.query, options.region)?, options)
    }

    fn embed(&self, query: &Query, region: Option<Region>) -> Result<Asked, Error> {
        let images = query.terms.iter().filter(|term| term.content.is_image());
        if region.is_some() && images.count() != 1 {
            return Err(Error::Input(
                "a region is of one image: give a single ./FILE or #ITEM with it".to_owned(),
            ));
        }
        Ok(match (query.has_words(), query.has_images()) {
            (false, false) => Asked::Filters,
            (false, true) => Asked::Images(self.visual_sum(query, region)?),
            (true, true) => Asked::Mixture(self.shared_sum(query, region)?),
            (true, false) => Asked::Words(self.shared_sum(query, None)?),
        })
    }

    /// The best that are not left out.
    fn find(
        &self,
        plan: &Plan,
        asked_for: &Asked,
        options: &SearchOptions,
    ) -> Result<Vec<Ranked>, Error> {
        let query = &plan.query;
        let items = query.terms.iter().filter_map(|term| term.content.item());
        let likenesses: Vec<ItemId> = items.collect();
        let mut filter = options.filter.clone().and(plan.filter.clone());
        if !likenesses.is_empty() {
            // Whoever asks for more like this has this.
            filter = filter.and(Filter::Not(Box::new(Filter::Ids(likenesses))));
        }
        let options = SearchOptions {
            filter,
            ..options.clone()
        };
        if query.without.is_empty() {
            return self.nearest(asked_for, &options);
        }
        let without = self.without(&query.without)?;
        let wanted = options.top_k;
        let mut asked = wanted.saturating_mul(2).saturating_add(SPARE);
        loop {
            let options = SearchOptions {
                top_k: asked,
                ..options.clone()
            };
            let found = self.nearest(asked_for, &options)?;
            let is_all = found.len() < asked;
            let mut kept = without.keep(self, found)?;
            if is_all || kept.len() >= wanted {
                kept.truncate(wanted);
                return Ok(kept);
            }
            asked = asked.saturating_mul(4);
        }
    }

    /// The best of what the filter lets through; without a term the newest.
    fn nearest(&self, asked: &Asked, options: &SearchOptions) -> Result<Vec<Ranked>, Error> {
        let list = |space, vector: &[f32]| self.list(space, vector, options);
        match (asked, options.spaces) {
            (Asked::Filters, _) => {
                let (filter, top_k) = (&options.filter, options.top_k);
                let order = options.sort.unwrap_or_default();
                let items = self.database().list(filter, order, top_k)?;
                Ok(items.into_iter().map(Ranked::unscored).collect())
            }
            (Asked::Images(vector), _) => Ok(alone(list(space::VISUAL, vector)?)),
            (Asked::Mixture(vector), _) | (Asked::Words(vector), Spaces::Image) => {
                Ok(alone(list(space::IMAGE, vector)?))
            }
            (Asked::Words(vector), Spaces::Caption) => Ok(alone(list(space::CAPTION, vector)?)),
            (Asked::Words(vector), Spaces::All) => {
                let lists = [list(space::IMAGE, vector)?, list(space::CAPTION, vector)?];
                let mut ranked = best_of(&lists);
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
        likelihood: one.likelihood,
        above_cut: one.above_cut,
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
        score: Some(hit.score),
        cosines: vec![(list.space, hit.score)],
        ..Ranked::unscored(hit.item)
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
            let item = hit.item;
            let entry = by_item.entry(item).or_insert(Ranked::unscored(item));
            entry.score = Some(entry.score.map_or(hit.score, |score| score.max(hit.score)));
            entry.cosines.push((list.space, hit.score));
        }
    }
    let mut ranked: Vec<Ranked> = by_item.into_values().collect();
    let score = |one: &Ranked| one.score.unwrap_or(f32::NEG_INFINITY);
    ranked.sort_by(|left, right| {
        let best_first = score(right).total_cmp(&score(left));
        best_first.then(left.item.cmp(&right.item))
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
            .map(|one| (one.item.get(), one.score.unwrap()))
            .collect();
        assert_eq!(order, [(5, 0.9), (7, 0.6), (3, 0.5), (9, 0.1)]);
        assert_eq!(
            ranked[0].cosines,
            [(space::IMAGE, 0.2), (space::CAPTION, 0.9)]
        );
    }
}
