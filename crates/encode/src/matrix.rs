//! Matrix products, on the calling thread.

/// `left` [m x k] times `right` [k x n], both row-major.
pub fn product(left: &[f32], right: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    add_product(&mut out, left, right, m, k, n);
    out
}

/// Adds `left` [m x k] times `right` [k x n] to `out` [m x n].
#[expect(
    unsafe_code,
    reason = "the matrix kernel takes pointers; this is the crate's only call of it"
)]
pub fn add_product(out: &mut [f32], left: &[f32], right: &[f32], m: usize, k: usize, n: usize) {
    assert!(
        out.len() == m * n && left.len() == m * k && right.len() == k * n,
        "shapes of a product do not fit"
    );
    // SAFETY: the three slices hold exactly what the shapes and strides below address, and `out` is borrowed
    // mutably, so that it overlaps neither of the others.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            true,
            left.as_ptr(),
            1,
            k as isize,
            right.as_ptr(),
            1,
            n as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_three_loops((m, k, n) in (1usize..9, 1usize..40, 1usize..40), seed in any::<u32>()) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0 - 0.5
            };
            let left: Vec<f32> = (0..m * k).map(|_| next()).collect();
            let right: Vec<f32> = (0..k * n).map(|_| next()).collect();
            let found = product(&left, &right, m, k, n);
            for row in 0..m {
                for column in 0..n {
                    let expect: f32 = (0..k).map(|i| left[row * k + i] * right[i * n + column]).sum();
                    prop_assert!((found[row * n + column] - expect).abs() < 1e-4);
                }
            }
        }
    }
}
