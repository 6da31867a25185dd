//! Measures with Tux Paint's photographic stamps: their English captions are present, the written queries are absent.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use fovea_encode::{Calibration, Regression};
use fovea_engine::gallery::{Gallery, Judged, terms_of};
use fovea_engine::judge::{ANSWERED, SHOWN};
use fovea_engine::{Engine, space};
use fovea_measure::{auc, calibration_error};

use super::{Looks, NO_VOCABULARY, indexed, pictures, vectors_in};
use crate::bench_ann::Bar;
use crate::commands::demo::{english_captions, prepare_stamps};
use crate::settings::{Settings, cache_folder};

/// Written for this, and held against the names and captions of all stamps: none shows any of it.
const ABSENT: &str = include_str!("../../../../testdata/cut/absent.txt");
const BINS: usize = 10;

pub fn measure(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let cache = cache_folder()?;
    let stamps = prepare_stamps(&cache)?;
    say("indexing the stamps");
    let engine = indexed(
        settings,
        &stamps.join("stamps"),
        &cache.join("bench/cut/stamps"),
    )?;
    let captions = captions(&stamps.join("captions-photographic.tsv"))?;
    let names: BTreeSet<&String> = captions.values().flatten().collect();
    let judged = pictures(&engine, engine.encoder())?;
    let picture = |name: &String| judged.get(&stamps.join(name)).cloned();
    let images = names
        .iter()
        .map(|name| picture(name).with_context(|| format!("{name} is not indexed")));
    let gallery = Gallery::new(
        images.collect::<Result<_, _>>()?,
        engine.encoder().sample_texts(),
    );
    let place = |name: &String| names.iter().position(|one| *one == name);
    let mut present = Vec::new();
    for (caption, shown) in &captions {
        let right: Vec<usize> = shown.iter().filter_map(place).collect();
        let judged = gallery.ask(&engine.encoder().text_vector(caption)?, &right);
        present.push(judged.context(NO_VOCABULARY)?);
    }
    let absent = ABSENT.lines().map(|query| {
        let judged = gallery.ask(&engine.encoder().text_vector(query)?, &[]);
        judged.context(NO_VOCABULARY)
    });
    let absent: Vec<Judged> = absent.collect::<Result<_, _>>()?;
    say(&format!(
        "{} stamps, {} captions of which {} are answered in the first ten, {} absent queries",
        names.len(),
        present.len(),
        present.iter().filter(|one| one.is_answered()).count(),
        absent.len()
    ));
    let calibration = engine.encoder().calibration();
    let mut bars = bars(&present, &absent, calibration)?;
    bars.push(mixed_bar(&captions, &gallery, &engine, &place)?);
    let looks = vectors_in(&engine, space::VISUAL)?;
    let visual = names
        .iter()
        .filter_map(|name| looks.get(&stamps.join(name)).cloned());
    let looks = Looks::new(visual.collect());
    bars.extend(looks_bars(&captions, looks, &calibration.alike, &place)?);
    Ok(bars)
}

type Place<'a> = dyn Fn(&String) -> Option<usize> + 'a;

/// Stamps whose captions share a word that says what is shown, but for the one itself.
fn relatives(
    captions: &BTreeMap<String, Vec<String>>,
    caption: &str,
    but: usize,
    place: &Place<'_>,
) -> Vec<usize> {
    let words = terms_of(caption);
    let related = captions
        .iter()
        .filter(|(other, _)| !terms_of(other).is_disjoint(&words));
    let places = related.flat_map(|(_, shown)| shown).filter_map(place);
    places.filter(|at| *at != but).collect()
}

/// A stamp with its caption asks for others.
fn mixed_bar(
    captions: &BTreeMap<String, Vec<String>>,
    gallery: &Gallery,
    engine: &Engine,
    place: &Place<'_>,
) -> anyhow::Result<Bar> {
    let mixed = &engine.encoder().calibration().mixed;
    let (mut stated, mut happened) = (Vec::new(), Vec::new());
    for (caption, shown) in captions {
        let text = engine.encoder().text_vector(caption)?;
        for at in shown.iter().filter_map(place) {
            let right = relatives(captions, caption, at, place);
            let judged = gallery.ask_mixed(&text, at, &right);
            let judged = judged.context(NO_VOCABULARY)?;
            stated.extend(
                judged
                    .evidence
                    .first()
                    .map(|one| mixed.probability(&one.numbers())),
            );
            happened.extend(judged.is_right.first());
        }
    }
    let error =
        calibration_error(&stated, &happened, BINS).context("there is nothing to measure with")?;
    let name = "calibration error for the first result of a stamp with its caption (right: another whose caption shares a word)";
    Ok(Bar::at_most(name, error, "", 0.1))
}

/// A stamp alone asks for others.
fn looks_bars(
    captions: &BTreeMap<String, Vec<String>>,
    looks: Looks,
    alike: &Regression,
    place: &Place<'_>,
) -> anyhow::Result<Vec<Bar>> {
    let (mut stated, mut happened) = (Vec::new(), Vec::new());
    let (mut kept, mut right_ones) = (0, 0);
    for (caption, shown) in captions {
        for at in shown.iter().filter_map(place) {
            let rows = looks.ask(at, &relatives(captions, caption, at, place));
            let judged: Vec<(f64, bool)> = rows
                .iter()
                .map(|(numbers, is_right)| (alike.probability(numbers), *is_right))
                .collect();
            let right = judged.iter().filter(|(_, is_right)| *is_right);
            right_ones += right.clone().count();
            kept += right.filter(|(p, _)| *p >= f64::from(SHOWN)).count();
            if let Some((p, is_right)) = judged.first() {
                stated.push(*p);
                happened.push(*is_right);
            }
        }
    }
    let error =
        calibration_error(&stated, &happened, BINS).context("there is nothing to measure with")?;
    Ok(vec![
        Bar::at_most("the same for a stamp alone", error, "", 0.1),
        Bar::at_least(
            "right answers of the first ten to a stamp that the cut keeps",
            kept as f64 / f64::from(right_ones.max(1) as u32),
            "",
            0.8,
        ),
    ])
}

fn bars(
    present: &[Judged],
    absent: &[Judged],
    calibration: &Calibration,
) -> anyhow::Result<Vec<Bar>> {
    let answered = present.iter().filter(|one| one.is_answered());
    let answered: Vec<f64> = answered.map(|one| one.answered(calibration)).collect();
    let unanswered: Vec<f64> = absent.iter().map(|one| one.answered(calibration)).collect();
    let plain = |one: &Judged| {
        one.evidence
            .first()
            .map_or(f64::NAN, |first| f64::from(first.above))
    };
    let plainly: Vec<f64> = present
        .iter()
        .filter(|one| one.is_answered())
        .map(plain)
        .collect();
    let plainly_not: Vec<f64> = absent.iter().map(plain).collect();

    let (stated, happened) = first_results(present.iter().chain(absent), calibration);
    let (kept, right) = kept_right(present, calibration);
    let told = unanswered
        .iter()
        .filter(|p| **p < f64::from(ANSWERED))
        .count();
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let number = |number: Option<f64>| number.context("there is nothing to measure with");
    Ok(vec![
        Bar::at_least(
            "AUC of present queries that are answered in the first ten against absent ones",
            number(auc(&answered, &unanswered))?,
            "",
            0.9,
        ),
        Bar::at_least(
            "the same by deviations above the mean alone (no bar of ours)",
            number(auc(&plainly, &plainly_not))?,
            "",
            0.0,
        ),
        Bar::at_most(
            "calibration error of the probability stated for the first result",
            number(calibration_error(&stated, &happened, BINS))?,
            "",
            0.1,
        ),
        Bar::at_least(
            "right answers of the first ten that the cut keeps",
            share(kept, right),
            "",
            0.8,
        ),
        Bar::at_least(
            "absent queries that are told so",
            share(told, absent.len()),
            "",
            0.5,
        ),
    ])
}

/// The probability stated for each query's first result, and whether that was right.
fn first_results<'a>(
    all: impl Iterator<Item = &'a Judged>,
    calibration: &Calibration,
) -> (Vec<f64>, Vec<bool>) {
    let first =
        all.filter_map(|one| Some((*one.meant(calibration).first()?, *one.is_right.first()?)));
    first.unzip()
}

/// Right answers among the first ten that the cut keeps, and all of them.
fn kept_right(present: &[Judged], calibration: &Calibration) -> (usize, usize) {
    let (mut kept, mut right) = (0, 0);
    for one in present {
        let is_answered = one.answered(calibration) >= f64::from(ANSWERED);
        let meant = one.meant(calibration);
        let rights = meant
            .iter()
            .zip(&one.is_right)
            .filter(|(_, is_right)| **is_right);
        for (meant, _) in rights {
            right += 1;
            kept += usize::from(is_answered && *meant >= f64::from(calibration.shown));
        }
    }
    (kept, right)
}

/// English captions, each with the stamps that it is of.
fn captions(list: &std::path::Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut captions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, caption) in english_captions(list)? {
        captions.entry(caption).or_default().push(name);
    }
    Ok(captions)
}
