//! Bytes of an image file become upright RGB pixels, a preview, hashes, colours and metadata, within limits.
//!
//! This crate opens no file, knows no model and no vector.

mod pixels;

pub use pixels::Pixels;
