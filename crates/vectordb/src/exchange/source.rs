//! [`Source`]: a file of others, read from front to back. It knows where it is and
//! how many bytes remain, so that no count of the file is believed before that.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::element::{Element, Endian};
use super::{Error, Result};

/// Numbers are decoded in pieces of about this size, so that memory is the matrix alone.
const PIECE: usize = 64 * 1024;

/// An open file, with the words that errors need.
pub(super) struct Source<'a> {
    path: &'a Path,
    format: &'static str,
    file: BufReader<File>,
    offset: u64,
    len: u64,
    /// Kept between calls: some formats have a call a row.
    piece: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Opens a regular file. Pipes and devices have no length, so nothing in them could be checked.
    pub fn open(path: &'a Path, format: &'static str) -> Result<Source<'a>> {
        let failed = |error| Error::io(path, &error);
        // Looked at before it is opened: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(Error::Io {
                path: path.to_owned(),
                reason: "it is not a regular file".to_owned(),
            });
        }
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        Ok(Source {
            path,
            format,
            file: BufReader::new(file),
            offset: 0,
            len,
            piece: Vec::new(),
        })
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn remaining(&self) -> u64 {
        self.len - self.offset
    }

    /// Goes on at `offset`, which lies within the file.
    pub fn seek(&mut self, offset: u64) -> Result<()> {
        let moved = self.file.seek(SeekFrom::Start(offset));
        moved.map_err(|error| Error::io(self.path, &error))?;
        self.offset = offset.min(self.len);
        Ok(())
    }

    /// An error about the bytes at `offset`.
    pub fn malformed(
        &self,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Malformed {
            path: self.path.to_owned(),
            format: self.format,
            offset,
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub fn unsupported(
        &self,
        offset: u64,
        what: impl Into<String>,
        instead: &'static str,
    ) -> Error {
        Error::Unsupported {
            path: self.path.to_owned(),
            offset,
            what: what.into(),
            instead,
        }
    }

    /// `count` things of `size` bytes each, as a length in memory, if that many bytes remain.
    pub fn expect(&self, count: u64, size: usize, what: &str) -> Result<usize> {
        let bytes = count.checked_mul(size as u64);
        let fits = bytes.is_some_and(|bytes| bytes <= self.remaining());
        match usize::try_from(count) {
            Ok(count) if fits => Ok(count),
            _ => Err(self.malformed(
                self.offset,
                format!("{count} {what} of {size} bytes"),
                format!("{} bytes up to the end", self.remaining()),
            )),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        self.expect(1, N, what)?;
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: u64, what: &str) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.expect(count, 1, what)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Passes over the next `count` bytes.
    pub fn bytes_over(&mut self, count: u64, what: &str) -> Result<()> {
        self.expect(count, 1, what)?;
        // Relative, so that what is buffered stays so.
        let moved = self.file.seek_relative(count as i64);
        moved.map_err(|error| Error::io(self.path, &error))?;
        self.offset += count;
        Ok(())
    }

    pub fn u32(&mut self, what: &str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn i32(&mut self, what: &str) -> Result<i32> {
        self.array(what).map(i32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &str) -> Result<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Hands the next `count` numbers to `put` with their position, in the order of the file.
    /// A number that no vector may hold ends it: `place` says row and column of a position.
    pub fn numbers(
        &mut self,
        (element, endian): (Element, Endian),
        count: usize,
        place: impl Fn(usize) -> (usize, usize),
        mut put: impl FnMut(usize, f32),
    ) -> Result<()> {
        let size = element.bytes();
        self.expect(count as u64, size, "numbers")?;
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE.min(count * size).max(piece.len()), 0);
        let whole = piece.len() / size * size;
        let mut done = 0;
        while done < count {
            let n_bytes = whole.min((count - done) * size);
            self.fill(&mut piece[..n_bytes])?;
            for (i, bytes) in piece[..n_bytes].chunks_exact(size).enumerate() {
                match element.decode(endian, bytes) {
                    Ok(number) => put(done + i, number),
                    Err(found) => return Err(self.number(place(done + i), found)),
                }
            }
            done += n_bytes / size;
        }
        self.piece = piece;
        Ok(())
    }

    /// Appends the next `count` little-endian numbers to `numbers`, which holds rows of `dim`.
    pub fn append(
        &mut self,
        element: Element,
        count: usize,
        dim: usize,
        numbers: &mut Vec<f32>,
    ) -> Result<()> {
        if element == Element::F32 {
            return self.append_floats(count, dim, numbers);
        }
        let before = numbers.len();
        let place = |at: usize| ((before + at) / dim.max(1), (before + at) % dim.max(1));
        self.numbers((element, Endian::Little), count, place, |_, number| {
            numbers.push(number);
        })
    }

    /// The same for what most files hold: a loop without a branch a number.
    fn append_floats(&mut self, count: usize, dim: usize, numbers: &mut Vec<f32>) -> Result<()> {
        self.expect(count as u64, 4, "numbers")?;
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE.min(count * 4).max(piece.len()), 0);
        let whole = piece.len() / 4 * 4;
        let end = numbers.len() + count;
        while numbers.len() < end {
            let before = numbers.len();
            let n_bytes = whole.min((end - before) * 4);
            self.fill(&mut piece[..n_bytes])?;
            let (words, _) = piece[..n_bytes].as_chunks();
            numbers.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
            let new = &numbers[before..];
            if !new
                .iter()
                .fold(true, |all, number| all & number.is_finite())
            {
                let bad = new.iter().position(|number| !number.is_finite());
                let at = before + bad.unwrap_or(0);
                let found = f64::from(numbers[at]);
                return Err(self.number((at / dim.max(1), at % dim.max(1)), found));
            }
        }
        self.piece = piece;
        Ok(())
    }

    /// Errs where bytes are left over: a file longer than it says is not what it says.
    pub fn end(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.malformed(
                self.offset,
                "the end of the file",
                format!("{left} more bytes"),
            )),
        }
    }

    pub fn number(&self, (row, column): (usize, usize), found: f64) -> Error {
        Error::Number {
            path: self.path.to_owned(),
            row,
            column,
            found,
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let read = self.file.read_exact(bytes);
        read.map_err(|error| Error::io(self.path, &error))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
