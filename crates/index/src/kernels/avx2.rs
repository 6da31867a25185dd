//! Distances with AVX2, FMA and F16C: 32 numbers a turn in four
//! independent sums, because a fused multiply-add takes four cycles to finish.

use std::arch::x86_64::{
    __m128i, __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cvtph_ps, _mm256_extractf128_ps,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_sub_ps,
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

/// Squared distance of two f32 vectors, `None` where the set is missing.
#[inline]
pub fn l2_f32(query: &[f32], row: &[f32]) -> Option<f32> {
    // SAFETY: the instructions are there, as just asked.
    available().then(|| unsafe { l2_f32_avx2(query, row) })
}

/// Squared distance of an f32 query from an f16 row, `None` where the set is missing.
#[inline]
pub fn l2_f16(query: &[f32], row: &[f16]) -> Option<f32> {
    // SAFETY: the instructions are there, as just asked.
    available().then(|| unsafe { l2_f16_avx2(query, row) })
}

/// One sum over two slices: which loads, which term is added, which twin does the tail.
macro_rules! summed {
    ($name:ident, $row:ty, $load:expr, $add:expr, $tail:path) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $name(query: &[f32], row: &[$row]) -> f32 {
            let n = query.len().min(row.len());
            // SAFETY: `at` never exceeds n - WIDTH, so both reads stay within the slices.
            let load = |at: usize| unsafe {
                (
                    _mm256_loadu_ps(query.as_ptr().add(at)),
                    $load(row.as_ptr().add(at)),
                )
            };
            let whole = n - n % WIDTH;
            let mut sums = [_mm256_setzero_ps(); UNROLL];
            let mut at = 0;
            while at + WIDTH * UNROLL <= n {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let (q, r) = load(at + i * WIDTH);
                    *sum = $add(q, r, *sum);
                }
                at += WIDTH * UNROLL;
            }
            while at < whole {
                let (q, r) = load(at);
                sums[0] = $add(q, r, sums[0]);
                at += WIDTH;
            }
            add_up(sums) + $tail(&query[whole..n], &row[whole..n])
        }
    };
}

summed!(
    dot_f32_avx2,
    f32,
    _mm256_loadu_ps,
    _mm256_fmadd_ps,
    generic::dot_f32
);
summed!(
    dot_f16_avx2,
    f16,
    load_f16,
    _mm256_fmadd_ps,
    generic::dot_f16
);
summed!(
    l2_f32_avx2,
    f32,
    _mm256_loadu_ps,
    add_square,
    generic::l2_f32
);
summed!(l2_f16_avx2, f16, load_f16, add_square, generic::l2_f16);

/// Eight f16, which is a transparent u16, as f32.
///
/// # Safety
/// Eight numbers can be read there.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load_f16(row: *const f16) -> __m256 {
    // SAFETY: as the caller promised.
    unsafe { _mm256_cvtph_ps(_mm_loadu_si128(row.cast::<__m128i>())) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_square(q: __m256, r: __m256, sum: __m256) -> __m256 {
    let difference = _mm256_sub_ps(q, r);
    _mm256_fmadd_ps(difference, difference, sum)
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
