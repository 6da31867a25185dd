//! Forward and backward through a head, a batch at a time, in buffers that are kept between steps.
//!
//! With `x` the standardised feature, `z = x W1 + b1`, `h = gelu(z)`, `y = h W2 + b2 + r c` and `u = y / |y|`:
//! `dy = (du - u (u . du)) / |y|`, `dW2 = hᵀ dy`, `dz = (dy W2ᵀ) gelu'(z)`, `dW1 = xᵀ dz`, `dr = sum dy . c`, and the
//! gradient of each bias is the sum over rows. `tests` compares each with differences.

use crate::elementwise::{add_scaled, dot, gelu, map_rows, map_two, normalise, sum_rows};
use crate::head::Head;
use crate::matrix::{Form, Matrix, Output, product};
use crate::parameters::Parameters;

/// The intermediate values of one batch.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// Standardised features, which augmentation may change before [`Head::forward`].
    pub x: Matrix,
    /// The frozen alignment of each.
    pub conse: Matrix,
    /// Unit vectors of the images: what [`Head::forward`] is for.
    pub image: Matrix,
    /// Text vectors as they came, normalised.
    pub text_in: Matrix,
    /// Unit vectors of the texts.
    pub text: Matrix,
    /// Mean length of `y` before it is normalised; it explodes before the loss does.
    pub mean_length: f32,
    hidden: Matrix,
    /// The derivative of the hidden layer, in whose place its gradient comes.
    slope: Matrix,
    d_hidden: Matrix,
    lengths: Vec<f32>,
    text_lengths: Vec<f32>,
}

impl Pass {
    /// Buffers for a head.
    pub fn new(head: &Head) -> Self {
        let shape = head.shape();
        let hidden = shape.hidden.unwrap_or(0);
        Self {
            x: Matrix::zeros(0, shape.inputs),
            conse: Matrix::zeros(0, shape.outputs),
            image: Matrix::zeros(0, shape.outputs),
            text_in: Matrix::zeros(0, shape.outputs),
            text: Matrix::zeros(0, shape.outputs),
            hidden: Matrix::zeros(0, hidden),
            slope: Matrix::zeros(0, hidden),
            d_hidden: Matrix::zeros(0, hidden),
            ..Self::default()
        }
    }

    /// Copies the images `rows`, standardising their features.
    pub fn load_images(
        &mut self,
        head: &Head,
        features: &Matrix,
        conse: &Matrix,
        rows: &[u32],
        threads: usize,
    ) {
        self.x.set_rows(rows.len());
        let cols = self.x.cols;
        map_rows(&mut self.x.data, cols, threads, |first, chunk| {
            for (row, x) in rows[first..].iter().zip(chunk.chunks_exact_mut(cols)) {
                x.copy_from_slice(features.row(*row as usize));
                head.standardise(x);
            }
        });
        if head.shape().residual {
            gather(&mut self.conse, conse, rows);
        }
    }

    /// Copies the texts `rows` and normalises them.
    pub fn load_texts(&mut self, texts: &Matrix, rows: &[u32]) {
        gather(&mut self.text_in, texts, rows);
        let cols = self.text_in.cols;
        self.text_in.data.chunks_exact_mut(cols).for_each(|row| {
            normalise(row);
        });
    }
}

fn gather(out: &mut Matrix, from: &Matrix, rows: &[u32]) {
    out.set_rows(rows.len());
    for (row, to) in rows.iter().zip(out.data.chunks_exact_mut(out.cols)) {
        to.copy_from_slice(from.row(*row as usize));
    }
}

impl Head {
    /// From `pass.x` and `pass.conse` to `pass.image`.
    pub fn forward(&self, pass: &mut Pass, threads: usize) {
        let n = pass.x.rows;
        pass.image.set_rows(n);
        if self.shape().hidden.is_some() {
            self.forward_hidden(pass, threads);
        }
        let input = if self.shape().hidden.is_some() {
            &pass.hidden
        } else {
            &pass.x
        };
        self.start_output(&mut pass.image, &pass.conse, threads);
        let weight = self.parameters.get("last.weight");
        product(
            &mut pass.image.data,
            Output::Added,
            1.0,
            input.view(),
            weight,
            Form::Plain,
            threads,
        );
        normalise_rows(&mut pass.image, &mut pass.lengths, threads);
        pass.mean_length = pass.lengths.iter().sum::<f32>() / n.max(1) as f32;
    }

    /// Leaves `gelu(z)` in one buffer and `gelu'(z)` in the other, in one pass over `z`.
    fn forward_hidden(&self, pass: &mut Pass, threads: usize) {
        let bias = self.parameters.get("first.bias").data;
        pass.hidden.set_rows(pass.x.rows);
        pass.slope.set_rows(pass.x.rows);
        map_rows(&mut pass.slope.data, bias.len(), threads, |_, chunk| {
            chunk
                .chunks_exact_mut(bias.len())
                .for_each(|row| row.copy_from_slice(bias));
        });
        let weight = self.parameters.get("first.weight");
        product(
            &mut pass.slope.data,
            Output::Added,
            1.0,
            pass.x.view(),
            weight,
            Form::Plain,
            threads,
        );
        let (h, slope) = (&mut pass.hidden.data[..], &mut pass.slope.data[..]);
        map_two(
            (h, bias.len()),
            (slope, bias.len()),
            threads,
            |_, h, slope| {
                for (h, slope) in h.iter_mut().zip(slope) {
                    (*h, *slope) = gelu(*slope);
                }
            },
        );
    }

    /// Bias and residual, to which the last product is added.
    fn start_output(&self, y: &mut Matrix, conse: &Matrix, threads: usize) {
        let bias = self.parameters.get("last.bias").data;
        let residual = self.parameters.scalar("residual", 0.0);
        map_rows(&mut y.data, bias.len(), threads, |first, chunk| {
            for (at, row) in chunk.chunks_exact_mut(bias.len()).enumerate() {
                row.copy_from_slice(bias);
                if self.shape().residual {
                    add_scaled(row, residual, conse.row(first + at));
                }
            }
        });
    }

    /// From the gradient of `pass.image`, which is changed, to that of each parameter.
    pub fn backward(
        &self,
        d_image: &mut Matrix,
        pass: &mut Pass,
        gradient: &mut Parameters,
        threads: usize,
    ) {
        through_normalise(d_image, &pass.image, &pass.lengths, threads);
        if self.shape().residual {
            let products = d_image
                .data
                .chunks_exact(d_image.cols)
                .zip(pass.conse.data.chunks_exact(pass.conse.cols));
            gradient.set_scalar("residual", products.map(|(d, conse)| dot(d, conse)).sum());
        }
        sum_rows(gradient.get_mut("last.bias"), &d_image.data);
        let input = if self.shape().hidden.is_some() {
            &pass.hidden
        } else {
            &pass.x
        };
        let d_last = gradient.get_mut("last.weight");
        product(
            d_last,
            Output::Replaced,
            1.0,
            input.view(),
            d_image.view(),
            Form::LeftTransposed,
            threads,
        );
        if self.shape().hidden.is_some() {
            self.backward_hidden(d_image, pass, gradient, threads);
        }
    }

    fn backward_hidden(
        &self,
        d_image: &Matrix,
        pass: &mut Pass,
        gradient: &mut Parameters,
        threads: usize,
    ) {
        pass.d_hidden.set_rows(pass.x.rows);
        let (d, weight) = (&mut pass.d_hidden, self.parameters.get("last.weight"));
        product(
            &mut d.data,
            Output::Replaced,
            1.0,
            d_image.view(),
            weight,
            Form::RightTransposed,
            threads,
        );
        let (cols, slope) = (d.cols, &pass.slope);
        map_rows(&mut d.data, cols, threads, |first, chunk| {
            let slope = &slope.data[first * cols..];
            chunk
                .iter_mut()
                .zip(slope)
                .for_each(|(d, slope)| *d *= slope);
        });
        sum_rows(gradient.get_mut("first.bias"), &d.data);
        let d_first = gradient.get_mut("first.weight");
        product(
            d_first,
            Output::Replaced,
            1.0,
            pass.x.view(),
            d.view(),
            Form::LeftTransposed,
            threads,
        );
    }

    /// From `pass.text_in` to `pass.text`.
    pub fn forward_text(&self, pass: &mut Pass, threads: usize) {
        pass.text.set_rows(pass.text_in.rows);
        pass.text.data.copy_from_slice(&pass.text_in.data);
        if !self.shape().text {
            return;
        }
        let (weight, bias) = (
            self.parameters.get("text.weight"),
            self.parameters.get("text.bias").data,
        );
        pass.text
            .data
            .chunks_exact_mut(bias.len())
            .for_each(|row| add_scaled(row, 1.0, bias));
        product(
            &mut pass.text.data,
            Output::Added,
            1.0,
            pass.text_in.view(),
            weight,
            Form::Plain,
            threads,
        );
        normalise_rows(&mut pass.text, &mut pass.text_lengths, threads);
    }

    /// From the gradient of `pass.text`, which is changed, to that of the text map; nothing without one.
    pub fn backward_text(
        &self,
        d_text: &mut Matrix,
        pass: &mut Pass,
        gradient: &mut Parameters,
        threads: usize,
    ) {
        if !self.shape().text {
            return;
        }
        through_normalise(d_text, &pass.text, &pass.text_lengths, threads);
        sum_rows(gradient.get_mut("text.bias"), &d_text.data);
        let d_weight = gradient.get_mut("text.weight");
        product(
            d_weight,
            Output::Replaced,
            1.0,
            pass.text_in.view(),
            d_text.view(),
            Form::LeftTransposed,
            threads,
        );
    }
}

/// Divides each row by its length and keeps the lengths.
pub(crate) fn normalise_rows(rows: &mut Matrix, lengths: &mut Vec<f32>, threads: usize) {
    lengths.resize(rows.rows, 0.0);
    let cols = rows.cols;
    map_two(
        (&mut rows.data, cols),
        (lengths, 1),
        threads,
        |_, rows, lengths| {
            for (row, length) in rows.chunks_exact_mut(cols).zip(lengths) {
                *length = normalise(row);
            }
        },
    );
}

/// The gradient of what was normalised, in the place of that of the unit rows. Zeros have none.
pub(crate) fn through_normalise(d: &mut Matrix, unit: &Matrix, lengths: &[f32], threads: usize) {
    let cols = d.cols;
    map_rows(&mut d.data, cols, threads, |first, chunk| {
        for (at, d) in chunk.chunks_exact_mut(cols).enumerate() {
            let (unit, length) = (unit.row(first + at), lengths[first + at]);
            let along = dot(d, unit);
            let inverse = if length > 0.0 { length.recip() } else { 0.0 };
            d.iter_mut()
                .zip(unit)
                .for_each(|(d, unit)| *d = (*d - unit * along) * inverse);
        }
    });
}
