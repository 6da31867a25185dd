//! Filters of every size, drawn at random, near the query, or away from it: recall holds, whichever way a family takes.

use fovea_index::{Bitmap, FAMILIES, Index, Metric, Random, SearchOptions, exact};

use crate::build;
use crate::twin::{Twin, clustered};

const ROWS: usize = 12_000;
const DIM: usize = 24;
const QUERIES: usize = 16;
/// Shares of the rows that a filter lets through.
const SHARES: &[f64] = &[1.0, 0.5, 0.1, 0.05, 0.01, 0.001, 0.0001];
const FLOOR: f64 = 0.95;

/// How a filter stands to a query.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Random,
    /// The rows nearest to the query.
    Near,
    /// Those farthest from it.
    Far,
    /// Half of the near ones, and as many from anywhere.
    Mixed,
}

fn filter(kind: Kind, share: f64, by_distance: &[u32], random: &mut Random) -> Bitmap {
    let n = by_distance.len();
    let count = ((n as f64 * share) as usize).max(1);
    let some = |random: &mut Random, count: usize| random.sample(n, count);
    match kind {
        Kind::Random => some(random, count).into_iter().collect(),
        Kind::Near => by_distance[..count].iter().copied().collect(),
        Kind::Far => by_distance[n - count..].iter().copied().collect(),
        Kind::Mixed => {
            let near = by_distance[..count].iter().step_by(2).copied();
            near.chain(some(random, count.div_ceil(2))).collect()
        }
    }
}

/// The share of the true ten that is found at the effort at which an unfiltered search finds enough.
fn recall(index: &dyn Index, twin: &Twin, effort: u32, kind: Kind, share: f64) -> f64 {
    let mut random = Random::new(3);
    let (mut found, mut expected) = (0, 0);
    for _ in 0..QUERIES {
        let query = clustered(1, DIM, twin.metric, &mut random);
        let sorted = exact(
            &twin.vectors(),
            twin.len(),
            &query,
            twin.len() as usize,
            None,
        );
        let by_distance: Vec<u32> = sorted.iter().map(|scored| scored.row).collect();
        let allowed = filter(kind, share, &by_distance, &mut random);
        let truth = exact(&twin.vectors(), twin.len(), &query, 10, Some(&allowed));
        let gathered = index.gather(&allowed);
        // Asked for the first time, and by whoever kept what was gathered.
        for gathered in std::iter::once(None).chain(gathered.as_ref().map(Some)) {
            let options = SearchOptions {
                k: 10,
                effort,
                allowed: Some(&allowed),
                gathered,
            };
            let hits = index.search(&twin.vectors(), &query, &options).unwrap();
            assert!(hits.iter().all(|hit| allowed.contains(hit.row)));
            assert_eq!(hits.len(), truth.len());
            found += truth
                .iter()
                .filter(|best| hits.iter().any(|hit| hit.row == best.row))
                .count();
            expected += truth.len();
        }
    }
    found as f64 / expected as f64
}

#[test]
fn recall_holds_under_filters() {
    let mut low = Vec::new();
    let numbers = clustered(ROWS, DIM, Metric::Cosine, &mut Random::new(5));
    let twin = Twin::new(DIM, Metric::Cosine, numbers);
    for family in FAMILIES {
        let index = build(family, &twin, 2, 1);
        let everything = |effort: u32| recall(&*index, &twin, effort, Kind::Random, 1.0);
        let efforts = index.efforts();
        let effort = efforts.iter().copied().find(|&e| everything(e) >= 0.97);
        let effort = effort.unwrap_or(*efforts.last().expect("there is an effort"));
        for kind in [Kind::Random, Kind::Near, Kind::Far, Kind::Mixed] {
            for &share in SHARES {
                let recall = recall(&*index, &twin, effort, kind, share);
                if recall < FLOOR {
                    let name = family.name;
                    low.push(format!(
                        "{name}, {kind:?} {share}: {recall:.3} at effort {effort}"
                    ));
                }
            }
        }
    }
    assert!(low.is_empty(), "{low:#?}");
}
