//! Self-training of a nearest-mean classifier on blobs whose labels are known.

use super::*;

const CLASSES: usize = 3;

/// Points around the corners of a triangle, spread evenly by the golden angle: class, place.
fn blob(class: usize, n: usize, from: usize) -> Vec<(usize, [f32; 2])> {
    let centre = [[0.0, 0.0], [4.0, 0.0], [2.0, 3.5]][class];
    let point = |i: usize| {
        let (angle, radius) = (i as f32 * 2.399_963, 1.9 * ((i % 89) as f32 / 89.0).sqrt());
        (
            class,
            [
                centre[0] + radius * angle.cos(),
                centre[1] + radius * angle.sin(),
            ],
        )
    };
    (from..from + n).map(point).collect()
}

fn blobs(n: [usize; 3], from: usize) -> Vec<(usize, [f32; 2])> {
    (0..CLASSES)
        .flat_map(|class| blob(class, n[class], from))
        .collect()
}

/// Probabilities by distance to the mean of each class.
fn nearest_mean(training: &[(usize, [f32; 2])], rows: &[(usize, [f32; 2])]) -> Vec<Vec<f32>> {
    let mean = |class: usize| {
        let own: Vec<_> = training.iter().filter(|point| point.0 == class).collect();
        let n = own.len().max(1) as f32;
        [0, 1].map(|axis| own.iter().map(|point| point.1[axis]).sum::<f32>() / n)
    };
    let means: Vec<[f32; 2]> = (0..CLASSES).map(mean).collect();
    let row = |point: &(usize, [f32; 2])| {
        let squared =
            |mean: &[f32; 2]| (point.1[0] - mean[0]).powi(2) + (point.1[1] - mean[1]).powi(2);
        let weights: Vec<f32> = means
            .iter()
            .map(|mean| (-squared(mean)).exp().max(1e-30))
            .collect();
        let sum: f32 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    };
    rows.iter().map(row).collect()
}

struct Scene {
    labelled: Vec<(usize, [f32; 2])>,
    held_out: Vec<(usize, [f32; 2])>,
    unlabelled: Vec<(usize, [f32; 2])>,
}

impl Scene {
    /// Few labels, all from one side of each blob, so that the means are off until the unlabelled rows mend them.
    fn new(n_unlabelled: [usize; 3]) -> Scene {
        let mut labelled = blobs([40; 3], 0);
        labelled.retain(|(class, place)| place[0] < [-0.9, 3.1, 1.1][*class]);
        Scene {
            labelled,
            held_out: blobs([120; 3], 1_000),
            unlabelled: blobs(n_unlabelled, 5_000),
        }
    }

    fn truth(&self) -> Vec<usize> {
        self.held_out.iter().map(|point| point.0).collect()
    }

    fn train(&self, options: &PseudoOptions) -> SelfTraining {
        let fit = |labels: &[PseudoLabel]| {
            let mut training = self.labelled.clone();
            training.extend(
                labels
                    .iter()
                    .map(|label| (label.class, self.unlabelled[label.row].1)),
            );
            Ok::<_, std::fmt::Error>(Predictions {
                held_out: nearest_mean(&training, &self.held_out),
                unlabelled: nearest_mean(&training, &self.unlabelled),
            })
        };
        self_train(&self.truth(), self.unlabelled.len(), options, fit).unwrap()
    }
}

#[test]
fn unlabelled_rows_mend_what_few_labels_bend() {
    let scene = Scene::new([200; 3]);
    let found = scene.train(&PseudoOptions::default());
    let (first, best) = (&found.rounds[0], &found.rounds[found.best_round]);
    assert!(found.best_round > 0, "{:#?}", found.rounds);
    assert!(
        best.accuracy.value > first.accuracy.value + 0.02,
        "{first:?} {best:?}"
    );
    assert_eq!((first.n_labels, first.threshold), (0, None));
    assert_eq!(found.labels.len(), best.n_labels);
}

/// The estimate from held-out rows is true of the labels that were given: here their truth is known.
#[test]
fn labels_are_as_precise_as_was_promised() {
    let scene = Scene::new([300; 3]);
    let found = scene.train(&PseudoOptions::default());
    let right = found
        .labels
        .iter()
        .filter(|label| scene.unlabelled[label.row].0 == label.class);
    let precision = right.count() as f64 / found.labels.len() as f64;
    let promised = found.rounds[found.best_round].threshold.unwrap().precision;
    assert!(
        promised.interval.low >= 0.95 && precision >= 0.95,
        "{precision} {promised:?}"
    );
}

#[test]
fn no_class_swallows_all() {
    let scene = Scene::new([600, 60, 60]);
    let options = PseudoOptions {
        per_class: 20,
        rounds: 3,
        ..PseudoOptions::default()
    };
    let found = scene.train(&options);
    for round in &found.rounds {
        assert!(
            round.per_class.iter().all(|n| *n <= 20 * round.round),
            "{round:?}"
        );
        assert_eq!(round.per_class.iter().sum::<usize>(), round.n_labels);
    }
    assert!(found.rounds[1].n_capped > 300, "{:?}", found.rounds[1]);
}

#[test]
fn it_says_why_it_ended() {
    let scene = Scene::new([50; 3]);
    let stop = |options: PseudoOptions| scene.train(&options).stop;
    let none = stop(PseudoOptions {
        rounds: 0,
        ..PseudoOptions::default()
    });
    assert_eq!(none, Stop::Rounds);
    let settled = stop(PseudoOptions {
        rounds: 50,
        ..PseudoOptions::default()
    });
    assert_eq!(settled, Stop::Settled);
    let strict = PseudoOptions {
        target_precision: 0.999,
        ..PseudoOptions::default()
    };
    assert_eq!(stop(strict), Stop::NoThreshold);
    assert_eq!(
        Scene::new([0; 3]).train(&PseudoOptions::default()).stop,
        Stop::NothingSure
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let options = PseudoOptions::default();
    let check =
        |held_out: &[usize], predictions: Result<Predictions, std::fmt::Error>, expect: &str| {
            let error = self_train(held_out, 1, &options, |_| predictions.clone()).unwrap_err();
            assert!(error.to_string().starts_with(expect), "{error}");
        };
    let predictions = |held_out: &[&[f32]], unlabelled: &[&[f32]]| {
        let rows = |rows: &[&[f32]]| rows.iter().map(|row| row.to_vec()).collect();
        Ok(Predictions {
            held_out: rows(held_out),
            unlabelled: rows(unlabelled),
        })
    };
    let half = &[0.5, 0.5][..];
    check(&[], predictions(&[], &[]), "no held-out labelled rows");
    check(
        &[0],
        Err(std::fmt::Error),
        "the classifier failed in round 0",
    );
    check(
        &[0],
        predictions(&[], &[half]),
        "predictions of the held-out rows in round 0: 0 where 1",
    );
    check(
        &[0],
        predictions(&[half], &[]),
        "predictions of the unlabelled rows in round 0: 0 where 1",
    );
    check(
        &[0],
        predictions(&[half], &[&[1.0]]),
        "predictions of the unlabelled rows in round 0: 1 where 2",
    );
    check(
        &[2],
        predictions(&[half], &[half]),
        "held-out row 0 has label 2",
    );
    let target = PseudoOptions {
        target_precision: f64::NAN,
        ..options.clone()
    };
    let error = self_train(&[0], 1, &target, |_| predictions(&[half], &[half])).unwrap_err();
    assert!(matches!(error, PseudoError::Target(_)));
}
