//! Steps of a projection: two views of each image, NT-Xent, AdamW.

use crate::elementwise::{exp, map_rows};
use crate::error::Error;
use crate::gradient::through_normalise;
use crate::matrix::{Form, Matrix, Output, product};
use crate::optimiser::{Adam, AdamW, clip, norm};
use crate::parameters::Parameters;
use crate::projection::Projection;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::visual::{Options, Views};

/// The optimiser and buffers of a run.
pub(crate) struct Learner<'a> {
    views: &'a Views<'a>,
    options: &'a Options,
    optimiser: AdamW,
    schedule: Schedule,
    gradient: Parameters,
    random: Random,
    z: Matrix,
    lengths: Vec<f32>,
    d: Matrix,
}

impl<'a> Learner<'a> {
    pub(crate) fn new(
        views: &'a Views,
        options: &'a Options,
        projection: &Projection,
        images: usize,
    ) -> Self {
        let total = u64::from(options.epochs) * (images / options.batch) as u64;
        let adam = Adam {
            weight_decay: options.weight_decay,
            ..Adam::default()
        };
        Self {
            views,
            options,
            optimiser: AdamW::new(adam, projection.parameters.values.len()),
            schedule: Schedule {
                peak: options.learning_rate,
                warm_up: total / 10,
                total,
            },
            gradient: projection.parameters.zeros_like(),
            random: Random::keyed(options.seed, 4),
            z: Matrix::zeros(0, options.dim),
            lengths: Vec::new(),
            d: Matrix::zeros(0, options.dim),
        }
    }

    pub(crate) fn epoch(
        &mut self,
        projection: &mut Projection,
        images: &[Vec<u32>],
    ) -> Result<Vec<f64>, Error> {
        let mut order: Vec<usize> = (0..images.len()).collect();
        self.random.shuffle(&mut order);
        let mut losses = Vec::new();
        for batch in order.chunks_exact(self.options.batch) {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for image in batch {
                let views = &images[*image];
                let at = self.random.below(views.len());
                let other = (at + 1 + self.random.below(views.len() - 1)) % views.len();
                first.push(views[at]);
                second.push(views[other]);
            }
            first.extend(second);
            losses.push(self.step(projection, &first)?);
        }
        Ok(losses)
    }

    /// One step over two views of each image, all first ones before all second ones.
    fn step(&mut self, projection: &mut Projection, rows: &[u32]) -> Result<f64, Error> {
        let threads = self.options.threads;
        let x = projection.centred(self.views.features, rows);
        projection.forward(&x, &mut self.z, &mut self.lengths, threads);
        let loss = nt_xent(&self.z, self.options.temperature, &mut self.d, threads);
        through_normalise(&mut self.d, &self.z, &self.lengths, threads);
        let d_weight = self.gradient.get_mut("weight");
        product(
            d_weight,
            Output::Replaced,
            1.0,
            x.view(),
            self.d.view(),
            Form::LeftTransposed,
            threads,
        );
        let length = norm(&self.gradient, threads);
        let rate = self.schedule.rate(self.optimiser.steps);
        if !loss.is_finite() || !length.is_finite() {
            let cause = format!("the loss is {loss}: divide the learning rate by ten");
            return Err(Error::Diverged {
                step: self.optimiser.steps + 1,
                cause,
            });
        }
        self.optimiser.step(
            &mut projection.parameters,
            &self.gradient,
            rate,
            clip(length, 1.0),
            threads,
        );
        Ok(loss)
    }
}

/// The loss of unit rows of which row i and row i + n, of 2n, are views of one image; `d` becomes its gradient.
fn nt_xent(z: &Matrix, temperature: f32, d: &mut Matrix, threads: usize) -> f64 {
    let n = z.rows;
    let partner = |row: usize| (row + n / 2) % n;
    let mut logits = Matrix::zeros(n, n);
    let scale = temperature.recip();
    product(
        &mut logits.data,
        Output::Replaced,
        scale,
        z.view(),
        z.view(),
        Form::RightTransposed,
        threads,
    );
    let losses = map_rows(&mut logits.data, n, threads, |first, chunk| {
        let mut loss = 0.0f64;
        for (row, values) in (first..).zip(chunk.chunks_exact_mut(n)) {
            // A view is no answer to itself.
            values[row] = -1e30;
            let (right, best) = (
                values[partner(row)],
                values.iter().fold(-1e30f32, |best, value| best.max(*value)),
            );
            values
                .iter_mut()
                .for_each(|value| *value = exp(*value - best));
            let sum: f32 = values.iter().sum();
            loss += f64::from(sum.ln() + best - right);
            values.iter_mut().for_each(|value| *value /= sum * n as f32);
            values[partner(row)] -= (n as f32).recip();
        }
        loss
    });
    d.set_rows(n);
    product(
        &mut d.data,
        Output::Replaced,
        scale,
        logits.view(),
        z.view(),
        Form::Plain,
        threads,
    );
    product(
        &mut d.data,
        Output::Added,
        scale,
        logits.view(),
        z.view(),
        Form::LeftTransposed,
        threads,
    );
    losses.iter().sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nt_xent_agrees_with_differences() {
        let mut random = Random::new(1);
        let mut z = Matrix {
            rows: 6,
            cols: 3,
            data: (0..18).map(|_| random.unit() - 0.5).collect(),
        };
        let (mut d, mut unused) = (Matrix::zeros(0, 3), Matrix::zeros(0, 3));
        nt_xent(&z, 0.5, &mut d, 1);
        for at in 0..18 {
            let kept = z.data[at];
            let mut shifted = |by: f32| {
                z.data[at] = kept + by;
                nt_xent(&z, 0.5, &mut unused, 1)
            };
            let expect = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            z.data[at] = kept;
            assert!(
                (f64::from(d.data[at]) - expect).abs() < 1e-3,
                "{at}: {} {expect}",
                d.data[at]
            );
        }
    }
}
