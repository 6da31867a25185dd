//! How good is it, and how sure are we: arithmetic over ranks and times.
//!
//! Nothing here reads a file, a clock or a random device, and nothing here
//! knows of images, models or databases: numbers go in, numbers come out, and
//! the same input gives the same output on every machine.
//!
//! - [`Rank`], [`recall_at`], [`mrr`], [`average_precision`], [`ndcg_at`]: retrieval quality of a set of queries.
//! - [`Bootstrap`], [`wilson`]: 95% confidence intervals for them; [`Paired`]: of the difference of two systems.
//! - [`overlap`], [`kendall_tau`]: how much two rankings agree.
//! - [`percentile`], [`median`]: order statistics of measured times.
//! - [`Logistic`], [`auc`], [`calibration_error`]: probabilities of a match, and how true they are.
//! - [`Retrieval`], [`Latency`]: the small summaries that commands print; [`by_group`]: one for each language or folder.

#![warn(missing_docs)]

mod agreement;
mod calibration;
mod confidence;
mod gain;
mod grouped;
mod logistic;
mod paired;
mod percentile;
mod random;
mod retrieval;
mod summary;

pub use agreement::{kendall_tau, overlap};
pub use calibration::{auc, calibration_error};
pub use confidence::{Bootstrap, Interval, wilson};
pub use gain::{binary_ndcg_at, dcg_at, graded_gain, ndcg_at};
pub use grouped::by_group;
pub use logistic::Logistic;
pub use paired::Paired;
pub use percentile::{median, percentile};
pub use retrieval::{
    Rank, average_precision, average_precision_of, mean_average_precision, mrr, recall_at,
    reciprocal, scored,
};
pub use summary::{Estimate, Latency, Retrieval};
