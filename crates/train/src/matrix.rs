//! Row-major matrices and their three products, into buffers that exist already.
//!
//! The derivative of a layer needs both factors transposed. Strides do that without a copy, and nothing here
//! allocates: a training step runs in the buffers of the step before.

use crate::error::{Error, expect_size};

/// A row-major matrix that owns its numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// How many rows.
    pub rows: usize,
    /// How many numbers a row has.
    pub cols: usize,
    /// The rows, one after another.
    pub data: Vec<f32>,
}

/// A row-major matrix whose numbers belong to somebody else.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// How many rows.
    pub rows: usize,
    /// How many numbers a row has.
    pub cols: usize,
    /// The rows, one after another.
    pub data: &'a [f32],
}

/// Which factor of a product is transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `A B`
    Plain,
    /// `Aᵀ B`: the gradient of weights.
    LeftTransposed,
    /// `A Bᵀ`: the gradient of inputs, and cosines of unit rows.
    RightTransposed,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self {
            rows,
            cols,
            data: vec![0.0; rows * cols],
        }
    }

    /// From rows one after another, whose number of values must fit.
    pub fn new(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self, Error> {
        expect_size("values of a matrix", rows * cols, data.len())?;
        Ok(Self { rows, cols, data })
    }

    /// Row `at`.
    pub fn row(&self, at: usize) -> &[f32] {
        &self.data[at * self.cols..(at + 1) * self.cols]
    }

    /// The same numbers, borrowed.
    pub fn view(&self) -> View<'_> {
        View {
            rows: self.rows,
            cols: self.cols,
            data: &self.data,
        }
    }

    /// Takes another number of rows; what they hold afterwards is of no meaning.
    pub(crate) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
        self.data.resize(rows * self.cols, 0.0);
    }

    /// Fails at the first row that holds an infinity or something that is not a number.
    pub(crate) fn expect_finite(&self, what: &'static str) -> Result<(), Error> {
        let bad = |at: &usize| !self.row(*at).iter().all(|value| value.is_finite());
        match (0..self.rows).find(bad) {
            Some(row) => Err(Error::NotFinite { what, row }),
            None => Ok(()),
        }
    }
}

impl<'a> View<'a> {
    /// Row `at`.
    pub fn row(&self, at: usize) -> &'a [f32] {
        &self.data[at * self.cols..(at + 1) * self.cols]
    }

    /// Rows `from` up to `to`, without `to`.
    pub fn slice(&self, from: usize, to: usize) -> View<'a> {
        View {
            rows: to - from,
            cols: self.cols,
            data: &self.data[from * self.cols..to * self.cols],
        }
    }

    /// Rows, columns and strides as a factor of a product, transposed or not.
    fn factor(&self, is_transposed: bool) -> (usize, usize, isize, isize) {
        match is_transposed {
            true => (self.cols, self.rows, 1, self.cols as isize),
            false => (self.rows, self.cols, self.cols as isize, 1),
        }
    }
}

/// What becomes of the numbers that a product finds in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// They are replaced.
    Replaced,
    /// The product is added to them.
    Added,
}

/// Writes `scale` times the product of `a` and `b` to `out`, or adds it, on `threads` threads of rayon's pool. Sums run in the
/// same order however many threads there are, so the result does not depend on them.
///
/// # Panics
/// When the shapes do not fit.
#[expect(
    unsafe_code,
    reason = "the matrix kernel takes pointers; this is the crate's only call of it"
)]
pub fn product(
    out: &mut [f32],
    output: Output,
    scale: f32,
    a: View,
    b: View,
    form: Form,
    threads: usize,
) {
    let (m, k, a_row, a_col) = a.factor(form == Form::LeftTransposed);
    let (k_of_b, n, b_row, b_col) = b.factor(form == Form::RightTransposed);
    assert!(
        k == k_of_b
            && out.len() == m * n
            && a.data.len() == a.rows * a.cols
            && b.data.len() == b.rows * b.cols,
        "shapes of a product do not fit"
    );
    let parallelism = match threads {
        0 | 1 => gemm::Parallelism::None,
        _ => gemm::Parallelism::Rayon(threads),
    };
    // SAFETY: the three slices hold exactly what the shapes and strides above address, and `out` is borrowed
    // mutably, so that it overlaps neither of the others.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            output == Output::Added,
            a.data.as_ptr(),
            a_col,
            a_row,
            b.data.as_ptr(),
            b_col,
            b_row,
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    fn random(rows: usize, cols: usize, random: &mut Random) -> Matrix {
        let data = (0..rows * cols).map(|_| random.unit() - 0.5).collect();
        Matrix { rows, cols, data }
    }

    proptest! {
        #[test]
        fn products_agree_with_three_loops((m, k, n) in (1usize..20, 1usize..30, 1usize..20), seed in any::<u64>()) {
            let mut source = Random::new(seed);
            for form in [Form::Plain, Form::LeftTransposed, Form::RightTransposed] {
                let (left, right) = (form == Form::LeftTransposed, form == Form::RightTransposed);
                let a = match left { true => random(k, m, &mut source), false => random(m, k, &mut source) };
                let b = match right { true => random(n, k, &mut source), false => random(k, n, &mut source) };
                let mut found = vec![1.0; m * n];
                product(&mut found, Output::Added, 0.5, a.view(), b.view(), form, 2);
                for (at, found) in found.iter().enumerate() {
                    let (row, col) = (at / n, at % n);
                    let sum: f32 = (0..k).map(|i| {
                        let a = if left { a.row(i)[row] } else { a.row(row)[i] };
                        a * if right { b.row(col)[i] } else { b.row(i)[col] }
                    }).sum();
                    prop_assert!((found - 1.0 - 0.5 * sum).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let mut source = Random::new(7);
        let (a, b) = (random(300, 200, &mut source), random(200, 150, &mut source));
        let mut results = [1, 2].map(|threads| {
            let mut out = vec![0.0; 300 * 150];
            product(
                &mut out,
                Output::Replaced,
                1.0,
                a.view(),
                b.view(),
                Form::Plain,
                threads,
            );
            out
        });
        let (one, two) = results.split_at_mut(1);
        assert_eq!(one, two);
    }
}
