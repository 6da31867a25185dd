//! Exact search: a query is compared with every row there is. It owns the
//! numbers and nothing else; ids, filters and threads are the caller's.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::error::Error;
use crate::kernels::Element;
use crate::topk::{Scored, TopK};

/// Rows that are copied together when a shared index is changed.
pub const CHUNK_ROWS: usize = 1024;

/// Rows of equal length, in the order they were pushed.
///
/// A clone shares the rows: changing one copies the chunk of rows it is in,
/// so that a reader may keep its own state of a large index for little.
#[derive(Clone, Debug)]
pub struct Flat<E: Element = f32> {
    dim: usize,
    rows: u32,
    chunks: Vec<Arc<Vec<E>>>,
}

impl<E: Element> Flat<E> {
    /// An index of vectors of `dim` numbers, without any.
    pub fn new(dim: usize) -> Flat<E> {
        Flat {
            dim,
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

    /// The k rows with the greatest dot product with the query, best first,
    /// equal ones by lower row; of `allowed` rows only, where it is given.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&RoaringBitmap>,
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
        allowed: Option<&RoaringBitmap>,
        rows: Range<u32>,
    ) -> Result<TopK, Error> {
        check_vector(self.dim, query)?;
        let rows = rows.start..rows.end.min(self.rows);
        let mut best = TopK::new(k);
        if k == 0 || rows.is_empty() {
            return Ok(best);
        }
        match allowed {
            None => self.scan_all(query, rows, &mut best),
            Some(allowed) => {
                for row in allowed.range(rows) {
                    let (chunk, within) = self.place(row);
                    best.push(row, E::dot(query, &self.chunks[chunk][within]));
                }
            }
        }
        Ok(best)
    }

    fn scan_all(&self, query: &[f32], rows: Range<u32>, best: &mut TopK) {
        let mut row = rows.start;
        while row < rows.end {
            let (chunk, within) = self.place(row);
            let here = (CHUNK_ROWS - row as usize % CHUNK_ROWS).min((rows.end - row) as usize);
            let numbers = &self.chunks[chunk][within.start..within.start + here * self.dim];
            for i in 0..here {
                let vector = &numbers[i * self.dim..(i + 1) * self.dim];
                best.push(row + i as u32, E::dot(query, vector));
            }
            row += here as u32;
        }
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

/// The vector has this length and no number that compares with nothing.
fn check_vector<E: Element>(dim: usize, vector: &[E]) -> Result<(), Error> {
    if vector.len() != dim {
        return Err(Error::Dimension {
            expected: dim,
            got: vector.len(),
        });
    }
    match vector.iter().position(|number| !number.is_finite()) {
        Some(position) => Err(Error::NotFinite { position }),
        None => Ok(()),
    }
}
