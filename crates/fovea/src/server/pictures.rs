//! Pictures that were handed in to search by: kept in memory for a while, by the hash of their bytes, so that a search can
//! be refined without sending them again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use fovea_decode::{Options, Probe};
use fovea_engine::Given;
use fovea_vectordb::ContentHash;

use super::problem::Problem;

/// Bytes of all pictures together; those that were not used for longest leave.
const MOST_BYTES: usize = 128 << 20;

/// What a picture's header says, if it can be decoded as far as that goes.
pub fn probed(bytes: &[u8]) -> Result<Probe, Problem> {
    fovea_decode::probe(bytes, &Options::default())
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

#[derive(Default)]
pub struct Pictures {
    /// The latest last.
    kept: Mutex<VecDeque<Given>>,
}

impl Pictures {
    pub fn keep(&self, bytes: Vec<u8>) -> ContentHash {
        let given = Given::new(Arc::from(bytes));
        let hash = given.hash();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.hash() != hash);
        kept.push_back(given);
        let mut total: usize = kept.iter().map(|one| one.bytes().len()).sum();
        while total > MOST_BYTES && kept.len() > 1 {
            total -= kept.pop_front().map_or(0, |one| one.bytes().len());
        }
        hash
    }

    pub fn find(&self, hash: &ContentHash) -> Option<Given> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|one| one.hash() == *hash)?;
        let given = kept.remove(at)?;
        kept.push_back(given.clone());
        Some(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_memory_is_bounded() {
        let pictures = Pictures::default();
        let first = pictures.keep(vec![1; MOST_BYTES / 2]);
        let second = pictures.keep(vec![2; MOST_BYTES / 4]);
        assert!(pictures.find(&first).is_some());
        let third = pictures.keep(vec![3; MOST_BYTES / 2]);
        assert!(pictures.find(&second).is_none());
        assert!(pictures.find(&first).is_some() && pictures.find(&third).is_some());
        assert_eq!(pictures.keep(vec![3; MOST_BYTES / 2]), third);
        assert_eq!(pictures.kept.lock().unwrap().len(), 2);
    }
}
