//! Which model fits: by language and memory as others measured them, and by how fast this machine is.

mod figures;

use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_encode::Pack;

use crate::exit::Refusal;
use figures::{MODELS, Model, RECALL};

pub use figures::SOURCE;

/// Multiplications of the base pack's network for one picture, in thousand millions (EfficientNet-Lite0 at 224 pixels).
const BASE_GIGA: f64 = 0.407;
/// How long this machine is measured, and how often at least.
const MEASURED: Duration = Duration::from_millis(700);
const RUNS_MIN: usize = 5;

/// A model that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitting {
    pub name: &'static str,
    /// In hundredths.
    pub recall: f32,
    pub memory_mib: u32,
    /// What one core of this machine sees in a second, estimated.
    pub per_second: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    pub language: String,
    pub memory_mib: Option<u32>,
    /// What one core sees with the base pack in a second, measured.
    pub base_per_second: f64,
    /// The best first.
    pub fitting: Vec<Fitting>,
}

/// The models for a language, none of which another one is better than in every way.
pub fn recommend(
    base: &Pack,
    language: &str,
    memory: Option<&str>,
) -> anyhow::Result<Recommendation> {
    let memory_mib = memory.map(mebibytes).transpose()?;
    let (language, recall) = of_language(language)?;
    let base_per_second = measure(base)?;
    Ok(Recommendation {
        language: language.to_owned(),
        memory_mib,
        base_per_second,
        fitting: fitting(recall, memory_mib, base_per_second),
    })
}

/// Pictures a second of one core.
fn measure(base: &Pack) -> anyhow::Result<f64> {
    let network = base
        .image_network()
        .context("the base pack has no network")?;
    let side = network.recipe.side as usize;
    let planes = vec![0.25; 3 * side * side];
    base.feature_of_planes(&planes)?;
    let (start, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < RUNS_MIN || start.elapsed() < MEASURED {
        let run = Instant::now();
        base.feature_of_planes(&planes)?;
        seconds.push(run.elapsed().as_secs_f64());
    }
    // The fastest is that of the machine; the others are that of what runs beside.
    let least = seconds.into_iter().fold(f64::INFINITY, f64::min);
    Ok(1.0 / least.max(1e-9))
}

/// Its row, by the tag or by what stands before the first `-` in it.
fn of_language(tag: &str) -> anyhow::Result<(&'static str, &'static [f32])> {
    let wanted = tag.to_lowercase();
    let wanted = wanted.split(['-', '_']).next().unwrap_or_default();
    let row = RECALL.iter().find(|(known, _)| *known == wanted);
    row.map(|(known, recall)| (*known, &recall[..]))
        .ok_or_else(|| {
            let known: Vec<&str> = RECALL.iter().map(|(known, _)| *known).collect();
            Refusal::input(format!(
                "--language {tag}: nobody measured models in it; known are {}",
                known.join(", ")
            ))
            .into()
        })
}

/// `4G`, `3500M`, or a number of mebibytes.
fn mebibytes(text: &str) -> anyhow::Result<u32> {
    let lower = text.trim().to_lowercase();
    let plain = lower.trim_end_matches('b').trim_end_matches('i');
    let (number, factor) = match plain.strip_suffix('g') {
        Some(number) => (number, 1024.0),
        None => (plain.strip_suffix('m').unwrap_or(plain), 1.0),
    };
    let number: Option<f64> = number.trim().parse().ok();
    let number = number.map(|number| number * factor);
    match number.filter(|number| (1.0..1e9).contains(number)) {
        Some(number) => Ok(number as u32),
        None => {
            Err(Refusal::input(format!("--memory {text}: expected a size, as 4G or 3500M")).into())
        }
    }
}

fn fitting(recall: &[f32], memory_mib: Option<u32>, base_per_second: f64) -> Vec<Fitting> {
    let fits = |model: &Model| memory_mib.is_none_or(|most| model.memory_mib <= most);
    let all: Vec<(&Model, f32)> = MODELS
        .iter()
        .zip(recall.iter().copied())
        .filter(|(model, recall)| *recall > 0.0 && fits(model))
        .collect();
    let is_better = |other: &(&Model, f32), one: &(&Model, f32)| {
        let no_worse = other.1 >= one.1
            && other.0.memory_mib <= one.0.memory_mib
            && other.0.tower.giga() <= one.0.tower.giga();
        no_worse && other != one
    };
    let best = all
        .iter()
        .filter(|one| !all.iter().any(|other| is_better(other, one)));
    let mut found: Vec<Fitting> = best
        .map(|(model, recall)| Fitting {
            name: model.name,
            recall: *recall,
            memory_mib: model.memory_mib,
            per_second: base_per_second * BASE_GIGA / model.tower.giga(),
        })
        .collect();
    found.sort_by(|a, b| b.recall.total_cmp(&a.recall));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_encode::models::hub::Source;
    use std::path::Path;

    #[test]
    fn every_model_can_be_added_by_its_name() {
        for model in MODELS {
            let source = Source::of(Path::new(model.name));
            assert!(matches!(source, Ok(Source::Hub(_))), "{}", model.name);
        }
    }

    #[test]
    fn towers_have_the_size_that_is_published() {
        // Thousand millions of multiplications of ViT-B/32, B/16 and L/16 at 224 and 384 pixels, within the embeddings.
        for (tower, expect) in [
            (MODELS[15].tower, 4.4),
            (MODELS[14].tower, 17.5),
            (MODELS[13].tower, 55.4),
            (MODELS[8].tower, 191.0),
        ] {
            assert!(
                (tower.giga() / expect - 1.0).abs() < 0.05,
                "{tower:?}: {}",
                tower.giga()
            );
        }
    }

    #[track_caller]
    fn first(language: &str, memory: Option<u32>, expect: Option<&str>) {
        let (_, recall) = of_language(language).unwrap();
        let found = fitting(recall, memory, 80.0);
        assert_eq!(found.first().map(|one| one.name), expect, "{found:?}");
        for pair in found.windows(2) {
            assert!(pair[0].recall >= pair[1].recall);
            let lighter = pair[1].memory_mib < pair[0].memory_mib;
            let cheaper = found[1..]
                .iter()
                .any(|one| one.per_second > pair[0].per_second);
            assert!(lighter || cheaper, "{pair:?}");
        }
    }

    #[test]
    fn the_best_that_fits_comes_first() {
        first("en", None, Some("ViT-B-16-SigLIP2__webli"));
        first("de-AT", None, Some("ViT-SO400M-16-SigLIP2-384__webli"));
        first("de", Some(3500), Some("ViT-L-16-SigLIP2-384__webli"));
        first("zh_Hant", None, Some("nllb-clip-large-siglip__v1"));
        first("en", Some(1100), Some("ViT-B-16-SigLIP__webli"));
        first("te", Some(1100), None);
        assert!(of_language("tlh").is_err());
    }

    #[test]
    fn sizes() {
        for (text, expect) in [
            ("4G", 4096),
            ("3500M", 3500),
            ("2 GiB", 2048),
            ("900", 900),
            ("1.5gb", 1536),
        ] {
            assert_eq!(mebibytes(text).unwrap(), expect, "{text}");
        }
        for text in ["", "much", "-1G", "0", "1e30"] {
            assert!(mebibytes(text).is_err(), "{text}");
        }
    }
}
