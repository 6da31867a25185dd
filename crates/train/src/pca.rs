//! Principal components by subspace iteration (Halko, Martinsson and Tropp, arXiv:0909.4061).

use crate::elementwise::{add_scaled, dot, normalise};
use crate::matrix::{Form, Matrix, Output, product};
use crate::random::Random;

/// Enough for a start that training improves on: the leading components are exact, the last ones nearly.
const ITERATIONS: usize = 15;

/// A row for each of the `dim` strongest components of the centred `rows`, divided by its deviation. A hundredth of the mean
/// variance is added to each, so that components that are mostly noise are not blown up.
pub(crate) fn whitening(
    features: &Matrix,
    rows: &[u32],
    mean: &[f32],
    dim: usize,
    seed: u64,
    threads: usize,
) -> Matrix {
    let covariance = covariance(features, rows, mean, threads);
    let inputs = features.cols;
    let mut random = Random::keyed(seed, 5);
    let mut basis = Matrix {
        rows: dim,
        cols: inputs,
        data: (0..dim * inputs).map(|_| random.normals().0).collect(),
    };
    orthonormalise(&mut basis);
    let mut next = Matrix::zeros(dim, inputs);
    for _ in 0..ITERATIONS {
        // The covariance is symmetric, so rows of the basis may be multiplied from either side.
        product(
            &mut next.data,
            Output::Replaced,
            1.0,
            basis.view(),
            covariance.view(),
            Form::Plain,
            threads,
        );
        std::mem::swap(&mut basis, &mut next);
        orthonormalise(&mut basis);
    }
    product(
        &mut next.data,
        Output::Replaced,
        1.0,
        basis.view(),
        covariance.view(),
        Form::Plain,
        threads,
    );
    let variances: Vec<f32> = (0..dim)
        .map(|row| dot(basis.row(row), next.row(row)).max(0.0))
        .collect();
    let trace: f32 = (0..inputs).map(|at| covariance.row(at)[at]).sum();
    let floor = (0.01 * trace / inputs as f32).max(f32::MIN_POSITIVE);
    for (row, variance) in basis.data.chunks_exact_mut(inputs).zip(variances) {
        row.iter_mut()
            .for_each(|value| *value /= (variance + floor).sqrt());
    }
    basis
}

fn covariance(features: &Matrix, rows: &[u32], mean: &[f32], threads: usize) -> Matrix {
    let mut covariance = Matrix::zeros(features.cols, features.cols);
    let share = (rows.len().max(1) as f32).recip();
    for chunk in rows.chunks(1024) {
        let mut x = Matrix::zeros(chunk.len(), features.cols);
        for (row, to) in chunk.iter().zip(x.data.chunks_exact_mut(features.cols)) {
            to.copy_from_slice(features.row(*row as usize));
            add_scaled(to, -1.0, mean);
        }
        let form = Form::LeftTransposed;
        product(
            &mut covariance.data,
            Output::Added,
            share,
            x.view(),
            x.view(),
            form,
            threads,
        );
    }
    covariance
}

/// Gram and Schmidt, twice, since once is not enough in single precision (Giraud et al. 2005).
fn orthonormalise(basis: &mut Matrix) {
    let cols = basis.cols;
    for at in 0..basis.rows {
        let (before, rest) = basis.data.split_at_mut(at * cols);
        let row = &mut rest[..cols];
        for _ in 0..2 {
            for other in before.chunks_exact(cols) {
                let along = dot(row, other);
                add_scaled(row, -along, other);
            }
            normalise(row);
        }
    }
}
