//! The values of one field, item by item.

use fovea_index::Bitmap;
use rustc_hash::FxHashSet;

use super::values::Values;

/// The item has no value.
const NONE: u32 = u32::MAX;

/// A field of all items, by position.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) values: Values,
    /// Of each position the code of its first value.
    codes: Vec<u32>,
    /// Positions and codes of all further values, in no order.
    more: Vec<(u32, u32)>,
}

impl Column {
    /// No value as yet.
    pub(super) fn new(values: Values, n_items: usize) -> Column {
        Column {
            values,
            codes: vec![NONE; n_items],
            more: Vec::new(),
        }
    }

    /// Give an item one more value.
    pub(super) fn add(&mut self, position: u32, code: u32) {
        let first = &mut self.codes[position as usize];
        if *first == NONE {
            *first = code;
        } else if *first != code {
            self.more.push((position, code));
        }
    }

    /// Forget the values of these items, and have room for so many.
    pub(super) fn clear(&mut self, positions: &FxHashSet<u32>, n_items: usize) {
        self.codes.resize(n_items, NONE);
        for &position in positions {
            self.codes[position as usize] = NONE;
        }
        self.more
            .retain(|(position, _)| !positions.contains(position));
    }

    /// Items that have a value whose code is among these.
    pub(super) fn having(&self, codes: &Bitmap) -> Bitmap {
        let words = self.codes.chunks(64).map(|codes_of| {
            let bits = codes_of.iter().enumerate();
            bits.fold(0, |word, (bit, &code)| {
                word | u64::from(codes.contains(code)) << bit
            })
        });
        let mut items = Bitmap::from_words(words.collect());
        for &(position, code) in &self.more {
            if codes.contains(code) {
                items.insert(position);
            }
        }
        items
    }

    /// Every item's every value: positions and codes.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let first = (0..).zip(self.codes.iter().copied());
        let first = first.filter(|(_, code)| *code != NONE);
        first.chain(self.more.iter().copied())
    }

    /// Items that have more than one value.
    pub(super) fn with_several(&self) -> FxHashSet<u32> {
        self.more.iter().map(|(position, _)| *position).collect()
    }
}
