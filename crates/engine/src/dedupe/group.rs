//! Pairs become groups, in each of which every copy was laid on the best one: that A is like B and B like C says nothing of A
//! and C.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::best::Merit;
use super::candidates::{Edge, Entry, laid_on};
use super::evidence::{Evidence, Prepared, compare};
use super::sketch::Sketch;
use super::turn::Turn;
use super::verdict;
use super::watch::{Stage, Watch};

/// Places of entries: the best, and what is the same with how it lies on it.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub best: usize,
    pub others: Vec<(usize, Evidence)>,
}

/// What groups are made of.
pub struct Grouping<'a> {
    pub entries: &'a [Entry],
    pub merits: &'a [Merit],
    /// The finer sketch of an entry, where there is one.
    pub fine: &'a (dyn Fn(usize) -> Option<Sketch> + Sync),
}

/// All groups, by their best; none where the watch cancelled.
pub fn groups(
    grouping: &Grouping<'_>,
    edges: &[Edge],
    threads: usize,
    watch: &Watch<'_>,
) -> Option<Vec<Cluster>> {
    let parts = components(grouping.entries.len(), edges);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= parts.len() || watch.is_cancelled() {
                return;
            }
            let mut mine = grouping.split(&parts[at]);
            watch.progress(Stage::Verifying, at, parts.len());
            let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
            all.append(&mut mine);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|cluster: &Cluster| cluster.best);
    (!watch.is_cancelled()).then_some(found)
}

/// A connected part of the graph.
#[derive(Default)]
struct Component {
    members: Vec<usize>,
    edges: Vec<Edge>,
}

fn components(n: usize, edges: &[Edge]) -> Vec<Component> {
    let mut parent: Vec<usize> = (0..n).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for edge in edges {
        let (a, b) = (root(&mut parent, edge.here), root(&mut parent, edge.other));
        parent[a.max(b)] = a.min(b);
    }
    let mut parts: BTreeMap<usize, Component> = BTreeMap::new();
    let members: BTreeSet<usize> = edges
        .iter()
        .flat_map(|edge| [edge.here, edge.other])
        .collect();
    for member in members {
        let root = root(&mut parent, member);
        parts.entry(root).or_default().members.push(member);
    }
    for edge in edges {
        let root = root(&mut parent, edge.here);
        parts.entry(root).or_default().edges.push(*edge);
    }
    parts.into_values().collect()
}

impl Grouping<'_> {
    /// The best takes what is the same; of the rest the best takes what is the same, and so on.
    fn split(&self, component: &Component) -> Vec<Cluster> {
        let mut left = component.members.clone();
        left.sort_by(|&a, &b| self.merits[a].compare(&self.merits[b]).0.then(a.cmp(&b)));
        let known: HashMap<(usize, usize), Evidence> = component
            .edges
            .iter()
            .map(|edge| ((edge.here, edge.other), edge.evidence))
            .collect();
        let mut fine: HashMap<usize, Option<Sketch>> = HashMap::new();
        let mut clusters = Vec::new();
        while left.len() > 1 {
            let best = left.remove(0);
            let mut others = Vec::new();
            left.retain(|&other| {
                let known = known.get(&(best, other)).copied();
                match self.same(best, other, known, &mut fine) {
                    Some(evidence) => {
                        others.push((other, evidence));
                        false
                    }
                    None => true,
                }
            });
            fine.remove(&best);
            if !others.is_empty() {
                clusters.push(Cluster { best, others });
            }
        }
        clusters
    }

    /// How `other` lies on `best`, where they are the same picture.
    fn same(
        &self,
        best: usize,
        other: usize,
        known: Option<Evidence>,
        fine: &mut HashMap<usize, Option<Sketch>>,
    ) -> Option<Evidence> {
        let coarse = match known {
            Some(evidence) => evidence,
            None => laid_on(&self.entries[best], &self.entries[other])?,
        };
        for place in [best, other] {
            fine.entry(place).or_insert_with(|| (self.fine)(place));
        }
        let here = fine[&best].as_ref()?;
        let there = fine[&other].as_ref()?;
        let near = Some(coarse.placement);
        let laid = Prepared::of(there, coarse.turn);
        let evidence = compare(&Prepared::of(here, Turn::NONE), &laid, near)?;
        verdict::is_same_picture(&evidence).then_some(evidence)
    }
}
