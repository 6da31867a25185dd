//! Shots that are alike and not the same picture: near in the encoder's own space.
//!
//! All pairs again, of a few random projections first: they keep distances to within a few parts of a hundred (Johnson and
//! Lindenstrauss 1984; with signs, Achlioptas 2003), and what is near there is measured in full.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::watch::{Stage, Watch};

/// Cosine from which on two pictures are shots of one thing by default; `fovea search --group similar` shows one of these.
pub const DEFAULT: f32 = crate::arrange::ALIKE;

const PROJECTIONS: usize = 64;
/// Squared distances of projections are that much too large at most, in nearly all cases.
const SLACK: f32 = 1.7;
const UNIT: f32 = 4096.0;
const ROWS_AT_ONCE: usize = 64;

/// Two rows, by their places, and their cosine.
pub type Near = (usize, usize, f32);

/// All pairs of these unit vectors with this cosine or more; none where the watch cancelled.
pub fn near_pairs(
    vectors: &[Vec<f32>],
    least: f32,
    threads: usize,
    watch: &Watch<'_>,
) -> Option<Vec<Near>> {
    let rows: Vec<[i16; PROJECTIONS]> = vectors.iter().map(|vector| projected(vector)).collect();
    let most = (2.0 * (1.0 - least)).max(0.0) * SLACK * UNIT * UNIT + UNIT;
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let start = next.fetch_add(ROWS_AT_ONCE, Ordering::Relaxed);
            if start >= rows.len() || watch.is_cancelled() {
                return;
            }
            let mut mine = Vec::new();
            for at in start..(start + ROWS_AT_ONCE).min(rows.len()) {
                for (other, row) in rows.iter().enumerate().skip(at + 1) {
                    if distance(&rows[at], row) as f32 > most {
                        continue;
                    }
                    let cosine = dot(&vectors[at], &vectors[other]);
                    if cosine >= least {
                        mine.push((at, other, cosine));
                    }
                }
            }
            watch.progress(Stage::Similar, start, rows.len());
            let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
            all.append(&mut mine);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(a, b, _)| (*a, *b));
    (!watch.is_cancelled()).then_some(found)
}

/// Groups around the rows with the most neighbours: each member is near to its first, and in no other group.
pub fn gathered(n: usize, pairs: &[Near]) -> Vec<Vec<(usize, f32)>> {
    let mut neighbours: Vec<Vec<(usize, f32)>> = vec![Vec::new(); n];
    for &(a, b, cosine) in pairs {
        neighbours[a].push((b, cosine));
        neighbours[b].push((a, cosine));
    }
    let mut order: Vec<usize> = (0..n).filter(|&at| !neighbours[at].is_empty()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(neighbours[at].len()), at));
    let mut is_taken = vec![false; n];
    let mut groups = Vec::new();
    for first in order {
        if is_taken[first] {
            continue;
        }
        let free = neighbours[first]
            .iter()
            .filter(|(other, _)| !is_taken[*other]);
        let mut members: Vec<(usize, f32)> = free.copied().collect();
        if members.is_empty() {
            continue;
        }
        members.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        is_taken[first] = true;
        members
            .iter()
            .for_each(|(member, _)| is_taken[*member] = true);
        members.insert(0, (first, 1.0));
        groups.push(members);
    }
    groups
}

/// The signs come from a fixed mixing of place and number (SplitMix64), the same for all.
fn projected(vector: &[f32]) -> [i16; PROJECTIONS] {
    let mut sums = [0.0f32; PROJECTIONS];
    for (at, x) in vector.iter().enumerate() {
        let mut bits = mixed(at as u64);
        for sum in &mut sums {
            *sum += if bits & 1 == 1 { *x } else { -x };
            bits >>= 1;
        }
    }
    let scale = UNIT / (PROJECTIONS as f32).sqrt();
    sums.map(|sum| (sum * scale).round().clamp(-32767.0, 32767.0) as i16)
}

fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn distance(a: &[i16; PROJECTIONS], b: &[i16; PROJECTIONS]) -> i32 {
    let squares = a.iter().zip(b).map(|(a, b)| {
        let difference = i32::from(*a) - i32::from(*b);
        difference * difference
    });
    squares.sum()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vectors in bundles of three: near within a bundle, far between.
    fn bundles(n: usize, dim: usize) -> Vec<Vec<f32>> {
        let number = |seed: usize| (mixed(seed as u64) >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        let vector = |at: usize| {
            let place =
                |i: usize| number(at / 3 * 10_007 + i) + 0.25 * number(at * 7_919 + i + 1_000_000);
            let vector: Vec<f32> = (0..dim).map(place).collect();
            let length = dot(&vector, &vector).sqrt();
            vector.into_iter().map(|x| x / length).collect()
        };
        (0..n).map(vector).collect()
    }

    #[test]
    fn near_pairs_are_those_of_the_naive_twin() {
        let vectors = bundles(240, 300);
        for least in [0.8, 0.9] {
            let found = near_pairs(&vectors, least, 2, &Watch::SILENT).unwrap();
            let mut naive = Vec::new();
            for a in 0..vectors.len() {
                for b in a + 1..vectors.len() {
                    let cosine = dot(&vectors[a], &vectors[b]);
                    if cosine >= least {
                        naive.push((a, b, cosine));
                    }
                }
            }
            assert!(naive.len() > 100);
            assert_eq!(found, naive);
        }
    }

    #[test]
    fn groups_do_not_overlap_and_hold_neighbours_of_their_first() {
        // 0 - 1 - 2 - 3, and 4 alone.
        let groups = gathered(5, &[(0, 1, 0.95), (1, 2, 0.92), (2, 3, 0.97)]);
        let names: Vec<Vec<usize>> = groups
            .iter()
            .map(|group| group.iter().map(|(at, _)| *at).collect())
            .collect();
        assert_eq!(names, [vec![1, 0, 2]]);
    }
}
