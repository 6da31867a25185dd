//! The entropy-coded bits of a JPEG scan, and the Huffman tables they are read with.
//!
//! ITU-T T.81, annexes C and F. Past a marker or the end of the file the reader gives zeros and remembers that it did.

/// Codes up to this long are decoded by one look into a table.
const LOOKUP_BITS: u32 = 10;

/// A Huffman table, ready to decode.
#[derive(Clone)]
pub(super) struct Huffman {
    /// For each next 10 bits: symbol << 8 | code length, or 0 where the code is longer.
    lookup: Vec<u16>,
    /// For each code length: the first code that is too large, and what to add to a code to get its symbol's place.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the counts of codes of 1 to 16 bits, and their symbols in order; `None` where they are no prefix code.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Huffman> {
        let mut lookup = vec![0; 1 << LOOKUP_BITS];
        let mut limits = [(0, 0); 17];
        let (mut code, mut place) = (0u32, 0usize);
        for (len, &count) in (1u32..).zip(counts) {
            limits[len as usize].1 = place as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(place)?;
                if code >= 1 << len {
                    return None;
                }
                if len <= LOOKUP_BITS {
                    let start = (code << (LOOKUP_BITS - len)) as usize;
                    lookup[start..start + (1 << (LOOKUP_BITS - len))]
                        .fill(u16::from(symbol) << 8 | len as u16);
                }
                code += 1;
                place += 1;
            }
            limits[len as usize].0 = code;
            code <<= 1;
        }
        Some(Huffman {
            lookup,
            limits,
            symbols: symbols[..place].to_vec(),
        })
    }

    /// Symbol and code length of a code longer than the lookup, which `bits` begins with at its top.
    #[cold]
    fn long_code(&self, bits: u64) -> Option<(u8, u32)> {
        (LOOKUP_BITS + 1..=16).find_map(|len| {
            let code = (bits >> (64 - len)) as u32;
            let (limit, shift) = self.limits[len as usize];
            let symbol = || {
                self.symbols
                    .get(usize::try_from(code as i32 + shift).ok()?)
                    .copied()
            };
            if code < limit {
                Some((symbol()?, len))
            } else {
                None
            }
        })
    }
}

/// Reads bits, most significant first, and removes the zero stuffed after each 0xFF.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The next bits at the top.
    buffer: u64,
    /// How many of them are valid.
    available: u32,
    /// How many of them stand for bytes that were not there.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], position: usize) -> Bits<'a> {
        Bits {
            bytes,
            position,
            buffer: 0,
            available: 0,
            made_up: 0,
        }
    }

    /// Reads a symbol whose low four bits say how many bits of value follow, which stay to be read.
    /// At least those bits are available afterwards.
    #[inline(always)]
    pub fn symbol(&mut self, table: &Huffman) -> Option<u8> {
        if self.available < 32 {
            self.refill();
        }
        let entry = table.lookup[(self.buffer >> (64 - LOOKUP_BITS)) as usize];
        let (symbol, len) = match entry {
            0 => table.long_code(self.buffer)?,
            entry => ((entry >> 8) as u8, u32::from(entry & 0xFF)),
        };
        self.skip(len);
        Some(symbol)
    }

    /// The value of `size` bits (1 to 15), where the lower half stands for negative numbers.
    #[inline(always)]
    pub fn value(&mut self, size: u32) -> i32 {
        let raw = (self.buffer >> (64 - size)) as i32;
        self.skip(size);
        if raw < 1 << (size - 1) {
            raw - (1 << size) + 1
        } else {
            raw
        }
    }

    /// Passes over bits that a symbol announced.
    #[inline(always)]
    pub fn skip(&mut self, len: u32) {
        self.buffer <<= len;
        self.available -= len;
    }

    /// Whether bits were used that the file does not have.
    pub fn has_overrun(&self) -> bool {
        self.made_up > self.available
    }

    /// Goes on behind the restart marker that must be next.
    pub fn restart(&mut self) -> Option<()> {
        while self.bytes.get(self.position..self.position + 2)? == [0xFF, 0xFF] {
            self.position += 1;
        }
        let &[0xFF, 0xD0..=0xD7] = self.bytes.get(self.position..self.position + 2)? else {
            return None;
        };
        *self = Bits::new(self.bytes, self.position + 2);
        Some(())
    }

    #[inline(always)]
    fn refill(&mut self) {
        if let Some(&[a, b, c, d]) = self.bytes.get(self.position..self.position + 4) {
            let word = u32::from_be_bytes([a, b, c, d]);
            // A byte of ones is a zero byte of the complement.
            let complement = !word;
            let has_marker = complement.wrapping_sub(0x0101_0101) & !complement & 0x8080_8080 != 0;
            if !has_marker {
                self.buffer |= u64::from(word) << (32 - self.available);
                self.available += 32;
                self.position += 4;
                return;
            }
        }
        self.refill_bytewise();
    }

    #[cold]
    fn refill_bytewise(&mut self) {
        while self.available <= 56 {
            let byte = match self.bytes.get(self.position..) {
                Some([0xFF, 0x00, ..]) => {
                    self.position += 2;
                    0xFF
                }
                Some([0xFF, ..]) | Some([]) | None => {
                    self.made_up += 8;
                    0
                }
                Some(&[byte, ..]) => {
                    self.position += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.available);
            self.available += 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three codes: 0 -> 5, 10 -> 6, and one of 12 bits, 110000000000 -> 7.
    fn table() -> Huffman {
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[11]) = (1, 1, 1);
        Huffman::new(&counts, &[5, 6, 7]).unwrap()
    }

    #[test]
    fn short_and_long_codes() {
        // 0 | 10 | 1100_0000_0000 | 0 | 1111... is no code
        let mut bits = Bits::new(&[0b0101_1000, 0b0000_0000, 0b1111_1110, 0, 0, 0], 0);
        let table = table();
        let symbols: Vec<_> = (0..5).map(|_| bits.symbol(&table)).collect();
        assert_eq!(symbols, [Some(5), Some(6), Some(7), Some(5), None]);
    }

    #[test]
    fn values_are_signed_as_annex_f_has_them() {
        // 3 bits: 000 -> -7, 011 -> -4, 100 -> 4, 111 -> 7
        let mut bits = Bits::new(&[0b0001_1100, 0b0111_1000, 0, 0, 0, 0, 0, 0], 0);
        bits.refill();
        let first = bits.value(3);
        let second = bits.value(3);
        bits.skip(0);
        assert_eq!((first, second, bits.value(3)), (-7, 7, -7));
    }

    #[test]
    fn stuffing_is_removed_and_what_is_missing_is_noticed() {
        let mut bits = Bits::new(&[0xFF, 0x00, 0x80, 0xFF, 0xD9], 0);
        bits.refill();
        assert_eq!(bits.buffer >> 48, 0xFF80);
        bits.skip(16);
        assert!(!bits.has_overrun());
        bits.skip(1);
        assert!(bits.has_overrun());
    }

    #[test]
    fn codes_that_do_not_fit_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Huffman::new(&counts, &[1]).is_none());
    }
}
