//! Bytes of an image file become upright RGB pixels, a preview, hashes, colours and metadata, within limits.
//!
//! This crate opens no file, starts no thread (the codecs behind the feature `heif` may), and knows no model and no vector. The stages, in order:
//! [`Format::sniff`] says what the bytes are, [`probe`] what decoding them will need, [`decode`] does it, and
//! [`preview`], [`hashes`], [`colors`] and [`salient`] boxes are derived from the decoded [`Pixels`].

mod bmp;
mod canvas;
mod clean;
mod colors;
mod decode;
mod error;
mod format;
mod gif;
mod hashes;
mod heif;
mod ifd;
mod jpeg;
mod limits;
mod metadata;
mod orient;
mod pixels;
mod png;
mod preview;
mod probe;
mod raw;
mod resize;
mod salient;
mod svg;
mod tiff;
mod webp;

pub use clean::without_metadata;
pub use colors::{COLOR_VERSION, Color, colors};
pub use decode::{Image, decode, metadata};
pub use error::{Error, Fault};
pub use format::{Format, is_candidate_extension};
pub use hashes::{HASH_VERSION, Hashes, hashes};
pub use limits::{Limits, Options};
pub use metadata::{EmbeddedCaption, Gps, Metadata, Taken};
pub use pixels::Pixels;
pub use preview::{PREVIEW_SIDE, PREVIEW_VERSION, Preview, preview};
pub use probe::{Probe, probe};
pub use resize::{Filter, resize};
pub use salient::{Rectangle, SALIENT_VERSION, salient};
