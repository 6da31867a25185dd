//! Rows as points of Euclidean space, whatever the metric, for families that
//! cut space into cells: near by the metric is near by distance.
//!
//! Inner products become distances by one more number a row, which brings all
//! rows to one length (Bachrach et al. 2014); a query has zero there. The
//! order of products does not depend on the query's length, so a query is
//! brought to that length too, and lies among the points.

use crate::error::Error;
use crate::kernels::Element;
use crate::metric::Metric;
use crate::vectors::Vectors;
use crate::work::Work;

/// How rows become points.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    dim: usize,
    metric: Metric,
    /// Squared length of the longest row; rows of inner products are brought to it.
    lift: f32,
}

impl Points {
    /// For these rows and others like them.
    pub fn of(vectors: &Vectors<'_>, rows: &[u32], work: &Work<'_>) -> Result<Points, Error> {
        let lengths = work.map(rows.len(), Vec::new, |buffer, i| {
            vectors.copy_row(rows[i], buffer);
            f32::dot(buffer, buffer)
        })?;
        let lift = lengths.into_iter().fold(0.0, f32::max);
        Ok(Points::with_lift(vectors, lift))
    }

    /// The same as it was saved.
    pub fn with_lift(vectors: &Vectors<'_>, lift: f32) -> Points {
        Points {
            dim: vectors.dim(),
            metric: vectors.metric(),
            lift: lift.clamp(0.0, f32::MAX),
        }
    }

    pub fn lift(&self) -> f32 {
        self.lift
    }

    /// Numbers of a point.
    pub fn dim(&self) -> usize {
        self.dim + usize::from(self.metric == Metric::InnerProduct)
    }

    /// The length of all points, where they have one.
    pub fn radius(&self) -> Option<f32> {
        (self.metric != Metric::L2 && self.lift > 0.0).then(|| self.lift.sqrt())
    }

    /// A row's point.
    pub fn copy_row(&self, vectors: &Vectors<'_>, row: u32, out: &mut Vec<f32>) {
        vectors.copy_row(row, out);
        if self.metric == Metric::InnerProduct {
            let missing = self.lift - f32::dot(out, out);
            out.push(missing.max(0.0).sqrt());
        }
    }

    /// One number of a row's point.
    pub fn number(&self, vectors: &Vectors<'_>, row: u32, at: usize) -> f32 {
        if at < self.dim {
            return vectors.number(row, at);
        }
        let row = vectors.row(row);
        (self.lift - f32::dot(&row, &row)).max(0.0).sqrt()
    }

    /// A query's point.
    pub fn query(&self, query: &[f32]) -> Vec<f32> {
        let mut point = query.to_vec();
        if let Some(radius) = self.radius() {
            scale_to(&mut point, radius);
        }
        point.resize(self.dim(), 0.0);
        point
    }
}

/// Bring a vector to a length, if it has any.
pub fn scale_to(vector: &mut [f32], length: f32) {
    let scale = length / f32::dot(vector, vector).sqrt();
    if scale.is_finite() && scale > 0.0 {
        vector.iter_mut().for_each(|x| *x *= scale);
    }
}
