//! The numbers of a space's rows in the precision that the space keeps: in
//! memory, gathered for a build, or mapped from an index file. Whoever holds
//! them need not know which precision it is.

use std::ops::Range;

use fovea_index::{Bitmap, Block, Error, Numbers, Rows, Scored, Sections, TopK, Vectors, f16};

use super::codec;
use super::packs::Space;
use crate::records::Precision;

/// Rows in memory that come, change and go.
#[derive(Clone, Debug)]
pub(super) enum LiveNumbers {
    Half(Rows<f16>),
    Single(Rows<f32>),
}

impl LiveNumbers {
    pub(super) fn new(space: &Space) -> LiveNumbers {
        match space.precision {
            Precision::Half => LiveNumbers::Half(Rows::new(space.dim, space.metric)),
            Precision::Single => LiveNumbers::Single(Rows::new(space.dim, space.metric)),
        }
    }

    pub(super) fn dim(&self) -> usize {
        match self {
            LiveNumbers::Half(rows) => rows.dim(),
            LiveNumbers::Single(rows) => rows.dim(),
        }
    }

    pub(super) fn len(&self) -> u32 {
        match self {
            LiveNumbers::Half(rows) => rows.len(),
            LiveNumbers::Single(rows) => rows.len(),
        }
    }

    pub(super) fn row(&self, row: u32) -> Option<Numbers<'_>> {
        match self {
            LiveNumbers::Half(rows) => rows.row(row).map(Numbers::F16),
            LiveNumbers::Single(rows) => rows.row(row).map(Numbers::F32),
        }
    }

    /// The numbers of a row, in the precision that callers compare in.
    pub(super) fn copied(&self, row: u32) -> Option<Vec<f32>> {
        Some(match self.row(row)? {
            Numbers::F16(row) => row.iter().map(|number| number.to_f32()).collect(),
            Numbers::F32(row) => row.to_vec(),
        })
    }

    pub(super) fn push(&mut self, numbers: codec::Numbers) -> Result<u32, Error> {
        match self {
            LiveNumbers::Half(rows) => rows.push(&numbers.into_f16()),
            LiveNumbers::Single(rows) => rows.push(&numbers.into_f32()),
        }
    }

    /// The last row takes the number of the removed one; answers which it was.
    pub(super) fn remove(&mut self, row: u32) -> Result<u32, Error> {
        match self {
            LiveNumbers::Half(rows) => rows.remove(row),
            LiveNumbers::Single(rows) => rows.remove(row),
        }
    }

    pub(super) fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&Bitmap>,
    ) -> Result<Vec<Scored>, Error> {
        let mut best = TopK::new(k);
        self.scan(query, allowed, 0..self.len(), &mut best)?;
        Ok(best.into_sorted())
    }

    pub(super) fn scan(
        &self,
        query: &[f32],
        allowed: Option<&Bitmap>,
        range: Range<u32>,
        best: &mut TopK,
    ) -> Result<(), Error> {
        match self {
            LiveNumbers::Half(rows) => rows.scan(query, allowed, range, best),
            LiveNumbers::Single(rows) => rows.scan(query, allowed, range, best),
        }
    }
}

/// Rows one after the other, which a build lends to an index and a file keeps.
#[derive(Clone, Debug)]
pub(super) enum FlatNumbers {
    Half(Vec<f16>),
    Single(Vec<f32>),
}

impl FlatNumbers {
    pub(super) fn new(space: &Space) -> FlatNumbers {
        match space.precision {
            Precision::Half => FlatNumbers::Half(Vec::new()),
            Precision::Single => FlatNumbers::Single(Vec::new()),
        }
    }

    pub(super) fn push(&mut self, numbers: codec::Numbers) {
        match self {
            FlatNumbers::Half(all) => all.extend(numbers.into_f16()),
            FlatNumbers::Single(all) => all.extend(numbers.into_f32()),
        }
    }

    /// Rows of the same space, which have the same precision.
    pub(super) fn extend(&mut self, numbers: Numbers<'_>) {
        match (self, numbers) {
            (FlatNumbers::Half(all), Numbers::F16(more)) => all.extend_from_slice(more),
            (FlatNumbers::Half(all), Numbers::F32(more)) => {
                all.extend(more.iter().map(|&number| f16::from_f32(number)));
            }
            (FlatNumbers::Single(all), Numbers::F32(more)) => all.extend_from_slice(more),
            (FlatNumbers::Single(all), Numbers::F16(more)) => {
                all.extend(more.iter().map(|number| number.to_f32()));
            }
        }
    }

    pub(super) fn vectors(&self, space: &Space) -> Result<Vectors<'_>, Error> {
        let numbers = match self {
            FlatNumbers::Half(all) => Numbers::F16(all),
            FlatNumbers::Single(all) => Numbers::F32(all),
        };
        Vectors::new(space.dim, space.metric, numbers)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            FlatNumbers::Half(all) => bytemuck::cast_slice(all),
            FlatNumbers::Single(all) => bytemuck::cast_slice(all),
        }
    }
}

/// Rows of an index file, read where they lie.
#[derive(Debug)]
pub(super) enum MappedNumbers {
    Half(Block<f16>),
    Single(Block<f32>),
}

impl MappedNumbers {
    /// The section of this name, which must hold so many rows.
    pub(super) fn of(
        sections: &Sections,
        name: &'static str,
        space: &Space,
        rows: usize,
    ) -> Result<MappedNumbers, Error> {
        let count = rows * space.dim;
        Ok(match space.precision {
            Precision::Half => MappedNumbers::Half(sections.block(name, count)?),
            Precision::Single => MappedNumbers::Single(sections.block(name, count)?),
        })
    }

    pub(super) fn all(&self) -> Numbers<'_> {
        match self {
            MappedNumbers::Half(all) => Numbers::F16(all),
            MappedNumbers::Single(all) => Numbers::F32(all),
        }
    }
}
