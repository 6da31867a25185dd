//! Checksums of the rows of a mapped matrix, each held against its row when the
//! row is first used: a search reads some hundred rows of a million, and should
//! neither wait for the others nor trust one that nobody looked at.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fovea_index::{Block, Guard};

/// Rows of one file, and which of them were found to be what was written.
#[derive(Debug)]
pub(super) struct RowChecks {
    sums: Block<u32>,
    /// A bit a row.
    looked_at: Vec<AtomicU64>,
    is_damaged: AtomicBool,
}

impl RowChecks {
    pub(super) fn new(sums: Block<u32>) -> RowChecks {
        let words = sums.len().div_ceil(64);
        RowChecks {
            sums,
            looked_at: (0..words).map(|_| AtomicU64::new(0)).collect(),
            is_damaged: AtomicBool::new(false),
        }
    }

    /// What a file keeps of these rows.
    pub(super) fn of_rows(bytes: &[u8], row_bytes: usize) -> Vec<u32> {
        let rows = bytes.chunks_exact(row_bytes.max(1));
        rows.map(crc32fast::hash).collect()
    }

    /// Whether a row that was used is not what was written.
    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }
}

impl Guard for RowChecks {
    // Threads that look at one row at once both check it, and order nothing
    // else by it: the answer of each is judged after its own looks.
    #[inline]
    fn look(&self, row: u32, bytes: &[u8]) {
        let (word, bit) = (row as usize / 64, 1u64 << (row % 64));
        let seen = &self.looked_at[word];
        if seen.load(Ordering::Relaxed) & bit != 0 {
            return;
        }
        if self.sums[row as usize] == crc32fast::hash(bytes) {
            seen.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_index::Shared;

    #[test]
    fn a_changed_row_is_noticed_when_it_is_used_and_not_before() {
        let mut bytes: Vec<u8> = (0..70 * 8u32).map(|i| (i % 251) as u8).collect();
        let sums = RowChecks::of_rows(&bytes, 8);
        assert_eq!(sums.len(), 70);
        let sums = Shared::from_vec(bytemuck::cast_slice(&sums).to_vec());
        let checks = RowChecks::new(Block::from_shared("checks", sums).expect("whole numbers"));
        bytes[69 * 8] ^= 1;
        let row = |row: usize| &bytes[row * 8..row * 8 + 8];
        for _ in 0..2 {
            for at in 0..69 {
                checks.look(at as u32, row(at));
            }
            assert!(!checks.is_damaged());
        }
        checks.look(69, row(69));
        assert!(checks.is_damaged());
    }
}
