//! Makes features and vectors at the target equal to those of the source, but for what rounding does to them.

use std::collections::{BTreeMap, BTreeSet};

use fovea_vectordb::{
    Batch, ContentHash, Database, Item, ItemId, Operation, Owner, PackRecord, Part, Precision,
    SpaceRecord, SpaceSource,
};

use super::copy::Copying;
use crate::error::Error;

/// Contents whose features are compared and written together.
const AT_ONCE: usize = 256;
/// Share of its largest number by which a vector in 16 bits may differ, which is what one rounding does.
const HALF: f32 = 1e-3;
/// The same of one in 32 bits, which is brought to unit length again.
const SINGLE: f32 = 1e-6;

/// Vectors of one space, by whose they are and by part.
type Kept = BTreeMap<(Owner, u32), (Part, Vec<f32>)>;

/// Features of one pack, by content and part.
type Features = BTreeMap<(ContentHash, u32), (Part, Vec<f32>)>;

impl Copying<'_> {
    /// Vectors of stored spaces that these items have, where the target has others or none.
    pub(super) fn vectors(
        &mut self,
        items: &[Item],
        theirs: &[Item],
        packs: &[PackRecord],
    ) -> Result<Vec<Operation>, Error> {
        let mut operations = Vec::new();
        for pack in packs {
            let stored = |space: &&SpaceRecord| space.source == SpaceSource::Stored;
            for space in pack.spaces.iter().filter(stored) {
                let ours = kept(self.from, pack, &space.name, items)?;
                let known = kept(self.to, pack, &space.name, theirs)?;
                for content in superfluous(&ours, &known) {
                    operations.push(Operation::RemoveParts { content });
                }
                let near = near_of(space.precision);
                for ((owner, index), (part, vector)) in ours {
                    let of = (owner, index);
                    let is_same = |(known_part, known): &(Part, Vec<f32>)| {
                        *known_part == part && is_near(known, &vector, near)
                    };
                    if known.get(&of).is_some_and(is_same) {
                        continue;
                    }
                    operations.push(Operation::PutVector {
                        owner: of.0,
                        pack: pack.fingerprint.clone(),
                        space: space.name.clone(),
                        part,
                        vector,
                    });
                    self.moved.n_vectors += 1;
                }
            }
        }
        // Removing parts of a content takes those of all packs: it comes before what puts some again.
        operations.sort_by_key(|operation| !matches!(operation, Operation::RemoveParts { .. }));
        Ok(operations)
    }

    /// Features of a pack; whether it came to its end.
    pub(super) fn features(&mut self, pack: &PackRecord) -> Result<bool, Error> {
        let mut after = None;
        loop {
            if self.observer.is_cancelled() {
                return Ok(false);
            }
            self.claim.holds()?;
            let ours = features(self.from, pack, after)?;
            let Some(last) = ours.keys().next_back().map(|(hash, _)| *hash) else {
                return Ok(true);
            };
            let known = self.known_features(pack, after, last)?;
            let operations = renewed(&pack.fingerprint, ours, &known);
            self.moved.n_features += operations.len() as u64;
            if !operations.is_empty() {
                self.to.write(&Batch::from(operations))?;
            }
            after = Some(last);
        }
    }

    /// Those of the target up to a content, of which it may have others between.
    fn known_features(
        &self,
        pack: &PackRecord,
        mut after: Option<ContentHash>,
        last: ContentHash,
    ) -> Result<Features, Error> {
        let mut known = Features::new();
        loop {
            let page = features(self.to, pack, after)?;
            let Some(end) = page.keys().next_back().map(|(hash, _)| *hash) else {
                return Ok(known);
            };
            known.extend(page);
            if end >= last {
                return Ok(known);
            }
            after = Some(end);
        }
    }
}

/// What puts features where there are others or none, after removing parts that are no more.
fn renewed(pack: &str, ours: Features, known: &Features) -> Vec<Operation> {
    let (first, last) = (
        ours.keys().next().copied(),
        ours.keys().next_back().copied(),
    );
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let within = known.range((first.0, 0)..=(last.0, u32::MAX));
    let gone = within.filter(|(of, _)| of.1 != 0 && !ours.contains_key(of));
    let gone: BTreeSet<ContentHash> = gone
        .map(|(of, _)| of.0)
        .filter(|content| {
            ours.range((*content, 0)..=(*content, u32::MAX))
                .next()
                .is_some()
        })
        .collect();
    let removed = gone
        .iter()
        .map(|&content| Operation::RemoveParts { content });
    let mut operations: Vec<Operation> = removed.collect();
    for (of, (part, feature)) in ours {
        let is_same = |(known_part, known): &(Part, Vec<f32>)| {
            *known_part == part && is_near(known, &feature, HALF)
        };
        if !gone.contains(&of.0) && known.get(&of).is_some_and(is_same) {
            continue;
        }
        operations.push(Operation::PutFeature {
            content: of.0,
            pack: pack.to_owned(),
            part,
            feature,
        });
    }
    operations
}

/// Contents that have parts at the target which they have no more at the source.
fn superfluous(ours: &Kept, known: &Kept) -> BTreeSet<ContentHash> {
    let gone = known.keys().filter(|(_, part)| *part != 0);
    let gone = gone.filter(|of| !ours.contains_key(of));
    gone.filter_map(|(owner, _)| match owner {
        Owner::Content(hash) => Some(*hash),
        Owner::Phrase(_) => None,
    })
    .collect()
}

fn kept(
    database: &dyn Database,
    pack: &PackRecord,
    space: &str,
    items: &[Item],
) -> Result<Kept, Error> {
    let contents: BTreeMap<ItemId, ContentHash> = items
        .iter()
        .map(|item| (item.id, item.content.hash))
        .collect();
    let ids: Vec<ItemId> = contents.keys().copied().collect();
    if ids.is_empty() {
        return Ok(Kept::new());
    }
    let vectors = database.vectors(&pack.fingerprint, space, &ids)?;
    let kept = vectors.into_iter().filter_map(|vector| {
        let owner = match vector.caption {
            Some(text) => Owner::Phrase(text),
            None => Owner::Content(*contents.get(&vector.item)?),
        };
        Some(((owner, vector.part.index), (vector.part, vector.vector)))
    });
    Ok(kept.collect())
}

fn features(
    database: &dyn Database,
    pack: &PackRecord,
    after: Option<ContentHash>,
) -> Result<Features, Error> {
    let rows = database.features(&pack.fingerprint, after, AT_ONCE)?;
    let of = |(hash, part, feature): (ContentHash, Part, Vec<f32>)| {
        ((hash, part.index), (part, feature))
    };
    Ok(rows.into_iter().map(of).collect())
}

fn near_of(precision: Precision) -> f32 {
    match precision {
        Precision::Half => HALF,
        Precision::Single => SINGLE,
    }
}

fn is_near(left: &[f32], right: &[f32], near: f32) -> bool {
    let largest = right
        .iter()
        .fold(0f32, |most, number| most.max(number.abs()));
    let pairs = left.iter().zip(right);
    left.len() == right.len()
        && pairs
            .into_iter()
            .all(|(a, b)| (a - b).abs() <= near * largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_does_is_no_difference_and_more_is() {
        let vector = [0.6, -0.8];
        assert!(is_near(&[0.6004, -0.8], &vector, HALF));
        assert!(!is_near(&[0.6004, -0.8], &vector, SINGLE));
        assert!(!is_near(&[0.61, -0.8], &vector, HALF));
        assert!(!is_near(&[0.6], &vector, HALF));
    }
}
