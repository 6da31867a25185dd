//! What index files gathered of the rows of filters that are asked again: of the latest few, so that the memory they take
//! is bounded, and only from the second time on, so that who asks with another filter each time pays for none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fovea_index::Gathered;

use super::allowed::Rows;

/// Filters that are kept in mind. What one gathers is at most 8 MB, so these are no more than the bitmaps may take.
const MOST: usize = 8;

/// The latest filters, the one asked last in front.
#[derive(Debug, Default)]
pub(super) struct Gatherings(Mutex<VecDeque<Known>>);

/// The rows of a filter that was asked, and what was gathered of them, once it was asked again.
#[derive(Debug)]
struct Known {
    rows: Weak<Rows>,
    gathered: Option<Arc<Gathered>>,
}

impl Gatherings {
    /// What was gathered of these rows, or is now by `gather`.
    pub(super) fn of(
        &self,
        rows: &Arc<Rows>,
        gather: impl FnOnce() -> Option<Gathered>,
    ) -> Option<Arc<Gathered>> {
        let is_known = |known: &Known| std::ptr::eq(known.rows.as_ptr(), Arc::as_ptr(rows));
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.iter().position(is_known);
        let known = known.and_then(|at| latest.remove(at));
        let gathered = match known {
            // The first time.
            None => None,
            Some(Known {
                gathered: Some(gathered),
                ..
            }) => Some(gathered),
            Some(_) => gather().map(Arc::new),
        };
        // Rows that left with their filter take what was gathered of them along.
        latest.retain(|known| known.rows.strong_count() > 0);
        latest.truncate(MOST - 1);
        latest.push_front(Known {
            rows: Arc::downgrade(rows),
            gathered: gathered.clone(),
        });
        gathered
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use fovea_index::{Bitmap, BuildOptions, Metric, Random, Vectors, family};

    use super::*;

    #[test]
    fn filters_that_are_asked_again_gather_once_and_the_oldest_leave() {
        const DIM: usize = 4;
        let mut random = Random::new(1);
        let numbers: Vec<f32> = (0..3000 * DIM).map(|_| random.unit() + 0.1).collect();
        let vectors = Vectors::of_f32(DIM, Metric::L2, &numbers).unwrap();
        let index = (family("vamana").unwrap().build)(&vectors, &BuildOptions::default()).unwrap();
        let n_gathered = Cell::new(0);
        let gatherings = Gatherings::default();
        let ask = |rows: &Arc<Rows>| {
            let Rows::InMemory(allowed) = &**rows else {
                return false;
            };
            let gathered = gatherings.of(rows, || {
                n_gathered.set(n_gathered.get() + 1);
                index.gather(allowed)
            });
            gathered.is_some()
        };
        let filter = || Arc::new(Rows::InMemory((0..1000).collect::<Bitmap>()));
        let filters: Vec<Arc<Rows>> = (0..MOST + 1).map(|_| filter()).collect();
        assert_eq!(
            [(); 4].map(|()| ask(&filters[0])),
            [false, true, true, true]
        );
        assert_eq!(n_gathered.get(), 1);
        let others = filters[1..].iter().map(&ask);
        assert_eq!(others.filter(|is_gathered| *is_gathered).count(), 0);
        assert!(!ask(&filters[0]), "it was the oldest");
        assert!(ask(&filters[0]));
        drop(filters);
        ask(&filter());
        assert_eq!(gatherings.0.lock().unwrap().len(), 1, "the others are gone");
    }
}
