//! The learning rate over the steps of a run.

/// Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, arXiv:1608.03983, without restarts).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The greatest rate.
    pub peak: f32,
    /// Steps until it is reached.
    pub warm_up: u64,
    /// All steps.
    pub total: u64,
}

impl Schedule {
    /// The rate of a step, counted from zero. Never zero before the end, so that no step is wasted.
    pub fn rate(&self, step: u64) -> f32 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f32 / (self.warm_up + 1) as f32;
        }
        let rest = self.total.saturating_sub(self.warm_up).max(1);
        let done = (step - self.warm_up).min(rest) as f64 / rest as f64;
        (f64::from(self.peak) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_then_down() {
        let schedule = Schedule {
            peak: 1.0,
            warm_up: 3,
            total: 13,
        };
        for (step, expect) in [
            (0, 0.25),
            (2, 0.75),
            (3, 1.0),
            (8, 0.5),
            (13, 0.0),
            (99, 0.0),
        ] {
            assert!((schedule.rate(step) - expect).abs() < 1e-6, "step {step}");
        }
    }
}
