//! What is compared: the items that a filter lets through, by their contents, and a sketch of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use fovea_decode as decode;
use fovea_vectordb::{Content, ContentHash, Filter, Item, ItemId};

use super::candidates::Entry;
use super::sketch::{FINE_SIDE, SIDE, Sketch};
use super::watch::{Stage, Watch};
use crate::Engine;
use crate::error::Error;
use crate::previews::PreviewStore;

const ITEMS_AT_ONCE: usize = 1_000;

/// What is known of an item, as far as one is chosen over another by it.
#[derive(Clone, Debug)]
pub struct Known {
    pub item: ItemId,
    pub mtime_ns: i64,
    /// Keys of its metadata.
    pub n_keys: usize,
    pub path: Vec<u8>,
}

/// The same bytes, wherever they lie.
#[derive(Clone, Debug)]
pub struct Shared {
    pub content: Content,
    /// The best first.
    pub items: Vec<Known>,
}

/// Contents in the order of their hashes, so that the same collection gives the same groups.
pub fn contents(engine: &Engine, filter: &Filter) -> Result<Vec<Shared>, Error> {
    let mut by_hash: HashMap<ContentHash, Shared> = HashMap::new();
    let mut last = None;
    loop {
        let ids = engine.database().scan(filter, last, ITEMS_AT_ONCE)?;
        last = ids.last().copied();
        for item in engine.database().items(&ids)? {
            add(&mut by_hash, item);
        }
        if ids.len() < ITEMS_AT_ONCE {
            break;
        }
    }
    let mut all: Vec<Shared> = by_hash.into_values().collect();
    all.sort_by_key(|shared| shared.content.hash);
    for shared in &mut all {
        shared.items.sort_by(|a, b| {
            let more = b.n_keys.cmp(&a.n_keys);
            more.then(a.mtime_ns.cmp(&b.mtime_ns))
                .then(a.path.cmp(&b.path))
        });
    }
    Ok(all)
}

fn add(by_hash: &mut HashMap<ContentHash, Shared>, item: Item) {
    let known = Known {
        item: item.id,
        mtime_ns: item.mtime_ns,
        n_keys: item.metadata.len(),
        path: item.path,
    };
    let shared = by_hash.entry(item.content.hash).or_insert_with(|| Shared {
        content: item.content,
        items: Vec::new(),
    });
    shared.items.push(known);
}

/// What became of the sketches.
pub struct Sketched {
    /// Places among the contents, each with what is compared of it.
    pub entries: Vec<(usize, Entry)>,
    /// Places of contents whose preview is not there or damaged.
    pub without_preview: Vec<usize>,
    /// Of blank pictures, which have no shape to be known by.
    pub blank: Vec<usize>,
}

enum Outcome {
    Entry(Box<Entry>),
    Blank,
    NoPreview,
}

/// A sketch of each content; none where the watch cancelled.
pub fn sketches(
    previews: &PreviewStore,
    contents: &[Shared],
    threads: usize,
    watch: &Watch<'_>,
) -> Option<Sketched> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let mut mine = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= contents.len() || watch.is_cancelled() {
                break;
            }
            let outcome = match sketch(previews, &contents[at].content, SIDE, Some(SIDE as u32)) {
                None => Outcome::NoPreview,
                Some(sketch) => match Entry::of(sketch) {
                    Some(entry) => Outcome::Entry(Box::new(entry)),
                    None => Outcome::Blank,
                },
            };
            mine.push((at, outcome));
            if at % 64 == 0 {
                watch.progress(Stage::Reading, at, contents.len());
            }
        }
        let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
        all.append(&mut mine);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    let mut sketched = Sketched {
        entries: Vec::with_capacity(found.len()),
        without_preview: Vec::new(),
        blank: Vec::new(),
    };
    for (at, outcome) in found {
        match outcome {
            Outcome::Entry(entry) => sketched.entries.push((at, *entry)),
            Outcome::Blank => sketched.blank.push(at),
            Outcome::NoPreview => sketched.without_preview.push(at),
        }
    }
    (!watch.is_cancelled()).then_some(sketched)
}

/// The finer sketch of a content, of every pixel: what is left out by decoding at a smaller scale lies elsewhere in a mirrored copy.
pub fn fine(previews: &PreviewStore, content: &Content) -> Option<Sketch> {
    sketch(previews, content, FINE_SIDE, None)
}

fn sketch(
    previews: &PreviewStore,
    content: &Content,
    side: usize,
    min_side: Option<u32>,
) -> Option<Sketch> {
    let jpeg = previews.read(&content.hash).ok()?;
    let options = decode::Options {
        min_side,
        ..Default::default()
    };
    let image = decode::decode(&jpeg, &options).ok()?;
    let (width, height) = (content.width, content.height);
    Some(Sketch::of(&image.pixels, width, height, side))
}
