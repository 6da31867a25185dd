//! [`Matrix`]: rows of 32-bit floats, what every vector file becomes. It knows no file.

use super::{Error, Result};

/// Vectors of one dimension, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Numbers in a row, at least one.
    pub dim: usize,
    /// All rows, one after the other.
    pub numbers: Vec<f32>,
}

impl Matrix {
    /// Errs with [`Error::Shape`] where the numbers do not make whole rows.
    pub fn new(dim: usize, numbers: Vec<f32>) -> Result<Matrix> {
        if dim == 0 || !numbers.len().is_multiple_of(dim) {
            let numbers = numbers.len();
            return Err(Error::Shape { dim, numbers });
        }
        Ok(Matrix { dim, numbers })
    }

    /// How many rows there are. None of them is empty.
    pub fn rows(&self) -> usize {
        self.numbers.len().checked_div(self.dim).unwrap_or(0)
    }

    /// Row `i`, counted from zero. Panics where there is none, as a slice does.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.numbers[i * self.dim..(i + 1) * self.dim]
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f32> {
        self.numbers.chunks_exact(self.dim.max(1))
    }

    /// Row and column of the first number that is not finite.
    pub fn first_not_finite(&self) -> Option<(usize, usize)> {
        let dim = self.dim.max(1);
        let at = self.numbers.iter().position(|number| !number.is_finite())?;
        Some((at / dim, at % dim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dim: usize, n_numbers: usize, rows: Option<usize>) {
        let matrix = Matrix::new(dim, vec![0.5; n_numbers]).ok();
        assert_eq!(matrix.as_ref().map(Matrix::rows), rows);
        assert_eq!(matrix.map(|matrix| matrix.iter().count()), rows);
    }

    #[test]
    fn numbers_make_whole_rows() {
        check(3, 6, Some(2));
        check(3, 0, Some(0));
        check(3, 7, None);
        check(0, 0, None);
        check(0, 3, None);
    }

    #[test]
    fn what_is_not_finite_is_found() {
        let matrix = Matrix::new(2, vec![0.0, 1.0, 2.0, f32::NAN]).expect("two rows");
        assert_eq!(matrix.first_not_finite(), Some((1, 1)));
        assert_eq!(matrix.row(0), [0.0, 1.0]);
    }
}
