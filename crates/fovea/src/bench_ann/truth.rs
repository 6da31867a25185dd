//! Exact answers: every query against every row, on all cores.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, bail};
use fovea_index::{Element, TopK};

use fovea_vectordb::exchange::Matrix;

/// How many neighbours are kept of each query.
pub const TRUTH_K: usize = 100;

/// Queries that go over the rows together: they and a row stay in the innermost cache.
const BATCH: usize = 8;

/// Ids of the nearest rows of each query, best first: `TRUTH_K` of them, or as many as there are rows.
pub struct Truth {
    pub k: usize,
    pub ids: Vec<i32>,
}

impl Truth {
    pub fn of(&self, query: usize) -> &[i32] {
        &self.ids[query * self.k..(query + 1) * self.k]
    }

    pub fn len(&self) -> usize {
        self.ids.len() / self.k.max(1)
    }
}

/// The exact nearest rows by dot product, equal ones by lower row.
pub fn exact(base: &Matrix, queries: &Matrix) -> Truth {
    let k = TRUTH_K.min(base.rows());
    let next = AtomicUsize::new(0);
    let n_batches = queries.rows().div_ceil(BATCH);
    let work = || {
        let mut done = Vec::new();
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= n_batches {
                return done;
            }
            let rows = batch * BATCH..((batch + 1) * BATCH).min(queries.rows());
            done.push((batch, of_batch(base, queries, rows, k)));
        }
    };
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(usize, Vec<i32>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("the scan does not panic"));
        joined.flatten().collect()
    });
    found.sort_by_key(|(batch, _)| *batch);
    let ids = found.into_iter().flat_map(|(_, ids)| ids).collect();
    Truth { k, ids }
}

fn of_batch(base: &Matrix, queries: &Matrix, rows: std::ops::Range<usize>, k: usize) -> Vec<i32> {
    let mut best: Vec<TopK> = rows.clone().map(|_| TopK::new(k)).collect();
    for (id, row) in base.iter().enumerate() {
        for (query, best) in rows.clone().zip(&mut best) {
            best.push(id as u32, f32::dot(queries.row(query), row));
        }
    }
    let sorted = best.into_iter().flat_map(TopK::into_sorted);
    sorted.map(|scored| scored.row as i32).collect()
}

/// Written as NumPy would, so that anybody can look at it; 32-bit integers in C order.
pub fn write(path: &Path, truth: &Truth) -> anyhow::Result<()> {
    let shape = format!("({}, {})", truth.len(), truth.k);
    let header = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers begin at a multiple of 64 bytes.
    let padded = (PREFIX + header.len() + 1).div_ceil(64) * 64 - PREFIX;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = padded - 1).into_bytes());
    bytes.extend(truth.ids.iter().flat_map(|id| id.to_le_bytes()));
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads what [`write`] wrote, for so many queries.
pub fn read(path: &Path, n_queries: usize) -> anyhow::Result<Truth> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some((header, body)) = split(&bytes) else {
        bail!("{} is no array of ours: delete its folder", path.display());
    };
    let ids = body
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let ids: Vec<i32> = ids.collect();
    let k = ids.len() / n_queries.max(1);
    let shape = format!("'descr': '<i4', 'fortran_order': False, 'shape': ({n_queries}, {k}),");
    if !header.contains(&shape) {
        bail!(
            "{} does not fit its queries: delete its folder",
            path.display()
        );
    }
    Ok(Truth { k, ids })
}

/// Magic, version and length of the header.
const PREFIX: usize = 10;

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let length = bytes.get(8..PREFIX)?;
    let end = PREFIX + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let header = std::str::from_utf8(bytes.get(PREFIX..end)?).ok()?;
    Some((header, bytes.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_survive_a_file() {
        let base = Matrix::new(2, vec![0.0, 1.0, 1.0, 0.0, 0.6, 0.8]).expect("three rows");
        let queries = Matrix::new(2, [1.0, 0.0, 0.0, 1.0].repeat(20)).expect("forty rows");
        let truth = exact(&base, &queries);
        assert_eq!(
            (truth.of(0), truth.of(39)),
            (&[1, 2, 0][..], &[0, 2, 1][..])
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("truth.npy");
        write(&path, &truth).expect("the folder is writable");
        assert_eq!(read(&path, 40).expect("it was written").ids, truth.ids);
        assert!(read(&path, 41).is_err());
    }
}
