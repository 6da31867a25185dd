//! How well a concept finds an example that it has not seen.

use std::ops::Range;

use super::learn::{Lesson, Method, direction};
use crate::background::dot;

/// Of fewer there is nothing to hold out and learn from the rest.
const LEAST: usize = 3;
/// Nearest that are looked at.
const NEAREST: usize = 10;

/// Each example was left out in turn, learnt without, and scored; then all were ranked together among the background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    pub n_liked: usize,
    /// Disliked examples and other pictures of the collection, among which the liked ones were looked for.
    pub n_others: usize,
    /// The nearest that were looked at: ten, or as many as are liked.
    pub nearest: usize,
    /// Of those, the liked.
    pub right: usize,
    /// Mean over the liked of the precision down to each, 0 to 1 (Salton and McGill 1983).
    pub average_precision: f64,
}

impl HeldOut {
    pub fn measure(lesson: &Lesson, method: Method) -> Option<HeldOut> {
        let (n_liked, n_disliked) = (lesson.liked.len(), lesson.disliked.len());
        if n_liked < LEAST || lesson.background.is_empty() {
            return None;
        }
        let pulls = lesson.pulls(method);
        let n = pulls.len();
        let learnt_without = |left_out: Option<usize>| {
            let of = |places: Range<usize>| -> Vec<&Vec<f32>> {
                let others = places.filter(|at| Some(*at) != left_out);
                others.map(|at| &pulls[at]).collect()
            };
            direction(&of(0..n_liked), &of(n_liked..n), method)
        };
        let mut scores = Vec::new();
        for (at, example) in lesson.liked.iter().chain(&lesson.disliked).enumerate() {
            let direction = learnt_without(Some(at))?;
            scores.push((above(&direction, example, &lesson.background), at < n_liked));
        }
        let all = learnt_without(None)?;
        let background = lesson.background.iter();
        scores.extend(background.map(|one| (above(&all, one, &lesson.background), false)));
        // Of equal scores the liked ones come last: nobody is praised for a tie.
        scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let is_liked: Vec<bool> = scores.into_iter().map(|(_, liked)| liked).collect();
        let nearest = NEAREST.min(n_liked);
        Some(HeldOut {
            n_liked,
            n_others: n_disliked + lesson.background.len(),
            nearest,
            right: is_liked[..nearest].iter().filter(|liked| **liked).count(),
            average_precision: fovea_measure::average_precision(&is_liked),
        })
    }
}

/// Deviations above the background's mean: what was learnt without one example and without another compares by it.
fn above(direction: &[f32], vector: &[f32], background: &[Vec<f32>]) -> f32 {
    let scores: Vec<f32> = background.iter().map(|one| dot(one, direction)).collect();
    let n = scores.len() as f32;
    let mean = scores.iter().sum::<f32>() / n;
    let variance = scores
        .iter()
        .map(|score| (score - mean).powi(2))
        .sum::<f32>()
        / n;
    (dot(direction, vector) - mean) / variance.sqrt().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space;

    fn spread(n: usize, axis: usize, tilt: f32) -> Vec<Vec<f32>> {
        let one = |n: usize| {
            let mut vector = vec![0.0; 8];
            vector[axis] = 1.0;
            vector[(axis + 1 + n % 7) % 8] += tilt;
            vector
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn what_is_alike_is_found_and_what_is_not_is_not() {
        let background: Vec<_> = (1..8).flat_map(|axis| spread(9, axis, 0.3)).collect();
        let alike = Lesson {
            liked: spread(5, 0, 0.3),
            disliked: spread(2, 3, 0.2),
            background: background.clone(),
        };
        let found = HeldOut::measure(&alike, Method::of(space::VISUAL)).unwrap();
        assert_eq!(
            (found.n_liked, found.n_others, found.nearest, found.right),
            (5, 65, 5, 5)
        );
        assert!((found.average_precision - 1.0).abs() < 1e-9);
        // Pictures of five different things, as many of each are in the background.
        let unlike = Lesson {
            liked: (1..6).map(|axis| spread(1, axis, 0.3).remove(0)).collect(),
            disliked: Vec::new(),
            background,
        };
        let found = HeldOut::measure(&unlike, Method::of(space::VISUAL)).unwrap();
        assert!(found.average_precision < 0.5, "{found:?}");
    }

    #[test]
    fn two_are_too_few() {
        let few = Lesson {
            liked: spread(2, 0, 0.3),
            disliked: Vec::new(),
            background: spread(9, 1, 0.3),
        };
        assert_eq!(HeldOut::measure(&few, Method::of(space::VISUAL)), None);
    }
}
