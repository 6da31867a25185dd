//! A set of rows as one bit each: what a filter hands to a search. Dense,
//! because a search asks for membership at every step and a million rows are
//! 125 kB.

use std::ops::Range;

const BITS: usize = u64::BITS as usize;

/// Rows, each there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: u64,
}

impl Bitmap {
    pub fn new() -> Bitmap {
        Bitmap::default()
    }

    /// All rows below `rows`.
    pub fn full(rows: u32) -> Bitmap {
        let rows = rows as usize;
        let mut words = vec![u64::MAX; rows.div_ceil(BITS)];
        if let Some(last) = words.last_mut()
            && !rows.is_multiple_of(BITS)
        {
            *last = (1 << (rows % BITS)) - 1;
        }
        Bitmap {
            words,
            len: rows as u64,
        }
    }

    /// How many rows are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        let row = row as usize;
        self.words
            .get(row / BITS)
            .is_some_and(|word| word >> (row % BITS) & 1 == 1)
    }

    /// Put a row in; false when it was there.
    pub fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = (row as usize / BITS, 1 << (row as usize % BITS));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.len += u64::from(is_new);
        is_new
    }

    /// Take a row out; false when it was not there.
    pub fn remove(&mut self, row: u32) -> bool {
        if !self.contains(row) {
            return false;
        }
        self.words[row as usize / BITS] &= !(1 << (row as usize % BITS));
        self.len -= 1;
        true
    }

    /// These rows without those of `other`.
    #[must_use]
    pub fn without(&self, other: &Bitmap) -> Bitmap {
        let words: Vec<u64> = self
            .words
            .iter()
            .enumerate()
            .map(|(at, word)| word & !other.words.get(at).copied().unwrap_or(0))
            .collect();
        Bitmap::from_words(words)
    }

    /// Rows that are in both.
    #[must_use]
    pub fn and(&self, other: &Bitmap) -> Bitmap {
        let pairs = self.words.iter().zip(&other.words);
        Bitmap::from_words(pairs.map(|(a, b)| a & b).collect())
    }

    /// Rows that are in either.
    #[must_use]
    pub fn or(&self, other: &Bitmap) -> Bitmap {
        let (longer, shorter) = match self.words.len() >= other.words.len() {
            true => (self, other),
            false => (other, self),
        };
        let mut words = longer.words.clone();
        for (word, more) in words.iter_mut().zip(&shorter.words) {
            *word |= more;
        }
        Bitmap::from_words(words)
    }

    /// The set whose bits are these, lowest first.
    pub fn from_words(words: Vec<u64>) -> Bitmap {
        let len = words.iter().map(|word| u64::from(word.count_ones())).sum();
        Bitmap { words, len }
    }

    /// The bits, lowest first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The rows, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.range(0..u32::MAX)
    }

    /// The rows within a range, rising.
    pub fn range(&self, rows: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let first = rows.start as usize / BITS;
        let end = (rows.end as usize).div_ceil(BITS).min(self.words.len());
        (first..end.max(first))
            .flat_map(|at| Ones {
                word: self.words.get(at).copied().unwrap_or(0),
                base: (at * BITS) as u32,
            })
            .filter(move |row| rows.contains(row))
    }
}

impl FromIterator<u32> for Bitmap {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Bitmap {
        let mut bitmap = Bitmap::new();
        for row in rows {
            bitmap.insert(row);
        }
        bitmap
    }
}

/// The set bits of one word.
struct Ones {
    word: u64,
    base: u32,
}

impl Iterator for Ones {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}
