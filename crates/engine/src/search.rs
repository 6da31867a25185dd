//! Answers a query: embed its terms, search the spaces that fit, take each item's best, and describe what was found.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use fovea_vectordb::{
    Database, Filter, Hit, Item, ItemId, Metric, Order, Part, Parts, Region, VectorQuery,
};

use crate::arrange::Grouping;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::judge::BATCH;
use crate::query::{Plan, PlanOptions, Query};
use crate::terms::TermPart;
use crate::written::{self, Correction, Written};
use crate::{Engine, parts, space};

/// Items beyond twice those asked for that are looked at where some are left out.
const SPARE: usize = 32;

#[derive(Clone, Debug)]
pub struct SearchOptions {
    pub top_k: usize,
    /// Beside the query's own.
    pub filter: Filter,
    pub spaces: Spaces,
    /// What is added to the cosine of an item of which all of a query is written; of a part of it, that share.
    pub keyword_weight: f32,
    /// Take dates in the words for filters, and pass over words that say only that a picture is looked for.
    pub guess: bool,
    /// Show what was found in this order, not the best first.
    pub sort: Option<Order>,
    /// Leave out what scores less.
    pub threshold: Option<f32>,
    /// Of the query's image this part, in fractions of its width and height.
    pub region: Option<Region>,
    /// Look at the parts of images too, where the collection keeps some.
    pub parts: bool,
    /// Say how likely each result is a match, where that is known: of words, in packs with a vocabulary.
    pub judge: bool,
    /// End the list where the matches end, as far as they were judged.
    pub cut: bool,
    /// Show one result of each group.
    pub group: Option<Grouping>,
    /// 0 to 1: how much more results count that are unlike those before them.
    pub diversity: Option<f32>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// Which spaces answer words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spaces {
    /// `image` and `caption`, of which an item counts with the better one, and on top of that what is written.
    #[default]
    All,
    Image,
    Caption,
    /// What is written alone.
    Keyword,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            top_k: 10,
            filter: Filter::All,
            spaces: Spaces::All,
            keyword_weight: written::WEIGHT,
            guess: false,
            sort: None,
            threshold: None,
            region: None,
            parts: true,
            judge: false,
            cut: false,
            group: None,
            diversity: None,
            after: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SearchResult {
    /// From 1.
    pub rank: usize,
    /// In the space where the item matches best; the cosine, unless a space of vectors of others goes by another metric.
    /// Where words of the query were written of the item, the cosine of the image, and what was written added to it.
    /// None where only filters were asked for.
    pub score: Option<f32>,
    /// Cosine in each space that found the item; none where a vector was asked for.
    pub cosines: Vec<(&'static str, f32)>,
    /// Share of the query's words that were written of it, 0 to 1, where some were.
    pub written: Option<f32>,
    /// Where in the image that is, unless all of it is.
    pub region: Option<Region>,
    /// Probability that it is what was meant, where it was judged.
    pub likelihood: Option<f32>,
    /// False for what was judged and is no match.
    pub above_cut: bool,
    pub item: Item,
    /// Name of its group, where groups have one.
    pub group: Option<String>,
    /// The others of its group, as far as they were found.
    pub others: Vec<ItemId>,
}

#[derive(Clone, Debug)]
pub struct SearchResults {
    pub results: Vec<SearchResult>,
    /// The best of what is no match, where the list was cut.
    pub below: Vec<SearchResult>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Words that nobody wrote, and which were taken for them.
    pub corrections: Vec<Correction>,
    /// What the scores are.
    pub metric: Metric,
    /// Embedding and searching, without the opening of database and pack.
    pub took: Duration,
}

impl SearchResults {
    /// Nothing was found, because nothing is there.
    pub fn none() -> SearchResults {
        SearchResults {
            results: Vec::new(),
            below: Vec::new(),
            next: None,
            corrections: Vec::new(),
            metric: Metric::Cosine,
            took: Duration::ZERO,
        }
    }
}

/// A query's terms as one vector, in the space that answers it.
pub(crate) enum Asked {
    /// Filters alone.
    Filters,
    Images(Vec<f32>),
    Mixture(Vec<f32>),
    Words(Vec<f32>, Written),
}

impl Asked {
    /// Words alone, which may be about what is not there.
    pub fn is_words(&self) -> bool {
        matches!(self, Asked::Words(..))
    }

    pub fn vector(&self) -> Option<&[f32]> {
        match self {
            Asked::Filters => None,
            Asked::Images(vector) | Asked::Mixture(vector) | Asked::Words(vector, _) => {
                Some(vector)
            }
        }
    }
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
    /// Share of the query's words that were written of it.
    pub written: Option<f32>,
    /// The part of the image that matches best.
    pub part: Part,
    pub likelihood: Option<f32>,
    pub above_cut: bool,
    pub group: Option<String>,
    pub others: Vec<ItemId>,
}

impl Ranked {
    /// No match comes after it: it is none itself, and does not stand where it stands for a few of the words.
    pub(crate) fn ends_the_matches(&self) -> bool {
        !self.above_cut && self.written.is_none()
    }

    /// The cosine of the image; of an item that has none, of what was said.
    pub(crate) fn seen(&self) -> Option<f32> {
        let mut images = self
            .cosines
            .iter()
            .filter(|(space, _)| *space == space::IMAGE);
        images.next().map(|(_, cosine)| *cosine).or(self.score)
    }

    pub(crate) fn unscored(item: ItemId) -> Ranked {
        Ranked {
            item,
            score: None,
            cosines: Vec::new(),
            written: None,
            part: Part::WHOLE,
            likelihood: None,
            above_cut: true,
            group: None,
            others: Vec::new(),
        }
    }
}

/// The best of what was asked.
pub(crate) struct Nearest {
    pub ranked: Vec<Ranked>,
    /// The first [`BATCH`] by what is seen alone, before what is written came to it.
    pub seen: Vec<Ranked>,
}

impl Nearest {
    /// Where nothing is written.
    fn of(ranked: Vec<Ranked>) -> Nearest {
        let seen = ranked.iter().take(BATCH).cloned().collect();
        Nearest { ranked, seen }
    }
}

impl Engine {
    /// What a query means in this collection.
    pub fn plan(&self, query: &Query, options: PlanOptions) -> Result<Plan, Error> {
        Plan::new(
            query.clone(),
            self.database(),
            options.with(self.encoder().spec()),
        )
    }

    pub fn search(&self, query: &Query, options: &SearchOptions) -> Result<SearchResults, Error> {
        let plan = self.plan(query, PlanOptions::new(options.guess))?;
        self.carry_out(&plan, options)
    }

    /// Search for what was planned.
    pub fn carry_out(&self, plan: &Plan, options: &SearchOptions) -> Result<SearchResults, Error> {
        let started = Instant::now();
        let asked = self.embed(plan, options.region)?;
        let page = self.page(plan, &asked, options)?;
        let described = describe(self.database(), page.shown, Metric::Cosine, started)?;
        let below = describe(self.database(), page.below, Metric::Cosine, started)?;
        Ok(SearchResults {
            below: below.results,
            next: page.next,
            corrections: match asked {
                Asked::Words(_, written) => written.corrections,
                Asked::Filters | Asked::Images(_) | Asked::Mixture(_) => Vec::new(),
            },
            took: started.elapsed(),
            ..described
        })
    }

    /// The same without the description of the items: what `eval` needs.
    pub fn rank(&self, plan: &Plan, options: &SearchOptions) -> Result<Vec<Ranked>, Error> {
        Ok(self
            .find(plan, &self.embed(plan, options.region)?, options)?
            .ranked)
    }

    fn embed(&self, plan: &Plan, region: Option<Region>) -> Result<Asked, Error> {
        Ok(self.embed_terms(plan, region)?.0)
    }

    /// The sum of the terms, and what it is made of.
    pub(crate) fn embed_terms(
        &self,
        plan: &Plan,
        region: Option<Region>,
    ) -> Result<(Asked, Vec<TermPart>), Error> {
        let images = plan.terms().filter(|term| term.content.is_image());
        if region.is_some() && images.count() != 1 {
            return Err(Error::Input(
                "a region is of one image: give a single ./FILE or #ITEM with it".to_owned(),
            ));
        }
        region.map_or(Ok(()), parts::lies_inside)?;
        match (plan.has_words(), plan.has_images()) {
            (false, false) => Ok((Asked::Filters, Vec::new())),
            (false, true) => {
                let sum = self.visual_sum(plan, region)?;
                Ok((Asked::Images(sum.vector), sum.parts))
            }
            (true, true) => {
                self.expect_words()?;
                let sum = self.shared_sum(plan, region)?;
                Ok((Asked::Mixture(sum.vector), sum.parts))
            }
            (true, false) => {
                let sum = self.shared_sum(plan, None)?;
                Ok((Asked::Words(sum.vector, self.written(plan)?), sum.parts))
            }
        }
    }

    /// Words find no picture where the pack has nothing that leads from pictures to them.
    pub(crate) fn expect_words(&self) -> Result<(), Error> {
        let spec = self.encoder().spec();
        match spec.is_aligned {
            true => Ok(()),
            false => Err(Error::Input(format!(
                "the pack {name} only sees: it finds pictures by pictures (./FILE or #ITEM) and knows no words yet; teach it some with \
                 `fovea train align --model {name} --pairs FILE.tsv`, or search with another pack",
                name = spec.name
            ))),
        }
    }

    /// The best that are not left out.
    pub(crate) fn find(
        &self,
        plan: &Plan,
        asked_for: &Asked,
        options: &SearchOptions,
    ) -> Result<Nearest, Error> {
        let likenesses = plan.likenesses();
        let mut filter = options.filter.clone().and(plan.filter.clone());
        if !likenesses.is_empty() {
            // Whoever asks for more like this has this.
            filter = filter.and(Filter::Not(Box::new(Filter::Ids(likenesses))));
        }
        let options = SearchOptions {
            filter,
            ..options.clone()
        };
        if plan.removals().is_empty() {
            return self.nearest(asked_for, &options);
        }
        let without = self.without(plan)?;
        let wanted = options.top_k;
        let mut asked = wanted.saturating_mul(2).saturating_add(SPARE);
        loop {
            let options = SearchOptions {
                top_k: asked,
                ..options.clone()
            };
            let found = self.nearest(asked_for, &options)?;
            let is_all = found.ranked.len() < asked;
            let mut ranked = without.keep(self, found.ranked)?;
            if is_all || ranked.len() >= wanted {
                ranked.truncate(wanted);
                let seen = without.keep(self, found.seen)?;
                return Ok(Nearest { ranked, seen });
            }
            asked = asked.saturating_mul(4);
        }
    }

    /// The best of what the filter lets through; without a term the newest.
    pub(crate) fn nearest(&self, asked: &Asked, options: &SearchOptions) -> Result<Nearest, Error> {
        let list = |space, vector: &[f32]| self.list(space, vector, options);
        Ok(Nearest::of(match (asked, options.spaces) {
            // The tables know their order.
            (Asked::Filters, _) => Vec::new(),
            // Words that the pack knows nothing of: every picture would be as good as any other.
            (Asked::Words(vector, written), spaces)
                if vector.iter().all(|number| *number == 0.0) =>
            {
                match spaces {
                    Spaces::All | Spaces::Keyword => self.only_written(written, options)?,
                    Spaces::Image | Spaces::Caption => Vec::new(),
                }
            }
            (Asked::Images(vector), _) => alone(list(space::VISUAL, vector)?),
            (Asked::Mixture(vector), _) | (Asked::Words(vector, _), Spaces::Image) => {
                self.expect_words()?;
                alone(list(space::IMAGE, vector)?)
            }
            (Asked::Words(vector, _), Spaces::Caption) => alone(list(space::CAPTION, vector)?),
            (Asked::Words(_, written), Spaces::Keyword) => self.only_written(written, options)?,
            (Asked::Words(vector, written), Spaces::All) => {
                return self.seen_and_written(vector, written, options);
            }
        }))
    }

    fn seen_and_written(
        &self,
        vector: &[f32],
        written: &Written,
        options: &SearchOptions,
    ) -> Result<Nearest, Error> {
        self.expect_words()?;
        let by_cosine = |options: &SearchOptions| {
            let list = |space| self.list(space, vector, options);
            Ok(best_of(&[list(space::IMAGE)?, list(space::CAPTION)?]))
        };
        let deep = SearchOptions {
            top_k: options.top_k.max(BATCH),
            ..options.clone()
        };
        let seen = by_cosine(&deep)?;
        let best = seen.iter().take(BATCH).cloned().collect();
        let mut ranked = self.fuse(seen, written, options, &by_cosine)?;
        ranked.truncate(options.top_k);
        Ok(Nearest { ranked, seen: best })
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
            parts: match options.parts {
                true => parts::counted(self.database())?,
                false => Parts::Whole,
            },
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
        written: one.written,
        region: one.part.region,
        likelihood: one.likelihood,
        above_cut: one.above_cut,
        group: one.group,
        others: one.others,
        item,
    });
    Ok(SearchResults {
        results: results.collect(),
        below: Vec::new(),
        next: None,
        corrections: Vec::new(),
        metric,
        took: started.elapsed(),
    })
}

fn alone(list: List) -> Vec<Ranked> {
    let ranked = list.hits.iter().map(|hit| Ranked {
        score: Some(hit.score),
        cosines: vec![(list.space, hit.score)],
        part: hit.part,
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
            if entry.score.is_none_or(|score| hit.score > score) {
                (entry.score, entry.part) = (Some(hit.score), hit.part);
            }
            entry.cosines.push((list.space, hit.score));
        }
    }
    let mut ranked: Vec<Ranked> = by_item.into_values().collect();
    ranked.sort_by(best_first);
    ranked
}

/// By score, equals by rising id.
pub(crate) fn best_first(left: &Ranked, right: &Ranked) -> Ordering {
    let score = |one: &Ranked| one.score.unwrap_or(f32::NEG_INFINITY);
    let by_score = score(right).total_cmp(&score(left));
    by_score.then(left.item.cmp(&right.item))
}

#[cfg(test)]
mod tests {
    use super::*;

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
