//! Vector files of others: read into a [`Matrix`], and written so that others read them.
//!
//! One file a format; the byte maps, their sources and what is refused stand in `docs/formats.md`.
//! Files come from anywhere, so nothing is allocated from a count before it is held against the
//! bytes that remain, and NaN and infinity are refused with their row and column. It keeps nothing
//! and ranks nothing: a matrix goes out, and whoever imports it decides what its rows are.

mod element;
mod error;
mod matrix;
pub mod npy;
mod npy_header;
mod output;
mod source;

pub use error::{Error, Result};
pub use matrix::Matrix;

/// The kinds, for people.
const KNOWN: &str = ".npy";
