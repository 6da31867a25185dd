//! Fewer numbers for nearly the same products: the directions in which rows
//! vary and in which queries look, both counted (as in LeanVec-OOD, Tepper et
//! al. 2023). Text queries do not lie where image vectors do, so rows alone
//! would choose the wrong ones.

use crate::error::Error;
use crate::kernels::{CODE_STEP, Element, MOST_CODE, ZERO_CODE, dot_codes_run};
use crate::work::{Random, Work};

/// Lengths that are tried; a row's codes fill whole cache lines.
const LENGTHS: [usize; 4] = [128, 192, 256, 320];
/// The share of the rows' and the queries' variation that must stay.
const KEPT: f64 = 0.90;
/// Rounds of orthogonal iteration: the span settles long before each direction does.
const ROUNDS: usize = 6;

/// Of a vector in two digits, how many steps of the second make one of the first.
const DIGIT: f32 = 254.0;

/// Directions that are nearly orthonormal, as codes: a query reads a quarter of the bytes, and the kernel that compares
/// it with rows compares it with them. What rounding turns a direction by is far less than what a projection leaves out.
#[derive(Clone, Debug)]
pub struct Projection {
    dim: usize,
    step: f32,
    /// [`Projection::stride`] codes for each direction.
    codes: Vec<u8>,
}

impl Projection {
    fn new(dim: usize, directions: &[Vec<f32>]) -> Projection {
        let largest = size_of_largest(directions.iter().flatten());
        let step = largest / (MOST_CODE - ZERO_CODE);
        let code = |x: &f32| (x / step + ZERO_CODE).round() as u8;
        let padding = vec![0; Projection::stride(dim) - dim];
        let codes = directions
            .iter()
            .flat_map(|direction| direction.iter().map(code).chain(padding.iter().copied()))
            .collect();
        Projection { dim, step, codes }
    }

    /// From what [`Projection::codes`] and [`Projection::step`] tell; none where there are no codes.
    pub fn of_codes(dim: usize, step: f32, codes: &[u8]) -> Option<Projection> {
        (!codes.is_empty()).then(|| Projection {
            dim,
            step,
            codes: codes.to_vec(),
        })
    }

    /// Codes of a direction of so many numbers.
    pub fn stride(dim: usize) -> usize {
        dim.next_multiple_of(CODE_STEP)
    }

    /// How many numbers come out.
    pub fn len(&self) -> usize {
        self.codes.len() / Projection::stride(self.dim)
    }

    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    pub fn step(&self) -> f32 {
        self.step
    }

    /// The vector in these directions. It is compared with them as two digits, together of 15 bits.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let unit = digit_unit(vector);
        let digit = |x: f32| x.round() as i8;
        let mut digits = [Vec::new(), Vec::new()];
        for x in vector {
            let first = digit(x / unit);
            digits[0].push(first);
            digits[1].push(digit((x / unit - f32::from(first)) * DIGIT));
        }
        let mut numbers = vec![0.0; self.len()];
        let mut products = vec![0.0; self.len()];
        for (digits, unit) in digits.iter_mut().zip([unit, unit / DIGIT]) {
            let of_zero = ZERO_CODE * digits.iter().map(|&x| i32::from(x)).sum::<i32>() as f32;
            digits.resize(Projection::stride(self.dim), 0);
            dot_codes_run(digits, &self.codes, &mut products);
            for (number, product) in numbers.iter_mut().zip(&products) {
                *number += (product - of_zero) * (unit * self.step);
            }
        }
        numbers
    }
}

/// What one step of a signed code of these numbers is worth.
pub fn digit_unit(numbers: &[f32]) -> f32 {
    let largest = size_of_largest(numbers);
    if largest > 0.0 {
        largest / MOST_CODE
    } else {
        1.0
    }
}

fn size_of_largest<'a>(numbers: impl IntoIterator<Item = &'a f32>) -> f32 {
    numbers.into_iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// The projection worth making for these centred rows and these queries, if
/// any. `asked` is its length, 0 for the shortest that keeps enough.
pub fn choose(
    dim: usize,
    rows: &[Vec<f32>],
    queries: &[Vec<f32>],
    asked: usize,
    work: &Work<'_>,
) -> Result<Option<Projection>, Error> {
    // Below this a projection saves no cache line; codes of all numbers are as good.
    let longest = match asked {
        0 => LENGTHS.into_iter().rfind(|&length| length * 4 <= dim * 3),
        asked => (asked < dim).then_some(asked),
    };
    let Some(longest) = longest else {
        return Ok(None);
    };
    let of_rows = Moments::of(dim, rows, work)?;
    let of_queries = Moments::of(dim, queries, work)?;
    if of_rows.trace <= 0.0 {
        return Ok(None);
    }
    let joined = of_rows.joined(&of_queries);
    let mut directions = joined.leading(longest, work)?;
    let length = if asked > 0 {
        longest
    } else {
        let enough = |&length: &usize| {
            let kept = |moments: &Moments| moments.share(&directions[..length]);
            length <= longest
                && kept(&of_rows) >= KEPT
                && (queries.is_empty() || kept(&of_queries) >= KEPT)
        };
        match LENGTHS.iter().find(|&length| enough(length)) {
            Some(&length) => length,
            None => return Ok(None),
        }
    };
    directions.truncate(length);
    let directions = turned(&directions, work.seed);
    Ok(Some(Projection::new(dim, &directions)))
}

/// The same span by directions of which none holds much more than another: one step for the codes of all numbers is as
/// fine as it can be then. Unturned, the first directions vary most, and their range makes the step coarse for the rest,
/// by which rows that are nearly alike differ (Gong et al. 2013, ITQ, begins with the same turn).
fn turned(directions: &[Vec<f32>], seed: u64) -> Vec<Vec<f32>> {
    let mut random = Random::new(seed ^ 0x71);
    let n = directions.len();
    let mut turn: Vec<Vec<f32>> = (0..n)
        .map(|_| (0..n).map(|_| random.normal()).collect())
        .collect();
    orthonormalize(&mut turn);
    let mixed = |weights: &Vec<f32>| {
        let mut mixed = vec![0.0; directions[0].len()];
        for (weight, direction) in weights.iter().zip(directions) {
            for (sum, x) in mixed.iter_mut().zip(direction) {
                *sum += weight * x;
            }
        }
        mixed
    };
    turn.iter().map(mixed).collect()
}

/// Second moments of vectors.
struct Moments {
    dim: usize,
    /// A row for each dimension.
    products: Vec<Vec<f32>>,
    trace: f64,
}

impl Moments {
    fn of(dim: usize, vectors: &[Vec<f32>], work: &Work<'_>) -> Result<Moments, Error> {
        let columns: Vec<Vec<f32>> = (0..dim)
            .map(|i| vectors.iter().map(|vector| vector[i]).collect())
            .collect();
        let n = vectors.len().max(1) as f32;
        let row = |i: usize| -> Vec<f32> {
            let products = columns.iter().map(|other| f32::dot(&columns[i], other) / n);
            products.collect()
        };
        let products = work.map(dim, || (), |(), i| row(i))?;
        let trace = (0..dim).map(|i| f64::from(products[i][i])).sum();
        Ok(Moments {
            dim,
            products,
            trace,
        })
    }

    /// Both, of equal weight.
    fn joined(&self, other: &Moments) -> Moments {
        let weight = |moments: &Moments| {
            if moments.trace > 0.0 {
                (1.0 / moments.trace) as f32
            } else {
                0.0
            }
        };
        let (ours, theirs) = (weight(self), weight(other));
        let rows = self.products.iter().zip(&other.products);
        let products = rows
            .map(|(a, b)| {
                a.iter()
                    .zip(b)
                    .map(|(a, b)| a * ours + b * theirs)
                    .collect()
            })
            .collect();
        Moments {
            dim: self.dim,
            products,
            trace: f64::from(ours) * self.trace + f64::from(theirs) * other.trace,
        }
    }

    /// About the `count` leading eigenvectors, the largest first, by orthogonal iteration.
    fn leading(&self, count: usize, work: &Work<'_>) -> Result<Vec<Vec<f32>>, Error> {
        let mut random = Random::new(work.seed ^ 0x70);
        let mut directions: Vec<Vec<f32>> = (0..count)
            .map(|_| (0..self.dim).map(|_| random.normal()).collect())
            .collect();
        orthonormalize(&mut directions);
        for _ in 0..ROUNDS {
            directions = work.map(count, || (), |(), i| self.times(&directions[i]))?;
            orthonormalize(&mut directions);
        }
        Ok(directions)
    }

    fn times(&self, vector: &[f32]) -> Vec<f32> {
        self.products
            .iter()
            .map(|row| f32::dot(row, vector))
            .collect()
    }

    /// The share of the variation that these directions hold.
    fn share(&self, directions: &[Vec<f32>]) -> f64 {
        let held: f64 = directions
            .iter()
            .map(|direction| f64::from(f32::dot(direction, &self.times(direction))))
            .sum();
        if self.trace > 0.0 {
            held / self.trace
        } else {
            1.0
        }
    }
}

/// Gram and Schmidt, twice where rounding asks for it. A direction that the ones before it hold is left at zero.
fn orthonormalize(directions: &mut [Vec<f32>]) {
    for i in 0..directions.len() {
        let (before, rest) = directions.split_at_mut(i);
        let direction = &mut rest[0];
        for _ in 0..2 {
            for other in &*before {
                let along = f32::dot(direction, other);
                for (x, y) in direction.iter_mut().zip(other) {
                    *x -= along * y;
                }
            }
            let length = f32::dot(direction, direction).sqrt();
            let scale = if length > 1e-12 { 1.0 / length } else { 0.0 };
            direction.iter_mut().for_each(|x| *x *= scale);
        }
    }
}
