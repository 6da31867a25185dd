//! How what was learnt is judged: the probability of a match belongs to an alignment, and is fitted on the images that were
//! held out from it.

use fovea_encode::{Calibration, Encoder};
use fovea_engine::gallery::{self, Picture, Told};
use fovea_engine::judge::names_of;
use fovea_index::Random;
use fovea_train::align::Outcome;
use fovea_train::validate::examples;

use super::gather::Gathered;

/// Small collections that are drawn and asked, and how many pictures one has at most.
const COLLECTIONS: u64 = 12;
const PICTURES: usize = 350;
/// Of fewer queries of a kind, absent or answered, nothing is fitted.
const LEAST: usize = 60;

/// Fitted anew, or nothing where too little was held out: then the parent's stays.
pub fn calibrate(gathered: &Gathered, outcome: &Outcome) -> Option<Calibration> {
    let vocabulary = gathered.pack.sample_texts();
    let told = told(gathered, outcome, &vocabulary);
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for seed in 0..COLLECTIONS {
        let mut order: Vec<&Told> = told.iter().collect();
        Random::new(seed).shuffle(&mut order);
        let (inside, outside) = order.split_at(PICTURES.min(order.len() * 2 / 3));
        let (more_present, more_absent) = gallery::ask(inside, outside, &vocabulary)?;
        present.extend(more_present);
        absent.extend(more_absent);
    }
    let n_answered = present.iter().filter(|one| one.is_answered()).count();
    if n_answered.min(absent.len()) < LEAST {
        return None;
    }
    let fitted = gallery::fit(&present, &absent)?;
    Some(Calibration {
        answered: fitted.answered,
        meant: fitted.meant,
        shown: fitted.shown,
        ..gathered.pack.calibration().clone()
    })
}

/// The held-out images, each by its first view and first caption that the text encoder knows.
fn told(gathered: &Gathered, outcome: &Outcome, vocabulary: &[Vec<f32>]) -> Vec<Told> {
    let pairs = &gathered.pairs;
    let mut told = Vec::new();
    for (view, caption) in examples(pairs, &outcome.split.validation) {
        let feature = pairs.features.row(view);
        let vector = outcome.head.apply(feature, pairs.conse.row(view));
        for names in names_of(&gathered.pack, &[(feature, &vector)], vocabulary) {
            told.push(Told {
                picture: Picture {
                    vector: vector.clone(),
                    names,
                },
                words: pairs.captions[caption].clone(),
                text: outcome.head.apply_text(pairs.texts.row(caption)),
            });
        }
    }
    told
}
