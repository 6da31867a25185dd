//! Distances of 7-bit codes with AVX2: 32 codes a register. Products of two
//! neighbours are added in 16 bits, which 127 x 127 x 2 does not leave.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_prefetch, _mm_shuffle_epi32,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi16,
    _mm256_setzero_si256, _mm256_subs_epu8,
};

use super::{CODE_STEP, avx2};

/// Bytes that the memory hands over at once.
const LINE: usize = 64;
/// Lines asked for ahead; the hardware follows a longer run by itself.
const LINES_AHEAD: usize = 8;

#[inline]
pub fn dot(query: &[i8], row: &[u8]) -> Option<i32> {
    // SAFETY: the instructions are there, as just asked.
    avx2::available().then(|| unsafe { dot_avx2(query, row) })
}

#[inline]
pub fn l2(a: &[u8], b: &[u8]) -> Option<i32> {
    // SAFETY: the instructions are there, as just asked.
    avx2::available().then(|| unsafe { l2_avx2(a, b) })
}

#[inline]
pub fn prefetch<T>(numbers: &[T]) {
    let lines = size_of_val(numbers).div_ceil(LINE).min(LINES_AHEAD);
    let start = numbers.as_ptr().cast::<i8>();
    for line in 0..lines {
        // SAFETY: a prefetch reads nothing into the program; the address is within the slice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(line * LINE)) };
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn dot_avx2(query: &[i8], row: &[u8]) -> i32 {
    let n = query.len().min(row.len()) / CODE_STEP * CODE_STEP;
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    let mut at = 0;
    while at < n {
        // SAFETY: `at` never exceeds n - 32, so both reads stay within the slices.
        let (q, r) = unsafe {
            (
                _mm256_loadu_si256(query.as_ptr().add(at).cast::<__m256i>()),
                _mm256_loadu_si256(row.as_ptr().add(at).cast::<__m256i>()),
            )
        };
        let pairs = _mm256_maddubs_epi16(r, q);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        at += CODE_STEP;
    }
    add_up(sum)
}

#[target_feature(enable = "avx2,fma,f16c")]
fn l2_avx2(a: &[u8], b: &[u8]) -> i32 {
    let n = a.len().min(b.len()) / CODE_STEP * CODE_STEP;
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    let mut at = 0;
    while at < n {
        // SAFETY: `at` never exceeds n - 32, so both reads stay within the slices.
        let (a, b) = unsafe {
            (
                _mm256_loadu_si256(a.as_ptr().add(at).cast::<__m256i>()),
                _mm256_loadu_si256(b.as_ptr().add(at).cast::<__m256i>()),
            )
        };
        let apart = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
        let pairs = _mm256_maddubs_epi16(apart, apart);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        at += CODE_STEP;
    }
    add_up(sum)
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_up(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two));
    _mm_cvtsi128_si32(one)
}
