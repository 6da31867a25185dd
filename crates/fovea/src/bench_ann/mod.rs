//! What `fovea bench ann` is made of: data sets, contenders, the measurement, its report.
//!
//! `datasets` makes the vectors, `peers` and `ours` are who competes, `measure` asks them, `judge` counts recall, `report` and
//! `plot` say how it ended. Nothing here prints.

mod bars;
mod contender;
mod dataset;
pub mod datasets;
mod encode;
mod judge;
pub mod machine;
mod measure;
mod ours;
pub mod packages;
mod peers;
mod plot;
mod python_env;
mod report;
mod run;
pub mod split;
mod truth;

pub use bars::{Bar, run as bars};
pub use contender::Side;
pub use dataset::{Card, Kind};
pub use datasets::synthetic::{Drawn, gaussians, mixed};
pub use measure::TARGETS;
pub use python_env::{Process, PythonEnv, PythonPeers};
pub use report::Report;
pub use run::{Peering, build_peers, run, save};
