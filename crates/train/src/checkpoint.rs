//! The state of a training run in a file, between two epochs.
//!
//! All numbers are little-endian. A header of 52 bytes: the magic `FVTRAIN\0` (8), the version (u32), the length of what follows
//! the header (u64), and its BLAKE3 hash (32). Then: hash of the options (32), hash of the pairs and their split (32), epoch (u32), best
//! epoch (u32), state of the random numbers (u64), steps of the optimiser (u64), first and smoothed loss (f64 each),
//! best recall and reciprocal rank (f64 each); and four times a count (u64) and so many f32: weights, first and second moments, best weights.
//!
//! It is written to a temporary file beside it, synced and renamed, so that a machine that goes down leaves the one before.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::error::Error;

const MAGIC: [u8; 8] = *b"FVTRAIN\0";
const VERSION: u32 = 1;
const HEADER: usize = 52;

/// A training run between two epochs.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Of the options, without the threads.
    pub options: [u8; 32],
    /// Of the pairs and their split.
    pub data: [u8; 32],
    /// Epochs done.
    pub epoch: u32,
    /// The epoch of the best weights.
    pub best_epoch: u32,
    /// State of the random numbers.
    pub random: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// First and smoothed loss.
    pub guard: (f64, f64),
    /// Recall and reciprocal rank of the best weights.
    pub best_score: (f64, f64),
    /// Weights.
    pub values: Vec<f32>,
    /// First moments.
    pub means: Vec<f32>,
    /// Second moments.
    pub squares: Vec<f32>,
    /// Best weights.
    pub best: Vec<f32>,
}

/// Writes a state, in the place of the one before.
pub fn save(path: &Path, state: &State) -> Result<(), Error> {
    let body = encode(state);
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend((body.len() as u64).to_le_bytes());
    header.extend(blake3::hash(&body).as_bytes());
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    write_synced(temporary, &[&header, &body]).map_err(|source| Error::Io {
        path: temporary.into(),
        source,
    })?;
    let moved = std::fs::rename(temporary, path).and_then(|()| sync_folder(path));
    moved.map_err(|source| Error::Io {
        path: path.into(),
        source,
    })
}

fn write_synced(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// A rename lasts once its folder is on the disk. Only Unix opens folders.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a state; refuses a file that is damaged, of another version or something else.
pub fn load(path: &Path) -> Result<State, Error> {
    let refuse = |reason: String| Error::Checkpoint {
        path: path.into(),
        reason,
    };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| Error::Io {
        path: path.into(),
        source,
    })?;
    decode_file(&bytes).map_err(refuse)
}

fn decode_file(bytes: &[u8]) -> Result<State, String> {
    let mut header = Reader { rest: bytes };
    if header.array::<8>() != Ok(MAGIC) {
        return Err("it is no checkpoint of training".to_string());
    }
    let version = u32::from_le_bytes(header.array()?);
    if version != VERSION {
        return Err(format!(
            "expected a checkpoint of version {VERSION}, found version {version}"
        ));
    }
    let (length, hash) = (u64::from_le_bytes(header.array()?), header.array::<32>()?);
    if length != header.rest.len() as u64 {
        return Err(format!(
            "it is damaged: expected {length} bytes after the header, found {}",
            header.rest.len()
        ));
    }
    if blake3::hash(header.rest).as_bytes() != &hash {
        return Err("it is damaged: the checksum does not fit".to_string());
    }
    decode(header)
}

fn encode(state: &State) -> Vec<u8> {
    let mut body = Vec::with_capacity(160 + 16 * state.values.len());
    body.extend(state.options);
    body.extend(state.data);
    body.extend(state.epoch.to_le_bytes());
    body.extend(state.best_epoch.to_le_bytes());
    body.extend(state.random.to_le_bytes());
    body.extend(state.steps.to_le_bytes());
    for number in [
        state.guard.0,
        state.guard.1,
        state.best_score.0,
        state.best_score.1,
    ] {
        body.extend(number.to_le_bytes());
    }
    for values in [&state.values, &state.means, &state.squares, &state.best] {
        body.extend((values.len() as u64).to_le_bytes());
        values
            .iter()
            .for_each(|value| body.extend(value.to_le_bytes()));
    }
    body
}

fn decode(mut reader: Reader) -> Result<State, String> {
    let state = State {
        options: reader.array()?,
        data: reader.array()?,
        epoch: u32::from_le_bytes(reader.array()?),
        best_epoch: u32::from_le_bytes(reader.array()?),
        random: u64::from_le_bytes(reader.array()?),
        steps: u64::from_le_bytes(reader.array()?),
        guard: (
            f64::from_le_bytes(reader.array()?),
            f64::from_le_bytes(reader.array()?),
        ),
        best_score: (
            f64::from_le_bytes(reader.array()?),
            f64::from_le_bytes(reader.array()?),
        ),
        values: reader.floats()?,
        means: reader.floats()?,
        squares: reader.floats()?,
        best: reader.floats()?,
    };
    match reader.rest.is_empty() && state.best_epoch <= state.epoch {
        true => Ok(state),
        false => Err("it is damaged: what it says does not fit together".to_string()),
    }
}

/// Takes from the front, never more than is there.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let Some((first, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(format!(
                "it is cut off: expected {N} more bytes, found {}",
                self.rest.len()
            ));
        };
        self.rest = rest;
        Ok(*first)
    }

    fn floats(&mut self) -> Result<Vec<f32>, String> {
        let count = u64::from_le_bytes(self.array()?);
        let left = self.rest.len() as u64 / 4;
        if left < count {
            return Err(format!(
                "it is damaged: expected {count} numbers, found at most {left}"
            ));
        }
        let (bytes, rest) = self.rest.split_at(count as usize * 4);
        self.rest = rest;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect())
    }
}
