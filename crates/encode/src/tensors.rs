//! Our file of named matrices, memory-mapped when read, so that opening 65 MB costs nothing.
//!
//! Layout, all little endian:
//!
//! ```text
//! 0   8  magic "FOVEATEN"
//! 8   4  version, now 1
//! 12  4  number of matrices (at most 256)
//! 16     one entry of 64 bytes for each matrix:
//!        0  32  name in UTF-8, zero padded
//!        32  4  type: 1 = float32, 2 = byte
//!        36  4  zero
//!        40  8  rows
//!        48  8  columns
//!        56  8  offset of the data from the start of the file, a multiple of 64
//!     data, row-major; the file ends with the last matrix
//! ```
//!
//! The checksum is kept in the manifest, not here. This is the one place of the crate that maps memory.

use std::fs::File;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

use crate::error::{Context, Error};

#[cfg(target_endian = "big")]
compile_error!("Fovea's model files are little endian and are read in place");

const MAGIC: &[u8; 8] = b"FOVEATEN";
const VERSION: u32 = 1;
const HEADER: usize = 16;
const ENTRY: usize = 64;
const NAME: usize = 32;
const ALIGNMENT: usize = 64;
const MATRICES_MAX: usize = 256;

/// A matrix to write.
pub struct Matrix<'a> {
    pub name: &'static str,
    pub rows: usize,
    pub columns: usize,
    pub data: Data<'a>,
}

/// Its numbers.
pub enum Data<'a> {
    Floats(&'a [f32]),
    Bytes(&'a [u8]),
}

impl Data<'_> {
    fn kind(&self) -> u32 {
        match self {
            Self::Floats(_) => 1,
            Self::Bytes(_) => 2,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Floats(floats) => bytemuck::cast_slice(floats),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Writes `matrices` in the layout above.
pub fn write(out: &mut dyn Write, matrices: &[Matrix]) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())?;
    out.write_all(&(matrices.len() as u32).to_le_bytes())?;
    let mut offset = HEADER + ENTRY * matrices.len();
    for matrix in matrices {
        offset = offset.next_multiple_of(ALIGNMENT);
        let mut name = [0; NAME];
        name[..matrix.name.len()].copy_from_slice(matrix.name.as_bytes());
        out.write_all(&name)?;
        out.write_all(&matrix.data.kind().to_le_bytes())?;
        out.write_all(&[0; 4])?;
        for number in [matrix.rows, matrix.columns, offset] {
            out.write_all(&(number as u64).to_le_bytes())?;
        }
        offset += matrix.data.bytes().len();
    }
    let mut at = HEADER + ENTRY * matrices.len();
    for matrix in matrices {
        let padding = at.next_multiple_of(ALIGNMENT) - at;
        out.write_all(&[0; ALIGNMENT][..padding])?;
        out.write_all(matrix.data.bytes())?;
        at += padding + matrix.data.bytes().len();
    }
    Ok(())
}

/// A file of matrices, mapped.
pub struct TensorFile {
    path: PathBuf,
    map: Arc<Mmap>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    kind: u32,
    rows: u64,
    columns: u64,
    data: Range<usize>,
}

impl TensorFile {
    /// Maps `path` and checks that every matrix lies inside the file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let map = map(path)?;
        let entries = parse(&map).map_err(|what| Error::Damaged {
            path: path.into(),
            what,
        })?;
        Ok(Self {
            path: path.into(),
            map: Arc::new(map),
            entries,
        })
    }

    /// The float matrix `name`, which must have this shape.
    pub fn floats(&self, name: &str, rows: usize, columns: usize) -> Result<Mapped<f32>, Error> {
        self.matrix(name, 1, Some((rows, columns)))
    }

    /// The byte matrix `name`, which must have this shape.
    pub fn byte_matrix(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Mapped<u8>, Error> {
        self.matrix(name, 2, Some((rows, columns)))
    }

    /// The bytes called `name`, however many they are.
    pub fn blob(&self, name: &str) -> Result<Mapped<u8>, Error> {
        self.matrix(name, 2, None)
    }

    fn matrix<T: Pod>(
        &self,
        name: &str,
        kind: u32,
        shape: Option<(usize, usize)>,
    ) -> Result<Mapped<T>, Error> {
        let damaged = |what: String| Error::Damaged {
            path: self.path.clone(),
            what,
        };
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.name == name && entry.kind == kind);
        let entry = entry.ok_or_else(|| damaged(format!("it holds no `{name}`")))?;
        if let Some((rows, columns)) = shape
            && (entry.rows, entry.columns) != (rows as u64, columns as u64)
        {
            let (found_rows, found_columns) = (entry.rows, entry.columns);
            return Err(damaged(format!(
                "`{name}` is {found_rows} x {found_columns}, expected {rows} x {columns}"
            )));
        }
        Ok(Mapped {
            map: Arc::clone(&self.map),
            range: entry.data.clone(),
            of: PhantomData,
        })
    }
}

/// Numbers that lie in a mapped file.
pub struct Mapped<T> {
    map: Arc<Mmap>,
    range: Range<usize>,
    of: PhantomData<T>,
}

impl<T: Pod> Deref for Mapped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.range.clone()])
    }
}

impl AsRef<[u8]> for Mapped<u8> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Maps a file for reading.
#[expect(
    unsafe_code,
    reason = "memory maps are unsafe by nature; this is the crate's only one"
)]
pub fn map(path: &Path) -> Result<Mmap, Error> {
    let file = File::open(path).doing("open", path)?;
    // SAFETY: files of an installed pack are written once, in a folder that is renamed into place when it is
    // complete, and are never changed afterwards; a newer pack comes as new files. Somebody who truncates one
    // by hand while it is read gets a signal, as with every mapped file.
    unsafe { Mmap::map(&file) }.doing("map", path)
}

fn parse(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let header = bytes.get(..HEADER).ok_or("it is shorter than its header")?;
    if &header[..8] != MAGIC {
        return Err("it does not begin with FOVEATEN".into());
    }
    let version = u32_at(header, 8);
    if version != VERSION {
        return Err(format!(
            "its format is version {version}, and this fovea reads version {VERSION}"
        ));
    }
    let count = u32_at(header, 12) as usize;
    if count > MATRICES_MAX {
        return Err(format!("it claims {count} matrices"));
    }
    let table = bytes
        .get(HEADER..HEADER + count * ENTRY)
        .ok_or("its table of matrices is cut short")?;
    table
        .chunks_exact(ENTRY)
        .map(|entry| parse_entry(entry, bytes.len()))
        .collect()
}

fn parse_entry(entry: &[u8], file_length: usize) -> Result<Entry, String> {
    let name = entry[..NAME]
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let name = std::str::from_utf8(name)
        .map_err(|_| "a name is not UTF-8")?
        .to_owned();
    let kind = u32_at(entry, 32);
    let (rows, columns, offset) = (u64_at(entry, 40), u64_at(entry, 48), u64_at(entry, 56));
    let width = match kind {
        1 => 4,
        2 => 1,
        other => return Err(format!("`{name}` has the unknown type {other}")),
    };
    let length = rows
        .checked_mul(columns)
        .and_then(|count| count.checked_mul(width));
    let end = length
        .and_then(|length| offset.checked_add(length))
        .filter(|end| *end <= file_length as u64);
    let end = end.ok_or_else(|| format!("`{name}` does not fit into the file"))?;
    if offset % ALIGNMENT as u64 != 0 {
        return Err(format!("`{name}` is not aligned"));
    }
    Ok(Entry {
        name,
        kind,
        rows,
        columns,
        data: offset as usize..end as usize,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut file = Vec::new();
        let matrices = [
            Matrix {
                name: "a",
                rows: 2,
                columns: 3,
                data: Data::Floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
            },
            Matrix {
                name: "b",
                rows: 1,
                columns: 5,
                data: Data::Bytes(b"hello"),
            },
        ];
        write(&mut file, &matrices).expect("writing to memory does not fail");
        file
    }

    fn opened(bytes: &[u8]) -> Result<TensorFile, Error> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("x.tensors");
        std::fs::write(&path, bytes).expect("the temporary folder is writable");
        TensorFile::open(&path)
    }

    #[test]
    fn what_is_written_is_read() {
        let file = opened(&sample()).expect("a whole file");
        assert_eq!(
            *file.floats("a", 2, 3).expect("a is there"),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        );
        assert_eq!(&*file.blob("b").expect("b is there"), b"hello");
        assert!(file.floats("a", 3, 2).is_err());
        assert!(file.floats("b", 1, 5).is_err());
        assert!(file.blob("c").is_err());
    }

    /// The bytes of version 1, kept: a change of the layout must change the version.
    #[test]
    fn version_one_is_these_bytes() {
        let mut expect = b"FOVEATEN\x01\0\0\0\x02\0\0\0".to_vec();
        for (name, kind, rows, columns, offset) in
            [(b'a', 1u32, 2u64, 3u64, 192u64), (b'b', 2, 1, 5, 256)]
        {
            expect.push(name);
            expect.extend([0; 31]);
            expect.extend(kind.to_le_bytes());
            expect.extend([0; 4]);
            for number in [rows, columns, offset] {
                expect.extend(number.to_le_bytes());
            }
        }
        expect.resize(192, 0);
        expect.extend((0..6).flat_map(|x| (x as f32).to_le_bytes()));
        expect.resize(256, 0);
        expect.extend(b"hello");
        assert_eq!(sample(), expect);
    }

    #[test]
    fn every_cut_is_refused() {
        let whole = sample();
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "cut at {length}");
        }
        assert!(opened(&[]).is_err());
    }

    proptest! {
        #[test]
        fn hostile_headers_never_reach_outside(at in 0usize..144, byte in any::<u8>()) {
            let mut file = sample();
            file[at] = byte;
            if let Ok(entries) = parse(&file) {
                for entry in entries {
                    prop_assert!(entry.data.end <= file.len() && entry.data.start <= entry.data.end);
                }
            }
        }
    }
}
