//! How many items stand above one.

use fovea_vectordb::{Filter, Item};

use crate::error::Error;
use crate::query::Plan;
use crate::search::{Asked, Ranked};
use crate::{Engine, SearchOptions};

/// Places that are looked at first; more where the item is not among them.
const FIRST: usize = 1_000;
const MORE: usize = 16;

/// An item's place, from 1; none where it has nothing to compare. Exact, however far down it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Among what the filters let through, with this item let through, too.
    pub rank: Option<usize>,
    /// How many the filters let through.
    pub n_matching: u64,
    /// Among all items.
    pub rank_of_all: Option<usize>,
    pub n_items: u64,
}

impl Engine {
    /// `is_removed` says that a `not:` leaves the item out: then its place is the one it would have without any.
    pub(super) fn standing(
        &self,
        item: &Item,
        plan: &Plan,
        asked: &Asked,
        is_removed: bool,
        options: &SearchOptions,
    ) -> Result<Standing, Error> {
        let place = |filter: Filter| self.place(item, plan, (asked, filter, is_removed), options);
        let own = plan.filter.clone().and(options.filter.clone());
        let n_matching = self.database().count(&own)?;
        let n_items = self.database().info()?.n_items;
        let rank_of_all = place(Filter::All)?;
        let rank = match &own {
            Filter::All => rank_of_all,
            own => place(Filter::Or(vec![own.clone(), Filter::Ids(vec![item.id])]))?,
        };
        Ok(Standing {
            rank,
            n_matching,
            rank_of_all,
            n_items,
        })
    }

    fn place(
        &self,
        item: &Item,
        plan: &Plan,
        (asked, filter, is_removed): (&Asked, Filter, bool),
        options: &SearchOptions,
    ) -> Result<Option<usize>, Error> {
        let n = usize::try_from(self.database().count(&filter)?).unwrap_or(usize::MAX);
        if matches!(asked, Asked::Filters) {
            let order = options.sort.unwrap_or_default();
            let listed = self.database().list(&filter, order, None, n)?.into_iter();
            let mut listed: Vec<Ranked> = listed.map(|one| Ranked::unscored(one.item)).collect();
            if !is_removed {
                listed = self.without(plan)?.keep(self, listed)?;
            }
            let place = listed.iter().position(|one| one.item == item.id);
            return Ok(place.map(|place| place + 1));
        }
        // An index answers nearly all of the nearest; only of everything it is exact.
        let indexes = self.database().indexes()?;
        let is_indexed = indexes.iter().any(|one| one.file_bytes > 0);
        let mut top_k = if is_indexed { n } else { FIRST };
        let plan = Plan {
            filter,
            ..plan.clone()
        };
        loop {
            let options = SearchOptions {
                top_k,
                filter: plan.filter.clone(),
                sort: None,
                ..options.clone()
            };
            let found = match is_removed {
                true => self.nearest(asked, &options)?,
                false => self.find(&plan, asked, &options)?,
            };
            let place = found.ranked.iter().position(|one| one.item == item.id);
            if place.is_some() || top_k >= n {
                return Ok(place.map(|place| place + 1));
            }
            top_k = top_k.saturating_mul(MORE);
        }
    }
}
