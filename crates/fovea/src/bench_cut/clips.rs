//! Fits with Open Clip Art: many small collections of its pictures, asked with titles of theirs and of others.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;
use fovea_engine::judge::Calibration;
use fovea_engine::space;
use fovea_index::Random;
use fovea_measure::Logistic;

use super::{
    Gallery, Judged, Looks, Picture, dot, indexed, pictures as judged_pictures, vectors_in,
};
use crate::bench_ann::datasets::clipart;
use crate::settings::{Settings, cache_folder};

const COLLECTIONS: usize = 12;
const PICTURES: usize = 350;
const ABSENT: usize = 200;
/// Titles further from all names of the pack are of languages, people and file names.
const NAMED: f32 = 0.5;
/// Titles nearer to one of the collection may be answered by it.
const ALIKE: f32 = 0.6;
const LONGEST_TITLE: usize = 40;

/// A picture with a title that says what it shows.
struct Clip {
    image: Picture,
    /// In the encoder's own space.
    visual: Vec<f32>,
    title: String,
    text: Vec<f32>,
    words: HashSet<String>,
}

/// Both regressions, fitted anew.
pub fn fit(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Calibration> {
    let (clips, vocabulary) = clips(settings, say)?;
    say(&format!(
        "{} clips with a title that says what they show",
        clips.len()
    ));
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    let (mut mixed, mut alike) = (Vec::new(), Vec::new());
    for seed in 0..COLLECTIONS {
        let (inside, outside) = ask(&clips, &vocabulary, seed as u64)?;
        present.extend(inside);
        absent.extend(outside);
        mixed.extend(mixtures(&clips, &vocabulary, seed as u64)?);
        alike.extend(looks(&clips, seed as u64)?);
    }
    let answered: Vec<&Judged> = present.iter().filter(|one| one.is_answered()).collect();
    say(&format!(
        "{} queries answered, {} absent",
        answered.len(),
        absent.len()
    ));
    let best = answered.iter().map(|one| (one.best().to_vec(), true));
    let best = best.chain(absent.iter().map(|one| (one.best().to_vec(), false)));
    let items = present.iter().chain(&absent).flat_map(|one| {
        let evidence = one.evidence.iter().map(|one| one.numbers().to_vec());
        evidence
            .zip(one.is_right.iter().copied())
            .collect::<Vec<_>>()
    });
    Ok(Calibration {
        answered: logistic(best.collect(), true)?,
        meant: logistic(items.collect(), false)?,
        mixed: logistic(mixed, false)?,
        alike: logistic(alike, false)?,
    })
}

/// With both outcomes equally heavy, or each row alike.
fn logistic(rows: Vec<(Vec<f64>, bool)>, evenly: bool) -> anyhow::Result<Logistic> {
    let (numbers, outcomes): (Vec<_>, Vec<bool>) = rows.into_iter().unzip();
    let n = |wanted: bool| {
        outcomes
            .iter()
            .filter(|outcome| **outcome == wanted)
            .count() as f64
    };
    let half = outcomes.len() as f64 / 2.0;
    let weight = |outcome: &bool| if evenly { half / n(*outcome) } else { 1.0 };
    let weights: Vec<f64> = outcomes.iter().map(weight).collect();
    Logistic::fit(&numbers, &outcomes, &weights).context("the clips have nothing to learn from")
}

/// One collection drawn from the clips: its own titles, and titles that nothing in it answers.
fn ask(
    clips: &[Clip],
    vocabulary: &[Vec<f32>],
    seed: u64,
) -> anyhow::Result<(Vec<Judged>, Vec<Judged>)> {
    let mut order: Vec<&Clip> = clips.iter().collect();
    Random::new(seed).shuffle(&mut order);
    let (inside, outside) = order.split_at(PICTURES.min(order.len()));
    let images = inside.iter().map(|clip| clip.image.clone()).collect();
    let gallery = Gallery::new(images, vocabulary.to_vec());
    let mut present = Vec::new();
    for clip in inside {
        let same = |other: &&Clip| other.title.to_lowercase() == clip.title.to_lowercase();
        let right: Vec<usize> = (0..inside.len()).filter(|at| same(&inside[*at])).collect();
        present.push(gallery.ask(&clip.text, &right)?);
    }
    let words: HashSet<&String> = inside.iter().flat_map(|clip| &clip.words).collect();
    let is_absent = |clip: &&&Clip| {
        let is_near = |other: &&Clip| dot(&other.text, &clip.text) >= ALIKE;
        !clip.words.iter().any(|word| words.contains(word)) && !inside.iter().any(is_near)
    };
    let absent = outside.iter().filter(is_absent).take(ABSENT);
    let absent = absent.map(|clip| gallery.ask(&clip.text, &[]));
    Ok((present, absent.collect::<Result<_, _>>()?))
}

/// Each picture of a collection with its title asks for the others: what speaks for the ten nearest, and whether they share
/// a word with it.
fn mixtures(
    clips: &[Clip],
    vocabulary: &[Vec<f32>],
    seed: u64,
) -> anyhow::Result<Vec<(Vec<f64>, bool)>> {
    let inside = drawn(clips, seed);
    let images = inside.iter().map(|clip| clip.image.clone()).collect();
    let gallery = Gallery::new(images, vocabulary.to_vec());
    let mut rows = Vec::new();
    for (at, clip) in inside.iter().enumerate() {
        let right = same_words(&inside, at);
        let judged = gallery.ask_mixed(&clip.text, at, &right)?;
        let numbers = judged.evidence.iter().map(|one| one.numbers().to_vec());
        rows.extend(numbers.zip(judged.is_right));
    }
    Ok(rows)
}

/// Each picture of a collection asks for those that look like it.
fn looks(clips: &[Clip], seed: u64) -> anyhow::Result<Vec<(Vec<f64>, bool)>> {
    let inside = drawn(clips, seed);
    let visual: Vec<Vec<f32>> = inside.iter().map(|clip| clip.visual.clone()).collect();
    let looks = Looks::new(visual);
    let mut rows = Vec::new();
    for at in 0..inside.len() {
        rows.extend(looks.ask(at, &same_words(&inside, at)));
    }
    Ok(rows)
}

fn drawn(clips: &[Clip], seed: u64) -> Vec<&Clip> {
    let mut order: Vec<&Clip> = clips.iter().collect();
    Random::new(seed).shuffle(&mut order);
    order.truncate(PICTURES);
    order
}

/// The others whose titles share a word.
fn same_words(inside: &[&Clip], at: usize) -> Vec<usize> {
    let shares =
        |other: &usize| *other != at && !inside[*other].words.is_disjoint(&inside[at].words);
    (0..inside.len()).filter(shares).collect()
}

/// Clips that show something else than all others, and the pack's vocabulary.
fn clips(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<(Vec<Clip>, Vec<Vec<f32>>)> {
    let cache = cache_folder()?;
    let (pictures, drawings) = clipart::folders(&cache, say)?;
    say("indexing Open Clip Art (minutes, the first time)");
    let engine = indexed(settings, &pictures, &cache.join("bench/cut/clips"))?;
    let looks = vectors_in(&engine, space::VISUAL)?;
    let mut judged: Vec<(PathBuf, Picture)> = judged_pictures(&engine)?.into_iter().collect();
    judged.sort_by(|a, b| a.0.cmp(&b.0));
    let vocabulary = engine.encoder().sample_texts();
    let mut seen = HashSet::new();
    let mut clips = Vec::new();
    for (path, image) in judged {
        let Ok(name) = path.strip_prefix(&pictures) else {
            continue;
        };
        let drawing = drawings.join(name).with_extension("svg");
        let title = drawing
            .exists()
            .then(|| clipart::title_of(&drawing))
            .transpose()?
            .flatten();
        let is_new = seen.insert(image.vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        let Some(title) = title.filter(|title| is_new && title.chars().count() < LONGEST_TITLE)
        else {
            continue;
        };
        let text = engine.encoder().text_vector(&title)?;
        let words = words_of(&title);
        let is_named = vocabulary.iter().any(|name| dot(name, &text) >= NAMED);
        if is_named && !words.is_empty() && !is_a_name(&title) {
            let Some(visual) = looks.get(&path).cloned() else {
                continue;
            };
            clips.push(Clip {
                image,
                visual,
                title,
                text,
                words,
            });
        }
    }
    Ok((clips, vocabulary))
}

/// Two words with capitals in front are who drew it, or a place.
fn is_a_name(title: &str) -> bool {
    let is_capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(char::is_lowercase)
    };
    let mut words = title.split_whitespace();
    matches!((words.next(), words.next()), (Some(a), Some(b)) if is_capital(a) && is_capital(b))
        || title.to_lowercase().contains("architetto")
}

/// Words that say what is shown, without the plural.
pub(super) fn words_of(title: &str) -> HashSet<String> {
    let lower = title.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphabetic());
    let words = words
        .filter(|word| word.chars().count() > 2 && !["the", "and", "with", "for"].contains(word));
    words
        .map(|word| word.trim_end_matches('s').to_owned())
        .collect()
}
