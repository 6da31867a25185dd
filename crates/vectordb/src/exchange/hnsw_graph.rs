//! [`HnswGraph`]: the links of a hierarchical graph, checked so that following them never leaves it.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
//! Navigable Small World graphs" (2016). It holds no vectors and searches nothing.

/// A graph over nodes `0..n`, in the layout that Faiss keeps. What is read from a file has
/// been checked: every place is within its list, and every link leads to a node on its level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HnswGraph {
    /// Where `links` of a node begins, level by level: `[0, 2 M, 3 M, ...]`. A level's links fill one step.
    pub level_starts: Vec<usize>,
    /// On how many levels each node is: at least 1.
    pub n_levels: Vec<usize>,
    /// Where each node's links begin, and one more: the end of the last.
    pub offsets: Vec<usize>,
    /// Node numbers, or -1 where a level has fewer links than it may.
    pub links: Vec<i32>,
    /// Where a search begins; none in an empty graph.
    pub entry_point: Option<usize>,
    /// Candidates kept while it was built.
    pub ef_construction: usize,
    /// Candidates kept while it is searched.
    pub ef_search: usize,
}

/// What contradicts itself, in words: `expected`, `found`.
pub(super) type Contradiction = (String, String);

impl HnswGraph {
    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.n_levels.len()
    }

    /// Links of a node above the lowest level, where it may have twice as many.
    pub fn m(&self) -> usize {
        self.level_starts.get(1).map_or(0, |most| most / 2)
    }

    /// The neighbours of a node on a level, nearest first as they were written. Empty where there is no such level.
    pub fn neighbors(&self, node: usize, level: usize) -> impl Iterator<Item = usize> + '_ {
        let range = if level < self.n_levels.get(node).copied().unwrap_or(0) {
            let start = self.offsets[node];
            start + self.level_starts[level]..start + self.level_starts[level + 1]
        } else {
            0..0
        };
        let links = self.links[range].iter();
        links.map_while(|link| usize::try_from(*link).ok())
    }

    /// Whether every index in it is one: sizes agree, links name nodes that are on their level.
    pub(super) fn check(&self) -> Result<(), Contradiction> {
        self.check_sizes()?;
        self.check_entry()?;
        if let Some(link) = self.links.iter().find(|link| **link < -1) {
            return Err(("a node or -1".to_owned(), link.to_string()));
        }
        for node in 0..self.nodes() {
            for level in 0..self.n_levels[node] {
                let lost = self.neighbors(node, level).find(|other| {
                    self.n_levels
                        .get(*other)
                        .is_none_or(|levels| *levels <= level)
                });
                if let Some(other) = lost {
                    let expected =
                        format!("links to nodes of level {level}, of {} nodes", self.nodes());
                    return Err((expected, format!("one from {node} to {other}")));
                }
            }
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), Contradiction> {
        let starts = &self.level_starts;
        if starts.first() != Some(&0) || !starts.is_sorted() || starts.len() < 2 {
            let expected = "a table of levels that begins with 0 and grows".to_owned();
            return Err((expected, format!("{:?}", &starts[..starts.len().min(8)])));
        }
        if self.offsets.len() != self.nodes() + 1 || self.offsets[0] != 0 {
            let expected = format!("{} offsets from 0", self.nodes() + 1);
            return Err((expected, self.offsets.len().to_string()));
        }
        for (node, n_levels) in self.n_levels.iter().enumerate() {
            if *n_levels == 0 || *n_levels >= starts.len() {
                let expected = format!("a node on 1 to {} levels", starts.len() - 1);
                return Err((expected, format!("node {node} on {n_levels}")));
            }
            let end = self.offsets[node].checked_add(starts[*n_levels]);
            if end != Some(self.offsets[node + 1]) {
                let expected = format!("{} links of node {node}", starts[*n_levels]);
                let found = format!(
                    "offsets {} and {}",
                    self.offsets[node],
                    self.offsets[node + 1]
                );
                return Err((expected, found));
            }
        }
        if self.offsets.last() != Some(&self.links.len()) {
            return Err((
                format!("{:?} links", self.offsets.last()),
                self.links.len().to_string(),
            ));
        }
        Ok(())
    }

    fn check_entry(&self) -> Result<(), Contradiction> {
        let top = self.n_levels.iter().max();
        let entry = self.entry_point.map(|entry| self.n_levels.get(entry));
        match (top, entry) {
            (None, None) => Ok(()),
            (Some(top), Some(Some(levels))) if top == levels => Ok(()),
            _ => Err((
                "an entry point on the top level".to_owned(),
                format!("{:?}", self.entry_point),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes that know each other, the first also on the level above; M is 1.
    fn sound() -> HnswGraph {
        HnswGraph {
            level_starts: vec![0, 2, 3],
            n_levels: vec![2, 1],
            offsets: vec![0, 3, 5],
            links: vec![1, -1, -1, 0, -1],
            entry_point: Some(0),
            ..HnswGraph::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut HnswGraph), words: &str) {
        let mut graph = sound();
        change(&mut graph);
        let said = graph
            .check()
            .map_or_else(|(expected, _)| expected, |()| "sound".to_owned());
        assert!(said.contains(words), "{said}");
    }

    #[test]
    fn graphs_that_contradict_themselves_are_refused() {
        check(|_| {}, "sound");
        check(
            |graph| graph.links[0] = 2,
            "links to nodes of level 0, of 2",
        );
        check(|graph| graph.links[0] = -2, "a node or -1");
        // The second node is not on the upper level.
        check(|graph| graph.links[2] = 1, "links to nodes of level 1");
        check(|graph| graph.entry_point = Some(1), "entry point");
        check(|graph| graph.entry_point = Some(2), "entry point");
        check(|graph| graph.entry_point = None, "entry point");
        check(|graph| graph.n_levels[0] = 3, "a node on 1 to 2 levels");
        check(|graph| graph.n_levels[1] = 0, "a node on 1 to 2 levels");
        check(|graph| graph.offsets[1] = 2, "3 links of node 0");
        check(|graph| graph.offsets[0] = 1, "offsets from 0");
        check(|graph| graph.offsets.truncate(2), "offsets from 0");
        check(|graph| graph.links.truncate(4), "links");
        check(|graph| graph.level_starts = vec![0, 2, 1], "levels");
        check(|graph| graph.level_starts.clear(), "levels");
    }

    #[test]
    fn neighbours_end_where_links_do() {
        let graph = sound();
        assert_eq!((graph.nodes(), graph.m()), (2, 1));
        assert_eq!(graph.neighbors(0, 0).collect::<Vec<_>>(), [1]);
        assert_eq!(graph.neighbors(0, 1).count(), 0);
        assert_eq!(graph.neighbors(1, 1).count(), 0);
    }
}
