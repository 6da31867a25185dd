//! Dot products with AVX2, FMA and F16C: 32 numbers a turn in four
//! independent sums, because a fused multiply-add takes four cycles to finish.

use std::arch::x86_64::{
    __m128i, __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cvtph_ps, _mm256_extractf128_ps,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
};

use half::f16;

use super::generic;

/// Numbers in one register.
const WIDTH: usize = 8;
/// Registers in one turn of the loop.
const UNROLL: usize = 4;

/// Whether this machine has all three. The standard library keeps the answer.
#[inline]
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

/// Dot product of two f32 vectors, `None` where the set is missing.
#[inline]
pub fn dot_f32(query: &[f32], row: &[f32]) -> Option<f32> {
    // SAFETY: the instructions are there, as just asked.
    available().then(|| unsafe { dot_f32_avx2(query, row) })
}

/// Dot product of an f32 query with an f16 row, `None` where the set is missing.
#[inline]
pub fn dot_f16(query: &[f32], row: &[f16]) -> Option<f32> {
    // SAFETY: the instructions are there, as just asked.
    available().then(|| unsafe { dot_f16_avx2(query, row) })
}

#[target_feature(enable = "avx2,fma,f16c")]
fn dot_f32_avx2(query: &[f32], row: &[f32]) -> f32 {
    let n = query.len().min(row.len());
    // SAFETY: `at` never exceeds n - WIDTH, so both reads stay within the slices.
    let load = |at: usize| unsafe {
        (
            _mm256_loadu_ps(query.as_ptr().add(at)),
            _mm256_loadu_ps(row.as_ptr().add(at)),
        )
    };
    let whole = n - n % WIDTH;
    let mut sums = [_mm256_setzero_ps(); UNROLL];
    let mut at = 0;
    while at + WIDTH * UNROLL <= n {
        for (i, sum) in sums.iter_mut().enumerate() {
            let (q, r) = load(at + i * WIDTH);
            *sum = _mm256_fmadd_ps(q, r, *sum);
        }
        at += WIDTH * UNROLL;
    }
    while at < whole {
        let (q, r) = load(at);
        sums[0] = _mm256_fmadd_ps(q, r, sums[0]);
        at += WIDTH;
    }
    add_up(sums) + generic::dot_f32(&query[whole..n], &row[whole..n])
}

#[target_feature(enable = "avx2,fma,f16c")]
fn dot_f16_avx2(query: &[f32], row: &[f16]) -> f32 {
    let n = query.len().min(row.len());
    // SAFETY: `at` never exceeds n - WIDTH, so both reads stay within the
    // slices; f16 is a transparent u16, eight of which fill the register.
    let load = |at: usize| unsafe {
        (
            _mm256_loadu_ps(query.as_ptr().add(at)),
            _mm256_cvtph_ps(_mm_loadu_si128(row.as_ptr().add(at).cast::<__m128i>())),
        )
    };
    let whole = n - n % WIDTH;
    let mut sums = [_mm256_setzero_ps(); UNROLL];
    let mut at = 0;
    while at + WIDTH * UNROLL <= n {
        for (i, sum) in sums.iter_mut().enumerate() {
            let (q, r) = load(at + i * WIDTH);
            *sum = _mm256_fmadd_ps(q, r, *sum);
        }
        at += WIDTH * UNROLL;
    }
    while at < whole {
        let (q, r) = load(at);
        sums[0] = _mm256_fmadd_ps(q, r, sums[0]);
        at += WIDTH;
    }
    add_up(sums) + generic::dot_f16(&query[whole..n], &row[whole..n])
}

#[target_feature(enable = "avx2,fma,f16c")]
fn add_up(sums: [__m256; UNROLL]) -> f32 {
    let all = _mm256_add_ps(
        _mm256_add_ps(sums[0], sums[1]),
        _mm256_add_ps(sums[2], sums[3]),
    );
    let four = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps::<1>(all));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
