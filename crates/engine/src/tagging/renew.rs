//! Tags of the whole collection, made again of its kept features.

use fovea_encode::Encoder;
use fovea_vectordb::{Batch, ContentHash, Part};

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
    let done = give(engine, tagger, encoder, observer)?;
    if !done.interrupted {
        database.set_setting(SETTING, Some(&tagger.version))?;
    }
    Ok(done.interrupted)
}

/// What giving tags came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tagged {
    /// Images that have tags now.
    pub n_images: u64,
    /// Whether it was cut short: the next `index` gives the tags of the collection's own pack again.
    pub interrupted: bool,
}

impl Engine {
    /// Gives all images the tags of the pack `labels`, which must see as the collection's own does, and of the collection's
    /// list; from kept features alone. Images that are indexed later have those of the collection's pack until this is done again.
    pub fn tag_by(&self, labels: &dyn Encoder, observer: &dyn Observer) -> Result<Tagged, Error> {
        let (own, other) = (self.encoder().spec(), labels.spec());
        if own.features != other.features {
            return Err(Error::Input(format!(
                "the pack {} sees otherwise than {}, whose features are kept; fovea migrate-model --to {} reads the pictures again",
                other.name, own.name, other.name
            )));
        }
        let tagger = Tagger::of(self.database(), self.encoder())?;
        self.database().set_setting(SETTING, None)?;
        let done = give(self, &tagger, labels, observer)?;
        if !done.interrupted {
            self.database()
                .set_setting(SETTING, Some(&tagger.version))?;
        }
        Ok(done)
    }
}

/// Page by page of kept features.
fn give(
    engine: &Engine,
    tagger: &Tagger,
    labels: &dyn Encoder,
    observer: &dyn Observer,
) -> Result<Tagged, Error> {
    let (database, encoder) = (engine.database(), engine.encoder());
    let pack = &encoder.spec().fingerprint;
    let n_items = database.info()?.n_items;
    let mut done = Tagged::default();
    let mut after = None;
    loop {
        let page = database.features(pack, after, AT_ONCE)?;
        let Some((last, ..)) = page.last() else {
            return Ok(done);
        };
        after = Some(*last);
        let whole = page.iter().filter(|(_, part, _)| *part == Part::WHOLE);
        let whole: Vec<(ContentHash, &[f32])> = whole
            .map(|(content, _, feature)| (*content, feature.as_slice()))
            .collect();
        let features: Vec<&[f32]> = whole.iter().map(|(_, feature)| *feature).collect();
        let vectors = encoder.image_vectors(&features);
        let images = whole.iter().zip(&vectors);
        let images: Vec<(ContentHash, &[f32], &[f32])> = images
            .map(|((content, feature), vector)| (*content, *feature, vector.as_slice()))
            .collect();
        let mut batch = Batch::new();
        batch.operations = tagger.operations(encoder, &images, labels.tags_of(&features)?);
        done.n_images += images.len() as u64;
        database.write(&batch)?;
        observer.on(IndexEvent::Tagging {
            n_done: done.n_images,
            n_items,
        });
        if observer.is_cancelled() {
            done.interrupted = true;
            return Ok(done);
        }
    }
}
