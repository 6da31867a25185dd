//! Progress on standard error: a bar where there is a terminal, nothing where there is none.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use fovea_encode::models;
use fovea_engine::dedupe::Stage;
use fovea_engine::{IndexEvent, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::units;
use crate::interrupt;

const BAR: &str = "{bar:30} {human_pos}/{human_len}  {rate}  {eta} left {msg}";

/// Follows an index run, or another over many of something.
pub struct IndexProgress {
    bar: ProgressBar,
    /// What is counted, in the plural.
    noun: &'static str,
    skipped: Mutex<u64>,
}

impl IndexProgress {
    pub fn new(quiet: bool) -> Self {
        Self::over(quiet, "images")
    }

    pub fn over(quiet: bool, noun: &'static str) -> Self {
        Self {
            bar: bar(quiet),
            noun,
            skipped: Mutex::new(0),
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Between two runs of `--watch`.
    pub fn waiting(&self) {
        self.bar.reset();
        self.bar.set_style(spinner());
        self.bar.set_message("watching; Ctrl-C ends");
    }
}

impl Observer for IndexProgress {
    fn on(&self, event: IndexEvent) {
        match event {
            IndexEvent::Scanning { root } => {
                self.bar.set_style(spinner());
                self.bar
                    .set_message(format!("looking through {}", root.display()));
                self.bar.enable_steady_tick(Duration::from_millis(120));
            }
            IndexEvent::Planned { n_jobs, .. } => {
                self.bar.reset();
                self.bar.set_style(style(BAR, self.noun));
                self.bar.set_length(n_jobs);
                self.bar.set_message("");
            }
            IndexEvent::Kept { n_done } => self.bar.set_position(n_done),
            IndexEvent::Skipped(_) => {
                let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
                *skipped += 1;
                self.bar
                    .set_message(format!("({} skipped)", units::count(*skipped)));
            }
            IndexEvent::Finishing => self.bar.set_message("finishing"),
            IndexEvent::Tagging { n_done, n_items } => {
                let message = format!(
                    "tagging: {} of {}",
                    units::count(n_done),
                    units::count(n_items)
                );
                self.bar.set_message(message);
            }
            IndexEvent::Indexing { space, percent } => {
                let message = format!("building the index of `{space}`: {percent}%");
                self.bar.set_message(message);
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        interrupt::is_interrupted()
    }
}

/// Follows a comparison of all pictures.
pub struct DedupeProgress {
    bar: ProgressBar,
}

impl DedupeProgress {
    pub fn new(quiet: bool) -> Self {
        let bar = bar(quiet);
        bar.set_style(style(BAR, "images"));
        Self { bar }
    }

    /// From any thread.
    pub fn on(&self, stage: Stage, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(match stage {
            Stage::Reading => "reading previews",
            Stage::Comparing => "comparing all with all",
            Stage::Verifying => "looking closely",
            Stage::Similar => "looking for similar shots",
        });
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Follows a pull of a model pack.
pub struct PullProgress {
    bar: ProgressBar,
}

impl PullProgress {
    pub fn new(quiet: bool) -> Self {
        let bar = bar(quiet);
        bar.set_style(spinner());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    pub fn on(&mut self, event: models::Progress) {
        use models::Progress;
        match event {
            Progress::Downloading { n, of, file } => self.say(format!("{n}/{of} fetching {file}")),
            Progress::Reused { n, of, file } => self.say(format!("{n}/{of} already here: {file}")),
            Progress::Asking { model } => self.say(format!("asking for {model}")),
            Progress::Fetching {
                n,
                of,
                file,
                done,
                bytes,
            } => self.say(format!(
                "{n}/{of} fetching {file}  {} of {}",
                units::bytes(done),
                units::bytes(bytes)
            )),
            Progress::Converting { what } => self.say(format!("converting {what}")),
            Progress::ClassVectors { done, of } => {
                self.bar
                    .set_message(format!("class names to vectors: {done}/{of}"));
            }
            _ => {}
        }
    }

    fn say(&self, message: String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(message);
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

pub(super) fn bar(quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    ProgressBar::with_draw_target(None, target)
}

fn spinner() -> ProgressStyle {
    style("{spinner} {msg}", "")
}

/// The templates are constants of this file; one that does not parse falls back to the library's own.
pub(super) fn style(template: &str, noun: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "rate",
            move |state: &ProgressState, out: &mut dyn fmt::Write| {
                // A terminal that cannot be written to shows no rate; that is all.
                let _ = write!(out, "{:.0} {noun}/s", state.per_sec());
            },
        )
        .progress_chars("━╸ ")
}
