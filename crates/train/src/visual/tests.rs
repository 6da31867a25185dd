//! Views that differ in what says nothing.

use super::*;
use crate::elementwise::dot;
use crate::random::Random;

/// Views differ along strong directions that say nothing; images along weak ones.
#[test]
fn views_of_an_image_come_together() {
    let (n, per, cols) = (120, 3, 12);
    let mut random = Random::new(2);
    let mut features = Matrix::zeros(n * per, cols);
    for image in 0..n {
        let content: Vec<f32> = (0..6).map(|_| random.normals().0).collect();
        for view in 0..per {
            let row = &mut features.data[(image * per + view) * cols..][..cols];
            row[..6].copy_from_slice(&content);
            row.iter_mut()
                .for_each(|value| *value += 0.1 * random.normals().0);
            row[6..]
                .iter_mut()
                .for_each(|value| *value += 3.0 * random.normals().0);
        }
    }
    let view_image: Vec<u32> = (0..n * per).map(|view| (view / per) as u32).collect();
    let image_keys: Vec<String> = (0..n).map(|image| format!("image {image}")).collect();
    let folders = vec![0; n];
    let views = Views {
        features: &features,
        view_image: &view_image,
        image_keys: &image_keys,
        folders: &folders,
    };
    let options = Options {
        dim: 12,
        batch: 32,
        validation_share: 0.3,
        learning_rate: 2e-2,
        threads: 2,
        ..Options::default()
    };
    let outcome = project(&views, &options, |_| ControlFlow::Continue(())).unwrap();
    let (raw, after) = (outcome.raw.same_image, outcome.after.same_image);
    assert!(
        raw < 0.4 && outcome.before.same_image > raw && after > 0.9,
        "{raw} {:?} {after}",
        outcome.before
    );
    let restored = Projection::from_tensors(&outcome.projection.to_tensors()).unwrap();
    assert_eq!(restored, outcome.projection);
    let vector = restored.apply(features.row(0));
    assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
}
