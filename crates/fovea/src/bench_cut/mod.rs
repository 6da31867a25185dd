//! What `fovea bench cut` is made of: pictures and queries of Open Clip Art to fit with, stamps and written queries to
//! measure with, and the arithmetic between. Nothing of the stamps ever fits anything.

mod clips;
mod stamps;

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use fovea_engine::judge::{BATCH, Background, Calibration, Evidence, Seen, names_of};
use fovea_engine::{CaptionChoice, Engine, IndexOptions, Silent, space};
use fovea_vectordb::{Filter, Part};

pub use clips::fit;
pub use stamps::measure;

use crate::settings::Settings;

/// A picture as it is judged: its vector, and how probable each name is for it.
#[derive(Clone)]
struct Picture {
    vector: Vec<f32>,
    names: Vec<f32>,
}

/// Pictures; those of a query's right answers are known by their place.
struct Gallery {
    background: Background,
    /// Of each picture.
    names: Vec<Vec<f32>>,
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

    fn best(&self) -> [f64; 3] {
        Evidence::best(&self.evidence).map_or([f64::NAN; 3], |best| best.numbers())
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
    fn new(pictures: Vec<Picture>, vocabulary: Vec<Vec<f32>>) -> Gallery {
        let pictures = pictures.into_iter().map(|one| (one.vector, one.names));
        let (vectors, names) = pictures.unzip();
        Gallery {
            background: Background {
                vectors,
                vocabulary,
            },
            names,
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
        let found = order.iter().map(|(_, at)| {
            Some(Seen {
                vector: &images[*at],
                names: &self.names[*at],
            })
        });
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

/// Each picture as it is judged, by its path.
fn pictures(engine: &Engine) -> anyhow::Result<HashMap<std::path::PathBuf, Picture>> {
    let vectors = vectors_in(engine, space::IMAGE)?;
    let database = engine.database();
    let encoder = engine.encoder();
    let vocabulary = encoder.sample_texts();
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let mut pictures = HashMap::new();
    for item in database.items(&ids)? {
        let path = item.absolute();
        let features = database.feature(&encoder.spec().fingerprint, item.content.hash)?;
        let mut whole = features.iter().filter(|(part, _)| *part == Part::WHOLE);
        if let (Some((_, feature)), Some(vector)) = (whole.next(), vectors.get(&path)) {
            let names = names_of(encoder, &[(feature, vector)], &vocabulary);
            for names in names {
                let vector = vector.clone();
                pictures.insert(path.clone(), Picture { vector, names });
            }
        }
    }
    Ok(pictures)
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
