//! Tags of the whole collection, made again of its kept features.

use fovea_vectordb::{Batch, Part};

use super::Tagger;
use crate::Engine;
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};

/// Version of the tags that all images of the collection have.
const SETTING: &str = "tags.version";
/// Images whose tags are committed together.
const AT_ONCE: usize = 500;

impl Tagger {
    /// Notes that every image has tags of this version, as is so while there is none.
    pub fn begin(&self, engine: &Engine) -> Result<(), Error> {
        let database = engine.database();
        match database.info()?.n_items {
            0 => Ok(database.set_setting(SETTING, Some(&self.version))?),
            _ => Ok(()),
        }
    }
}

/// Gives all images their tags, where those that they have are of another list or an older program; true when that was cut
/// short, and the next run begins anew.
pub fn renew(engine: &Engine, tagger: &Tagger, observer: &dyn Observer) -> Result<bool, Error> {
    let (database, encoder) = (engine.database(), engine.encoder());
    if database.setting(SETTING)?.as_deref() == Some(&tagger.version) {
        return Ok(false);
    }
    let pack = &encoder.spec().fingerprint;
    let n_items = database.info()?.n_items;
    let mut n_done = 0;
    let mut after = None;
    loop {
        let page = database.features(pack, after, AT_ONCE)?;
        let Some((last, ..)) = page.last() else { break };
        after = Some(*last);
        let mut batch = Batch::new();
        let whole = page.iter().filter(|(_, part, _)| *part == Part::WHOLE);
        for (content, _, feature) in whole {
            let vector = encoder.image_vector(feature);
            let tags = tagger.operations(encoder, *content, feature, &vector)?;
            batch.operations.extend(tags);
            n_done += 1;
        }
        database.write(&batch)?;
        observer.on(IndexEvent::Tagging { n_done, n_items });
        if observer.is_cancelled() {
            return Ok(true);
        }
    }
    database.set_setting(SETTING, Some(&tagger.version))?;
    Ok(false)
}
