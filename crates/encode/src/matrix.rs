//! Matrix products, on the calling thread.

/// `left` [m x k] times `right` [k x n], both row-major.
pub fn product(left: &[f32], right: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    add_product(&mut out, left, right, m, k, n);
    out
}

/// `left` [m x k] times the transpose of `right` [n x k], both row-major: every row of one by every row of the other.
pub fn product_of_rows(left: &[f32], right: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    multiply(&mut out, left, right, (m, k, n), (1, k));
    out
}

/// Adds `left` [m x k] times `right` [k x n] to `out` [m x n].
pub fn add_product(out: &mut [f32], left: &[f32], right: &[f32], m: usize, k: usize, n: usize) {
    multiply(out, left, right, (m, k, n), (n, 1));
}

/// Adds a product to `out` [m x n]; `steps` is how far apart two rows and two columns of `right` lie.
#[expect(
    unsafe_code,
    reason = "the matrix kernel takes pointers; this is the crate's only call of it"
)]
fn multiply(
    out: &mut [f32],
    left: &[f32],
    right: &[f32],
    (m, k, n): (usize, usize, usize),
    steps: (usize, usize),
) {
    assert!(
        out.len() == m * n && left.len() == m * k && right.len() == k * n,
        "shapes of a product do not fit"
    );
    assert!(
        steps == (n, 1) || steps == (1, k),
        "a matrix is row-major or its transpose is"
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
            steps.1 as isize,
            steps.0 as isize,
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
            let turned: Vec<f32> = (0..n * k).map(|i| right[i % k * n + i / k]).collect();
            let of_rows = product_of_rows(&left, &turned, m, k, n);
            prop_assert!(found.iter().zip(&of_rows).all(|(a, b)| (a - b).abs() < 1e-4));
            for row in 0..m {
                for column in 0..n {
                    let expect: f32 = (0..k).map(|i| left[row * k + i] * right[i * n + column]).sum();
                    prop_assert!((found[row * n + column] - expect).abs() < 1e-4);
                }
            }
        }
    }
}
