//! Space cut into cells by k-means, each with the list of its rows: what
//! `ivf` and `ivf-pq` have in common (Jégou et al. 2011).

use std::borrow::Cow;

use crate::answer::efforts;
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::kmeans::{self, Centroids};
use crate::lists::Lists;
use crate::points::Points;
use crate::sections::{Head, Saved, Sections};
use crate::vectors::Vectors;
use crate::work::{Random, Work};

/// Cells at most: with more, ranking them takes as long as what it saves.
pub const MOST_CELLS: usize = 65_536;
/// Rows that each cell is learnt from, and all of them at most.
const ROWS_A_CELL: usize = 20;
const MOST_SAMPLED: usize = 100_000;

/// Cells and the rows in them.
#[derive(Clone, Debug)]
pub struct Partition {
    pub points: Points,
    pub centroids: Centroids,
    pub lists: Lists,
    /// Cells that were asked for, 0 for as many as fit.
    asked: u32,
    /// Rows that were there when the cells were learnt.
    pub trained: u32,
}

impl Partition {
    /// Cells learnt from these rows, which do not stand in them yet, of `end` in all.
    pub fn train(
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        asked: u32,
        work: &Work<'_>,
    ) -> Result<Partition, Error> {
        let points = Points::of(vectors, rows, work)?;
        let wanted = match asked {
            0 => (4.0 * (rows.len() as f64).sqrt()) as usize,
            asked => asked as usize,
        };
        let wanted = wanted.min(MOST_CELLS);
        let count = (wanted * ROWS_A_CELL).clamp(1024, MOST_SAMPLED.max(wanted));
        let sample = sample(rows, count, work.seed ^ 0x6365);
        let mut numbers = Vec::with_capacity(sample.len() * points.dim());
        let mut point = Vec::new();
        for row in sample {
            points.copy_row(vectors, row, &mut point);
            numbers.extend_from_slice(&point);
        }
        let centroids = kmeans::train(points.dim(), &numbers, wanted, points.radius(), work)?;
        // Where nothing was learnt, the first rows to come share one list.
        let mut lists = Lists::new(centroids.len().max(1));
        lists.resize(end);
        Ok(Partition {
            points,
            lists,
            centroids,
            asked,
            trained: rows.len() as u32,
        })
    }

    /// The cell of each of these rows.
    pub fn assign(
        &self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<Vec<u32>, Error> {
        let load = |i: usize, out: &mut Vec<f32>| self.points.copy_row(vectors, rows[i], out);
        let nearest = self.centroids.assign(rows.len(), load, work)?;
        Ok(nearest.iter().map(|nearest| nearest.centroid).collect())
    }

    pub fn put(&mut self, rows: &[u32], cells: &[u32]) {
        for (&row, &cell) in rows.iter().zip(cells) {
            self.lists.put(row, cell);
        }
    }

    /// The cells nearest to a query's point, nearest first.
    pub fn probe(&self, point: &[f32], effort: u32) -> Vec<u32> {
        self.centroids.rank(point, effort as usize)
    }

    pub fn rows(&self) -> u32 {
        self.lists.places().len() as u32
    }

    /// Cells that were asked for, 0 for as many as fit.
    pub fn asked(&self) -> u32 {
        self.asked
    }

    pub fn memory_bytes(&self) -> u64 {
        self.lists.memory_bytes() + size_of_val(self.centroids.numbers()) as u64
    }

    pub fn default_effort(&self) -> u32 {
        (self.lists.len() as u32 / 16).max(8)
    }

    pub fn efforts(&self) -> Vec<u32> {
        efforts(1, (self.lists.len() as u32 / 2).max(1))
    }

    pub fn save<'a>(&'a self, saved: &mut Saved<'a>) {
        let head = Head::new()
            .put(self.rows())
            .put(self.centroids.len() as u32)
            .put(self.asked)
            .put(self.trained)
            .put_f32(self.points.lift());
        let centroids = bytemuck::cast_slice(self.centroids.numbers());
        let places = bytemuck::cast_slice(self.lists.places());
        saved.push(("cells.head", head.into_bytes()));
        saved.push(("cells.centroids", Cow::Borrowed(centroids)));
        saved.push(("cells.places", Cow::Borrowed(places)));
    }

    pub fn load(
        sections: &Sections,
        vectors: &Vectors<'_>,
        removed: &Bitmap,
    ) -> Result<Partition, Error> {
        let mut head = sections.head("cells.head")?;
        let rows = head.take("the number of rows", vectors.len())? as usize;
        let cells = head.take("the number of cells", MOST_CELLS as u32)? as usize;
        let asked = head.take("the cells asked for", MOST_CELLS as u32)?;
        let trained = head.take("the rows learnt from", u32::MAX)?;
        let points = Points::with_lift(vectors, head.take_f32("the lift")?);
        let numbers = sections.block::<f32>("cells.centroids", cells * points.dim())?;
        let places = sections.block::<u32>("cells.places", rows)?;
        Ok(Partition {
            points,
            centroids: Centroids::new(points.dim(), numbers.to_vec()),
            lists: Lists::load("cells.places", cells.max(1), &places, removed)?,
            asked,
            trained,
        })
    }
}

/// So many of these rows, rising, or all.
pub fn sample(rows: &[u32], count: usize, seed: u64) -> Vec<u32> {
    let drawn = Random::new(seed).sample(rows.len(), count);
    drawn.into_iter().map(|i| rows[i as usize]).collect()
}
