//! Pages of a column of strings: runs of levels and indices, strings one after the other, Snappy.
//! Source: Encodings.md and README.md of github.com/apache/parquet-format.

use std::sync::Arc;

use super::thrift::{Reader, Result, Wrong};

/// A string of a cell. Cells that say the same may share it, as they do in the file.
pub(super) type Cell = Option<Arc<str>>;

/// Snappy's longest copy is 64 bytes for 3: what claims more is no Snappy.
const MOST_PER_BYTE: usize = 22;

/// How the bytes of a page are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Plain,
    Snappy,
}

/// The bytes of a page, which must become `size` of them.
pub(super) fn unpack(codec: Codec, bytes: &[u8], size: usize) -> Result<Vec<u8>> {
    let wrong = |found: String| Wrong {
        at: 0,
        expected: "a page of the size its header says",
        found,
    };
    match codec {
        Codec::Plain if bytes.len() == size => Ok(bytes.to_vec()),
        Codec::Plain => Err(wrong(format!("{} bytes for {size}", bytes.len()))),
        Codec::Snappy if size > bytes.len().saturating_mul(MOST_PER_BYTE) => {
            Err(wrong(format!("{} bytes for {size}", bytes.len())))
        }
        Codec::Snappy => {
            let own = snap::raw::decompress_len(bytes).map_err(|error| wrong(error.to_string()))?;
            if own != size {
                return Err(wrong(format!("{own} bytes for {size}")));
            }
            let unpacked = snap::raw::Decoder::new().decompress_vec(bytes);
            unpacked.map_err(|error| wrong(error.to_string()))
        }
    }
}

/// Strings, each after its length in 4 bytes.
pub(super) fn plain(bytes: &[u8], n: usize) -> Result<Vec<Arc<str>>> {
    let mut reader = Reader::new(bytes);
    if n > bytes.len() / 4 {
        return Err(reader.wrong(
            0,
            "strings after their lengths",
            format!("{n} in {} bytes", bytes.len()),
        ));
    }
    let mut strings = Vec::with_capacity(n);
    for _ in 0..n {
        let length = reader.take(4)?;
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        let start = reader.at();
        let text = str::from_utf8(reader.take(length.into())?);
        let text = text.map_err(|_| reader.wrong(start, "UTF-8", "other bytes"))?;
        strings.push(Arc::from(text));
    }
    Ok(strings)
}

/// Strings by their place in a dictionary: the width of an index, then runs of indices.
pub(super) fn indexed(bytes: &[u8], n: usize, dictionary: &[Arc<str>]) -> Result<Vec<Arc<str>>> {
    let Some((width, packed)) = bytes.split_first() else {
        // All cells of the page are empty, and some writers then leave out the width too.
        return runs(&[], 0, n).map(|_| Vec::new());
    };
    let indices = runs(packed, *width, n)?;
    let string = |index: u32| {
        dictionary
            .get(index as usize)
            .cloned()
            .ok_or_else(|| Wrong {
                at: 0,
                expected: "a place in the dictionary",
                found: format!("{index} of {}", dictionary.len()),
            })
    };
    indices.into_iter().map(string).collect()
}

/// `n` numbers of `width` bits, as runs of one number and packed groups of eight.
pub(super) fn runs(bytes: &[u8], width: u8, n: usize) -> Result<Vec<u32>> {
    let mut reader = Reader::new(bytes);
    if width > 32 {
        return Err(reader.wrong(0, "a width of at most 32 bits", width.to_string()));
    }
    let mut numbers = Vec::with_capacity(n);
    while numbers.len() < n {
        let start = reader.at();
        let head = reader.varint()?;
        let left = n - numbers.len();
        if head >> 1 == 0 {
            return Err(reader.wrong(start, "a run", "one of no numbers"));
        }
        if head & 1 == 0 {
            let value = reader.take(u64::from(width).div_ceil(8))?;
            let value = value
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte));
            let length = usize::try_from(head >> 1).unwrap_or(usize::MAX).min(left);
            numbers.extend(std::iter::repeat_n(value, length));
        } else {
            let packed = reader.take((head >> 1).saturating_mul(width.into()))?;
            let length = usize::try_from((head >> 1).saturating_mul(8)).unwrap_or(usize::MAX);
            numbers.extend((0..length.min(left)).map(|i| bits(packed, i, width.into())));
        }
    }
    Ok(numbers)
}

/// Number `i` of those packed with `width` bits each, the lowest bit first.
fn bits(packed: &[u8], i: usize, width: usize) -> u32 {
    let (byte, bit) = (i * width / 8, i * width % 8);
    // At most 32 bits that begin within a byte lie in five.
    let bytes = packed[byte.min(packed.len())..].iter().take(5).rev();
    let word = bytes.fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    ((word >> bit) & ((1u64 << width) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], width: u8, n: usize, expect: Option<&[u32]>) {
        assert_eq!(runs(bytes, width, n).ok().as_deref(), expect);
    }

    #[test]
    fn runs_as_the_specification_has_them() {
        // Its own example: 0 to 7 in three bits.
        check(
            &[3, 0b1000_1000, 0b1100_0110, 0b1111_1010],
            3,
            8,
            Some(&[0, 1, 2, 3, 4, 5, 6, 7]),
        );
        check(&[8, 1, 4, 0], 1, 6, Some(&[1, 1, 1, 1, 0, 0]));
        check(&[4, 0x34, 0x12], 13, 2, Some(&[0x1234, 0x1234]));
        check(&[200, 1], 0, 3, Some(&[0, 0, 0]));
        check(&[], 0, 0, Some(&[]));
        check(&[], 1, 1, None);
        check(&[0, 1], 1, 1, None);
        check(&[3, 1], 3, 8, None);
        check(&[8, 1], 33, 4, None);
    }

    #[test]
    fn pages_are_as_large_as_they_say() {
        let packed = snap::raw::Encoder::new()
            .compress_vec(&[7; 1000])
            .expect("it fits");
        assert_eq!(unpack(Codec::Snappy, &packed, 1000), Ok(vec![7; 1000]));
        assert!(unpack(Codec::Snappy, &packed, 999).is_err());
        assert!(unpack(Codec::Snappy, &packed, 1 << 30).is_err());
        assert!(unpack(Codec::Plain, &packed, packed.len() + 1).is_err());
    }
}
