//! EXIF (CIPA DC-008): the camera's facts from the directories of a TIFF structure.

use super::text::{cleaned, date, utc_offset, utf8_or_latin1};
use super::{Gps, Metadata, Taken};
use crate::ifd::{Entry, Tiff};

const IMAGE_DESCRIPTION: u16 = 0x010E;
const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const DATE_TIME: u16 = 0x0132;
const RATING: u16 = 0x4746;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
const XP_TITLE: u16 = 0x9C9B;
const XP_COMMENT: u16 = 0x9C9C;
const XP_KEYWORDS: u16 = 0x9C9E;
const XP_SUBJECT: u16 = 0x9C9F;

const EXPOSURE_TIME: u16 = 0x829A;
const F_NUMBER: u16 = 0x829D;
const ISO_SPEED: u16 = 0x8827;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const DATE_TIME_DIGITIZED: u16 = 0x9004;
const OFFSET_TIME: u16 = 0x9010;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const OFFSET_TIME_DIGITIZED: u16 = 0x9012;
const FOCAL_LENGTH: u16 = 0x920A;
const USER_COMMENT: u16 = 0x9286;
const LENS_MAKE: u16 = 0xA433;
const LENS_MODEL: u16 = 0xA434;

const LATITUDE_REF: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE_REF: u16 = 3;
const LONGITUDE: u16 = 4;
const ALTITUDE_REF: u16 = 5;
const ALTITUDE: u16 = 6;

/// What cameras write as a description without being asked.
const BOILERPLATE: [&str; 8] = [
    "OLYMPUS DIGITAL CAMERA",
    "SONY DSC",
    "DCIM",
    "Exif_JPEG_PICTURE",
    "DIGITAL CAMERA",
    "SAMSUNG",
    "KODAK Digital Still Camera",
    "MINOLTA DIGITAL CAMERA",
];

/// The three directories that matter.
struct Exif<'a> {
    tiff: Tiff<'a>,
    main: u32,
    exif: Option<u32>,
    gps: Option<u32>,
}

/// The camera's facts.
pub(super) fn read(block: &[u8], metadata: &mut Metadata) {
    let Some(exif) = Exif::new(block) else { return };
    let orientation = exif.main(ORIENTATION).and_then(|entry| entry.uint());
    metadata.orientation = orientation
        .filter(|value| (1..=8).contains(value))
        .map_or(0, |value| value as u8);
    metadata.camera = joined(exif.main(MAKE), exif.main(MODEL));
    metadata.lens = joined(exif.exif(LENS_MAKE), exif.exif(LENS_MODEL));
    metadata.iso = exif
        .exif(ISO_SPEED)
        .and_then(|entry| entry.uint())
        .filter(|&iso| iso > 0);
    metadata.focal_mm = exif.positive(FOCAL_LENGTH);
    metadata.aperture = exif.positive(F_NUMBER);
    metadata.exposure_s = exif.positive(EXPOSURE_TIME);
    metadata.gps = exif.position();
    let taken = |at, offset| exif.date(exif.exif(at), offset);
    metadata.taken = taken(DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL)
        .or_else(|| taken(DATE_TIME_DIGITIZED, OFFSET_TIME_DIGITIZED));
    let stars = exif.main(RATING).and_then(|entry| entry.uint());
    metadata.rating = stars.filter(|stars| *stars <= 5).map(|stars| stars as i8);
}

/// When the file was last changed.
pub(super) fn changed(block: &[u8]) -> Option<Taken> {
    let exif = Exif::new(block)?;
    exif.date(exif.main(DATE_TIME), OFFSET_TIME)
}

/// Descriptions and keywords.
pub(super) fn read_words(block: &[u8], metadata: &mut Metadata) {
    let Some(exif) = Exif::new(block) else { return };
    let described = exif
        .main(IMAGE_DESCRIPTION)
        .map(|entry| utf8_or_latin1(entry.data()));
    for text in described
        .into_iter()
        .filter(|text| !BOILERPLATE.contains(&text.trim()))
    {
        metadata.add_caption(None, &text);
    }
    if let Some(text) = exif
        .exif(USER_COMMENT)
        .and_then(|entry| user_comment(entry.data()))
    {
        metadata.add_caption(None, &text);
    }
    for entry in [XP_TITLE, XP_SUBJECT, XP_COMMENT]
        .into_iter()
        .filter_map(|tag| exif.main(tag))
    {
        metadata.add_caption(None, &utf16(entry.data(), true));
    }
    for keyword in exif
        .main(XP_KEYWORDS)
        .map(|entry| utf16(entry.data(), true))
        .unwrap_or_default()
        .split(';')
    {
        metadata.add_keyword(keyword);
    }
}

impl<'a> Exif<'a> {
    fn new(block: &'a [u8]) -> Option<Exif<'a>> {
        let tiff = Tiff::new(block)?;
        let main = tiff.first_ifd()?;
        let directory = |tag| tiff.find(main, tag).and_then(|entry| entry.uint());
        Some(Exif {
            tiff,
            main,
            exif: directory(EXIF_IFD),
            gps: directory(GPS_IFD),
        })
    }

    fn main(&self, tag: u16) -> Option<Entry<'a>> {
        self.tiff.find(self.main, tag)
    }

    fn exif(&self, tag: u16) -> Option<Entry<'a>> {
        self.tiff.find(self.exif?, tag)
    }

    fn gps(&self, tag: u16) -> Option<Entry<'a>> {
        self.tiff.find(self.gps?, tag)
    }

    fn positive(&self, tag: u16) -> Option<f64> {
        self.exif(tag)?.number().filter(|&number| number > 0.0)
    }

    fn date(&self, entry: Option<Entry<'_>>, offset: u16) -> Option<Taken> {
        let mut taken = date(&utf8_or_latin1(entry?.data()))?;
        let offset = self
            .exif(offset)
            .and_then(|entry| utc_offset(&utf8_or_latin1(entry.data())));
        taken.utc_offset_min = taken.utc_offset_min.or(offset);
        Some(taken)
    }

    fn position(&self) -> Option<Gps> {
        let latitude = self
            .degrees(LATITUDE, LATITUDE_REF, b'S')
            .filter(|degrees| degrees.abs() <= 90.0)?;
        let longitude = self
            .degrees(LONGITUDE, LONGITUDE_REF, b'W')
            .filter(|degrees| degrees.abs() <= 180.0)?;
        let is_below_sea = self.gps(ALTITUDE_REF).and_then(|entry| entry.uint()) == Some(1);
        let altitude = self.gps(ALTITUDE).and_then(|entry| entry.number());
        let altitude_m = altitude.map(|altitude| if is_below_sea { -altitude } else { altitude });
        Some(Gps {
            latitude,
            longitude,
            altitude_m,
        })
    }

    /// Degrees, minutes and seconds as one number, negative on the side `negative` names.
    fn degrees(&self, tag: u16, side: u16, negative: u8) -> Option<f64> {
        let parts: Vec<f64> = self.gps(tag)?.rationals().take(3).collect();
        let (&first, rest) = parts.split_first()?;
        // Seconds left out are often 0/0.
        let finite = |at: usize| {
            rest.get(at)
                .copied()
                .filter(|part| part.is_finite())
                .unwrap_or(0.0)
        };
        let degrees = first + finite(0) / 60.0 + finite(1) / 3600.0;
        let is_negative =
            self.gps(side)?.data().first().map(u8::to_ascii_uppercase) == Some(negative);
        degrees
            .is_finite()
            .then_some(if is_negative { -degrees } else { degrees })
    }
}

/// Maker and model as one name, the maker not twice.
fn joined(make: Option<Entry<'_>>, model: Option<Entry<'_>>) -> Option<String> {
    let text =
        |entry: Option<Entry<'_>>| entry.and_then(|entry| cleaned(&utf8_or_latin1(entry.data())));
    match (text(make), text(model)) {
        (Some(make), Some(model)) => {
            let first_word = make.split(' ').next().unwrap_or_default().to_lowercase();
            let names_maker = model.to_lowercase().starts_with(&first_word);
            Some(if names_maker {
                model
            } else {
                format!("{make} {model}")
            })
        }
        (make, model) => model.or(make),
    }
}

/// A comment begins with the name of its character code.
fn user_comment(data: &[u8]) -> Option<String> {
    let (code, text) = data.split_at_checked(8)?;
    match code {
        b"UNICODE\0" => Some(utf16(
            text,
            text.starts_with(&[0xFF, 0xFE]) || text.get(1) == Some(&0),
        )),
        b"ASCII\0\0\0" | b"\0\0\0\0\0\0\0\0" => Some(utf8_or_latin1(text)),
        _ => None,
    }
}

fn utf16(data: &[u8], is_little_endian: bool) -> String {
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if is_little_endian {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    };
    let units = data
        .chunks_exact(2)
        .map(unit)
        .take_while(|&unit| unit != 0)
        .filter(|&unit| unit != 0xFEFF);
    char::decode_utf16(units)
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
