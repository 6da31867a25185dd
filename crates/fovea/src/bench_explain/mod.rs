//! What `fovea bench concepts` and `fovea bench heat` are made of: pictures of Open Clip Art with the words that were said of
//! them, how well a few of a kind find the others, and whether heat lies on what was asked for. Settings are chosen here,
//! never on the stamps.

mod concepts;
mod heat;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fovea_engine::{Engine, space};
use fovea_vectordb::{Filter, Part};

pub use concepts::measure as concepts;
pub use heat::measure as heat;

use crate::bench_ann::datasets::clipart;
use crate::bench_cut::indexed;
use crate::settings::{Settings, cache_folder};

/// Open Clip Art, indexed: pictures, and beside each the drawing that it was made of, which says what it shows.
struct ClipArt {
    engine: Engine,
    pictures: PathBuf,
    drawings: PathBuf,
}

/// Pictures, and their vectors in two spaces.
#[derive(Default)]
struct Both {
    paths: Vec<PathBuf>,
    visual: Vec<Vec<f32>>,
    shared: Vec<Vec<f32>>,
}

impl ClipArt {
    fn open(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<ClipArt> {
        let cache = cache_folder()?;
        let (pictures, drawings) = clipart::folders(&cache, say)?;
        say("indexing Open Clip Art (minutes, the first time)");
        let engine = indexed(settings, &pictures, &cache.join("bench/cut/clips"))?;
        Ok(ClipArt {
            engine,
            pictures,
            drawings,
        })
    }

    /// The drawing of a picture, where it is there.
    fn drawing(&self, picture: &Path) -> Option<PathBuf> {
        let name = picture.strip_prefix(&self.pictures).ok()?;
        let drawing = self.drawings.join(name).with_extension("svg");
        drawing.exists().then_some(drawing)
    }

    fn title(&self, picture: &Path) -> anyhow::Result<Option<String>> {
        match self.drawing(picture) {
            Some(drawing) => clipart::title_of(&drawing),
            None => Ok(None),
        }
    }

    fn keywords(&self, picture: &Path) -> anyhow::Result<Vec<String>> {
        match self.drawing(picture) {
            Some(drawing) => clipart::keywords_of(&drawing),
            None => Ok(Vec::new()),
        }
    }

    /// The vector of each picture in a space, by path; of pictures that are the same only one.
    fn vectors(&self, space: &str) -> anyhow::Result<Vec<(PathBuf, Vec<f32>)>> {
        let database = self.engine.database();
        let ids = database.scan(&Filter::All, None, usize::MAX)?;
        let items = database.items(&ids)?;
        let paths: HashMap<_, _> = items
            .iter()
            .map(|item| (item.id, item.absolute()))
            .collect();
        let pack = &self.engine.encoder().spec().fingerprint;
        let mut by_look: HashMap<Vec<u32>, (PathBuf, Vec<f32>)> = HashMap::new();
        for found in database.vectors(pack, space, &ids)? {
            let Some(path) = paths.get(&found.item).filter(|_| found.part == Part::WHOLE) else {
                continue;
            };
            let look = found.vector.iter().map(|x| x.to_bits()).collect();
            let entry = by_look.entry(look);
            let kept = entry.or_insert_with(|| (path.clone(), found.vector.clone()));
            // The first by name, so that every run has the same.
            if *path < kept.0 {
                kept.0.clone_from(path);
            }
        }
        let mut all: Vec<_> = by_look.into_values().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// Vectors of the visual space and of the one shared with text, of the same pictures in the same order.
    fn both(&self) -> anyhow::Result<Both> {
        let mut shared: HashMap<_, _> = self.vectors(space::IMAGE)?.into_iter().collect();
        let mut all = Both::default();
        for (path, visual) in self.vectors(space::VISUAL)? {
            if let Some(vector) = shared.remove(&path) {
                all.paths.push(path);
                all.visual.push(visual);
                all.shared.push(vector);
            }
        }
        Ok(all)
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}
