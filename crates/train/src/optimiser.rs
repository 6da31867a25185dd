//! AdamW, and clipping of the gradient by its norm, each in one pass over memory.

use rayon::prelude::*;

use crate::elementwise::{CHUNK, dot, sum_chunks};
use crate::parameters::Parameters;

/// Settings of [`AdamW`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// How slowly the mean of gradients moves.
    pub beta1: f32,
    /// How slowly the mean of their squares moves.
    pub beta2: f32,
    /// Added to the root of that mean.
    pub epsilon: f32,
    /// How much of a weight a step of rate one would take away.
    pub weight_decay: f32,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// AdamW (Loshchilov and Hutter, arXiv:1711.05101): Adam whose weight decay does not pass through the moments.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    settings: Adam,
    /// Moments, and how often they were moved: the whole state.
    pub(crate) means: Vec<f32>,
    pub(crate) squares: Vec<f32>,
    pub(crate) steps: u64,
}

/// The numbers that one step uses for every parameter.
#[derive(Clone, Copy)]
struct Step {
    settings: Adam,
    clip: f32,
    rate: f32,
    keep: f32,
    root_correction: f32,
}

impl AdamW {
    /// For so many parameters.
    pub fn new(settings: Adam, n_parameters: usize) -> Self {
        Self {
            settings,
            means: vec![0.0; n_parameters],
            squares: vec![0.0; n_parameters],
            steps: 0,
        }
    }

    /// Moves the parameters against `clip` times the gradient.
    ///
    /// # Panics
    /// When there are other parameters than at the start.
    pub fn step(
        &mut self,
        parameters: &mut Parameters,
        gradient: &Parameters,
        rate: f32,
        clip: f32,
        threads: usize,
    ) {
        assert!(
            parameters.values.len() == self.means.len()
                && gradient.values.len() == self.means.len(),
            "shapes of a step do not fit"
        );
        self.steps += 1;
        let exponent = self.steps.min(1 << 20) as i32;
        let correction = |beta: f32| (1.0 - f64::from(beta).powi(exponent)) as f32;
        let step = Step {
            settings: self.settings,
            clip,
            rate: rate / correction(self.settings.beta1),
            keep: 1.0,
            root_correction: correction(self.settings.beta2).sqrt().recip(),
        };
        let slots = parameters.slots().to_vec();
        let (mut values, mut gradient) = (&mut parameters.values[..], &gradient.values[..]);
        let (mut means, mut squares) = (&mut self.means[..], &mut self.squares[..]);
        for slot in slots {
            let size = slot.rows * slot.cols;
            let decay = if slot.decays {
                rate * self.settings.weight_decay
            } else {
                0.0
            };
            let step = Step {
                keep: 1.0 - decay,
                ..step
            };
            let tensor;
            (tensor, values) = values.split_at_mut(size);
            let (d, of_means, of_squares);
            (d, gradient) = gradient.split_at(size);
            (of_means, means) = means.split_at_mut(size);
            (of_squares, squares) = squares.split_at_mut(size);
            step.tensor(tensor, d, of_means, of_squares, threads);
        }
    }
}

impl Step {
    fn tensor(
        self,
        values: &mut [f32],
        d: &[f32],
        means: &mut [f32],
        squares: &mut [f32],
        threads: usize,
    ) {
        if threads <= 1 || values.len() <= CHUNK {
            return self.chunk(values, d, means, squares);
        }
        let moments = means
            .par_chunks_mut(CHUNK)
            .zip(squares.par_chunks_mut(CHUNK));
        let all = values
            .par_chunks_mut(CHUNK)
            .zip(d.par_chunks(CHUNK))
            .zip(moments);
        all.for_each(|((values, d), (means, squares))| self.chunk(values, d, means, squares));
    }

    fn chunk(self, values: &mut [f32], d: &[f32], means: &mut [f32], squares: &mut [f32]) {
        let Adam {
            beta1,
            beta2,
            epsilon,
            ..
        } = self.settings;
        for (((value, d), mean), square) in values.iter_mut().zip(d).zip(means).zip(squares) {
            let d = d * self.clip;
            *mean = beta1 * *mean + (1.0 - beta1) * d;
            *square = beta2 * *square + (1.0 - beta2) * d * d;
            *value = self.keep * *value
                - self.rate * *mean / (square.sqrt() * self.root_correction + epsilon);
        }
    }
}

/// The Euclidean norm of the whole gradient.
pub fn norm(gradient: &Parameters, threads: usize) -> f32 {
    sum_chunks(&gradient.values, threads, |chunk| {
        f64::from(dot(chunk, chunk))
    })
    .sqrt() as f32
}

/// What to multiply a gradient of this norm by, so that it is at most `limit` (Pascanu et al., arXiv:1211.5063).
pub fn clip(norm: f32, limit: f32) -> f32 {
    if norm > limit { limit / norm } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_length_of_the_rate() {
        let mut parameters = Parameters::default()
            .with("weight", 2, 1)
            .with("bias", 1, 1);
        parameters.values.fill(1.0);
        let mut gradient = parameters.zeros_like();
        gradient.values.copy_from_slice(&[0.5, -3.0, 0.0]);
        let settings = Adam {
            weight_decay: 0.1,
            ..Adam::default()
        };
        AdamW::new(settings, 3).step(&mut parameters, &gradient, 0.01, 1.0, 1);
        for (found, expect) in
            parameters
                .values
                .iter()
                .zip([1.0 - 0.001 - 0.01, 1.0 - 0.001 + 0.01, 1.0])
        {
            assert!((found - expect).abs() < 1e-6, "{found} {expect}");
        }
    }

    #[test]
    fn a_long_gradient_is_shortened() {
        let mut gradient = Parameters::default().with("weight", 2, 1);
        gradient.values.copy_from_slice(&[3.0, 4.0]);
        assert_eq!(norm(&gradient, 2), 5.0);
        assert_eq!((clip(5.0, 1.0), clip(0.5, 1.0)), (0.2, 1.0));
    }
}
