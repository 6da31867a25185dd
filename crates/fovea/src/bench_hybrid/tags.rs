//! How well tags of a person's list fit: the frequent keywords of Open Clip Art as the list, and the pictures that have each.

use std::collections::{BTreeMap, HashSet};

use anyhow::Context;
use fovea_encode::Regression;
use fovea_engine::Engine;
use fovea_engine::tagging::{LEAST, Likely, TagList, TagName};
use fovea_measure::{Logistic, calibration_error};

use super::clips::{self, Clips};
use crate::bench_ann::Bar;
use crate::settings::Settings;

/// Keywords of the list, the most frequent.
const NAMES: usize = 200;
/// Frequent keywords that no picture shows.
const UNSEEN: [&str; 8] = [
    "clip art",
    "clipart",
    "media",
    "public domain",
    "contributor",
    "externalsource",
    "geography",
    "office",
];
/// Among so many stated probabilities the error is looked for.
const BINS: usize = 10;

/// What speaks for each keyword of the list and each picture, and whether it has it.
struct Pairs {
    numbers: Vec<Vec<f64>>,
    is_right: Vec<bool>,
}

/// The regression, fitted with pictures of even numbers.
pub fn fit(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Regression> {
    let clips = Clips::prepare(say)?;
    let engine = clips.engine(settings, clips::ALL, say)?;
    let pairs = pairs(&clips, &engine, 0)?;
    say(&format!(
        "{} pairs of picture and keyword",
        pairs.is_right.len()
    ));
    let weights = vec![1.0; pairs.is_right.len()];
    let found = Logistic::fit(&pairs.numbers, &pairs.is_right, &weights)
        .context("the clips have nothing to learn from")?;
    Ok(Regression {
        weights: found.weights,
        bias: found.bias,
    })
}

/// How true the probabilities are for pictures of odd numbers, and how many tags fit.
pub fn measure(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let clips = Clips::prepare(say)?;
    let engine = clips.engine(settings, clips::ALL, say)?;
    let pairs = pairs(&clips, &engine, 1)?;
    let calibration = &engine.encoder().calibration().tag;
    let stated: Vec<f64> = pairs
        .numbers
        .iter()
        .map(|one| calibration.probability(one))
        .collect();
    let given: Vec<bool> = stated.iter().map(|p| *p >= f64::from(LEAST)).collect();
    let n_right = pairs.is_right.iter().filter(|right| **right).count();
    let n_given = given.iter().filter(|given| **given).count();
    let hits = given
        .iter()
        .zip(&pairs.is_right)
        .filter(|(given, right)| **given && **right)
        .count();
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let error = calibration_error(&stated, &pairs.is_right, BINS)
        .context("there is nothing to measure with")?;
    let chance = share(n_right, pairs.is_right.len());
    Ok(vec![
        Bar::at_most(
            "calibration error of the probabilities of tags",
            error,
            "",
            0.1,
        ),
        Bar::at_least(
            "tags that the picture's keywords name, too, against chance",
            share(hits, n_given),
            "",
            chance,
        ),
        Bar::at_least("pairs of picture and keyword that fit", chance, "", 0.0),
        Bar::at_least(
            "keywords of the list that are given as tags",
            share(hits, n_right),
            "",
            0.0,
        ),
    ])
}

fn pairs(clips: &Clips, engine: &Engine, odd: usize) -> anyhow::Result<Pairs> {
    let list = list(clips);
    let likely = Likely::new(&list, engine.encoder())?;
    let encoder = engine.encoder();
    let features = clips::features(engine)?;
    let mut pairs = Pairs {
        numbers: Vec::new(),
        is_right: Vec::new(),
    };
    for clip in clips.clips.iter().filter(|clip| clip.number % 2 == odd) {
        let Some(feature) = features.get(&clip.name()) else {
            continue;
        };
        let evidence = likely.evidence(encoder, feature, &encoder.image_vector(feature));
        let keywords: HashSet<&String> = clip.keywords.iter().collect();
        for (name, evidence) in list.0.iter().zip(evidence) {
            pairs.numbers.push(evidence.numbers().to_vec());
            pairs.is_right.push(keywords.contains(&name.name));
        }
    }
    Ok(pairs)
}

/// The most frequent keywords.
fn list(clips: &Clips) -> TagList {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for keyword in clips.clips.iter().flat_map(|clip| &clip.keywords) {
        *counts.entry(keyword).or_default() += 1;
    }
    let mut frequent: Vec<(&String, usize)> = counts.into_iter().collect();
    frequent.retain(|(keyword, _)| !UNSEEN.contains(&keyword.as_str()));
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let names = frequent
        .into_iter()
        .take(NAMES)
        .map(|(keyword, _)| TagName {
            name: keyword.clone(),
            words: keyword.clone(),
        });
    TagList(names.collect())
}
