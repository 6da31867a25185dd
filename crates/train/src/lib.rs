//! Pairs become an alignment, labels a classifier.
//!
//! Matrices of features and text vectors go in, weights, curves and a report come out. Nothing here opens a
//! database, decodes an image or knows a flag.

#![warn(missing_docs)]

pub mod events;
pub mod pseudo;
pub mod report;
pub mod suggest;
