//! The one picture type of the project: upright, opaque, 8-bit RGB.

/// Row-major RGB, 3 bytes a pixel, no padding, upright, flattened on white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl Pixels {
    /// `None` unless `data` holds exactly `width * height * 3` bytes and both sides are at least 1.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let expected = u64::from(width) * u64::from(height) * 3;
        let fits = width > 0 && height > 0 && data.len() as u64 == expected;
        fits.then_some(Self {
            width,
            height,
            data,
        })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}
