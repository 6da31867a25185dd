//! Binary trees over points, several of them, cut at random places: what
//! `kd-tree` and `annoy` have in common. A search goes down each tree, then on
//! from the most promising branch that was left aside in any of them.

mod tree;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub use self::tree::Node;
use self::tree::{LEAF, NODE_NUMBERS, Tree, load_nodes};
use crate::answer::{Seen, Wanted};
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::lists::Lists;
use crate::points::Points;
use crate::sections::{Head, Saved, Sections};
use crate::vectors::Vectors;
use crate::work::{Random, Work};

/// Trees at most.
pub const MOST_TREES: u32 = 256;

/// How a family cuts.
pub trait Cut: fmt::Debug + Send + Sync + 'static {
    /// Whether each node has a plane of its own, of as many numbers as a point.
    const HAS_PLANES: bool;
    /// What is known of a whole tree before any cut.
    const START: f32;

    /// Rows that a leaf holds when a tree is built; twice as many before it is cut later.
    fn leaf_rows(dim: usize) -> usize;

    /// A cut that has some of these rows on each side, as it seems; none where they are all equal.
    fn choose(space: &Space<'_>, rows: &[u32], random: &mut Random) -> Option<Chosen>;

    /// How far a point lies above a cut; below, it is negative.
    fn margin(node: &Node, plane: &[f32], point: &[f32]) -> f32;

    /// The same of a row.
    fn row_margin(
        space: &Space<'_>,
        node: &Node,
        plane: &[f32],
        row: u32,
        buffer: &mut Vec<f32>,
    ) -> f32 {
        space.points.copy_row(space.vectors, row, buffer);
        Self::margin(node, plane, buffer)
    }

    /// The bounds of the side of the query and of the other, from the node's:
    /// the smaller, the sooner it is looked into.
    fn bounds(bound: f32, margin: f32) -> (f32, f32);
}

/// Rows as points.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    pub points: &'a Points,
    pub vectors: &'a Vectors<'a>,
}

/// Where to cut.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    pub axis: u32,
    pub plane: Vec<f32>,
    pub cut: f32,
}

/// Trees over the same rows.
#[derive(Clone, Debug)]
pub struct Forest<C: Cut> {
    pub points: Points,
    /// Live rows when it was built.
    pub trained: u32,
    rows: u32,
    trees: Vec<Tree>,
    kind: PhantomData<C>,
}

/// A branch that was left aside.
#[derive(Clone, Copy, Debug)]
struct Branch {
    bound: f32,
    tree: u32,
    child: u32,
}

impl Ord for Branch {
    /// The greatest has the smallest bound.
    fn cmp(&self, other: &Branch) -> Ordering {
        let place = |branch: &Branch| (branch.tree, branch.child);
        let bounds = other.bound.total_cmp(&self.bound);
        bounds.then_with(|| place(other).cmp(&place(self)))
    }
}

impl PartialOrd for Branch {
    fn partial_cmp(&self, other: &Branch) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Branch {
    fn eq(&self, other: &Branch) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Branch {}

impl<C: Cut> Forest<C> {
    /// So many trees over these live rows, of `end` in all.
    pub fn build(
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        n_trees: usize,
        work: &Work<'_>,
    ) -> Result<Forest<C>, Error> {
        let points = Points::of(vectors, rows, work)?;
        let space = Space {
            points: &points,
            vectors,
        };
        let done = AtomicUsize::new(0);
        let grow = |(): &mut (), tree: usize| {
            let tree = Tree::of(rows, end).grow::<C>(&space, seed(work, tree), work);
            let done = 1 + done.fetch_add(1, Relaxed);
            (work.progress)(done as f32 / n_trees as f32);
            tree
        };
        let trees = work.map(n_trees, || (), grow)?;
        let trees: Option<Vec<Tree>> = trees.into_iter().collect();
        Ok(Forest {
            points,
            trained: rows.len() as u32,
            rows: end,
            trees: trees.ok_or(Error::Cancelled)?,
            kind: PhantomData,
        })
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    pub fn memory_bytes(&self) -> u64 {
        self.trees.iter().map(Tree::memory_bytes).sum()
    }

    /// Put in rows, of `end` in all; when it is cancelled, none of them is there.
    pub fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let before = self.rows;
        self.resize(end);
        let points = self.points;
        let space = Space {
            points: &points,
            vectors,
        };
        let mut point = Vec::new();
        for (at, &row) in rows.iter().enumerate() {
            if (work.is_cancelled)() {
                self.take_out(&rows[..at]);
                self.resize(before);
                return Err(Error::Cancelled);
            }
            points.copy_row(vectors, row, &mut point);
            for (at, tree) in self.trees.iter_mut().enumerate() {
                tree.insert::<C>(&space, row, &point, seed(work, at));
            }
        }
        Ok(())
    }

    fn resize(&mut self, rows: u32) {
        self.rows = rows;
        self.trees
            .iter_mut()
            .for_each(|tree| tree.leaves.resize(rows));
    }

    pub fn take_out(&mut self, rows: &[u32]) {
        self.trees
            .iter_mut()
            .for_each(|tree| tree.leaves.take_out(rows));
    }

    /// At least this many wanted rows, where there are as many.
    pub fn candidates(&self, query: &[f32], count: usize, wanted: &Wanted<'_>) -> Vec<u32> {
        let point = self.points.query(query);
        let mut seen = Seen::new(self.rows);
        let mut candidates = Vec::new();
        let mut branches: BinaryHeap<Branch> = (0..)
            .zip(&self.trees)
            .map(|(at, tree)| Branch {
                bound: C::START,
                tree: at,
                child: tree.root(),
            })
            .collect();
        while candidates.len() < count {
            let Some(branch) = branches.pop() else {
                break;
            };
            for &row in self.follow(branch, &point, &mut branches) {
                if seen.note(row) && wanted.has(row) {
                    candidates.push(row);
                }
            }
        }
        candidates
    }

    /// Go down to a leaf, and leave the other sides aside for later.
    fn follow(&self, branch: Branch, point: &[f32], aside: &mut BinaryHeap<Branch>) -> &[u32] {
        let tree = &self.trees[branch.tree as usize];
        let Branch {
            mut bound,
            mut child,
            ..
        } = branch;
        while child & LEAF == 0 {
            let node = &tree.nodes[child as usize];
            let margin = C::margin(node, tree.plane::<C>(child, point.len()), point);
            let (near, far) = match margin > 0.0 {
                true => (node.above, node.below),
                false => (node.below, node.above),
            };
            let (near_bound, far_bound) = C::bounds(bound, margin);
            aside.push(Branch {
                bound: far_bound,
                tree: branch.tree,
                child: far,
            });
            (bound, child) = (near_bound, near);
        }
        tree.leaves.get(child & !LEAF)
    }

    pub fn save(&self, removed: &Bitmap) -> Saved<'static> {
        let mut head = Head::new()
            .put(self.rows)
            .put(self.trained)
            .put_f32(self.points.lift())
            .put(self.trees.len() as u32);
        let (mut nodes, mut planes, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for tree in &self.trees {
            head = head.put(tree.nodes.len() as u32);
            for node in &tree.nodes {
                nodes.extend([node.axis, node.cut.to_bits(), node.below, node.above]);
            }
            planes.extend_from_slice(&tree.planes);
            places.extend_from_slice(tree.leaves.places());
        }
        let removed = bytemuck::cast_slice(removed.words()).to_vec();
        vec![
            ("forest.head", head.into_bytes()),
            ("removed", Cow::Owned(removed)),
            (
                "forest.nodes",
                Cow::Owned(bytemuck::cast_slice(&nodes).to_vec()),
            ),
            (
                "forest.planes",
                Cow::Owned(bytemuck::cast_slice(&planes).to_vec()),
            ),
            (
                "forest.places",
                Cow::Owned(bytemuck::cast_slice(&places).to_vec()),
            ),
        ]
    }

    /// The forest and its removed rows.
    pub fn load(sections: &Sections, vectors: &Vectors<'_>) -> Result<(Forest<C>, Bitmap), Error> {
        let mut head = sections.head("forest.head")?;
        let rows = head.take("the number of rows", vectors.len())?;
        let trained = head.take("the rows learnt from", u32::MAX)?;
        let points = Points::with_lift(vectors, head.take_f32("the lift")?);
        let n_trees = head.take("the number of trees", MOST_TREES)? as usize;
        let mut counts = Vec::new();
        for _ in 0..n_trees {
            counts.push(head.take("the nodes of a tree", LEAF - 1)? as usize);
        }
        let n_nodes: usize = counts.iter().sum();
        let plane = if C::HAS_PLANES { points.dim() } else { 0 };
        let nodes = sections.block::<u32>("forest.nodes", n_nodes * NODE_NUMBERS)?;
        let planes = sections.block::<f32>("forest.planes", n_nodes * plane)?;
        let places = sections.block::<u32>("forest.places", n_trees * rows as usize)?;
        let removed = sections.removed(rows)?;
        let (mut trees, mut at) = (Vec::new(), 0);
        for (tree, count) in counts.into_iter().enumerate() {
            let nodes = &nodes[at * NODE_NUMBERS..(at + count) * NODE_NUMBERS];
            let places = &places[tree * rows as usize..(tree + 1) * rows as usize];
            let tree = Tree {
                nodes: load_nodes(nodes, points.dim())?,
                planes: planes[at * plane..(at + count) * plane].to_vec(),
                leaves: Lists::load("forest.places", count + 1, places, &removed)?,
            };
            tree.check()?;
            trees.push(tree);
            at += count;
        }
        let forest = Forest {
            points,
            trained,
            rows,
            trees,
            kind: PhantomData,
        };
        Ok((forest, removed))
    }
}

/// Every tree is cut at other places.
fn seed(work: &Work<'_>, tree: usize) -> u64 {
    work.seed ^ (tree as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
