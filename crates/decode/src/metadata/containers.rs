//! Where each format keeps its EXIF, IPTC and XMP blocks. The blocks themselves are read elsewhere.

use std::borrow::Cow;
use std::io::Read;

use crate::Format;
use crate::ifd::Tiff;
use crate::jpeg::segments::{self, APP1, APP13};
use crate::metadata::text::utf8_or_latin1;

const EXIF_HEADER: &[u8] = b"Exif\0\0";
const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PHOTOSHOP_HEADER: &[u8] = b"Photoshop 3.0\0";
const IPTC_RESOURCE: u16 = 0x0404;
const TIFF_XMP: u16 = 700;
const TIFF_IPTC: u16 = 33_723;
const TIFF_PHOTOSHOP: u16 = 34_377;

/// Longest block read; more is not words.
const MAX_BLOCK_BYTES: u64 = 4 << 20;

/// The blocks found, without their headers.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    /// TIFF-structured.
    pub exif: Option<Cow<'a, [u8]>>,
    pub iptc: Option<Cow<'a, [u8]>>,
    pub xmp: Option<Cow<'a, [u8]>>,
    /// Texts the format keeps itself, with their languages.
    pub captions: Vec<(Option<String>, String)>,
}

pub(super) fn blocks(format: Format, bytes: &[u8]) -> Blocks<'_> {
    match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::WebP => webp(bytes),
        Format::Tiff | Format::Raw if Tiff::new(bytes).is_some() => tiff(bytes),
        // The preview of the other raw files is a JPEG with words of its own.
        Format::Raw => crate::raw::preview(bytes).map(jpeg).unwrap_or_default(),
        Format::Avif | Format::Heic => heif(bytes),
        Format::Gif | Format::Bmp | Format::Tiff | Format::Svg => Blocks::default(),
    }
}

fn jpeg(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    let mut photoshop = Vec::new();
    for segment in segments::segments(bytes) {
        if segment.marker == APP1 {
            if let Some(exif) = segment.data.strip_prefix(EXIF_HEADER) {
                blocks.exif.get_or_insert(exif.into());
            } else if let Some(xmp) = segment.data.strip_prefix(XMP_HEADER) {
                blocks.xmp.get_or_insert(xmp.into());
            }
        } else if segment.marker == APP13 {
            // Long resources go on in the next segment.
            photoshop.extend_from_slice(
                segment
                    .data
                    .strip_prefix(PHOTOSHOP_HEADER)
                    .unwrap_or_default(),
            );
        }
    }
    blocks.iptc = photoshop_iptc(&photoshop).map(|iptc| iptc.to_vec().into());
    blocks
}

/// The IPTC resource among Photoshop's image resources.
fn photoshop_iptc(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let after = rest.strip_prefix(b"8BIM")?;
        let id = u16::from_be_bytes([*after.first()?, *after.get(1)?]);
        // A name with its length in front, and a value; both padded to even lengths.
        let name_len = (usize::from(*after.get(2)?) + 1).next_multiple_of(2);
        let len_at = 2 + name_len;
        let len = after.get(len_at..len_at + 4)?;
        let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize;
        let value = after.get(len_at + 4..)?;
        if id == IPTC_RESOURCE {
            return value.get(..len);
        }
        rest = value.get(len.checked_add(len % 2)?..)?;
    }
}

fn png(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    for (kind, data) in png_chunks(bytes) {
        match kind {
            b"eXIf" => blocks.exif = Some(data.strip_prefix(EXIF_HEADER).unwrap_or(data).into()),
            b"tEXt" => {
                let mut parts = data.splitn(2, |&byte| byte == 0);
                let (key, text) = (
                    parts.next().unwrap_or_default(),
                    parts.next().unwrap_or_default(),
                );
                png_text(&mut blocks, key, None, text.into());
            }
            b"iTXt" => {
                if let Some((key, lang, text)) = png_international_text(data) {
                    png_text(&mut blocks, key, lang, text);
                }
            }
            _ => {}
        }
    }
    blocks
}

fn png_text<'a>(blocks: &mut Blocks<'a>, key: &[u8], lang: Option<String>, text: Cow<'a, [u8]>) {
    match key {
        b"XML:com.adobe.xmp" => blocks.xmp = Some(text),
        b"Description" | b"Title" | b"Comment" => {
            blocks.captions.push((lang, utf8_or_latin1(&text)))
        }
        _ => {}
    }
}

/// Keyword, language and text.
type PngText<'a> = (&'a [u8], Option<String>, Cow<'a, [u8]>);

/// Keyword, whether compressed, method, language, translated keyword, text.
fn png_international_text(data: &[u8]) -> Option<PngText<'_>> {
    let key_end = data.iter().position(|&byte| byte == 0)?;
    let (&[is_compressed, _], rest) = data.get(key_end + 1..)?.split_first_chunk::<2>()?;
    let mut parts = rest.splitn(3, |&byte| byte == 0);
    let lang = std::str::from_utf8(parts.next()?)
        .ok()
        .filter(|lang| !lang.is_empty())
        .map(str::to_owned);
    let text = parts.nth(1)?;
    let text = if is_compressed == 1 {
        inflated(text)?.into()
    } else {
        text.into()
    };
    Some((&data[..key_end], lang, text))
}

fn inflated(data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::ZlibDecoder::new(data)
        .take(MAX_BLOCK_BYTES)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}

fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let len = u32::from_be_bytes(*len) as usize;
        let data = after.get(..len)?;
        rest = after.get(len.checked_add(4)?..)?;
        Some((kind, data))
    })
}

fn webp(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks::default();
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((kind, after)) = rest.split_first_chunk::<4>() {
        let Some((len, after)) = after.split_first_chunk::<4>() else {
            break;
        };
        let len = u32::from_le_bytes(*len) as usize;
        let Some(data) = after.get(..len) else { break };
        match kind {
            b"EXIF" => blocks.exif = Some(data.strip_prefix(EXIF_HEADER).unwrap_or(data).into()),
            b"XMP " => blocks.xmp = Some(data.into()),
            _ => {}
        }
        let Some(next) = len.checked_add(len % 2).and_then(|len| after.get(len..)) else {
            break;
        };
        rest = next;
    }
    blocks
}

fn heif(bytes: &[u8]) -> Blocks<'static> {
    let stored = crate::heif::blocks(bytes);
    Blocks {
        exif: stored.exif.as_deref().and_then(heif_exif),
        xmp: stored.xmp.map(Cow::from),
        ..Blocks::default()
    }
}

/// The TIFF structure of a block that begins with the offset of it, which counts from behind itself.
fn heif_exif(block: &[u8]) -> Option<Cow<'static, [u8]>> {
    let (offset, rest) = block.split_first_chunk::<4>()?;
    let tiff = rest.get(u32::from_be_bytes(*offset) as usize..)?;
    Some(
        tiff.strip_prefix(EXIF_HEADER)
            .unwrap_or(tiff)
            .to_vec()
            .into(),
    )
}

fn tiff(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks {
        exif: Some(bytes.into()),
        ..Blocks::default()
    };
    let Some(tiff) = Tiff::new(bytes) else {
        return blocks;
    };
    let Some(main) = tiff.first_ifd() else {
        return blocks;
    };
    blocks.xmp = tiff.find(main, TIFF_XMP).map(|entry| entry.data().into());
    let photoshop = || photoshop_iptc(tiff.find(main, TIFF_PHOTOSHOP)?.data());
    let iptc = tiff
        .find(main, TIFF_IPTC)
        .map(|entry| entry.data())
        .or_else(photoshop);
    blocks.iptc = iptc.map(Cow::from);
    blocks
}
