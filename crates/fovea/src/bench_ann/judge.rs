//! Recall, counted the same way for everybody.

use super::dataset::{Asked, DataSet};

/// How far below the k-th exact score a row may lie and still be as near: ties, and what rounding makes of them.
const TIE: f64 = 1e-6;

/// Knows the exact answers.
pub struct Judge<'a> {
    data: &'a DataSet,
    k: usize,
    /// The score of the k-th nearest row of each query.
    floors: Vec<f64>,
}

impl<'a> Judge<'a> {
    pub fn new(data: &'a DataSet, k: usize) -> Judge<'a> {
        let asked = &data.measure;
        let k = k.min(asked.truth.k);
        let floor = |query: usize| {
            let last = asked.truth.of(query)[..k].last();
            last.map_or(f64::INFINITY, |id| score(data, asked, query, *id as usize))
        };
        let floors = (0..asked.rows.rows()).map(floor).collect();
        Judge { data, k, floors }
    }

    /// Mean over the queries of how many of the k nearest rows were among the first k answers. A row counts once, and
    /// one that is exactly as near as the k-th counts in its place.
    pub fn recall(&self, ids: &[i64]) -> f64 {
        let n_queries = ids.len() / self.k;
        let hits: usize = (0..n_queries)
            .map(|query| self.hits(query, &ids[query * self.k..(query + 1) * self.k]))
            .sum();
        hits as f64 / (n_queries * self.k).max(1) as f64
    }

    fn hits(&self, query: usize, answers: &[i64]) -> usize {
        let mut rows = answers.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let is_near = |id: &&i64| {
            let row = usize::try_from(**id)
                .ok()
                .filter(|row| *row < self.data.base.rows());
            row.is_some_and(|row| {
                score(self.data, &self.data.measure, query, row) >= self.floors[query] - TIE
            })
        };
        rows.iter().filter(is_near).count()
    }
}

fn score(data: &DataSet, asked: &Asked, query: usize, row: usize) -> f64 {
    let pairs = asked.rows.row(query).iter().zip(data.base.row(row));
    pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use fovea_vectordb::exchange::Matrix;

    use super::*;
    use crate::bench_ann::{Card, truth};

    /// Rows 1 and 2 are twins, and each is as near as the other.
    fn data() -> DataSet {
        let base =
            Matrix::new(2, vec![1.0, 0.0, 0.8, 0.6, 0.8, 0.6, 0.0, 1.0]).expect("rows of two");
        let asked = || {
            let rows = Matrix::new(2, vec![1.0, 0.0]).expect("one row");
            let truth = truth::exact(&base, &rows);
            Asked { rows, truth }
        };
        let (tune, measure) = (asked(), asked());
        DataSet {
            card: Card::new("four", "", "", "", Vec::new()),
            kind: crate::bench_ann::Kind::Image,
            base,
            build: None,
            tune,
            measure,
        }
    }

    #[track_caller]
    fn check(answers: [i64; 2], expect: f64) {
        assert_eq!(Judge::new(&data(), 2).recall(&answers), expect);
    }

    #[test]
    fn twins_count_for_each_other_but_no_row_counts_twice() {
        check([0, 1], 1.0);
        check([2, 0], 1.0);
        check([0, 0], 0.5);
        check([0, 3], 0.5);
        check([-1, 1], 0.5);
        check([9, -1], 0.0);
    }
}
