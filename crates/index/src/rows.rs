//! Rows in memory that come, change and go, and are compared exactly. They
//! own the numbers and nothing else; ids, filters and threads are the caller's.

use std::ops::Range;
use std::sync::Arc;

use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::kernels::Element;
use crate::metric::Metric;
use crate::topk::{Scored, TopK};
use crate::vectors::{Vectors, check_vector};

/// Rows that are copied together when a shared index is changed.
pub const CHUNK_ROWS: usize = 1024;

/// Rows of equal length, in the order they were pushed.
///
/// A clone shares the rows: changing one copies the chunk of rows it is in,
/// so that a reader may keep its own state of a large index for little.
#[derive(Clone, Debug)]
pub struct Rows<E: Element = f32> {
    dim: usize,
    metric: Metric,
    rows: u32,
    chunks: Vec<Arc<Vec<E>>>,
}

impl<E: Element> Rows<E> {
    /// Vectors of `dim` numbers, as yet without any.
    pub fn new(dim: usize, metric: Metric) -> Rows<E> {
        Rows {
            dim,
            metric,
            rows: 0,
            chunks: Vec::new(),
        }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of rows.
    pub fn len(&self) -> u32 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The numbers of a row.
    pub fn row(&self, row: u32) -> Option<&[E]> {
        if row >= self.rows {
            return None;
        }
        let (chunk, within) = self.place(row);
        self.chunks.get(chunk)?.get(within)
    }

    /// Add a row at the end; answers its number.
    pub fn push(&mut self, vector: &[E]) -> Result<u32, Error> {
        self.accept(vector)?;
        let row = self.rows;
        self.rows = row.checked_add(1).ok_or(Error::TooManyRows)?;
        if (row as usize).is_multiple_of(CHUNK_ROWS) {
            self.chunks.push(Arc::new(Vec::new()));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            Arc::make_mut(chunk).extend_from_slice(vector);
        }
        Ok(row)
    }

    /// Put other numbers in a row.
    pub fn replace(&mut self, row: u32, vector: &[E]) -> Result<(), Error> {
        self.accept(vector)?;
        self.known(row)?;
        let (chunk, within) = self.place(row);
        Arc::make_mut(&mut self.chunks[chunk])[within].copy_from_slice(vector);
        Ok(())
    }

    /// Remove a row. The last one takes its number, unless it was the last;
    /// answers which row that was.
    pub fn remove(&mut self, row: u32) -> Result<u32, Error> {
        self.known(row)?;
        let last = self.rows - 1;
        if row != last {
            let moved = self.row(last).unwrap_or_default().to_vec();
            let (chunk, within) = self.place(row);
            Arc::make_mut(&mut self.chunks[chunk])[within].copy_from_slice(&moved);
        }
        self.rows = last;
        if (last as usize).is_multiple_of(CHUNK_ROWS) {
            self.chunks.pop();
        } else if let Some(chunk) = self.chunks.last_mut() {
            let kept = (last as usize % CHUNK_ROWS) * self.dim;
            Arc::make_mut(chunk).truncate(kept);
        }
        Ok(last)
    }

    /// The k rows nearest to the query by the metric, best first,
    /// equal ones by lower row; of `allowed` rows only, where it is given.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&Bitmap>,
    ) -> Result<Vec<Scored>, Error> {
        let found = self.search_rows(query, k, allowed, 0..self.rows)?;
        Ok(found.into_sorted())
    }

    /// The same within a range of rows, for callers that cut the scan in
    /// pieces and [`TopK::merge`] what each found.
    pub fn search_rows(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&Bitmap>,
        rows: Range<u32>,
    ) -> Result<TopK, Error> {
        let mut best = TopK::new(k);
        self.scan(query, allowed, rows, &mut best)?;
        Ok(best)
    }

    /// The same, beside what was found in other rows.
    pub fn scan(
        &self,
        query: &[f32],
        allowed: Option<&Bitmap>,
        rows: Range<u32>,
        best: &mut TopK,
    ) -> Result<(), Error> {
        check_vector(self.dim, query)?;
        let rows = rows.start..rows.end.min(self.rows);
        let mut row = rows.start;
        while row < rows.end {
            let chunk = row as usize / CHUNK_ROWS;
            let base = (chunk * CHUNK_ROWS) as u32;
            let end = rows.end.min(base + CHUNK_ROWS as u32);
            let numbers = E::numbers(&self.chunks[chunk]);
            Vectors::new(self.dim, self.metric, numbers)?.scan(
                query,
                row - base..end - base,
                allowed,
                base,
                best,
            );
            row = end;
        }
        Ok(())
    }

    fn place(&self, row: u32) -> (usize, Range<usize>) {
        let (chunk, within) = (row as usize / CHUNK_ROWS, row as usize % CHUNK_ROWS);
        (chunk, within * self.dim..(within + 1) * self.dim)
    }

    fn known(&self, row: u32) -> Result<(), Error> {
        if row < self.rows {
            Ok(())
        } else {
            Err(Error::NoSuchRow {
                row,
                rows: self.rows,
            })
        }
    }

    fn accept(&self, vector: &[E]) -> Result<(), Error> {
        check_vector(self.dim, vector)
    }
}
