//! Perceptual hashes: 64 bits that stay close (few bits differ) when a picture is resized or recompressed.

use crate::Pixels;

/// Changes whenever [`hashes`] would give something else for the same pixels.
pub const HASH_VERSION: u32 = 1;

/// Compare two of the same kind by Hamming distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    pub phash: u64,
    pub dhash: u64,
}

/// Both hashes of `pixels`.
pub fn hashes(_pixels: &Pixels) -> Hashes {
    unimplemented!()
}
