//! Pieces of what was forgotten, kept in a form that finds them again and does not tell them.
//!
//! A window is sixteen bytes in a row of a hash, a text, a vector or a small picture. Of each two numbers are kept: a rolling
//! hash (Karp and Rabin 1987), which is compared at every byte of a file at the cost of a multiplication, and a keyed BLAKE3,
//! which decides. Both depend on a secret of the collection, so that windows of two collections cannot be compared. Whoever
//! has the database and guesses a text can see that it was there, as with any proof that it is gone.

use std::collections::{HashMap, HashSet};

/// Bytes of a window.
pub const LENGTH: usize = 16;
/// Windows of one text, vector or picture.
const MOST: usize = 8;
/// With fewer different bytes a window of numbers or pixels stands in many files: rows of zeros, plain areas.
const DIFFERENT: usize = 10;
/// The same for texts, which have fewer letters.
const DIFFERENT_LETTERS: usize = 5;
/// Bits of the filter in front of the table.
const FILTER_BITS: u32 = 20;

/// What a window is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The hash of the file.
    Hash,
    /// Path, caption or metadata.
    Text,
    /// Feature or vector.
    Numbers,
    Preview,
}

impl Kind {
    const ALL: [(Kind, &'static str); 4] = [
        (Kind::Hash, "hash"),
        (Kind::Text, "text"),
        (Kind::Numbers, "vector"),
        (Kind::Preview, "preview"),
    ];

    pub fn name(self) -> &'static str {
        let found = Kind::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }

    fn least_different(self) -> usize {
        match self {
            Kind::Text => DIFFERENT_LETTERS,
            Kind::Hash | Kind::Numbers | Kind::Preview => DIFFERENT,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub kind: Kind,
    rolling: u64,
    confirmed: u64,
}

impl Window {
    /// One line of a setting.
    pub fn to_line(self) -> String {
        let name = self.kind.name();
        format!("{name} {:016x} {:016x}", self.rolling, self.confirmed)
    }

    pub fn from_line(line: &str) -> Option<Window> {
        let mut words = line.split(' ');
        let name = words.next()?;
        let (kind, _) = *Kind::ALL.iter().find(|(_, known)| *known == name)?;
        let mut number = || u64::from_str_radix(words.next()?, 16).ok();
        Some(Window {
            kind,
            rolling: number()?,
            confirmed: number()?,
        })
    }
}

/// What the numbers of a collection's windows depend on.
#[derive(Clone, Debug)]
pub struct Secret {
    key: [u8; 32],
    base: u64,
    /// `base` to the power of the window's length.
    leaving: u64,
}

impl Secret {
    pub fn new(key: [u8; 32]) -> Secret {
        let first = key.first_chunk().copied().unwrap_or_default();
        // Odd, so that no byte is multiplied away.
        let base = u64::from_le_bytes(first) | 1;
        Secret {
            leaving: base.wrapping_pow(LENGTH as u32),
            key,
            base,
        }
    }

    /// A number for something that is to be known again, not told.
    pub fn mark(&self, what: &str, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(what.as_bytes()).update(&[0]).update(bytes);
        let hash = hasher.finalize();
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Up to [`MOST`] windows, spread evenly from `from` on, the last bytes among them.
    pub fn windows(&self, kind: Kind, bytes: &[u8], from: usize) -> Vec<Window> {
        let Some(room) = bytes.len().checked_sub(from + LENGTH) else {
            return Vec::new();
        };
        let n = MOST.min(room / LENGTH + 1);
        let places = (0..n).map(|at| from + room * (at + 1) / n);
        let pieces = places.filter_map(|place| bytes[place..].first_chunk::<LENGTH>());
        let telling = pieces.filter(|piece| {
            let different: HashSet<&u8> = piece.iter().collect();
            different.len() >= kind.least_different()
        });
        telling.map(|piece| self.window(kind, piece)).collect()
    }

    fn window(&self, kind: Kind, piece: &[u8; LENGTH]) -> Window {
        Window {
            kind,
            rolling: piece.iter().fold(0, |hash, byte| self.pushed(hash, *byte)),
            confirmed: self.confirmed(piece),
        }
    }

    fn pushed(&self, hash: u64, byte: u8) -> u64 {
        // One is added, so that zeros count.
        hash.wrapping_mul(self.base)
            .wrapping_add(u64::from(byte) + 1)
    }

    fn confirmed(&self, piece: &[u8]) -> u64 {
        let hash = blake3::keyed_hash(&self.key, piece);
        u64::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

/// Looks for windows in bytes.
pub struct Seeker<'a> {
    secret: &'a Secret,
    by_rolling: HashMap<u64, Vec<Window>>,
    /// A bit for the high bits of each rolling hash, small enough to stay in the processor's cache.
    filter: Vec<u64>,
}

impl<'a> Seeker<'a> {
    pub fn new(secret: &'a Secret, windows: impl IntoIterator<Item = Window>) -> Seeker<'a> {
        let mut seeker = Seeker {
            secret,
            by_rolling: HashMap::default(),
            filter: vec![0; (1 << FILTER_BITS) / 64],
        };
        for window in windows {
            let (word, bit) = slot(window.rolling);
            seeker.filter[word] |= bit;
            let same = seeker.by_rolling.entry(window.rolling).or_default();
            same.push(window);
        }
        seeker
    }

    /// Every window that stands somewhere in the bytes, with where it begins.
    pub fn seek(&self, bytes: &[u8], found: &mut dyn FnMut(usize, Window)) {
        let mut hash = 0u64;
        for (at, byte) in bytes.iter().enumerate() {
            hash = self.secret.pushed(hash, *byte);
            let Some(begin) = (at + 1).checked_sub(LENGTH) else {
                continue;
            };
            if let Some(before) = begin.checked_sub(1) {
                let left = u64::from(bytes[before]) + 1;
                hash = hash.wrapping_sub(left.wrapping_mul(self.secret.leaving));
            }
            let (word, bit) = slot(hash);
            if self.filter[word] & bit != 0 {
                self.confirm(hash, &bytes[begin..=at], begin, found);
            }
        }
    }

    fn confirm(
        &self,
        rolling: u64,
        piece: &[u8],
        begin: usize,
        found: &mut dyn FnMut(usize, Window),
    ) {
        let Some(windows) = self.by_rolling.get(&rolling) else {
            return;
        };
        let confirmed = self.secret.confirmed(piece);
        for window in windows.iter().filter(|one| one.confirmed == confirmed) {
            found(begin, *window);
        }
    }
}

/// The word and the bit of a rolling hash in the filter.
fn slot(rolling: u64) -> (usize, u64) {
    let high = rolling >> (64 - FILTER_BITS);
    ((high / 64) as usize, 1 << (high % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(seed: u8) -> Secret {
        Secret::new([seed; 32])
    }

    fn found(seeker: &Seeker<'_>, bytes: &[u8]) -> Vec<usize> {
        let mut at = Vec::new();
        seeker.seek(bytes, &mut |begin, _| at.push(begin));
        at
    }

    #[test]
    fn windows_are_found_wherever_they_stand_and_nowhere_else() {
        let secret = secret(7);
        let text = b"holidays/2023/grandmother at the lake.jpg";
        let windows = secret.windows(Kind::Text, text, 0);
        assert_eq!(windows.len(), 2);
        let seeker = Seeker::new(&secret, windows.clone());
        for before in [0, 1, 15, 16, 17, 4096] {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(&[9; 100]);
            let places = found(&seeker, &bytes);
            assert_eq!(places.len(), 2, "{before}");
            assert_eq!(places[1], before + text.len() - LENGTH);
        }
        assert_eq!(found(&seeker, &text[..LENGTH - 1]), [] as [usize; 0]);
        let mut other = text.to_vec();
        other[30] ^= 1;
        assert_eq!(found(&seeker, &other).len(), 1);
        let lines: Vec<String> = windows.iter().map(|window| window.to_line()).collect();
        let read: Vec<_> = lines.iter().map(|line| Window::from_line(line)).collect();
        assert_eq!(read, windows.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn what_says_nothing_makes_no_window() {
        let secret = secret(1);
        for bytes in [&b"short"[..], &[0; 200], b"aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(secret.windows(Kind::Text, bytes, 0), []);
        }
        let numbers: Vec<u8> = (0..=255).collect();
        assert_eq!(secret.windows(Kind::Numbers, &numbers, 0).len(), MOST);
        assert_eq!(secret.windows(Kind::Numbers, &numbers, 250), []);
    }

    #[test]
    fn another_secret_makes_other_numbers() {
        let text = b"the same words in two collections";
        let of = |seed| secret(seed).windows(Kind::Text, text, 0);
        assert_ne!(of(1)[0].rolling, of(2)[0].rolling);
        assert_ne!(of(1)[0].confirmed, of(2)[0].confirmed);
        assert_ne!(
            secret(1).mark("path", b"x"),
            secret(1).mark("content", b"x")
        );
    }
}
