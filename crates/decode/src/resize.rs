//! Scaling of pixels with SIMD.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::Pixels;

/// How new pixels are made of old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    Nearest,
    /// Area average.
    Box,
    /// Triangle, widened when shrinking (as Pillow's).
    Bilinear,
    /// Catmull-Rom, widened when shrinking (as Pillow's).
    Bicubic,
    Lanczos3,
}

/// A copy of `pixels` at exactly `width` x `height`; a side of 0 is taken as 1.
pub fn resize(pixels: &Pixels, width: u32, height: u32, filter: Filter) -> Pixels {
    let (width, height) = (width.max(1), height.max(1));
    if (width, height) == (pixels.width(), pixels.height()) {
        return pixels.clone();
    }
    let source = ImageRef::new(
        pixels.width(),
        pixels.height(),
        pixels.data(),
        PixelType::U8x3,
    )
    .expect("Pixels holds exactly width * height * 3 bytes");
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(algorithm(filter));
    Resizer::new()
        .resize(&source, &mut target, &options)
        .expect("both pictures have the same pixel type and no crop is asked for");
    Pixels::new(width, height, target.into_vec()).expect("the target was made with this size")
}

/// `width` x `height` scaled so that the long side is `side`; never enlarged, never 0.
pub(crate) fn fit_within(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        ((u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long)).max(1)
            as u32
    };
    (scaled(width), scaled(height))
}

fn algorithm(filter: Filter) -> ResizeAlg {
    match filter {
        Filter::Nearest => ResizeAlg::Nearest,
        Filter::Box => ResizeAlg::Convolution(FilterType::Box),
        Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Filter::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
    }
}
