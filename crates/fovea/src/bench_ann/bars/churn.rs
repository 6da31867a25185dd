//! Half of the rows leave and as many others come, without building anew: is the graph as good as a fresh one?

use fovea_index::{Index, Random};
use fovea_vectordb::exchange::Matrix;

use super::{Bar, Halves, recall, tuned, work};
use crate::bench_ann::dataset::{Asked, DataSet};
use crate::bench_ann::truth;

/// Rows come in so many parts, as they do from one run to the next.
const PARTS: usize = 10;

pub fn measure(data: &DataSet, base: &Halves) -> anyhow::Result<Vec<Bar>> {
    let n = data.base.rows();
    let third = n / 3;
    let mut order: Vec<u32> = (0..n as u32).collect();
    Random::new(13).shuffle(&mut order);
    // The first third leaves, the second stays, the last third comes.
    let all = base.reordered(&order);
    let (first, fresh) = (all.rows(0, 2 * third), all.rows(third, n));
    let mut lived = first.build(data)?;
    let gone: Vec<u32> = (0..third as u32).collect();
    lived.remove(&first.vectors()?, &gone, &work())?;
    let coming: Vec<u32> = (2 * third as u32..n as u32).collect();
    for part in coming.chunks(coming.len().div_ceil(PARTS)) {
        let known = all.rows(0, part[part.len() - 1] as usize + 1);
        lived.insert(&known.vectors()?, part, &work())?;
    }
    let asked = |asked: &Asked, first_row: usize| judged(data, asked, &order, first_row);
    let built = fresh.build(data)?;
    let effort = tuned(&*built, &fresh.vectors()?, &asked(&data.tune, third)?)?;
    let of = |index: &dyn Index, rows: &Halves, from: usize| {
        let mut asked = asked(&data.measure, third)?;
        let shift = (third - from) as i32;
        asked.truth.ids.iter_mut().for_each(|id| *id += shift);
        recall(index, &rows.vectors()?, &asked, effort)
    };
    let (after, anew) = (of(&*lived, &all, 0)?, of(&*built, &fresh, third)?);
    Ok(vec![Bar::at_most(
        format!("recall lost by deleting and inserting half (a fresh build has {anew:.4})"),
        anew - after,
        "",
        0.01,
    )])
}

/// Queries with the exact answers among the rows from `first` of the order, counted from there.
fn judged(data: &DataSet, asked: &Asked, order: &[u32], first: usize) -> anyhow::Result<Asked> {
    let numbers = order[first..]
        .iter()
        .flat_map(|&row| data.base.row(row as usize));
    let live = Matrix::new(data.base.dim, numbers.copied().collect())?;
    Ok(Asked {
        rows: asked.rows.clone(),
        truth: truth::exact(&live, &asked.rows),
    })
}

impl Halves {
    fn reordered(&self, order: &[u32]) -> Halves {
        let row = |row: &u32| {
            let at = *row as usize * self.dim;
            &self.numbers[at..at + self.dim]
        };
        Halves {
            dim: self.dim,
            numbers: order.iter().flat_map(row).copied().collect(),
        }
    }

    fn rows(&self, from: usize, to: usize) -> Halves {
        Halves {
            dim: self.dim,
            numbers: self.numbers[from * self.dim..to * self.dim].to_vec(),
        }
    }
}
