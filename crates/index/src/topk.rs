//! The k best of a stream of scored rows, in memory for k and no more.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub row: u32,
    pub score: f32,
}

impl Scored {
    /// Best first: higher score, then lower row. Total for any scores.
    pub fn best_first(&self, other: &Scored) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.row.cmp(&other.row))
    }
}

/// Heap entry whose greatest is the worst, so that the worst is at hand.
#[derive(Clone, Copy, Debug)]
struct Worst(Scored);

impl PartialEq for Worst {
    fn eq(&self, other: &Worst) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Worst) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Worst {
    fn cmp(&self, other: &Worst) -> Ordering {
        self.0.best_first(&other.0)
    }
}

/// Keeps the k best rows it is shown.
#[derive(Clone, Debug)]
pub struct TopK {
    k: usize,
    kept: BinaryHeap<Worst>,
    /// No score below this one can enter any more.
    floor: f32,
}

impl TopK {
    pub fn new(k: usize) -> TopK {
        TopK {
            k,
            kept: BinaryHeap::new(),
            floor: f32::NEG_INFINITY,
        }
    }

    /// Show a row. Most rows of a scan end at the first comparison.
    #[inline]
    pub fn push(&mut self, row: u32, score: f32) {
        if score < self.floor {
            return;
        }
        // Kernels differ in the sign of a zero, which must not decide an order.
        let score = score + 0.0;
        self.consider(Scored { row, score });
    }

    fn consider(&mut self, scored: Scored) {
        if self.kept.len() < self.k {
            self.kept.push(Worst(scored));
        } else if let Some(mut worst) = self.kept.peek_mut()
            && Worst(scored) < *worst
        {
            *worst = Worst(scored);
        }
        if self.kept.len() == self.k
            && let Some(worst) = self.kept.peek()
        {
            self.floor = worst.0.score;
        }
    }

    /// Take in what another scan kept, so that scans can be cut in pieces.
    pub fn merge(&mut self, other: TopK) {
        for Worst(scored) in other.kept {
            self.push(scored.row, scored.score);
        }
    }

    /// Best first, equal scores by lower row.
    pub fn into_sorted(self) -> Vec<Scored> {
        self.kept
            .into_sorted_vec()
            .into_iter()
            .map(|worst| worst.0)
            .collect()
    }
}
