//! What keeps an item out of a list, each reason one sentence with what to do.

use std::fmt;
use std::path::PathBuf;

use fovea_vectordb::{Filter, Item, ItemId};

use super::has::has;
use super::score::Scored;
use super::standing::Standing;
use crate::error::Error;
use crate::query::{Clause, Plan};
use crate::scan::file_stamp;
use crate::{Engine, SearchOptions, judge};

#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// A filter does not let it through.
    Filter {
        clause: String,
        /// The saved search that it is of.
        of: Option<String>,
        /// What the item has instead.
        has: String,
    },
    /// A saved search that is taken away lets it through.
    Opposite { name: String },
    /// It looks like a `not:` term.
    Removed {
        term: String,
        cosine: f32,
        limit: f32,
    },
    /// The query asks for more like it.
    AskedWith,
    /// It has no vector that could be compared.
    NoVector,
    /// The collection probably does not answer the query, so that its list is empty.
    Unanswered { answered: f32 },
    /// It is probably not what was meant.
    BelowCut { likelihood: f32, cut: f32 },
    /// The list is full before it.
    BeyondTop { rank: usize, top_k: usize },
    /// Its folder cannot be reached.
    Offline { root: PathBuf },
    /// Its file is not there any more.
    FileGone,
    /// Its file is another since it was indexed.
    FileChanged,
}

impl Reason {
    /// Whether the filters do not let it through, here or in a saved search.
    pub fn is_of_filters(&self) -> bool {
        matches!(self, Reason::Filter { .. } | Reason::Opposite { .. })
    }

    /// A word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Reason::Filter { .. } => "filter",
            Reason::Opposite { .. } => "opposite",
            Reason::Removed { .. } => "removed",
            Reason::AskedWith => "asked_with",
            Reason::NoVector => "no_vector",
            Reason::Unanswered { .. } => "unanswered",
            Reason::BelowCut { .. } => "below_cut",
            Reason::BeyondTop { .. } => "beyond_top",
            Reason::Offline { .. } => "offline",
            Reason::FileGone => "file_gone",
            Reason::FileChanged => "file_changed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Filter { clause, of, has } => {
                let of = of.as_ref().map_or(String::new(), |name| format!(" of {name}"));
                write!(f, "`{clause}`{of} drops it: {has}; widen the filter or leave it out")
            }
            Reason::Opposite { name } => write!(
                f,
                "what {name} lets through is left out, and that lets it through; leave {name} out"
            ),
            Reason::Removed {
                term,
                cosine,
                limit,
            } => write!(
                f,
                "`not:{term}` leaves it out: it looks like that with a cosine of {cosine:.3}, and {limit:.3} is enough; \
                 `- {term}` only pulls away from it"
            ),
            Reason::AskedWith => f.write_str(
                "the query asks for more like it, and who asks for that has it; search by its path to see it, too",
            ),
            Reason::NoVector => f.write_str(
                "it has no vector of this model in the spaces that were asked; index its folder again, or ask without --space",
            ),
            Reason::Unanswered { answered } => write!(
                f,
                "nothing here seems to answer the query (probability {answered:.2}, {:.2} is needed), so the list is empty; \
                 --top N shows the nearest all the same",
                judge::ANSWERED
            ),
            Reason::BelowCut { likelihood, cut } => write!(
                f,
                "it is probably not what was meant (probability {likelihood:.4}, the cut is at {cut}); --top N shows it all \
                 the same"
            ),
            Reason::BeyondTop { rank, top_k } => {
                write!(f, "the list has {top_k} places and it is number {rank}; --top {rank} shows it")
            }
            Reason::Offline { root } => write!(
                f,
                "{} cannot be reached; it is found all the same, and can be opened when that is plugged in again",
                root.display()
            ),
            Reason::FileGone => f.write_str(
                "its file is not there any more; `fovea index` on its folder lets it go, or finds where it moved",
            ),
            Reason::FileChanged => f.write_str(
                "its file is another since it was indexed; `fovea index` on its folder looks at it again",
            ),
        }
    }
}

impl Engine {
    /// The filters that drop an item, each looked at by itself, those of saved searches among them.
    pub(super) fn dropped(&self, item: &Item, plan: &Plan) -> Result<Vec<Reason>, Error> {
        self.dropped_by(item, plan, None)
    }

    fn dropped_by(&self, item: &Item, plan: &Plan, of: Option<&str>) -> Result<Vec<Reason>, Error> {
        let mut reasons = Vec::new();
        for clause in &plan.query.filters {
            let filter = plan.query.filter_of(clause, self.database())?;
            if !self.lets_through(&filter, item.id)? {
                reasons.push(Reason::Filter {
                    clause: clause.to_string(),
                    of: of.map(str::to_owned),
                    has: has_instead(item, clause),
                });
            }
        }
        for (name, saved) in plan.added() {
            reasons.extend(self.dropped_by(item, saved, Some(&name.to_string()))?);
        }
        for (name, saved) in plan.opposites() {
            if self.lets_through(&saved.filter, item.id)? {
                let name = name.to_string();
                reasons.push(Reason::Opposite { name });
            }
        }
        Ok(reasons)
    }

    fn lets_through(&self, filter: &Filter, item: ItemId) -> Result<bool, Error> {
        let filter = filter.clone().and(Filter::Ids(vec![item]));
        Ok(!self.database().scan(&filter, None, 1)?.is_empty())
    }

    /// The `not:` terms that leave an item out.
    pub(super) fn removed(&self, plan: &Plan, item: ItemId) -> Result<Vec<Reason>, Error> {
        if plan.removals().is_empty() {
            return Ok(Vec::new());
        }
        let without = self.without(plan)?;
        let found = without.of(self, item)?.into_iter();
        Ok(found
            .map(|(removal, cosine)| Reason::Removed {
                term: removal.text.clone(),
                cosine,
                limit: removal.limit,
            })
            .collect())
    }
}

/// What the item has of each key of a clause.
fn has_instead(item: &Item, clause: &Clause) -> String {
    let mut said: Vec<String> = Vec::new();
    for one in &clause.any {
        let has = has(item, &one.key);
        if !said.contains(&has) {
            said.push(has);
        }
    }
    said.join(", and ")
}

/// Why its place in the list is none.
pub(super) fn of_place(
    item: &Item,
    plan: &Plan,
    scored: Option<&Scored>,
    standing: &Standing,
    options: &SearchOptions,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let is_asked_with = plan.likenesses().contains(&item.id);
    let has_terms = plan.terms().next().is_some();
    if is_asked_with {
        reasons.push(Reason::AskedWith);
    } else if has_terms && scored.is_none() {
        reasons.push(Reason::NoVector);
    }
    if let Some(rank) = standing.rank.filter(|rank| *rank > options.top_k) {
        let top_k = options.top_k;
        reasons.push(Reason::BeyondTop { rank, top_k });
    }
    match scored.and_then(|scored| scored.judged) {
        Some(judged) if judged.above_cut => {}
        Some(judged) => match judged.answered.filter(|one| *one < judge::ANSWERED) {
            Some(answered) => reasons.push(Reason::Unanswered { answered }),
            None => reasons.push(Reason::BelowCut {
                likelihood: judged.likelihood,
                cut: judged.cut,
            }),
        },
        None => {}
    }
    reasons
}

/// What has become of its file.
pub(super) fn notes(item: &Item) -> Vec<Reason> {
    if !item.online {
        let root = item.root.clone();
        return vec![Reason::Offline { root }];
    }
    let kept = (item.size, item.mtime_ns);
    match file_stamp(&item.absolute()) {
        Err(_) => vec![Reason::FileGone],
        Ok(found) if found != kept => vec![Reason::FileChanged],
        Ok(_) => Vec::new(),
    }
}
