//! Loops over many numbers: split in chunks of one fixed size, so that sums do not depend on the number of threads, and written
//! without branches, so that the compiler uses the width of the machine.

use rayon::prelude::*;

/// How many numbers one chunk holds: enough to hide the cost of a task, few enough for the second-level cache.
pub(crate) const CHUNK: usize = 16_384;

/// Calls `each(first row, rows)` for blocks of rows of `data`, each about [`CHUNK`] numbers, and returns what they gave, in order.
pub(crate) fn map_rows<T: Send>(
    data: &mut [f32],
    cols: usize,
    threads: usize,
    each: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let rows = rows_of_chunk(cols);
    let run = |(chunk, rows_of_it): (usize, &mut [f32])| each(chunk * rows, rows_of_it);
    match threads {
        0 | 1 => data
            .chunks_mut(rows * cols.max(1))
            .enumerate()
            .map(run)
            .collect(),
        _ => data
            .par_chunks_mut(rows * cols.max(1))
            .enumerate()
            .map(run)
            .collect(),
    }
}

/// The same over two buffers with the same rows.
pub(crate) fn map_two<T: Send>(
    (a, a_cols): (&mut [f32], usize),
    (b, b_cols): (&mut [f32], usize),
    threads: usize,
    each: impl Fn(usize, &mut [f32], &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let rows = rows_of_chunk(a_cols.max(b_cols));
    let run = |(chunk, (a, b)): (usize, (&mut [f32], &mut [f32]))| each(chunk * rows, a, b);
    let (a_size, b_size) = (rows * a_cols.max(1), rows * b_cols.max(1));
    match threads {
        0 | 1 => a
            .chunks_mut(a_size)
            .zip(b.chunks_mut(b_size))
            .enumerate()
            .map(run)
            .collect(),
        _ => a
            .par_chunks_mut(a_size)
            .zip(b.par_chunks_mut(b_size))
            .enumerate()
            .map(run)
            .collect(),
    }
}

fn rows_of_chunk(cols: usize) -> usize {
    (CHUNK / cols.max(1)).max(1)
}

/// The sum of `each(chunk)` over fixed chunks, added in their order.
pub(crate) fn sum_chunks(data: &[f32], threads: usize, each: impl Fn(&[f32]) -> f64 + Sync) -> f64 {
    let sums: Vec<f64> = match threads {
        0 | 1 => data.chunks(CHUNK).map(&each).collect(),
        _ => data.par_chunks(CHUNK).map(&each).collect(),
    };
    sums.iter().sum()
}

/// Sum of products in eight partial sums.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Adds `scale` times `b` to `a`.
pub(crate) fn add_scaled(a: &mut [f32], scale: f32, b: &[f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += scale * b;
    }
}

/// Adds up the rows of `data` in `out`.
pub(crate) fn sum_rows(out: &mut [f32], data: &[f32]) {
    out.fill(0.0);
    if !out.is_empty() {
        data.chunks_exact(out.len())
            .for_each(|row| add_scaled(out, 1.0, row));
    }
}

/// Divides by the length and returns it. Zeros stay zeros.
pub(crate) fn normalise(row: &mut [f32]) -> f32 {
    let length = dot(row, row).sqrt();
    let inverse = if length > 0.0 { length.recip() } else { 0.0 };
    row.iter_mut().for_each(|value| *value *= inverse);
    length
}

/// `e^x` to 2 units in the last place, for loops: the power of two by the exponent's bits, the rest by the polynomial of Cephes
/// (Moshier 1992). Below -64 it stays at e^-64, which no sum of ours can tell from zero and which keeps products of it away
/// from subnormal numbers, on which processors are slow.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-64.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let power = f32::from_bits(
        shifted
            .to_bits()
            .wrapping_sub(ROUND.to_bits())
            .wrapping_add(127)
            << 23,
    );
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    (p * r * r + r + 1.0) * power
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Gaussian error linear unit in its tanh form, and its derivative (Hendrycks and Gimpel, arXiv:1606.08415). That form is
/// `x sigmoid(2u)` with `u = sqrt(2/pi) (x + 0.044715 x^3)`, so one exponential gives both.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> (f32, f32) {
    const TWICE: f32 = 1.595_769;
    const CUBIC: f32 = 0.044_715;
    let square = x * x;
    let s = sigmoid(TWICE * x * (1.0 + CUBIC * square));
    (
        x * s,
        s + x * s * (1.0 - s) * TWICE * (1.0 + 3.0 * CUBIC * square),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_that_of_the_standard_library() {
        for at in -63_000..=80_000 {
            let x = at as f32 / 1000.0;
            let (found, expect) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expect - 1.0).abs() < 4e-7, "{x}: {found} {expect}");
        }
        assert!(exp(-1e30) > 0.0 && exp(-1e30) < 1e-27);
    }

    #[test]
    fn gelu_has_its_derivative() {
        for x in [-9.0f32, -2.0, -0.3, 0.0, 0.7, 3.0, 12.0] {
            let slope = (gelu(x + 1e-2).0 - gelu(x - 1e-2).0) / 2e-2;
            assert!((gelu(x).1 - slope).abs() < 2e-3, "{x}");
        }
        assert!((gelu(1.0).0 - 0.841_192).abs() < 1e-5);
    }
}
