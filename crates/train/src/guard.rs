//! Notices that training goes astray, before a night is spent on it, and says why.

use crate::error::Error;

/// The part of what was seen that decides; a checkpoint keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Guard {
    /// The loss of the first step, or that of guessing where it is greater.
    pub(crate) start: f64,
    /// The loss since, smoothed.
    pub(crate) smooth: f64,
}

/// What a step measured of itself.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) step: u64,
    pub(crate) loss: f64,
    pub(crate) norm: f32,
    /// Mean length of the head's output before it is normalised; at the start about one.
    pub(crate) length: f32,
    pub(crate) rate: f32,
}

/// A healthy output stays far shorter over any number of steps; a rate too large makes it longer in a few.
const MAX_LENGTH: f32 = 1e3;
const MAX_NORM: f32 = 1e6;
/// So many times the loss of the start, smoothed, is no mood of one batch.
const MAX_RISE: f64 = 2.0;

impl Guard {
    /// Fails when the step was astray. `bad_row` names a pair that explains it, and is asked only then.
    pub(crate) fn look(
        &mut self,
        seen: Seen,
        batch: usize,
        bad_row: impl FnOnce() -> Option<String>,
    ) -> Result<(), Error> {
        if self.start == 0.0 {
            self.start = seen.loss.max((batch as f64).ln());
            self.smooth = seen.loss;
        }
        self.smooth = 0.8 * self.smooth + 0.2 * seen.loss;
        let Some(what) = self.astray(seen) else {
            return Ok(());
        };
        let why = match bad_row() {
            Some(row) => format!("{row}; leave it out"),
            None => format!(
                "the learning rate, {:e} at this step, is too large; divide it by ten",
                seen.rate
            ),
        };
        Err(Error::Diverged {
            step: seen.step,
            cause: format!("{what}: {why}"),
        })
    }

    fn astray(&self, seen: Seen) -> Option<String> {
        let Seen {
            loss, norm, length, ..
        } = seen;
        if !loss.is_finite() || !norm.is_finite() || !length.is_finite() {
            return Some(format!("the loss is {loss} and the gradient's norm {norm}"));
        }
        if norm > MAX_NORM || length > MAX_LENGTH {
            return Some(format!(
                "the gradient's norm is {norm:.3e} and the mean length of an output {length:.3e}"
            ));
        }
        let has_risen = self.smooth > MAX_RISE * self.start;
        has_risen.then(|| format!("the loss rose from {:.3} to {:.3}", self.start, self.smooth))
    }
}
