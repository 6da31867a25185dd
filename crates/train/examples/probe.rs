//! Fits a classifier to a folder that `bench/probe_sklearn.py` wrote, and prints its accuracy on the test side; that script runs it.
//!
//! `cargo run --release -p fovea-train --example probe FOLDER`

use std::path::Path;

use fovea_train::classify::{Labels, Options, classify};
use fovea_train::matrix::Matrix;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder")?;
    let read = |side: &str| -> Result<(Matrix, Vec<u32>), Box<dyn std::error::Error>> {
        let floats = numbers(
            &Path::new(&folder).join(format!("{side}.f32")),
            f32::from_le_bytes,
        )?;
        let labels = numbers(
            &Path::new(&folder).join(format!("{side}.u32")),
            u32::from_le_bytes,
        )?;
        let cols = floats.len() / labels.len();
        Ok((Matrix::new(labels.len(), cols, floats)?, labels))
    };
    let ((features, labels), (test, expect)) = (read("train")?, read("test")?);
    let classes = labels.iter().max().map_or(0, |label| *label as usize + 1);
    let options = Options {
        threads: 2,
        ..Options::default()
    };
    let outcome = classify(&features, Labels::One(&labels), classes, &options)?;
    let called = (0..test.rows).map(|row| outcome.classifier.probabilities(test.row(row)));
    let is_right =
        |(p, label): (Vec<f32>, &u32)| p.iter().all(|other| *other <= p[*label as usize]);
    let right = called
        .zip(&expect)
        .map(is_right)
        .filter(|right| *right)
        .count();
    println!(
        "fovea-train: accuracy {:.4}, strength {}",
        right as f64 / expect.len() as f64,
        outcome.strength
    );
    for (strength, loss, accuracy, _, steps) in outcome.tried {
        eprintln!(
            "strength {strength}: validation loss {loss:.4}, accuracy {accuracy:.4} after {steps} steps"
        );
    }
    Ok(())
}

fn numbers<T>(path: &Path, from: fn([u8; 4]) -> T) -> std::io::Result<Vec<T>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| from(*bytes))
        .collect())
}
