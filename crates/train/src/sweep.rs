//! Which options: successive halving within a budget of time.
//!
//! All candidates train a little, the better third goes on three times as long, and so forth (Jamieson and Talwalkar,
//! arXiv:1502.07943). Candidates go on from where they were, in the order in which they were given, so that only the clock can make two sweeps
//! differ. Each keeps its weights and moments in memory in between.

use crate::align::{Options, Trainer};
use crate::checkpoint::State;
use crate::error::{Error, expect_option};
use crate::loss::Loss;
use crate::pairs::{Pairs, Split};
use crate::validate::Validation;

/// What to try: every combination.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Greatest learning rates.
    pub learning_rates: Vec<f32>,
    /// Temperatures at the start; only [`Loss::InfoNce`] has one to choose.
    pub temperatures: Vec<f32>,
    /// Widths of the hidden layer; `None` for a linear map.
    pub widths: Vec<Option<usize>>,
    /// Losses.
    pub losses: Vec<Loss>,
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            learning_rates: vec![1e-4, 3e-4, 1e-3],
            temperatures: vec![0.03, 0.07],
            widths: vec![None, Some(512), Some(1024)],
            losses: vec![Loss::InfoNce, Loss::SigLip],
        }
    }
}

impl Grid {
    /// Every combination, with the other options as in `base`.
    pub fn candidates(&self, base: &Options) -> Vec<Options> {
        let mut candidates = Vec::new();
        for &loss in &self.losses {
            let has_temperature = loss == Loss::InfoNce;
            let temperatures = if has_temperature {
                &self.temperatures[..]
            } else {
                &[base.temperature]
            };
            for &hidden in &self.widths {
                for &temperature in temperatures {
                    for &learning_rate in &self.learning_rates {
                        candidates.push(Options {
                            loss,
                            hidden,
                            temperature,
                            learning_rate,
                            ..base.clone()
                        });
                    }
                }
            }
        }
        candidates
    }
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// Others were better at the end of this rung, counted from one.
    Halved(u32),
    /// It trained to its end.
    Finished,
    /// It went astray, in words.
    Diverged(String),
    /// There was no time to go on.
    OutOfTime,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was tried.
    pub options: Options,
    /// Epochs it was given.
    pub epochs: u32,
    /// Its last validation; `None` when there was no time for one.
    pub validation: Option<Validation>,
    /// Its best recall@10, of both ways, and reciprocal rank.
    pub score: (f64, f64),
    /// What became of it.
    pub fate: Fate,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// A row for each candidate, in their order.
    pub rows: Vec<Row>,
    /// Which of them is best among those that went farthest.
    pub best: usize,
}

/// How quickly candidates are given up: of so many, one goes on, for so many times as long.
const ETA: u32 = 3;

/// Tries `candidates` on one split. `has_time` is asked before each epoch; `progress` is told of a row whenever it has changed.
pub fn sweep(
    pairs: &Pairs,
    candidates: &[Options],
    split: &Split,
    mut has_time: impl FnMut() -> bool,
    mut progress: impl FnMut(&Row),
) -> Result<Sweep, Error> {
    expect_option(
        "validation side",
        !split.validation.is_empty(),
        "images to choose by",
        "none",
    )?;
    let start = |options: &Options| Row {
        options: options.clone(),
        epochs: 0,
        validation: None,
        score: (0.0, 0.0),
        fate: Fate::OutOfTime,
    };
    let mut rows: Vec<Row> = candidates.iter().map(start).collect();
    let mut alive: Vec<(usize, Option<State>)> = (0..rows.len()).map(|at| (at, None)).collect();
    let (mut rung, mut target) = (1, 1);
    while !alive.is_empty() {
        let mut next = Vec::new();
        for (at, state) in alive {
            let state = climb(pairs, split, &mut rows[at], state, target, &mut has_time)?;
            progress(&rows[at]);
            next.extend(state.map(|state| (at, Some(state))));
        }
        if !has_time() {
            break;
        }
        alive = halve(next, &mut rows, rung);
        rung += 1;
        target *= ETA;
    }
    let trained =
        (0..rows.len()).filter(|at| rows[*at].validation.is_some() && !is_astray(&rows[*at]));
    // A better number after fewer epochs is no reason to prefer what was not trained to the end.
    let key = |at: &usize| (rows[*at].epochs, rows[*at].score);
    let best = trained.max_by(|a, b| {
        key(a)
            .partial_cmp(&key(b))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(b.cmp(a))
    });
    match best {
        Some(best) => Ok(Sweep { rows, best }),
        None => Err(nothing_trained(&rows)),
    }
}

fn is_astray(row: &Row) -> bool {
    matches!(row.fate, Fate::Diverged(_))
}

fn nothing_trained(rows: &[Row]) -> Error {
    let astray = rows.iter().find_map(|row| match &row.fate {
        Fate::Diverged(cause) => Some(cause.clone()),
        _ => None,
    });
    let found = astray.unwrap_or_else(|| "no candidate with an epoch".to_string());
    Error::Option {
        what: "a sweep",
        expected: "time for an epoch of a candidate that does not diverge",
        found,
    }
}

/// Trains one candidate up to `target` epochs. Returns its state when it can go on.
fn climb(
    pairs: &Pairs,
    split: &Split,
    row: &mut Row,
    state: Option<State>,
    target: u32,
    has_time: &mut impl FnMut() -> bool,
) -> Result<Option<State>, Error> {
    if !has_time() {
        row.fate = Fate::OutOfTime;
        return Ok(None);
    }
    let mut trainer = Trainer::new(pairs, &row.options, Some(split.clone()))?;
    if let Some(state) = state {
        trainer.resume(state).map_err(|found| Error::Option {
            what: "a state",
            expected: "its own",
            found,
        })?;
    }
    while row.epochs < target && trainer.end().is_none() {
        if !has_time() {
            row.fate = Fate::OutOfTime;
            return Ok(None);
        }
        match trainer.epoch() {
            Ok(epoch) => row.validation = Some(epoch.validation),
            Err(error @ Error::Diverged { .. }) => {
                row.fate = Fate::Diverged(error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        row.epochs += 1;
        row.score = trainer.best_score();
    }
    if trainer.end().is_some() {
        row.fate = Fate::Finished;
        return Ok(None);
    }
    Ok(Some(trainer.state()))
}

/// Keeps the better part of those that can go on.
fn halve(
    mut alive: Vec<(usize, Option<State>)>,
    rows: &mut [Row],
    rung: u32,
) -> Vec<(usize, Option<State>)> {
    let key = |at: usize| rows[at].score;
    alive.sort_by(|(a, _), (b, _)| {
        key(*b)
            .0
            .total_cmp(&key(*a).0)
            .then(key(*b).1.total_cmp(&key(*a).1))
            .then(a.cmp(b))
    });
    let given_up = alive.split_off(alive.len().div_ceil(ETA as usize));
    given_up
        .iter()
        .for_each(|(at, _)| rows[*at].fate = Fate::Halved(rung));
    alive.sort_by_key(|(at, _)| *at);
    alive
}
