//! Pictures without a word, each with views of it that show the same: what a projection for the `visual` space is learned from.
//!
//! Views are made of pixels and really encoded, since what a network makes of a crop cannot be told from the whole. They are
//! made of previews where the collection keeps them, and are bounded in number and in time. `alter` says how.

mod alter;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use fovea_decode::{self as decode, Pixels};
use fovea_encode::Encoder;
use fovea_vectordb::{ContentHash, Filter, ItemId};

use self::alter::Alteration;
use crate::Engine;
use crate::error::Error;
use crate::ingest::process::decode_options;
use crate::ingest::{IndexEvent, IndexOptions, Observer};
use crate::pairs::{GatheredPairs, PairedImage, gather, read_within};
use crate::parts::Regions;

const ITEMS_AT_ONCE: usize = 500;
/// Views show no more detail than the network sees.
const SIDE: u32 = 320;

/// How many pictures and views there are to be.
#[derive(Clone, Debug)]
pub struct ViewOptions {
    /// The most pictures, chosen by chance.
    pub n_images: usize,
    /// Altered views of each, beside the picture as it is.
    pub n_views: usize,
    /// The same seed chooses the same pictures and alters them alike.
    pub seed: u64,
    /// From then on no further picture is looked at.
    pub until: Option<Instant>,
    /// Limits of files and images, and the number of workers.
    pub files: IndexOptions,
}

/// A picture that is looked at.
struct Wanted {
    path: PathBuf,
    /// Where the collection has it.
    item: Option<ItemId>,
}

/// Views of pictures of the collection, each content once.
pub fn of_collection(
    engine: &Engine,
    filter: &Filter,
    options: &ViewOptions,
    observer: &dyn Observer,
) -> Result<GatheredPairs, Error> {
    let database = engine.database();
    let (mut seen, mut all) = (HashSet::new(), Vec::new());
    let mut after: Option<ItemId> = None;
    loop {
        let ids = database.scan(filter, after, ITEMS_AT_ONCE)?;
        after = ids.last().copied();
        if after.is_none() {
            break;
        }
        for item in database.items(&ids)? {
            if seen.insert(item.content.hash) {
                all.push(Wanted {
                    path: item.absolute(),
                    item: Some(item.id),
                });
            }
        }
    }
    Ok(look_at(
        engine.encoder(),
        Some(engine),
        all,
        options,
        observer,
    ))
}

/// Views of pictures by their files. What `engine`'s collection has of them is taken from there.
pub fn of_files(
    encoder: &dyn Encoder,
    engine: Option<&Engine>,
    files: Vec<PathBuf>,
    options: &ViewOptions,
    observer: &dyn Observer,
) -> Result<GatheredPairs, Error> {
    let known = match engine {
        Some(engine) => engine.items_by_path()?,
        None => Default::default(),
    };
    let all = files.into_iter().map(|path| Wanted {
        item: known.get(&path).copied(),
        path,
    });
    Ok(look_at(encoder, engine, all.collect(), options, observer))
}

fn look_at(
    encoder: &dyn Encoder,
    engine: Option<&Engine>,
    mut all: Vec<Wanted>,
    options: &ViewOptions,
    observer: &dyn Observer,
) -> GatheredPairs {
    // By a hash of the path, so that a picture more changes little of the choice.
    all.sort_by_cached_key(|one| chance(options.seed, &one.path.to_string_lossy()));
    all.truncate(options.n_images);
    let n_jobs = all.len() as u64;
    observer.on(IndexEvent::Planned {
        n_files: n_jobs,
        n_jobs,
    });
    let looking = Looking {
        encoder,
        engine,
        options,
    };
    let until = Until {
        observer,
        until: options.until,
    };
    let numbered: Vec<(usize, &Wanted)> = all.iter().enumerate().collect();
    let of = |(at, one): &(usize, &Wanted)| looking.views(one, &all[(at + 1) % all.len()]);
    let path = |(_, one): &(usize, &Wanted)| one.path.clone();
    let mut gathered = GatheredPairs::default();
    let n_workers = options.files.n_workers;
    gather(&numbered, path, of, (n_workers, &until), &mut gathered);
    // The same picture under two names would be its own negative.
    let mut seen = HashSet::new();
    gathered.images.retain(|image| seen.insert(image.content));
    gathered
}

struct Looking<'a> {
    encoder: &'a dyn Encoder,
    engine: Option<&'a Engine>,
    options: &'a ViewOptions,
}

impl Looking<'_> {
    /// The feature of a picture, and those of its views; some show it on another picture.
    fn views(&self, one: &Wanted, other: &Wanted) -> Result<PairedImage, String> {
        let (content, pixels) = self.pixels(one)?;
        let kept = match (self.engine, one.item) {
            (Some(engine), Some(item)) => Some(engine.kept_feature(item)?.1),
            _ => None,
        };
        let encode = |pixels: &Pixels| {
            let encoded = self.encoder.features(&[pixels]);
            encoded.map_err(|error| error.to_string())
        };
        let mut features = match kept {
            Some(kept) => kept,
            None => encode(&pixels)?,
        };
        let small = reduced(&pixels);
        let other = self.pixels(other).ok().map(|(_, pixels)| reduced(&pixels));
        for view in 0..self.options.n_views {
            let chance = chance(
                self.options.seed.wrapping_add(view as u64),
                &content.to_string(),
            );
            let altered = Alteration::of(view, chance).apply(&small, other.as_ref());
            features.extend(encode(&altered)?);
        }
        Ok(PairedImage {
            path: one.path.clone(),
            content,
            features,
            captions: Vec::new(),
        })
    }

    /// The preview where there is one, else the picture itself.
    fn pixels(&self, one: &Wanted) -> Result<(ContentHash, Pixels), String> {
        let files = &self.options.files;
        let kept = match (self.engine, one.item) {
            (Some(engine), Some(item)) => {
                let content = engine.kept_feature(item)?.0;
                let preview = engine.previews().read(&content).ok();
                preview.map(|bytes| (content, bytes))
            }
            _ => None,
        };
        let (content, bytes) = match kept {
            Some(kept) => kept,
            None => {
                let bytes = read_within(&one.path, files.max_file_bytes)?;
                (ContentHash::of(&bytes), bytes)
            }
        };
        let options = decode_options(files, self.encoder, Regions::None);
        let image = decode::decode(&bytes, &options).map_err(|error| error.to_string())?;
        Ok((content, image.pixels))
    }
}

/// The long side as long as the network can tell.
fn reduced(pixels: &Pixels) -> Pixels {
    let long = pixels.width().max(pixels.height());
    let to = |side: u32| (side * SIDE.min(long) / long).max(1);
    let (width, height) = (to(pixels.width()), to(pixels.height()));
    decode::resize(pixels, width, height, decode::Filter::Bilinear)
}

/// A number that only the seed and the text decide.
fn chance(seed: u64, text: &str) -> u64 {
    let hash = ContentHash::of(format!("{seed} {text}").as_bytes()).to_string();
    u64::from_str_radix(&hash[..16], 16).unwrap_or(seed)
}

/// Stops at a time too.
struct Until<'a> {
    observer: &'a dyn Observer,
    until: Option<Instant>,
}

impl Observer for Until<'_> {
    fn on(&self, event: IndexEvent) {
        self.observer.on(event);
    }

    fn is_cancelled(&self) -> bool {
        let is_late = self.until.is_some_and(|until| Instant::now() >= until);
        is_late || self.observer.is_cancelled()
    }
}
