//! One linear probe: fitted with one strength of regularisation, judged as it goes.

use crate::augment::mix;
use crate::classifier::{Classifier, gather, log_loss, probabilities, probabilities_of};
use crate::classify::Options;
use crate::elementwise::{add_scaled, sum_rows};
use crate::error::Error;
use crate::head::mean_and_deviation;
use crate::matrix::{Form, Matrix, Output, product};
use crate::optimiser::{Adam, AdamW};
use crate::parameters::Parameters;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::scores::Scores;

/// One strength, at its best.
pub(crate) struct Run {
    pub(crate) classifier: Classifier,
    pub(crate) strength: f32,
    pub(crate) loss: f64,
    pub(crate) accuracy: f64,
    pub(crate) macro_f1: f64,
    pub(crate) steps: u32,
}

/// What all runs share.
pub(crate) struct Probe<'a> {
    pub(crate) features: &'a Matrix,
    pub(crate) targets: &'a Matrix,
    pub(crate) is_single: bool,
    pub(crate) options: &'a Options,
}

impl Probe<'_> {
    /// Fits on `train`, keeping the weights that were best on `validation`; without one the last.
    pub(crate) fn run(
        &self,
        strength: f32,
        train: &[u32],
        validation: &[u32],
        steps: u32,
    ) -> Result<Run, Error> {
        let mut classifier = self.start(train);
        let mut best = Run {
            classifier: classifier.clone(),
            strength,
            loss: f64::MAX,
            accuracy: 0.0,
            macro_f1: 0.0,
            steps: 0,
        };
        let adam = Adam {
            weight_decay: 0.0,
            ..Adam::default()
        };
        let mut optimiser = AdamW::new(adam, classifier.parameters.values.len());
        let total = u64::from(self.options.steps);
        let schedule = Schedule {
            peak: self.options.learning_rate,
            warm_up: 5.min(total / 2),
            total,
        };
        let weights = self.class_weights(train);
        let mut random = Random::keyed(self.options.seed, 2);
        let (mut order, mut stale) = (Vec::new(), 0);
        for step in 0..steps {
            let rows = self.next_batch(train, &mut order, &mut random);
            let gradient = self.gradient(&classifier, &rows, &weights, strength, &mut random);
            let rate = schedule.rate(u64::from(step));
            optimiser.step(
                &mut classifier.parameters,
                &gradient,
                rate,
                1.0,
                self.options.threads,
            );
            if !validation.is_empty() && ((step + 1) % 10 == 0 || step + 1 == steps) {
                let run = self.judge(&classifier, validation, strength, step + 1);
                if !run.loss.is_finite() {
                    let cause = format!(
                        "the validation loss is {}: divide the learning rate by ten",
                        run.loss
                    );
                    return Err(Error::Diverged {
                        step: u64::from(step) + 1,
                        cause,
                    });
                }
                stale = if run.loss < best.loss { 0 } else { stale + 1 };
                if stale == 0 {
                    best = run;
                } else if stale >= self.options.patience.max(1) {
                    break;
                }
            }
        }
        match validation.is_empty() {
            true => Ok(Run {
                classifier,
                steps,
                ..best
            }),
            false => Ok(best),
        }
    }

    fn start(&self, train: &[u32]) -> Classifier {
        let (mean, deviation) = mean_and_deviation(self.features, train);
        let (inputs, classes) = (self.features.cols, self.targets.cols);
        let parameters = Parameters::default()
            .with("weight", inputs, classes)
            .with("bias", 1, classes);
        Classifier {
            is_single: self.is_single,
            mean,
            deviation,
            parameters,
            temperature: 1.0,
        }
    }

    /// The inverse of each class's frequency, with a mean of one over the examples, at most 100.
    pub(crate) fn class_weights(&self, train: &[u32]) -> Vec<f32> {
        if !self.options.class_weights {
            return vec![1.0; self.targets.cols];
        }
        let mut counts = vec![0.0; self.targets.cols];
        train
            .iter()
            .for_each(|row| add_scaled(&mut counts, 1.0, self.targets.row(*row as usize)));
        let n = train.len() as f32;
        let weight = |count: &f32| match self.is_single {
            true => n / (self.targets.cols as f32 * count.max(1.0)),
            false => (n - count) / count.max(1.0),
        };
        counts
            .iter()
            .map(|count| weight(count).clamp(0.01, 100.0))
            .collect()
    }

    fn next_batch(&self, train: &[u32], order: &mut Vec<u32>, random: &mut Random) -> Vec<u32> {
        if train.len() <= self.options.batch {
            return train.to_vec();
        }
        if order.len() < self.options.batch {
            *order = train.to_vec();
            random.shuffle(order);
        }
        order.split_off(order.len() - self.options.batch)
    }

    fn gradient(
        &self,
        at: &Classifier,
        rows: &[u32],
        weights: &[f32],
        strength: f32,
        random: &mut Random,
    ) -> Parameters {
        let (mut x, mut targets) = (
            at.standardised(self.features, rows),
            gather(self.targets, rows),
        );
        let mixup = self.options.augmentation.mixup;
        if mixup > 0.0 {
            let shares: Vec<f32> = (0..rows.len() / 2).map(|_| mixup * random.unit()).collect();
            mix(&mut x, &shares);
            mix(&mut targets, &shares);
        }
        self.options
            .augmentation
            .disturb(&mut x, random.next(), self.options.threads);
        let mut d = at.logits(&x, self.options.threads);
        self.differentiate(&mut d, &targets, weights);
        let mut gradient = at.parameters.zeros_like();
        sum_rows(gradient.get_mut("bias"), &d.data);
        let d_weight = gradient.get_mut("weight");
        d_weight.copy_from_slice(at.parameters.get("weight").data);
        d_weight.iter_mut().for_each(|value| *value *= strength);
        product(
            d_weight,
            Output::Added,
            1.0,
            x.view(),
            d.view(),
            Form::LeftTransposed,
            self.options.threads,
        );
        gradient
    }

    /// Logits become the gradient of the mean weighted loss.
    pub(crate) fn differentiate(&self, logits: &mut Matrix, targets: &Matrix, weights: &[f32]) {
        let classes = logits.cols;
        let share = (logits.rows as f32).recip();
        for (row, target) in logits
            .data
            .chunks_exact_mut(classes)
            .zip(targets.data.chunks_exact(classes))
        {
            probabilities_of(row, 1.0, self.is_single);
            let of_row: f32 = target
                .iter()
                .zip(weights)
                .map(|(target, weight)| target * weight)
                .sum();
            for ((p, target), weight) in row.iter_mut().zip(target).zip(weights) {
                let weight = if self.is_single {
                    of_row
                } else {
                    1.0 + target * (weight - 1.0)
                };
                *p = (*p - target) * weight * share;
            }
        }
    }

    fn judge(&self, classifier: &Classifier, rows: &[u32], strength: f32, steps: u32) -> Run {
        let (logits, targets) = self.logits(classifier, rows);
        let scores = Scores::of(
            &probabilities(&logits, 1.0, self.is_single),
            &targets,
            self.is_single,
        );
        Run {
            classifier: classifier.clone(),
            strength,
            loss: log_loss(&logits, &targets, 1.0, self.is_single),
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            steps,
        }
    }

    pub(crate) fn logits(&self, classifier: &Classifier, rows: &[u32]) -> (Matrix, Matrix) {
        let x = classifier.standardised(self.features, rows);
        (
            classifier.logits(&x, self.options.threads),
            gather(self.targets, rows),
        )
    }
}
