//! Distances of an f32 query from f32 or f16 rows, and between rows of 7-bit
//! codes: one file per instruction set beside the generic twin that tests compare them with, and
//! the choice between them, made once at run time.
//!
//! All the crate's `unsafe` is in this folder. Sums are taken in another
//! order by each set, so that the last bits of a score may differ between
//! machines; a comparison with the twin allows for 1e-4 at unit length.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_codes;
pub mod generic;
#[cfg(target_arch = "aarch64")]
mod neon;

use half::f16;

use crate::vectors::Numbers;

/// What a row can be made of.
pub trait Element: Copy + Send + Sync + Default + 'static + private::Sealed {
    /// Dot product by the fastest set this machine has. Both slices must be
    /// of one length; of unequal ones the shorter length counts.
    fn dot(query: &[f32], row: &[Self]) -> f32;
    /// Squared Euclidean distance, on the same terms.
    fn l2(query: &[f32], row: &[Self]) -> f32;
    /// Rows of this kind, for [`crate::Vectors`].
    fn numbers(numbers: &[Self]) -> Numbers<'_>;
    fn from_f32(number: f32) -> Self;
    fn to_f32(self) -> f32;
    fn is_finite(self) -> bool;
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
}

impl Element for f32 {
    #[inline]
    fn dot(query: &[f32], row: &[f32]) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(dot) = avx2::dot_f32(query, row) {
            return dot;
        }
        #[cfg(target_arch = "aarch64")]
        return neon::dot_f32(query, row);
        #[cfg(not(target_arch = "aarch64"))]
        generic::dot_f32(query, row)
    }

    #[inline]
    fn l2(query: &[f32], row: &[f32]) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(l2) = avx2::l2_f32(query, row) {
            return l2;
        }
        generic::l2_f32(query, row)
    }

    fn numbers(numbers: &[f32]) -> Numbers<'_> {
        Numbers::F32(numbers)
    }

    fn from_f32(number: f32) -> f32 {
        number
    }

    fn to_f32(self) -> f32 {
        self
    }

    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Element for f16 {
    #[inline]
    fn dot(query: &[f32], row: &[f16]) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(dot) = avx2::dot_f16(query, row) {
            return dot;
        }
        #[cfg(target_arch = "aarch64")]
        return neon::dot_f16(query, row);
        #[cfg(not(target_arch = "aarch64"))]
        generic::dot_f16(query, row)
    }

    #[inline]
    fn l2(query: &[f32], row: &[f16]) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(l2) = avx2::l2_f16(query, row) {
            return l2;
        }
        generic::l2_f16(query, row)
    }

    fn numbers(numbers: &[f16]) -> Numbers<'_> {
        Numbers::F16(numbers)
    }

    fn from_f32(number: f32) -> f16 {
        f16::from_f32(number)
    }

    fn to_f32(self) -> f32 {
        f16::to_f32(self)
    }

    fn is_finite(self) -> bool {
        f16::is_finite(self)
    }
}

/// Dot product of a query's signed codes with a row's, which are 0 to 127.
/// Both slices are of one length, a multiple of [`CODE_STEP`].
#[inline]
pub fn dot_codes(query: &[i8], row: &[u8]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(dot) = avx2_codes::dot(query, row) {
        return dot;
    }
    generic::dot_codes(query, row)
}

/// Squared Euclidean distance of two rows of codes, each 0 to 127, of one
/// length, a multiple of [`CODE_STEP`].
#[inline]
pub fn l2_codes(a: &[u8], b: &[u8]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(l2) = avx2_codes::l2(a, b) {
        return l2;
    }
    generic::l2_codes(a, b)
}

/// [`dot_codes`] with some rows of a table, whose rows are as long as the
/// query: one product for each, in their order.
#[inline]
pub fn dot_codes_each(query: &[i8], table: &[u8], rows: &[u32], products: &mut Vec<f32>) {
    products.clear();
    products.resize(rows.len(), 0.0);
    #[cfg(target_arch = "x86_64")]
    if avx2_codes::dot_each(query, table, rows, products) {
        return;
    }
    each(query.len(), table, rows, products, |row| {
        generic::dot_codes(query, row)
    });
}

/// [`dot_codes`] with all rows of a table in their order, one for each product; a table of another length panics.
#[inline]
pub fn dot_codes_run(query: &[i8], table: &[u8], products: &mut [f32]) {
    assert_eq!(table.len(), query.len() * products.len(), "rows of a table");
    #[cfg(target_arch = "x86_64")]
    if avx2_codes::dot_run(query, table, products) {
        return;
    }
    products.fill(0.0);
    for (row, product) in table.chunks(query.len().max(1)).zip(products) {
        *product = generic::dot_codes(query, row) as f32;
    }
}

/// [`l2_codes`] on the same terms.
#[inline]
pub fn l2_codes_each(from: &[u8], table: &[u8], rows: &[u32], distances: &mut Vec<f32>) {
    distances.clear();
    distances.resize(rows.len(), 0.0);
    #[cfg(target_arch = "x86_64")]
    if avx2_codes::l2_each(from, table, rows, distances) {
        return;
    }
    each(from.len(), table, rows, distances, |row| {
        generic::l2_codes(from, row)
    });
}

fn each(stride: usize, table: &[u8], rows: &[u32], results: &mut [f32], of: impl Fn(&[u8]) -> i32) {
    for (&row, result) in rows.iter().zip(results) {
        let start = row as usize * stride;
        *result = of(&table[start..start + stride]) as f32;
    }
}

/// The code that stands for zero.
pub const ZERO_CODE: f32 = 64.0;
/// The largest code.
pub const MOST_CODE: f32 = 127.0;
/// Codes of a row come in whole registers.
pub const CODE_STEP: usize = 32;

/// Ask the memory for what will be read soon; at most the first eight lines.
#[inline]
pub fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    avx2_codes::prefetch(numbers);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// The instruction set in use, for `stats` and benchmarks.
pub fn name() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if avx2::available() {
        return "avx2+fma+f16c";
    }
    if cfg!(target_arch = "aarch64") {
        "neon"
    } else {
        "generic"
    }
}

/// Bring a vector to unit length. False, and the vector as it was, when it is
/// zero or not finite.
pub fn normalize(vector: &mut [f32]) -> bool {
    // In f64 neither large nor tiny numbers leave the range when squared.
    let squares: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    if !(squares.is_finite() && squares > 0.0) {
        return false;
    }
    let scale = 1.0 / squares.sqrt();
    for x in vector {
        *x = (f64::from(*x) * scale) as f32;
    }
    true
}
