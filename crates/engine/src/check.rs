//! Looks for damage and for what is missing, and mends what is only a cache.

use fovea_decode as decode;
use fovea_vectordb::{Filter, Item, ItemId, Problem};

use crate::Engine;
use crate::error::Error;
use crate::parts::Regions;

const ITEMS_AT_ONCE: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    pub n_items: u64,
    /// What the database says of itself.
    pub problems: Vec<Problem>,
    /// Items whose preview is not there or not a picture.
    pub previews_missing: u64,
    pub previews_made: u64,
    /// Items of reachable sources whose file is gone or has another size: `index` again.
    pub files_changed: u64,
    /// Items that lack parts which the collection keeps, because their source was not indexed since: `index --regions`.
    pub without_parts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Only look.
    No,
    /// Make missing previews again from the originals.
    Previews,
}

impl CheckReport {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.previews_missing == self.previews_made
    }
}

impl Engine {
    /// Reads everything: the database row by row, and every preview and original by name.
    pub fn check(&self, repair: Repair) -> Result<CheckReport, Error> {
        let mut report = CheckReport {
            problems: self.database().check()?,
            ..Default::default()
        };
        let mut last: Option<ItemId> = None;
        loop {
            let ids = self.database().scan(&Filter::All, last, ITEMS_AT_ONCE)?;
            last = ids.last().copied();
            let items = self.database().items(&ids)?;
            report.without_parts += self.without_parts(&items)?;
            for item in items {
                self.check_item(&item, repair, &mut report)?;
            }
            if ids.len() < ITEMS_AT_ONCE {
                return Ok(report);
            }
        }
    }

    /// How many of the items lack parts that the collection keeps.
    fn without_parts(&self, items: &[Item]) -> Result<u64, Error> {
        let regions = Regions::of(self.database())?;
        if regions == Regions::None {
            return Ok(0);
        }
        let hashes: Vec<_> = items.iter().map(|item| item.content.hash).collect();
        let pack = &self.encoder().spec().fingerprint;
        let states = self.database().known_contents(&hashes, pack)?;
        Ok(states
            .iter()
            .filter(|state| !regions.are_kept(state))
            .count() as u64)
    }

    fn check_item(
        &self,
        item: &Item,
        repair: Repair,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        report.n_items += 1;
        let original = item.absolute();
        let changed =
            crate::scan::file_stamp(&original).map_or(true, |(size, _)| size != item.size);
        report.files_changed += u64::from(item.online && changed && !self.uploads().has(item)?);
        if self.has_preview(item)? {
            return Ok(());
        }
        report.previews_missing += 1;
        if repair == Repair::Previews && self.make_preview(item)? {
            report.previews_made += 1;
        }
        Ok(())
    }

    /// A preview is written whole or not at all, so its first and last bytes show a disk's damage well enough.
    fn has_preview(&self, item: &Item) -> Result<bool, Error> {
        let is_whole =
            |jpeg: &[u8]| jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]);
        match self.previews().read(&item.content.hash) {
            Ok(jpeg) => Ok(is_whole(&jpeg)),
            // A bucket that says nothing does not say that there is none.
            Err(error @ Error::Bucket { .. }) => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn make_preview(&self, item: &Item) -> Result<bool, Error> {
        let Ok(bytes) = self.uploads().read(item) else {
            return Ok(false);
        };
        if fovea_vectordb::ContentHash::of(&bytes) != item.content.hash {
            return Ok(false);
        }
        let options = decode::Options {
            min_side: Some(crate::ingest::process::min_side(
                self.encoder(),
                Regions::None,
            )),
            ..Default::default()
        };
        let preview =
            decode::decode(&bytes, &options).and_then(|image| decode::preview(&image.pixels));
        match preview {
            Ok(preview) => self
                .previews()
                .write(&item.content.hash, &preview.jpeg)
                .map(|()| true),
            Err(_) => Ok(false),
        }
    }
}
