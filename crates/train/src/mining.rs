//! Batches: shuffled, or with a share of hard negatives.
//!
//! In a batch of nearest neighbours each pair's wrong answers are the ones that are hardest to tell from the right one (ANCE,
//! Xiong et al., arXiv:2007.00808). Neighbours are sought in random pools, so that the cost grows with the
//! number of pairs and not with its square.

use crate::matrix::{Form, Matrix, Output, View, product};
use crate::random::Random;

/// Pairs in which neighbours are sought; more when batches are large.
const POOL: usize = 2048;

/// All places below `n`, shuffled, in batches of one size; what is left over has its turn in another epoch.
pub(crate) fn shuffled(n: usize, batch: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    random.shuffle(&mut order);
    order.chunks_exact(batch).map(<[usize]>::to_vec).collect()
}

/// Vectors of the pairs as they are now, and which of them are no wrong answers to each other.
pub(crate) struct Current<'a> {
    pub(crate) images: &'a Matrix,
    pub(crate) texts: &'a Matrix,
    pub(crate) image_ids: &'a [u32],
    pub(crate) caption_ids: &'a [u32],
}

impl Current<'_> {
    /// Batches of which about `share` are neighbours of the rest, by turns among texts and among images.
    pub(crate) fn hard(
        &self,
        batch: usize,
        share: f64,
        random: &mut Random,
        threads: usize,
    ) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.image_ids.len()).collect();
        random.shuffle(&mut order);
        // A last pool of less than a batch would be lost, so the pools share the pairs evenly.
        let full = order.len() / batch;
        let pools = full.div_ceil((POOL / batch).max(4)).max(1);
        let mut batches = Vec::with_capacity(full);
        for pool in 0..pools {
            let (from, to) = (
                full * pool / pools * batch,
                full * (pool + 1) / pools * batch,
            );
            batches.extend(self.of_pool(&order[from..to], batch, share, threads));
        }
        random.shuffle(&mut batches);
        batches
    }

    fn of_pool(&self, pool: &[usize], batch: usize, share: f64, threads: usize) -> Vec<Vec<usize>> {
        let by_text = similarities(self.texts, pool, threads);
        let by_image = similarities(self.images, pool, threads);
        let per_seed = share / (1.0 - share);
        let mut is_free = vec![true; pool.len()];
        let (mut seeds, mut n_seeds, mut credit) = (0..pool.len(), 0, 0.0);
        let mut batches = Vec::new();
        while batches.len() < pool.len() / batch {
            let mut members: Vec<usize> = Vec::with_capacity(batch);
            while members.len() < batch {
                let Some(seed) = seeds.find(|at| is_free[*at]) else {
                    break;
                };
                is_free[seed] = false;
                members.push(pool[seed]);
                credit += per_seed;
                n_seeds += 1;
                let scores = if n_seeds % 2 == 0 {
                    &by_text
                } else {
                    &by_image
                };
                while credit >= 1.0 && members.len() < batch {
                    credit -= 1.0;
                    let Some(next) = self.nearest_free(pool, seed, scores, &is_free) else {
                        break;
                    };
                    is_free[next] = false;
                    members.push(pool[next]);
                }
            }
            batches.push(members);
        }
        batches
    }

    fn nearest_free(
        &self,
        pool: &[usize],
        seed: usize,
        scores: &Matrix,
        is_free: &[bool],
    ) -> Option<usize> {
        let is_wrong = |at: usize| {
            self.image_ids[pool[at]] != self.image_ids[pool[seed]]
                && self.caption_ids[pool[at]] != self.caption_ids[pool[seed]]
        };
        let row = scores.row(seed);
        let candidates = (0..pool.len()).filter(|at| is_free[*at] && is_wrong(*at));
        candidates.max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a)))
    }
}

fn similarities(vectors: &Matrix, pool: &[usize], threads: usize) -> Matrix {
    let rows: Vec<f32> = pool
        .iter()
        .flat_map(|at| vectors.row(*at))
        .copied()
        .collect();
    let rows = View {
        rows: pool.len(),
        cols: vectors.cols,
        data: &rows,
    };
    let mut scores = Matrix::zeros(pool.len(), pool.len());
    product(
        &mut scores.data,
        Output::Replaced,
        1.0,
        rows,
        rows,
        Form::RightTransposed,
        threads,
    );
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_batch_and_every_pair_has_its_turn() {
        // 64 pairs in 16 clusters: with half of a batch mined, a pair's batch must hold one of its cluster more often than not.
        let n = 64;
        let mut vectors = Matrix::zeros(n, 16);
        (0..n).for_each(|at| vectors.data[at * 16 + at % 16] = 1.0);
        let ids: Vec<u32> = (0..n as u32).collect();
        let current = Current {
            images: &vectors,
            texts: &vectors,
            image_ids: &ids,
            caption_ids: &ids,
        };
        let batches = current.hard(8, 0.5, &mut Random::new(3), 1);
        let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..n).collect::<Vec<_>>());
        let with_cluster = |batch: &Vec<usize>, batches: usize| {
            let near = batch
                .iter()
                .filter(|at| batch.iter().filter(|other| *other % 16 == *at % 16).count() > 1);
            near.count() * batches
        };
        let mined: usize = batches.iter().map(|batch| with_cluster(batch, 1)).sum();
        let plain: usize = shuffled(n, 8, &mut Random::new(3))
            .iter()
            .map(|batch| with_cluster(batch, 1))
            .sum();
        assert!(mined >= 60 && plain < 40, "{mined} {plain}");
    }
}
