//! A forest of random-projection trees as in Annoy (Bernhardsson 2013): each
//! node cuts half way between the middles of two halves of its rows, and the
//! branches whose cuts a query is least far beyond are looked into first.
//! Known and simple; a graph finds the same in a twentieth of the time.

use crate::answer::{answer, arriving, efforts, is_outgrown, live_rows};
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, mark_removed,
};
use crate::forest::{Chosen, Cut, Forest, MOST_TREES, Node, Space};
use crate::kernels::Element;
use crate::points::scale_to;
use crate::sections::{Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::{Random, Work};

pub const FAMILY: Family = Family {
    name: "annoy",
    about: "random-projection trees, as of Annoy",
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

const TREES: usize = 16;
const EFFORT: u32 = 4000;
/// Steps of the two middles, and how often it is tried before rows count as equal.
const STEPS: usize = 100;
const TRIES: usize = 4;

/// Cuts by any hyperplane.
#[derive(Debug)]
struct ByPlane;

impl Cut for ByPlane {
    const HAS_PLANES: bool = true;
    const START: f32 = f32::NEG_INFINITY;

    /// As many as make the row numbers about as large as the planes above them.
    fn leaf_rows(dim: usize) -> usize {
        (dim / 4).clamp(16, 128)
    }

    fn choose(space: &Space<'_>, rows: &[u32], random: &mut Random) -> Option<Chosen> {
        (0..TRIES).find_map(|attempt| {
            // With no steps the cut is between two rows, and each is on its own side.
            let steps = if attempt + 1 < TRIES { STEPS } else { 0 };
            let [a, b] = two_middles(space, rows, steps, random);
            let mut plane: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            scale_to(&mut plane, 1.0);
            let cut = (f32::dot(&plane, &a) + f32::dot(&plane, &b)) / 2.0;
            let chosen = Chosen {
                axis: 0,
                plane,
                cut,
            };
            has_two_sides(space, rows, &chosen).then_some(chosen)
        })
    }

    #[inline]
    fn margin(node: &Node, plane: &[f32], point: &[f32]) -> f32 {
        f32::dot(plane, point) - node.cut
    }

    /// The least margin on the way, of the wrong side the first.
    #[inline]
    fn bounds(bound: f32, margin: f32) -> (f32, f32) {
        (bound.max(-margin.abs()), bound.max(margin.abs()))
    }
}

/// The middles of two halves of rows, begun at two of them and moved by
/// others one at a time.
fn two_middles(
    space: &Space<'_>,
    rows: &[u32],
    steps: usize,
    random: &mut Random,
) -> [Vec<f32>; 2] {
    let first = random.below(rows.len());
    let second = (first + 1 + random.below(rows.len() - 1)) % rows.len();
    let mut middles = [Vec::new(), Vec::new()];
    for (middle, at) in middles.iter_mut().zip([first, second]) {
        space.points.copy_row(space.vectors, rows[at], middle);
    }
    let mut counts = [1.0f32; 2];
    let mut point = Vec::new();
    for _ in 0..steps {
        let row = rows[random.below(rows.len())];
        space.points.copy_row(space.vectors, row, &mut point);
        // The larger half is counted as farther, so that both grow alike.
        let far = |side: usize| counts[side] * f32::l2(&point, &middles[side]);
        let side = usize::from(far(1) < far(0));
        let count = counts[side];
        for (middle, x) in middles[side].iter_mut().zip(&point) {
            *middle = (*middle * count + x) / (count + 1.0);
        }
        counts[side] += 1.0;
    }
    middles
}

/// That not all rows are on one side; most often the first few tell.
fn has_two_sides(space: &Space<'_>, rows: &[u32], chosen: &Chosen) -> bool {
    let mut point = Vec::new();
    let mut sides = rows.iter().map(|&row| {
        space.points.copy_row(space.vectors, row, &mut point);
        f32::dot(&chosen.plane, &point) - chosen.cut > 0.0
    });
    let first = sides.next();
    sides.any(|side| Some(side) != first)
}

#[derive(Debug)]
struct Annoy {
    forest: Forest<ByPlane>,
    removed: Bitmap,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let rows: Vec<u32> = (0..vectors.len()).collect();
    let trees = options.parameters.count("trees", TREES);
    Ok(Box::new(Annoy {
        forest: Forest::build(vectors, &rows, vectors.len(), trees, &options.work)?,
        removed: Bitmap::new(),
    }))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let (forest, removed) = Forest::load(sections, vectors)?;
    Ok(Box::new(Annoy { forest, removed }))
}

impl Index for Annoy {
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
