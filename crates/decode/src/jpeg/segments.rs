//! The marker segments of a JPEG file up to its first scan: frame header and application data.
//!
//! ITU-T T.81, annex B. Nothing is copied; a segment that runs past the end of the file ends the walk.

/// One marker segment, without its length field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub marker: u8,
    pub data: &'a [u8],
    /// Where `data` ends in the file.
    pub end: usize,
}

/// What the frame header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub marker: u8,
    pub precision: u8,
    pub width: u16,
    pub height: u16,
    pub components: Vec<Component>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub id: u8,
    /// Horizontal and vertical sampling factors, 1 to 4.
    pub h: u8,
    pub v: u8,
    pub quantization: u8,
}

pub(crate) const SOF_BASELINE: u8 = 0xC0;
pub(crate) const SOF_EXTENDED: u8 = 0xC1;
pub(crate) const SOF_PROGRESSIVE: u8 = 0xC2;
pub(crate) const DHT: u8 = 0xC4;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const DQT: u8 = 0xDB;
pub(crate) const DRI: u8 = 0xDD;
pub(crate) const APP1: u8 = 0xE1;
pub(crate) const APP13: u8 = 0xED;
pub(crate) const APP14: u8 = 0xEE;

/// The segments in file order, the first SOS being the last one given.
pub(crate) fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut position = 2;
    let mut done = !bytes.starts_with(&[0xFF, 0xD8]);
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let segment = next_segment(bytes, position)?;
        position = segment.end;
        done = segment.marker == SOS;
        Some(segment)
    })
}

fn next_segment(bytes: &[u8], mut position: usize) -> Option<Segment<'_>> {
    loop {
        // Anything may stand between segments as fill, as long as a marker follows.
        while *bytes.get(position)? != 0xFF {
            position += 1;
        }
        let marker = *bytes.get(position + 1)?;
        match marker {
            0xFF => position += 1,
            0x00 | 0x01 | 0xD0..=0xD8 => position += 2,
            0xD9 => return None,
            _ => {
                let start = position + 2;
                let len = usize::from(u16::from_be_bytes([
                    *bytes.get(start)?,
                    *bytes.get(start + 1)?,
                ]));
                let end = start + len;
                let data = bytes.get(start + 2..end)?;
                return Some(Segment { marker, data, end });
            }
        }
    }
}

/// Whether this marker begins a frame (SOF0 to SOF15, without DHT, JPG and DAC, which lie between).
fn is_frame_marker(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// The frame header among the segments of `bytes`.
pub(crate) fn frame(bytes: &[u8]) -> Option<Frame> {
    segments(bytes)
        .find(|segment| is_frame_marker(segment.marker))
        .and_then(|segment| parse_frame(&segment))
}

fn parse_frame(segment: &Segment<'_>) -> Option<Frame> {
    let &[precision, h0, h1, w0, w1, n_components, ref rest @ ..] = segment.data else {
        return None;
    };
    let components = rest
        .chunks_exact(3)
        .take(usize::from(n_components))
        .map(|part| Component {
            id: part[0],
            h: part[1] >> 4,
            v: part[1] & 15,
            quantization: part[2],
        })
        .collect::<Vec<_>>();
    let is_sound = components.len() == usize::from(n_components)
        && !components.is_empty()
        && components
            .iter()
            .all(|part| (1..=4).contains(&part.h) && (1..=4).contains(&part.v));
    is_sound.then_some(Frame {
        marker: segment.marker,
        precision,
        width: u16::from_be_bytes([w0, w1]),
        height: u16::from_be_bytes([h0, h1]),
        components,
    })
}
