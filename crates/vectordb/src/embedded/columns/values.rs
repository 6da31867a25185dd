//! The distinct values of a field, each with a number of its own: its code.
//! A filter looks at each value once, however many items have it.

use std::ops::Range;

use fovea_index::Bitmap;
use rusqlite::types::ValueRef;
use rustc_hash::FxHashMap;

use super::pieces::in_pieces;
use super::test::Test;
use crate::records::Value;

/// An integer or a real, as SQLite keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
}

/// Texts have even codes and numbers odd ones. A value may have several codes:
/// that costs time and changes no answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// All texts, one after the other.
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    numbers: Vec<Number>,
}

/// Values that are looked up before one is taken as new. A field with more has
/// mostly as many as it has items.
const MOST_KNOWN: usize = 1 << 16;

/// Values of a field while they are read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) values: Values,
    known: FxHashMap<String, u32>,
}

impl Reading {
    /// More values of a field that has some.
    pub(super) fn more(values: Values) -> Reading {
        Reading {
            values,
            known: FxHashMap::default(),
        }
    }

    /// The code of a cell; none of a cell without a value.
    pub(super) fn code(&mut self, cell: ValueRef<'_>) -> Option<u32> {
        match cell {
            ValueRef::Text(bytes) => Some(self.text(&String::from_utf8_lossy(bytes))),
            ValueRef::Integer(number) => Some(self.values.number(Number::Integer(number))),
            ValueRef::Real(number) => Some(self.values.number(Number::Real(number))),
            ValueRef::Null | ValueRef::Blob(_) => None,
        }
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(&code) = self.known.get(text) {
            return code;
        }
        let code = self.values.text(text);
        if self.known.len() < MOST_KNOWN {
            self.known.insert(text.to_owned(), code);
        }
        code
    }
}

impl Values {
    fn text(&mut self, text: &str) -> u32 {
        let last = self.ends.len().checked_sub(1);
        if let Some(last) = last
            && self.text_at(last) == text
        {
            return last as u32 * 2;
        }
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        (self.ends.len() as u32 - 1) * 2
    }

    fn number(&mut self, number: Number) -> u32 {
        if self.numbers.last() != Some(&number) {
            self.numbers.push(number);
        }
        self.numbers.len() as u32 * 2 - 1
    }

    fn text_at(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[at]]
    }

    /// The number of this code, if it is one.
    pub(super) fn number_of(&self, code: u32) -> Option<f64> {
        if code.is_multiple_of(2) {
            return None;
        }
        match self.numbers.get(code as usize / 2)? {
            Number::Integer(number) => Some(*number as f64),
            Number::Real(number) => Some(*number),
        }
    }

    /// The value of a code that this field has.
    pub(super) fn value(&self, code: u32) -> Value {
        let at = code as usize / 2;
        match code % 2 {
            0 => Value::Text(self.text_at(at).to_owned()),
            _ => match self.numbers[at] {
                Number::Integer(number) => Value::Integer(number),
                Number::Real(number) => Value::Real(number),
            },
        }
    }

    /// Codes end before this one.
    pub(super) fn end(&self) -> u32 {
        self.ends.len().max(self.numbers.len()) as u32 * 2
    }

    /// Codes of the values that pass.
    pub(super) fn passing(&self, test: &Test<'_>) -> Bitmap {
        /// Words for which a thread is worth its while: 32 values each.
        const WORDS: usize = 1500;
        // Two codes a value.
        let n_words = (self.end() as usize).div_ceil(64);
        in_pieces(n_words, WORDS, |words| self.words(test, words))
    }

    /// Some words of the bitmap of passing codes.
    fn words(&self, test: &Test<'_>, words: Range<usize>) -> Vec<u64> {
        const VALUES: usize = 32;
        let mut scratch = String::new();
        words
            .map(|word| {
                let mut bits = 0;
                for bit in 0..VALUES {
                    let at = word * VALUES + bit;
                    if at < self.ends.len() && test.text(self.text_at(at), &mut scratch) {
                        bits |= 1 << (2 * bit);
                    }
                    if self
                        .numbers
                        .get(at)
                        .is_some_and(|number| test.number(*number))
                    {
                        bits |= 1 << (2 * bit + 1);
                    }
                }
                bits
            })
            .collect()
    }
}
