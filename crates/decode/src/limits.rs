//! How much a single picture may ask of the machine, and how far it may be reduced.

use crate::{Error, Format};

/// Bounds that hold for every format; whatever exceeds one is refused before memory is taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What a format's header says, and what decoding it will hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Size as stored, before orientation.
    pub width: u32,
    pub height: u32,
    pub working_bytes: u64,
}

impl Header {
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl Options {
    /// The largest whole number by which both sides may be divided.
    pub(crate) fn reduction(&self, width: u32, height: u32) -> u32 {
        match self.min_side {
            Some(min_side) => (width.min(height) / min_side.max(1)).max(1),
            None => 1,
        }
    }

    /// Bytes of the RGB picture after [`Options::reduction`], with the second copy that turning it upright may take.
    pub(crate) fn result_bytes(&self, width: u32, height: u32) -> u64 {
        let factor = self.reduction(width, height);
        u64::from(width.div_ceil(factor)) * u64::from(height.div_ceil(factor)) * 3 * 2
    }
}

impl Limits {
    /// Refuses a header that asks for too much.
    pub(crate) fn check(&self, format: Format, header: &Header) -> Result<(), Error> {
        let (width, height) = (header.width, header.height);
        if width == 0 || height == 0 {
            let reason = format!("its size is {width}x{height}");
            return Err(Error::Damaged {
                format: format.label(),
                reason,
            });
        }
        // A drawing has no pixels of its own; it is rendered as small as is wanted.
        if format != Format::Svg && header.pixels() > self.max_pixels {
            return Err(Error::TooManyPixels {
                width,
                height,
                megapixels: header.pixels().div_ceil(1_000_000),
                limit_megapixels: self.max_pixels / 1_000_000,
            });
        }
        self.check_bytes(format, header)
    }

    fn check_bytes(&self, format: Format, header: &Header) -> Result<(), Error> {
        if header.working_bytes <= self.max_decoded_bytes {
            return Ok(());
        }
        Err(Error::TooMuchMemory {
            format: format.label(),
            width: header.width,
            height: header.height,
            needed_mib: header.working_bytes.div_ceil(1 << 20),
            limit_mib: self.max_decoded_bytes >> 20,
        })
    }
}
