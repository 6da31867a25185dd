//! `synthetic-512`: a million drawn vectors. SYNTHETIC, for scale only: what happens at this size is true of them,
//! how good an index is on real vectors is not.
//!
//! A mixture of Gaussians that lies near a space of few dimensions, as real vectors do.

use std::f64::consts::TAU;

use super::Workshop;
use crate::bench_ann::dataset::{Card, Kind, MEASURE_QUERIES, Made, Queries, TUNE_QUERIES};
use crate::bench_ann::encode::{Meter, on_all_cores};
use fovea_vectordb::exchange::Matrix;

const RECIPE: &str = "synthetic 1";
const ROWS: usize = 1_000_000;
const DIM: usize = 512;
/// Dimensions of the space in which clusters and their members are drawn.
const INTRINSIC: usize = 32;
const CLUSTERS: u64 = 2_000;
/// Spread of a cluster over that of the centres, in the small space.
const SPREAD: f64 = 0.5;
/// Noise in every direction, over the length of a vector.
const NOISE: f64 = 0.2;
const BLOCK: usize = 1_000;

pub fn make(workshop: &Workshop) -> anyhow::Result<Made> {
    let projection: Vec<f32> = gaussians(1, INTRINSIC * DIM);
    let n_queries = MEASURE_QUERIES + TUNE_QUERIES;
    let meter = Meter::new("blocks of synthetic vectors", (ROWS + n_queries) / BLOCK);
    let blocks = on_all_cores((ROWS + n_queries) / BLOCK, workshop.say, &meter, |block| {
        meter.add(1);
        let rows = block * BLOCK..(block + 1) * BLOCK;
        Ok(rows
            .flat_map(|row| vector(row as u64, &projection))
            .collect::<Vec<f32>>())
    })?;
    let mut base = blocks.concat();
    let tune = base.split_off((ROWS + MEASURE_QUERIES) * DIM);
    let measure = base.split_off(ROWS * DIM);
    let queries = Queries {
        kind: Kind::Image,
        build: None,
        tune: Matrix::new(DIM, tune)?,
        measure: Matrix::new(DIM, measure)?,
    };
    let about = "SYNTHETIC, for scale only: 2,000 Gaussians near a space of 32 dimensions, drawn from a fixed seed";
    let split = "further draws from the same mixture";
    Ok(Made {
        card: Card::new("synthetic-512", about, split, RECIPE, Vec::new()),
        base: Matrix::new(DIM, base)?,
        queries: vec![queries],
        half: true,
    })
}

/// The mixture, to draw a few vectors from.
pub struct Drawn {
    projection: Vec<f32>,
}

impl Drawn {
    pub const DIM: usize = DIM;

    pub fn new() -> Drawn {
        Drawn {
            projection: gaussians(1, INTRINSIC * DIM),
        }
    }

    /// The vector with this number, at unit length.
    pub fn vector(&self, number: u64) -> Vec<f32> {
        vector(number, &self.projection)
    }
}

/// The vector with this number, at unit length.
fn vector(number: u64, projection: &[f32]) -> Vec<f32> {
    let cluster = mixed(number ^ (2 << 56)) % CLUSTERS;
    let centre = gaussians(cluster ^ (3 << 56), INTRINSIC);
    let within = gaussians(number ^ (4 << 56), INTRINSIC);
    let mut vector = gaussians(number ^ (5 << 56), DIM);
    // A coordinate of the projection has this deviation, so that the noise is a share of it.
    let noise = (NOISE * (INTRINSIC as f64).sqrt()) as f32;
    vector.iter_mut().for_each(|x| *x *= noise);
    for (axis, (centre, within)) in centre.iter().zip(within).enumerate() {
        let weight = centre + SPREAD as f32 * within;
        let direction = &projection[axis * DIM..(axis + 1) * DIM];
        vector
            .iter_mut()
            .zip(direction)
            .for_each(|(x, part)| *x += weight * part);
    }
    fovea_index::kernels::normalize(&mut vector);
    // As the file keeps it, so that answers are exact for what is read.
    vector
        .iter()
        .map(|x| fovea_index::f16::from_f32(*x).to_f32())
        .collect()
}

/// `n` draws of the normal distribution (Box and Muller, 1958) from a stream of its own.
pub fn gaussians(stream: u64, n: usize) -> Vec<f32> {
    let mut state = mixed(stream);
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // Never zero, which has no logarithm.
        ((mixed(state) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let pairs = (0..n.div_ceil(2)).flat_map(|_| {
        let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), TAU * uniform());
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    });
    pairs.take(n).collect()
}

/// The mixing step of SplitMix64 (Steele, Lea and Flood, 2014).
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_normal_and_repeat() {
        let drawn = gaussians(7, 20_000);
        let mean = drawn.iter().sum::<f32>() / 20_000.0;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
        assert_eq!(gaussians(7, 3), drawn[..3]);
        assert_ne!(gaussians(8, 3), drawn[..3]);
    }

    #[test]
    fn vectors_have_unit_length() {
        let projection = gaussians(1, INTRINSIC * DIM);
        let length = vector(5, &projection).iter().map(|x| x * x).sum::<f32>();
        assert!((length - 1.0).abs() < 0.01, "{length}");
        assert_eq!(vector(5, &projection), vector(5, &projection));
    }
}
