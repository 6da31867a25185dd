//! What turns evidence into probabilities: regressions that belong to an alignment, because another one has other cosines.
//!
//! The evidence is gathered by `fovea-engine` (`judge`), which says what each number is.

use serde::{Deserialize, Serialize};

/// A logistic regression that was fitted: the probability of an outcome from a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// One weight for each number.
    pub weights: Vec<f64>,
    /// What is there without any number.
    pub bias: f64,
}

impl Regression {
    /// `1 / (1 + exp(-(bias + weights . numbers)))`; of more numbers than weights the first count.
    pub fn probability(&self, numbers: &[f64]) -> f64 {
        let sum: f64 = self.weights.iter().zip(numbers).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-(self.bias + sum)).exp())
    }

    fn of<const N: usize>(weights: [f64; N], bias: f64) -> Regression {
        let weights = weights.to_vec();
        Regression { weights, bias }
    }

    fn is_of(&self, n: usize) -> bool {
        let mut all = self.weights.iter().chain([&self.bias]);
        self.weights.len() == n && all.all(|number| number.is_finite())
    }
}

/// From evidence to probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// From the best of three numbers over a query's results, and how much those are alike, to: the collection answers it. What was
    /// fitted before they were compared has weights for three.
    pub answered: Regression,
    /// From the numbers of an item to: it is what was meant.
    pub meant: Regression,
    /// The probability of being meant from which on an item is shown as a match.
    #[serde(default = "shown")]
    pub shown: f32,
    /// The same of a mixture of words and images.
    pub mixed: Regression,
    /// From deviations above the mean in the visual space, and the cosine, to: two pictures show the same kind of thing.
    pub alike: Regression,
    /// From the numbers of a word of a person's list and an image, measured against the pack's vocabulary alone, to: the
    /// word is said of it.
    pub tag: Regression,
}

/// Among 250 pictures of Open Clip Art, ConSE keeps 85 of 100 right answers of the first ten down to it, and shows 7 for a title.
fn shown() -> f32 {
    0.01
}

impl Calibration {
    /// Of ConSE alone, with which base-1 and what was learnt from it are judged.
    pub fn of_conse() -> Calibration {
        Calibration {
            answered: Regression::of([0.185, 0.389, 2.772], -1.475),
            meant: Regression::of([0.560, 0.366, -0.532], -2.777),
            shown: shown(),
            mixed: Regression::of([0.400, 0.431, 6.217], -7.717),
            alike: Regression::of([-0.264, 20.884], -14.449),
            tag: Regression::of([-0.127, 0.535, 0.727], -0.722),
        }
    }

    /// Of the alignment that ships with the base pack, fitted with a head that learned of none of the clips
    /// (`fovea bench cut --fit --head`); `fovea bench tags --fit` fitted the tags.
    pub(crate) fn of_base() -> Calibration {
        Calibration {
            answered: Regression::of([0.371, 0.345, 1.718, 1.741], -1.745),
            meant: Regression::of([0.654, 0.380, -1.467], -1.724),
            shown: 0.014,
            mixed: Regression::of([0.656, 0.234, 7.162], -9.549),
            // Neither the visual space nor the names change by what is learned.
            ..Calibration::of_conse()
        }
    }

    /// Whether it has as many numbers as there are to judge by, all of them finite.
    pub(crate) fn check(&self) -> Result<(), String> {
        let by_names = [&self.meant, &self.mixed, &self.tag];
        let answered = self.answered.is_of(4) || self.answered.is_of(3);
        match answered && by_names.iter().all(|one| one.is_of(3)) && self.alike.is_of(2) {
            true => Ok(()),
            false => Err("its calibration is not one".into()),
        }
    }
}
