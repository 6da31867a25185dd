//! Dot products of an f32 query with f32 or f16 rows: one file per
//! instruction set beside the generic twin that tests compare them with, and
//! the choice between them, made once at run time.
//!
//! All the crate's `unsafe` is in this folder. Sums are taken in another
//! order by each set, so that the last bits of a score may differ between
//! machines; a comparison with the twin allows for 1e-4 at unit length.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub mod generic;
#[cfg(target_arch = "aarch64")]
mod neon;

use half::f16;

/// What a row can be made of.
pub trait Element: Copy + Send + Sync + Default + 'static + private::Sealed {
    /// Dot product by the fastest set this machine has. Both slices must be
    /// of one length; of unequal ones the shorter length counts.
    fn dot(query: &[f32], row: &[Self]) -> f32;
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
