//! What an item's score is made of.

use fovea_vectordb::{Filter, Item, ItemVector};

use crate::background::dot;
use crate::error::Error;
use crate::query::Plan;
use crate::search::{Asked, Ranked};
use crate::terms::TermPart;
use crate::{Engine, SearchOptions, judge, space};

/// An item's score and where it comes from.
#[derive(Clone, Debug)]
pub struct Scored {
    /// As the search gives it.
    pub score: f32,
    /// Each space that was asked, the one whose score counts first. A further part of the score gets a line here.
    pub spaces: Vec<SpaceScore>,
    /// Each term in the first space; the shares add up to its score.
    pub terms: Vec<TermShare>,
    /// None where nothing is stated: of images, and where the pack has no vocabulary or the collection is too small.
    pub judged: Option<Judged>,
}

/// What one space says of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceScore {
    pub space: &'static str,
    pub cosine: f32,
    /// Deviations above the mean of a sample of the collection, where that is known; not of captions.
    pub above: Option<f32>,
    /// The caption that matched best.
    pub caption: Option<String>,
}

/// What one term gave.
#[derive(Clone, Debug, PartialEq)]
pub struct TermShare {
    /// As it is typed.
    pub term: String,
    pub weight: f32,
    /// Of the term alone with the item.
    pub cosine: f32,
    /// How much of the term is in the query's vector: its weight, evened out between words and images, over the length of
    /// the sum.
    pub factor: f32,
    /// Factor times cosine.
    pub share: f32,
}

/// Whether it is a match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Deviations above the collection's mean.
    pub above: f32,
    /// Probability that words and picture name the same entry of the vocabulary.
    pub agreement: f32,
    /// Probability that the item is what was meant.
    pub likelihood: f32,
    /// Probability that the collection answers the query at all, by the best of the list.
    pub answered: f32,
    /// A caption says what was asked, which is a match by itself.
    pub said: bool,
    pub above_cut: bool,
}

impl Engine {
    pub(super) fn scored(
        &self,
        item: &Item,
        plan: &Plan,
        (asked, parts): (&Asked, &[TermPart]),
        options: &SearchOptions,
    ) -> Result<Option<Scored>, Error> {
        let Some(query) = asked.vector() else {
            return Ok(None);
        };
        let alone = SearchOptions {
            filter: Filter::Ids(vec![item.id]),
            top_k: 1,
            ..options.clone()
        };
        let Some(ranked) = self.nearest(asked, &alone)?.pop() else {
            return Ok(None);
        };
        let mut cosines = ranked.cosines.clone();
        cosines.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut spaces = Vec::new();
        let mut terms = Vec::new();
        for (space, cosine) in cosines {
            let Some(best) = self.best_vector(item, space, query)? else {
                continue;
            };
            if spaces.is_empty() {
                terms = parts.iter().map(|part| share(part, &best.vector)).collect();
            }
            let above = self.spread(space, query)?;
            spaces.push(SpaceScore {
                space,
                cosine,
                above: above.map(|(mean, deviation)| (cosine - mean) / deviation),
                caption: best.caption,
            });
        }
        let judged = match asked {
            Asked::Words(query) if options.judge => {
                self.judged(query, plan, asked, &ranked, options)?
            }
            _ => None,
        };
        Ok(Some(Scored {
            score: ranked.score.unwrap_or_default(),
            spaces,
            terms,
            judged,
        }))
    }

    /// Of an item's vectors in a space the one that is most like the query.
    fn best_vector(
        &self,
        item: &Item,
        space: &str,
        query: &[f32],
    ) -> Result<Option<ItemVector>, Error> {
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space, &[item.id])?;
        let cosine = |one: &ItemVector| dot(&one.vector, query);
        Ok(vectors
            .into_iter()
            .max_by(|a, b| cosine(a).total_cmp(&cosine(b))))
    }

    /// Mean and deviation of the query's cosines over a sample, in spaces of images.
    fn spread(&self, space: &str, query: &[f32]) -> Result<Option<(f32, f32)>, Error> {
        let spread = match space {
            space::IMAGE => self.known_background()?.spread(query),
            space::VISUAL => self.visual_background()?.spread(query),
            _ => None,
        };
        Ok(spread.map(|spread| (spread.mean, spread.deviation)))
    }

    /// The verdict of the search over its list, and over this item as if it stood in it.
    fn judged(
        &self,
        query: &[f32],
        plan: &Plan,
        asked: &Asked,
        ranked: &Ranked,
        options: &SearchOptions,
    ) -> Result<Option<Judged>, Error> {
        let evidence = self.evidence(query, &[ranked.item])?;
        let Some(evidence) = evidence.and_then(|all| all.into_iter().next().flatten()) else {
            return Ok(None);
        };
        // As if the filters let it through: what drops it is said elsewhere.
        let let_in = Plan {
            filter: Filter::Or(vec![plan.filter.clone(), Filter::Ids(vec![ranked.item])]),
            ..plan.clone()
        };
        let list = self.find(&let_in, asked, options)?;
        let answered = self.answered(query, &list)?.unwrap_or(0.0);
        let likelihood = judge::meant(evidence);
        let said = judge::is_said(&ranked.cosines);
        Ok(Some(Judged {
            above: evidence.above,
            agreement: evidence.agreement.exp(),
            likelihood,
            answered,
            said,
            above_cut: said || (answered >= judge::ANSWERED && likelihood >= judge::SHOWN),
        }))
    }
}

fn share(part: &TermPart, item: &[f32]) -> TermShare {
    let cosine = dot(&part.vector, item);
    TermShare {
        term: part.term.content.to_string(),
        weight: part.term.weight,
        cosine,
        factor: part.factor,
        share: part.factor * cosine,
    }
}
