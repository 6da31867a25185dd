//! Copies of the same picture, and shots that are only alike: two notions that are never mixed.
//!
//! *The same picture* is one that was saved again, resized, cropped a little, made brighter or grey, marked, mirrored, turned or
//! converted. It is decided by pixels: previews become sketches (`gather`, `sketch`), all pairs are asked whether they could be copies
//! (`candidates`, by the waves of `spectrum` and what crops do to them, `bend`), those are laid on each other (`align`, `evidence`)
//! and judged (`verdict`), and become groups around their best (`group`, `best`).
//!
//! *A similar shot* is near in the encoder's own space (`similar`).
//!
//! Nothing here changes a file but `link` and `relocate`, and these only what a report proposes.

mod align;
mod bend;
mod best;
mod candidates;
mod escape;
mod evidence;
mod files;
mod gather;
mod glance;
mod group;
mod link;
mod plane;
mod relocate;
mod similar;
mod sketch;
mod spectrum;
mod turn;
mod verdict;
mod watch;

use std::collections::HashSet;

use fovea_vectordb::{Filter, Item, ItemId, Part};

pub use best::Reason;
pub use escape::listed;
pub use files::{Done, Outcome, Untouched};
pub use relocate::LIST;
pub use similar::DEFAULT as SIMILAR;
pub use turn::Turn;
pub use watch::{Stage, Watch};

use self::best::Merit;
use self::evidence::Evidence;
use self::gather::Shared;
use self::group::{Cluster, Grouping};
use crate::error::Error;
use crate::{Engine, space};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct DedupeOptions {
    /// Only among these items.
    pub filter: Filter,
    /// Shots from this cosine on, in the encoder's own space; none are looked for without.
    pub similar: Option<f32>,
    pub threads: usize,
}

impl Default for DedupeOptions {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            similar: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Duplicates {
    /// Groups of the same picture, those first that would free most.
    pub groups: Vec<Group>,
    /// Groups of pictures that are alike and not the same, the largest first.
    pub similar: Vec<SimilarGroup>,
    pub n_items: u64,
    pub n_contents: u64,
    /// Items whose preview is not there, so that only their bytes were compared.
    pub without_preview: Vec<Item>,
    /// Contents that are blank, of which only the bytes were compared.
    pub n_blank: u64,
}

/// The same picture several times.
#[derive(Clone, Debug)]
pub struct Group {
    /// The copy that is proposed to be kept.
    pub best: Item,
    pub copies: Vec<Copy>,
}

impl Group {
    /// Bytes of the files beside the best.
    pub fn spare_bytes(&self) -> u64 {
        self.copies.iter().map(|copy| copy.item.size).sum()
    }
}

/// A copy beside the best one.
#[derive(Clone, Debug)]
pub struct Copy {
    pub item: Item,
    pub change: Change,
    /// Why the best one is better.
    pub reason: Reason,
}

/// Shots that are alike: of each picture only the copy that is proposed to be kept.
#[derive(Clone, Debug)]
pub struct SimilarGroup {
    /// Each with its cosine to the first.
    pub shots: Vec<(Item, f32)>,
}

/// What a copy is to the best one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Byte for byte.
    Identical,
    /// The picture, changed.
    Picture {
        turn: Turn,
        /// Share of the best one's area that it shows.
        shown: f32,
        /// Something that only one of them has covers a part of it.
        is_marked: bool,
        /// 1 - the share of the brightness's variation that is not explained.
        likeness: f32,
    },
}

impl Engine {
    /// Groups of the same picture; none where the watch cancelled. Reads previews, writes nothing.
    pub fn duplicates(
        &self,
        options: &DedupeOptions,
        watch: &Watch<'_>,
    ) -> Result<Option<Duplicates>, Error> {
        let contents = gather::contents(self, &options.filter)?;
        let threads = options.threads;
        let Some(sketched) = gather::sketches(self.previews(), &contents, threads, watch) else {
            return Ok(None);
        };
        let (places, entries): (Vec<_>, Vec<_>) = sketched.entries.into_iter().unzip();
        let Some(edges) = candidates::edges(&entries, threads, watch) else {
            return Ok(None);
        };
        let merits: Vec<Merit> = places.iter().map(|&at| Merit::of(&contents[at])).collect();
        let grouping = Grouping {
            entries: &entries,
            merits: &merits,
            fine: &|at| gather::fine(self.previews(), &contents[places[at]].content),
        };
        let Some(clusters) = group::groups(&grouping, &edges, threads, watch) else {
            return Ok(None);
        };
        let clusters = in_contents(clusters, &places);
        let similar = match options.similar {
            None => Vec::new(),
            Some(least) => {
                let single = not_copies(contents.len(), &clusters);
                match self.similar_shots(&contents, &single, least, threads, watch)? {
                    Some(similar) => similar,
                    None => return Ok(None),
                }
            }
        };
        let mut found = Duplicates {
            groups: self.groups_of(&contents, clusters)?,
            similar,
            n_items: contents
                .iter()
                .map(|shared| shared.items.len() as u64)
                .sum(),
            n_contents: contents.len() as u64,
            n_blank: sketched.blank.len() as u64,
            ..Duplicates::default()
        };
        for at in sketched.without_preview {
            let ids: Vec<ItemId> = contents[at].items.iter().map(|known| known.item).collect();
            found.without_preview.extend(self.database().items(&ids)?);
        }
        Ok(Some(found))
    }

    /// Groups of these contents that are near in the encoder's own space.
    fn similar_shots(
        &self,
        contents: &[Shared],
        among: &[usize],
        least: f32,
        threads: usize,
        watch: &Watch<'_>,
    ) -> Result<Option<Vec<SimilarGroup>>, Error> {
        let ids: Vec<ItemId> = among.iter().map(|&at| contents[at].items[0].item).collect();
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self
            .database()
            .vectors(pack, space::VISUAL, &ids)?
            .into_iter();
        let whole = vectors.filter(|one| one.part == Part::WHOLE);
        let (ids, vectors): (Vec<_>, Vec<_>) = whole.map(|one| (one.item, one.vector)).unzip();
        let Some(pairs) = similar::near_pairs(&vectors, least, threads, watch) else {
            return Ok(None);
        };
        let mut groups = Vec::new();
        for members in similar::gathered(ids.len(), &pairs) {
            let asked: Vec<ItemId> = members.iter().map(|(at, _)| ids[*at]).collect();
            let cosines = members.iter().map(|(_, cosine)| *cosine);
            let items = self.database().items(&asked)?;
            if items.len() == asked.len() {
                let shots = items.into_iter().zip(cosines).collect();
                groups.push(SimilarGroup { shots });
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.shots.len()));
        Ok(Some(groups))
    }

    /// Clusters of contents, and contents that several items have, as groups of items.
    fn groups_of(&self, contents: &[Shared], clusters: Vec<Cluster>) -> Result<Vec<Group>, Error> {
        let mut is_grouped = vec![false; contents.len()];
        let mut groups = Vec::new();
        for cluster in clusters {
            is_grouped[cluster.best] = true;
            for (other, _) in &cluster.others {
                is_grouped[*other] = true;
            }
            groups.extend(self.group_of(contents, &cluster)?);
        }
        for (at, shared) in contents.iter().enumerate() {
            if !is_grouped[at] && shared.items.len() > 1 {
                let others = Vec::new();
                groups.extend(self.group_of(contents, &Cluster { best: at, others })?);
            }
        }
        groups.sort_by(|a, b| {
            let spare = b.spare_bytes().cmp(&a.spare_bytes());
            spare.then(a.best.absolute().cmp(&b.best.absolute()))
        });
        Ok(groups)
    }

    /// None where items left meanwhile.
    fn group_of(&self, contents: &[Shared], cluster: &Cluster) -> Result<Option<Group>, Error> {
        let best = &contents[cluster.best];
        let merit = Merit::of(best);
        let mut ids = Vec::new();
        for known in &best.items {
            let reason = item_reason(&best.items[0], known);
            ids.push((known.item, Change::Identical, reason));
        }
        for (other, evidence) in &cluster.others {
            let shared = &contents[*other];
            let (_, reason) = merit.compare(&Merit::of(shared));
            let change = change(evidence);
            ids.extend(
                shared
                    .items
                    .iter()
                    .map(|known| (known.item, change, reason)),
            );
        }
        let asked: Vec<ItemId> = ids.iter().map(|(id, ..)| *id).collect();
        let items = self.database().items(&asked)?;
        let mut copies: Vec<Copy> = Vec::new();
        for item in items {
            if let Some((_, change, reason)) = ids.iter().find(|(id, ..)| *id == item.id) {
                copies.push(Copy {
                    item,
                    change: *change,
                    reason: *reason,
                });
            }
        }
        if copies.len() < 2 {
            return Ok(None);
        }
        let best = copies.remove(0).item;
        Ok(Some(Group { best, copies }))
    }
}

/// Places of contents that are no copies beside a best one.
fn not_copies(n: usize, clusters: &[Cluster]) -> Vec<usize> {
    let others = clusters.iter().flat_map(|cluster| &cluster.others);
    let copies: HashSet<usize> = others.map(|(at, _)| *at).collect();
    (0..n).filter(|at| !copies.contains(at)).collect()
}

/// Clusters of entries as clusters of contents.
fn in_contents(clusters: Vec<Cluster>, places: &[usize]) -> Vec<Cluster> {
    let moved = |cluster: Cluster| Cluster {
        best: places[cluster.best],
        others: cluster
            .others
            .into_iter()
            .map(|(at, evidence)| (places[at], evidence))
            .collect(),
    };
    clusters.into_iter().map(moved).collect()
}

/// Of two items with the same bytes.
fn item_reason(best: &gather::Known, other: &gather::Known) -> Reason {
    match (best.n_keys == other.n_keys, best.mtime_ns == other.mtime_ns) {
        (false, _) => Reason::Metadata,
        (true, false) => Reason::Older,
        (true, true) => Reason::Name,
    }
}

fn change(evidence: &Evidence) -> Change {
    let placement = &evidence.placement;
    Change::Picture {
        // Evidence has what brings the copy back.
        turn: evidence.turn.inverse(),
        shown: (1.0 / placement.x.scale).min(1.0) * (1.0 / placement.y.scale).min(1.0),
        is_marked: verdict::is_a_mark(evidence),
        likeness: 1.0
            - evidence
                .unexplained
                .min(evidence.unmarked.max(0.0))
                .min(1.0),
    }
}
