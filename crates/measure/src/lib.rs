//! How good is it, and how sure are we: arithmetic over ranks and times.
//!
//! Nothing here reads a file, a clock or a random device, and nothing here
//! knows of images, models or databases: numbers go in, numbers come out, and
//! the same input gives the same output on every machine.
//!
//! - [`Rank`], [`recall_at`], [`mrr`]: retrieval quality of a set of queries.
//! - [`Bootstrap`], [`wilson`]: 95% confidence intervals for them.
//! - [`percentile`], [`median`]: order statistics of measured times.
//! - [`Retrieval`], [`Latency`]: the small summaries that commands print.

#![warn(missing_docs)]

mod confidence;
mod percentile;
mod random;
mod retrieval;
mod summary;

pub use confidence::{Bootstrap, Interval, wilson};
pub use percentile::{median, percentile};
pub use retrieval::{Rank, mrr, recall_at, reciprocal, scored};
pub use summary::{Estimate, Latency, Retrieval};
