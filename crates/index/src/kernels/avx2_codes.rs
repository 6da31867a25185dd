//! Distances of 7-bit codes with AVX2: 32 codes a register. Products of two
//! neighbours are added in 16 bits, which 127 x 127 x 2 does not leave.

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtepi32_ps, _mm_cvtsi128_si32, _mm_prefetch,
    _mm_shuffle_epi32, _mm_storeu_ps, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi16, _mm256_setzero_si256,
    _mm256_subs_epu8,
};

use super::{CODE_STEP, avx2};

/// Bytes that the memory hands over at once.
const LINE: usize = 64;
/// Lines asked for ahead; the hardware follows a longer run by itself.
const LINES_AHEAD: usize = 16;
/// Rows that are compared side by side, so that none waits for the sum of another.
const SIDE_BY_SIDE: usize = 4;

#[inline]
pub fn dot(query: &[i8], row: &[u8]) -> Option<i32> {
    // SAFETY: the instructions are there, as just asked.
    avx2::available().then(|| unsafe { one::<false>(bytemuck::cast_slice(query), row) })
}

#[inline]
pub fn l2(a: &[u8], b: &[u8]) -> Option<i32> {
    // SAFETY: the instructions are there, as just asked.
    avx2::available().then(|| unsafe { one::<true>(a, b) })
}

/// False, and nothing written, where the instructions are missing.
#[inline]
pub fn dot_each(query: &[i8], table: &[u8], rows: &[u32], products: &mut [f32]) -> bool {
    let is_there = avx2::available();
    if is_there {
        // SAFETY: the instructions are there, as just asked.
        unsafe {
            each::<false>(
                bytemuck::cast_slice(query),
                table,
                |i| rows[i] as usize,
                products,
            )
        };
    }
    is_there
}

/// The same for all rows of a table, one after the other.
#[inline]
pub fn dot_run(query: &[i8], table: &[u8], products: &mut [f32]) -> bool {
    let is_there = avx2::available();
    if is_there {
        // SAFETY: the instructions are there, as just asked.
        unsafe { each::<false>(bytemuck::cast_slice(query), table, |i| i, products) };
    }
    is_there
}

/// The same for distances.
#[inline]
pub fn l2_each(from: &[u8], table: &[u8], rows: &[u32], distances: &mut [f32]) -> bool {
    let is_there = avx2::available();
    if is_there {
        // SAFETY: the instructions are there, as just asked.
        unsafe { each::<true>(from, table, |i| rows[i] as usize, distances) };
    }
    is_there
}

#[inline]
pub fn prefetch<T>(numbers: &[T]) {
    let start = numbers.as_ptr().cast::<i8>();
    // A run that begins within a line reaches one more.
    let within = start.addr() % LINE;
    let lines = (within + size_of_val(numbers)).div_ceil(LINE);
    for line in 0..lines.min(LINES_AHEAD) {
        // SAFETY: a prefetch reads nothing into the program, and faults nowhere; the address is of a line that the
        // slice has a part of, or of the slice's start.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * LINE).wrapping_sub(within))
        };
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn one<const IS_DISTANCE: bool>(a: &[u8], b: &[u8]) -> i32 {
    let n = a.len().min(b.len()) / CODE_STEP * CODE_STEP;
    let mut sum = _mm256_setzero_si256();
    for at in (0..n).step_by(CODE_STEP) {
        // SAFETY: `at` never exceeds n - 32, so both reads stay within the slices.
        let (a, b) = unsafe { (load(a, at), load(b, at)) };
        sum = _mm256_add_epi32(sum, terms::<IS_DISTANCE>(a, b));
    }
    let four = halves_added(sum);
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two));
    _mm_cvtsi128_si32(one)
}

/// Rows of a table, each as long as `a`, in fours: one for each result.
#[target_feature(enable = "avx2,fma,f16c")]
fn each<const IS_DISTANCE: bool>(
    a: &[u8],
    table: &[u8],
    row_of: impl Fn(usize) -> usize,
    results: &mut [f32],
) {
    let stride = a.len();
    let codes_of = |i| &table[row_of(i) * stride..][..stride];
    let (fours, rest) = results.as_chunks_mut::<SIDE_BY_SIDE>();
    let n_in_fours = fours.len() * SIDE_BY_SIDE;
    for (four, results) in fours.iter_mut().enumerate() {
        let i = four * SIDE_BY_SIDE;
        // Written out, because what is compiled for these instructions is not inlined into `array::from_fn`.
        let codes = [
            codes_of(i),
            codes_of(i + 1),
            codes_of(i + 2),
            codes_of(i + 3),
        ];
        // SAFETY: each row is as long as `a`, and the array has the four places that are written.
        unsafe {
            let sums = side_by_side::<IS_DISTANCE>(a, codes);
            _mm_storeu_ps(results.as_mut_ptr(), _mm_cvtepi32_ps(sums));
        }
    }
    for (i, result) in (n_in_fours..).zip(rest) {
        *result = one::<IS_DISTANCE>(a, codes_of(i)) as f32;
    }
}

/// The sums of four rows.
///
/// # Safety
/// Each row is as long as `a`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn side_by_side<const IS_DISTANCE: bool>(a: &[u8], rows: [&[u8]; SIDE_BY_SIDE]) -> __m128i {
    let n = a.len() / CODE_STEP * CODE_STEP;
    let mut sums = [_mm256_setzero_si256(); SIDE_BY_SIDE];
    for at in (0..n).step_by(CODE_STEP) {
        // SAFETY: `at` never exceeds n - 32, so the reads stay within slices of n or more.
        unsafe {
            let a = load(a, at);
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = _mm256_add_epi32(*sum, terms::<IS_DISTANCE>(a, load(row, at)));
            }
        }
    }
    let first = _mm256_hadd_epi32(sums[0], sums[1]);
    let second = _mm256_hadd_epi32(sums[2], sums[3]);
    halves_added(_mm256_hadd_epi32(first, second))
}

/// # Safety
/// 32 bytes from `at` on lie within the slice.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load(codes: &[u8], at: usize) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_loadu_si256(codes.as_ptr().add(at).cast::<__m256i>()) }
}

/// What 32 codes add to the sum: squared differences, or products where `a` is a signed query.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn terms<const IS_DISTANCE: bool>(a: __m256i, b: __m256i) -> __m256i {
    let pairs = if IS_DISTANCE {
        let apart = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
        _mm256_maddubs_epi16(apart, apart)
    } else {
        _mm256_maddubs_epi16(b, a)
    };
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn halves_added(sum: __m256i) -> __m128i {
    _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    )
}
