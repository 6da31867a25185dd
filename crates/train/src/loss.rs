//! Losses of a batch of image and text vectors that belong together row by row.
//!
//! Each gives its value and the gradients of both sides and of its own scalars. All three share one shape: cosines from one product,
//! a loss over the square of them, and two products back. Pairs of the same image or of the same caption text are
//! masked: a stamp of another cat is no wrong answer to "cat", and treating it as one teaches noise.

use crate::elementwise::{dot, exp, map_rows, map_two, sigmoid};
use crate::matrix::{Form, Matrix, Output, View, product};

/// Which loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Loss {
    /// Symmetric cross-entropy over the batch with a learned temperature (CLIP, Radford et al., arXiv:2103.00020).
    InfoNce,
    /// Each pair judged alone, with a learned scale and bias (SigLIP, Zhai et al., arXiv:2303.15343).
    SigLip,
    /// One minus the cosine of a pair, and by how much wrong pairs exceed [`MARGIN`], over those that do (the mean
    /// over active terms of Hermans et al., arXiv:1703.07737). It has no scalars.
    Cosine,
}

/// A wrong pair whose cosine is below costs nothing under [`Loss::Cosine`].
pub const MARGIN: f32 = 0.2;

/// The logarithm of the largest scale, 100, where CLIP stops it too: beyond, one pair decides the gradient.
pub const MAX_LOG_SCALE: f32 = 4.605_170_2;

/// Stands for a masked logit. Finite, so that differences of it are no NaN.
const MASKED: f32 = -1e30;

/// Vectors that belong together row by row, and what they are of.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Unit vectors of images.
    pub image: View<'a>,
    /// Unit vectors of texts.
    pub text: View<'a>,
    /// The same number for the same image.
    pub images: &'a [u32],
    /// The same number for the same caption text.
    pub captions: &'a [u32],
}

impl Batch<'_> {
    /// Calls `each(column, value, is masked)` along row `at` of a square over the batch.
    #[inline(always)]
    fn masked(&self, at: usize, row: &mut [f32], mut each: impl FnMut(usize, &mut f32, bool)) {
        let (image, caption) = (self.images[at], self.captions[at]);
        let ids = self.images.iter().zip(self.captions);
        for (col, (value, (other_image, other_caption))) in row.iter_mut().zip(ids).enumerate() {
            let is_same = (*other_image == image) | (*other_caption == caption);
            each(col, value, is_same & (col != at));
        }
    }
}

/// What a loss leaves behind, in buffers that are kept between steps.
#[derive(Clone, Debug, Default)]
pub struct LossPass {
    /// The loss.
    pub value: f64,
    /// Gradient of the image vectors.
    pub d_image: Matrix,
    /// Gradient of the text vectors, when it was asked for.
    pub d_text: Matrix,
    /// Gradient of the logarithm of the scale.
    pub d_log_scale: f32,
    /// Gradient of the bias.
    pub d_bias: f32,
    /// Logits, in whose place their gradient comes.
    logits: Matrix,
    by_column: Matrix,
}

impl Loss {
    /// Where the scalars start: logarithm of the scale and bias, as in the papers.
    pub fn start(&self, temperature: f32) -> (f32, f32) {
        match self {
            Loss::InfoNce => (temperature.recip().ln(), 0.0),
            Loss::SigLip => (10f32.ln(), -10.0),
            Loss::Cosine => (0.0, 0.0),
        }
    }

    /// Evaluates the loss and its gradients; that of the texts only when `with_text`.
    pub fn evaluate(
        &self,
        batch: &Batch,
        scalars: (f32, f32),
        with_text: bool,
        pass: &mut LossPass,
        threads: usize,
    ) {
        let n = batch.image.rows;
        let scale = match self {
            Loss::Cosine => 1.0,
            _ => scalars.0.exp(),
        };
        square(&mut pass.logits, n, n);
        let logits = &mut pass.logits.data;
        product(
            logits,
            Output::Replaced,
            scale,
            batch.image,
            batch.text,
            Form::RightTransposed,
            threads,
        );
        (pass.value, pass.d_bias) = match self {
            Loss::InfoNce => (info_nce(batch, pass, threads), 0.0),
            Loss::SigLip => sig_lip(batch, scalars.1, &mut pass.logits, threads),
            Loss::Cosine => (cosine(batch, &mut pass.logits, threads), 0.0),
        };
        square(&mut pass.d_image, n, batch.image.cols);
        let d_logits = pass.logits.view();
        product(
            &mut pass.d_image.data,
            Output::Replaced,
            scale,
            d_logits,
            batch.text,
            Form::Plain,
            threads,
        );
        if with_text {
            square(&mut pass.d_text, n, batch.text.cols);
            let d_text = &mut pass.d_text.data;
            product(
                d_text,
                Output::Replaced,
                scale,
                d_logits,
                batch.image,
                Form::LeftTransposed,
                threads,
            );
        }
        // The logit is the scale times the cosine, so its derivative by the scale's logarithm is the logit itself.
        let rows = 0..if *self == Loss::Cosine { 0 } else { n };
        pass.d_log_scale = rows
            .map(|row| dot(batch.image.row(row), pass.d_image.row(row)))
            .sum();
    }
}

fn square(matrix: &mut Matrix, rows: usize, cols: usize) {
    matrix.cols = cols;
    matrix.set_rows(rows);
}

/// Cross-entropy along rows and columns. Logits become their gradient `(P_row + P_column - 2 I) / 2n`.
fn info_nce(batch: &Batch, pass: &mut LossPass, threads: usize) -> f64 {
    let n = batch.image.rows;
    let diagonal: Vec<f32> = (0..n).map(|at| pass.logits.row(at)[at]).collect();
    let (row_max, col_max) = mask_and_maxima(batch, &mut pass.logits, threads);
    square(&mut pass.by_column, n, n);
    let by_column = &mut pass.by_column.data;
    let (row_sums, col_sums) = exponentials(
        &mut pass.logits.data,
        by_column,
        &row_max,
        &col_max,
        threads,
    );
    let share = 0.5 / n as f32;
    let col_factors: Vec<f32> = col_sums.iter().map(|sum| share / sum).collect();
    map_two(
        (&mut pass.logits.data, n),
        (by_column, n),
        threads,
        |first, logits, by_column| {
            for (at, (row, other)) in logits
                .chunks_exact_mut(n)
                .zip(by_column.chunks_exact(n))
                .enumerate()
            {
                let row_factor = share / row_sums[first + at];
                for ((value, other), factor) in row.iter_mut().zip(other).zip(&col_factors) {
                    *value = *value * row_factor + other * factor;
                }
                row[first + at] -= 2.0 * share;
            }
        },
    );
    let log_sum =
        |max: &[f32], sums: &[f32], at: usize| f64::from(max[at]) + f64::from(sums[at]).ln();
    let of_pair = |at: usize| {
        0.5 * (log_sum(&row_max, &row_sums, at) + log_sum(&col_max, &col_sums, at))
            - f64::from(diagonal[at])
    };
    (0..n).map(of_pair).sum::<f64>() / n as f64
}

/// Masks, and gives the greatest logit of each row and of each column.
fn mask_and_maxima(batch: &Batch, logits: &mut Matrix, threads: usize) -> (Vec<f32>, Vec<f32>) {
    let n = logits.cols;
    let chunks = map_rows(&mut logits.data, n, threads, |first, chunk| {
        let mut col_max = vec![MASKED; n];
        let mut row_max = Vec::new();
        for (at, row) in chunk.chunks_exact_mut(n).enumerate() {
            batch.masked(first + at, row, |_, value, is_masked| {
                *value = if is_masked { MASKED } else { *value };
            });
            col_max
                .iter_mut()
                .zip(&*row)
                .for_each(|(max, value)| *max = max.max(*value));
            row_max.push(row.iter().fold(MASKED, |max, value| max.max(*value)));
        }
        (row_max, col_max)
    });
    let mut maxima = (Vec::with_capacity(n), vec![MASKED; n]);
    for (row_max, col_max) in chunks {
        maxima.0.extend(row_max);
        maxima
            .1
            .iter_mut()
            .zip(col_max)
            .for_each(|(max, other)| *max = max.max(other));
    }
    maxima
}

/// Replaces logits by their exponentials below the row's greatest, and fills the other buffer with those below the column's.
/// Returns the sums over rows and over columns.
fn exponentials(
    logits: &mut [f32],
    by_column: &mut [f32],
    row_max: &[f32],
    col_max: &[f32],
    threads: usize,
) -> (Vec<f32>, Vec<f32>) {
    let n = row_max.len();
    let chunks = map_two(
        (logits, n),
        (by_column, n),
        threads,
        |first, logits, by_column| {
            let (mut row_sums, mut col_sums) = (Vec::new(), vec![0.0f32; n]);
            for (at, (row, other)) in logits
                .chunks_exact_mut(n)
                .zip(by_column.chunks_exact_mut(n))
                .enumerate()
            {
                for ((value, other), max) in row.iter_mut().zip(&mut *other).zip(col_max) {
                    *other = exp(*value - max);
                    *value = exp(*value - row_max[first + at]);
                }
                row_sums.push(sum(row));
                col_sums
                    .iter_mut()
                    .zip(&*other)
                    .for_each(|(sum, value)| *sum += value);
            }
            (row_sums, col_sums)
        },
    );
    let mut sums = (Vec::with_capacity(n), vec![0.0f32; n]);
    for (row_sums, col_sums) in chunks {
        sums.0.extend(row_sums);
        sums.1
            .iter_mut()
            .zip(col_sums)
            .for_each(|(sum, other)| *sum += other);
    }
    sums
}

/// In eight partial sums.
fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let chunks = values.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut()
            .zip(chunk)
            .for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum::<f32>() + rest
}

/// `sum log(1 + exp(-sign (logit + bias))) / n`. Logits become their gradient; returns the loss and the bias's gradient.
fn sig_lip(batch: &Batch, bias: f32, logits: &mut Matrix, threads: usize) -> (f64, f32) {
    let n = logits.cols;
    let share = (n as f32).recip();
    let chunks = map_rows(&mut logits.data, n, threads, |first, chunk| {
        let mut sums = (0.0f64, 0.0f32);
        for (at, row) in chunk.chunks_exact_mut(n).enumerate() {
            batch.masked(first + at, row, |col, value, is_masked| {
                let is_pair = col == first + at;
                let z = *value + bias;
                let against = if is_pair { -z } else { z };
                let cost = against.max(0.0) + exp(-against.abs()).ln_1p();
                sums.0 += if is_masked {
                    0.0
                } else {
                    f64::from(cost * share)
                };
                let d = (sigmoid(z) - f32::from(u8::from(is_pair))) * share;
                *value = if is_masked { 0.0 } else { d };
                sums.1 += *value;
            });
        }
        sums
    });
    chunks.iter().fold((0.0, 0.0), |sums, chunk| {
        (sums.0 + chunk.0, sums.1 + chunk.1)
    })
}

/// Pairs pull, wrong pairs above the margin push. Cosines become their gradient.
fn cosine(batch: &Batch, logits: &mut Matrix, threads: usize) -> f64 {
    let n = logits.cols;
    let chunks = map_rows(&mut logits.data, n, threads, |first, chunk| {
        let (mut pull, mut push, mut active) = (0.0f64, 0.0f64, 0usize);
        for (at, row) in chunk.chunks_exact_mut(n).enumerate() {
            batch.masked(first + at, row, |col, value, is_masked| {
                let is_pair = col == first + at;
                let excess = *value - MARGIN;
                let is_active = !is_pair && !is_masked && excess > 0.0;
                pull += if is_pair {
                    f64::from(1.0 - *value)
                } else {
                    0.0
                };
                push += if is_active { f64::from(excess) } else { 0.0 };
                active += usize::from(is_active);
                *value = f32::from(u8::from(is_active)) - f32::from(u8::from(is_pair));
            });
        }
        (pull, push, active)
    });
    let sums = chunks.iter().fold((0.0, 0.0, 0), |sums, one| {
        (sums.0 + one.0, sums.1 + one.1, sums.2 + one.2)
    });
    let active = sums.2.max(1) as f64;
    let (of_pair, of_wrong) = ((n as f32).recip(), (active as f32).recip());
    map_rows(&mut logits.data, n, threads, |_, chunk| {
        chunk
            .iter_mut()
            .for_each(|value| *value *= if *value < 0.0 { of_pair } else { of_wrong });
    });
    sums.0 / n as f64 + sums.1 / active
}
