//! A fast way for the most common JPEG: baseline, one scan, grey or YCbCr, wanted at a half or less.
//!
//! Almost all the time of a reduced decode goes into reading Huffman codes of coefficients that are then dropped,
//! and that is what this reader is quick at. Whatever it does not know, and whatever is damaged, it leaves to the
//! library by answering `None`; so an error is always the library's verdict.

use super::bits::{Bits, Huffman};
use super::idct::{self, Coefficients, Plan};
use super::segments::{
    APP14, DHT, DQT, DRI, Frame, SOF_BASELINE, SOF_EXTENDED, SOS, Segment, segments,
};
use crate::canvas::{Canvas, Layout};
use crate::{Options, Pixels};

/// The picture at 1/`scale` of its size (2, 4 or 8), or `None` where the library has to look at it.
pub(super) fn pixels(bytes: &[u8], frame: &Frame, scale: u32, options: &Options) -> Option<Pixels> {
    let is_baseline = matches!(frame.marker, SOF_BASELINE | SOF_EXTENDED) && frame.precision == 8;
    if !is_baseline || !matches!(scale, 2 | 4 | 8) || frame.width == 0 || frame.height == 0 {
        return None;
    }
    let tables = Tables::read(bytes)?;
    let scan = Scan::new(frame, &tables)?;
    let plan = Plan::new(8 / scale as usize);
    let mut bits = Bits::new(bytes, tables.scan_start);
    let mut canvas = Canvas::new(
        u32::from(frame.width).div_ceil(scale),
        u32::from(frame.height).div_ceil(scale),
        options,
    );
    scan.decode(
        &mut bits,
        &plan,
        &mut canvas,
        usize::from(frame.width).div_ceil(scale as usize),
    )?;
    canvas.finish()
}

/// What stands before the scan.
struct Tables<'a> {
    quantization: [Option<[f32; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart_interval: usize,
    /// The scan's header.
    scan: &'a [u8],
    scan_start: usize,
}

impl<'a> Tables<'a> {
    fn read(bytes: &'a [u8]) -> Option<Tables<'a>> {
        let mut tables = Tables {
            quantization: Default::default(),
            dc: Default::default(),
            ac: Default::default(),
            restart_interval: 0,
            scan: &[],
            scan_start: 0,
        };
        for segment in segments(bytes) {
            tables.add(&segment)?;
        }
        (tables.scan_start > 0).then_some(tables)
    }

    fn add(&mut self, segment: &Segment<'a>) -> Option<()> {
        match segment.marker {
            DQT => self.add_quantization(segment.data),
            DHT => self.add_huffman(segment.data),
            DRI => {
                let interval = segment.data.first_chunk::<2>()?;
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
                Some(())
            }
            // Adobe's transform 0 means that the components are not YCbCr.
            APP14 if segment.data.starts_with(b"Adobe") && segment.data.get(11) == Some(&0) => None,
            SOS => {
                (self.scan, self.scan_start) = (segment.data, segment.end);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn add_quantization(&mut self, mut data: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = data.split_first() {
            let width = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * width)?;
            let mut table = [0.0; 64];
            for (to, from) in table.iter_mut().zip(values.chunks_exact(width)) {
                *to = from
                    .iter()
                    .fold(0.0, |value, &byte| value * 256.0 + f32::from(byte));
            }
            *self.quantization.get_mut(usize::from(head & 15))? = Some(table);
            data = rest;
        }
        Some(())
    }

    fn add_huffman(&mut self, mut data: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = data.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let n_symbols = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(n_symbols)?;
            let tables = if head >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables.get_mut(usize::from(head & 15))? = Some(Huffman::new(counts, symbols)?);
            data = rest;
        }
        Some(())
    }
}

/// One component in the scan.
struct Channel<'a> {
    /// Blocks in an MCU each way.
    h: usize,
    v: usize,
    quantization: &'a [f32; 64],
    dc: &'a Huffman,
    ac: &'a Huffman,
}

struct Scan<'a> {
    channels: Vec<Channel<'a>>,
    h_max: usize,
    v_max: usize,
    mcus_across: usize,
    mcus_down: usize,
    restart_interval: usize,
}

impl<'a> Scan<'a> {
    /// `None` unless all components are in this one scan, in order, as grey or YCbCr of whole sampling ratios.
    fn new(frame: &Frame, tables: &'a Tables<'_>) -> Option<Scan<'a>> {
        let (&n_components, rest) = tables.scan.split_first()?;
        let is_complete = usize::from(n_components) == frame.components.len();
        let is_rgb = frame.components.iter().map(|part| part.id).eq(*b"RGB");
        if !is_complete || is_rgb || !matches!(n_components, 1 | 3) {
            return None;
        }
        let h_max = frame
            .components
            .iter()
            .map(|part| usize::from(part.h))
            .max()?;
        let v_max = frame
            .components
            .iter()
            .map(|part| usize::from(part.v))
            .max()?;
        let mut channels = Vec::new();
        for (part, selector) in frame.components.iter().zip(rest.chunks_exact(2)) {
            // A single component is never interleaved, whatever its factors say.
            let alone = frame.components.len() == 1;
            let (h, v) = if alone {
                (1, 1)
            } else {
                (usize::from(part.h), usize::from(part.v))
            };
            let is_whole = alone || (h_max % h == 0 && v_max % v == 0);
            if selector[0] != part.id || !is_whole {
                return None;
            }
            channels.push(Channel {
                h,
                v,
                quantization: tables
                    .quantization
                    .get(usize::from(part.quantization))?
                    .as_ref()?,
                dc: tables.dc.get(usize::from(selector[1] >> 4))?.as_ref()?,
                ac: tables.ac.get(usize::from(selector[1] & 15))?.as_ref()?,
            });
        }
        let (h_max, v_max) = if channels.len() == 1 {
            (1, 1)
        } else {
            (h_max, v_max)
        };
        // The first channel is luma and has to be whole.
        let has_full_luma = channels
            .first()
            .is_some_and(|luma| (luma.h, luma.v) == (h_max, v_max));
        has_full_luma.then_some(Scan {
            mcus_across: usize::from(frame.width).div_ceil(8 * h_max),
            mcus_down: usize::from(frame.height).div_ceil(8 * v_max),
            channels,
            h_max,
            v_max,
            restart_interval: tables.restart_interval,
        })
    }

    fn decode(
        &self,
        bits: &mut Bits<'_>,
        plan: &Plan,
        canvas: &mut Canvas,
        width: usize,
    ) -> Option<()> {
        let strides: Vec<usize> = self
            .channels
            .iter()
            .map(|channel| self.mcus_across * channel.h * plan.side)
            .collect();
        let bands = self
            .channels
            .iter()
            .zip(&strides)
            .map(|(channel, stride)| vec![0; stride * channel.v * plan.side]);
        let mut bands: Vec<Vec<u8>> = bands.collect();
        let mut predictions = vec![0i32; self.channels.len()];
        let mut rows = Rows::default();
        let mut until_restart = self.restart_interval;
        for _ in 0..self.mcus_down {
            for column in 0..self.mcus_across {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        bits.restart()?;
                        predictions.fill(0);
                        until_restart = self.restart_interval;
                    }
                    until_restart -= 1;
                }
                for (at, channel) in self.channels.iter().enumerate() {
                    let left = column * channel.h * plan.side;
                    channel.decode_mcu(
                        bits,
                        plan,
                        &mut predictions[at],
                        &mut bands[at][left..],
                        strides[at],
                    )?;
                }
            }
            if bits.has_overrun() {
                return None;
            }
            for y in 0..self.v_max * plan.side {
                self.emit_row(&bands, &strides, y, width, &mut rows, canvas);
            }
        }
        Some(())
    }

    fn emit_row(
        &self,
        bands: &[Vec<u8>],
        strides: &[usize],
        y: usize,
        width: usize,
        rows: &mut Rows,
        canvas: &mut Canvas,
    ) {
        let row = |at: usize| {
            let y = y * self.channels[at].v / self.v_max;
            &bands[at][y * strides[at]..][..strides[at]]
        };
        if self.channels.len() == 1 {
            canvas.row(&row(0)[..width], Layout::Gray);
            return;
        }
        stretch(row(1), self.h_max / self.channels[1].h, &mut rows.blue);
        stretch(row(2), self.h_max / self.channels[2].h, &mut rows.red);
        rows.rgb.resize(width * 3, 0);
        to_rgb(&row(0)[..width], &rows.blue, &rows.red, &mut rows.rgb);
        canvas.row(&rows.rgb, Layout::Rgb);
    }
}

/// Buffers of one row, kept between rows.
#[derive(Default)]
struct Rows {
    blue: Vec<u8>,
    red: Vec<u8>,
    rgb: Vec<u8>,
}

impl Channel<'_> {
    /// The blocks of one MCU, written from the start of `out`.
    #[inline(always)]
    fn decode_mcu(
        &self,
        bits: &mut Bits<'_>,
        plan: &Plan,
        prediction: &mut i32,
        out: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        for block_y in 0..self.v {
            for block_x in 0..self.h {
                let start = block_y * plan.side * stride + block_x * plan.side;
                self.decode_block(bits, plan, prediction, &mut out[start..], stride)?;
            }
        }
        Some(())
    }

    #[inline(always)]
    fn decode_block(
        &self,
        bits: &mut Bits<'_>,
        plan: &Plan,
        prediction: &mut i32,
        out: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        let mut coefficients: Coefficients = [0.0; 17];
        let size = bits.symbol(self.dc)?;
        match size {
            0 => {}
            1..=11 => *prediction = prediction.wrapping_add(bits.value(u32::from(size))),
            _ => return None,
        }
        coefficients[0] = *prediction as f32 * self.quantization[0];
        let mut is_flat = true;
        let mut at = 1;
        while at < 64 {
            let symbol = bits.symbol(self.ac)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run;
            if at > plan.last {
                // Nothing from here on is wanted, only where the block ends.
                bits.skip(size);
                at += 1;
                continue;
            }
            let place = usize::from(plan.places[at]);
            coefficients[place] = bits.value(size) as f32 * self.quantization[at];
            is_flat = false;
            at += 1;
        }
        if at > 64 {
            return None;
        }
        if is_flat {
            idct::flat(coefficients[0], plan.side, out, stride);
        } else {
            idct::inverse(&coefficients, plan.side, out, stride);
        }
        Some(())
    }
}

/// Each sample `factor` times.
fn stretch(row: &[u8], factor: usize, out: &mut Vec<u8>) {
    out.clear();
    match factor {
        1 => out.extend_from_slice(row),
        2 => out.extend(row.iter().flat_map(|&sample| [sample; 2])),
        _ => out.extend(
            row.iter()
                .flat_map(|&sample| std::iter::repeat_n(sample, factor)),
        ),
    }
}

/// JFIF's YCbCr (Rec. 601, full range) as RGB.
fn to_rgb(luma: &[u8], blue: &[u8], red: &[u8], rgb: &mut [u8]) {
    let chroma = blue.iter().zip(red);
    for ((pixel, &y), (&cb, &cr)) in rgb.chunks_exact_mut(3).zip(luma).zip(chroma) {
        let (y, cb, cr) = (
            f32::from(y) + 0.5,
            f32::from(cb) - 128.0,
            f32::from(cr) - 128.0,
        );
        pixel[0] = (y + 1.402 * cr) as u8;
        pixel[1] = (y - 0.344_136 * cb - 0.714_136 * cr) as u8;
        pixel[2] = (y + 1.772 * cb) as u8;
    }
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::jpeg::{decode_with_library, segments::frame};

    /// Smooth waves and hard edges, in colour.
    fn picture(width: u16, height: u16) -> Vec<u8> {
        let mut data = Vec::new();
        for y in 0..u32::from(height) {
            for x in 0..u32::from(width) {
                let wave = |k: f32| {
                    (100.0 + 90.0 * (x as f32 * k).sin() * (y as f32 * k * 0.7).cos()) as u8
                };
                // Chroma stays smooth: the library interpolates it, and edges in it would differ.
                let texture = if x / 13 % 4 == 1 && y / 17 % 3 == 1 {
                    50
                } else {
                    0
                };
                data.extend([0.031, 0.017, 0.023].map(|k| wave(k) + texture));
            }
        }
        data
    }

    fn encoded(
        width: u16,
        height: u16,
        color: ColorType,
        set: impl Fn(&mut Encoder<&mut Vec<u8>>),
    ) -> Vec<u8> {
        let data = picture(width, height);
        let data: Vec<u8> = if color == ColorType::Luma {
            data.iter().step_by(3).copied().collect()
        } else {
            data
        };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 90);
        set(&mut encoder);
        encoder.encode(&data, width, height, color).unwrap();
        bytes
    }

    /// Compares with the library at every scale: the same size, and nearly the same colours (the library uses
    /// another reduced transform and interpolates chroma).
    fn check(bytes: &[u8]) {
        let frame = frame(bytes).unwrap();
        let options = Options::default();
        for scale in [2, 4, 8] {
            let fast = pixels(bytes, &frame, scale, &options).expect("this way knows the file");
            let slow = decode_with_library(bytes, &frame, scale, &options).unwrap();
            assert_eq!((fast.width(), fast.height()), (slow.width(), slow.height()));
            let apart: u64 = fast
                .data()
                .iter()
                .zip(slow.data())
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum();
            let mean = apart as f64 / fast.data().len() as f64;
            assert!(mean < 2.5, "{mean} levels apart at 1/{scale}");
        }
    }

    #[test]
    fn agrees_with_the_library() {
        for sampling in [
            SamplingFactor::F_1_1,
            SamplingFactor::F_2_1,
            SamplingFactor::F_1_2,
            SamplingFactor::F_2_2,
        ] {
            for (width, height) in [(160, 120), (157, 113), (16, 16), (9, 70)] {
                check(&encoded(width, height, ColorType::Rgb, |encoder| {
                    encoder.set_sampling_factor(sampling)
                }));
            }
        }
        check(&encoded(157, 113, ColorType::Luma, |_| {}));
        check(&encoded(157, 113, ColorType::Rgb, |encoder| {
            encoder.set_restart_interval(3)
        }));
    }

    #[test]
    fn leaves_to_the_library_what_it_does_not_know() {
        let declines =
            |bytes: &[u8]| pixels(bytes, &frame(bytes).unwrap(), 2, &Options::default()).is_none();
        assert!(declines(&encoded(64, 48, ColorType::Rgb, |encoder| {
            encoder.set_progressive(true)
        })));
        // The encoder writes one scan for each component then.
        let separate = encoded(64, 48, ColorType::Rgb, |encoder| {
            encoder.set_optimized_huffman_tables(true)
        });
        assert!(declines(&separate));
        let whole = encoded(64, 48, ColorType::Rgb, |_| {});
        assert!(!declines(&whole));
        assert!(
            declines(&whole[..whole.len() - 60]),
            "a truncated file is the library's to judge"
        );
        let restarts = encoded(64, 48, ColorType::Rgb, |encoder| {
            encoder.set_restart_interval(1)
        });
        let marker = restarts
            .windows(2)
            .rposition(|pair| pair[0] == 0xFF && (0xD0..0xD8).contains(&pair[1]))
            .unwrap();
        let mut damaged = restarts.clone();
        damaged[marker + 1] = 0xC4;
        assert!(!declines(&restarts) && declines(&damaged));
    }
}
