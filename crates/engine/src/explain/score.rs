//! What an item's score is made of.

use fovea_vectordb::{Filter, Item, ItemVector};

use crate::background::dot;
use crate::error::Error;
use crate::query::Plan;
use crate::search::{Asked, Ranked, Spaces};
use crate::terms::TermPart;
use crate::{Engine, SearchOptions, judge, space};

/// An item's score and where it comes from.
#[derive(Clone, Debug)]
pub struct Scored {
    /// As the search gives it.
    pub score: f32,
    /// Each space that was asked, the one whose cosine counts first.
    pub spaces: Vec<SpaceScore>,
    /// What was written of it, which is added to that cosine.
    pub written: Option<WrittenScore>,
    /// Each term in the first space; the shares add up to its cosine.
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

/// What was written of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenScore {
    /// Of what the query wants to be written, 0 to 1.
    pub share: f32,
    /// What that adds to the score.
    pub added: f32,
    /// Words of the query that stand there, in any of their forms.
    pub words: Vec<String>,
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
    /// Probability that query and picture name the same entry of the vocabulary; of images alone none.
    pub agreement: Option<f32>,
    /// Probability that the item is what was meant.
    pub likelihood: f32,
    /// And from which on it is shown.
    pub cut: f32,
    /// Probability that the collection answers the query at all, by the best of the list; of words alone.
    pub answered: Option<f32>,
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
        let Some(ranked) = self.nearest(asked, &alone)?.ranked.pop() else {
            return Ok(None);
        };
        let mut cosines = ranked.cosines.clone();
        cosines.sort_by(|a, b| b.1.total_cmp(&a.1));
        if ranked.written.is_some() {
            // What counts beside words that are written is what is seen.
            cosines.sort_by_key(|(space, _)| *space != space::IMAGE);
        }
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
        let judged = match options.judge && options.spaces != Spaces::Keyword {
            true => self.judged(query, plan, asked, &ranked, options)?,
            false => None,
        };
        Ok(Some(Scored {
            score: ranked.score.unwrap_or_default(),
            spaces,
            written: self.written_score(item, asked, &ranked, options)?,
            terms,
            judged,
        }))
    }

    /// Each thing that is wanted, looked for in this item alone.
    fn written_score(
        &self,
        item: &Item,
        asked: &Asked,
        ranked: &Ranked,
        options: &SearchOptions,
    ) -> Result<Option<WrittenScore>, Error> {
        let (Asked::Words(_, written), Some(share)) = (asked, ranked.written) else {
            return Ok(None);
        };
        let alone = Filter::Ids(vec![item.id]);
        let mut words = Vec::new();
        for wanted in written.wanted.iter().filter(|one| !one.any.is_empty()) {
            let hits = self
                .database()
                .keywords(std::slice::from_ref(wanted), &alone)?;
            if !hits.is_empty() {
                let forms: Vec<String> = wanted.any.iter().map(|form| form.join(" ")).collect();
                words.push(forms.join("|"));
            }
        }
        Ok(Some(WrittenScore {
            share,
            added: options.added(share),
            words,
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
            space::VISUAL => self.known_looks()?.spread(query),
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
        let mut alone = [ranked.clone()];
        self.draw_cut(asked, &mut alone, false, None)?;
        let [one] = alone;
        let Some(likelihood) = one.likelihood else {
            return Ok(None);
        };
        let said = judge::is_said(ranked);
        let mut judged = Judged {
            above: 0.0,
            agreement: None,
            likelihood,
            cut: self.least_shown(asked),
            answered: None,
            said,
            above_cut: one.above_cut,
        };
        if matches!(asked, Asked::Images(_)) {
            let spread = self.spread(space::VISUAL, query)?;
            let above = |(mean, deviation)| (ranked.score.unwrap_or(0.0) - mean) / deviation;
            judged.above = spread.map_or(0.0, above);
            return Ok(Some(judged));
        }
        let case = self.evidence_of(query, std::slice::from_ref(ranked))?;
        let Some(evidence) = case.and_then(|case| case.each.into_iter().next().flatten()) else {
            return Ok(None);
        };
        (judged.above, judged.agreement) = (evidence.above, Some(evidence.agreement.exp()));
        judged.likelihood = judge::with_what_is_said(self.meant(asked, evidence), ranked);
        if asked.is_words() {
            judged.answered = Some(self.answered_with(plan, asked, ranked, options)?);
        }
        let is_answered = judged
            .answered
            .is_none_or(|answered| answered >= judge::ANSWERED);
        judged.above_cut = said || (is_answered && judged.likelihood >= judged.cut);
        Ok(Some(judged))
    }

    /// How likely the list answers the query, as if the filters let the item through: what drops it is said elsewhere.
    fn answered_with(
        &self,
        plan: &Plan,
        asked: &Asked,
        ranked: &Ranked,
        options: &SearchOptions,
    ) -> Result<f32, Error> {
        let let_in = Plan {
            filter: Filter::Or(vec![plan.filter.clone(), Filter::Ids(vec![ranked.item])]),
            ..plan.clone()
        };
        let seen = self.find(&let_in, asked, options)?.seen;
        Ok(self.answered(asked, &seen)?.unwrap_or(0.0))
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
