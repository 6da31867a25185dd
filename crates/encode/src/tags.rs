//! The words that a classifier has for an image, with their probabilities: tags without any training.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error};

/// A word for what an image shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub name: String,
    /// As the classifier has it, above 0 and up to 1.
    pub probability: f32,
}

/// What a class is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassName {
    pub name: String,
    /// Broader words for the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// The classes' words.
pub struct ClassNames {
    words: Vec<String>,
    /// For each class the numbers of its words.
    of_class: Vec<Vec<usize>>,
}

/// Less probable words are none: with a thousand classes every image has a little of each.
const LEAST: f32 = 0.1;
/// No image has more.
const MOST: usize = 6;

impl ClassNames {
    /// Reads the names of so many classes.
    pub fn read(path: &Path, count: usize) -> Result<ClassNames, Error> {
        let text = fs::read_to_string(path).doing("read", path)?;
        let damaged = |what: String| Error::Damaged {
            path: path.into(),
            what,
        };
        let names: Vec<ClassName> =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        match names.len() == count {
            true => Ok(ClassNames::of(&names)),
            false => Err(damaged(format!(
                "it names {} classes, expected {count}",
                names.len()
            ))),
        }
    }

    fn of(classes: &[ClassName]) -> ClassNames {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut words = Vec::new();
        let of_class = classes.iter().map(|class| {
            let others = class.also.iter().filter(|word| **word != class.name);
            let all = std::iter::once(&class.name).chain(others);
            let numbers = all.map(|word| {
                *numbers.entry(word).or_insert_with(|| {
                    words.push(word.clone());
                    words.len() - 1
                })
            });
            numbers.collect()
        });
        ClassNames {
            of_class: of_class.collect(),
            words,
        }
    }

    /// The words that the scores before the softmax make probable, the most probable first. A word of several classes is
    /// as probable as these together.
    pub fn tags(&self, logits: &[f32]) -> Vec<Tag> {
        let mut by_word = vec![0.0; self.words.len()];
        for (numbers, probability) in self.of_class.iter().zip(softmax(logits)) {
            numbers
                .iter()
                .for_each(|word| by_word[*word] += probability);
        }
        let probable = self.words.iter().zip(by_word).filter(|(_, p)| *p >= LEAST);
        let mut tags: Vec<Tag> = probable
            .map(|(name, probability)| Tag {
                name: name.clone(),
                probability: probability.min(1.0),
            })
            .collect();
        tags.sort_by(|a, b| {
            let by_probability = b.probability.total_cmp(&a.probability);
            by_probability.then_with(|| a.name.cmp(&b.name))
        });
        tags.truncate(MOST);
        tags
    }
}

/// Scores as probabilities.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_several_classes_is_as_probable_as_all_of_them() {
        let class = |name: &str, also: &[&str]| ClassName {
            name: name.to_owned(),
            also: also.iter().map(|word| (*word).to_owned()).collect(),
        };
        let names = ClassNames::of(&[
            class("Beagle", &["dog"]),
            class("pug", &["dog"]),
            class("mushroom", &["mushroom"]),
            class("abacus", &[]),
        ]);
        let tags = names.tags(&[2.0, 2.0, 1.5, -3.0]);
        let found: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(found, ["dog", "Beagle", "pug", "mushroom"]);
        assert!((tags[0].probability - 2.0 * tags[1].probability).abs() < 1e-6);
        assert!(tags[3].probability < 0.3, "counted once");
    }
}
