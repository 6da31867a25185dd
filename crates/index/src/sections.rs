//! An index as named runs of bytes, which is how it is kept: whoever has
//! files writes them one after the other and hands them back. All numbers are
//! little endian.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytemuck::Pod;

use crate::bitmap::Bitmap;
use crate::block::{Block, Shared};
use crate::error::Error;

/// What an index has to be written.
pub type Saved<'a> = Vec<(&'static str, Cow<'a, [u8]>)>;

/// What was written, read back.
#[derive(Clone, Debug, Default)]
pub struct Sections(BTreeMap<String, Shared>);

impl Sections {
    pub fn insert(&mut self, name: &str, bytes: Shared) {
        self.0.insert(name.to_owned(), bytes);
    }

    /// The same without a file between, as copies.
    pub fn of(saved: &Saved<'_>) -> Sections {
        let mut sections = Sections::default();
        for (name, bytes) in saved {
            sections.insert(name, Shared::from_vec(bytes.to_vec()));
        }
        sections
    }

    pub fn bytes(&self, name: &'static str) -> Result<Shared, Error> {
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| Error::damaged(name, "it is missing"))
    }

    /// Numbers of one kind, of which there must be `count`.
    pub fn block<T: Pod>(&self, name: &'static str, count: usize) -> Result<Block<T>, Error> {
        let block = Block::from_shared(name, self.bytes(name)?)?;
        if block.len() == count {
            return Ok(block);
        }
        let reason = format!("it holds {} numbers where {count} belong", block.len());
        Err(Error::damaged(name, reason))
    }

    /// Numbers of one kind, as many as there are.
    pub fn list<T: Pod>(&self, name: &'static str) -> Result<Block<T>, Error> {
        Block::from_shared(name, self.bytes(name)?)
    }

    /// Rows that were removed from an index of this many.
    pub fn removed(&self, rows: u32) -> Result<Bitmap, Error> {
        let words: Block<u64> = self.list("removed")?;
        let removed = Bitmap::from_words(words.to_vec());
        if removed.range(rows..u32::MAX).next().is_some() {
            return Err(Error::damaged(
                "removed",
                "it names rows that are not there",
            ));
        }
        Ok(removed)
    }

    /// The small numbers of a section, to be taken in the order they were put.
    pub fn head(&self, name: &'static str) -> Result<HeadReader, Error> {
        let words = Block::from_shared(name, self.bytes(name)?)?;
        Ok(HeadReader { name, words, at: 0 })
    }
}

/// Small numbers of an index, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Head(Vec<u32>);

impl Head {
    pub fn new() -> Head {
        Head::default()
    }

    #[must_use]
    pub fn put(mut self, number: u32) -> Head {
        self.0.push(number);
        self
    }

    #[must_use]
    pub fn put_f32(self, number: f32) -> Head {
        self.put(number.to_bits())
    }

    pub fn into_bytes(self) -> Cow<'static, [u8]> {
        Cow::Owned(bytemuck::cast_slice(&self.0).to_vec())
    }
}

/// The same read back.
#[derive(Debug)]
pub struct HeadReader {
    name: &'static str,
    words: Block<u32>,
    at: usize,
}

impl HeadReader {
    /// The next number, which must not exceed `most`.
    pub fn take(&mut self, what: &str, most: u32) -> Result<u32, Error> {
        let number = self.next(what)?;
        if number <= most {
            return Ok(number);
        }
        let reason = format!("{what} is {number}, more than {most}");
        Err(Error::damaged(self.name, reason))
    }

    pub fn take_f32(&mut self, what: &str) -> Result<f32, Error> {
        let number = f32::from_bits(self.next(what)?);
        if number.is_finite() {
            return Ok(number);
        }
        Err(Error::damaged(self.name, format!("{what} is {number}")))
    }

    fn next(&mut self, what: &str) -> Result<u32, Error> {
        let number = self.words.get(self.at).copied();
        self.at += 1;
        number.ok_or_else(|| Error::damaged(self.name, format!("{what} is missing")))
    }
}
