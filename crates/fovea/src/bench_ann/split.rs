//! Queries for building, for tuning and for measuring never meet: neither as texts nor as vectors.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use fovea_vectordb::exchange::Matrix;

/// What a query may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Build,
    Tune,
    Measure,
}

/// A number that belongs to this text on every machine and for ever.
pub fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    u64::from_be_bytes(std::array::from_fn(|at| digest[at]))
}

/// Thirds by the text's own hash, so that a new text moves no other.
pub fn use_of(text: &str) -> Use {
    match hash(text) % 3 {
        0 => Use::Build,
        1 => Use::Tune,
        _ => Use::Measure,
    }
}

/// How texts are compared: as somebody would say that they are the same query.
pub fn key(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// The texts that are nobody's twin, in the order of their hashes, so that the first so many are a fair sample.
pub fn distinct(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut kept: Vec<String> = texts
        .into_iter()
        .filter(|text| !text.trim().is_empty() && seen.insert(key(text)))
        .collect();
    kept.sort_by_cached_key(|text| hash(&key(text)));
    kept
}

/// Remembers vectors, bit for bit.
#[derive(Default)]
pub struct Seen(HashSet<[u8; 32]>);

impl Seen {
    /// Whether this vector was not there before.
    pub fn is_new(&mut self, vector: &[f32]) -> bool {
        let mut hasher = Sha256::new();
        for number in vector {
            // The two zeros are one vector.
            hasher.update((number + 0.0).to_le_bytes());
        }
        self.0.insert(hasher.finalize().into())
    }

    /// The first `limit` rows that were not there before, without zero vectors, which have no direction.
    pub fn take_new(&mut self, rows: &Matrix, limit: usize) -> Vec<f32> {
        let mut kept = Vec::new();
        for row in rows.iter() {
            if kept.len() == limit.saturating_mul(rows.dim) {
                break;
            }
            if row.iter().any(|number| *number != 0.0) && self.is_new(row) {
                kept.extend_from_slice(row);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_one_text() {
        let texts = ["A dog", "a  DOG", "", "cat"].map(String::from);
        let kept = distinct(texts);
        assert_eq!(kept.len(), 2);
        assert!(kept.contains(&"A dog".to_owned()) && kept.contains(&"cat".to_owned()));
    }

    #[test]
    fn a_third_for_each_use() {
        let counts = (0..3000).fold([0; 3], |mut counts, number| {
            counts[use_of(&number.to_string()) as usize] += 1;
            counts
        });
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_vector_is_taken_once() {
        let mut seen = Seen::default();
        let rows =
            Matrix::new(2, vec![0.0, 1.0, -0.0, 1.0, 0.0, 0.0, 1.0, 0.0]).expect("four rows");
        assert_eq!(seen.take_new(&rows, 9), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(seen.take_new(&rows, 9), Vec::<f32>::new());
    }
}
