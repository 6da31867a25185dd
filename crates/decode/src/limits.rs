//! How much a single picture may ask of the machine.

/// Bounds that hold for every format; whatever exceeds one is refused before memory is taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most pixels the file may claim (width times height, before any reduction). Default: 512 million.
    pub max_pixels: u64,
    /// Most bytes one decode may hold at once, the input itself not counted. Default: 256 MiB.
    pub max_decoded_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_pixels: 512_000_000,
            max_decoded_bytes: 256 << 20,
        }
    }
}

/// What the caller wants of a decode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub limits: Limits,
    /// Allows a reduced picture, as long as its shorter side is at least this many pixels (or the picture's own
    /// shorter side, where that is less). `None`: full size.
    pub min_side: Option<u32>,
}
