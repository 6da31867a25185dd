//! Pairs become an alignment, labels a classifier.
//!
//! Matrices of features and text vectors go in, weights, curves and a report come out. Nothing here opens a
//! database, decodes an image or knows a flag.

#![warn(missing_docs)]

mod classifier;
mod contrast;
mod elementwise;
mod guard;
mod mining;
mod options;
mod pca;
mod probe;
mod projection;
mod random;
mod scores;
mod similar;
mod split;
mod stratify;
mod trainer;

pub mod align;
pub mod augment;
pub mod checkpoint;
pub mod classify;
pub mod error;
pub mod events;
pub mod gradient;
pub mod head;
pub mod loss;
pub mod matrix;
pub mod optimiser;
pub mod pairs;
pub mod parameters;
pub mod pseudo;
pub mod report;
pub mod schedule;
pub mod suggest;
pub mod sweep;
pub mod unfreeze;
pub mod validate;
pub mod visual;

pub use error::Error;
