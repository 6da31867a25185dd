//! Scaling of pixels with SIMD.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

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
    let mut data = vec![0; width as usize * height as usize * 3];
    // Typed, because the untyped call compiles the kernels of every pixel type into this crate: a minute of it.
    let source = TypedImageRef::<U8x3>::from_buffer(pixels.width(), pixels.height(), pixels.data())
        .expect("Pixels holds exactly width * height * 3 bytes");
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut data)
        .expect("the target was made with this size");
    let options = ResizeOptions::new().resize_alg(algorithm(filter));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("both pictures have the same pixel type and no crop is asked for");
    Pixels::new(width, height, data).expect("the target was made with this size")
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
