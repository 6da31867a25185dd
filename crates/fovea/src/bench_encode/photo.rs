//! Photographs that nobody took: smooth shapes with the noise of a sensor, so that a JPEG of them is as large as one of a camera.

use anyhow::Context;
use fovea_index::Random;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// As cameras and phones save.
const QUALITY: u8 = 85;
/// Noise in steps of a byte that is tried, the strongest first.
const NOISE: [f32; 8] = [24.0, 18.0, 14.0, 11.0, 8.0, 6.0, 4.0, 2.0];

/// A JPEG of this size with half the colours, no longer than `longest` bytes and as near to it as the noise allows.
pub fn jpeg(width: u16, height: u16, seed: u64, longest: usize) -> anyhow::Result<Vec<u8>> {
    let mut last = Vec::new();
    for noise in NOISE {
        last = encoded(&drawn(width, height, seed, noise), width, height)?;
        if last.len() <= longest {
            break;
        }
    }
    Ok(last)
}

fn encoded(pixels: &[u8], width: u16, height: u16) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(pixels, width, height, ColorType::Rgb)
        .context("a picture could not be saved as JPEG")?;
    Ok(out)
}

/// Waves of several lengths, each colour by its own, and noise that is drawn anew for each pixel.
fn drawn(width: u16, height: u16, seed: u64, noise: f32) -> Vec<u8> {
    let mut random = Random::new(seed);
    let turn = random.unit() * 6.0;
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (f32::from(x) / 97.0, f32::from(y) / 61.0);
            let shade = (x + turn).sin() * 40.0
                + (y * 1.7 + x * 0.3).sin() * 35.0
                + ((x * 5.3).sin() * (y * 4.1).cos()) * 20.0;
            let grain = (random.unit() - 0.5) * noise;
            for colour in 0..3u8 {
                let tint = (y * 0.5 + f32::from(colour) * 2.0 + turn).cos() * 25.0;
                pixels.push((128.0 + shade + tint + grain) as u8);
            }
        }
    }
    pixels
}
