//! The JPEG preview inside a camera's raw file. The sensor data itself is not developed.
//!
//! Most raw files are TIFF structures (ARW, CR2, DNG, NEF, ORF, PEF, RW2); RAF has a header of its own, and CR3 is
//! made of boxes. The largest ordinary JPEG among the previews is taken.

use crate::ifd::{Entry, Tiff};
use crate::limits::Header;
use crate::{Error, Options, Pixels, jpeg};

const COMPRESSION: u16 = 0x0103;
const PHOTOMETRIC: u16 = 0x0106;
const STRIP_OFFSETS: u16 = 0x0111;
const STRIP_BYTE_COUNTS: u16 = 0x0117;
const JPEG_OFFSET: u16 = 0x0201;
const JPEG_LENGTH: u16 = 0x0202;
/// Panasonic keeps the preview as a value of its own.
const PANASONIC_JPEG: u16 = 0x002E;
const DNG_VERSION: u16 = 0xC612;

const PHOTOMETRIC_CFA: u32 = 32_803;
const PHOTOMETRIC_LINEAR_RAW: u32 = 34_892;
/// Compressions only raw files have: Sony's, Nikon's and Pentax's.
const RAW_COMPRESSIONS: [u32; 3] = [32_767, 34_713, 65_535];

const RAF_MAGIC: &[u8] = b"FUJIFILMCCD-RAW";
const CR3_PREVIEW_BOX: &[u8] = b"PRVW";
/// How far into a CR3 file its preview boxes begin.
const CR3_SEARCH_BYTES: usize = 1 << 20;

/// Whether the first bytes say by themselves that this is a raw file.
pub(crate) fn has_raw_signature(bytes: &[u8]) -> bool {
    matches!(bytes, [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..])
        || [&b"IIRO"[..], b"IIRS", b"MMOR", b"IIU\0"]
            .iter()
            .any(|magic| bytes.starts_with(magic))
        || bytes.starts_with(RAF_MAGIC)
}

/// Whether TIFF-structured bytes hold sensor data rather than a picture.
pub(crate) fn is_raw_tiff(bytes: &[u8]) -> bool {
    let Some(tiff) = Tiff::new(bytes) else {
        return false;
    };
    tiff.directories().into_iter().any(|offset| {
        tiff.entries(offset).any(|entry| match entry.tag {
            PHOTOMETRIC => matches!(entry.uint(), Some(PHOTOMETRIC_CFA | PHOTOMETRIC_LINEAR_RAW)),
            COMPRESSION => entry
                .uint()
                .is_some_and(|value| RAW_COMPRESSIONS.contains(&value)),
            DNG_VERSION => true,
            _ => false,
        })
    })
}

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    jpeg::header(preview(bytes)?, options)
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    jpeg::pixels(preview(bytes)?, options)
}

/// The largest JPEG preview.
pub(crate) fn preview(bytes: &[u8]) -> Result<&[u8], Error> {
    let found = if bytes.starts_with(RAF_MAGIC) {
        jpeg::largest(raf_preview(bytes).into_iter())
    } else if bytes.get(4..8) == Some(b"ftyp") {
        jpeg::largest(cr3_preview(bytes).into_iter())
    } else {
        jpeg::largest(tiff_previews(bytes).into_iter())
    };
    found.ok_or_else(|| Error::Unsupported {
        what: "a camera raw file without a JPEG preview".to_owned(),
        how: "export it as JPEG or TIFF from your raw converter",
    })
}

fn tiff_previews(bytes: &[u8]) -> Vec<&[u8]> {
    let Some(tiff) = Tiff::new(bytes) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for offset in tiff.directories() {
        let value = |tag| tiff.find(offset, tag).as_ref().and_then(Entry::uint);
        let pairs = [
            (JPEG_OFFSET, JPEG_LENGTH),
            (STRIP_OFFSETS, STRIP_BYTE_COUNTS),
        ];
        for (start, len) in pairs
            .into_iter()
            .filter_map(|(start, len)| Some((value(start)?, value(len)?)))
        {
            found.extend(tiff.slice(start, len));
        }
        found.extend(tiff.find(offset, PANASONIC_JPEG).map(|entry| entry.data()));
    }
    found
}

fn raf_preview(bytes: &[u8]) -> Option<&[u8]> {
    let field = |at: usize| {
        let raw = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes([raw[0], raw[1], raw[2], raw[3]]) as usize)
    };
    let (start, len) = (field(84)?, field(88)?);
    bytes.get(start..start.checked_add(len)?)
}

/// The JPEG begins inside the `PRVW` box; a JPEG says itself where it ends.
fn cr3_preview(bytes: &[u8]) -> Option<&[u8]> {
    let head = &bytes[..bytes.len().min(CR3_SEARCH_BYTES)];
    let preview_box = head
        .windows(4)
        .position(|window| window == CR3_PREVIEW_BOX)?;
    let start = head[preview_box..]
        .windows(3)
        .take(64)
        .position(|window| window == [0xFF, 0xD8, 0xFF])?;
    bytes.get(preview_box + start..)
}
