//! What decoding some bytes will need, told from their headers.

use crate::{Error, Format, Options};

/// The answer of [`probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub format: Format,
    /// Size as stored, before orientation.
    pub width: u32,
    pub height: u32,
    /// An upper estimate of the bytes [`crate::decode`] holds at once, its result included and `bytes` itself not.
    pub working_bytes: u64,
}

/// Reads headers only: format, size, and the memory a decode needs. Refuses what [`crate::decode`] would refuse by its header.
pub fn probe(_bytes: &[u8], _options: &Options) -> Result<Probe, Error> {
    unimplemented!()
}
