//! Images and captions that belong together, with the features of the images: what an alignment is learned from.
//!
//! They come from the collection, whose features are kept, or from a file that lists images and captions. A file that cannot
//! be used is skipped and said, as it is in ingest.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use fovea_decode::{self as decode, Pixels};
use fovea_encode::Encoder;
use fovea_vectordb::{ContentHash, Filter, Item, ItemId, Part};

use crate::Engine;
use crate::captions::{FoundCaption, read_tsv};
use crate::error::Error;
use crate::ingest::captions::is_spoken;
use crate::ingest::process::decode_options;
use crate::ingest::{IndexEvent, IndexOptions, Observer, Skipped};
use crate::parts::Regions;

const ITEMS_AT_ONCE: usize = 500;
/// Share of each side that a cropped view keeps.
const CROP: f32 = 0.8;
/// The most views of an image: as it is, mirrored, its middle, and that mirrored.
pub const MOST_VIEWS: usize = 4;

/// An image with what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedImage {
    pub path: PathBuf,
    pub content: ContentHash,
    /// The feature of the image as it is, then of its other views.
    pub features: Vec<Vec<f32>>,
    pub captions: Vec<FoundCaption>,
}

/// Pairs, and what was none.
#[derive(Clone, Debug, Default)]
pub struct GatheredPairs {
    pub images: Vec<PairedImage>,
    pub skipped: Vec<Skipped>,
    /// Images without a caption.
    pub n_without_caption: u64,
    /// Captions in languages that the text encoder does not know, which are passed over.
    pub n_not_spoken: u64,
}

impl GatheredPairs {
    /// Passes over captions in languages that the encoder does not know, and images that have no other.
    pub fn keep_spoken(&mut self, languages: &[String]) {
        for image in &mut self.images {
            let n_before = image.captions.len();
            image
                .captions
                .retain(|caption| is_spoken(caption.lang.as_deref(), languages));
            self.n_not_spoken += (n_before - image.captions.len()) as u64;
        }
        let n_before = self.images.len();
        self.images.retain(|image| !image.captions.is_empty());
        self.n_without_caption += (n_before - self.images.len()) as u64;
    }
}

/// How pairs are gathered.
#[derive(Clone, Debug)]
pub struct PairOptions {
    /// Views of each image, 1 to [`MOST_VIEWS`]. More than one takes a decoding of every image.
    pub n_views: usize,
    /// Limits of files and images, and the number of workers.
    pub files: IndexOptions,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            n_views: 1,
            files: IndexOptions::default(),
        }
    }
}

/// Images and what is said of each.
pub type Listed = Vec<(PathBuf, Vec<FoundCaption>)>;

/// The lines `path <TAB> language <TAB> caption` of a file, image by image.
pub fn listed(file: &Path) -> Result<Listed, Error> {
    let captions = read_tsv(file)?;
    let of = |image: &PathBuf| (image.clone(), captions.of(image).to_vec());
    Ok(captions.images.iter().map(of).collect())
}

/// Pairs of images that are listed. Features of those that `engine`'s collection has are taken from there.
pub fn of_listed(
    encoder: &dyn Encoder,
    engine: Option<&Engine>,
    listed: Listed,
    options: &PairOptions,
    observer: &dyn Observer,
) -> Result<GatheredPairs, Error> {
    let (wanted, without): (Listed, Listed) = listed
        .into_iter()
        .partition(|(_, captions)| !captions.is_empty());
    let mut gathered = GatheredPairs {
        n_without_caption: without.len() as u64,
        ..Default::default()
    };
    let kept = match engine.filter(|_| options.n_views <= 1) {
        Some(engine) => engine.items_by_path()?,
        None => HashMap::new(),
    };
    let n_jobs = wanted.len() as u64;
    let n_files = n_jobs;
    observer.on(IndexEvent::Planned { n_files, n_jobs });
    let of = |(path, captions): &(PathBuf, Vec<FoundCaption>)| -> Result<PairedImage, String> {
        let (content, features) = match (engine, kept.get(path)) {
            (Some(engine), Some(item)) => engine.kept_feature(*item)?,
            _ => looked_at(encoder, path, options)?,
        };
        Ok(PairedImage {
            path: path.clone(),
            content,
            features,
            captions: captions.clone(),
        })
    };
    let path = |one: &(PathBuf, _)| one.0.clone();
    let n_workers = options.files.n_workers;
    gather(&wanted, path, of, (n_workers, observer), &mut gathered);
    Ok(gathered)
}

/// Pairs of the collection: the items with captions that the filter lets through.
pub fn of_collection(
    engine: &Engine,
    filter: &Filter,
    options: &PairOptions,
    observer: &dyn Observer,
) -> Result<GatheredPairs, Error> {
    let database = engine.database();
    let mut gathered = GatheredPairs::default();
    let n_jobs = database.count(filter)?;
    observer.on(IndexEvent::Planned {
        n_files: n_jobs,
        n_jobs,
    });
    let mut after: Option<ItemId> = None;
    loop {
        let ids = database.scan(filter, after, ITEMS_AT_ONCE)?;
        after = ids.last().copied();
        if after.is_none() || observer.is_cancelled() {
            return Ok(gathered);
        }
        let (with, without): (Vec<Item>, Vec<Item>) = database
            .items(&ids)?
            .into_iter()
            .partition(|item| !item.captions.is_empty());
        gathered.n_without_caption += without.len() as u64;
        let of = |item: &Item| -> Result<PairedImage, String> {
            let (content, features) = match options.n_views {
                0 | 1 => engine.kept_feature(item.id)?,
                _ => looked_at(engine.encoder(), &item.absolute(), options)?,
            };
            let captions = item.captions.iter().map(|caption| FoundCaption {
                lang: caption.lang.clone(),
                text: caption.text.clone(),
            });
            Ok(PairedImage {
                path: item.absolute(),
                content,
                features,
                captions: captions.collect(),
            })
        };
        gather(
            &with,
            Item::absolute,
            of,
            (options.files.n_workers, observer),
            &mut gathered,
        );
    }
}

/// The kept feature of each content of the collection that is wanted, with the path of an item that has it, one after the
/// other: what `take` does not keep is in memory no longer. It says when there were enough.
pub fn each_kept_feature(
    engine: &Engine,
    filter: &Filter,
    is_wanted: &dyn Fn(&ContentHash) -> bool,
    take: &mut dyn FnMut(PathBuf, Vec<f32>) -> ControlFlow<()>,
) -> Result<(), Error> {
    let database = engine.database();
    let pack = &engine.encoder().spec().fingerprint;
    let mut seen = HashSet::new();
    let mut after: Option<ItemId> = None;
    loop {
        let ids = database.scan(filter, after, ITEMS_AT_ONCE)?;
        after = ids.last().copied();
        if after.is_none() {
            return Ok(());
        }
        for item in database.items(&ids)? {
            let content = item.content.hash;
            if !is_wanted(&content) || !seen.insert(content) {
                continue;
            }
            let parts = database.feature(pack, content)?.into_iter();
            let mut whole = parts.filter(|(part, _)| *part == Part::WHOLE);
            let Some((_, feature)) = whole.next() else {
                continue;
            };
            if take(item.absolute(), feature).is_break() {
                return Ok(());
            }
        }
    }
}

/// Looks at all of something with several workers, and keeps the order.
pub(crate) fn gather<T: Sync>(
    all: &[T],
    path: impl Fn(&T) -> PathBuf,
    of: impl Fn(&T) -> Result<PairedImage, String> + Sync,
    (n_workers, observer): (usize, &dyn Observer),
    gathered: &mut GatheredPairs,
) {
    let n_before = gathered.images.len() as u64;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(all.len()));
    let work = || {
        while !observer.is_cancelled() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(at) else { return };
            let paired = of(one);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((at, paired));
            let n_done = n_before + done.len() as u64;
            observer.on(IndexEvent::Kept { n_done });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..n_workers.clamp(1, 64) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    for (at, paired) in done {
        match paired {
            Ok(paired) => gathered.images.push(paired),
            Err(reason) => gathered.skipped.push(Skipped {
                path: path(&all[at]),
                reason,
                known: false,
            }),
        }
    }
}

impl Engine {
    /// The feature that the collection has of an item.
    pub(crate) fn kept_feature(
        &self,
        item: ItemId,
    ) -> Result<(ContentHash, Vec<Vec<f32>>), String> {
        let said = |error: fovea_vectordb::Error| error.to_string();
        let items = self.database().items(&[item]).map_err(said)?;
        let content = items.first().ok_or("it is no longer indexed")?.content.hash;
        let pack = &self.encoder().spec().fingerprint;
        let parts = self.database().feature(pack, content).map_err(said)?;
        let whole = parts.into_iter().find(|(part, _)| *part == Part::WHOLE);
        let (_, feature) = whole.ok_or("the collection has no feature of it")?;
        Ok((content, vec![feature]))
    }
}

/// The bytes of a regular file of at most `most` bytes, whatever it says of its length.
pub(crate) fn read_within(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| error.to_string();
    if !std::fs::metadata(path).map_err(said)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(said)?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(said)?;
    match bytes.len() as u64 > most {
        true => Err(format!("it has more than {most} bytes")),
        false => Ok(bytes),
    }
}

/// Features of the views of a picture that is read now.
fn looked_at(
    encoder: &dyn Encoder,
    path: &Path,
    options: &PairOptions,
) -> Result<(ContentHash, Vec<Vec<f32>>), String> {
    let bytes = read_within(path, options.files.max_file_bytes)?;
    let decoding = decode_options(&options.files, encoder, Regions::None);
    let image = decode::decode(&bytes, &decoding).map_err(|error| error.to_string())?;
    let views = views(image.pixels, options.n_views);
    let views: Vec<&Pixels> = views.iter().collect();
    let features = encoder
        .features(&views)
        .map_err(|error| error.to_string())?;
    Ok((ContentHash::of(&bytes), features))
}

/// The picture, and pictures that show the same: mirrored, without its margins, and both.
fn views(pixels: Pixels, n: usize) -> Vec<Pixels> {
    let mut views = vec![pixels];
    if n >= 2 {
        views.extend(mirrored(&views[0]));
    }
    if n >= 3 {
        views.extend(middle(&views[0]));
    }
    if n >= 4
        && let Some(middle) = views.get(2)
    {
        views.extend(mirrored(middle));
    }
    views
}

fn mirrored(pixels: &Pixels) -> Option<Pixels> {
    let width = pixels.width() as usize;
    let rows = pixels.data().chunks_exact(3 * width);
    let turned = rows.flat_map(|row| row.rchunks_exact(3).flatten().copied());
    Pixels::new(pixels.width(), pixels.height(), turned.collect())
}

fn middle(pixels: &Pixels) -> Option<Pixels> {
    let kept = |side: u32| ((side as f32 * CROP) as u32).max(1);
    let (width, height) = (kept(pixels.width()), kept(pixels.height()));
    let (x, y) = ((pixels.width() - width) / 2, (pixels.height() - height) / 2);
    pixels.cropped(x, y, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_show_the_same_picture_in_other_ways() {
        let data: Vec<u8> = (0..10 * 5 * 3).map(|at| at as u8).collect();
        let picture = Pixels::new(10, 5, data).unwrap();
        let all = views(picture.clone(), MOST_VIEWS);
        assert_eq!(all.len(), MOST_VIEWS);
        assert_eq!(all[0], picture);
        assert_eq!(mirrored(&all[1]), Some(picture));
        assert_eq!(all[1].data()[..3], all[0].data()[27..30]);
        assert_eq!((all[2].width(), all[2].height()), (8, 4));
        assert_eq!(all[2].data()[..3], all[0].data()[3..6]);
        assert_eq!(mirrored(&all[3]), Some(all[2].clone()));
    }
}
