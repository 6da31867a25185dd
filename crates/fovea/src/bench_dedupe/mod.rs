//! What `fovea bench dedupe` is made of: pictures of Open Clip Art and Tux Paint, each changed in every way after which it is still
//! the same one, all of them in one collection; and a large synthetic collection for times.
//!
//! Bounds are chosen with the fit half of the clips alone; the other half and the stamps only measure.

mod originals;
mod scale;
mod score;
mod transforms;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use fovea_encode::fake::FakeEncoder;
use fovea_engine::dedupe::{DedupeOptions, Watch};
use fovea_engine::{CaptionChoice, Engine, IndexOptions, PreviewStore, Silent};
use fovea_index::Random;
use fovea_vectordb::{Embedded, OpenMode};

use self::originals::{Half, Original};
use self::score::Pairs;
use self::transforms::Change;
use crate::bench_ann::Bar;
use crate::bench_ann::split::hash;
use crate::settings::cache_folder;

pub use scale::timed;

/// Changes whenever other files would be written.
const RECIPE: &str = "dedupe 1";

/// What is measured with.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub clips: usize,
    pub stamps: usize,
    /// Only the fit half of the clips.
    pub fit: bool,
}

/// Precision and recall of the groups over everything.
pub fn measure(sizes: Sizes, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let cache = cache_folder()?;
    let originals = originals::choose(&cache, sizes, say)?;
    let name = format!(
        "{}-{}-{}",
        if sizes.fit { "fit" } else { "all" },
        sizes.clips,
        sizes.stamps
    );
    let folder = cache.join("bench/dedupe").join(name);
    say(&format!(
        "{} originals, each changed in {} ways",
        originals.len(),
        Change::ALL.len()
    ));
    let files = write_all(&originals, &folder.join("pictures"))?;
    say(&format!("indexing {} files", files.len()));
    let engine = indexed(&folder.join("pictures"), &folder.join("db"))?;
    say("looking for the same pictures");
    let started = std::time::Instant::now();
    let found = engine.duplicates(&DedupeOptions::default(), &Watch::SILENT)?;
    let found = found.context("nobody cancels this")?;
    say(&format!(
        "{} groups in {:.1?}",
        found.groups.len(),
        started.elapsed()
    ));
    let pairs = Pairs::of(&found, &originals, &files)?;
    pairs.tell_wrong(say);
    Ok(pairs.bars(sizes.fit))
}

/// A file of the collection: which original it is of, and what was done to it.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub original: usize,
    pub change: Option<Change>,
}

/// Each original and its changed copies, as files that the next run finds again.
fn write_all(originals: &[Original], folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Made>> {
    std::fs::create_dir_all(folder)?;
    let folder = std::fs::canonicalize(folder)?;
    remove_others(originals, &folder)?;
    let (next, all) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || -> anyhow::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(original) = originals.get(at) else {
                return Ok(());
            };
            let mine = write(original, at, &folder)?;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(mine);
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work()?;
        for other in others {
            other.join().expect("a writer does not panic")?;
        }
        anyhow::Ok(())
    })?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Of originals that an earlier run chose.
fn remove_others(originals: &[Original], folder: &Path) -> anyhow::Result<()> {
    let wanted: HashSet<PathBuf> = originals.iter().map(|one| place(one, folder)).collect();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !wanted.contains(&path) {
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn seed(original: &Original) -> u64 {
    hash(&format!("{RECIPE}\n{}", original.name))
}

fn place(original: &Original, folder: &Path) -> PathBuf {
    folder.join(format!("{:016x}", seed(original)))
}

fn write(original: &Original, at: usize, folder: &Path) -> anyhow::Result<Vec<(PathBuf, Made)>> {
    let folder = place(original, folder);
    let list = folder.join("files");
    let mut made = Vec::new();
    if !list.exists() {
        std::fs::create_dir_all(&folder)?;
        let mut random = Random::new(seed(original));
        let pixels = original.pixels()?;
        let mut names = String::from("original.png\n");
        std::fs::copy(&original.path, folder.join("original.png"))?;
        for (number, change) in Change::ALL.into_iter().enumerate() {
            let (ending, bytes) = change.apply(&pixels, &mut random)?;
            let name = format!("{number:02}.{ending}");
            std::fs::write(folder.join(&name), bytes)?;
            names.push_str(&name);
            names.push('\n');
        }
        // Last, so that a folder with a list is complete.
        std::fs::write(&list, names)?;
    }
    let changes = std::iter::once(None).chain(Change::ALL.map(Some));
    for (name, change) in std::fs::read_to_string(&list)?.lines().zip(changes) {
        let original = at;
        made.push((folder.join(name), Made { original, change }));
    }
    Ok(made)
}

/// Copies are told by pixels, so that an encoder without weights is enough to index with.
fn indexed(pictures: &Path, database: &Path) -> anyhow::Result<Engine> {
    let engine = engine(database)?;
    let options = IndexOptions {
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    engine.index(&[pictures.to_owned()], &options, &Silent)?;
    Ok(engine)
}

fn engine(database: &Path) -> anyhow::Result<Engine> {
    let embedded = Embedded::open(database, "default", OpenMode::Create)?;
    let previews = PreviewStore::new(database.join("previews"));
    Ok(Engine::new(
        Arc::new(embedded),
        Arc::new(FakeEncoder::new()),
        previews,
    ))
}

impl Half {
    fn of(name: &str) -> Half {
        match hash(&format!("half\n{name}")) % 2 {
            0 => Half::Fit,
            _ => Half::HeldOut,
        }
    }
}
