//! Dot products in plain Rust: the definition the other files are measured
//! against, and what runs where there is nothing better.

use half::f16;

/// Independent sums, so that the compiler may keep them in one register.
const LANES: usize = 8;

/// Exponents of f16 and f32 are this many doublings apart: 2^(127 - 15).
const REBIAS: f32 = f32::from_bits((127 + 112) << 23);

/// Dot product of two f32 vectors.
pub fn dot_f32(query: &[f32], row: &[f32]) -> f32 {
    sum_products(query, row, |x| x)
}

/// Dot product of an f32 query with an f16 row.
pub fn dot_f16(query: &[f32], row: &[f16]) -> f32 {
    sum_products(query, row, widen)
}

/// Squared Euclidean distance of two f32 vectors.
pub fn l2_f32(query: &[f32], row: &[f32]) -> f32 {
    sum_squares(query, row, |x| x)
}

/// Squared Euclidean distance of an f32 query from an f16 row.
pub fn l2_f16(query: &[f32], row: &[f16]) -> f32 {
    sum_squares(query, row, widen)
}

/// Dot product of signed codes with codes of 0 to 127.
pub fn dot_codes(query: &[i8], row: &[u8]) -> i32 {
    query
        .iter()
        .zip(row)
        .map(|(&q, &r)| i32::from(q) * i32::from(r))
        .sum()
}

/// Squared Euclidean distance of codes of 0 to 127.
pub fn l2_codes(a: &[u8], b: &[u8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (i32::from(a) - i32::from(b)).pow(2))
        .sum()
}

/// A finite f16 as f32: the bits moved into place and the exponent mended by
/// one multiplication, which is right for subnormals too and which compilers
/// turn into vector instructions.
#[inline]
fn widen(number: f16) -> f32 {
    let bits = u32::from(number.to_bits());
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * REBIAS;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

#[inline]
fn sum_products<T: Copy>(query: &[f32], row: &[T], widen: impl Fn(T) -> f32) -> f32 {
    sum(query, row, |q, r| q * widen(r))
}

#[inline]
fn sum_squares<T: Copy>(query: &[f32], row: &[T], widen: impl Fn(T) -> f32) -> f32 {
    sum(query, row, |q, r| {
        let difference = q - widen(r);
        difference * difference
    })
}

#[inline]
fn sum<T: Copy>(query: &[f32], row: &[T], term: impl Fn(f32, T) -> f32) -> f32 {
    let n = query.len().min(row.len());
    let (query, row) = (&query[..n], &row[..n]);
    let mut sums = [0.0f32; LANES];
    let (query_blocks, query_rest) = query.as_chunks::<LANES>();
    let (row_blocks, row_rest) = row.as_chunks::<LANES>();
    for (q, r) in query_blocks.iter().zip(row_blocks) {
        for lane in 0..LANES {
            sums[lane] += term(q[lane], r[lane]);
        }
    }
    let rest: f32 = query_rest
        .iter()
        .zip(row_rest)
        .map(|(&q, &r)| term(q, r))
        .sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_f16_widens_exactly() {
        for bits in 0..=u16::MAX {
            let number = f16::from_bits(bits);
            if number.is_finite() {
                assert_eq!(
                    widen(number).to_bits(),
                    number.to_f32().to_bits(),
                    "{bits:#x}"
                );
            }
        }
    }
}
