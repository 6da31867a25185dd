//! Examples become one vector whose cosine tells what is meant from what is not.

use crate::background::dot;
use crate::space;

/// Vectors of one space, of unit length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lesson {
    pub liked: Vec<Vec<f32>>,
    pub disliked: Vec<Vec<f32>>,
    /// Pictures that are no examples: a sample of the collection, in which some may show what is meant.
    pub background: Vec<Vec<f32>>,
}

/// How a direction is learnt. `fovea bench concepts` compares them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// The mean of what is liked, less so many times the mean of what is not (Rocchio 1971).
    Rocchio { disliked: f32 },
    /// The same from the background's mean on, and less along directions in which the background spreads anyway: linear
    /// discriminant analysis with the background's covariance, as in detectors of one example (Hariharan, Malik and Ramanan
    /// 2012). The covariance is shrunk towards a ball: `ridge` times its mean variance is added in every direction.
    Discriminant { ridge: f32, disliked: f32 },
}

impl Method {
    /// The best of `fovea bench concepts` on Open Clip Art, to a thousandth, in which dislikes count. What tells pictures
    /// apart in the encoder's own space is thrown away by an alignment, whose vectors are mixtures of few names.
    pub fn of(space: &str) -> Method {
        match space {
            space::VISUAL => Method::Discriminant {
                ridge: 10.0,
                disliked: 0.25,
            },
            _ => Method::Rocchio { disliked: 0.25 },
        }
    }
}

/// Steps of the conjugate gradients; a shrunk covariance needs a few tens.
const STEPS: usize = 64;
/// Where they stop, as a share of what they began with.
const PRECISE: f32 = 1e-4;

impl Lesson {
    /// The direction at unit length; none where nothing is liked, or everything cancels out.
    pub fn learn(&self, method: Method) -> Option<Vec<f32>> {
        let ground = Ground::of(&self.background, method);
        let sum = combined(&all(&self.liked), &all(&self.disliked), method, &ground)?;
        unit(ground.told_apart(&sum))
    }

    /// What each example pulls towards, the liked first. The direction is a sum of them, so that one that is held out only
    /// leaves it.
    pub(super) fn pulls(&self, method: Method) -> Vec<Vec<f32>> {
        let ground = Ground::of(&self.background, method);
        let examples = self.liked.iter().chain(&self.disliked);
        examples
            .map(|one| ground.told_apart(&ground.beyond_mean(one)))
            .collect()
    }
}

/// Of pulls, the direction at unit length.
pub(super) fn direction(
    liked: &[&Vec<f32>],
    disliked: &[&Vec<f32>],
    method: Method,
) -> Option<Vec<f32>> {
    unit(combined(liked, disliked, method, &Ground::default())?)
}

/// The mean of what is liked less a part of the mean of what is not, from the ground's mean on.
fn combined(
    liked: &[&Vec<f32>],
    disliked: &[&Vec<f32>],
    method: Method,
    ground: &Ground,
) -> Option<Vec<f32>> {
    let share = match method {
        Method::Rocchio { disliked } | Method::Discriminant { disliked, .. } => disliked,
    };
    let mut sum = ground.beyond_mean(&mean(liked)?);
    if let Some(away) = mean(disliked) {
        let away = ground.beyond_mean(&away);
        sum.iter_mut()
            .zip(&away)
            .for_each(|(x, away)| *x -= share * away);
    }
    Some(sum)
}

/// What the background says of directions; without one, nothing.
#[derive(Default)]
struct Ground {
    mean: Option<Vec<f32>>,
    /// The background from its mean on.
    spread: Vec<Vec<f32>>,
    ball: f32,
}

impl Ground {
    fn of(background: &[Vec<f32>], method: Method) -> Ground {
        let (Method::Discriminant { ridge, .. }, Some(mean)) = (method, mean(&all(background)))
        else {
            return Ground::default();
        };
        let spread: Vec<Vec<f32>> = background.iter().map(|one| less(one, &mean)).collect();
        let squares: f32 = spread.iter().map(|one| dot(one, one)).sum();
        let variance = squares / (spread.len() * mean.len()) as f32;
        Ground {
            ball: ridge * variance,
            mean: Some(mean),
            spread,
        }
    }

    fn beyond_mean(&self, vector: &[f32]) -> Vec<f32> {
        match &self.mean {
            Some(mean) => less(vector, mean),
            None => vector.to_vec(),
        }
    }

    /// Less along directions in which the background spreads anyway; all alike, it says nothing.
    fn told_apart(&self, vector: &[f32]) -> Vec<f32> {
        match self.ball > f32::EPSILON {
            true => whitened(vector, &self.spread, self.ball),
            false => vector.to_vec(),
        }
    }
}

fn all(vectors: &[Vec<f32>]) -> Vec<&Vec<f32>> {
    vectors.iter().collect()
}

/// None of what is nothing.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let norm = dot(&vector, &vector).sqrt();
    if norm < 1e-6 || !norm.is_finite() {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= norm);
    Some(vector)
}

/// Solves (covariance of `spread` + `ball` in every direction) x = `target` by conjugate gradients (Hestenes and Stiefel
/// 1952): the covariance is never written down, and a sample of 512 needs no more than its own numbers.
fn whitened(target: &[f32], spread: &[Vec<f32>], ball: f32) -> Vec<f32> {
    let times = |x: &[f32]| -> Vec<f32> {
        let mut product: Vec<f32> = x.iter().map(|x| ball * x).collect();
        for row in spread {
            let along = dot(row, x) / spread.len() as f32;
            product
                .iter_mut()
                .zip(row)
                .for_each(|(p, r)| *p += along * r);
        }
        product
    };
    let mut found = vec![0.0; target.len()];
    let mut rest = target.to_vec();
    let mut way = rest.clone();
    let mut left = dot(&rest, &rest);
    let enough = left * PRECISE * PRECISE;
    for _ in 0..STEPS {
        if left <= enough {
            break;
        }
        let product = times(&way);
        let step = left / dot(&way, &product);
        found
            .iter_mut()
            .zip(&way)
            .for_each(|(x, way)| *x += step * way);
        rest.iter_mut()
            .zip(&product)
            .for_each(|(r, p)| *r -= step * p);
        let next = dot(&rest, &rest);
        let turn = next / left;
        way.iter_mut()
            .zip(&rest)
            .for_each(|(way, r)| *way = r + turn * *way);
        left = next;
    }
    found
}

fn mean(vectors: &[&Vec<f32>]) -> Option<Vec<f32>> {
    let mut sum = vec![0.0; vectors.first()?.len()];
    for vector in vectors {
        sum.iter_mut().zip(*vector).for_each(|(sum, x)| *sum += x);
    }
    let n = vectors.len() as f32;
    sum.iter_mut().for_each(|x| *x /= n);
    Some(sum)
}

fn less(vector: &[f32], other: &[f32]) -> Vec<f32> {
    vector.iter().zip(other).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that spread along the first axis and hardly along the second.
    fn lesson() -> Lesson {
        let background = (0..40).map(|n| {
            let along = (n as f32 / 39.0 - 0.5) * 2.0;
            vec![along, 0.02 * if n % 2 == 0 { 1.0 } else { -1.0 }, 0.0]
        });
        Lesson {
            liked: vec![vec![0.5, 0.2, 0.0], vec![0.4, 0.2, 0.0]],
            disliked: Vec::new(),
            background: background.collect(),
        }
    }

    #[test]
    fn what_spreads_anyway_says_less() {
        let plain = lesson().learn(Method::Rocchio { disliked: 0.5 }).unwrap();
        let method = Method::Discriminant {
            ridge: 0.01,
            disliked: 0.5,
        };
        let told = lesson().learn(method).unwrap();
        assert!(plain[0] > plain[1], "{plain:?}");
        assert!(told[1] > 5.0 * told[0], "{told:?}");
        let norm: f32 = told.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_equation_is_solved() {
        let Lesson {
            background, liked, ..
        } = lesson();
        let found = whitened(&liked[0], &background, 0.1);
        let mut back: Vec<f32> = found.iter().map(|x| 0.1 * x).collect();
        for row in &background {
            let along = dot(row, &found) / background.len() as f32;
            back.iter_mut().zip(row).for_each(|(b, r)| *b += along * r);
        }
        for (back, target) in back.iter().zip(&liked[0]) {
            assert!((back - target).abs() < 1e-4, "{back} is not {target}");
        }
    }

    #[test]
    fn what_is_disliked_is_pulled_away_from() {
        for method in [Method::of(space::VISUAL), Method::Rocchio { disliked: 0.5 }] {
            let mut lesson = lesson();
            let before = lesson.learn(method).unwrap();
            lesson.disliked.push(vec![0.4, -0.2, 0.3]);
            let after = lesson.learn(method).unwrap();
            assert!(dot(&after, &lesson.disliked[0]) < dot(&before, &lesson.disliked[0]));
        }
    }

    #[test]
    fn nothing_is_learnt_of_nothing() {
        let empty = Lesson::default();
        assert_eq!(empty.learn(Method::of(space::VISUAL)), None);
        let mut even = Lesson {
            liked: vec![vec![1.0, 0.0]],
            ..Lesson::default()
        };
        assert_eq!(
            even.learn(Method::of(space::VISUAL)),
            Some(vec![1.0, 0.0]),
            "without a background"
        );
        even.disliked.push(vec![1.0, 0.0]);
        assert_eq!(
            even.learn(Method::Rocchio { disliked: 1.0 }),
            None,
            "it cancels out"
        );
        even.background = vec![vec![1.0, 0.0]; 9];
        assert_eq!(even.learn(Method::of(space::VISUAL)), None, "all are alike");
    }
}
