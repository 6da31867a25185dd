//! In which order the buckets of a table are looked into (query-directed
//! probing, Lv et al. 2007).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The bucket on these sides of the hyperplanes.
pub fn bucket(margins: &[f32]) -> u32 {
    let bits = margins.iter().enumerate();
    bits.fold(0, |bucket, (at, &margin)| {
        bucket | u32::from(margin > 0.0) << at
    })
}

/// Buckets by how near a query came to falling into them: its own first, then
/// those where sides of small margins are taken for the other.
pub struct Probes {
    own: u32,
    /// Squared margins, rising, with their bits.
    margins: Vec<(f32, u32)>,
    /// Sets of sides to be changed, the cheapest first.
    sets: BinaryHeap<SidesChanged>,
    is_first: bool,
}

/// Sides that are taken for the other, as bits into the rising margins.
#[derive(Clone, Copy, Debug)]
struct SidesChanged {
    cost: f32,
    sides: u32,
}

impl Ord for SidesChanged {
    fn cmp(&self, other: &SidesChanged) -> Ordering {
        let cost = other.cost.total_cmp(&self.cost);
        cost.then(other.sides.cmp(&self.sides))
    }
}

impl PartialOrd for SidesChanged {
    fn partial_cmp(&self, other: &SidesChanged) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SidesChanged {
    fn eq(&self, other: &SidesChanged) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SidesChanged {}

impl Probes {
    pub fn new(margins: &[f32]) -> Probes {
        let squares = margins.iter().map(|margin| margin * margin);
        let mut rising: Vec<(f32, u32)> = squares.zip(0..).collect();
        rising.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let first = rising
            .first()
            .map(|&(cost, _)| SidesChanged { cost, sides: 1 });
        Probes {
            own: bucket(margins),
            margins: rising,
            sets: first.into_iter().collect(),
            is_first: true,
        }
    }
}

impl Iterator for Probes {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if std::mem::take(&mut self.is_first) {
            return Some(self.own);
        }
        let set = self.sets.pop()?;
        // Every set comes once: from the one with its last side dropped, or moved one down.
        let last = set.sides.ilog2() as usize;
        if let Some(&(next, _)) = self.margins.get(last + 1) {
            let added = SidesChanged {
                cost: set.cost + next,
                sides: set.sides | 1 << (last + 1),
            };
            let moved = SidesChanged {
                cost: added.cost - self.margins[last].0,
                sides: added.sides & !(1 << last),
            };
            self.sets.extend([added, moved]);
        }
        let changed = self.margins.iter().enumerate();
        let changed = changed.filter(|(at, _)| set.sides >> at & 1 == 1);
        Some(changed.fold(self.own, |bucket, (_, (_, bit))| bucket ^ 1 << bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one door: every bucket comes once, the cheapest first.
    fn check(margins: &[f32]) {
        let order: Vec<u32> = Probes::new(margins).collect();
        let mut all = order.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1 << margins.len()), "{order:?}");
        let own = bucket(margins);
        let cost = |bucket: &u32| {
            let changed = (0..margins.len()).filter(|at| (bucket ^ own) >> at & 1 == 1);
            changed.map(|at| margins[at] * margins[at]).sum::<f32>()
        };
        let costs: Vec<f32> = order.iter().map(cost).collect();
        assert!(
            costs.windows(2).all(|pair| pair[0] <= pair[1] + 1e-5),
            "{costs:?}"
        );
    }

    #[test]
    fn every_bucket_comes_once_the_cheapest_first() {
        check(&[]);
        check(&[0.0]);
        check(&[0.5, -0.1]);
        check(&[1.0, 1.0, -1.0, 0.0]);
        check(&[0.3, -2.0, 0.9, 0.2, -0.7, 1.1, -0.25, 0.6]);
    }
}
