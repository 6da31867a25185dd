//! What `fovea bench cut` is made of: pictures and queries of Open Clip Art to fit with, stamps and written queries to
//! measure with, and the arithmetic between. Nothing of the stamps ever fits anything.

mod clips;
mod stamps;

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use fovea_engine::judge::{BATCH, Background, Calibration, Evidence};
use fovea_engine::{CaptionChoice, Engine, IndexOptions, Silent, space};
use fovea_vectordb::{Filter, Part};

pub use clips::fit;
pub use stamps::measure;

use crate::settings::Settings;

/// Pictures with their vectors; those of a query's right answers are known by their place.
struct Gallery {
    background: Background,
}

/// A query's ten nearest, what speaks for each, and which of them are right.
struct Judged {
    evidence: Vec<Evidence>,
    is_right: Vec<bool>,
}

impl Judged {
    fn is_answered(&self) -> bool {
        self.is_right.contains(&true)
    }

    fn best(&self) -> [f64; 2] {
        Evidence::best(&self.evidence).map_or([f64::NAN; 2], |best| best.numbers())
    }

    fn answered(&self, calibration: &Calibration) -> f64 {
        calibration.answered.probability(&self.best())
    }

    fn meant(&self, calibration: &Calibration) -> Vec<f64> {
        let all = self.evidence.iter();
        all.map(|one| calibration.meant.probability(&one.numbers()))
            .collect()
    }
}

impl Gallery {
    /// A small collection, all of it its own sample.
    fn new(vectors: Vec<Vec<f32>>, vocabulary: Vec<Vec<f32>>) -> Gallery {
        Gallery {
            background: Background {
                vectors,
                vocabulary,
            },
        }
    }

    fn ask(&self, query: &[f32], right: &[usize]) -> anyhow::Result<Judged> {
        self.judged(query, right, None)
    }

    /// Words together with one of the pictures, each brought to the same spread, as a search does.
    fn ask_mixed(&self, words: &[f32], at: usize, right: &[usize]) -> anyhow::Result<Judged> {
        let image = &self.background.vectors[at];
        let scale = |vector: &[f32]| {
            self.background
                .spread(vector)
                .map_or(1.0, |one| 1.0 / one.deviation)
        };
        let (of_words, of_image) = (scale(words), scale(image));
        let sum = words
            .iter()
            .zip(image)
            .map(|(a, b)| of_words * a + of_image * b);
        let sum: Vec<f32> = sum.collect();
        let length = dot(&sum, &sum).sqrt().max(1e-6);
        let query: Vec<f32> = sum.iter().map(|x| x / length).collect();
        self.judged(&query, right, Some(at))
    }

    fn judged(&self, query: &[f32], right: &[usize], but: Option<usize>) -> anyhow::Result<Judged> {
        let images = &self.background.vectors;
        let order = nearest(images, query, but);
        let found = order.iter().map(|(_, at)| Some(images[*at].as_slice()));
        let evidence = self.background.evidence(query, found);
        let evidence = evidence.context("the pack has no vocabulary to judge by")?;
        Ok(Judged {
            evidence: evidence.into_iter().flatten().collect(),
            is_right: order.iter().map(|(_, at)| right.contains(at)).collect(),
        })
    }
}

/// Pictures in the encoder's own space.
struct Looks(Background);

impl Looks {
    fn new(vectors: Vec<Vec<f32>>) -> Looks {
        Looks(Background {
            vectors,
            vocabulary: Vec::new(),
        })
    }

    /// What speaks for each of the ten that look most like one, and whether they are right.
    fn ask(&self, at: usize, right: &[usize]) -> Vec<(Vec<f64>, bool)> {
        let query = &self.0.vectors[at];
        let Some(spread) = self.0.spread(query) else {
            return Vec::new();
        };
        let others = nearest(&self.0.vectors, query, Some(at));
        let numbers = others.iter().map(|(cosine, other)| {
            let above = (cosine - spread.mean) / spread.deviation;
            (
                vec![f64::from(above), f64::from(*cosine)],
                right.contains(other),
            )
        });
        numbers.collect()
    }
}

/// The ten nearest, but for the one that asks.
fn nearest(images: &[Vec<f32>], query: &[f32], but: Option<usize>) -> Vec<(f32, usize)> {
    let all = images.iter().zip(0..).filter(|(_, at)| Some(*at) != but);
    let mut order: Vec<(f32, usize)> = all.map(|(image, at)| (dot(image, query), at)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.truncate(BATCH);
    order
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// An engine over all pictures of a folder, indexed into a database that the next run finds again.
pub fn indexed(settings: &Settings, folder: &Path, database: &Path) -> anyhow::Result<Engine> {
    let settings = Settings {
        folder: database.to_owned(),
        ..settings.clone()
    };
    let engine = settings.open_for_writing()?;
    let options = IndexOptions {
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    engine.index(&[folder.to_owned()], &options, &Silent)?;
    Ok(engine)
}

/// The image vector of each picture, by its path.
fn image_vectors(engine: &Engine) -> anyhow::Result<HashMap<std::path::PathBuf, Vec<f32>>> {
    vectors_in(engine, space::IMAGE)
}

fn vectors_in(
    engine: &Engine,
    space: &str,
) -> anyhow::Result<HashMap<std::path::PathBuf, Vec<f32>>> {
    let database = engine.database();
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let pack = &engine.encoder().spec().fingerprint;
    let items = database.items(&ids)?;
    let paths: HashMap<_, _> = items
        .iter()
        .map(|item| (item.id, item.absolute()))
        .collect();
    let vectors = database.vectors(pack, space, &ids)?;
    let whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
    Ok(whole
        .filter_map(|one| Some((paths.get(&one.item)?.clone(), one.vector)))
        .collect())
}
