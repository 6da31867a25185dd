//! How well a space finds what looks alike: other views of the same image, and other images of the same folder.

use fovea_measure::average_precision;

use crate::matrix::{Form, Matrix, Output, product};
use crate::visual::Views;

/// Mean average precision, each view asking for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Similar {
    /// Right are the other views of the same image.
    pub same_image: f64,
    /// Right are views of other images of the same folder.
    pub same_folder: f64,
}

impl Similar {
    /// Both, each alike.
    pub fn score(&self) -> f64 {
        (self.same_image + self.same_folder) / 2.0
    }
}

/// Measures unit `vectors`, one for each view of `rows`.
pub(crate) fn similar(vectors: &Matrix, views: &Views, rows: &[u32], threads: usize) -> Similar {
    let images: Vec<usize> = rows
        .iter()
        .map(|row| views.view_image[*row as usize] as usize)
        .collect();
    let (mut of_image, mut of_folder) = (Vec::new(), Vec::new());
    let mut scores = vec![0.0; rows.len()];
    for query in 0..rows.len() {
        let row = vectors.view().slice(query, query + 1);
        product(
            &mut scores,
            Output::Replaced,
            1.0,
            row,
            vectors.view(),
            Form::RightTransposed,
            threads,
        );
        let mut order: Vec<usize> = (0..rows.len()).filter(|at| *at != query).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        let is_same_image =
            |at: &usize| views.image_keys[images[*at]] == views.image_keys[images[query]];
        of_image.extend(precision(order.iter().map(is_same_image).collect()));
        let is_same_folder =
            |at: &usize| views.folders[images[*at]] == views.folders[images[query]];
        let others = order.iter().filter(|at| !is_same_image(at));
        of_folder.extend(precision(others.map(is_same_folder).collect()));
    }
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    Similar {
        same_image: mean(&of_image),
        same_folder: mean(&of_folder),
    }
}

/// None where nothing is right.
fn precision(is_right: Vec<bool>) -> Option<f64> {
    is_right
        .contains(&true)
        .then(|| average_precision(&is_right))
}
