//! Each way of a filtered search by itself against its exact twin: which of them a search takes depends on how many
//! rows there are, and a test has few.

use proptest::prelude::*;

use super::{Vamana, built};
use crate::bitmap::Bitmap;
use crate::family::{BuildOptions, Index, SearchOptions, exact};
use crate::gathered::Gathered;
use crate::metric::Metric;
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::Random;

const DIM: usize = 16;
const ROWS: usize = 6000;
const CORNERS: usize = 30;
const QUERIES: usize = 20;
const K: usize = 10;
const WIDTH: usize = 64;

/// Rows around some corners, of unit length.
fn rows(n: usize, random: &mut Random) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(n * DIM);
    for _ in 0..n {
        let mut corner = Random::new(random.below(CORNERS) as u64);
        let mut row: Vec<f32> = (0..DIM)
            .map(|_| corner.normal() + random.normal())
            .collect();
        crate::kernels::normalize(&mut row);
        numbers.extend(row);
    }
    numbers
}

fn vectors(numbers: &[f32]) -> Vectors<'_> {
    Vectors::of_f32(DIM, Metric::Cosine, numbers).unwrap()
}

fn index(numbers: &[f32]) -> Vamana {
    built(&vectors(numbers), &BuildOptions::default()).unwrap()
}

/// What every answer is: of rows let through, none twice, best first, with their exact scores.
fn check(found: &[Scored], vectors: &Vectors<'_>, query: &[f32], allowed: &Bitmap, k: usize) {
    assert_eq!(found.len() as u64, allowed.len().min(k as u64));
    assert!(found.is_sorted_by(|a, b| a.best_first(b).is_lt()));
    for scored in found {
        assert!(allowed.contains(scored.row));
        assert_eq!(scored.score, vectors.score(query, scored.row) + 0.0);
    }
}

/// The share of the true nearest that queries find, each with a filter of its own; `None` where one found nothing.
fn recall(
    numbers: &[f32],
    filter: impl Fn(&[Scored], &mut Random) -> Bitmap,
    find: impl Fn(&[f32], &Bitmap) -> Option<Vec<Scored>>,
) -> Option<f64> {
    let vectors = vectors(numbers);
    let mut random = Random::new(8);
    let mut n_found = 0;
    for _ in 0..QUERIES {
        let query = rows(1, &mut random);
        let ranked = exact(&vectors, vectors.len(), &query, numbers.len(), None);
        let allowed = filter(&ranked, &mut random);
        let found = find(&query, &allowed)?;
        check(&found, &vectors, &query, &allowed, K);
        let truth = exact(&vectors, vectors.len(), &query, K, Some(&allowed));
        n_found += truth.iter().filter(|best| found.contains(best)).count();
    }
    Some(n_found as f64 / (K * QUERIES) as f64)
}

fn asked<'a>(k: usize, allowed: &'a Bitmap, gathered: Option<&'a Gathered>) -> SearchOptions<'a> {
    SearchOptions {
        k,
        effort: 0,
        allowed: Some(allowed),
        gathered,
    }
}

fn share_of(allowed: &Bitmap) -> f64 {
    allowed.len() as f64 / ROWS as f64
}

fn some(share: f64) -> impl Fn(&[Scored], &mut Random) -> Bitmap {
    let count = (ROWS as f64 * share) as usize;
    move |_, random| random.sample(ROWS, count).into_iter().collect()
}

fn nearest(share: f64) -> impl Fn(&[Scored], &mut Random) -> Bitmap {
    let count = (ROWS as f64 * share) as usize;
    move |ranked, _| ranked[..count].iter().map(|scored| scored.row).collect()
}

fn farthest(share: f64) -> impl Fn(&[Scored], &mut Random) -> Bitmap {
    let count = (ROWS as f64 * share) as usize;
    move |ranked, _| {
        ranked[ROWS - count..]
            .iter()
            .map(|scored| scored.row)
            .collect()
    }
}

#[test]
fn walks_find_what_filters_let_through() {
    let numbers = rows(ROWS, &mut Random::new(1));
    let (index, vectors) = (index(&numbers), vectors(&numbers));
    let over_allowed = |query: &[f32], allowed: &Bitmap| {
        index.walk_allowed(&vectors, query, K, WIDTH, allowed, share_of(allowed))
    };
    for share in [0.5, 0.2, 0.1, 0.05] {
        let recall = recall(&numbers, some(share), over_allowed);
        assert!(recall >= Some(0.95), "{share} at random: {recall:?}");
    }
    for share in [0.5, 0.1] {
        let recall = recall(&numbers, nearest(share), over_allowed);
        assert!(recall >= Some(0.95), "the nearest {share}: {recall:?}");
    }
    let wider = |query: &[f32], allowed: &Bitmap| {
        index.walk_wider(&vectors, query, K, WIDTH, allowed, share_of(allowed))
    };
    for share in [0.5, 0.9] {
        let recall = recall(&numbers, some(share), wider);
        assert!(recall >= Some(0.95), "{share} of a wider walk: {recall:?}");
    }
}

/// Whoever calls scans instead.
#[test]
fn walks_tell_where_a_filter_keeps_away() {
    let numbers = rows(ROWS, &mut Random::new(2));
    let (index, vectors) = (index(&numbers), vectors(&numbers));
    let over_allowed = |query: &[f32], allowed: &Bitmap| {
        index.walk_allowed(&vectors, query, K, WIDTH, allowed, share_of(allowed))
    };
    let wider = |query: &[f32], allowed: &Bitmap| {
        index.walk_wider(&vectors, query, K, WIDTH, allowed, share_of(allowed))
    };
    for share in [0.5, 0.2] {
        assert_eq!(recall(&numbers, farthest(share), over_allowed), None);
        assert_eq!(recall(&numbers, farthest(share), wider), None);
    }
}

#[test]
fn a_scan_finds_what_filters_let_through_wherever_it_lies() {
    let numbers = rows(ROWS, &mut Random::new(3));
    let (index, vectors) = (index(&numbers), vectors(&numbers));
    let scan = |query: &[f32], allowed: &Bitmap| Some(index.scan(&vectors, query, K, allowed));
    let over_gathered = |query: &[f32], allowed: &Bitmap| {
        let gathered = index.gathered(allowed)?;
        let found = index.search(&vectors, query, &asked(K, allowed, Some(&gathered)));
        // Where the codes lie makes no difference.
        assert_eq!(Some(found.unwrap()), scan(query, allowed));
        scan(query, allowed)
    };
    for share in [0.4, 0.1, 0.05] {
        for recall in [
            recall(&numbers, some(share), over_gathered),
            recall(&numbers, farthest(share), over_gathered),
        ] {
            assert!(recall >= Some(0.97), "{share} gathered: {recall:?}");
        }
    }
    for share in [0.5, 0.1, 0.01] {
        for recall in [
            recall(&numbers, some(share), scan),
            recall(&numbers, nearest(share), scan),
            recall(&numbers, farthest(share), scan),
        ] {
            assert!(recall >= Some(0.97), "{share}: {recall:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Small whole numbers, so that ties are plenty and many rows are the same.
    #[test]
    fn a_scan_answers_with_as_many_rows_as_there_are(
        distinct in proptest::collection::vec(proptest::collection::vec(-2i8..=2, DIM), 1..40),
        query in proptest::collection::vec(-2i8..=2, DIM),
        n in 1usize..3000,
        k in prop_oneof![1usize..12, Just(700)],
        beyond in 0u32..200,
        dropped in proptest::collection::btree_set(0u32..3000, 0..800),
    ) {
        let numbers: Vec<f32> = distinct.iter().cycle().take(n).flatten().map(|&x| f32::from(x)).collect();
        let query: Vec<f32> = query.iter().map(|&x| f32::from(x)).collect();
        let vectors = Vectors::of_f32(DIM, Metric::L2, &numbers).unwrap();
        let index = built(&vectors, &BuildOptions::default()).unwrap();
        let is_allowed = |row: &u32| !dropped.contains(row);
        let asked: Bitmap = (0..n as u32 + beyond).filter(is_allowed).collect();
        let allowed: Bitmap = (0..n as u32).filter(is_allowed).collect();
        let found = index.scan(&vectors, &query, k, &asked);
        check(&found, &vectors, &query, &allowed, k);
        let truth = exact(&vectors, vectors.len(), &query, 1, Some(&allowed));
        prop_assert_eq!(found.first().map(|best| best.score), truth.first().map(|best| best.score));
    }
}
