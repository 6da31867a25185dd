//! Successive halving over candidates of which one cannot learn and one goes astray.

use fovea_train::align::Options;
use fovea_train::loss::Loss;
use fovea_train::matrix::Matrix;
use fovea_train::pairs::Pairs;
use fovea_train::sweep::{Fate, Grid, sweep};

/// A text is the feature itself, rotated.
fn pairs(n: usize) -> Pairs {
    let mut state = 9u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let features: Vec<f32> = (0..n * 6).map(|_| next()).collect();
    let texts: Vec<f32> = features
        .chunks(6)
        .flat_map(|x| [x[1], -x[0], x[3], -x[2], x[5], -x[4]])
        .collect();
    Pairs {
        image_keys: (0..n).map(|at| format!("image {at}")).collect(),
        features: Matrix {
            rows: n,
            cols: 6,
            data: features,
        },
        conse: Matrix {
            rows: n,
            cols: 6,
            data: (0..n * 6).map(|_| next()).collect(),
        },
        view_image: (0..n as u32).collect(),
        texts: Matrix {
            rows: n,
            cols: 6,
            data: texts,
        },
        wordings: Matrix::default(),
        caption_image: (0..n as u32).collect(),
        captions: (0..n).map(|at| format!("caption {at}")).collect(),
        languages: vec!["en".to_string(); n],
    }
}

#[test]
fn the_better_third_goes_on_until_time_is_up() {
    let pairs = pairs(300);
    let base = Options {
        batch: 32,
        epochs: 9,
        residual: false,
        warm_up: 0.0,
        ..Options::default()
    };
    let grid = Grid {
        learning_rates: vec![1e-7, 1e-2, 1e30],
        temperatures: vec![0.07, 0.2],
        widths: vec![None],
        losses: vec![Loss::InfoNce, Loss::Cosine],
    };
    let candidates = grid.candidates(&base);
    assert_eq!(candidates.len(), 9);
    let split = pairs.split(0.3, 1);
    let found = sweep(&pairs, &candidates, &split, || true, |_| {}).unwrap();
    assert_eq!(
        found,
        sweep(&pairs, &candidates, &split, || true, |_| {}).unwrap()
    );
    let best = &found.rows[found.best];
    assert_eq!(
        (best.options.learning_rate, &best.fate),
        (1e-2, &Fate::Finished)
    );
    for row in &found.rows {
        match row.options.learning_rate {
            rate if rate < 1e-6 => assert_eq!(row.fate, Fate::Halved(1), "{row:?}"),
            rate if rate > 1.0 => assert!(matches!(row.fate, Fate::Diverged(_)), "{row:?}"),
            _ => {}
        }
    }
    let mut asked = 0;
    let mut has_time = || {
        asked += 1;
        asked <= 4
    };
    let found = sweep(&pairs, &candidates, &split, &mut has_time, |_| {}).unwrap();
    assert!(
        found
            .rows
            .iter()
            .filter(|row| row.fate == Fate::OutOfTime)
            .count()
            >= 7
    );
    assert!(sweep(&pairs, &candidates, &split, || false, |_| {}).is_err());
}
