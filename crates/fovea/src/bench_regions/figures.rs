//! Figures with words that ask for them: Open Clip Art to choose settings with, stamps to measure with.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use fovea_encode::{Encoder, Pack};

use super::scenes::Figure;
use crate::bench_ann::datasets::clipart;
use crate::bench_ann::split::hash;
use crate::commands::demo::english_captions;

/// Clips that are drawn, so that choosing takes minutes.
const CLIPS: usize = 500;
const LONGEST_TITLE: usize = 30;
/// Titles further from all names of the pack are of languages, people and file names.
const NAMED: f32 = 0.6;

/// Clips with a title that says what they show: those with the smallest hashes of their names.
pub fn clips(pictures: &Path, drawings: &Path, pack: &Pack) -> anyhow::Result<Vec<Figure>> {
    let mut all: Vec<_> = clipart::files(pictures, "png")?
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(pictures).ok()?.to_owned();
            Some((hash(&name.to_string_lossy()), name, path))
        })
        .collect();
    all.sort();
    let mut titles = HashSet::new();
    let mut figures = Vec::new();
    for (_, name, picture) in all {
        let drawing = drawings.join(&name).with_extension("svg");
        let title = drawing
            .exists()
            .then(|| clipart::title_of(&drawing))
            .transpose()?
            .flatten();
        let Some(title) = title.filter(|title| title.chars().count() <= LONGEST_TITLE) else {
            continue;
        };
        if is_named(&title, pack)? && titles.insert(title.to_lowercase()) {
            figures.push(Figure {
                name: name.to_string_lossy().into_owned(),
                picture,
                captions: vec![title],
            });
        }
        if figures.len() == CLIPS {
            break;
        }
    }
    Ok(figures)
}

/// Whether the pack knows a name near to it.
fn is_named(title: &str, pack: &Pack) -> anyhow::Result<bool> {
    let text = pack.text_vector(title)?;
    let cosine = |name: &[f32]| name.iter().zip(&text).map(|(a, b)| a * b).sum::<f32>();
    Ok(pack.class_vectors().any(|name| cosine(name) >= NAMED))
}

/// The photographic stamps with their English captions.
pub fn stamps(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut captions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, caption) in english_captions(&folder.join("captions-photographic.tsv"))? {
        captions.entry(name).or_default().push(caption);
    }
    let figures = captions.into_iter().map(|(name, captions)| Figure {
        picture: folder.join(&name),
        name,
        captions,
    });
    Ok(figures.collect())
}
