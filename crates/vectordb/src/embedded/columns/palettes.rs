//! The colours of all items as they are seen: what a colour is like is found
//! out once, and 16 bytes a colour are held.

use fovea_index::Bitmap;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use rustc_hash::FxHashMap;

use super::items::Items;
use super::pieces::in_pieces;
use crate::color::{Look, share_like};
use crate::embedded::codec::decode_colors;
use crate::embedded::fail::Try;
use crate::embedded::items::not_bytes;

/// Colours by position.
#[derive(Clone, Debug, Default)]
pub(super) struct Palettes {
    /// Of one content after the other: looks, and their shares of the image.
    seen: Vec<(Look, f32)>,
    /// Of each position where its colours begin and end.
    spans: Vec<(u32, u32)>,
}

impl Palettes {
    /// One pass over the contents.
    pub(super) fn load(connection: &Connection, items: &Items) -> Try<Palettes> {
        let mut palettes = Palettes::default();
        let mut of_content: FxHashMap<i64, (u32, u32)> = FxHashMap::default();
        let mut statement = connection.prepare_cached("SELECT id, colors FROM content")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let span = palettes.add(row.get_ref(1)?)?;
            of_content.insert(row.get(0)?, span);
        }
        let spans = items.contents.iter();
        let spans = spans.map(|content| of_content.get(content).copied().unwrap_or_default());
        palettes.spans = spans.collect();
        Ok(palettes)
    }

    /// Read the colours of some items again; there are so many items now.
    pub(super) fn again(
        &mut self,
        connection: &Connection,
        items: &[(u32, i64)],
        n_items: usize,
    ) -> Try<()> {
        self.spans.resize(n_items, (0, 0));
        let mut statement = connection.prepare_cached(
            "SELECT colors FROM content WHERE id = (SELECT content FROM item WHERE id = ?)",
        )?;
        for &(position, id) in items {
            let mut rows = statement.query([id])?;
            self.spans[position as usize] = match rows.next()? {
                Some(row) => self.add(row.get_ref(0)?)?,
                None => (0, 0),
            };
        }
        Ok(())
    }

    fn add(&mut self, colors: ValueRef<'_>) -> Try<(u32, u32)> {
        let bytes = colors.as_blob().map_err(not_bytes)?;
        let start = self.seen.len() as u32;
        // Damage is for `check` to tell; here it is an image without colours.
        let colors = decode_colors(bytes).unwrap_or_default();
        let seen = colors.iter().map(|one| (Look::of(one.rgb), one.share));
        self.seen.extend(seen);
        Ok((start, self.seen.len() as u32))
    }

    /// Items of which at least such a share looks like a colour.
    pub(super) fn like(&self, rgb: [u8; 3], share: f32) -> Bitmap {
        /// Words for which a thread is worth its while.
        const WORDS: usize = 200;
        let like = Look::of(rgb);
        in_pieces(self.spans.len().div_ceil(64), WORDS, |words| {
            let items = &self.spans[words.start * 64..(words.end * 64).min(self.spans.len())];
            let word = |items: &[(u32, u32)]| {
                let bits = items.iter().enumerate();
                bits.fold(0, |word, (bit, &(start, end))| {
                    let seen = &self.seen[start as usize..end as usize];
                    word | u64::from(share_like(seen, like) >= share) << bit
                })
            };
            items.chunks(64).map(word).collect()
        })
    }
}
