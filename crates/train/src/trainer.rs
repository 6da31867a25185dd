//! A training run, an epoch at a time.

use std::borrow::Cow;

use crate::align::{End, Epoch, Options, Outcome, Step};
use crate::checkpoint::State;
use crate::error::{Error, expect_size};
use crate::gradient::Pass;
use crate::guard::{Guard, Seen};
use crate::head::{Head, Shape};
use crate::loss::{Batch, Loss, LossPass, MAX_LOG_SCALE};
use crate::matrix::Matrix;
use crate::mining::{self, Current};
use crate::optimiser::{Adam, AdamW, clip, norm};
use crate::pairs::{Census, Pairs, Split, Usable};
use crate::parameters::Parameters;
use crate::random::Random;
use crate::schedule::Schedule;
use crate::validate::{Validation, image_vectors, measure, text_vectors};

/// A training run between epochs.
pub struct Trainer<'a> {
    pairs: &'a Pairs,
    /// Text vectors of captions, then of their wordings.
    words: Cow<'a, Matrix>,
    usable: Usable,
    options: Options,
    split: Split,
    census: Census,
    before: Validation,
    head: Head,
    gradient: Parameters,
    optimiser: AdamW,
    schedule: Schedule,
    pass: Pass,
    loss_pass: LossPass,
    random: Random,
    guard: Guard,
    epoch: u32,
    best: Parameters,
    best_epoch: u32,
    best_score: (f64, f64),
}

/// The pairs of one epoch: one view and one caption of each image.
struct Sample {
    views: Vec<u32>,
    captions: Vec<u32>,
    /// Rows of `Trainer::words`.
    words: Vec<u32>,
    image_ids: Vec<u32>,
    caption_ids: Vec<u32>,
}

/// Captions as they are where there is nothing else.
fn words(pairs: &Pairs) -> Cow<'_, Matrix> {
    if pairs.wordings.rows == 0 {
        return Cow::Borrowed(&pairs.texts);
    }
    Cow::Owned(Matrix {
        rows: pairs.texts.rows + pairs.wordings.rows,
        cols: pairs.texts.cols,
        data: [&pairs.texts.data[..], &pairs.wordings.data].concat(),
    })
}

impl<'a> Trainer<'a> {
    /// A run before its first epoch. Without a `split` the pairs are split by the options; with one, it must not leak.
    pub fn new(pairs: &'a Pairs, options: &Options, split: Option<Split>) -> Result<Self, Error> {
        options.check()?;
        let census = pairs.check(options.batch)?;
        let usable = pairs.usable();
        let split = usable_split(pairs, &usable, options, split)?;
        let shape = Shape {
            inputs: pairs.features.cols,
            hidden: options.hidden,
            outputs: pairs.texts.cols,
            residual: options.residual,
            text: options.text,
        };
        let views: Vec<u32> = split
            .train
            .iter()
            .flat_map(|image| usable.views[*image as usize].iter().copied())
            .collect();
        let mut head = Head::new(shape, &pairs.features, &views, options.seed)?;
        let (scale, bias) = options.loss.start(options.temperature);
        head.parameters.set_scalar("loss.scale", scale);
        head.parameters.set_scalar("loss.bias", bias);
        let before = measure(&head, pairs, &usable, &split.validation, options.threads);
        let adam = Adam {
            weight_decay: options.weight_decay,
            ..Adam::default()
        };
        let steps = u64::from(options.epochs) * (split.train.len() / options.batch) as u64;
        Ok(Self {
            gradient: head.parameters.zeros_like(),
            optimiser: AdamW::new(adam, head.parameters.values.len()),
            schedule: Schedule {
                peak: options.learning_rate,
                warm_up: (options.warm_up * steps as f64) as u64,
                total: steps,
            },
            pass: Pass::new(&head),
            loss_pass: LossPass::default(),
            random: Random::keyed(options.seed, 1),
            guard: Guard::default(),
            epoch: 0,
            best: head.parameters.clone(),
            best_epoch: 0,
            best_score: before.score(),
            options: options.clone(),
            words: words(pairs),
            pairs,
            usable,
            split,
            census,
            before,
            head,
        })
    }

    /// Which images are on which side.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The validation before the first step.
    pub fn before(&self) -> &Validation {
        &self.before
    }

    /// Why there is no further epoch; `None` when there is one.
    pub fn end(&self) -> Option<End> {
        let has_validation = !self.split.validation.is_empty();
        match self.epoch - self.best_epoch {
            _ if self.epoch >= self.options.epochs => Some(End::Finished),
            stale if has_validation && stale >= self.options.patience.max(1) => Some(End::Patience),
            _ => None,
        }
    }

    /// Gives every training image its turn, then validates.
    pub fn epoch(&mut self) -> Result<Epoch, Error> {
        let sample = self.sample();
        let batches = self.batches(&sample);
        let steps = batches
            .iter()
            .map(|batch| self.step(&sample, batch))
            .collect::<Result<Vec<Step>, Error>>()?;
        self.epoch += 1;
        let validation = measure(
            &self.head,
            self.pairs,
            &self.usable,
            &self.split.validation,
            self.options.threads,
        );
        let is_best = self.split.validation.is_empty() || validation.score() > self.best_score;
        if is_best {
            self.best
                .values
                .copy_from_slice(&self.head.parameters.values);
            self.best_epoch = self.epoch;
            self.best_score = validation.score();
        }
        Ok(Epoch {
            epoch: self.epoch,
            steps,
            validation,
            is_best,
        })
    }

    fn sample(&mut self) -> Sample {
        let (usable, random) = (&self.usable, &mut self.random);
        let mut any = |rows: &[u32]| rows[random.below(rows.len())];
        let (mut views, mut captions) = (Vec::new(), Vec::new());
        for image in &self.split.train {
            views.push(any(&usable.views[*image as usize]));
            captions.push(any(&usable.captions[*image as usize]));
        }
        let words = self.wordings(&captions);
        let usable = &self.usable;
        Sample {
            words,
            image_ids: self
                .split
                .train
                .iter()
                .map(|image| usable.image_ids[*image as usize])
                .collect(),
            caption_ids: captions
                .iter()
                .map(|caption| usable.caption_ids[*caption as usize])
                .collect(),
            views,
            captions,
        }
    }

    /// For each caption itself or one of its wordings, each as likely. Without wordings nothing is drawn.
    fn wordings(&mut self, captions: &[u32]) -> Vec<u32> {
        let (n, n_captions) = (self.pairs.n_wordings(), self.pairs.texts.rows);
        if n == 0 {
            return captions.to_vec();
        }
        let mut row = |caption: u32| match self.random.below(n + 1) {
            0 => caption,
            other => (n_captions + caption as usize * n + other - 1) as u32,
        };
        captions.iter().map(|caption| row(*caption)).collect()
    }

    fn batches(&mut self, sample: &Sample) -> Vec<Vec<usize>> {
        let Options {
            batch,
            hard_negatives,
            threads,
            ..
        } = self.options;
        if self.epoch == 0 || hard_negatives <= 0.0 {
            return mining::shuffled(sample.views.len(), batch, &mut self.random);
        }
        let current = Current {
            images: &image_vectors(&self.head, self.pairs, &sample.views, threads),
            texts: &text_vectors(&self.head, self.pairs, &sample.captions, threads),
            image_ids: &sample.image_ids,
            caption_ids: &sample.caption_ids,
        };
        current.hard(batch, hard_negatives, &mut self.random, threads)
    }

    fn step(&mut self, sample: &Sample, batch: &[usize]) -> Result<Step, Error> {
        let threads = self.options.threads;
        let of_batch = |rows: &[u32]| -> Vec<u32> { batch.iter().map(|at| rows[*at]).collect() };
        let views = of_batch(&sample.views);
        self.pass.load_images(
            &self.head,
            &self.pairs.features,
            &self.pairs.conse,
            &views,
            threads,
        );
        self.pass.load_texts(&self.words, &of_batch(&sample.words));
        self.options
            .augmentation
            .apply(&mut self.pass, self.random.next(), threads);
        let loss = self.differentiate(&of_batch(&sample.image_ids), &of_batch(&sample.caption_ids));
        let gradient_norm = norm(&self.gradient, threads);
        let learning_rate = self.schedule.rate(self.optimiser.steps);
        let step = self.optimiser.steps + 1;
        let seen = Seen {
            step,
            loss,
            norm: gradient_norm,
            length: self.pass.mean_length,
            rate: learning_rate,
        };
        let (pass, pairs) = (&self.pass, self.pairs);
        self.guard
            .look(seen, batch.len(), || bad_row(pass, pairs, &views))?;
        let temperature = (-self.head.parameters.scalar("loss.scale", 0.0)).exp();
        let factor = clip(gradient_norm, self.options.clip);
        self.optimiser.step(
            &mut self.head.parameters,
            &self.gradient,
            learning_rate,
            factor,
            threads,
        );
        let scale = self.head.parameters.scalar("loss.scale", 0.0);
        self.head
            .parameters
            .set_scalar("loss.scale", scale.min(MAX_LOG_SCALE));
        Ok(Step {
            step,
            loss,
            learning_rate,
            gradient_norm,
            temperature,
        })
    }

    /// Forward and backward over the loaded batch; the gradient is left behind.
    fn differentiate(&mut self, images: &[u32], captions: &[u32]) -> f64 {
        let threads = self.options.threads;
        let (head, pass, loss_pass) = (&self.head, &mut self.pass, &mut self.loss_pass);
        head.forward(pass, threads);
        head.forward_text(pass, threads);
        let batch = Batch {
            image: pass.image.view(),
            text: pass.text.view(),
            images,
            captions,
        };
        let scalars = (
            head.parameters.scalar("loss.scale", 0.0),
            head.parameters.scalar("loss.bias", 0.0),
        );
        self.options
            .loss
            .evaluate(&batch, scalars, self.options.text, loss_pass, threads);
        head.backward(&mut loss_pass.d_image, pass, &mut self.gradient, threads);
        head.backward_text(&mut loss_pass.d_text, pass, &mut self.gradient, threads);
        if self.options.loss != Loss::Cosine {
            self.gradient
                .set_scalar("loss.scale", loss_pass.d_log_scale);
            self.gradient.set_scalar("loss.bias", loss_pass.d_bias);
        }
        loss_pass.value
    }

    /// All that is needed to go on from here.
    pub fn state(&self) -> State {
        State {
            options: self.options.hash(),
            data: self.data_hash(),
            epoch: self.epoch,
            random: self.random.state(),
            steps: self.optimiser.steps,
            guard: (self.guard.start, self.guard.smooth),
            best_epoch: self.best_epoch,
            best_score: self.best_score,
            values: self.head.parameters.values.clone(),
            means: self.optimiser.means.clone(),
            squares: self.optimiser.squares.clone(),
            best: self.best.values.clone(),
        }
    }

    /// Goes on from there, unless it is of other options or pairs.
    pub fn resume(&mut self, state: State) -> Result<(), String> {
        if state.options != self.options.hash() {
            return Err("it was made with other options".to_string());
        }
        if state.data != self.data_hash() {
            return Err("it was made from other pairs or another split".to_string());
        }
        let n = self.gradient.values.len();
        let all = [&state.values, &state.means, &state.squares, &state.best];
        if let Some(other) = all.iter().find(|values| values.len() != n) {
            return Err(format!("expected {n} weights, found {}", other.len()));
        }
        self.head.parameters.values = state.values;
        self.best.values = state.best;
        self.optimiser.means = state.means;
        self.optimiser.squares = state.squares;
        self.optimiser.steps = state.steps;
        self.guard = Guard {
            start: state.guard.0,
            smooth: state.guard.1,
        };
        self.random = Random::new(state.random);
        self.epoch = state.epoch;
        (self.best_epoch, self.best_score) = (state.best_epoch, state.best_score);
        Ok(())
    }

    fn data_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.pairs.hash());
        for side in [&self.split.train, &self.split.validation] {
            hasher.update(&(side.len() as u64).to_le_bytes());
            hasher.update(bytemuck::cast_slice(side));
        }
        *hasher.finalize().as_bytes()
    }

    /// Recall@10, of both ways, and reciprocal rank of the best weights.
    pub(crate) fn best_score(&self) -> (f64, f64) {
        self.best_score
    }

    /// Ends the run: the best weights, measured once more.
    pub fn finish(mut self, end: End) -> Outcome {
        self.head.parameters = self.best;
        Outcome {
            best: measure(
                &self.head,
                self.pairs,
                &self.usable,
                &self.split.validation,
                self.options.threads,
            ),
            head: self.head,
            census: self.census,
            split: self.split,
            before: self.before,
            best_epoch: self.best_epoch,
            epochs: self.epoch,
            end,
        }
    }
}

/// The usable images of either side, when enough of them are left to learn from.
fn usable_split(
    pairs: &Pairs,
    usable: &Usable,
    options: &Options,
    split: Option<Split>,
) -> Result<Split, Error> {
    let mut split = match split {
        Some(split) => {
            pairs.check_split(&split)?;
            split
        }
        None => pairs.split(options.validation_share, options.seed),
    };
    split.train.retain(|image| usable.has(*image as usize));
    split.validation.retain(|image| usable.has(*image as usize));
    expect_size(
        "length of the frozen alignment",
        pairs.texts.cols,
        pairs.conse.cols,
    )?;
    match split.train.len() < options.batch {
        true => Err(Error::TooFewPairs {
            pairs: split.train.len(),
            batch: options.batch,
        }),
        false => Ok(split),
    }
}

/// The pair of the batch that lies farthest out, if it is out of all proportion.
fn bad_row(pass: &Pass, pairs: &Pairs, views: &[u32]) -> Option<String> {
    let farther = |far: f32, x: &f32| if x.abs() <= far { far } else { x.abs() };
    let far = |at: &usize| {
        let conse = if pass.conse.rows > 0 {
            pass.conse.row(*at)
        } else {
            &[]
        };
        pass.x.row(*at).iter().chain(conse).fold(0.0, farther)
    };
    let worst = (0..views.len()).max_by(|a, b| far(a).total_cmp(&far(b)))?;
    let image = pairs.view_image[views[worst] as usize] as usize;
    let is_out = far(&worst).is_nan() || far(&worst) >= 1e4;
    is_out.then(|| {
        let key = &pairs.image_keys[image];
        format!(
            "image {image} ({key:?}) has a number of {:.1e} in its feature or frozen alignment",
            far(&worst)
        )
    })
}
