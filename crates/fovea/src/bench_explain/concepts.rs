//! A keyword is a concept: a few of its pictures are liked, pictures that look like them and have it not are disliked, and the
//! other pictures of the keyword have to be found among all.

use std::collections::BTreeMap;

use fovea_engine::concepts::{Lesson, Method};
use fovea_engine::space;
use fovea_index::Random;
use fovea_measure::average_precision;

use super::{Both, ClipArt, dot};
use crate::bench_ann::Bar;
use crate::settings::Settings;

/// Pictures of a keyword. Fewer leave nothing to find, more say nothing that looks alike ("animal").
const PICTURES: std::ops::RangeInclusive<usize> = 12..=60;
const LIKED: usize = 5;
const DISLIKED: usize = 3;
/// As many as a collection is judged by.
const SAMPLE: usize = 512;

/// Methods that are compared, the plainest first.
const METHODS: &[(&str, Method)] = &[
    ("mean of the liked", Method::Rocchio { disliked: 0.0 }),
    ("Rocchio, disliked 0.25", Method::Rocchio { disliked: 0.25 }),
    ("Rocchio, disliked 0.5", Method::Rocchio { disliked: 0.5 }),
    (
        "discriminant, ridge 0.3, disliked 0",
        discriminant(0.3, 0.0),
    ),
    ("discriminant, ridge 1, disliked 0", discriminant(1.0, 0.0)),
    ("discriminant, ridge 3, disliked 0", discriminant(3.0, 0.0)),
    (
        "discriminant, ridge 10, disliked 0",
        discriminant(10.0, 0.0),
    ),
    (
        "discriminant, ridge 1, disliked 0.25",
        discriminant(1.0, 0.25),
    ),
    (
        "discriminant, ridge 3, disliked 0.25",
        discriminant(3.0, 0.25),
    ),
    (
        "discriminant, ridge 3, disliked 0.5",
        discriminant(3.0, 0.5),
    ),
    (
        "discriminant, ridge 10, disliked 0.25",
        discriminant(10.0, 0.25),
    ),
    (
        "discriminant, ridge 10, disliked 0.5",
        discriminant(10.0, 0.5),
    ),
];

const fn discriminant(ridge: f32, disliked: f32) -> Method {
    Method::Discriminant { ridge, disliked }
}

/// Examples of a concept, by their place, and what has to be found.
struct Task {
    liked: Vec<usize>,
    disliked: Vec<usize>,
    wanted: Vec<bool>,
}

pub fn measure(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let clips = ClipArt::open(settings, say)?;
    let Both {
        paths,
        visual,
        shared,
    } = clips.both()?;
    let mut by_keyword: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, path) in paths.iter().enumerate() {
        for keyword in clips.keywords(path)? {
            let all = by_keyword.entry(keyword.to_lowercase()).or_default();
            if all.last() != Some(&at) {
                all.push(at);
            }
        }
    }
    by_keyword.retain(|_, all| PICTURES.contains(&all.len()));
    say(&format!(
        "{} pictures, {} keywords",
        paths.len(),
        by_keyword.len()
    ));
    let tasks: Vec<Task> = by_keyword
        .values()
        .enumerate()
        .map(|(seed, all)| Task::draw(all, &visual, seed as u64))
        .collect();
    let mut found = Vec::new();
    for (name, method) in METHODS {
        let in_visual = mean_precision(&tasks, &visual, *method);
        let in_shared = mean_precision(&tasks, &shared, *method);
        say(&format!(
            "{name:<40} visual {in_visual:.3}  shared {in_shared:.3}"
        ));
        found.push((name, in_visual, in_shared));
    }
    let (_, plain_visual, plain_shared) = found[0];
    let ours = |space: &str, vectors| mean_precision(&tasks, vectors, Method::of(space));
    Ok(vec![
        Bar::at_least(
            "mean average precision of the other pictures of a keyword, by looks",
            ours(space::VISUAL, &visual),
            "",
            plain_visual,
        ),
        Bar::at_least(
            "the same in the space shared with text, as beside words",
            ours(space::IMAGE, &shared),
            "",
            plain_shared,
        ),
    ])
}

impl Task {
    fn draw(all: &[usize], visual: &[Vec<f32>], seed: u64) -> Task {
        let mut order = all.to_vec();
        Random::new(seed).shuffle(&mut order);
        let liked = order[..LIKED].to_vec();
        let lesson = Lesson {
            liked: liked.iter().map(|at| visual[*at].clone()).collect(),
            ..Lesson::default()
        };
        let direction = lesson.learn(METHODS[0].1).unwrap_or_default();
        let nearest = ranked(visual, &direction);
        let others = nearest.into_iter().filter(|at| !all.contains(at));
        let disliked: Vec<usize> = others.take(DISLIKED).collect();
        let is_wanted = |at: usize| all.contains(&at) && !liked.contains(&at);
        let wanted = (0..visual.len()).map(is_wanted).collect();
        Task {
            liked,
            disliked,
            wanted,
        }
    }

    fn precision(&self, vectors: &[Vec<f32>], method: Method) -> f64 {
        let of = |places: &[usize]| places.iter().map(|at| vectors[*at].clone()).collect();
        let is_example = |at: usize| self.liked.contains(&at) || self.disliked.contains(&at);
        let step = (vectors.len() / SAMPLE).max(1);
        let sample = (0..vectors.len())
            .step_by(step)
            .filter(|at| !is_example(*at));
        let lesson = Lesson {
            liked: of(&self.liked),
            disliked: of(&self.disliked),
            background: of(&sample.collect::<Vec<_>>()),
        };
        let Some(direction) = lesson.learn(method) else {
            return 0.0;
        };
        let order = ranked(vectors, &direction).into_iter();
        let is_right: Vec<bool> = order
            .filter(|at| !is_example(*at))
            .map(|at| self.wanted[at])
            .collect();
        average_precision(&is_right)
    }
}

fn mean_precision(tasks: &[Task], vectors: &[Vec<f32>], method: Method) -> f64 {
    let all = tasks.iter().map(|task| task.precision(vectors, method));
    all.sum::<f64>() / tasks.len().max(1) as f64
}

/// Places of all vectors, the best first.
fn ranked(vectors: &[Vec<f32>], direction: &[f32]) -> Vec<usize> {
    let scores: Vec<f32> = vectors
        .iter()
        .map(|vector| dot(vector, direction))
        .collect();
    let mut order: Vec<usize> = (0..vectors.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}
