//! What `fovea bench cut` is made of: pictures and queries of Open Clip Art to fit with, stamps and written queries to
//! measure with, and the arithmetic between. Nothing of the stamps ever fits anything.

mod clips;
mod stamps;

use std::collections::HashMap;
use std::path::Path;

use fovea_encode::{Encoder, Pack};
use fovea_engine::gallery::{Picture, nearest};
use fovea_engine::judge::{Background, names_of};
use fovea_engine::{CaptionChoice, Engine, IndexOptions, Kept, MigrateFrom, Silent};
use fovea_vectordb::{Filter, OpenMode, Part};

pub use clips::fit;
pub use stamps::measure;

use crate::settings::{DEFAULT_PACK, Settings};

const NO_VOCABULARY: &str = "the pack has no vocabulary to judge by";

/// Pictures in the encoder's own space.
struct Looks(Background);

impl Looks {
    fn new(vectors: Vec<Vec<f32>>) -> Looks {
        Looks(Background::new(vectors, Vec::new()))
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

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// An engine over all pictures of a folder, indexed into a database that the next run finds again.
pub fn indexed(settings: &Settings, folder: &Path, database: &Path) -> anyhow::Result<Engine> {
    let settings = Settings {
        folder: database.to_owned(),
        server: None,
        ..settings.clone()
    };
    let engine = opened(&settings, settings.open_pack(DEFAULT_PACK)?)?;
    let options = IndexOptions {
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    engine.index(&[folder.to_owned()], &options, &Silent)?;
    Ok(engine)
}

/// The database of a bench with this pack, to which one is moved that an earlier run made with another.
pub fn opened(settings: &Settings, pack: Pack) -> anyhow::Result<Engine> {
    let database = settings.open_database(OpenMode::Create)?;
    let active = database.active_pack()?;
    let engine = settings.join(database, pack);
    let fingerprint = &engine.encoder().spec().fingerprint;
    if let Some(active) = active.filter(|active| active.fingerprint != *fingerprint) {
        let from = MigrateFrom {
            fingerprint: &active.fingerprint,
            engine: None,
            kept: Kept::Features,
            reads_alike: true,
        };
        engine.migrate(from, true, &Silent)?;
    }
    Ok(engine)
}

/// Each picture as it is judged, by its path, with the vector that an alignment makes of its feature.
fn pictures(
    engine: &Engine,
    aligned: &dyn Encoder,
) -> anyhow::Result<HashMap<std::path::PathBuf, Picture>> {
    let database = engine.database();
    let encoder = engine.encoder();
    let vocabulary = encoder.sample_texts();
    let ids = database.scan(&Filter::All, None, usize::MAX)?;
    let mut pictures = HashMap::new();
    for item in database.items(&ids)? {
        let path = item.absolute();
        let features = database.feature(&encoder.spec().fingerprint, item.content.hash)?;
        let mut whole = features.iter().filter(|(part, _)| *part == Part::WHOLE);
        if let Some((_, feature)) = whole.next() {
            let vector = aligned.image_vector(feature);
            for names in names_of(encoder, &[(feature, &vector)], &vocabulary) {
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
