//! Which images to label next: those the classifier cannot decide on, and not ten of one kind.
//!
//! Uncertainty alone (Settles, "Active Learning Literature Survey", 2009) picks near-copies of one hard picture. So the most
//! uncertain rows become a pool, and from the pool each next row is the one with the greatest product of uncertainty and distance
//! to everything labelled or picked before: greedy k-centre (Sener and Savarese, "Active Learning for Convolutional Neural
//! Networks: A Core-Set Approach", 2018) weighted by doubt, in the spirit of BADGE (Ash et al. 2020). It draws no random numbers.

use std::cmp::Reverse;

/// How doubt is counted. Both are 0 for a sure row and 1 for one about which nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Uncertainty {
    /// One minus the distance between the two best probabilities: which side of a border is it on?
    #[default]
    Margin,
    /// Entropy of all probabilities, divided by the greatest possible: is it any of these at all?
    Entropy,
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct SuggestOptions {
    /// How many rows to suggest.
    pub n: usize,
    /// How doubt is counted.
    pub uncertainty: Uncertainty,
    /// The pool is this many times `n` rows, the most uncertain ones. 1 is uncertainty alone; the more, the more diverse.
    pub pool: usize,
}

impl Default for SuggestOptions {
    fn default() -> Self {
        Self {
            n: 20,
            uncertainty: Uncertainty::default(),
            pool: 10,
        }
    }
}

/// A row whose label would help, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggestion {
    /// The row, counted from 0.
    pub row: usize,
    /// From 0 to 1.
    pub uncertainty: f64,
    /// Distance of the unit features to the nearest that is labelled or was suggested before, from 0 to 2; 2 where there is none.
    pub distance: f64,
    /// The likeliest class and its probability.
    pub best: (usize, f32),
    /// The class that comes next.
    pub second: (usize, f32),
}

impl Suggestion {
    /// The reason in words: `cat 0.41, dog 0.39`. A class without a name is called by its number.
    pub fn reason(&self, classes: &[impl AsRef<str>]) -> String {
        let say = |(class, probability): (usize, f32)| match classes.get(class) {
            Some(name) => format!("{} {probability:.2}", name.as_ref()),
            None => format!("class {class} {probability:.2}"),
        };
        format!("{}, {}", say(self.best), say(self.second))
    }
}

/// Why nothing could be suggested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuggestError {
    /// A row has another number of values than the first.
    #[error("row {row} of the {what} has {found} numbers, the first row has {expected}")]
    Width {
        /// `probabilities`, `features` or `labelled features`.
        what: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// How many numbers it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// With one class there is nothing to be in doubt about.
    #[error("probabilities of {0} classes: doubt needs two or more")]
    Classes(usize),
    /// A number that is not finite, or a probability outside 0 to 1.
    #[error("row {row} of the {what} holds {value}, which it may not")]
    Value {
        /// `probabilities`, `features` or `labelled features`.
        what: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The number, in words.
        value: String,
    },
}

/// The rows of which the most doubtful are to be labelled, taken one after the other. However many there are, no more than
/// twice the pool is held: `2 * n * pool` features.
pub struct Pool<T> {
    options: SuggestOptions,
    held: Vec<Held<T>>,
    n_rows: usize,
    /// How many probabilities and numbers the first row had.
    widths: Option<(usize, usize)>,
}

/// A row that may be suggested, with what it is called.
struct Held<T> {
    doubt: Doubt,
    feature: Vec<f32>,
    name: T,
}

impl<T> Pool<T> {
    /// One without a row.
    pub fn new(options: SuggestOptions) -> Self {
        Pool {
            options,
            held: Vec::new(),
            n_rows: 0,
            widths: None,
        }
    }

    /// How many rows it took.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Takes the next row: its probabilities of each class, and its feature, of any width and taken as a direction.
    pub fn add(
        &mut self,
        name: T,
        probabilities: &[f32],
        feature: Vec<f32>,
    ) -> Result<(), SuggestError> {
        let row = self.n_rows;
        if self.widths.is_none() && probabilities.len() < 2 {
            return Err(SuggestError::Classes(probabilities.len()));
        }
        let (n_classes, width) = *self
            .widths
            .get_or_insert((probabilities.len(), feature.len()));
        check_row("probabilities", row, probabilities, n_classes, |p| {
            (0.0..=1.0).contains(&p)
        })?;
        check_row("features", row, &feature, width, f32::is_finite)?;
        self.n_rows += 1;
        self.held.push(Held {
            doubt: Doubt::of(row, probabilities, self.options.uncertainty),
            feature,
            name,
        });
        if self.held.len() >= self.most().saturating_mul(2).max(2) {
            self.leave_the_most_doubtful();
        }
        Ok(())
    }

    fn most(&self) -> usize {
        self.options.n.saturating_mul(self.options.pool.max(1))
    }

    fn leave_the_most_doubtful(&mut self) {
        // The row number decides between equals, so that the same input gives the same list.
        self.held.sort_by(|a, b| {
            let by_doubt = b.doubt.uncertainty.total_cmp(&a.doubt.uncertainty);
            by_doubt.then(a.doubt.row.cmp(&b.doubt.row))
        });
        self.held.truncate(self.most());
    }

    /// The rows whose labels would help most, in the order in which to label them. `labelled` are the features of those that
    /// have a label already, and may be none. Costs `n * n * pool` distances, and as many as there are labelled rows for each
    /// row of the pool.
    pub fn suggest<'a>(
        mut self,
        labelled: impl Iterator<Item = &'a [f32]>,
    ) -> Result<Vec<(T, Suggestion)>, SuggestError> {
        self.leave_the_most_doubtful();
        let width = self.widths.map_or(0, |(_, width)| width);
        let mut units = Vec::new();
        for (row, feature) in labelled.enumerate() {
            check_row("labelled features", row, feature, width, f32::is_finite)?;
            units.push(unit(feature));
        }
        Ok(spread(self.held, &units, self.options.n))
    }
}

/// One row, before diversity.
struct Doubt {
    row: usize,
    uncertainty: f64,
    best: (usize, f32),
    second: (usize, f32),
}

impl Doubt {
    fn of(row: usize, probabilities: &[f32], kind: Uncertainty) -> Doubt {
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let at = |place: usize| (order[place], probabilities[order[place]]);
        let (best, second) = (at(0), at(1));
        let uncertainty = match kind {
            Uncertainty::Margin => 1.0 - f64::from(best.1 - second.1),
            Uncertainty::Entropy => entropy(probabilities),
        };
        Doubt {
            row,
            uncertainty,
            best,
            second,
        }
    }
}

fn entropy(probabilities: &[f32]) -> f64 {
    let terms = probabilities
        .iter()
        .filter(|p| **p > 0.0)
        .map(|p| -f64::from(*p) * f64::from(*p).ln());
    terms.sum::<f64>() / (probabilities.len() as f64).ln()
}

/// Greedy k-centre: the next is farthest, by distance times doubt, from everything before it.
fn spread<T>(pool: Vec<Held<T>>, labelled: &[Vec<f32>], n: usize) -> Vec<(T, Suggestion)> {
    let units: Vec<Vec<f32>> = pool.iter().map(|held| unit(&held.feature)).collect();
    let nearest = |one: &Vec<f32>| {
        labelled
            .iter()
            .map(|other| distance(one, other))
            .fold(2.0, f64::min)
    };
    let mut distances: Vec<f64> = units.iter().map(nearest).collect();
    let mut left: Vec<usize> = (0..pool.len()).collect();
    let mut pool: Vec<Option<Held<T>>> = pool.into_iter().map(Some).collect();
    let doubts: Vec<f64> = pool
        .iter()
        .flatten()
        .map(|held| held.doubt.uncertainty)
        .collect();
    let mut found = Vec::new();
    while found.len() < n && !left.is_empty() {
        let gain = |at: usize| doubts[at] * distances[at];
        // Copies of what was picked all gain nothing; among them the more doubtful still comes first.
        let best = left.iter().enumerate().max_by(|(_, a), (_, b)| {
            gain(**a)
                .total_cmp(&gain(**b))
                .then(Reverse(*a).cmp(&Reverse(*b)))
        });
        let Some((place, &at)) = best else { break };
        left.remove(place);
        let held = pool[at].take();
        found.extend(held.map(|held| (held.name, suggestion(&held.doubt, distances[at]))));
        for &other in &left {
            distances[other] = distances[other].min(distance(&units[at], &units[other]));
        }
    }
    found
}

fn suggestion(doubt: &Doubt, distance: f64) -> Suggestion {
    Suggestion {
        row: doubt.row,
        uncertainty: doubt.uncertainty,
        distance,
        best: doubt.best,
        second: doubt.second,
    }
}

/// Features of one direction are of one kind, whatever their length. A row of zeros stays one.
fn unit(row: &[f32]) -> Vec<f32> {
    let length = row
        .iter()
        .map(|x| f64::from(*x).powi(2))
        .sum::<f64>()
        .sqrt();
    if length == 0.0 {
        return row.to_vec();
    }
    row.iter()
        .map(|x| (f64::from(*x) / length) as f32)
        .collect()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    f64::from(squares).sqrt()
}

fn check_row(
    what: &'static str,
    row: usize,
    values: &[f32],
    expected: usize,
    is_allowed: impl Fn(f32) -> bool,
) -> Result<(), SuggestError> {
    if values.len() != expected {
        let found = values.len();
        return Err(SuggestError::Width {
            what,
            row,
            found,
            expected,
        });
    }
    match values.iter().find(|value| !is_allowed(**value)) {
        Some(value) => {
            let value = value.to_string();
            Err(SuggestError::Value { what, row, value })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggest(
        probabilities: &[Vec<f32>],
        features: &[Vec<f32>],
        labelled: &[Vec<f32>],
        options: &SuggestOptions,
    ) -> Result<Vec<Suggestion>, SuggestError> {
        let mut pool = Pool::new(options.clone());
        for (row, (probabilities, feature)) in probabilities.iter().zip(features).enumerate() {
            pool.add(row, probabilities, feature.clone())?;
        }
        let found = pool.suggest(labelled.iter().map(Vec::as_slice))?;
        assert!(found.iter().all(|(row, one)| *row == one.row));
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }

    fn rows(found: &[Suggestion]) -> Vec<usize> {
        found.iter().map(|one| one.row).collect()
    }

    /// Ten copies of one doubtful picture, one other kind that is a little less doubtful, and sure ones.
    fn blobs() -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let (mut probabilities, mut features) = (Vec::new(), Vec::new());
        for copy in 0..10 {
            probabilities.push(vec![0.5, 0.5, 0.0]);
            features.push(vec![1.0, 0.001 * copy as f32, 0.0]);
        }
        probabilities.push(vec![0.0, 0.55, 0.45]);
        features.push(vec![0.0, 1.0, 0.0]);
        for _ in 0..10 {
            probabilities.push(vec![0.0, 0.01, 0.99]);
            features.push(vec![0.0, 0.0, 1.0]);
        }
        (probabilities, features)
    }

    fn options(n: usize, pool: usize) -> SuggestOptions {
        SuggestOptions {
            n,
            pool,
            ..SuggestOptions::default()
        }
    }

    #[test]
    fn copies_are_not_asked_for_twice() {
        let (probabilities, features) = blobs();
        let found = suggest(&probabilities, &features, &[], &options(2, 10)).unwrap();
        assert_eq!(rows(&found), [0, 10]);
        assert_eq!(found[0].reason(&["cat", "dog"]), "cat 0.50, dog 0.50");
        assert_eq!(found[1].reason(&["cat", "dog"]), "dog 0.55, class 2 0.45");
        assert!((found[1].distance - 2f64.sqrt()).abs() < 1e-6);
        let alone = suggest(&probabilities, &features, &[], &options(2, 1)).unwrap();
        assert!(rows(&alone).iter().all(|row| *row < 10), "{alone:?}");
    }

    #[test]
    fn of_many_rows_the_pool_alone_is_held_and_the_same_are_found() {
        let options = options(3, 4);
        let (mut probabilities, mut features) = (Vec::new(), Vec::new());
        let mut pool = Pool::new(options.clone());
        for row in 0..5_000_u32 {
            let mixed = row.wrapping_mul(2_654_435_761) >> 8;
            let p = (mixed % 1_000) as f32 / 1_000.0;
            let angle = (mixed % 997) as f32;
            let (p, feature) = (vec![p, 1.0 - p], vec![angle.cos(), angle.sin()]);
            pool.add(row, &p, feature.clone()).unwrap();
            assert!(pool.held.len() < 24, "{} rows held", pool.held.len());
            probabilities.push(p);
            features.push(feature);
        }
        assert_eq!(pool.n_rows(), 5_000);
        let found = pool.suggest([].into_iter()).unwrap();
        // The twin sorts all of them.
        let mut doubts: Vec<(f64, usize)> = probabilities
            .iter()
            .enumerate()
            .map(|(row, p)| (Doubt::of(row, p, options.uncertainty).uncertainty, row))
            .collect();
        doubts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let best: Vec<usize> = doubts[..12].iter().map(|(_, row)| *row).collect();
        let all = |all: &[Vec<f32>]| -> Vec<Vec<f32>> {
            best.iter().map(|row| all[*row].clone()).collect()
        };
        let twin = suggest(&all(&probabilities), &all(&features), &[], &options).unwrap();
        let twin: Vec<usize> = twin.iter().map(|one| best[one.row]).collect();
        let found: Vec<usize> = found.iter().map(|(row, _)| *row as usize).collect();
        assert_eq!(found, twin);
    }

    #[test]
    fn what_is_like_a_labelled_row_comes_later() {
        let (probabilities, features) = blobs();
        let labelled = [vec![2.0, 0.0, 0.0]];
        let found = suggest(&probabilities, &features, &labelled, &options(1, 21)).unwrap();
        assert_eq!(rows(&found), [10]);
    }

    #[test]
    fn all_are_listed_once_where_all_are_wanted() {
        let (probabilities, features) = blobs();
        let found = suggest(&probabilities, &features, &[], &options(99, 2)).unwrap();
        let mut all = rows(&found);
        all.sort_unstable();
        assert_eq!(all, (0..21).collect::<Vec<_>>());
        assert!(suggest(&[], &[], &[], &options(3, 3)).unwrap().is_empty());
    }

    #[test]
    fn both_kinds_of_doubt_go_from_nothing_to_one() {
        for (probabilities, margin, entropy) in [
            ([1.0, 0.0, 0.0, 0.0], 0.0, 0.0),
            ([0.25; 4], 1.0, 1.0),
            ([0.5, 0.5, 0.0, 0.0], 1.0, 0.5),
        ] {
            let of = |kind| Doubt::of(0, &probabilities, kind).uncertainty;
            assert!((of(Uncertainty::Margin) - margin).abs() < 1e-9);
            assert!((of(Uncertainty::Entropy) - entropy).abs() < 1e-9);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |probabilities: &[Vec<f32>], features: &[Vec<f32>], expect: &str| {
            let error = suggest(probabilities, features, &[], &options(1, 1)).unwrap_err();
            assert!(error.to_string().starts_with(expect), "{error}");
        };
        check(&[vec![1.0]], &[vec![1.0]], "probabilities of 1 classes");
        check(
            &[vec![0.5, f32::NAN]],
            &[vec![1.0]],
            "row 0 of the probabilities holds NaN",
        );
        check(
            &[vec![0.5, 0.5]],
            &[vec![f32::INFINITY]],
            "row 0 of the features holds inf",
        );
        let two = [vec![0.5, 0.5], vec![0.5]];
        check(
            &two,
            &[vec![1.0], vec![1.0]],
            "row 1 of the probabilities has 1",
        );
    }
}
