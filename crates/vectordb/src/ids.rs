//! Names of things that are kept. An id carries no meaning beyond identity;
//! how it is stored is the engine's business.

use std::fmt;
use std::str::FromStr;

/// Crockford's base32 alphabet in lower case: no i, l, o or u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 63 bits in groups of five need this many letters.
const ITEM_LETTERS: usize = 13;

/// An item's stable id: positive, chosen at creation from collection, source
/// and relative path, kept when the file moves. Shown as 13 letters of
/// Crockford base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(i64);

impl ItemId {
    /// The id of this number, which must be positive.
    pub fn new(number: i64) -> Option<ItemId> {
        (number > 0).then_some(ItemId(number))
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The id an item gets at creation; `nonce` counts up while it is taken.
    pub fn derive(collection: &str, source: SourceId, path: &[u8], nonce: u64) -> ItemId {
        let mut hasher = blake3::Hasher::new_derive_key("fovea item id v1");
        hasher.update(&(collection.len() as u64).to_le_bytes());
        hasher.update(collection.as_bytes());
        hasher.update(&source.0.to_le_bytes());
        hasher.update(&nonce.to_le_bytes());
        hasher.update(path);
        let mut first = [0u8; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        ItemId((i64::from_le_bytes(first) & i64::MAX).max(1))
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: [u8; ITEM_LETTERS] = std::array::from_fn(|i| {
            let shift = 5 * (ITEM_LETTERS - 1 - i);
            ALPHABET[(self.0 >> shift) as usize & 31]
        });
        f.write_str(&String::from_utf8_lossy(&letters))
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemId({self})")
    }
}

impl FromStr for ItemId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<ItemId, ParseIdError> {
        let wrong = || ParseIdError {
            text: text.to_owned(),
            expected: "an item id: 13 letters and digits",
        };
        if text.len() != ITEM_LETTERS {
            return Err(wrong());
        }
        let mut number: u128 = 0;
        for letter in text.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|&a| a == letter.to_ascii_lowercase());
            number = number << 5 | digit.ok_or_else(wrong)? as u128;
        }
        i64::try_from(number)
            .ok()
            .and_then(ItemId::new)
            .ok_or_else(wrong)
    }
}

/// BLAKE3 of a file's bytes, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<ContentHash, ParseIdError> {
        blake3::Hash::from_hex(text)
            .map(|hash| ContentHash(*hash.as_bytes()))
            .map_err(|_| ParseIdError {
                text: text.to_owned(),
                expected: "a content hash: 64 hexadecimal digits",
            })
    }
}

/// A source of items within one collection: a root folder, or uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub i64);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The database's change number: one more with each committed write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change(pub u64);

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}
