//! Dot products with NEON, which every 64-bit Arm has: 16 numbers a turn in
//! four independent sums. An f16 row is widened by the same moved bits and
//! one multiplication as in the generic twin.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddvq_f32, vandq_u32, vdupq_n_f32, vdupq_n_u32, vfmaq_f32, vld1_u16,
    vld1q_f32, vmovl_u16, vmulq_f32, vorrq_u32, vreinterpretq_f32_u32, vreinterpretq_u32_f32,
    vshlq_n_u32,
};

use half::f16;

use super::generic;

/// Numbers in one register.
const WIDTH: usize = 4;
/// Registers in one turn of the loop.
const UNROLL: usize = 4;

/// Dot product of two f32 vectors.
pub fn dot_f32(query: &[f32], row: &[f32]) -> f32 {
    let n = query.len().min(row.len());
    // SAFETY: `at` never exceeds n - WIDTH, so both reads stay within the
    // slices, and NEON is part of every aarch64 target Rust knows.
    let product = |at: usize, sum| unsafe {
        let (q, r) = (query.as_ptr().add(at), row.as_ptr().add(at));
        vfmaq_f32(sum, vld1q_f32(q), vld1q_f32(r))
    };
    let whole = n - n % WIDTH;
    sum_products(n, product) + generic::dot_f32(&query[whole..n], &row[whole..n])
}

/// Dot product of an f32 query with an f16 row.
pub fn dot_f16(query: &[f32], row: &[f16]) -> f32 {
    let n = query.len().min(row.len());
    // SAFETY: as above; f16 is a transparent u16, four of which are read.
    let product = |at: usize, sum| unsafe {
        let q = vld1q_f32(query.as_ptr().add(at));
        let bits = vmovl_u16(vld1_u16(row.as_ptr().add(at).cast::<u16>()));
        vfmaq_f32(sum, q, widen(bits))
    };
    let whole = n - n % WIDTH;
    sum_products(n, product) + generic::dot_f16(&query[whole..n], &row[whole..n])
}

#[inline]
fn widen(bits: std::arch::aarch64::uint32x4_t) -> float32x4_t {
    // SAFETY: NEON is part of every aarch64 target Rust knows.
    unsafe {
        let moved = vshlq_n_u32::<13>(vandq_u32(bits, vdupq_n_u32(0x7fff)));
        let rebias = vdupq_n_f32(f32::from_bits((127 + 112) << 23));
        let magnitude = vmulq_f32(vreinterpretq_f32_u32(moved), rebias);
        let sign = vshlq_n_u32::<16>(vandq_u32(bits, vdupq_n_u32(0x8000)));
        vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(magnitude), sign))
    }
}

#[inline]
fn sum_products(n: usize, product: impl Fn(usize, float32x4_t) -> float32x4_t) -> f32 {
    // SAFETY: NEON is part of every aarch64 target Rust knows.
    let mut sums = unsafe { [vdupq_n_f32(0.0); UNROLL] };
    let mut at = 0;
    while at + WIDTH * UNROLL <= n {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = product(at + i * WIDTH, *sum);
        }
        at += WIDTH * UNROLL;
    }
    while at + WIDTH <= n {
        sums[0] = product(at, sums[0]);
        at += WIDTH;
    }
    // SAFETY: NEON is part of every aarch64 target Rust knows.
    unsafe {
        vaddvq_f32(vaddq_f32(
            vaddq_f32(sums[0], sums[1]),
            vaddq_f32(sums[2], sums[3]),
        ))
    }
}
