//! Gathers the captions of one image from its sidecar or a `.tsv` and from the image itself.

use std::path::Path;

use fovea_vectordb::{Caption, CaptionOrigin};

use super::options::CaptionChoice;
use crate::captions::{FoundCaption, TsvCaptions, read_sidecar, read_tsv, sidecar_path};
use crate::error::Error;

/// A caption choice with its file read.
#[derive(Debug)]
pub enum CaptionSource {
    None,
    Sidecar,
    Tsv(TsvCaptions),
}

impl CaptionSource {
    pub fn open(choice: &CaptionChoice) -> Result<Self, Error> {
        Ok(match choice {
            CaptionChoice::None => CaptionSource::None,
            CaptionChoice::Sidecar => CaptionSource::Sidecar,
            CaptionChoice::Tsv(path) => CaptionSource::Tsv(read_tsv(path)?),
        })
    }

    /// The captions that stand outside the image.
    pub fn beside(&self, image: &Path) -> Result<Vec<Caption>, Error> {
        Ok(match self {
            CaptionSource::None => Vec::new(),
            CaptionSource::Sidecar => {
                let found = read_sidecar(&sidecar_path(image))?.unwrap_or_default();
                captions(&found, CaptionOrigin::Sidecar)
            }
            CaptionSource::Tsv(all) => captions(all.of(image), CaptionOrigin::File),
        })
    }

    /// The captions inside the image; none where captions are not wanted at all.
    pub fn inside(&self, metadata: &fovea_decode::Metadata) -> Vec<Caption> {
        if matches!(self, CaptionSource::None) {
            return Vec::new();
        }
        let found = metadata.captions.iter().map(|caption| Caption {
            lang: caption.lang.clone(),
            text: caption.text.clone(),
            origin: CaptionOrigin::Embedded,
        });
        found.collect()
    }
}

fn captions(found: &[FoundCaption], origin: CaptionOrigin) -> Vec<Caption> {
    let found = found.iter().map(|caption| Caption {
        lang: caption.lang.clone(),
        text: caption.text.clone(),
        origin,
    });
    found.collect()
}

/// Whether the text encoder knows the language: `en-GB` counts as `en`; an unknown language is tried.
pub fn is_spoken(lang: Option<&str>, languages: &[String]) -> bool {
    let Some(lang) = lang else {
        return true;
    };
    let primary = lang.split('-').next().unwrap_or(lang);
    languages.is_empty()
        || languages
            .iter()
            .any(|known| known == lang || known.split('-').next() == Some(primary))
}
