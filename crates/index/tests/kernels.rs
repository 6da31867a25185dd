//! The machine's kernels against the generic twin and against f64.

use fovea_index::kernels::{
    CODE_STEP, dot_codes, dot_codes_each, dot_codes_run, generic, l2_codes, l2_codes_each,
    normalize,
};
use fovea_index::{Element, Random, f16};
use proptest::prelude::*;

/// The one door: both kernels and both twins, within rounding of the exact sum.
fn check(query: &[f32], row: &[f32]) {
    let halves: Vec<f16> = row.iter().map(|&x| f16::from_f32(x)).collect();
    let widened: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
    close(
        query,
        row,
        [f32::dot(query, row), generic::dot_f32(query, row)],
    );
    close(
        query,
        &widened,
        [f16::dot(query, &halves), generic::dot_f16(query, &halves)],
    );
}

fn close(query: &[f32], row: &[f32], sums: [f32; 2]) {
    let products = || {
        query
            .iter()
            .zip(row)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
    };
    let exact: f64 = products().sum();
    let size: f64 = products().map(f64::abs).sum();
    for sum in sums {
        let error = (f64::from(sum) - exact).abs();
        assert!(
            error <= 1e-5 * size + 1e-30,
            "{sum} for {exact} at length {}",
            row.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn dot_products_agree(pairs in proptest::collection::vec((-2.0f32..2.0, -2.0f32..2.0), 0..200)) {
        let (query, row): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        check(&query, &row);
    }

    #[test]
    fn normalize_gives_unit_length(mut vector in proptest::collection::vec(-1e30f32..1e30, 1..50)) {
        let zero = vector.iter().all(|&x| x == 0.0);
        prop_assert_eq!(normalize(&mut vector), !zero);
        let length: f64 = vector.iter().map(|&x| f64::from(x).powi(2)).sum();
        prop_assert!(zero || (length - 1.0).abs() < 1e-5, "{}", length);
    }
}

#[test]
fn slices_that_begin_anywhere_are_read() {
    let numbers: Vec<f32> = (0..300).map(|i| (i as f32).sin()).collect();
    for start in 0..9 {
        for len in [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 200] {
            check(
                &numbers[start..start + len],
                &numbers[90 - start..90 - start + len],
            );
        }
    }
}

#[test]
fn what_has_no_direction_is_left_alone() {
    for bad in [
        vec![],
        vec![0.0; 3],
        vec![1.0, f32::NAN],
        vec![f32::INFINITY, 1.0],
    ] {
        let mut vector = bad.clone();
        assert!(!normalize(&mut vector));
        assert_eq!(format!("{vector:?}"), format!("{bad:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn squared_distances_agree(pairs in proptest::collection::vec((-2.0f32..2.0, -2.0f32..2.0), 0..200)) {
        let (query, row): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let halves: Vec<f16> = row.iter().map(|&x| f16::from_f32(x)).collect();
        let exact = |row: &[f32]| -> f64 {
            query.iter().zip(row).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
        };
        let widened: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
        for (found, exact) in [
            (f32::l2(&query, &row), exact(&row)),
            (generic::l2_f32(&query, &row), exact(&row)),
            (f16::l2(&query, &halves), exact(&widened)),
            (generic::l2_f16(&query, &halves), exact(&widened)),
        ] {
            prop_assert!((f64::from(found) - exact).abs() <= 1e-5 * exact + 1e-30);
        }
    }

    #[test]
    fn codes_agree(
        steps in 0usize..40,
        seed in any::<u64>(),
        extreme in any::<bool>(),
        offset in 0usize..32,
    ) {
        let mut random = Random::new(seed);
        let n = steps * CODE_STEP;
        let mut code = || if extreme { 127 } else { random.below(128) as u8 };
        let a: Vec<u8> = (0..n + offset).map(|_| code()).collect();
        let b: Vec<u8> = (0..n + offset).map(|_| if extreme { 0 } else { code() }).collect();
        let query: Vec<i8> = (0..n + offset)
            .map(|i| if extreme { -127 } else { (i * 37 % 255) as i8 })
            .map(|x| x.max(-127))
            .collect();
        let (a, b, query) = (&a[offset..], &b[offset..], &query[offset..]);
        prop_assert_eq!(dot_codes(query, a), generic::dot_codes(query, a));
        prop_assert_eq!(l2_codes(a, b), generic::l2_codes(a, b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any number of rows, in any order, twice too, from a table that begins anywhere.
    #[test]
    fn codes_of_several_rows_agree(
        steps in 1usize..20,
        rows in proptest::collection::vec(0u32..7, 0..14),
        seed in any::<u64>(),
        offset in 0usize..32,
    ) {
        let mut random = Random::new(seed);
        let n = steps * CODE_STEP;
        let table: Vec<u8> = (0..7 * n + offset).map(|_| random.below(128) as u8).collect();
        let table = &table[offset..];
        let query: Vec<i8> = (0..n).map(|_| (random.below(255) as i32 - 127) as i8).collect();
        let from = &table[..n];
        let row = |row: u32| &table[row as usize * n..][..n];
        let mut found = vec![7.0; 3];
        dot_codes_each(&query, table, &rows, &mut found);
        let expected = rows.iter().map(|&r| generic::dot_codes(&query, row(r)) as f32);
        prop_assert_eq!(&found, &expected.collect::<Vec<f32>>());
        let mut run = [7.0; 7];
        for n_rows in 0..=7 {
            dot_codes_run(&query, &table[..n_rows * n], &mut run[..n_rows]);
            let expected = (0..n_rows as u32).map(|r| generic::dot_codes(&query, row(r)) as f32);
            prop_assert_eq!(&run[..n_rows], expected.collect::<Vec<f32>>());
        }
        l2_codes_each(from, table, &rows, &mut found);
        let expected = rows.iter().map(|&r| generic::l2_codes(from, row(r)) as f32);
        prop_assert_eq!(&found, &expected.collect::<Vec<f32>>());
    }
}
