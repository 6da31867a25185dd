//! Pairs become an alignment, labels a classifier.
//!
//! Matrices of features and text vectors go in, weights, curves and a report come out. Nothing here opens a
//! database, decodes an image or knows a flag.

#![warn(missing_docs)]

mod elementwise;
mod guard;
mod mining;
mod options;
mod random;

pub mod align;
pub mod augment;
pub mod checkpoint;
pub mod error;
pub mod gradient;
pub mod head;
pub mod loss;
pub mod matrix;
pub mod optimiser;
pub mod pairs;
pub mod parameters;
pub mod schedule;
pub mod validate;

pub use error::Error;
