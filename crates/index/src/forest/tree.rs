//! One tree: nodes that cut, and lists of rows that hang on them.

use super::{Cut, Space};
use crate::error::Error;
use crate::lists::Lists;
use crate::work::{Random, Work};

/// Marks a child that is a leaf.
pub const LEAF: u32 = 1 << 31;
/// Numbers of a saved node.
pub const NODE_NUMBERS: usize = 4;

/// A cut and what lies on its sides: nodes, or leaves with a mark.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub axis: u32,
    pub cut: f32,
    pub below: u32,
    pub above: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The first is the root; a node stands before its children.
    pub nodes: Vec<Node>,
    pub planes: Vec<f32>,
    pub leaves: Lists,
}

impl Tree {
    /// A tree of one leaf with these rows, of `end` in all.
    pub fn of(rows: &[u32], end: u32) -> Tree {
        let mut leaves = Lists::new(1);
        leaves.resize(end);
        rows.iter().for_each(|&row| leaves.put(row, 0));
        Tree {
            leaves,
            ..Tree::default()
        }
    }

    pub fn root(&self) -> u32 {
        if self.nodes.is_empty() { LEAF } else { 0 }
    }

    pub fn plane<C: Cut>(&self, node: u32, dim: usize) -> &[f32] {
        if !C::HAS_PLANES {
            return &[];
        }
        let at = node as usize * dim;
        &self.planes[at..at + dim]
    }

    /// Cut leaves until each is small; `None` when it was cancelled.
    pub fn grow<C: Cut>(mut self, space: &Space<'_>, seed: u64, work: &Work<'_>) -> Option<Tree> {
        let most = C::leaf_rows(space.points.dim());
        let mut stack = vec![(None, 0)];
        while let Some((parent, leaf)) = stack.pop() {
            if (work.is_cancelled)() {
                return None;
            }
            if self.leaves.get(leaf).len() <= most {
                continue;
            }
            let mut random = Random::new(seed ^ u64::from(leaf) << 32);
            if let Some((node, new)) = self.cut_leaf::<C>(space, parent, leaf, &mut random) {
                stack.push((Some((node, true)), new));
                stack.push((Some((node, false)), leaf));
            }
        }
        Some(self)
    }

    /// Cut a leaf, which stands above or below its parent, in two: itself
    /// below, and a new one above. Answers the new node and leaf.
    fn cut_leaf<C: Cut>(
        &mut self,
        space: &Space<'_>,
        parent: Option<(u32, bool)>,
        leaf: u32,
        random: &mut Random,
    ) -> Option<(u32, u32)> {
        let rows = self.leaves.get(leaf);
        let chosen = C::choose(space, rows, random)?;
        let node = self.nodes.len() as u32;
        let mut buffer = Vec::new();
        let mut made = Node {
            axis: chosen.axis,
            cut: chosen.cut,
            below: leaf | LEAF,
            above: leaf | LEAF,
        };
        let margin = |&row: &u32| C::row_margin(space, &made, &chosen.plane, row, &mut buffer);
        let is_above: Vec<bool> = rows.iter().map(margin).map(|margin| margin > 0.0).collect();
        if is_above.iter().all(|above| *above == is_above[0]) {
            return None;
        }
        let new = self.leaves.split(leaf, &is_above);
        made.above = new | LEAF;
        self.nodes.push(made);
        self.planes.extend(chosen.plane);
        match parent {
            Some((parent, true)) => self.nodes[parent as usize].above = node,
            Some((parent, false)) => self.nodes[parent as usize].below = node,
            None => {}
        }
        Some((node, new))
    }

    /// The leaf of a point, and on which side of which node it is.
    fn descend<C: Cut>(&self, point: &[f32]) -> (Option<(u32, bool)>, u32) {
        let (mut parent, mut child) = (None, self.root());
        while child & LEAF == 0 {
            let node = &self.nodes[child as usize];
            let is_above = C::margin(node, self.plane::<C>(child, point.len()), point) > 0.0;
            parent = Some((child, is_above));
            child = if is_above { node.above } else { node.below };
        }
        (parent, child & !LEAF)
    }

    pub fn insert<C: Cut>(&mut self, space: &Space<'_>, row: u32, point: &[f32], seed: u64) {
        let (parent, leaf) = self.descend::<C>(point);
        self.leaves.put(row, leaf);
        let most = 2 * C::leaf_rows(point.len());
        let count = self.leaves.get(leaf).len();
        // Rows that cannot be told apart are not looked at again with each one that joins them.
        if count > most && (count - most).is_power_of_two() {
            let mut random = Random::new(seed ^ u64::from(leaf) << 32 ^ count as u64);
            self.cut_leaf::<C>(space, parent, leaf, &mut random);
        }
    }

    pub fn memory_bytes(&self) -> u64 {
        let nodes = self.nodes.len() * size_of::<Node>() + size_of_val(self.planes.as_slice());
        self.leaves.memory_bytes() + nodes as u64
    }

    /// That every node and leaf hangs on one node before it, so that a way down ends.
    pub fn check(&self) -> Result<(), Error> {
        let mut hangs = vec![false; self.nodes.len() + self.leaves.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for child in [node.below, node.above] {
                let index = (child & !LEAF) as usize;
                let (is_known, place) = match child & LEAF {
                    0 => (index > at && index < self.nodes.len(), index),
                    _ => (index < self.leaves.len(), self.nodes.len() + index),
                };
                if !is_known || std::mem::replace(&mut hangs[place], true) {
                    let reason = format!("node {at} has a child that it cannot have");
                    return Err(Error::damaged("forest.nodes", reason));
                }
            }
        }
        Ok(())
    }
}

pub fn load_nodes(numbers: &[u32], dim: usize) -> Result<Vec<Node>, Error> {
    let (nodes, _) = numbers.as_chunks::<NODE_NUMBERS>();
    let node = |&[axis, cut, below, above]: &[u32; NODE_NUMBERS]| {
        if axis as usize >= dim {
            return Err(Error::damaged("forest.nodes", "an axis is not there"));
        }
        Ok(Node {
            axis,
            cut: f32::from_bits(cut),
            below,
            above,
        })
    };
    nodes.iter().map(node).collect()
}
