//! SentencePiece's `nmt_nfkc` normalisation: the precompiled character map and the handling of spaces.
//!
//! The map is a double-array trie (Darts; Yata et al., "A compact static double-array keeping character
//! codes", 2007) from byte strings to replacements, applied to the longest match at each place. Layout: u32
//! length of the trie in bytes, the trie's units as u32, then replacements, each ended by a zero byte.

use crate::tensors::Mapped;

/// U+2581, which stands for a space in the vocabulary.
const SPACE: &str = "\u{2581}";

/// The character map of a tokenizer.
pub struct Charsmap<B = Mapped<u8>> {
    bytes: B,
    /// Where the replacements begin.
    replacements: usize,
}

impl<B: AsRef<[u8]>> Charsmap<B> {
    /// `None` when the length of the trie is not inside `bytes`.
    pub fn new(bytes: B) -> Option<Self> {
        let length = u32::from_le_bytes(*bytes.as_ref().first_chunk::<4>()?);
        let replacements = 4usize.checked_add(length as usize)?;
        let fits = length >= 4 && length % 4 == 0 && replacements <= bytes.as_ref().len();
        fits.then_some(Self {
            bytes,
            replacements,
        })
    }

    /// `text` as the vocabulary expects it: compatibility forms folded, runs of spaces made one, every space
    /// written as U+2581, and one more of it in front. Empty when nothing is left.
    pub fn normalise(&self, text: &str) -> String {
        let mut rest = text;
        while let (" ", used) = self.longest(rest)
            && used > 0
        {
            rest = &rest[used..];
        }
        if rest.is_empty() {
            return String::new();
        }
        let mut out = String::with_capacity(text.len() + 8);
        out.push_str(SPACE);
        let mut after_space = true;
        while !rest.is_empty() {
            let (mut piece, used) = self.longest(rest);
            rest = &rest[used..];
            if after_space {
                piece = piece.trim_start_matches(' ');
            }
            if !piece.is_empty() {
                piece
                    .split_inclusive(' ')
                    .for_each(|part| match part.strip_suffix(' ') {
                        Some(word) => out.extend([word, SPACE]),
                        None => out.push_str(part),
                    });
                after_space = piece.ends_with(' ');
            }
        }
        out.truncate(out.trim_end_matches(SPACE).len());
        out
    }

    /// The replacement of the longest key in front of `text` and the bytes it takes; without a key, the first
    /// character itself.
    fn longest<'a>(&'a self, text: &'a str) -> (&'a str, usize) {
        let found = self.lookup(text.as_bytes());
        // A key that ended inside a character could only come from a damaged map.
        if let Some((replacement, used)) = found
            && text.is_char_boundary(used)
        {
            return (replacement, used);
        }
        let used = text.chars().next().map_or(0, char::len_utf8);
        (&text[..used], used)
    }

    fn lookup(&self, text: &[u8]) -> Option<(&str, usize)> {
        let mut node = offset(self.unit(0)?);
        let mut best = None;
        for (place, byte) in text.iter().enumerate() {
            node ^= usize::from(*byte);
            let Some(unit) = self
                .unit(node)
                .filter(|unit| unit & 0x8000_00ff == u32::from(*byte))
            else {
                break;
            };
            node ^= offset(unit);
            if unit & 0x100 != 0 {
                best = self.unit(node).map(|leaf| (leaf & 0x7fff_ffff, place + 1));
            }
        }
        let (value, used) = best?;
        Some((self.replacement(value as usize)?, used))
    }

    fn unit(&self, index: usize) -> Option<u32> {
        let at = index.checked_mul(4)?.checked_add(4)?;
        let bytes = self.bytes.as_ref()[..self.replacements].get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn replacement(&self, value: usize) -> Option<&str> {
        let rest = self.bytes.as_ref()[self.replacements..].get(value..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&rest[..length]).ok()
    }
}

/// Where a unit's children lie, relative to it, as Darts packs it.
fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 0x200) >> 6)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A map whose trie holds nothing: the root's children lie where no label matches.
    fn empty() -> Charsmap<Vec<u8>> {
        let mut bytes = 4u32.to_le_bytes().to_vec();
        bytes.extend(0u32.to_le_bytes());
        Charsmap::new(bytes).expect("the length fits")
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(empty().normalise(text), expect, "{text:?}");
    }

    #[test]
    fn spaces() {
        check("", "");
        check("   ", "");
        check("a", "▁a");
        check("  a   b  ", "▁a▁b");
        check("狗", "▁狗");
    }

    #[test]
    fn a_length_outside_is_refused() {
        assert!(Charsmap::new(vec![]).is_none());
        assert!(Charsmap::new(vec![255; 16]).is_none());
        assert!(Charsmap::new(vec![0; 16]).is_none());
    }

    proptest! {
        #[test]
        fn any_map_ends(bytes in proptest::collection::vec(any::<u8>(), 4..4000), text in ".{0,40}") {
            let mut bytes = bytes;
            let length = (bytes.len() - 4) as u32 / 8 * 4;
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            if let Some(map) = Charsmap::new(bytes) {
                map.normalise(&text);
            }
        }
    }
}
