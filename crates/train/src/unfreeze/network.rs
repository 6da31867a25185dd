//! The last blocks of a convolutional network, forwards and backwards.
//!
//! A batch lies channel by channel: a matrix with a row for each channel, and in it the planes of all images one after
//! another, so that a convolution of 1 x 1 is one product of matrices.

use rayon::prelude::*;

use crate::error::{Error, expect_size};
use crate::matrix::{Form, Matrix, Output, View, product};
use crate::parameters::Parameters;

/// What a value is clipped to where a layer clips: ReLU6 (Krizhevsky 2010).
const MOST: f32 = 6.0;

/// What a layer does to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every output channel is a weighted sum of all input channels at the same place.
    Pointwise,
    /// Every channel by itself, by a square of this side around each place, with zeros outside; stride 1.
    Depthwise {
        /// Odd.
        side: usize,
    },
}

/// A convolution with a bias, batch normalisation folded into both.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it does.
    pub kind: Kind,
    /// Channels that come in.
    pub channels_in: usize,
    /// Channels that come out.
    pub channels_out: usize,
    /// Whether the output is clipped to between 0 and 6.
    pub clipped: bool,
    pub(crate) parameters: Parameters,
}

/// Layers one after another; with a shortcut the input is added to what comes out.
#[derive(Clone, Debug)]
pub struct Block {
    /// In the order in which they run.
    pub layers: Vec<Layer>,
    /// Whether the input is added.
    pub shortcut: bool,
}

/// Blocks one after another, and the mean over all places at the end.
#[derive(Clone, Debug)]
pub struct Network {
    /// In the order in which they run.
    pub blocks: Vec<Block>,
    /// Side of a plane.
    pub extent: usize,
}

/// What a pass forwards leaves for the one backwards: the input of each layer, then the output of the block, block by block.
pub(crate) type Tape = Vec<Vec<Matrix>>;

impl Layer {
    /// `weights` are `[channels_out, channels_in]`, or `[channels, side, side]`, in row-major order.
    pub fn new(
        kind: Kind,
        (channels_in, channels_out): (usize, usize),
        clipped: bool,
        weights: &[f32],
        bias: &[f32],
    ) -> Result<Self, Error> {
        let columns = match kind {
            Kind::Pointwise => channels_in,
            Kind::Depthwise { side } => side * side,
        };
        expect_size("weights of a layer", channels_out * columns, weights.len())?;
        expect_size("bias of a layer", channels_out, bias.len())?;
        if matches!(kind, Kind::Depthwise { .. }) {
            expect_size("channels of a layer", channels_in, channels_out)?;
        }
        let mut parameters = Parameters::default()
            .with("weight", channels_out, columns)
            .with("bias", 1, channels_out);
        parameters.get_mut("weight").copy_from_slice(weights);
        parameters.get_mut("bias").copy_from_slice(bias);
        Ok(Self {
            kind,
            channels_in,
            channels_out,
            clipped,
            parameters,
        })
    }

    /// In the order that [`Layer::new`] takes.
    pub fn weights(&self) -> &[f32] {
        self.parameters.get("weight").data
    }

    /// One for each channel that comes out.
    pub fn bias(&self) -> &[f32] {
        self.parameters.get("bias").data
    }

    fn forward(&self, x: &Matrix, extent: usize, threads: usize) -> Matrix {
        let mut y = Matrix::zeros(self.channels_out, x.cols);
        let weight = self.parameters.get("weight");
        match self.kind {
            Kind::Pointwise => {
                let output = Output::Replaced;
                product(
                    &mut y.data,
                    output,
                    1.0,
                    weight,
                    x.view(),
                    Form::Plain,
                    threads,
                );
            }
            Kind::Depthwise { side } => {
                let each = |(channel, y): (usize, &mut [f32])| {
                    slide(x.row(channel), y, weight.row(channel), (side, extent));
                };
                each_row(&mut y.data, x.cols, threads, each);
            }
        }
        let bias = self.bias();
        let clipped = self.clipped;
        each_row(&mut y.data, x.cols, threads, |(channel, y)| {
            let most = if clipped {
                (0.0, MOST)
            } else {
                (f32::MIN, f32::MAX)
            };
            y.iter_mut()
                .for_each(|y| *y = (*y + bias[channel]).clamp(most.0, most.1));
        });
        y
    }

    /// From the gradient of the output to that of the parameters, and of the input where it is `wanted`.
    fn backward(
        &self,
        (x, y): (&Matrix, &Matrix),
        mut d: Matrix,
        (extent, threads): (usize, usize),
        wanted: bool,
        gradient: &mut Parameters,
    ) -> Option<Matrix> {
        if self.clipped {
            let inside = |(d, y): (&mut f32, &f32)| {
                if *y <= 0.0 || *y >= MOST {
                    *d = 0.0;
                }
            };
            d.data.iter_mut().zip(&y.data).for_each(inside);
        }
        let bias = gradient.get_mut("bias").iter_mut();
        bias.enumerate()
            .for_each(|(channel, bias)| *bias = d.row(channel).iter().sum());
        let weight = self.parameters.get("weight");
        let mut d_x = wanted.then(|| Matrix::zeros(self.channels_in, x.cols));
        match self.kind {
            Kind::Pointwise => {
                let (d, x) = (d.view(), x.view());
                let out = gradient.get_mut("weight");
                product(
                    out,
                    Output::Replaced,
                    1.0,
                    d,
                    x,
                    Form::RightTransposed,
                    threads,
                );
                if let Some(d_x) = &mut d_x {
                    let out = &mut d_x.data;
                    product(
                        out,
                        Output::Replaced,
                        1.0,
                        weight,
                        d,
                        Form::LeftTransposed,
                        threads,
                    );
                }
            }
            Kind::Depthwise { side } => {
                let sizes = (side, extent);
                let each = |(channel, taps): (usize, &mut [f32])| {
                    slide_weights(x.row(channel), d.row(channel), taps, sizes);
                };
                each_row(gradient.get_mut("weight"), side * side, threads, each);
                if let Some(d_x) = &mut d_x {
                    let each = |(channel, d_x): (usize, &mut [f32])| {
                        // Where a place was read with one tap, its gradient comes by the opposite one.
                        let mut turned = weight.row(channel).to_vec();
                        turned.reverse();
                        slide(d.row(channel), d_x, &turned, sizes);
                    };
                    each_row(&mut d_x.data, d.cols, threads, each);
                }
            }
        }
        d_x
    }
}

impl Network {
    /// Fails where a block does not take what the one before gives.
    pub fn check(&self) -> Result<(), Error> {
        let mut channels = self.channels();
        for block in &self.blocks {
            let before = channels;
            for layer in &block.layers {
                expect_size("channels of a layer", channels, layer.channels_in)?;
                channels = layer.channels_out;
            }
            if block.shortcut {
                expect_size("channels of a shortcut", before, channels)?;
            }
        }
        Ok(())
    }

    /// Channels of the input.
    pub fn channels(&self) -> usize {
        let first = self.blocks.iter().flat_map(|block| &block.layers).next();
        first.map_or(0, |layer| layer.channels_in)
    }

    /// Length of a feature.
    pub fn feature_dim(&self) -> usize {
        let last = self.blocks.iter().flat_map(|block| &block.layers).last();
        last.map_or(0, |layer| layer.channels_out)
    }

    /// The feature of each row of `activations`: the planes of one image, channel after channel.
    pub fn features(&self, activations: &Matrix, threads: usize) -> Matrix {
        const AT_ONCE: usize = 64;
        let mut features = Matrix::zeros(0, self.feature_dim());
        let rows: Vec<u32> = (0..activations.rows as u32).collect();
        for rows in rows.chunks(AT_ONCE) {
            let (pooled, _) = self.forward(&self.batch(activations, rows), threads);
            features.data.extend(pooled.data);
        }
        features.rows = activations.rows;
        features
    }

    /// Some images, channel by channel.
    pub(crate) fn batch(&self, activations: &Matrix, rows: &[u32]) -> Matrix {
        let (channels, area) = (self.channels(), self.extent * self.extent);
        let mut batch = Matrix::zeros(channels, rows.len() * area);
        for (channel, planes) in batch.data.chunks_exact_mut(rows.len() * area).enumerate() {
            for (plane, row) in planes.chunks_exact_mut(area).zip(rows) {
                let from = channel * area;
                plane.copy_from_slice(&activations.row(*row as usize)[from..from + area]);
            }
        }
        batch
    }

    /// Features, a row for each image, and what the way back needs.
    pub(crate) fn forward(&self, batch: &Matrix, threads: usize) -> (Matrix, Tape) {
        let mut tape = Tape::new();
        let mut x = batch.clone();
        for block in &self.blocks {
            let mut seen = vec![x];
            for layer in &block.layers {
                let y = layer.forward(&seen[seen.len() - 1], self.extent, threads);
                seen.push(y);
            }
            x = seen[seen.len() - 1].clone();
            if block.shortcut {
                x.data
                    .iter_mut()
                    .zip(&seen[0].data)
                    .for_each(|(y, x)| *y += x);
            }
            tape.push(seen);
        }
        (self.pooled(x.view()), tape)
    }

    fn pooled(&self, x: View) -> Matrix {
        let area = self.extent * self.extent;
        let mut pooled = Matrix::zeros(x.cols / area, x.rows);
        for channel in 0..x.rows {
            for (image, plane) in x.row(channel).chunks_exact(area).enumerate() {
                pooled.data[image * x.rows + channel] = plane.iter().sum::<f32>() / area as f32;
            }
        }
        pooled
    }

    /// From the gradient of the features to that of the parameters of each layer.
    pub(crate) fn backward(
        &self,
        tape: &Tape,
        d_pooled: &Matrix,
        gradient: &mut [Vec<Parameters>],
        threads: usize,
    ) {
        let area = self.extent * self.extent;
        let mut d = Matrix::zeros(d_pooled.cols, d_pooled.rows * area);
        for (channel, planes) in d.data.chunks_exact_mut(d_pooled.rows * area).enumerate() {
            for (image, plane) in planes.chunks_exact_mut(area).enumerate() {
                plane.fill(d_pooled.data[image * d_pooled.cols + channel] / area as f32);
            }
        }
        for (at, block) in self.blocks.iter().enumerate().rev() {
            let around = block.shortcut.then(|| d.clone());
            for (of_layer, layer) in block.layers.iter().enumerate().rev() {
                let wanted = at > 0 || of_layer > 0;
                let seen = (&tape[at][of_layer], &tape[at][of_layer + 1]);
                let sizes = (self.extent, threads);
                let d_x = layer.backward(seen, d, sizes, wanted, &mut gradient[at][of_layer]);
                let Some(d_x) = d_x else {
                    return;
                };
                d = d_x;
            }
            if let Some(around) = around {
                d.data
                    .iter_mut()
                    .zip(&around.data)
                    .for_each(|(d, more)| *d += more);
            }
        }
    }

    /// Zeros for every layer.
    pub(crate) fn zeros_like(&self) -> Vec<Vec<Parameters>> {
        let of = |block: &Block| {
            let layers = block.layers.iter();
            layers.map(|layer| layer.parameters.zeros_like()).collect()
        };
        self.blocks.iter().map(of).collect()
    }
}

/// Calls `each(row, values)` for every row, on rayon's pool where there is more than one thread.
fn each_row(
    data: &mut [f32],
    cols: usize,
    threads: usize,
    each: impl Fn((usize, &mut [f32])) + Sync + Send,
) {
    match threads {
        0 | 1 => data.chunks_exact_mut(cols).enumerate().for_each(each),
        _ => data.par_chunks_exact_mut(cols).enumerate().for_each(each),
    }
}

/// Places of one axis at which a tap that lies `shift` away from the middle stays inside, as a range of the output.
fn inside(tap: usize, side: usize, extent: usize) -> (usize, usize, isize) {
    let shift = tap as isize - (side / 2) as isize;
    let from = (-shift).max(0) as usize;
    let to = (extent as isize - shift.max(0)).max(0) as usize;
    (from.min(to), to, shift)
}

/// Runs of places that one tap joins: `(output from, input from, length)` inside a plane.
fn runs(tap: usize, (side, extent): (usize, usize)) -> impl Iterator<Item = (usize, usize, usize)> {
    let (from_y, to_y, shift_y) = inside(tap / side, side, extent);
    let (from_x, to_x, shift_x) = inside(tap % side, side, extent);
    (from_y..to_y).map(move |y| {
        let read = (y as isize + shift_y) as usize * extent + (from_x as isize + shift_x) as usize;
        (y * extent + from_x, read, to_x - from_x)
    })
}

/// Adds to `y` the sums of `x` around each place, weighted by `taps`.
fn slide(x: &[f32], y: &mut [f32], taps: &[f32], sizes: (usize, usize)) {
    let area = sizes.1 * sizes.1;
    for (x, y) in x.chunks_exact(area).zip(y.chunks_exact_mut(area)) {
        for (tap, weight) in taps.iter().enumerate() {
            for (to, from, n) in runs(tap, sizes) {
                let pairs = y[to..to + n].iter_mut().zip(&x[from..from + n]);
                pairs.for_each(|(y, x)| *y += weight * x);
            }
        }
    }
}

/// The gradient of `taps`.
fn slide_weights(x: &[f32], d: &[f32], taps: &mut [f32], sizes: (usize, usize)) {
    let area = sizes.1 * sizes.1;
    taps.fill(0.0);
    for (x, d) in x.chunks_exact(area).zip(d.chunks_exact(area)) {
        for (tap, sum) in taps.iter_mut().enumerate() {
            for (to, from, n) in runs(tap, sizes) {
                let pairs = d[to..to + n].iter().zip(&x[from..from + n]);
                *sum += pairs.map(|(d, x)| d * x).sum::<f32>();
            }
        }
    }
}
