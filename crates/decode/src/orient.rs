//! Turns a picture upright as EXIF's orientation tag says.

use crate::Pixels;

/// Whether this orientation swaps width and height.
pub(crate) fn swaps_sides(orientation: u8) -> bool {
    matches!(orientation, 5..=8)
}

/// The upright picture. Values outside 2 to 8 leave it as it is.
pub(crate) fn upright(pixels: Pixels, orientation: u8) -> Pixels {
    match orientation {
        2 => mirrored(pixels),
        3 => turned_half(pixels),
        4 => mirrored(turned_half(pixels)),
        5 => transposed(&pixels, |x, y, _, _| (x, y)),
        6 => transposed(&pixels, |x, y, _, rows| (x, rows - 1 - y)),
        7 => transposed(&pixels, |x, y, columns, rows| {
            (columns - 1 - x, rows - 1 - y)
        }),
        8 => transposed(&pixels, |x, y, columns, _| (columns - 1 - x, y)),
        _ => pixels,
    }
}

fn mirrored(pixels: Pixels) -> Pixels {
    let (width, height) = (pixels.width(), pixels.height());
    let mut data = pixels.into_data();
    for row in data.chunks_exact_mut(width as usize * 3) {
        reverse_pixels(row);
    }
    rebuilt(width, height, data)
}

fn turned_half(pixels: Pixels) -> Pixels {
    let (width, height) = (pixels.width(), pixels.height());
    let mut data = pixels.into_data();
    reverse_pixels(&mut data);
    rebuilt(width, height, data)
}

fn reverse_pixels(data: &mut [u8]) {
    let (pixels, _) = data.as_chunks_mut::<3>();
    pixels.reverse();
}

/// A picture of swapped sides: its pixel at column `y`, row `x` is the source's pixel at `source(x, y, columns, rows)`.
fn transposed(
    pixels: &Pixels,
    source: impl Fn(usize, usize, usize, usize) -> (usize, usize),
) -> Pixels {
    let (columns, rows) = (pixels.width() as usize, pixels.height() as usize);
    let (from, _) = pixels.data().as_chunks::<3>();
    let mut data = Vec::with_capacity(from.len() * 3);
    for x in 0..columns {
        for y in 0..rows {
            let (source_x, source_y) = source(x, y, columns, rows);
            data.extend_from_slice(&from[source_y * columns + source_x]);
        }
    }
    rebuilt(pixels.height(), pixels.width(), data)
}

fn rebuilt(width: u32, height: u32, data: Vec<u8>) -> Pixels {
    Pixels::new(width, height, data).expect("turning a picture keeps its number of pixels")
}
