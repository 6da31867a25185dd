//! Fits with Open Clip Art: many small collections of its pictures, asked with titles of theirs and of others.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_encode::{Calibration, Encoder, Pack};
use fovea_engine::gallery::{self, Gallery, Judged, Picture, Told, terms_of};
use fovea_engine::space;
use fovea_index::Random;

use super::{Looks, NO_VOCABULARY, dot, indexed, pictures as judged_pictures, vectors_in};
use crate::bench_ann::datasets::clipart;
use crate::settings::{DEFAULT_PACK, Settings, cache_folder};

const COLLECTIONS: u64 = 12;
const PICTURES: usize = 350;
/// Titles further from all names of the pack are of languages, people and file names.
const NAMED: f32 = 0.5;
const LONGEST_TITLE: usize = 40;
/// Of photographs the classifier is more certain than of drawings. So that both are fitted for, every other collection is of
/// clips whose likeliest name is at least so probable.
const CERTAIN: f32 = 0.4;

/// A picture with a title that says what it shows.
struct Clip {
    told: Told,
    /// In the encoder's own space.
    visual: Vec<f32>,
    words: HashSet<String>,
}

impl Clip {
    fn is_certain(&self) -> bool {
        self.told.picture.names.iter().any(|name| *name >= CERTAIN)
    }
}

/// All regressions, fitted anew. Pictures that an alignment learned of say nothing about others: a `head` that learned of
/// none of the clips judges them in place of the pack's.
pub fn fit(
    settings: &Settings,
    head: Option<&Path>,
    say: &dyn Fn(&str),
) -> anyhow::Result<Calibration> {
    let pack = settings.open_pack(DEFAULT_PACK)?;
    let pack = match head {
        Some(head) => pack.with_shipped(head)?,
        None => pack,
    };
    let (clips, vocabulary) = clips(settings, &pack, say)?;
    say(&format!(
        "{} clips with a title that says what they show",
        clips.len()
    ));
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    let (mut mixed, mut alike) = (Vec::new(), Vec::new());
    for seed in 0..COLLECTIONS {
        let inside = drawn(&clips, seed);
        let (more_present, more_absent) = ask(&clips, &inside, &vocabulary)?;
        present.extend(more_present);
        absent.extend(more_absent);
        mixed.extend(mixtures(&inside, &vocabulary)?);
        alike.extend(looks(&inside));
    }
    let n_answered = present.iter().filter(|one| one.is_answered()).count();
    say(&format!(
        "{n_answered} queries answered, {} absent",
        absent.len()
    ));
    let nothing = "the clips have nothing to learn from";
    let fitted = gallery::fit(&present, &absent).context(nothing)?;
    Ok(Calibration {
        answered: fitted.answered,
        meant: fitted.meant,
        shown: fitted.shown,
        mixed: gallery::logistic(mixed, false).context(nothing)?,
        alike: gallery::logistic(alike, false).context(nothing)?,
        // What `fovea bench tags` fits.
        tag: pack.calibration().tag.clone(),
    })
}

/// The pictures of one collection, every other time those that the classifier is certain of.
fn drawn(clips: &[Clip], seed: u64) -> Vec<&Clip> {
    let is_in = |clip: &&Clip| seed.is_multiple_of(2) || clip.is_certain();
    let mut order: Vec<&Clip> = clips.iter().filter(is_in).collect();
    Random::new(seed).shuffle(&mut order);
    order.truncate(PICTURES.min(order.len() * 3 / 4));
    order
}

/// A collection asked with its own titles, and with titles of other clips that nothing in it answers.
fn ask(
    clips: &[Clip],
    inside: &[&Clip],
    vocabulary: &[Vec<f32>],
) -> anyhow::Result<(Vec<Judged>, Vec<Judged>)> {
    let is_outside = |clip: &&Clip| !inside.iter().any(|one| std::ptr::eq(*one, *clip));
    let outside: Vec<&Told> = clips
        .iter()
        .filter(is_outside)
        .map(|clip| &clip.told)
        .collect();
    let inside: Vec<&Told> = inside.iter().map(|clip| &clip.told).collect();
    gallery::ask(&inside, &outside, vocabulary).context(NO_VOCABULARY)
}

/// Each picture of a collection with its title asks for the others: what speaks for the ten nearest, and whether they share
/// a word with it.
fn mixtures(inside: &[&Clip], vocabulary: &[Vec<f32>]) -> anyhow::Result<Vec<(Vec<f64>, bool)>> {
    let images = inside
        .iter()
        .map(|clip| clip.told.picture.clone())
        .collect();
    let gallery = Gallery::new(images, vocabulary.to_vec());
    let mut rows = Vec::new();
    for (at, clip) in inside.iter().enumerate() {
        let right = same_words(inside, at);
        let judged = gallery.ask_mixed(&clip.told.text, at, &right);
        rows.extend(judged.context(NO_VOCABULARY)?.rows());
    }
    Ok(rows)
}

/// Each picture of a collection asks for those that look like it.
fn looks(inside: &[&Clip]) -> Vec<(Vec<f64>, bool)> {
    let visual: Vec<Vec<f32>> = inside.iter().map(|clip| clip.visual.clone()).collect();
    let looks = Looks::new(visual);
    let asked = (0..inside.len()).map(|at| looks.ask(at, &same_words(inside, at)));
    asked.flatten().collect()
}

/// The others whose titles share a word.
fn same_words(inside: &[&Clip], at: usize) -> Vec<usize> {
    let shares =
        |other: &usize| *other != at && !inside[*other].words.is_disjoint(&inside[at].words);
    (0..inside.len()).filter(shares).collect()
}

/// Clips that show something else than all others, and the pack's vocabulary.
fn clips(
    settings: &Settings,
    pack: &Pack,
    say: &dyn Fn(&str),
) -> anyhow::Result<(Vec<Clip>, Vec<Vec<f32>>)> {
    let cache = cache_folder()?;
    let (pictures, drawings) = clipart::folders(&cache, say)?;
    say("indexing Open Clip Art (minutes, the first time)");
    let engine = indexed(settings, &pictures, &cache.join("bench/cut/clips"))?;
    let looks = vectors_in(&engine, space::VISUAL)?;
    let judged = judged_pictures(&engine, pack)?;
    let mut judged: Vec<(PathBuf, Picture)> = judged.into_iter().collect();
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
        let words = terms_of(&title);
        let is_named = vocabulary.iter().any(|name| dot(name, &text) >= NAMED);
        if is_named && !words.is_empty() && !is_a_name(&title) {
            let Some(visual) = looks.get(&path).cloned() else {
                continue;
            };
            clips.push(Clip {
                told: Told {
                    picture: image,
                    words: title,
                    text,
                },
                visual,
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
