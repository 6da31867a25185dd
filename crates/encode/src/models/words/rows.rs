//! Files of word vectors, read row by row: word2vec (binary and text), GloVe and fastText's `.vec`, each also as `.gz`.
//!
//! word2vec and fastText begin with a line "WORDS NUMBERS"; what follows in text is a line for each word, in binary the word, a
//! space and its numbers as float32, little endian. GloVe has lines alone. Nothing is held but one row, and nothing is
//! allocated from what the first line claims before it is compared with the bytes that remain.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Context, Error};

/// No word vector has more numbers.
const DIM_MAX: usize = 4096;
/// No row of text is longer, whatever it is.
const LINE_MAX: usize = 1 << 20;
/// Longer words are left out: nobody types them.
pub const WORD_MAX: usize = 256;
/// A binary row whose word has no end in so many bytes is none.
const BINARY_WORD_MAX: usize = 1 << 16;
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How a model of fastText with its pieces of words begins.
const FASTTEXT: &[u8] = &[0xba, 0x16, 0x4f, 0x2f];
const ZIP: &[u8] = b"PK\x03\x04";

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub format: &'static str,
    /// Numbers of a vector.
    pub dim: usize,
    /// Rows that were taken.
    pub n_words: usize,
    /// Rows that were left out, because their word is no UTF-8, too long, empty, or was there before.
    pub n_left_out: usize,
}

/// Takes a word with its numbers, and says whether it was new.
pub type Take<'a> = &'a mut dyn FnMut(&str, &[f32]) -> Result<bool, Error>;

/// Hands the first `most` words of the file to `take` with their numbers, the most frequent first as files have them.
pub fn read(path: &Path, most: usize, take: Take<'_>) -> Result<Found, Error> {
    let mut rows = Rows::open(path)?;
    let mut found = Found {
        format: rows.format(),
        dim: rows.dim,
        ..Found::default()
    };
    let (mut word, mut numbers) = (Vec::new(), Vec::with_capacity(rows.dim));
    while found.n_words < most && rows.next(&mut word, &mut numbers)? {
        let text = std::str::from_utf8(&word).ok();
        let text = text.filter(|text| !text.is_empty() && text.len() <= WORD_MAX);
        match text.map_or(Ok(false), |text| take(text, &numbers))? {
            true => found.n_words += 1,
            false => found.n_left_out += 1,
        }
    }
    match found.n_words {
        0 => Err(rows.refuse("it has no word that can be used")),
        _ => Ok(found),
    }
}

/// A file at the beginning of its rows.
struct Rows<'a> {
    path: &'a Path,
    input: Box<dyn BufRead>,
    dim: usize,
    is_binary: bool,
    /// How many rows the first line claims, where it does.
    claimed: Option<u64>,
    /// Rows that were read, and lines before them.
    n_read: u64,
    n_lines: u64,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let file = File::open(path).doing("open", path)?;
        let length = file.metadata().doing("read", path)?.len();
        let mut input: Box<dyn BufRead> = Box::new(BufReader::with_capacity(1 << 20, file));
        let mut rows = Self {
            path,
            dim: 0,
            is_binary: false,
            claimed: None,
            n_read: 0,
            n_lines: 0,
            input: Box::new(io::empty()),
        };
        let start = input.fill_buf().doing("read", path)?;
        let is_packed = start.starts_with(GZIP);
        if start.starts_with(FASTTEXT) {
            return Err(rows.refuse(
                "it is a fastText model with its pieces of words; take the .vec that lies beside it",
            ));
        }
        if start.starts_with(ZIP) {
            return Err(rows.refuse("it is a zip file; unpack it, and add the file in it"));
        }
        if is_packed {
            input = Box::new(BufReader::with_capacity(
                1 << 20,
                MultiGzDecoder::new(input),
            ));
        }
        rows.input = input;
        let first = rows.line()?;
        let remain = length.saturating_sub(first.len() as u64 + 1);
        match header(&first) {
            Some((n_words, dim)) => rows.after_header(n_words, dim, (!is_packed).then_some(remain)),
            None => rows.after_row(first),
        }?;
        Ok(rows)
    }

    /// The first line says how many words of how many numbers follow.
    fn after_header(&mut self, n_words: u64, dim: u64, remain: Option<u64>) -> Result<(), Error> {
        if n_words == 0 || !(1..=DIM_MAX as u64).contains(&dim) {
            return Err(self.refuse(format!(
                "its first line claims {n_words} words of {dim} numbers, which cannot be"
            )));
        }
        // In text a number and what parts it from the next have two bytes, in binary it has four.
        let least = u128::from(n_words) * (1 + 2 * u128::from(dim));
        if let Some(remain) = remain.filter(|remain| u128::from(*remain) + 1 < least) {
            return Err(self.refuse(format!(
                "its first line claims {n_words} words of {dim} numbers, which take {least} bytes at least, and {remain} follow: \
                 it is cut short"
            )));
        }
        (self.dim, self.claimed) = (dim as usize, Some(n_words));
        // Nothing says whether text follows: it does where the next line reads as a word with its numbers, or with
        // as many others that it can be nothing else.
        let mut ahead = Vec::new();
        let enough = 64 * self.dim as u64 + 4096;
        (&mut self.input)
            .take(enough)
            .read_to_end(&mut ahead)
            .doing("read", self.path)?;
        let line = ahead.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        self.is_binary = row(line, self.dim, &mut Vec::new()).is_err() && !is_like_row(line);
        let rest = std::mem::replace(&mut self.input, Box::new(io::empty()));
        self.input = Box::new(Cursor::new(ahead).chain(rest));
        Ok(())
    }

    /// The first line is a row already, which says how many numbers there are.
    fn after_row(&mut self, first: Vec<u8>) -> Result<(), Error> {
        let dim = trimmed(&first).split(|byte| is_blank(*byte)).count() - 1;
        if !(2..=DIM_MAX).contains(&dim) || row(&first, dim, &mut Vec::new()).is_err() {
            return Err(self.refuse(
                "its first line is neither \"WORDS NUMBERS\", as of word2vec and fastText, nor a word with its numbers, as of GloVe",
            ));
        }
        self.dim = dim;
        self.n_lines = 0;
        let rest = std::mem::replace(&mut self.input, Box::new(io::empty()));
        self.input = Box::new(Cursor::new([first, b"\n".to_vec()].concat()).chain(rest));
        Ok(())
    }

    fn format(&self) -> &'static str {
        match (self.is_binary, self.claimed) {
            (true, _) => "word2vec, binary",
            (false, Some(_)) => "word2vec or fastText, text",
            (false, None) => "GloVe",
        }
    }

    /// The next word with its numbers; nothing at the end.
    fn next(&mut self, word: &mut Vec<u8>, numbers: &mut Vec<f32>) -> Result<bool, Error> {
        if self.claimed.is_some_and(|claimed| self.n_read >= claimed) {
            return Ok(false);
        }
        let is_there = match self.is_binary {
            true => self.next_binary(word, numbers)?,
            false => self.next_line(word, numbers)?,
        };
        if let (false, Some(claimed)) = (is_there, self.claimed) {
            return Err(self.refuse(format!(
                "its first line claims {claimed} words, and it ends after {}: it is cut short",
                self.n_read
            )));
        }
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(self.refuse(format!(
                "number {} of word {} ({}) is {}",
                at + 1,
                self.n_read + 1,
                String::from_utf8_lossy(&word[..word.len().min(WORD_MAX)]),
                numbers[at]
            )));
        }
        self.n_read += u64::from(is_there);
        Ok(is_there)
    }

    fn next_line(&mut self, word: &mut Vec<u8>, numbers: &mut Vec<f32>) -> Result<bool, Error> {
        let line = self.line()?;
        numbers.clear();
        if line.is_empty() {
            // An empty line is the end, or there is more where none should be.
            return match self.input.fill_buf().doing("read", self.path)?.is_empty() {
                true => Ok(false),
                false => Err(self.refuse(format!("its line {} is empty", self.n_lines))),
            };
        }
        let found = row(&line, self.dim, numbers)
            .map_err(|what| self.refuse(format!("its line {} {what}", self.n_lines)))?;
        word.clear();
        word.extend_from_slice(found);
        Ok(true)
    }

    fn next_binary(&mut self, word: &mut Vec<u8>, numbers: &mut Vec<f32>) -> Result<bool, Error> {
        word.clear();
        numbers.clear();
        (&mut self.input)
            .take(BINARY_WORD_MAX as u64)
            .read_until(b' ', word)
            .doing("read", self.path)?;
        if word.len() == BINARY_WORD_MAX {
            return Err(self.refuse(format!(
                "word {} has no end: it is no binary file of word2vec",
                self.n_read + 1
            )));
        }
        let mut bytes = Vec::with_capacity(4 * self.dim);
        (&mut self.input)
            .take(4 * self.dim as u64)
            .read_to_end(&mut bytes)
            .doing("read", self.path)?;
        if bytes.len() < 4 * self.dim {
            return Ok(false);
        }
        let four = bytes.chunks_exact(4);
        numbers.extend(four.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])));
        // Some writers end a row with a new line.
        let start = word.iter().position(|byte| *byte != b'\n').unwrap_or(0);
        word.drain(..start);
        word.truncate(word.len().saturating_sub(1));
        Ok(true)
    }

    /// The next line without its end; empty at the end of the file.
    fn line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        (&mut self.input)
            .take(LINE_MAX as u64)
            .read_until(b'\n', &mut line)
            .doing("read", self.path)?;
        self.n_lines += 1;
        if line.len() == LINE_MAX && line.last() != Some(&b'\n') {
            return Err(self.refuse(format!(
                "its line {} is longer than {LINE_MAX} bytes: it is no file of word vectors",
                self.n_lines
            )));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(line)
    }

    fn refuse(&self, what: impl Into<String>) -> Error {
        Error::Unusable {
            path: self.path.into(),
            what: what.into(),
        }
    }
}

/// Two whole numbers and nothing else.
fn header(line: &[u8]) -> Option<(u64, u64)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut numbers = line.split_ascii_whitespace();
    let found = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(found)
}

/// The word of a line and its `dim` numbers, which stand last: a word may have spaces in it.
fn row<'l>(line: &'l [u8], dim: usize, numbers: &mut Vec<f32>) -> Result<&'l [u8], String> {
    let mut rest = trimmed(line);
    for at in 0..dim {
        let start = rest.iter().rposition(|byte| is_blank(*byte));
        let number = start.and_then(|start| number(&rest[start + 1..]));
        let (Some(start), Some(number)) = (start, number) else {
            return Err(format!("has {at} numbers behind its word, expected {dim}"));
        };
        numbers.push(number);
        rest = &rest[..start];
    }
    numbers.reverse();
    let before = rest.iter().rposition(|byte| is_blank(*byte));
    match before.is_some_and(|before| number(&rest[before + 1..]).is_some()) {
        true => Err(format!("has more than {dim} numbers behind its word")),
        false => Ok(rest),
    }
}

/// A word with several numbers, however many there should be. Bytes of float32 hardly ever look so before their first new line.
fn is_like_row(line: &[u8]) -> bool {
    let mut parts = trimmed(line)
        .split(|byte| is_blank(*byte))
        .skip(1)
        .peekable();
    let first = parts.next().and_then(number);
    first.is_some() && parts.peek().is_some() && parts.all(|part| number(part).is_some())
}

fn number(text: &[u8]) -> Option<f32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trimmed(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !is_blank(*byte) && *byte != b'\r');
    end.map_or(&[], |end| &line[..=end])
}
