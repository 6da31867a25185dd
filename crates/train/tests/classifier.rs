//! The classifier on blobs.

use fovea_train::Error;
use fovea_train::classify::{Classifier, Labels, Options, classify};
use fovea_train::matrix::Matrix;

const COLS: usize = 6;

/// `n` points around one centre for each class, far enough apart to be told apart nearly always.
fn blobs(sizes: &[usize]) -> (Matrix, Vec<u32>) {
    let mut state = 5u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let (mut features, mut labels) = (Matrix::zeros(0, COLS), Vec::new());
    for (class, size) in sizes.iter().enumerate() {
        for _ in 0..*size {
            features
                .data
                .extend((0..COLS).map(|col| 3.0 * next() + if col == class { 2.0 } else { 0.0 }));
            labels.push(class as u32);
        }
    }
    features.rows = labels.len();
    (features, labels)
}

#[test]
fn blobs_are_told_apart() {
    let (features, labels) = blobs(&[90, 60, 30]);
    let options = Options {
        class_weights: true,
        threads: 2,
        ..Options::default()
    };
    let outcome = classify(&features, Labels::One(&labels), 3, &options).unwrap();
    let scores = &outcome.scores;
    assert!(
        scores.accuracy > 0.85 && scores.macro_f1 > 0.8,
        "{scores:?}"
    );
    assert!(scores.calibration_error < 0.15, "{scores:?}");
    assert_eq!(outcome.sides, (144, 36));
    assert_eq!(
        scores
            .classes
            .iter()
            .map(|class| class.support)
            .collect::<Vec<_>>(),
        [18, 12, 6]
    );
    let p = outcome.classifier.probabilities(features.row(0));
    assert!(
        p[0] > 0.5 && (p.iter().sum::<f32>() - 1.0).abs() < 1e-5,
        "{p:?}"
    );
    assert_eq!(
        Classifier::from_tensors(&outcome.classifier.to_tensors()).unwrap(),
        outcome.classifier
    );
    let again = classify(
        &features,
        Labels::One(&labels),
        3,
        &Options {
            threads: 1,
            ..options
        },
    )
    .unwrap();
    assert_eq!(again.classifier, outcome.classifier);
}

#[test]
fn several_labels_at_once() {
    let (mut features, labels) = blobs(&[80, 80, 80]);
    // Every fourth point also takes on the third class.
    let mut lists: Vec<Vec<u32>> = labels.iter().map(|label| vec![*label]).collect();
    for at in (0..160).step_by(4) {
        features.data[at * COLS + 2] += 2.0;
        lists[at].push(2);
    }
    let outcome = classify(&features, Labels::Several(&lists), 3, &Options::default()).unwrap();
    assert!(outcome.scores.macro_f1 > 0.8, "{:?}", outcome.scores);
}

#[test]
fn what_cannot_be_classified_is_named() {
    let (features, labels) = blobs(&[10, 10]);
    let fails = |labels: &[u32], classes, expect: &str| {
        let error = classify(&features, Labels::One(labels), classes, &Options::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expect), "{error}");
    };
    fails(&[0; 20], 2, "at least two classes, found 1");
    fails(&labels[1..], 2, "labels: expected 20, found 19");
    fails(&labels, 1, "number of a class: expected 1, found 1");
    let wild = Options {
        learning_rate: 1e38,
        ..Options::default()
    };
    let error = classify(&features, Labels::One(&labels), 2, &wild).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
}
