//! Why an item is where it is in the answer to a query, and why not.
//!
//! The stages: `subject` (who is asked about), `score` (what each term and space gave), `standing` (how many items stand
//! above it), `reasons` (what keeps it out), `has` (what it has where a filter wants something else), `absent` (why a file
//! is no item), `heat` (where in the picture the query matched), `paint` (that as a picture).

mod absent;
mod has;
mod heat;
mod paint;
mod reasons;
mod score;
mod standing;
mod subject;

use fovea_vectordb::Item;

pub use absent::Absent;
pub use heat::{Fill, Heat, HeatOptions, Occlusion, See};
pub use paint::{paint, png};
pub use reasons::Reason;
pub use score::{Judged, Scored, SpaceScore, TermShare, WrittenScore};
pub use standing::Standing;
pub use subject::Subject;

use crate::error::Error;
use crate::query::Plan;
use crate::{Engine, SearchOptions};

/// An item beside a query.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub item: Item,
    /// None where the query has filters alone, or the item has nothing that could be compared.
    pub scored: Option<Scored>,
    pub standing: Standing,
    /// What keeps it out of the list, each enough by itself; empty where it is shown.
    pub reasons: Vec<Reason>,
    /// What else a person would want to know, as that its file has changed.
    pub notes: Vec<Reason>,
}

impl Engine {
    /// Explains an item. `options` are those of the search that is explained: its list has `top_k` places, and ends where the
    /// matches end if `judge` is set.
    pub fn explain(
        &self,
        item: Item,
        plan: &Plan,
        options: &SearchOptions,
    ) -> Result<Explanation, Error> {
        let (asked, parts) = self.embed_terms(plan, options.region)?;
        let scored = self.scored(&item, plan, (&asked, &parts), options)?;
        let removed = self.removed(plan, item.id)?;
        let standing = self.standing(&item, plan, &asked, !removed.is_empty(), options)?;
        let mut reasons = self.dropped(&item, plan)?;
        reasons.extend(removed);
        reasons.extend(reasons::of_place(
            &item,
            plan,
            scored.as_ref(),
            &standing,
            options,
        ));
        let notes = reasons::notes(&item);
        Ok(Explanation {
            item,
            scored,
            standing,
            reasons,
            notes,
        })
    }
}
