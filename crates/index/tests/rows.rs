//! `Rows` against its naive twin: a vector of vectors and a full sort.

use fovea_index::{Bitmap, CHUNK_ROWS, Element, Error, Metric, Rows, Scored, TopK, f16};
use proptest::prelude::*;

/// The twin: every score, sorted.
fn naive(rows: &[Vec<f32>], query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
    let mut all: Vec<Scored> = rows
        .iter()
        .enumerate()
        .map(|(row, vector)| Scored {
            row: row as u32,
            score: query.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>() + 0.0,
        })
        .filter(|scored| allowed.is_none_or(|allowed| allowed.contains(scored.row)))
        .collect();
    all.sort_by(Scored::best_first);
    all.truncate(k);
    all
}

/// The one door. Numbers are small integers, so that every order of summing
/// gives the same score and ties are plenty.
fn check<E: Element>(rows: &[Vec<f32>], query: &[f32], k: usize, allowed: Option<&Bitmap>) {
    let mut held = Rows::<E>::new(query.len(), Metric::Cosine);
    for vector in rows {
        let vector: Vec<E> = vector.iter().map(|&x| E::from_f32(x)).collect();
        held.push(&vector).unwrap();
    }
    let expect = naive(rows, query, k, allowed);
    assert_eq!(held.search(query, k, allowed).unwrap(), expect);

    let half = held.len() / 2;
    let mut pieces = held.search_rows(query, k, allowed, 0..half).unwrap();
    pieces.merge(
        held.search_rows(query, k, allowed, half..held.len())
            .unwrap(),
    );
    assert_eq!(pieces.into_sorted(), expect, "in two pieces");
}

fn vectors(dim: usize, n: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
    let number = (-3i8..=3).prop_map(f32::from);
    proptest::collection::vec(proptest::collection::vec(number, dim), 0..n)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn search_agrees_with_a_full_sort(
        (rows, query) in (1usize..70).prop_flat_map(|dim| (vectors(dim, 60), vectors(dim, 2))),
        k in 0usize..70,
        allowed in proptest::option::of(proptest::collection::btree_set(0u32..80, 0..40)),
    ) {
        let Some(query) = query.first() else { return Ok(()) };
        let allowed: Option<Bitmap> = allowed.map(|rows| rows.into_iter().collect());
        check::<f32>(&rows, query, k, allowed.as_ref());
        check::<f16>(&rows, query, k, allowed.as_ref());
    }

    #[test]
    fn edits_agree_with_a_vector_of_vectors(
        edits in proptest::collection::vec((0u8..4, any::<prop::sample::Index>(), -9i8..9), 1..60),
    ) {
        let mut held = Rows::<f32>::new(2, Metric::Cosine);
        let mut twin: Vec<Vec<f32>> = Vec::new();
        let mut kept = None;
        for (kind, at, number) in edits {
            let vector = vec![f32::from(number), 1.0];
            match kind {
                0 | 1 => {
                    prop_assert_eq!(held.push(&vector).unwrap(), twin.len() as u32);
                    twin.push(vector);
                }
                2 if !twin.is_empty() => {
                    let row = at.index(twin.len());
                    held.replace(row as u32, &vector).unwrap();
                    twin[row] = vector;
                }
                3 if !twin.is_empty() => {
                    let row = at.index(twin.len());
                    prop_assert_eq!(held.remove(row as u32).unwrap(), twin.len() as u32 - 1);
                    twin.swap_remove(row);
                }
                _ => {}
            }
            if kept.is_none() {
                kept = Some((held.clone(), twin.clone()));
            }
            agree(&held, &twin);
        }
        if let Some((held, twin)) = kept {
            agree(&held, &twin);
        }
    }
}

fn agree(held: &Rows, twin: &[Vec<f32>]) {
    assert_eq!(held.len() as usize, twin.len());
    for (row, vector) in twin.iter().enumerate() {
        assert_eq!(held.row(row as u32), Some(vector.as_slice()));
    }
    assert_eq!(held.row(held.len()), None);
}

#[test]
fn a_clone_keeps_its_rows_across_chunks() {
    let n = CHUNK_ROWS as u32 * 2 + 5;
    let mut held = Rows::<f32>::new(1, Metric::Cosine);
    for row in 0..n {
        held.push(&[row as f32]).unwrap();
    }
    let before = held.clone();
    for _ in 0..10 {
        held.remove(3).unwrap();
    }
    held.replace(0, &[-1.0]).unwrap();
    assert_eq!(
        (before.len(), before.row(3), before.row(0)),
        (n, Some(&[3.0][..]), Some(&[0.0][..]))
    );
    assert_eq!(held.len(), n - 10);
    assert_eq!(held.row(3), Some(&[(n - 10) as f32][..]));
    let best = before.search(&[1.0], 2, None).unwrap();
    assert_eq!(
        best.iter().map(|s| s.row).collect::<Vec<_>>(),
        [n - 1, n - 2]
    );
}

#[test]
fn what_compares_with_nothing_is_refused() {
    let mut held = Rows::<f32>::new(2, Metric::Cosine);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(
            held.push(&[0.0, bad]),
            Err(Error::NotFinite { position: 1 })
        );
        assert!(held.search(&[bad, 0.0], 1, None).is_err());
    }
    let short = Err(Error::Dimension {
        expected: 2,
        got: 1,
    });
    assert_eq!(held.push(&[1.0]), short);
    assert_eq!(
        held.replace(0, &[1.0, 1.0]),
        Err(Error::NoSuchRow { row: 0, rows: 0 })
    );
    assert_eq!(held.remove(0), Err(Error::NoSuchRow { row: 0, rows: 0 }));
    assert!(held.is_empty());
}

#[test]
fn a_negative_zero_is_a_zero() {
    let mut best = TopK::new(2);
    for (row, score) in [(3, -0.0), (2, 0.0), (1, -0.0)] {
        best.push(row, score);
    }
    let rows: Vec<u32> = best.into_sorted().iter().map(|s| s.row).collect();
    assert_eq!(rows, [1, 2]);
}

#[test]
fn a_huge_k_costs_nothing() {
    let mut best = TopK::new(usize::MAX);
    best.push(1, 0.5);
    assert_eq!(best.into_sorted(), [Scored { row: 1, score: 0.5 }]);
}
