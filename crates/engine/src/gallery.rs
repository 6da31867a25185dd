//! Small collections whose right answers are known: with them it is fitted and measured how an alignment is judged by
//! (`judge`), on pictures that it did not learn of.

use std::collections::HashSet;

use fovea_encode::{Calibration, Regression};
use fovea_measure::Logistic;

use crate::background::{Background, dot};
use crate::judge::{BATCH, Case, Evidence, Seen, Words};

/// Words nearer to some of a collection than this may be answered by it.
const ALIKE: f32 = 0.6;
/// One right answer in so many may be judged too unlikely to be shown.
const LOST: usize = 10;
/// Absent queries of one collection.
const ABSENT: usize = 200;

/// A picture as it is judged: its vector, and how probable each name is for it.
#[derive(Clone, Debug)]
pub struct Picture {
    pub vector: Vec<f32>,
    pub names: Vec<f32>,
}

/// A picture with words that say what it shows.
#[derive(Clone, Debug)]
pub struct Told {
    pub picture: Picture,
    /// Pictures with the same words answer each other's query.
    pub words: String,
    /// The vector of the words.
    pub text: Vec<f32>,
}

/// Pictures; those of a query's right answers are known by their place.
pub struct Gallery {
    background: Background,
    /// Of each picture.
    names: Vec<Vec<f32>>,
}

/// A query's ten nearest, what speaks for each, and which of them are right.
pub struct Judged {
    pub evidence: Vec<Evidence>,
    pub is_right: Vec<bool>,
    /// How much more alike they are than any two of the collection.
    likeness: f32,
}

impl Judged {
    pub fn is_answered(&self) -> bool {
        self.is_right.contains(&true)
    }

    /// What speaks for the query being answered.
    pub fn numbers(&self) -> [f64; 4] {
        let case = Case {
            each: self.evidence.iter().copied().map(Some).collect(),
            likeness: self.likeness,
        };
        case.numbers().unwrap_or([f64::NAN; 4])
    }

    pub fn answered(&self, calibration: &Calibration) -> f64 {
        calibration.answered.probability(&self.numbers())
    }

    pub fn meant(&self, calibration: &Calibration) -> Vec<f64> {
        let all = self.evidence.iter();
        all.map(|one| calibration.meant.probability(&one.numbers()))
            .collect()
    }

    /// The numbers of each of the ten, and whether it is right.
    pub fn rows(&self) -> impl Iterator<Item = (Vec<f64>, bool)> {
        let numbers = self.evidence.iter().map(|one| one.numbers().to_vec());
        numbers.zip(self.is_right.iter().copied())
    }
}

impl Gallery {
    /// A small collection, all of it its own sample.
    pub fn new(pictures: Vec<Picture>, vocabulary: Vec<Vec<f32>>) -> Gallery {
        let pictures = pictures.into_iter().map(|one| (one.vector, one.names));
        let (vectors, names) = pictures.unzip();
        Gallery {
            background: Background::new(vectors, vocabulary),
            names,
        }
    }

    /// Nothing where the pack has no vocabulary to judge by, or all pictures are alike.
    pub fn ask(&self, query: &[f32], right: &[usize]) -> Option<Judged> {
        self.judged(query, right, None)
    }

    /// Words together with one of the pictures, each brought to the same spread, as a search does.
    pub fn ask_mixed(&self, words: &[f32], at: usize, right: &[usize]) -> Option<Judged> {
        let image = &self.background.vectors[at];
        let scale = |vector: &[f32]| {
            let spread = self.background.spread(vector);
            spread.map_or(1.0, |one| 1.0 / one.deviation)
        };
        let (of_words, of_image) = (scale(words), scale(image));
        let both = words.iter().zip(image);
        let sum: Vec<f32> = both.map(|(a, b)| of_words * a + of_image * b).collect();
        let length = dot(&sum, &sum).sqrt().max(1e-6);
        let query: Vec<f32> = sum.iter().map(|x| x / length).collect();
        self.judged(&query, right, Some(at))
    }

    fn judged(&self, query: &[f32], right: &[usize], but: Option<usize>) -> Option<Judged> {
        let images = &self.background.vectors;
        let words = Words::of(query, &self.background)?;
        let order = nearest(images, query, but);
        let evidence = order.iter().map(|(_, at)| {
            let seen = Seen {
                vector: &images[*at],
                names: &self.names[*at],
            };
            words.meaning.evidence(seen, words.spread)
        });
        let found: Vec<&Vec<f32>> = order.iter().map(|(_, at)| &images[*at]).collect();
        Some(Judged {
            likeness: self.background.likeness(&found),
            evidence: evidence.collect(),
            is_right: order.iter().map(|(_, at)| right.contains(at)).collect(),
        })
    }
}

/// The ten nearest, but for the one that asks.
pub fn nearest(images: &[Vec<f32>], query: &[f32], but: Option<usize>) -> Vec<(f32, usize)> {
    let all = images.iter().zip(0..).filter(|(_, at)| Some(*at) != but);
    let mut order: Vec<(f32, usize)> = all.map(|(image, at)| (dot(image, query), at)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.truncate(BATCH);
    order
}

/// A collection of those `inside` is asked with their own words, and with words of those `outside` that nothing in it
/// answers: present and absent queries. None where there is nothing to judge by.
pub fn ask(
    inside: &[&Told],
    outside: &[&Told],
    vocabulary: &[Vec<f32>],
) -> Option<(Vec<Judged>, Vec<Judged>)> {
    let pictures = inside.iter().map(|one| one.picture.clone()).collect();
    let gallery = Gallery::new(pictures, vocabulary.to_vec());
    let present = inside.iter().map(|one| {
        let same = |other: &&Told| other.words.to_lowercase() == one.words.to_lowercase();
        let right: Vec<usize> = (0..inside.len()).filter(|at| same(&inside[*at])).collect();
        gallery.ask(&one.text, &right)
    });
    let terms = |one: &Told| terms_of(&one.words);
    let known: HashSet<String> = inside.iter().flat_map(|one| terms(one)).collect();
    let is_absent = |one: &&&Told| {
        let is_near = |other: &&Told| dot(&other.text, &one.text) >= ALIKE;
        terms(one).is_disjoint(&known) && !inside.iter().any(is_near)
    };
    let absent = outside.iter().filter(is_absent).take(ABSENT);
    let absent = absent.map(|one| gallery.ask(&one.text, &[]));
    Some((
        present.collect::<Option<_>>()?,
        absent.collect::<Option<_>>()?,
    ))
}

/// How words are judged, as it was fitted.
#[derive(Clone, Debug)]
pub struct Fitted {
    pub answered: Regression,
    pub meant: Regression,
    /// The probability of being meant that all but a tenth of the right answers among the first ten have.
    pub shown: f32,
}

/// What says that a query is answered, that an item is meant, and is shown. None where either outcome is missing.
pub fn fit(present: &[Judged], absent: &[Judged]) -> Option<Fitted> {
    let answered = present.iter().filter(|one| one.is_answered());
    let best = answered.map(|one| (one.numbers().to_vec(), true));
    let best = best.chain(absent.iter().map(|one| (one.numbers().to_vec(), false)));
    let items = present.iter().chain(absent).flat_map(Judged::rows);
    let answered = logistic(best.collect(), true)?;
    let meant = logistic(items.collect(), false)?;
    Some(Fitted {
        shown: least_shown(present, &meant)?,
        answered,
        meant,
    })
}

fn least_shown(present: &[Judged], meant: &Regression) -> Option<f32> {
    let right = present.iter().flat_map(Judged::rows).filter(|row| row.1);
    let mut right: Vec<f64> = right.map(|row| meant.probability(&row.0)).collect();
    right.sort_by(f64::total_cmp);
    right.get(right.len() / LOST).map(|least| *least as f32)
}

/// With both outcomes equally heavy, or each row alike.
pub fn logistic(rows: Vec<(Vec<f64>, bool)>, evenly: bool) -> Option<Regression> {
    let (numbers, outcomes): (Vec<_>, Vec<bool>) = rows.into_iter().unzip();
    let n = |wanted: bool| outcomes.iter().filter(|one| **one == wanted).count() as f64;
    if n(true) == 0.0 || n(false) == 0.0 {
        return None;
    }
    let half = outcomes.len() as f64 / 2.0;
    let weight = |outcome: &bool| if evenly { half / n(*outcome) } else { 1.0 };
    let weights: Vec<f64> = outcomes.iter().map(weight).collect();
    let found = Logistic::fit(&numbers, &outcomes, &weights)?;
    Some(Regression {
        weights: found.weights,
        bias: found.bias,
    })
}

/// Terms that say what is shown, without the plural.
pub fn terms_of(words: &str) -> HashSet<String> {
    let lower = words.to_lowercase();
    let terms = lower.split(|letter: char| !letter.is_alphabetic());
    let terms = terms
        .filter(|term| term.chars().count() > 2 && !["the", "and", "with", "for"].contains(term));
    terms
        .map(|term| term.trim_end_matches('s').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forty pictures in forty directions, the odd ones with words that lie `near` them, and one name for each direction.
    fn told(near: f32) -> (Vec<Told>, Vec<Vec<f32>>) {
        let axis = |at: usize| {
            let mut vector = vec![0.0; 40];
            vector[at] = 1.0;
            vector
        };
        let vocabulary: Vec<Vec<f32>> = (0..40).map(axis).collect();
        let told = (0..40).map(|at| {
            let mut text = axis(at);
            let far = (1.0 - near * near).sqrt();
            text[at] = near;
            text[(at + 13) % 28] = far;
            Told {
                picture: Picture {
                    vector: axis(at),
                    names: axis(at),
                },
                words: format!(
                    "thing{}",
                    char::from(b'a' + (at % 26) as u8)
                        .to_string()
                        .repeat(3 + at / 26)
                ),
                text,
            }
        });
        (told.collect(), vocabulary)
    }

    #[test]
    fn what_is_there_is_told_from_what_is_not() {
        let (told, vocabulary) = told(0.9);
        let all: Vec<&Told> = told.iter().collect();
        let (present, absent) = ask(&all[..28], &all[28..], &vocabulary).unwrap();
        assert!(present.len() == 28 && absent.len() == 12);
        let fitted = fit(&present, &absent).unwrap();
        let says = |one: &Judged| fitted.answered.probability(&one.numbers());
        let right = present.iter().filter(|one| says(one) > 0.5).count();
        let wrong = absent.iter().filter(|one| says(one) > 0.5).count();
        assert!(right > 24 && wrong < 4, "{right} {wrong}");
        let meant = |one: &Judged| fitted.meant.probability(&one.evidence[0].numbers()) as f32;
        assert!(meant(&present[0]) > meant(&absent[0]));
        let kept = present.iter().filter(|one| meant(one) >= fitted.shown);
        assert!((25..=28).contains(&kept.count()), "{}", fitted.shown);
    }

    #[test]
    fn nothing_to_tell_apart_is_no_fit() {
        let (told, vocabulary) = told(0.9);
        let all: Vec<&Told> = told.iter().collect();
        let (present, absent) = ask(&all, &[], &vocabulary).unwrap();
        assert!(absent.is_empty() && fit(&present, &absent).is_none());
        assert!(ask(&all[..28], &all[28..], &[]).is_none(), "no vocabulary");
    }
}
