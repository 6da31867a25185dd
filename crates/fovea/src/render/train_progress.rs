//! Progress of training: a bar of epochs with what was reached.

use fovea_train::align::Epoch;
use fovea_train::sweep::Row;
use fovea_train::visual;
use indicatif::ProgressBar;

use super::progress::{bar, style};

const BAR: &str = "{bar:30} {msg}  {eta} left";

/// Follows a run of training, or a sweep over several.
pub struct TrainProgress {
    bar: ProgressBar,
    n: u64,
}

impl TrainProgress {
    pub fn new(quiet: bool, n_epochs: u32) -> Self {
        Self::over(quiet, u64::from(n_epochs), "first epoch")
    }

    pub fn sweep(quiet: bool, n_candidates: usize) -> Self {
        Self::over(quiet, n_candidates as u64, "first candidates")
    }

    fn over(quiet: bool, n: u64, message: &'static str) -> Self {
        let bar = bar(quiet);
        bar.set_style(style(BAR, ""));
        bar.set_length(n);
        bar.set_message(message);
        Self { bar, n }
    }

    pub fn epoch(&self, epoch: &Epoch) {
        let loss = epoch.steps.last().map_or(f64::NAN, |step| step.loss);
        let recall = epoch.validation.score().0;
        let best = if epoch.is_best {
            ", the best so far"
        } else {
            ""
        };
        self.bar.set_position(u64::from(epoch.epoch));
        self.bar.set_message(format!(
            "epoch {}/{}  loss {loss:.3}  recall@10 {recall:.3}{best}",
            epoch.epoch, self.n
        ));
    }

    /// An epoch of a projection.
    pub fn alike(&self, epoch: &visual::Epoch) {
        let best = if epoch.is_best {
            ", the best so far"
        } else {
            ""
        };
        self.bar.set_position(u64::from(epoch.epoch));
        self.bar.set_message(format!(
            "epoch {}/{}  loss {:.3}  mAP {:.3}{best}",
            epoch.epoch,
            self.n,
            epoch.loss,
            epoch.similar.score()
        ));
    }

    pub fn tried(&self, row: &Row) {
        let options = &row.options;
        self.bar.set_message(format!(
            "{:?}, rate {:.0e}: recall@10 {:.3} after {} epochs",
            options.loss, options.learning_rate, row.score.0, row.epochs
        ));
        self.bar.tick();
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
