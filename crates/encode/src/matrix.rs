//! Matrix products, on the calling thread. A row of a product is the same to the bit whatever other rows are beside it.

/// Terms of a sum that are added up at once. The kernel cuts longer sums as it suits the shape of all, and what it rounds
/// would depend on how many rows there are.
const TERMS: usize = 512;

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
    // Summed apart from what is there: for a single row the kernel would begin at that, for several add it at the end.
    let mut partial = vec![0.0; m * n];
    for start in (0..k).step_by(TERMS) {
        let terms = TERMS.min(k - start);
        // SAFETY: the three slices hold exactly what the shapes and strides below address, from `start` on no more than
        // the rest of a row of `left` and of a column of `right`, and nobody else has `partial`, which is as long as `out`.
        unsafe {
            gemm::gemm(
                m,
                n,
                terms,
                partial.as_mut_ptr(),
                1,
                n as isize,
                false,
                left.as_ptr().add(start),
                1,
                k as isize,
                right.as_ptr().add(start * steps.0),
                steps.1 as isize,
                steps.0 as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
        let sums = out.iter_mut().zip(&partial);
        sums.for_each(|(sum, partial)| *sum += partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_is_the_same_to_the_bit_among_others() {
        // The shapes of the text network, and numbers of both signs and many sizes.
        for (k, n) in [(512, 768), (1280, 256), (1280, 512), (320, 512), (512, 320)] {
            let right: Vec<f32> = (0..k * n).map(|i| number(i as u32)).collect();
            let rows = 70;
            let left: Vec<f32> = (0..rows * k).map(|i| number(!(i as u32))).collect();
            let all = product(&left, &right, rows, k, n);
            for m in [1, 2, 3, 5, 8, 13, 33] {
                for at in (0..rows - m).step_by(11) {
                    let some = product(&left[at * k..(at + m) * k], &right, m, k, n);
                    let same = some.iter().zip(&all[at * n..]);
                    let same = same.filter(|(a, b)| a.to_bits() == b.to_bits()).count();
                    assert_eq!(same, m * n, "{m} rows of {k} x {n} from {at}");
                }
            }
        }
    }

    fn number(seed: u32) -> f32 {
        let mixed = seed.wrapping_mul(2_654_435_761).rotate_left(13) ^ seed;
        mixed.wrapping_mul(2_246_822_519) as i32 as f32 / 1e9
    }

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
