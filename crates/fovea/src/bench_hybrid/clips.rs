//! Open Clip Art with half of its keywords as captions.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_engine::{CaptionChoice, Engine, IndexOptions, Silent};
use fovea_index::Random;
use fovea_vectordb::{Filter, ItemId, Part};

use crate::bench_ann::datasets::clipart;
use crate::bench_cut::opened;
use crate::settings::{DEFAULT_PACK, Settings, cache_folder};

/// Collections: every picture has a caption, or every picture of an even number.
pub const ALL: &str = "all";
pub const HALF: &str = "half";
/// Keywords that say who drew it, or nothing.
const MOST_LETTERS: usize = 30;

/// A picture with its keywords, in an order of chance.
pub struct Clip {
    pub number: usize,
    pub keywords: Vec<String>,
}

pub struct Clips {
    pub clips: Vec<Clip>,
    folder: PathBuf,
}

impl Clip {
    /// A name that says nothing.
    pub fn name(&self) -> String {
        format!("{:05}.png", self.number)
    }

    /// The first half of the keywords.
    fn caption(&self) -> String {
        self.keywords[..self.keywords.len().div_ceil(2)].join(", ")
    }

    /// The other half.
    pub fn query(&self) -> String {
        self.keywords[self.keywords.len().div_ceil(2)..].join(" ")
    }
}

impl Clips {
    /// Copies of the pictures, made the first time.
    pub fn prepare(say: &dyn Fn(&str)) -> anyhow::Result<Clips> {
        let cache = cache_folder()?;
        let (pictures, drawings) = clipart::folders(&cache, say)?;
        let folder = cache.join("bench/hybrid/pictures");
        fs::create_dir_all(&folder).context("cannot make the folder of the copies")?;
        let mut clips = Vec::new();
        for (number, picture) in clipart::files(&pictures, "png")?.into_iter().enumerate() {
            let drawing = drawings
                .join(picture.strip_prefix(&pictures)?)
                .with_extension("svg");
            if !drawing.exists() {
                continue;
            }
            let clip = Clip {
                number,
                keywords: keywords(&drawing, number)?,
            };
            if clip.keywords.len() < 2 {
                continue;
            }
            let copy = folder.join(clip.name());
            if !copy.exists() {
                fs::copy(&picture, &copy)
                    .with_context(|| format!("cannot copy {}", picture.display()))?;
            }
            clips.push(clip);
        }
        Ok(Clips { clips, folder })
    }

    /// An engine over one of the collections, indexed the first time.
    pub fn engine(
        &self,
        settings: &Settings,
        collection: &str,
        say: &dyn Fn(&str),
    ) -> anyhow::Result<Engine> {
        let database = cache_folder()?.join("bench/hybrid/database");
        let captions = self.folder.with_file_name(format!("{collection}.tsv"));
        fs::write(&captions, self.captions(collection))?;
        say(&format!(
            "indexing {} pictures (minutes, the first time)",
            self.clips.len()
        ));
        let settings = Settings {
            folder: database,
            server: None,
            collection: collection.to_owned(),
            ..settings.clone()
        };
        // What ships over ConSE learned of these very pictures and words.
        let pack = settings.open_pack(DEFAULT_PACK)?.conse_alone()?;
        let engine = opened(&settings, pack)?;
        let options = IndexOptions {
            captions: Some(CaptionChoice::Tsv(captions)),
            ..Default::default()
        };
        engine.index(std::slice::from_ref(&self.folder), &options, &Silent)?;
        Ok(engine)
    }

    fn captions(&self, collection: &str) -> String {
        let has_one = |clip: &&Clip| collection == ALL || clip.number.is_multiple_of(2);
        let captioned = self.clips.iter().filter(has_one);
        let lines = captioned.map(|clip| {
            format!(
                "{}\ten\t{}\n",
                self.folder.join(clip.name()).display(),
                clip.caption()
            )
        });
        lines.collect()
    }
}

/// Each keyword of a drawing once, in an order of chance that is always the same.
fn keywords(drawing: &Path, number: usize) -> anyhow::Result<Vec<String>> {
    let all = clipart::keywords_of(drawing)?.into_iter();
    let all = all.map(|word| word.to_lowercase().replace('\t', " "));
    let all: BTreeSet<String> = all
        .filter(|word| word.chars().count() <= MOST_LETTERS)
        .collect();
    let mut all: Vec<String> = all.into_iter().collect();
    Random::new(number as u64).shuffle(&mut all);
    Ok(all)
}

/// Every item by the name of its file.
pub fn by_name(engine: &Engine) -> anyhow::Result<HashMap<String, ItemId>> {
    let database = engine.database();
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let items = database.items(&ids)?;
    let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    Ok(items
        .iter()
        .map(|item| (name(&item.path), item.id))
        .collect())
}

/// The feature of every whole picture by the name of its file.
pub fn features(engine: &Engine) -> anyhow::Result<HashMap<String, Vec<f32>>> {
    let database = engine.database();
    let pack = &engine.encoder().spec().fingerprint;
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let mut features = HashMap::new();
    for item in database.items(&ids)? {
        let mut kept = database.feature(pack, item.content.hash)?.into_iter();
        if let Some((_, feature)) = kept.find(|(part, _)| *part == Part::WHOLE) {
            features.insert(String::from_utf8_lossy(&item.path).into_owned(), feature);
        }
    }
    Ok(features)
}
