//! Which of several copies is proposed to be kept, and why.

use std::cmp::Ordering;

use fovea_vectordb::Content;

use super::gather::Shared;

/// Why a copy is better than another: the first of these in which they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has more pixels.
    Larger,
    /// It has colours.
    Colored,
    /// Its format keeps every pixel as it was.
    Format,
    /// It is compressed less.
    Bytes,
    /// More is known of it: camera, place, date.
    Metadata,
    /// It was there first.
    Older,
    /// They differ in nothing but the name.
    Name,
}

/// What decides, of one content.
#[derive(Clone, Debug)]
pub struct Merit {
    pixels: u64,
    is_colored: bool,
    format: u8,
    bytes: u64,
    n_keys: usize,
    mtime_ns: i64,
    path: Vec<u8>,
}

impl Merit {
    pub fn of(shared: &Shared) -> Merit {
        let Content {
            width,
            height,
            format,
            bytes,
            colors,
            ..
        } = &shared.content;
        let first = shared.items.first();
        let is_gray = |[r, g, b]: [u8; 3]| r.max(g).max(b) - r.min(g).min(b) < 16;
        Merit {
            pixels: u64::from(*width) * u64::from(*height),
            is_colored: colors.iter().any(|color| !is_gray(color.rgb)),
            format: faithfulness(format),
            bytes: *bytes,
            n_keys: first.map_or(0, |known| known.n_keys),
            mtime_ns: first.map_or(0, |known| known.mtime_ns),
            path: first.map(|known| known.path.clone()).unwrap_or_default(),
        }
    }

    /// The better one is less, so that a sorted list begins with the best; and what decided.
    pub fn compare(&self, other: &Merit) -> (Ordering, Reason) {
        let steps = [
            (other.pixels.cmp(&self.pixels), Reason::Larger),
            (other.is_colored.cmp(&self.is_colored), Reason::Colored),
            (other.format.cmp(&self.format), Reason::Format),
            (other.bytes.cmp(&self.bytes), Reason::Bytes),
            (other.n_keys.cmp(&self.n_keys), Reason::Metadata),
            (self.mtime_ns.cmp(&other.mtime_ns), Reason::Older),
        ];
        let decided = steps.into_iter().find(|(order, _)| order.is_ne());
        decided.unwrap_or_else(|| (self.path.cmp(&other.path), Reason::Name))
    }
}

/// How much of a picture a format keeps, by its name in the database.
fn faithfulness(format: &str) -> u8 {
    match format {
        "svg" | "raw" => 4,
        "png" | "tiff" | "bmp" => 3,
        // 256 colours.
        "gif" => 1,
        _ => 2,
    }
}
