//! The vectors themselves, lent by whoever keeps them: an index holds codes
//! and links, and looks here to rank what it found.

use std::fmt;
use std::ops::Range;

use half::f16;

use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::kernels::{self, Element};
use crate::metric::Metric;
use crate::topk::{Scored, TopK};

/// Rows of equal length, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Vectors<'a> {
    dim: usize,
    metric: Metric,
    numbers: Numbers<'a>,
    guard: Option<&'a dyn Guard>,
}

/// Looks at rows of which nobody knows yet whether they are what was written.
///
/// A mapped matrix is larger than what a search reads of it, so that checking all of it first would cost more than the
/// search. What is wrong the guard remembers, and whoever lent the vectors asks it before using an answer.
pub trait Guard: fmt::Debug + Sync {
    /// This row is about to be used.
    fn look(&self, row: u32, bytes: &[u8]);
}

/// The numbers of all rows, in the precision they are kept in.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
}

impl Numbers<'_> {
    fn len(&self) -> usize {
        match self {
            Numbers::F32(numbers) => numbers.len(),
            Numbers::F16(numbers) => numbers.len(),
        }
    }
}

impl<'a> Vectors<'a> {
    /// Rows of `dim` numbers. Those that an index is given must be finite.
    pub fn new(dim: usize, metric: Metric, numbers: Numbers<'a>) -> Result<Vectors<'a>, Error> {
        if dim == 0 || !numbers.len().is_multiple_of(dim) {
            return Err(Error::Dimension {
                expected: dim,
                got: numbers.len(),
            });
        }
        if numbers.len() / dim > u32::MAX as usize {
            return Err(Error::TooManyRows);
        }
        Ok(Vectors {
            dim,
            metric,
            numbers,
            guard: None,
        })
    }

    /// The same, each row looked at before it is used.
    #[must_use]
    pub fn guarded(self, guard: &'a dyn Guard) -> Vectors<'a> {
        Vectors {
            guard: Some(guard),
            ..self
        }
    }

    pub fn of_f32(dim: usize, metric: Metric, numbers: &'a [f32]) -> Result<Vectors<'a>, Error> {
        Vectors::new(dim, metric, Numbers::F32(numbers))
    }

    pub fn of_f16(dim: usize, metric: Metric, numbers: &'a [f16]) -> Result<Vectors<'a>, Error> {
        Vectors::new(dim, metric, Numbers::F16(numbers))
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Number of rows.
    pub fn len(&self) -> u32 {
        (self.numbers.len() / self.dim) as u32
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.len() == 0
    }

    /// The score of a row, which must be there: the higher the nearer.
    #[inline]
    pub fn score(&self, query: &[f32], row: u32) -> f32 {
        let place = self.looked_at(row);
        match self.numbers {
            Numbers::F32(numbers) => score(self.metric, query, &numbers[place]),
            Numbers::F16(numbers) => score(self.metric, query, &numbers[place]),
        }
    }

    /// Ask the memory for a row that will be scored soon.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        let place = self.place(row);
        match self.numbers {
            Numbers::F32(numbers) => kernels::prefetch(&numbers[place]),
            Numbers::F16(numbers) => kernels::prefetch(&numbers[place]),
        }
    }

    /// A row's numbers as f32.
    pub fn copy_row(&self, row: u32, out: &mut Vec<f32>) {
        out.clear();
        let place = self.looked_at(row);
        match self.numbers {
            Numbers::F32(numbers) => out.extend_from_slice(&numbers[place]),
            Numbers::F16(numbers) => out.extend(numbers[place].iter().map(|x| x.to_f32())),
        }
    }

    /// The same as a vector of its own.
    pub fn row(&self, row: u32) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.dim);
        self.copy_row(row, &mut out);
        out
    }

    /// One number of a row.
    #[inline]
    pub fn number(&self, row: u32, at: usize) -> f32 {
        let at = self.looked_at(row).start + at;
        match self.numbers {
            Numbers::F32(numbers) => numbers[at],
            Numbers::F16(numbers) => numbers[at].to_f32(),
        }
    }

    /// Compare a query with every row of a range, or with those of them that
    /// are allowed, exactly. `base` is the number of row 0 in `best`.
    pub fn scan(
        &self,
        query: &[f32],
        rows: Range<u32>,
        allowed: Option<&Bitmap>,
        base: u32,
        best: &mut TopK,
    ) {
        match allowed {
            None => rows.for_each(|row| best.push(base + row, self.score(query, row))),
            Some(allowed) => allowed
                .range(base + rows.start..base + rows.end)
                .for_each(|row| best.push(row, self.score(query, row - base))),
        }
    }

    /// The `k` best of these candidates, by exact score.
    pub fn rerank(&self, query: &[f32], candidates: &[u32], k: usize) -> Vec<Scored> {
        const AHEAD: usize = 4;
        let mut best = TopK::new(k);
        for (at, &row) in candidates.iter().enumerate() {
            if let Some(&next) = candidates.get(at + AHEAD) {
                self.prefetch(next);
            }
            best.push(row, self.score(query, row));
        }
        best.into_sorted()
    }

    /// That a query has the right length and no number that compares with nothing.
    pub fn check_query(&self, query: &[f32]) -> Result<(), Error> {
        check_vector(self.dim, query)
    }

    /// That all rows of a range are finite.
    pub fn check_rows(&self, rows: impl Iterator<Item = u32>) -> Result<(), Error> {
        let n = self.len();
        for row in rows {
            if row >= n {
                return Err(Error::NoSuchRow { row, rows: n });
            }
            let place = self.looked_at(row);
            match self.numbers {
                Numbers::F32(numbers) => check_vector(self.dim, &numbers[place])?,
                Numbers::F16(numbers) => check_vector(self.dim, &numbers[place])?,
            }
        }
        Ok(())
    }

    #[inline]
    fn looked_at(&self, row: u32) -> Range<usize> {
        let place = self.place(row);
        if let Some(guard) = self.guard {
            guard.look(row, self.bytes(place.clone()));
        }
        place
    }

    fn bytes(&self, place: Range<usize>) -> &'a [u8] {
        match self.numbers {
            Numbers::F32(numbers) => bytemuck::cast_slice(&numbers[place]),
            Numbers::F16(numbers) => bytemuck::cast_slice(&numbers[place]),
        }
    }

    fn place(&self, row: u32) -> Range<usize> {
        let start = row as usize * self.dim;
        start..start + self.dim
    }
}

#[inline]
fn score<E: Element>(metric: Metric, query: &[f32], row: &[E]) -> f32 {
    match metric {
        Metric::Cosine | Metric::InnerProduct => E::dot(query, row),
        Metric::L2 => -E::l2(query, row),
    }
}

/// The vector has this length and no number that compares with nothing.
pub fn check_vector<E: Element>(dim: usize, vector: &[E]) -> Result<(), Error> {
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
