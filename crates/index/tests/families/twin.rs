//! The naive twin of an index, the rows of these tests, and their one door.

use fovea_index::{Bitmap, Index, Metric, Random, SearchOptions, Vectors, exact};

/// Rows and what is left of them: the state that an index must agree with.
#[derive(Clone)]
pub struct Twin {
    pub dim: usize,
    pub metric: Metric,
    pub numbers: Vec<f32>,
    pub removed: Bitmap,
}

impl Twin {
    pub fn new(dim: usize, metric: Metric, numbers: Vec<f32>) -> Twin {
        Twin {
            dim,
            metric,
            numbers,
            removed: Bitmap::new(),
        }
    }

    pub fn vectors(&self) -> Vectors<'_> {
        Vectors::of_f32(self.dim, self.metric, &self.numbers).unwrap()
    }

    pub fn len(&self) -> u32 {
        (self.numbers.len() / self.dim) as u32
    }

    pub fn row(&self, row: u32) -> &[f32] {
        let at = row as usize * self.dim;
        &self.numbers[at..at + self.dim]
    }

    pub fn live(&self, allowed: Option<&Bitmap>) -> Bitmap {
        let all = Bitmap::full(self.len()).without(&self.removed);
        allowed.map_or(all.clone(), |allowed| all.and(allowed))
    }

    /// By plain sums.
    fn score(&self, query: &[f32], row: u32) -> f32 {
        let pairs = query.iter().zip(self.row(row));
        match self.metric {
            Metric::L2 => -pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>() + 0.0,
            _ => pairs.map(|(a, b)| a * b).sum::<f32>() + 0.0,
        }
    }

    /// Other vectors for rows, new ones included.
    pub fn put(&mut self, rows: &[u32], random: &mut Random) {
        for &row in rows {
            let at = row as usize * self.dim;
            let vector = clustered(1, self.dim, self.metric, random);
            self.numbers
                .resize(self.numbers.len().max(at + self.dim), 0.0);
            self.numbers[at..at + self.dim].copy_from_slice(&vector);
            self.removed.remove(row);
        }
    }
}

/// The one door: what an index answers is sorted, of live and allowed rows,
/// none twice, with their exact scores, and as many as there are.
pub fn check(index: &dyn Index, twin: &Twin, query: &[f32], k: usize, allowed: Option<&Bitmap>) {
    let name = index.family().name;
    assert_eq!(index.rows(), twin.len(), "{name}");
    assert_eq!(
        index.removed().iter().collect::<Vec<_>>(),
        twin.removed.iter().collect::<Vec<_>>()
    );
    let live = twin.live(allowed);
    for effort in [0, 1, u32::MAX] {
        let options = SearchOptions {
            k,
            effort,
            allowed,
            gathered: None,
        };
        let found = index.search(&twin.vectors(), query, &options).unwrap();
        assert_eq!(
            found.len() as u64,
            live.len().min(k as u64),
            "{name}: number of results"
        );
        for scored in &found {
            assert!(live.contains(scored.row), "{name}: row {}", scored.row);
            let expect = twin.score(query, scored.row);
            let slack = 1e-4 * expect.abs().max(1.0);
            assert!(
                (scored.score - expect).abs() <= slack,
                "{name}: {scored:?}, not {expect}"
            );
        }
        let is_sorted = found.is_sorted_by(|a, b| a.best_first(b).is_lt());
        assert!(is_sorted, "{name}: sorted, and no row twice");
    }
    let n_looked_at = allowed.map_or(u64::from(twin.len()), Bitmap::len);
    if n_looked_at <= 1000 && name != "vamana" {
        let options = SearchOptions {
            k,
            effort: 1,
            allowed,
            gathered: None,
        };
        let found = index.search(&twin.vectors(), query, &options).unwrap();
        let expect = exact(&twin.vectors(), twin.len(), query, k, Some(&live));
        assert_eq!(found, expect, "{name}: few rows are compared exactly");
    }
}

/// Rows around a few dozen corners, of unit length for cosines.
pub fn clustered(n: usize, dim: usize, metric: Metric, random: &mut Random) -> Vec<f32> {
    const CORNERS: usize = 40;
    let mut numbers = Vec::with_capacity(n * dim);
    for _ in 0..n {
        let mut corner = Random::new(random.below(CORNERS) as u64);
        let mut row: Vec<f32> = (0..dim)
            .map(|_| corner.normal() + 0.5 * random.normal())
            .collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let scale = match metric {
            Metric::Cosine => 1.0 / length,
            Metric::InnerProduct => (0.5 + random.unit()) / length,
            Metric::L2 => 1.0,
        };
        row.iter_mut().for_each(|x| *x *= scale);
        numbers.extend(row);
    }
    numbers
}
