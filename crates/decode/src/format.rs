//! Which image format some bytes are, told from the bytes alone; a file's name only decides whether to look.

use crate::raw;

/// A format Fovea knows by name. Knowing it does not mean this build can decode it; see [`crate::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Svg,
    Avif,
    Heic,
    /// A camera's raw file; its embedded JPEG preview is what gets decoded.
    Raw,
}

/// Extensions the scanner offers for decoding. Those this build cannot read are here too, so that a skip can say why.
const CANDIDATE_EXTENSIONS: [&str; 24] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "svg", "svgz",
    "avif", "heic", "heif", "arw", "cr2", "cr3", "nef", "dng", "raf", "orf", "rw2", "pef",
];

/// How far into a file the `<svg` element may begin, after declarations and comments.
const SVG_SEARCH_BYTES: usize = 64 << 10;

/// Whether a file with this extension (without the dot, any case) is worth reading as an image.
pub fn is_candidate_extension(ext: &str) -> bool {
    CANDIDATE_EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ext))
}

impl Format {
    /// The lower-case name kept in metadata and filters, such as `jpeg`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::WebP => "webp",
            Format::Gif => "gif",
            Format::Bmp => "bmp",
            Format::Tiff => "tiff",
            Format::Svg => "svg",
            Format::Avif => "avif",
            Format::Heic => "heic",
            Format::Raw => "raw",
        }
    }

    /// The name as a message writes it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::WebP => "WebP",
            Format::Gif => "GIF",
            Format::Bmp => "BMP",
            Format::Tiff => "TIFF",
            Format::Svg => "SVG",
            Format::Avif => "AVIF",
            Format::Heic => "HEIC",
            Format::Raw => "camera raw",
        }
    }

    /// The format these bytes begin as, or `None` when they are no image Fovea knows.
    pub fn sniff(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Format::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Format::WebP),
            [b'B', b'M', ..] if looks_like_bmp(bytes) => Some(Format::Bmp),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => sniff_ftyp(bytes),
            _ if raw::has_raw_signature(bytes) => Some(Format::Raw),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(if raw::is_raw_tiff(bytes) {
                Format::Raw
            } else {
                Format::Tiff
            }),
            _ if looks_like_svg(bytes) => Some(Format::Svg),
            _ => None,
        }
    }
}

/// What bytes that are no image seem to be, for the message that refuses them.
pub(crate) fn looks_like(bytes: &[u8]) -> &'static str {
    const SIGNATURES: [(&[u8], &str); 12] = [
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or an office document"),
        (b"\x1F\x8B", "a gzip archive"),
        (b"7z\xBC\xAF", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x7FELF", "a program"),
        (b"MZ", "a Windows program"),
        (b"ID3", "an audio file"),
        (b"OggS", "an audio or video file"),
        (b"\x1A\x45\xDF\xA3", "a video"),
        (b"8BPS", "a Photoshop document"),
        (b"SQLite format 3", "a database"),
    ];
    if let Some((_, name)) = SIGNATURES
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
    {
        return name;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "a video";
    }
    let head = &bytes[..bytes.len().min(512)];
    if head.iter().all(|&byte| byte == 0) {
        return "zeros only, as an interrupted copy leaves them";
    }
    let head_lower = head.to_ascii_lowercase();
    if contains(&head_lower, b"<html") || contains(&head_lower, b"<!doctype html") {
        return "a web page";
    }
    let is_text = head
        .iter()
        .all(|&byte| byte >= 0x20 || matches!(byte, b'\n' | b'\r' | b'\t'));
    if is_text {
        "text"
    } else {
        "data of no known image format"
    }
}

fn looks_like_bmp(bytes: &[u8]) -> bool {
    // "BM" also begins plenty of text; the size of the second header tells them apart.
    let header_len = bytes
        .get(14..18)
        .map(|len| u32::from_le_bytes([len[0], len[1], len[2], len[3]]));
    matches!(header_len, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

fn sniff_ftyp(bytes: &[u8]) -> Option<Format> {
    let box_len = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let brands = bytes.get(8..box_len.clamp(12, 256).min(bytes.len()))?;
    let has = |brand: &[u8; 4]| brands.chunks_exact(4).any(|found| found == brand);
    if has(b"avif") || has(b"avis") {
        Some(Format::Avif)
    } else if has(b"crx ") {
        Some(Format::Raw)
    } else if [
        b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1",
    ]
    .iter()
    .any(|brand| has(brand))
    {
        Some(Format::Heic)
    } else {
        None
    }
}

fn looks_like_svg(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return crate::svg::is_gzipped_svg(bytes);
    }
    svg_begins(bytes)
}

/// Whether XML text opens an `svg` element near its start.
pub(crate) fn svg_begins(text: &[u8]) -> bool {
    let head = &text[..text.len().min(SVG_SEARCH_BYTES)];
    let head = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    head.starts_with(b"<") && (contains(head, b"<svg") || contains(head, b":svg"))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
