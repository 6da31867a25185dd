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

    /// The rectangle whose upper left corner is at `x`, `y`; `None` unless all of it lies inside and it has a pixel.
    pub fn cropped(&self, x: u32, y: u32, width: u32, height: u32) -> Option<Pixels> {
        let lies_inside =
            x.checked_add(width)? <= self.width && y.checked_add(height)? <= self.height;
        if !lies_inside {
            return None;
        }
        let stride = self.width as usize * 3;
        let mut data = Vec::with_capacity(width as usize * height as usize * 3);
        for row in y..y + height {
            let from = row as usize * stride + x as usize * 3;
            data.extend_from_slice(&self.data[from..from + width as usize * 3]);
        }
        Pixels::new(width, height, data)
    }

    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_is_cut_out_or_refused() {
        let data: Vec<u8> = (0..4 * 3 * 3).collect();
        let pixels = Pixels::new(4, 3, data).unwrap();
        let cut = pixels.cropped(1, 1, 2, 2).unwrap();
        assert_eq!(cut.data(), [15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32]);
        assert_eq!(pixels.cropped(0, 0, 4, 3), Some(pixels.clone()));
        for (x, y, width, height) in [
            (3, 0, 2, 1),
            (0, 3, 1, 1),
            (0, 0, 0, 1),
            (u32::MAX, 0, 2, 1),
        ] {
            assert_eq!(pixels.cropped(x, y, width, height), None);
        }
    }
}
