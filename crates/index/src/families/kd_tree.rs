//! A forest of randomised k-d trees (Silpa-Anan and Hartley 2008; Muja and
//! Lowe 2009): each node cuts at the mean of one of the five numbers that
//! vary most, and the nearest branches of all trees are looked into first.
//! Good up to some tens of dimensions; for teaching and comparing above.

use crate::answer::{answer, arriving, efforts, is_outgrown, live_rows};
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, mark_removed,
};
use crate::forest::{Chosen, Cut, Forest, MOST_TREES, Node, Space};
use crate::sections::{Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::{Random, Work};

pub const FAMILY: Family = Family {
    name: "kd-tree",
    about: "randomised k-d trees; for vectors of few dimensions",
    effort: "rows that are compared",
    parameters: &[Parameter {
        name: "trees",
        about: "how many",
        least: 1.0,
        most: MOST_TREES as f64,
    }],
    build,
    load,
};

const TREES: usize = 8;
const LEAF_ROWS: usize = 16;
const EFFORT: u32 = 4000;
/// Rows that tell which numbers vary most.
const SAMPLE: usize = 100;
/// One of so many that vary most is cut.
const MOST_VARYING: usize = 5;

/// Cuts across one number of a point.
#[derive(Debug)]
struct AcrossNumber;

impl Cut for AcrossNumber {
    const HAS_PLANES: bool = false;
    const START: f32 = 0.0;

    fn leaf_rows(_: usize) -> usize {
        LEAF_ROWS
    }

    fn choose(space: &Space<'_>, rows: &[u32], random: &mut Random) -> Option<Chosen> {
        let dim = space.points.dim();
        let mut points = Vec::new();
        let mut point = Vec::new();
        for i in random.sample(rows.len(), SAMPLE) {
            let row = rows[i as usize];
            space.points.copy_row(space.vectors, row, &mut point);
            points.extend_from_slice(&point);
        }
        let n = (points.len() / dim) as f32;
        let mut means = vec![0.0f32; dim];
        for point in points.chunks_exact(dim) {
            means
                .iter_mut()
                .zip(point)
                .for_each(|(mean, x)| *mean += x / n);
        }
        let mut varies: Vec<(f32, u32)> = (0..dim as u32).map(|axis| (0.0, axis)).collect();
        for point in points.chunks_exact(dim) {
            for ((varies, mean), x) in varies.iter_mut().zip(&means).zip(point) {
                varies.0 += (x - mean) * (x - mean);
            }
        }
        let by_most = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let most = MOST_VARYING.min(dim);
        varies.select_nth_unstable_by(most - 1, by_most);
        varies.truncate(most);
        varies.retain(|(varies, _)| *varies > 0.0);
        varies.sort_unstable_by(by_most);
        if varies.is_empty() {
            return None;
        }
        let (_, axis) = varies[random.below(varies.len())];
        Some(Chosen {
            axis,
            plane: Vec::new(),
            cut: means[axis as usize],
        })
    }

    #[inline]
    fn margin(node: &Node, _: &[f32], point: &[f32]) -> f32 {
        point[node.axis as usize] - node.cut
    }

    fn row_margin(space: &Space<'_>, node: &Node, _: &[f32], row: u32, _: &mut Vec<f32>) -> f32 {
        let number = space.points.number(space.vectors, row, node.axis as usize);
        number - node.cut
    }

    /// The other side is farther by the square of the margin, as if no cut
    /// before had been across the same number.
    #[inline]
    fn bounds(bound: f32, margin: f32) -> (f32, f32) {
        (bound, bound + margin * margin)
    }
}

#[derive(Debug)]
struct KdTree {
    forest: Forest<AcrossNumber>,
    removed: Bitmap,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let rows: Vec<u32> = (0..vectors.len()).collect();
    let trees = options.parameters.count("trees", TREES);
    Ok(Box::new(KdTree {
        forest: Forest::build(vectors, &rows, vectors.len(), trees, &options.work)?,
        removed: Bitmap::new(),
    }))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let (forest, removed) = Forest::load(sections, vectors)?;
    Ok(Box::new(KdTree { forest, removed }))
}

impl Index for KdTree {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default().with("trees", self.forest.n_trees() as u32)
    }

    fn rows(&self) -> u32 {
        self.forest.rows()
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        self.forest.memory_bytes()
    }

    fn default_effort(&self) -> u32 {
        EFFORT
    }

    fn efforts(&self) -> Vec<u32> {
        efforts(100, (self.rows() / 4).max(1000))
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        answer(self, vectors, query, options, |wanted, _| {
            let count = options.k.max(options.effort_of(self) as usize);
            self.forest.candidates(query, count, wanted)
        })
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let (rows, end) = arriving(self, vectors, rows)?;
        if is_outgrown(self.forest.trained, end) {
            let live = live_rows(end, &self.removed, &rows);
            let trees = self.forest.n_trees();
            self.forest = Forest::build(vectors, &live, end, trees, work)?;
        } else {
            self.forest.insert(vectors, &rows, end, work)?;
        }
        rows.iter().for_each(|&row| {
            self.removed.remove(row);
        });
        Ok(())
    }

    fn remove(&mut self, _: &Vectors<'_>, rows: &[u32], _: &Work<'_>) -> Result<(), Error> {
        mark_removed(self.rows(), &mut self.removed, rows)?;
        self.forest.take_out(rows);
        Ok(())
    }

    fn save(&self) -> Saved<'_> {
        self.forest.save(&self.removed)
    }
}
