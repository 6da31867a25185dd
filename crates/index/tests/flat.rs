//! `Flat` against its naive twin: a vector of vectors and a full sort.

use fovea_index::{CHUNK_ROWS, Element, Error, Flat, Scored, TopK, f16};
use proptest::prelude::*;
use roaring::RoaringBitmap;

/// The twin: every score, sorted.
fn naive(
    rows: &[Vec<f32>],
    query: &[f32],
    k: usize,
    allowed: Option<&RoaringBitmap>,
) -> Vec<Scored> {
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
fn check<E: Element>(rows: &[Vec<f32>], query: &[f32], k: usize, allowed: Option<&RoaringBitmap>) {
    let mut flat = Flat::<E>::new(query.len());
    for vector in rows {
        let vector: Vec<E> = vector.iter().map(|&x| E::from_f32(x)).collect();
        flat.push(&vector).unwrap();
    }
    let expect = naive(rows, query, k, allowed);
    assert_eq!(flat.search(query, k, allowed).unwrap(), expect);

    let half = flat.len() / 2;
    let mut pieces = flat.search_rows(query, k, allowed, 0..half).unwrap();
    pieces.merge(
        flat.search_rows(query, k, allowed, half..flat.len())
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
        let allowed: Option<RoaringBitmap> = allowed.map(|rows| rows.into_iter().collect());
        check::<f32>(&rows, query, k, allowed.as_ref());
        check::<f16>(&rows, query, k, allowed.as_ref());
    }

    #[test]
    fn edits_agree_with_a_vector_of_vectors(
        edits in proptest::collection::vec((0u8..4, any::<prop::sample::Index>(), -9i8..9), 1..60),
    ) {
        let mut flat = Flat::<f32>::new(2);
        let mut twin: Vec<Vec<f32>> = Vec::new();
        let mut kept = None;
        for (kind, at, number) in edits {
            let vector = vec![f32::from(number), 1.0];
            match kind {
                0 | 1 => {
                    prop_assert_eq!(flat.push(&vector).unwrap(), twin.len() as u32);
                    twin.push(vector);
                }
                2 if !twin.is_empty() => {
                    let row = at.index(twin.len());
                    flat.replace(row as u32, &vector).unwrap();
                    twin[row] = vector;
                }
                3 if !twin.is_empty() => {
                    let row = at.index(twin.len());
                    prop_assert_eq!(flat.remove(row as u32).unwrap(), twin.len() as u32 - 1);
                    twin.swap_remove(row);
                }
                _ => {}
            }
            if kept.is_none() {
                kept = Some((flat.clone(), twin.clone()));
            }
            agree(&flat, &twin);
        }
        if let Some((flat, twin)) = kept {
            agree(&flat, &twin);
        }
    }
}

fn agree(flat: &Flat, twin: &[Vec<f32>]) {
    assert_eq!(flat.len() as usize, twin.len());
    for (row, vector) in twin.iter().enumerate() {
        assert_eq!(flat.row(row as u32), Some(vector.as_slice()));
    }
    assert_eq!(flat.row(flat.len()), None);
}

#[test]
fn a_clone_keeps_its_rows_across_chunks() {
    let n = CHUNK_ROWS as u32 * 2 + 5;
    let mut flat = Flat::<f32>::new(1);
    for row in 0..n {
        flat.push(&[row as f32]).unwrap();
    }
    let before = flat.clone();
    for _ in 0..10 {
        flat.remove(3).unwrap();
    }
    flat.replace(0, &[-1.0]).unwrap();
    assert_eq!(
        (before.len(), before.row(3), before.row(0)),
        (n, Some(&[3.0][..]), Some(&[0.0][..]))
    );
    assert_eq!(flat.len(), n - 10);
    assert_eq!(flat.row(3), Some(&[(n - 10) as f32][..]));
    let best = before.search(&[1.0], 2, None).unwrap();
    assert_eq!(
        best.iter().map(|s| s.row).collect::<Vec<_>>(),
        [n - 1, n - 2]
    );
}

#[test]
fn what_compares_with_nothing_is_refused() {
    let mut flat = Flat::<f32>::new(2);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(
            flat.push(&[0.0, bad]),
            Err(Error::NotFinite { position: 1 })
        );
        assert!(flat.search(&[bad, 0.0], 1, None).is_err());
    }
    let short = Err(Error::Dimension {
        expected: 2,
        got: 1,
    });
    assert_eq!(flat.push(&[1.0]), short);
    assert_eq!(
        flat.replace(0, &[1.0, 1.0]),
        Err(Error::NoSuchRow { row: 0, rows: 0 })
    );
    assert_eq!(flat.remove(0), Err(Error::NoSuchRow { row: 0, rows: 0 }));
    assert!(flat.is_empty());
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
