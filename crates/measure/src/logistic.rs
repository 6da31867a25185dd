/// A logistic regression: the probability of an outcome from a few numbers.
///
/// With `x` the numbers, the probability is `1 / (1 + exp(-(bias + weights . x)))` (Cox 1958).
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// One weight for each number.
    pub weights: Vec<f64>,
    /// What is there without any number.
    pub bias: f64,
}

/// Steps of Newton's method; it settles after about ten.
const STEPS: usize = 50;
/// Pulls weights of numbers in units of their own deviation towards zero, so that outcomes that numbers part without a
/// fault do not drive them to infinity.
const RIDGE: f64 = 1e-3;

impl Logistic {
    /// The maximum of the likelihood by Newton's method, each row with its weight. All rows are equally long; of no rows, or
    /// of numbers that are not finite, `None`.
    pub fn fit(rows: &[Vec<f64>], outcomes: &[bool], row_weights: &[f64]) -> Option<Logistic> {
        let n = rows.first()?.len();
        let scale = Scale::of(rows, n)?;
        let scaled: Vec<Vec<f64>> = rows.iter().map(|row| scale.apply(row)).collect();
        let mut found = vec![0.0; n + 1];
        for _ in 0..STEPS {
            let (gradient, mut curvature) = slope(&scaled, outcomes, row_weights, &found);
            for (at, row) in curvature.iter_mut().enumerate() {
                row[at] += RIDGE;
            }
            let step = solve(curvature, gradient)?;
            found.iter_mut().zip(&step).for_each(|(x, step)| *x += step);
        }
        let weights: Vec<f64> = found
            .iter()
            .zip(&scale.deviations)
            .map(|(x, d)| x / d)
            .collect();
        let means: f64 = weights
            .iter()
            .zip(&scale.means)
            .map(|(x, mean)| x * mean)
            .sum();
        let bias = found[n] - means;
        let is_finite = bias.is_finite() && weights.iter().all(|x| x.is_finite());
        is_finite.then_some(Logistic { weights, bias })
    }

    /// The probability for these numbers.
    pub fn probability(&self, numbers: &[f64]) -> f64 {
        let sum: f64 = self.weights.iter().zip(numbers).map(|(w, x)| w * x).sum();
        sigmoid(self.bias + sum)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Mean and deviation of each number.
struct Scale {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scale {
    fn of(rows: &[Vec<f64>], n: usize) -> Option<Scale> {
        let count = rows.len() as f64;
        let column = |at: usize| {
            rows.iter()
                .map(move |row| row.get(at).copied().unwrap_or(f64::NAN))
        };
        let means: Vec<f64> = (0..n).map(|at| column(at).sum::<f64>() / count).collect();
        let deviations: Vec<f64> = (0..n)
            .map(|at| (column(at).map(|x| (x - means[at]).powi(2)).sum::<f64>() / count).sqrt())
            .map(|deviation| if deviation > 0.0 { deviation } else { 1.0 })
            .collect();
        let is_finite = means.iter().chain(&deviations).all(|x| x.is_finite());
        is_finite.then_some(Scale { means, deviations })
    }

    fn apply(&self, row: &[f64]) -> Vec<f64> {
        let scales = self.means.iter().zip(&self.deviations);
        let scaled = row
            .iter()
            .zip(scales)
            .map(|(x, (mean, deviation))| (x - mean) / deviation);
        scaled.chain([1.0]).collect()
    }
}

/// First and second derivative of the likelihood; the last number of each row is one.
fn slope(
    rows: &[Vec<f64>],
    outcomes: &[bool],
    row_weights: &[f64],
    at: &[f64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = at.len();
    let (mut gradient, mut curvature) = (vec![0.0; n], vec![vec![0.0; n]; n]);
    for ((row, outcome), weight) in rows.iter().zip(outcomes).zip(row_weights) {
        let p = sigmoid(row.iter().zip(at).map(|(x, w)| x * w).sum());
        let error = weight * (f64::from(u8::from(*outcome)) - p);
        let spread = weight * p * (1.0 - p);
        for i in 0..n {
            gradient[i] += row[i] * error;
            for j in 0..n {
                curvature[i][j] += row[i] * row[j] * spread;
            }
        }
    }
    gradient
        .iter_mut()
        .zip(at)
        .for_each(|(x, w)| *x -= RIDGE * w);
    (gradient, curvature)
}

/// Gauss's elimination with the largest pivot; `None` where there is no single answer.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for at in 0..n {
        let pivot = (at..n).max_by(|&a, &b| matrix[a][at].abs().total_cmp(&matrix[b][at].abs()))?;
        matrix.swap(at, pivot);
        right.swap(at, pivot);
        if matrix[at][at].abs() < 1e-12 {
            return None;
        }
        let (above, rows_below) = matrix.split_at_mut(at + 1);
        let row = above.last()?;
        for (below, other) in (at + 1..n).zip(rows_below) {
            let factor = other[at] / row[at];
            other
                .iter_mut()
                .zip(row)
                .for_each(|(x, y)| *x -= factor * y);
            right[below] -= factor * right[at];
        }
    }
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n)
            .map(|column| matrix[at][column] * right[column])
            .sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_weights_are_found_again() {
        let truth = Logistic {
            weights: vec![2.0, -0.5],
            bias: 50.3,
        };
        // Each row stands for both outcomes, each as heavy as it is likely.
        let (mut rows, mut outcomes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..200 {
            let row = vec![
                f64::from(i % 20) / 10.0 - 1.0,
                f64::from(i / 20) - 5.0 + 100.0,
            ];
            let p = truth.probability(&row);
            for outcome in [true, false] {
                rows.push(row.clone());
                outcomes.push(outcome);
                weights.push(if outcome { p } else { 1.0 - p });
            }
        }
        let found = Logistic::fit(&rows, &outcomes, &weights).unwrap();
        for (found, truth) in found.weights.iter().zip(&truth.weights) {
            assert!((found - truth).abs() < 0.01, "{found} {truth}");
        }
        assert!((found.bias - truth.bias).abs() < 1.0, "{}", found.bias);
    }

    #[test]
    fn nothing_to_learn_from_is_no_fit() {
        assert_eq!(Logistic::fit(&[], &[], &[]), None);
        let rows = [vec![f64::NAN], vec![1.0]];
        assert_eq!(Logistic::fit(&rows, &[true, false], &[1.0, 1.0]), None);
        let parted = [vec![0.0], vec![1.0]];
        let found = Logistic::fit(&parted, &[false, true], &[1.0, 1.0]).unwrap();
        assert!(found.weights[0].is_finite() && found.weights[0] > 1.0);
    }
}
