//! IPTC-IIM (version 4.2): captions, keywords and the date, as newsrooms and older photo tools write them.

use super::Metadata;
use super::text::{date, utf8_or_latin1};

const MARKER: u8 = 0x1C;
const APPLICATION_RECORD: u8 = 2;
const TITLE: u8 = 5;
const KEYWORD: u8 = 25;
const DATE_CREATED: u8 = 55;
const TIME_CREATED: u8 = 60;
const HEADLINE: u8 = 105;
const CAPTION: u8 = 120;

/// Reads the data sets of one IIM block. Text is taken as UTF-8 where it is valid, whatever the block declares.
pub(super) fn read(block: &[u8], metadata: &mut Metadata) {
    let (mut day, mut time) = (None, String::new());
    let mut captions = Vec::new();
    for (number, value) in data_sets(block) {
        let text = utf8_or_latin1(value);
        match number {
            CAPTION => captions.insert(0, text),
            TITLE | HEADLINE => captions.push(text),
            KEYWORD => metadata.add_keyword(&text),
            DATE_CREATED => day = Some(text),
            TIME_CREATED => time = text,
            _ => {}
        }
    }
    captions
        .iter()
        .for_each(|caption| metadata.add_caption(None, caption));
    if metadata.taken.is_none() {
        metadata.taken = day.and_then(|day| date(&format!("{day} {time}")).or_else(|| date(&day)));
    }
}

/// Numbers and values of the application record; a data set that runs past the end stops the walk.
fn data_sets(block: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let &[MARKER, record, number, high, low, ref after @ ..] = rest else {
                return None;
            };
            // A set high bit announces a length of several bytes, for values no caption needs.
            let len = usize::from(u16::from_be_bytes([high, low]));
            let value = after.get(..len)?;
            rest = &after[len..];
            if record == APPLICATION_RECORD {
                return Some((number, value));
            }
        }
    })
}
