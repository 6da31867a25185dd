//! A copy of an image file without what it tells of whoever took it: places, cameras, texts, and whatever else lies beside
//! the picture. Pixels, colours and orientation stay, without coding anything again.

use crate::Format;

/// Marker of a JPEG segment that has a length.
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;
const APP15: u8 = 0xef;
const COMMENT: u8 = 0xfe;
const SCAN: u8 = 0xda;
const END: u8 = 0xd9;
/// Chunks of PNG that make the picture, or say how it is to be shown.
const PNG_KEPT: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT", b"hIST",
];
const WEBP_KEPT: [&[u8; 4]; 7] = [
    b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP",
];
/// Flags of a VP8X chunk that announce EXIF and XMP.
const WEBP_EXIF_XMP: u8 = 0b0000_1100;

/// The copy; none of a format that this does not take apart, or of a file that is not built as its format says. What is not
/// known to belong to the picture is left out.
///
/// Orientation is kept in JPEG alone, where nearly all of it is.
pub fn without_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    match Format::sniff(bytes)? {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::WebP => webp(bytes),
        Format::Gif => gif(bytes),
        // Without a place for metadata.
        Format::Bmp => Some(bytes.to_vec()),
        _ => None,
    }
}

fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..2)?.to_vec();
    if let Some(orientation) = orientation(bytes) {
        out.extend(orientation_segment(orientation));
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Any number of these may stand before a marker.
            0xff => at += 1,
            END => {
                // What follows the picture is no part of it: a second picture, a film.
                out.extend([0xff, END]);
                return Some(out);
            }
            0x01 | 0xd0..=0xd8 => return None,
            _ => {
                let length = bytes.get(at + 2..at + 4)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                let end = at + 2 + length;
                let segment = bytes.get(at..end).filter(|_| length >= 2)?;
                if is_kept(marker, &segment[4..]) {
                    out.extend(segment);
                }
                at = end;
                if marker == SCAN {
                    let coded = coded_len(bytes.get(at..)?)?;
                    out.extend(&bytes[at..at + coded]);
                    at += coded;
                }
            }
        }
    }
}

/// Headers of the picture itself, its colour profile, and how its colours are coded.
fn is_kept(marker: u8, data: &[u8]) -> bool {
    match marker {
        APP0 => data.starts_with(b"JFIF\0"),
        APP2 => data.starts_with(b"ICC_PROFILE\0"),
        APP14 => data.starts_with(b"Adobe"),
        APP1..=APP15 | COMMENT => false,
        _ => true,
    }
}

/// Bytes of a scan, up to the marker that ends it.
fn coded_len(bytes: &[u8]) -> Option<usize> {
    let mut pairs = bytes.windows(2);
    pairs.position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))
}

/// 2 to 8, where the picture does not stand upright as it is.
fn orientation(bytes: &[u8]) -> Option<u16> {
    let orientation = crate::metadata(bytes, &crate::Options::default()).orientation;
    (2..=8)
        .contains(&orientation)
        .then_some(u16::from(orientation))
}

/// An EXIF segment with nothing in it but the orientation.
fn orientation_segment(orientation: u16) -> Vec<u8> {
    let mut data = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    data.extend(orientation.to_be_bytes());
    data.extend([0; 6]);
    let length = u16::try_from(data.len() + 2).unwrap_or(2);
    let mut segment = vec![0xff, APP1];
    segment.extend(length.to_be_bytes());
    segment.extend(data);
    segment
}

fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..8)?.to_vec();
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at.checked_add(length)?.checked_add(12)?;
        let chunk = bytes.get(at..end)?;
        if PNG_KEPT.iter().any(|kind| kind[..] == head[4..]) {
            out.extend(chunk);
        }
        if &head[4..] == b"IEND" {
            return Some(out);
        }
        at = end;
    }
}

fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.get(..12)?.to_vec();
    let mut at = 12;
    while at < bytes.len() {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let end = at
            .checked_add(8)?
            .checked_add(length.checked_add(length % 2)?)?;
        // The last one may lack its padding.
        let chunk = bytes.get(at..end.min(bytes.len()))?;
        if chunk.len() < 8 + length {
            return None;
        }
        if WEBP_KEPT.iter().any(|kind| kind[..] == head[..4]) {
            let start = out.len();
            out.extend(chunk);
            if &head[..4] == b"VP8X" {
                *out.get_mut(start + 8)? &= !WEBP_EXIF_XMP;
            }
        }
        at = end;
    }
    let length = u32::try_from(out.len() - 8).ok()?;
    out.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(out)
}

fn gif(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = 13 + color_table(*bytes.get(10)?);
    let mut out = bytes.get(..at)?.to_vec();
    loop {
        let (start, kind) = (at, *bytes.get(at)?);
        let is_kept = match kind {
            b';' => {
                out.push(b';');
                return Some(out);
            }
            b'!' => {
                let label = *bytes.get(at + 1)?;
                at += 2;
                // How long a frame stays, and how often all of them are shown.
                let name = bytes.get(at + 1..).unwrap_or_default();
                label == 0xf9
                    || label == 0xff
                        && (name.starts_with(b"NETSCAPE2.0") || name.starts_with(b"ANIMEXTS1.0"))
            }
            b',' => {
                at += 11 + color_table(*bytes.get(at + 9)?);
                true
            }
            _ => return None,
        };
        // Blocks with their length in front, the last of length nothing.
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
        let block = bytes.get(start..at)?;
        if is_kept {
            out.extend(block);
        }
    }
}

/// Bytes of the table of colours that these flags announce.
fn color_table(flags: u8) -> usize {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}
