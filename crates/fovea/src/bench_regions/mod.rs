//! What `fovea bench regions` is made of: scenes in which one figure takes a tenth to a fifth of the area, asked with the
//! figure's words, with parts of the pictures and without. Settings are chosen with Open Clip Art, never with stamps.

mod backgrounds;
mod cutout;
mod figures;
mod scenes;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fovea_engine::{
    CaptionChoice, Engine, IndexOptions, Plan, Query, Ranked, Regions, SearchOptions, Silent,
    Spaces,
};
use fovea_measure::{Rank, recall_at};
use fovea_vectordb::{Filter, ItemId, Region};

use self::backgrounds::Backgrounds;
use self::scenes::{Scene, compose};
use crate::bench_ann::Bar;
use crate::bench_ann::datasets::below;
use crate::bench_ann::packages::{MATE_BACKGROUNDS, OPENCLIPART_PNG, OPENCLIPART_SVG};
use crate::bench_cut::opened;
use crate::commands::demo::prepare_stamps;
use crate::settings::{DEFAULT_PACK, Settings, cache_folder};

/// Results in which the figure has to be.
const TOP: u32 = 10;

/// Which figures are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// To measure with.
    Stamps,
    /// To choose settings with.
    Clips,
}

pub fn measure(
    settings: &Settings,
    figures: Figures,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    let scenes = scenes(settings, figures, say)?;
    let folder = scenes.first().and_then(|scene| scene.path.parent());
    let folder = folder.context("there is no scene to measure with")?;
    say(&format!(
        "indexing {} scenes, without parts and with",
        scenes.len()
    ));
    let scratch = tempfile::tempdir()?;
    let (_, plain) = indexed(
        settings,
        folder,
        &scratch.path().join("plain"),
        Regions::None,
    )?;
    let (engine, with_parts) = indexed(
        settings,
        folder,
        &scratch.path().join("parts"),
        Regions::All,
    )?;
    let asked = Asked::of(&engine, &scenes)?;
    say(&format!("{} captions ask for them", asked.queries.len()));
    let whole = asked.ask(&engine, false)?;
    let parts = asked.ask(&engine, true)?;
    bars(&scenes, &whole, &parts, [plain, with_parts])
}

/// The scenes of these figures, drawn once.
fn scenes(settings: &Settings, figures: Figures, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Scene>> {
    let cache = cache_folder()?;
    let packages = below(&cache).join("packages");
    let unpacked = |package: &crate::bench_ann::packages::Package, below: &str| {
        Ok::<PathBuf, anyhow::Error>(package.unpacked(&packages, say)?.join(below))
    };
    let clips = unpacked(&OPENCLIPART_PNG, "usr/share/openclipart/png")?;
    let photos = unpacked(&MATE_BACKGROUNDS, "usr/share/backgrounds/mate/nature")?;
    let (name, figures) = match figures {
        Figures::Stamps => ("stamps", figures::stamps(&prepare_stamps(&cache)?)?),
        Figures::Clips => {
            let drawings = unpacked(&OPENCLIPART_SVG, "usr/share/openclipart/svg")?;
            let pack = settings.open_pack(DEFAULT_PACK)?;
            ("clips", figures::clips(&clips, &drawings, &pack)?)
        }
    };
    say(&format!("composing scenes of {} figures", figures.len()));
    let folder = cache.join("bench").join("regions").join(name);
    compose(&figures, &Backgrounds::read(&photos, &clips)?, &folder)
}

/// An engine over the scenes, and how long indexing took.
fn indexed(
    settings: &Settings,
    folder: &Path,
    database: &Path,
    regions: Regions,
) -> anyhow::Result<(Engine, Duration)> {
    let settings = Settings {
        folder: database.to_owned(),
        server: None,
        ..settings.clone()
    };
    let engine = opened(&settings, settings.open_pack(DEFAULT_PACK)?)?;
    let options = IndexOptions {
        captions: Some(CaptionChoice::None),
        regions: Some(regions),
        ..Default::default()
    };
    let report = engine.index(&[folder.to_owned()], &options, &Silent)?;
    Ok((engine, report.elapsed))
}

/// Each caption with the scenes that it asks for.
struct Asked {
    queries: BTreeMap<String, Vec<ItemId>>,
    places: HashMap<ItemId, [f32; 4]>,
    scenes: Vec<ItemId>,
}

/// What became of a caption: at which place its first scene stands, and how much of the figure lies in the box there.
struct Answer {
    rank: Rank,
    in_box: Option<f32>,
}

impl Asked {
    fn of(engine: &Engine, scenes: &[Scene]) -> anyhow::Result<Asked> {
        let database = engine.database();
        let ids = database.scan(&Filter::All, None, usize::MAX)?;
        let items = database.items(&ids)?.into_iter();
        let ids: HashMap<PathBuf, ItemId> = items.map(|item| (item.absolute(), item.id)).collect();
        let mut asked = Asked {
            queries: BTreeMap::new(),
            places: HashMap::new(),
            scenes: Vec::new(),
        };
        for scene in scenes {
            let path = std::fs::canonicalize(&scene.path)?;
            let id = *ids
                .get(&path)
                .with_context(|| format!("{} is not indexed", path.display()))?;
            asked.places.insert(id, scene.place);
            asked.scenes.push(id);
            for caption in &scene.captions {
                asked.queries.entry(caption.clone()).or_default().push(id);
            }
        }
        Ok(asked)
    }

    fn ask(&self, engine: &Engine, parts: bool) -> anyhow::Result<Vec<Answer>> {
        let options = SearchOptions {
            top_k: TOP as usize,
            // Scenes of an earlier recipe may lie in the folder.
            filter: Filter::Ids(self.scenes.clone()),
            spaces: Spaces::Image,
            parts,
            ..SearchOptions::default()
        };
        let mut answers = Vec::new();
        for (caption, wanted) in &self.queries {
            let found = engine.rank(&Plan::of_terms(Query::words(caption)?), &options)?;
            let at = found.iter().position(|one| wanted.contains(&one.item));
            answers.push(Answer {
                rank: at.and_then(|at| u32::try_from(at + 1).ok()),
                in_box: at.and_then(|at| self.in_box(&found[at])),
            });
        }
        Ok(answers)
    }

    /// Share of the figure that lies in the region that matched; none where the whole did.
    fn in_box(&self, found: &Ranked) -> Option<f32> {
        let Region { x, y, w, h } = found.part.region?;
        let [left, top, width, height] = *self.places.get(&found.item)?;
        let shared = |from: f32, length: f32, begin: f32, extent: f32| {
            ((from + length).min(begin + extent) - from.max(begin)).max(0.0)
        };
        Some(shared(x, w, left, width) * shared(y, h, top, height) / (width * height))
    }
}

fn bars(
    scenes: &[Scene],
    whole: &[Answer],
    parts: &[Answer],
    [plain, with_parts]: [Duration; 2],
) -> anyhow::Result<Vec<Bar>> {
    let recall = |answers: &[Answer]| {
        let ranks: Vec<Rank> = answers.iter().map(|one| one.rank).collect();
        recall_at(&ranks, TOP)
    };
    let (without, with) = (recall(whole), recall(parts));
    anyhow::ensure!(without > 0.0, "no scene is found by whole-image vectors");
    let boxes: Vec<f32> = parts.iter().filter_map(|one| one.in_box).collect();
    let n_found = parts.iter().filter(|one| one.rank.is_some()).count();
    let n_right = boxes.iter().filter(|share| **share >= 0.5).count();
    let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    let rate = |time: Duration| scenes.len() as f64 / time.as_secs_f64().max(1e-9);
    Ok(vec![
        Bar::at_least(
            "R@10 with parts over R@10 without",
            with / without,
            "x",
            2.0,
        ),
        Bar::at_least("R@10 by whole-image vectors (no bar)", without, "", 0.0),
        Bar::at_least("R@10 with parts (no bar)", with, "", 0.0),
        Bar::at_least(
            "found scenes that matched by a part (no bar)",
            share(boxes.len(), n_found),
            "",
            0.0,
        ),
        Bar::at_least(
            "of these, boxes with half of the figure in them or more (no bar)",
            share(n_right, boxes.len()),
            "",
            0.0,
        ),
        Bar::at_least(
            "scenes indexed a second without parts (no bar)",
            rate(plain),
            "",
            0.0,
        ),
        Bar::at_least(
            "scenes indexed a second with parts (no bar)",
            rate(with_parts),
            "",
            0.0,
        ),
    ])
}
