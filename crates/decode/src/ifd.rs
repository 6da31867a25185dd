//! The directories of TIFF-structured bytes: EXIF blocks, TIFF files, and most cameras' raw files.
//!
//! TIFF 6.0, section 2. Values are borrowed, never copied; whatever points outside the bytes is left out, and a
//! directory is never followed twice.

/// Most directories followed in one file, so that a chain of thousands costs nothing.
const MAX_DIRECTORIES: usize = 64;

pub(crate) const SUB_IFDS: u16 = 0x014A;

/// TIFF-structured bytes and their byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiff<'a> {
    bytes: &'a [u8],
    is_little_endian: bool,
}

/// One value of a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub tag: u16,
    kind: u16,
    data: &'a [u8],
    is_little_endian: bool,
}

impl<'a> Tiff<'a> {
    /// `None` unless the bytes begin with a byte order mark. The number after it is not checked: raw files have their own.
    pub fn new(bytes: &'a [u8]) -> Option<Tiff<'a>> {
        let is_little_endian = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        Some(Tiff {
            bytes,
            is_little_endian,
        })
    }

    /// Where the first directory stands.
    pub fn first_ifd(&self) -> Option<u32> {
        Some(self.u32(self.bytes.get(4..8)?))
    }

    /// The sound entries of the directory at `offset`.
    pub fn entries(&self, offset: u32) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let tiff = *self;
        let table = self.table(offset).unwrap_or_default();
        table
            .chunks_exact(12)
            .filter_map(move |raw| tiff.entry(raw))
    }

    pub fn find(&self, offset: u32, tag: u16) -> Option<Entry<'a>> {
        self.entries(offset).find(|entry| entry.tag == tag)
    }

    /// How many values the directory's tags up to `last_tag` announce together, or `None` when some of them lie
    /// outside the bytes.
    pub fn announced_values(&self, offset: u32, last_tag: u16) -> Option<u64> {
        let mut total = 0;
        for raw in self.table(offset)?.chunks_exact(12) {
            let is_counted = self.u16(&raw[..2]) <= last_tag;
            if is_counted && size_of_kind(self.u16(&raw[2..4])).is_some() {
                self.entry(raw)?;
                total += u64::from(self.u32(&raw[4..8]));
            }
        }
        Some(total)
    }

    /// All directories reachable through the chain and through `SubIFDs`, each once.
    pub fn directories(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let mut pending: Vec<u32> = self.first_ifd().into_iter().collect();
        while let Some(offset) = pending.pop() {
            if offset == 0 || found.len() == MAX_DIRECTORIES || found.contains(&offset) {
                continue;
            }
            found.push(offset);
            pending.extend(self.next_ifd(offset));
            if let Some(entry) = self.find(offset, SUB_IFDS) {
                pending.extend(entry.uints().take(MAX_DIRECTORIES));
            }
        }
        found
    }

    /// `len` bytes at `offset`.
    pub fn slice(&self, offset: u32, len: u32) -> Option<&'a [u8]> {
        let start = offset as usize;
        self.bytes.get(start..start.checked_add(len as usize)?)
    }

    fn next_ifd(&self, offset: u32) -> Option<u32> {
        let end = offset as usize + 2 + self.table(offset)?.len();
        Some(self.u32(self.bytes.get(end..end + 4)?))
    }

    fn table(&self, offset: u32) -> Option<&'a [u8]> {
        let start = offset as usize;
        let n_entries = usize::from(self.u16(self.bytes.get(start..start.checked_add(2)?)?));
        let rest = self.bytes.get(start + 2..)?;
        Some(&rest[..rest.len().min(n_entries * 12)])
    }

    fn entry(&self, raw: &'a [u8]) -> Option<Entry<'a>> {
        let kind = self.u16(&raw[2..4]);
        let count = self.u32(&raw[4..8]) as usize;
        let len = count.checked_mul(size_of_kind(kind)?)?;
        let data = if len <= 4 {
            &raw[8..8 + len]
        } else {
            let start = self.u32(&raw[8..12]) as usize;
            self.bytes.get(start..start.checked_add(len)?)?
        };
        Some(Entry {
            tag: self.u16(&raw[..2]),
            kind,
            data,
            is_little_endian: self.is_little_endian,
        })
    }

    fn u16(&self, bytes: &[u8]) -> u16 {
        u16_of(bytes, self.is_little_endian)
    }

    fn u32(&self, bytes: &[u8]) -> u32 {
        u32_of(bytes, self.is_little_endian)
    }
}

impl<'a> Entry<'a> {
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// BYTE, SHORT and LONG values.
    pub fn uints(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (kind, is_little_endian) = (self.kind, self.is_little_endian);
        let width = match kind {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            _ => usize::MAX,
        };
        self.data.chunks_exact(width).map(move |raw| match raw {
            [byte] => u32::from(*byte),
            [_, _] => u32::from(u16_of(raw, is_little_endian)),
            _ => u32_of(raw, is_little_endian),
        })
    }

    pub fn uint(&self) -> Option<u32> {
        self.uints().next()
    }

    /// RATIONAL and SRATIONAL values; a zero denominator gives infinity or not-a-number, for the caller to refuse.
    pub fn rationals(&self) -> impl Iterator<Item = f64> + use<'a> {
        let (kind, is_little_endian) = (self.kind, self.is_little_endian);
        let width = if matches!(kind, 5 | 10) {
            8
        } else {
            usize::MAX
        };
        self.data.chunks_exact(width).map(move |raw| {
            let (above, below) = (
                u32_of(&raw[..4], is_little_endian),
                u32_of(&raw[4..], is_little_endian),
            );
            if kind == 10 {
                return f64::from(above.cast_signed()) / f64::from(below.cast_signed());
            }
            f64::from(above) / f64::from(below)
        })
    }

    /// The first number, whatever its type, if it is finite.
    pub fn number(&self) -> Option<f64> {
        let number = self
            .rationals()
            .next()
            .or_else(|| self.uint().map(f64::from))?;
        number.is_finite().then_some(number)
    }
}

fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}

fn u16_of(bytes: &[u8], is_little_endian: bool) -> u16 {
    let raw = [bytes[0], bytes[1]];
    if is_little_endian {
        u16::from_le_bytes(raw)
    } else {
        u16::from_be_bytes(raw)
    }
}

fn u32_of(bytes: &[u8], is_little_endian: bool) -> u32 {
    let raw = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if is_little_endian {
        u32::from_le_bytes(raw)
    } else {
        u32::from_be_bytes(raw)
    }
}
