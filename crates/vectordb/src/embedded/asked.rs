//! Searches of the past, so that an index is built and tuned for searches like them. Beside the index of a space
//! lies a file of their last vectors; words and pictures are not kept, and a file that is missing or damaged costs
//! nothing but speed.
//!
//! A record is a CRC-32 and the numbers of a query as f32, little endian. Records are only appended, each in one write, so
//! that several processes may; when there are too many the file is made anew from the latest.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Searches that are remembered; the file holds up to twice as many.
const REMEMBERED: usize = 2_048;
/// Smaller spaces are scanned, today and for a while.
const FROM_ROWS: u64 = 50_000;
/// Of so many sample queries one is kept back to measure with: an index is best at what it was built for.
const HELD_BACK: usize = 5;

/// Sample queries of a space.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) build: Vec<Vec<f32>>,
    pub(super) tune: Vec<Vec<f32>>,
}

impl Samples {
    /// What the observer knows and what was asked before, in two parts that share no vector.
    pub(super) fn of(index: &Path, dim: usize, known: Vec<Vec<f32>>) -> Samples {
        let mut samples = Samples::default();
        let mut seen = HashSet::new();
        let all = known.into_iter().chain(read(index, dim));
        for query in all.filter(|query| query.len() == dim) {
            let key = crc32fast::hash(bytemuck::cast_slice(&query));
            if !seen.insert(key) {
                continue;
            }
            // By its own numbers, so that a query stays on its side as others come and go.
            if (key as usize).is_multiple_of(HELD_BACK) {
                samples.tune.push(query);
            } else {
                samples.build.push(query);
            }
        }
        samples
    }
}

fn place(index: &Path) -> PathBuf {
    index.with_extension("asked")
}

/// Remember a search of a space with so many rows. Where nothing can be written, nothing is remembered.
pub(super) fn note(index: &Path, rows: u64, query: &[f32]) {
    if rows >= FROM_ROWS || index.exists() {
        let _ = append(&place(index), query);
    }
}

fn append(path: &Path, query: &[f32]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let numbers: &[u8] = bytemuck::cast_slice(query);
    let mut record = crc32fast::hash(numbers).to_le_bytes().to_vec();
    record.extend_from_slice(numbers);
    let mut file = File::options().append(true).create(true).open(path)?;
    file.write_all(&record)?;
    let length = file.metadata()?.len();
    if length <= 2 * (REMEMBERED * record.len()) as u64 {
        return Ok(());
    }
    let scratch = path.with_extension(format!("asked-{}", std::process::id()));
    let latest = tail(path, record.len())?;
    fs::write(&scratch, latest).and_then(|()| fs::rename(&scratch, path))
}

/// The last records, as bytes.
fn tail(path: &Path, record: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // Whole records from the beginning: half a record at the end, of a process that was killed, is left.
    let records = length / record as u64;
    let first = records.saturating_sub(REMEMBERED as u64) * record as u64;
    file.seek(SeekFrom::Start(first))?;
    let mut bytes = Vec::new();
    file.take(records * record as u64 - first)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last searches, oldest first, without those that are not what was written.
fn read(index: &Path, dim: usize) -> Vec<Vec<f32>> {
    let record = size_of::<u32>() + dim * size_of::<f32>();
    let Ok(bytes) = tail(&place(index), record) else {
        return Vec::new();
    };
    let records = bytes.chunks_exact(record);
    records.filter_map(query_of).collect()
}

fn query_of(record: &[u8]) -> Option<Vec<f32>> {
    let (check, numbers) = record.split_first_chunk()?;
    if crc32fast::hash(numbers) != u32::from_le_bytes(*check) {
        return None;
    }
    let numbers = numbers.as_chunks().0.iter();
    Some(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(n: u32) -> Vec<f32> {
        vec![n as f32, 0.5, -1.0]
    }

    #[test]
    fn the_latest_are_remembered_and_damage_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("1-1.fvi");
        note(&index, FROM_ROWS - 1, &query(0));
        assert_eq!(read(&index, 3), Vec::<Vec<f32>>::new());
        let n = 2 * REMEMBERED as u32 + 10;
        (0..n).for_each(|n| note(&index, FROM_ROWS, &query(n)));
        let found = read(&index, 3);
        assert_eq!(found.len(), REMEMBERED);
        assert_eq!(found.last(), Some(&query(n - 1)));
        let mut bytes = fs::read(place(&index)).expect("the file");
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        bytes.extend([1, 2, 3]);
        fs::write(place(&index), bytes).expect("a damaged file");
        assert_eq!(read(&index, 3).last(), Some(&query(n - 2)));
    }

    #[test]
    fn what_is_built_for_is_not_measured_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("1-1.fvi");
        (0..500).for_each(|n| note(&index, FROM_ROWS, &query(n)));
        let known = (400..1000).map(query).collect();
        let samples = Samples::of(&index, 3, known);
        assert_eq!(samples.build.len() + samples.tune.len(), 1000);
        assert!(samples.tune.len() > 100, "{}", samples.tune.len());
        assert!(
            samples
                .tune
                .iter()
                .all(|query| !samples.build.contains(query))
        );
    }
}
