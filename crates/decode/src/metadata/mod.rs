//! What a file says of itself: EXIF, IPTC-IIM and XMP, read leniently. Damaged metadata is left out and never an error.

mod containers;
mod exif;
mod iptc;
mod text;
mod xmp;

use std::fmt;

use crate::{Format, Limits, svg};
use containers::Blocks;

/// When the picture was taken, as the camera's clock had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// Minutes east of UTC, where the file says.
    pub utc_offset_min: Option<i16>,
}

/// ISO 8601, as it is sorted and compared: `2023-07-14T12:03:04`, with `+08:00` where the file says.
impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}T", self.year, self.month, self.day)?;
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        let Some(offset_min) = self.utc_offset_min else {
            return Ok(());
        };
        let sign = if offset_min < 0 { '-' } else { '+' };
        let offset_min = offset_min.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", offset_min / 60, offset_min % 60)
    }
}

/// Where the picture was taken: degrees, north and east positive; metres above sea level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gps {
    pub latitude: f64,
    pub longitude: f64,
    pub altitude_m: Option<f64>,
}

/// A description or title that travels inside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedCaption {
    /// A language tag such as `en` or `zh-CN`; `None` where the file does not say (XMP's `x-default` included).
    pub lang: Option<String>,
    pub text: String,
}

/// Everything Fovea keeps of a file's own words. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    pub taken: Option<Taken>,
    /// Maker and model, the maker not twice.
    pub camera: Option<String>,
    pub lens: Option<String>,
    pub iso: Option<u32>,
    pub focal_mm: Option<f64>,
    /// The f-number.
    pub aperture: Option<f64>,
    pub exposure_s: Option<f64>,
    pub gps: Option<Gps>,
    /// EXIF orientation 1 to 8 as found (already applied to the pixels); 0 when the file has none.
    pub orientation: u8,
    pub captions: Vec<EmbeddedCaption>,
    pub keywords: Vec<String>,
    /// Stars, 1 to 5; 0 is unrated and -1 rejected, as XMP has it.
    pub rating: Option<i8>,
}

/// Most captions or keywords kept of one file.
const MAX_TEXTS: usize = 1000;

/// Reads all blocks of a file. Where they disagree, EXIF wins for the camera's facts and XMP, then IPTC, for words.
pub(crate) fn read(format: Format, bytes: &[u8], limits: &Limits) -> Metadata {
    let blocks = containers::blocks(format, bytes);
    let mut metadata = Metadata::default();
    if format == Format::Svg {
        read_drawing(bytes, limits, &mut metadata);
    }
    if let Some(exif) = &blocks.exif {
        exif::read(exif, &mut metadata);
    }
    read_words(&blocks, &mut metadata);
    if let Some(exif) = &blocks.exif {
        // A date of change says little, so it only stands in for all others.
        metadata.taken = metadata.taken.or_else(|| exif::changed(exif));
        exif::read_words(exif, &mut metadata);
    }
    metadata
}

/// A drawing's words are elements of the drawing.
fn read_drawing(bytes: &[u8], limits: &Limits, metadata: &mut Metadata) {
    let Ok(text) = svg::text(bytes, limits) else {
        return;
    };
    if let Ok(xml) = svg::parse_xml(&text) {
        xmp::read_svg(&xml, metadata);
    }
}

fn read_words(blocks: &Blocks<'_>, metadata: &mut Metadata) {
    if let Some(xmp) = &blocks.xmp {
        xmp::read(xmp, metadata);
    }
    if let Some(iptc) = &blocks.iptc {
        iptc::read(iptc, metadata);
    }
    for (lang, text) in &blocks.captions {
        metadata.add_caption(lang.as_deref(), text);
    }
}

impl Metadata {
    /// Adds a caption unless it is empty or already there.
    pub(crate) fn add_caption(&mut self, lang: Option<&str>, text: &str) {
        let Some(text) = text::cleaned(text) else {
            return;
        };
        let lang = lang
            .filter(|lang| text::is_language(lang))
            .map(str::to_owned);
        let is_known = self
            .captions
            .iter()
            .any(|known| known.text == text && (lang.is_none() || known.lang == lang));
        if !is_known && self.captions.len() < MAX_TEXTS {
            self.captions.push(EmbeddedCaption { lang, text });
        }
    }

    /// Adds a keyword unless it is empty or already there.
    pub(crate) fn add_keyword(&mut self, keyword: &str) {
        let Some(keyword) = text::cleaned(keyword) else {
            return;
        };
        if !self.keywords.contains(&keyword) && self.keywords.len() < MAX_TEXTS {
            self.keywords.push(keyword);
        }
    }
}
