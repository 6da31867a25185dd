//! k-means (Lloyd 1982) over points in memory: the cells of `ivf`, and the
//! codebooks of `ivf-pq`.
//!
//! It begins with rows drawn at random. A centroid that nobody is nearest to
//! takes the point that is farthest from its own. The same seed gives the
//! same centroids on any number of threads.

use crate::error::Error;
use crate::kernels::Element;
use crate::points::scale_to;
use crate::topk::TopK;
use crate::work::{Random, Work};

/// Rounds at most, and fewer where less than one point in so many changed its centroid.
const ROUNDS: usize = 8;
const UNSETTLED: usize = 200;
/// Points that are compared with a centroid while it is at hand.
const BLOCK: usize = 32;
/// Below this many numbers all centroids are compared number by number, many
/// at once, because a product of so few takes less time than its call.
const SHORT: usize = 32;

/// Centroids of equal length, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Centroids {
    dim: usize,
    numbers: Vec<f32>,
    /// Short ones once more, the first number of each, then the second of each.
    columns: Vec<f32>,
    /// Half the squared length of each, which makes a distance of a product.
    halves: Vec<f32>,
}

/// The nearest centroid of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    pub centroid: u32,
    /// Half the squared distance less half the point's squared length.
    cost: f32,
}

const NONE: Nearest = Nearest {
    centroid: 0,
    cost: f32::INFINITY,
};

impl Nearest {
    #[inline]
    fn consider(&mut self, at: usize, cost: f32) {
        if cost < self.cost {
            self.centroid = at as u32;
            self.cost = cost;
        }
    }
}

impl Centroids {
    /// Of this many numbers each, as they were learnt or saved.
    pub fn new(dim: usize, numbers: Vec<f32>) -> Centroids {
        let centroids = numbers.chunks_exact(dim);
        let halves: Vec<f32> = centroids.map(|c| f32::dot(c, c) / 2.0).collect();
        let column = |at: usize| numbers.iter().skip(at).step_by(dim).copied();
        let short = if dim < SHORT { dim } else { 0 };
        Centroids {
            dim,
            columns: (0..short).flat_map(column).collect(),
            numbers,
            halves,
        }
    }

    pub fn len(&self) -> usize {
        self.halves.len()
    }

    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    pub fn get(&self, centroid: u32) -> &[f32] {
        let at = centroid as usize * self.dim;
        &self.numbers[at..at + self.dim]
    }

    /// The product of a point with each.
    pub fn products(&self, point: &[f32], out: &mut Vec<f32>) {
        out.clear();
        if self.columns.is_empty() {
            let centroids = self.numbers.chunks_exact(self.dim);
            out.extend(centroids.map(|centroid| f32::dot(point, centroid)));
            return;
        }
        out.resize(self.len(), 0.0);
        for (x, column) in point.iter().zip(self.columns.chunks_exact(self.len())) {
            for (product, c) in out.iter_mut().zip(column) {
                *product += x * c;
            }
        }
    }

    /// The nearest one, of equally near ones the first; 0 where there are none.
    pub fn nearest(&self, point: &[f32], buffer: &mut Vec<f32>) -> Nearest {
        self.products(point, buffer);
        let mut nearest = NONE;
        for (at, (half, product)) in self.halves.iter().zip(&*buffer).enumerate() {
            nearest.consider(at, half - product);
        }
        nearest
    }

    /// The nearest ones, nearest first.
    pub fn rank(&self, point: &[f32], count: usize) -> Vec<u32> {
        let mut products = Vec::new();
        self.products(point, &mut products);
        let mut best = TopK::new(count);
        for (at, (half, product)) in (0..).zip(self.halves.iter().zip(products)) {
            best.push(at, product - half);
        }
        best.into_sorted().iter().map(|scored| scored.row).collect()
    }

    /// The nearest one of each of `n` points, which `load` fetches.
    pub fn assign(
        &self,
        n: usize,
        load: impl Fn(usize, &mut Vec<f32>) + Sync,
        work: &Work<'_>,
    ) -> Result<Vec<Nearest>, Error> {
        let of_block = |(points, point): &mut (Vec<f32>, Vec<f32>), block: usize| {
            let block = block * BLOCK..((block + 1) * BLOCK).min(n);
            points.clear();
            for i in block.clone() {
                load(i, point);
                points.extend_from_slice(point);
            }
            self.nearest_of_each(points, block.len())
        };
        let blocks = work.map(n.div_ceil(BLOCK), Default::default, of_block)?;
        Ok(blocks.into_iter().flatten().collect())
    }

    fn nearest_of_each(&self, points: &[f32], n: usize) -> Vec<Nearest> {
        if !self.columns.is_empty() {
            let mut buffer = Vec::new();
            let points = points.chunks_exact(self.dim);
            return points.map(|p| self.nearest(p, &mut buffer)).collect();
        }
        let mut all = vec![NONE; n];
        let centroids = self.numbers.chunks_exact(self.dim).zip(&self.halves);
        for (at, (centroid, half)) in centroids.enumerate() {
            for (nearest, point) in all.iter_mut().zip(points.chunks_exact(self.dim)) {
                nearest.consider(at, half - f32::dot(point, centroid));
            }
        }
        all
    }
}

/// At most `k` centroids of points of `dim` numbers. With a radius they are
/// brought to that length (spherical k-means, Dhillon and Modha 2001).
pub fn train(
    dim: usize,
    points: &[f32],
    k: usize,
    radius: Option<f32>,
    work: &Work<'_>,
) -> Result<Centroids, Error> {
    let n = points.len() / dim;
    let point = |i: usize| &points[i * dim..(i + 1) * dim];
    let drawn = Random::new(work.seed ^ 0x6b6d).sample(n, k);
    let numbers = drawn.iter().flat_map(|&i| point(i as usize)).copied();
    let mut centroids = Centroids::new(dim, numbers.collect());
    let mut before: Vec<Nearest> = Vec::new();
    for _ in 0..ROUNDS {
        let load = |i: usize, out: &mut Vec<f32>| {
            out.clear();
            out.extend_from_slice(point(i));
        };
        let nearest = centroids.assign(n, load, work)?;
        centroids = Centroids::new(dim, means(points, &centroids, &nearest, radius));
        let pairs = nearest.iter().zip(&before);
        let n_kept = pairs.filter(|(a, b)| a.centroid == b.centroid).count();
        if (n - n_kept) * UNSETTLED <= n {
            break;
        }
        before = nearest;
    }
    Ok(centroids)
}

/// The middle of each centroid's points.
fn means(
    points: &[f32],
    centroids: &Centroids,
    nearest: &[Nearest],
    radius: Option<f32>,
) -> Vec<f32> {
    let dim = centroids.dim;
    let owners = owners(points, centroids, nearest);
    let mut sums = vec![0.0f64; centroids.numbers.len()];
    let mut counts = vec![0u32; centroids.len()];
    for (point, &owner) in points.chunks_exact(dim).zip(&owners) {
        let owner = owner as usize;
        counts[owner] += 1;
        for (sum, x) in sums[owner * dim..].iter_mut().zip(point) {
            *sum += f64::from(*x);
        }
    }
    let mut numbers = centroids.numbers.clone();
    let sums = sums.chunks_exact(dim).zip(counts);
    for (mean, (sum, count)) in numbers.chunks_exact_mut(dim).zip(sums) {
        if count == 0 {
            continue;
        }
        for (x, sum) in mean.iter_mut().zip(sum) {
            *x = (sum / f64::from(count)) as f32;
        }
        if let Some(radius) = radius {
            scale_to(mean, radius);
        }
    }
    numbers
}

/// Whose each point is, after those without one took the farthest points.
fn owners(points: &[f32], centroids: &Centroids, nearest: &[Nearest]) -> Vec<u32> {
    let mut owners: Vec<u32> = nearest.iter().map(|nearest| nearest.centroid).collect();
    let mut counts = vec![0u32; centroids.len()];
    owners.iter().for_each(|&owner| counts[owner as usize] += 1);
    let empty: Vec<u32> = (0..counts.len() as u32)
        .filter(|&at| counts[at as usize] == 0)
        .collect();
    if empty.is_empty() {
        return owners;
    }
    let costs = points.chunks_exact(centroids.dim).zip(nearest);
    let distances = costs.map(|(point, nearest)| nearest.cost + f32::dot(point, point) / 2.0);
    let mut farthest: Vec<(f32, usize)> = distances.zip(0..).filter(|far| far.0 > 0.0).collect();
    farthest.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut farthest = farthest.into_iter().map(|(_, i)| i);
    for centroid in empty {
        // Whoever has one point keeps it.
        let Some(i) = farthest.find(|&i| counts[owners[i] as usize] > 1) else {
            break;
        };
        counts[owners[i] as usize] -= 1;
        counts[centroid as usize] = 1;
        owners[i] = centroid;
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one door: points around `n_cells` corners of a grid, each `copies`
    /// times, must find one centroid a corner.
    fn check(n_cells: usize, copies: usize, k: usize, expect_cost: f32) {
        let mut random = Random::new(5);
        let mut points = Vec::new();
        for i in 0..n_cells * copies {
            let corner = (i % n_cells) as f32 * 10.0;
            points.extend([corner + random.unit() * 0.1, -corner]);
        }
        let one = train(2, &points, k, None, &Work::default()).unwrap();
        let work = Work {
            threads: 3,
            ..Work::default()
        };
        let other = train(2, &points, k, None, &work).unwrap();
        assert_eq!(one.numbers, other.numbers, "threads decide nothing");
        assert_eq!(one.len(), k.min(n_cells * copies));
        let worst = points.chunks_exact(2).map(|point| {
            let nearest = one.nearest(point, &mut Vec::new());
            f32::l2(point, one.get(nearest.centroid))
        });
        let worst = worst.fold(0.0, f32::max);
        assert!(worst <= expect_cost, "a point is {worst} from its centroid");
    }

    #[test]
    fn cells_are_found() {
        check(1, 1, 1, 0.0);
        check(3, 1, 8, 0.0);
        check(4, 50, 1, 2000.0);
        check(4, 50, 12, 0.1);
        check(64, 20, 256, 0.1);
    }

    #[test]
    fn equal_points_and_none_are_no_trouble() {
        let work = Work::default();
        let nearest = |centroids: &Centroids, x: f32| {
            let nearest = centroids.nearest(&[x; 3], &mut Vec::new());
            (centroids.len(), nearest.centroid)
        };
        let none = train(3, &[], 5, None, &work).unwrap();
        assert_eq!(nearest(&none, 0.0), (0, 0));
        let same = train(3, &[2.0; 300], 7, Some(1.0), &work).unwrap();
        assert_eq!(nearest(&same, 2.0), (7, 0));
        let zero = train(1, &[0.0; 9], 3, Some(1.0), &work).unwrap();
        assert_eq!(zero.numbers, [0.0; 3]);
    }

    #[test]
    fn an_empty_cell_takes_the_farthest_point() {
        let centroids = Centroids::new(1, vec![0.0, 0.0]);
        let points = [0.0, 1.0, 9.0];
        let load = |i: usize, out: &mut Vec<f32>| *out = vec![points[i]];
        let nearest = centroids.assign(3, load, &Work::default()).unwrap();
        assert_eq!(owners(&points, &centroids, &nearest), [0, 0, 1]);
        assert_eq!(means(&points, &centroids, &nearest, None), [0.5, 9.0]);
    }

    #[test]
    fn a_radius_is_kept() {
        let points = [1.0, 0.0, 0.0, 1.0, 1.0, 0.1];
        let centroids = train(2, &points, 2, Some(1.0), &Work::default()).unwrap();
        for centroid in centroids.numbers.chunks_exact(2) {
            assert!((f32::dot(centroid, centroid) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_nearest_are_ranked() {
        let centroids = Centroids::new(1, vec![5.0, 1.0, 3.0]);
        assert_eq!(centroids.rank(&[0.0], 2), [1, 2]);
        assert_eq!(centroids.rank(&[4.6], 9), [0, 2, 1]);
    }

    #[test]
    fn long_and_short_ones_compare_alike() {
        let mut random = Random::new(3);
        for dim in [1, 7, SHORT - 1, SHORT, SHORT + 9] {
            let mut draw =
                |n: usize| -> Vec<f32> { (0..n * dim).map(|_| random.normal()).collect() };
            let (centroids, points) = (Centroids::new(dim, draw(9)), draw(40));
            let load =
                |i: usize, out: &mut Vec<f32>| *out = points[i * dim..(i + 1) * dim].to_vec();
            let assigned = centroids.assign(40, load, &Work::default()).unwrap();
            for (point, assigned) in points.chunks_exact(dim).zip(assigned) {
                let nearest = centroids.nearest(point, &mut Vec::new());
                assert_eq!(nearest.centroid, assigned.centroid);
                assert_eq!(centroids.rank(point, 1), [nearest.centroid]);
                let distances = centroids
                    .numbers
                    .chunks_exact(dim)
                    .map(|c| f32::l2(point, c));
                let least = distances.fold(f32::INFINITY, f32::min);
                let distance = f32::l2(point, centroids.get(nearest.centroid));
                assert!(distance <= least + 1e-3, "{distance} is not {least}");
            }
        }
    }

    #[test]
    fn it_can_be_cancelled() {
        let work = Work {
            is_cancelled: &|| true,
            ..Work::default()
        };
        let trained = train(1, &[1.0, 2.0], 2, None, &work);
        assert_eq!(trained.err(), Some(Error::Cancelled));
    }
}
