//! Rows of any colour layout become one RGB picture, averaged down on the way so that the full size is never held.
//!
//! Transparency is flattened on white here and nowhere else.

use crate::{Error, Options, Pixels};

/// How the samples of a row are laid out, 8 bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// The colours are scaled by the alpha already.
    #[cfg(feature = "heif")]
    RgbaPremultiplied,
    /// Ink amounts: 255 is full ink.
    Cmyk,
}

/// Takes the rows of a picture top to bottom.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    /// Side of the square of source pixels that becomes one pixel.
    factor: usize,
    data: Vec<u8>,
    rgb: Vec<u8>,
    sums: Vec<u32>,
    rows_summed: usize,
    rows_taken: usize,
}

impl Layout {
    pub fn samples(self) -> usize {
        match self {
            Layout::Gray => 1,
            Layout::GrayAlpha => 2,
            Layout::Rgb => 3,
            Layout::Rgba | Layout::Cmyk => 4,
            #[cfg(feature = "heif")]
            Layout::RgbaPremultiplied => 4,
        }
    }
}

impl Canvas {
    /// The caller has checked the size against the limits.
    pub fn new(width: u32, height: u32, options: &Options) -> Canvas {
        let factor = options.reduction(width, height) as usize;
        let (width, height) = (width as usize, height as usize);
        let (out_width, out_height) = (width.div_ceil(factor), height.div_ceil(factor));
        let sums = if factor > 1 {
            vec![0; out_width * 3]
        } else {
            Vec::new()
        };
        let data = Vec::with_capacity(out_width * out_height * 3);
        Canvas {
            width,
            height,
            factor,
            data,
            rgb: Vec::new(),
            sums,
            rows_summed: 0,
            rows_taken: 0,
        }
    }

    /// Adds the next row, `width` pixels of `layout`; shorter rows and rows past the height are ignored.
    pub fn row(&mut self, samples: &[u8], layout: Layout) {
        if self.rows_taken == self.height || samples.len() < self.width * layout.samples() {
            return;
        }
        self.rows_taken += 1;
        let samples = &samples[..self.width * layout.samples()];
        if self.factor == 1 {
            append_rgb(samples, layout, &mut self.data);
            return;
        }
        if layout == Layout::Rgb {
            add_row(samples, self.factor, &mut self.sums);
        } else {
            self.rgb.clear();
            append_rgb(samples, layout, &mut self.rgb);
            add_row(&self.rgb, self.factor, &mut self.sums);
        }
        self.rows_summed += 1;
        if self.rows_summed == self.factor {
            self.emit_row();
        }
    }

    /// The picture, or `None` when rows are missing.
    pub fn finish(mut self) -> Option<Pixels> {
        if self.rows_taken != self.height {
            return None;
        }
        if self.rows_summed > 0 {
            self.emit_row();
        }
        let width = self.width.div_ceil(self.factor) as u32;
        let height = self.height.div_ceil(self.factor) as u32;
        Pixels::new(width, height, self.data)
    }

    fn emit_row(&mut self) {
        let last = self.width.div_ceil(self.factor) - 1;
        for (column, sums) in self.sums.chunks_exact_mut(3).enumerate() {
            // The last column stands for what is left of the row.
            let columns = if column == last {
                self.width - last * self.factor
            } else {
                self.factor
            };
            let count = (columns * self.rows_summed) as u32;
            for sum in sums {
                self.data.push(((*sum + count / 2) / count) as u8);
                *sum = 0;
            }
        }
        self.rows_summed = 0;
    }
}

/// A whole picture of `layout`, whose rows are `stride` bytes apart, through a [`Canvas`].
pub(crate) fn from_buffer(
    buffer: &[u8],
    (width, height): (u32, u32),
    layout: Layout,
    options: &Options,
    format: &'static str,
) -> Result<Pixels, Error> {
    let mut canvas = Canvas::new(width, height, options);
    for row in buffer
        .chunks_exact(width as usize * layout.samples())
        .take(height as usize)
    {
        canvas.row(row, layout);
    }
    canvas.finish().ok_or(Error::Truncated { format })
}

fn add_row(rgb: &[u8], factor: usize, sums: &mut [u32]) {
    for (block, sums) in rgb.chunks(factor * 3).zip(sums.chunks_exact_mut(3)) {
        let mut total = [0u32; 3];
        for pixel in block.chunks_exact(3) {
            total[0] += u32::from(pixel[0]);
            total[1] += u32::from(pixel[1]);
            total[2] += u32::from(pixel[2]);
        }
        for (sum, total) in sums.iter_mut().zip(total) {
            *sum += total;
        }
    }
}

fn append_rgb(samples: &[u8], layout: Layout, out: &mut Vec<u8>) {
    match layout {
        Layout::Rgb => out.extend_from_slice(samples),
        Layout::Gray => out.extend(samples.iter().flat_map(|&gray| [gray; 3])),
        Layout::GrayAlpha => {
            out.extend(
                samples
                    .chunks_exact(2)
                    .flat_map(|pixel| [on_white(pixel[0], pixel[1]); 3]),
            );
        }
        Layout::Rgba => out.extend(samples.chunks_exact(4).flat_map(|pixel| {
            [
                on_white(pixel[0], pixel[3]),
                on_white(pixel[1], pixel[3]),
                on_white(pixel[2], pixel[3]),
            ]
        })),
        #[cfg(feature = "heif")]
        Layout::RgbaPremultiplied => out.extend(samples.chunks_exact(4).flat_map(|pixel| {
            [pixel[0], pixel[1], pixel[2]].map(|value| value.saturating_add(255 - pixel[3]))
        })),
        Layout::Cmyk => out.extend(samples.chunks_exact(4).flat_map(|pixel| {
            let paper = 255 - pixel[3];
            [
                scaled(255 - pixel[0], paper),
                scaled(255 - pixel[1], paper),
                scaled(255 - pixel[2], paper),
            ]
        })),
    }
}

/// `value` seen through `alpha` on white.
fn on_white(value: u8, alpha: u8) -> u8 {
    scaled(value, alpha) + (255 - alpha)
}

/// `value * by / 255`, rounded to nearest, without a division.
fn scaled(value: u8, by: u8) -> u8 {
    let product = u32::from(value) * u32::from(by) + 128;
    ((product + (product >> 8)) >> 8) as u8
}
