//! Carrying out a batch on the copy in memory: what the records are after it, and which vectors are to be put. Nothing is
//! sent before all of it is right by what is known here.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::docs::*;
use super::session::Written;
use super::state::{State, owner_key, phrase_hash};
use super::table::Space;
use crate::batch::{Batch, Operation, Owner};
use crate::embedded::{check_item, check_tag, compared_in, now_ns};
use crate::error::{Error, Result};
use crate::ids::{ContentHash, ItemId, SourceId};
use crate::paths::path_to_bytes;
use crate::records::{
    Content, Failure, ItemDraft, PackRecord, Part, SourceRecord, SpaceRecord, SpaceSource, Tag,
    Vocabulary,
};

/// One batch on its way.
pub(super) struct Writing<'a> {
    state: &'a State,
    collection: &'a str,
    change: u64,
    pub(super) written: Written,
    /// What is where in the batch, in front of the state.
    places: FxHashMap<(i64, Vec<u8>), Option<i64>>,
    pub(super) vectors: BTreeMap<Space, BTreeMap<(String, u32), VectorRow>>,
    /// Vectors that go, by the key of their space.
    pub(super) removed: Removed,
}

/// Owners and parts of vectors, by space.
pub(super) type Removed = BTreeMap<Space, BTreeSet<(String, u32)>>;

/// A vector to be put.
pub(super) struct VectorRow {
    pub(super) part: Part,
    pub(super) vector: Vec<f32>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(state: &'a State, collection: &'a str) -> Writing<'a> {
        Writing {
            state,
            collection,
            change: state.change().0 + 1,
            written: Written::new(),
            places: FxHashMap::default(),
            vectors: BTreeMap::new(),
            removed: BTreeMap::new(),
        }
    }

    pub(super) fn carry_out_all(&mut self, batch: &Batch) -> Result<()> {
        batch
            .operations
            .iter()
            .try_for_each(|operation| self.carry_out(operation))
    }

    fn carry_out(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::PutContent(content) => self.put_content(content),
            Operation::PutFeature {
                content,
                pack,
                part,
                feature,
            } => self.put_feature(*content, pack, *part, feature),
            Operation::PutVector {
                owner,
                pack,
                space,
                part,
                vector,
            } => self.put_vector(owner, pack, space, *part, vector),
            Operation::PutTags {
                content,
                pack,
                vocabulary,
                tags,
            } => self.put_tags(*content, pack, *vocabulary, tags),
            Operation::RemoveParts { content } => self.remove_parts(*content),
            Operation::PutItem(draft) => self.put_item(draft),
            Operation::RestoreItem {
                item,
                added_ns,
                draft,
            } => self.restore_item(*item, *added_ns, draft),
            Operation::PutCaptions { item, captions } => {
                self.change_item(*item, |doc| doc.say(captions))
            }
            &Operation::Touch {
                item,
                size,
                mtime_ns,
                checked_ns,
            } => self.touch(item, size, mtime_ns, checked_ns),
            Operation::MoveItem { item, source, path } => self.move_item(*item, *source, path),
            Operation::RemoveItem(item) => self.remove_item(*item),
            Operation::PutFailure(failure) => self.put_failure(failure),
            Operation::ClearFailure { source, path } => self.clear_failure(*source, path),
        }
    }

    fn content(&self, hash: ContentHash) -> Option<&ContentDoc> {
        match self.written.get(&Key::Content(hash.0)) {
            Some(Some(Doc::Content(doc))) => Some(doc),
            Some(_) => None,
            None => self.state.contents.get(&hash.0),
        }
    }

    /// A content that was put before, to be changed.
    fn content_mut(&mut self, hash: ContentHash) -> Result<&mut ContentDoc> {
        let key = Key::Content(hash.0);
        if !self.written.contains_key(&key) {
            let known = self.state.contents.get(&hash.0).cloned();
            let known = known.ok_or(Error::NoSuchContent(hash))?;
            self.written.insert(key.clone(), Some(Doc::Content(known)));
        }
        match self.written.get_mut(&key) {
            Some(Some(Doc::Content(doc))) => Ok(doc),
            _ => Err(Error::NoSuchContent(hash)),
        }
    }

    fn phrase_mut(&mut self, text: &str) -> Option<&mut PhraseDoc> {
        let hash = phrase_hash(text);
        let known = self.state.phrases.get(&hash).cloned();
        let known = known.unwrap_or_else(|| PhraseDoc {
            text: text.to_owned(),
            have: Have::new(),
        });
        let place = self.written.entry(Key::Phrase(hash));
        match place.or_insert(Some(Doc::Phrase(known))) {
            Some(Doc::Phrase(doc)) => Some(doc),
            _ => None,
        }
    }

    /// An item of this collection.
    fn item(&self, id: i64) -> Option<&ItemDoc> {
        let doc = match self.written.get(&Key::Item(id)) {
            Some(Some(Doc::Item(doc))) => Some(doc),
            Some(_) => None,
            None => self.state.items.get(&id),
        };
        doc.filter(|doc| doc.collection == self.collection)
    }

    fn is_taken(&self, id: i64) -> bool {
        match self.written.get(&Key::Item(id)) {
            Some(doc) => doc.is_some(),
            None => self.state.items.contains_key(&id),
        }
    }

    fn item_at(&self, source: SourceId, path: &[u8]) -> Option<i64> {
        match self.places.get(&(source.0, path.to_vec())) {
            Some(found) => *found,
            None => self.state.item_at(source, path),
        }
    }

    /// An item's record, to be written anew.
    fn keep_item(&mut self, id: i64, doc: ItemDoc) {
        self.places.insert((doc.source, doc.path.clone()), Some(id));
        self.written.insert(Key::Item(id), Some(Doc::Item(doc)));
    }

    fn put_content(&mut self, content: &Content) -> Result<()> {
        let known = self.content(content.hash);
        let doc = match known {
            Some(known) => known.renewed(content),
            None => ContentDoc::of(content),
        };
        let is_seen_anew = known.is_some_and(|known| !known.looks_like(&doc));
        self.written
            .insert(Key::Content(content.hash.0), Some(Doc::Content(doc)));
        if is_seen_anew {
            self.note_content(content.hash);
        }
        Ok(())
    }

    /// What filters see of a content is another: its items have changed with it, in every collection.
    fn note_content(&mut self, hash: ContentHash) {
        let kept = self.state.with_content(&hash.0);
        let batch = self
            .written
            .iter()
            .filter_map(|(key, doc)| match (key, doc) {
                (Key::Item(id), Some(Doc::Item(doc))) if doc.content() == hash => Some(*id),
                _ => None,
            });
        let ids: BTreeSet<i64> = kept.chain(batch).collect();
        for id in ids {
            let known = match self.written.get(&Key::Item(id)) {
                Some(Some(Doc::Item(doc))) => Some(doc.clone()),
                Some(_) => None,
                None => self.state.items.get(&id).cloned(),
            };
            if let Some(mut doc) = known.filter(|doc| doc.content() == hash) {
                doc.change = self.change;
                self.written.insert(Key::Item(id), Some(Doc::Item(doc)));
            }
        }
    }

    fn put_feature(
        &mut self,
        hash: ContentHash,
        pack: &str,
        part: Part,
        feature: &[f32],
    ) -> Result<()> {
        let pack = self.state.pack(self.collection, pack)?;
        let space = features_of(&pack);
        // Only their number and that they are finite: features may be of any length.
        check_part(part)?;
        check_numbers(&format!("feature of {hash}"), pack.feature_dim, feature)?;
        have(&mut self.content_mut(hash)?.have, &space, part.index);
        self.put_row(space, Owner::Content(hash), part, feature.to_vec());
        Ok(())
    }

    fn put_vector(
        &mut self,
        owner: &Owner,
        pack: &str,
        name: &str,
        part: Part,
        vector: &[f32],
    ) -> Result<()> {
        let pack = self.state.pack(self.collection, pack)?;
        let record = space_of(&pack, name)?;
        let what = format!("vector of {owner:?} in space {name:?}");
        if record.source == SpaceSource::FromFeature {
            let reason = "the space is made of the features, put those".to_owned();
            return Err(Error::Invalid { what, reason });
        }
        check_part(part)?;
        let vector = compared_in(record, || what.clone(), vector)?;
        let space = stored(&pack, record);
        match owner {
            Owner::Content(hash) => have(&mut self.content_mut(*hash)?.have, &space, part.index),
            Owner::Phrase(text) => {
                if let Some(phrase) = self.phrase_mut(text) {
                    have(&mut phrase.have, &space, part.index);
                }
            }
        }
        self.put_row(space, owner.clone(), part, vector);
        Ok(())
    }

    fn put_row(&mut self, space: Space, owner: Owner, part: Part, vector: Vec<f32>) {
        let key = (owner_key(&owner), part.index);
        if let Some(removed) = self.removed.get_mut(&space) {
            removed.remove(&key);
        }
        let row = VectorRow { part, vector };
        self.vectors.entry(space).or_default().insert(key, row);
    }

    fn put_tags(
        &mut self,
        hash: ContentHash,
        pack: &str,
        vocabulary: Vocabulary,
        tags: &[Tag],
    ) -> Result<()> {
        tags.iter().try_for_each(check_tag)?;
        let pack = self.state.pack(self.collection, pack)?.fingerprint;
        let collection = match vocabulary {
            Vocabulary::Pack => None,
            Vocabulary::Collection => Some(self.collection.to_owned()),
        };
        let content = self.content_mut(hash)?;
        let before = content.tags.clone();
        content
            .tags
            .retain(|tag| tag.pack != pack || tag.collection != collection);
        content.tags.extend(tags.iter().map(|tag| TagDoc {
            pack: pack.clone(),
            collection: collection.clone(),
            name: tag.name.clone(),
            probability: tag.probability,
        }));
        if content.tags != before {
            self.note_content(hash);
        }
        Ok(())
    }

    fn remove_parts(&mut self, hash: ContentHash) -> Result<()> {
        let is_shared = self.state.with_content(&hash.0).any(|id| {
            let item = self.state.items.get(&id);
            item.is_some_and(|item| item.collection != self.collection)
        });
        if is_shared || self.content(hash).is_none() {
            return Ok(());
        }
        let spaces = spaces_by_key(self.state);
        let content = self.content_mut(hash)?;
        let mut gone = Vec::new();
        for (key, parts) in &mut content.have {
            gone.extend(
                parts
                    .iter()
                    .filter(|part| **part != 0)
                    .map(|part| (key.clone(), *part)),
            );
            parts.retain(|part| *part == 0);
        }
        let owner = owner_key(&Owner::Content(hash));
        for (key, part) in gone {
            let Some(space) = spaces.get(&key) else {
                continue;
            };
            let row = (owner.clone(), part);
            if let Some(rows) = self.vectors.get_mut(space) {
                rows.remove(&row);
            }
            self.removed.entry(space.clone()).or_default().insert(row);
        }
        Ok(())
    }

    fn put_item(&mut self, draft: &ItemDraft) -> Result<()> {
        let known = self.item_at(draft.source, &draft.path);
        let (id, added_ns) = match known.and_then(|id| Some((id, self.item(id)?.added_ns))) {
            Some(known) => known,
            None => (self.free_id(draft), now_ns()),
        };
        self.put_item_as(draft, id, added_ns)
    }

    /// An item under an id that was given elsewhere.
    fn restore_item(&mut self, item: ItemId, added_ns: i64, draft: &ItemDraft) -> Result<()> {
        let id = item.get();
        if self.item(id).is_some() {
            self.move_item(item, draft.source, &draft.path)?;
        } else if self.is_taken(id) {
            return Err(Error::Invalid {
                what: format!("item {item}"),
                reason: "an item of another collection has its id".to_owned(),
            });
        } else if let Some(covered) = self.item_at(draft.source, &draft.path) {
            self.written.insert(Key::Item(covered), None);
        }
        self.put_item_as(draft, id, added_ns)
    }

    fn put_item_as(&mut self, draft: &ItemDraft, id: i64, added_ns: i64) -> Result<()> {
        let kind = self.state.source(self.collection, draft.source)?.kind();
        check_item(kind, &draft.path, &draft.metadata)?;
        if self.content(draft.content).is_none() {
            return Err(Error::NoSuchContent(draft.content));
        }
        let doc = ItemDoc::of(self.collection, draft, added_ns, self.change);
        self.keep_item(id, doc);
        self.clear_failure(draft.source, &draft.path)
    }

    fn free_id(&self, draft: &ItemDraft) -> i64 {
        let mut nonce = 0;
        loop {
            let id = ItemId::derive(self.collection, draft.source, &draft.path, nonce).get();
            if !self.is_taken(id) {
                return id;
            }
            nonce += 1;
        }
    }

    fn change_item(&mut self, item: ItemId, change: impl FnOnce(&mut ItemDoc)) -> Result<()> {
        let mut doc = self
            .item(item.get())
            .cloned()
            .ok_or(Error::NoSuchItem(item))?;
        change(&mut doc);
        doc.change = self.change;
        self.keep_item(item.get(), doc);
        Ok(())
    }

    /// Only a new size or time is a change.
    fn touch(&mut self, item: ItemId, size: u64, mtime_ns: i64, checked_ns: i64) -> Result<()> {
        let Some(mut doc) = self.item(item.get()).cloned() else {
            return Ok(());
        };
        if (doc.size, doc.mtime_ns) != (size, mtime_ns) {
            doc.change = self.change;
        }
        (doc.size, doc.mtime_ns, doc.checked_ns) = (size, mtime_ns, checked_ns);
        self.keep_item(item.get(), doc);
        Ok(())
    }

    fn move_item(&mut self, item: ItemId, source: SourceId, path: &[u8]) -> Result<()> {
        let kind = self.state.source(self.collection, source)?.kind();
        check_item(kind, path, &crate::records::Metadata::new())?;
        let old = self.item(item.get()).ok_or(Error::NoSuchItem(item))?;
        let place = (old.source, old.path.clone());
        if let Some(covered) = self
            .item_at(source, path)
            .filter(|covered| *covered != item.get())
        {
            self.written.insert(Key::Item(covered), None);
        }
        self.places.insert(place, None);
        self.change_item(item, |doc| {
            (doc.source, doc.path) = (source.0, path.to_vec());
            doc.words = std::sync::OnceLock::new();
        })?;
        self.clear_failure(source, path)
    }

    fn remove_item(&mut self, item: ItemId) -> Result<()> {
        if let Some(doc) = self.item(item.get()) {
            let place = (doc.source, doc.path.clone());
            self.places.insert(place, None);
            self.written.insert(Key::Item(item.get()), None);
        }
        Ok(())
    }

    fn put_failure(&mut self, failure: &Failure) -> Result<()> {
        self.state.source(self.collection, failure.source)?;
        let key = Key::Failure(failure.source.0, failure.path.clone());
        self.written
            .insert(key, Some(Doc::Failure(FailureDoc::of(failure))));
        Ok(())
    }

    fn clear_failure(&mut self, source: SourceId, path: &[u8]) -> Result<()> {
        self.state.source(self.collection, source)?;
        let place = (source.0, path.to_vec());
        let key = Key::Failure(source.0, path.to_vec());
        // Most files never failed, and a record of that would be a row for each.
        if self.state.failures.contains_key(&place) {
            self.written.insert(key, None);
        } else {
            self.written.remove(&key);
        }
        Ok(())
    }
}

/// A source under the id that it has elsewhere, with its state.
pub(super) fn adopted(state: &State, collection: &str, source: &SourceRecord) -> Result<Written> {
    let root = path_to_bytes(&source.root);
    let known = state.sources.get(&source.id.0);
    let at_root = state.source_at(collection, source.kind, &root);
    let mut doc = match (known, at_root) {
        (None, None) => SourceDoc::new(collection, source.kind, root, now_ns()),
        (Some(known), Some(at)) if at == source.id.0 => known.clone(),
        _ => {
            return Err(Error::Invalid {
                what: format!("source {} at {}", source.id, source.root.display()),
                reason: "another source has its number or its root".to_owned(),
            });
        }
    };
    (doc.online, doc.scanned_ns) = (source.online, source.last_scan_ns);
    Ok(Written::from([(
        Key::Source(source.id.0),
        Some(Doc::Source(doc)),
    )]))
}

fn have(have: &mut Have, space: &Space, part: u32) {
    let parts = have.entry(space.key()).or_default();
    if let Err(at) = parts.binary_search(&part) {
        parts.insert(at, part);
    }
}

/// Where a pack's features lie.
pub(super) fn features_of(pack: &PackRecord) -> Space {
    Space {
        pack: pack.fingerprint.clone(),
        name: None,
        dim: pack.feature_dim,
        metric: fovea_index::Metric::Cosine.name(),
    }
}

/// Where the vectors of a space lie: with the features where it is made of them.
pub(super) fn stored(pack: &PackRecord, record: &SpaceRecord) -> Space {
    match record.source {
        SpaceSource::FromFeature => features_of(pack),
        SpaceSource::Stored => Space {
            pack: pack.fingerprint.clone(),
            name: Some(record.name.clone()),
            dim: record.dim,
            metric: record.metric.name(),
        },
    }
}

pub(super) fn space_of<'a>(pack: &'a PackRecord, name: &str) -> Result<&'a SpaceRecord> {
    pack.space(name).ok_or_else(|| Error::UnknownSpace {
        pack: pack.fingerprint.clone(),
        space: name.to_owned(),
        known: pack.spaces.iter().map(|space| space.name.clone()).collect(),
    })
}

/// All spaces of all packs, by the key under which contents and phrases note what they have.
pub(super) fn spaces_by_key(state: &State) -> BTreeMap<String, Space> {
    let packs = state
        .packs
        .iter()
        .map(|(fingerprint, pack)| pack.record(fingerprint));
    let spaces = packs.flat_map(|pack| {
        let of_spaces: Vec<Space> = pack
            .spaces
            .iter()
            .map(|record| stored(&pack, record))
            .collect();
        of_spaces
            .into_iter()
            .chain((pack.feature_dim > 0).then(|| features_of(&pack)))
    });
    spaces.map(|space| (space.key(), space)).collect()
}

fn check_part(part: Part) -> Result<()> {
    let finite = part.region.is_none_or(|region| {
        let numbers = [region.x, region.y, region.w, region.h];
        numbers.iter().all(|number| number.is_finite())
    });
    if finite {
        return Ok(());
    }
    Err(Error::InvalidVector {
        what: format!("part {}", part.index),
        reason: "its region holds NaN or infinity",
    })
}

fn check_numbers(what: &str, expected: usize, numbers: &[f32]) -> Result<()> {
    if numbers.len() != expected {
        return Err(Error::Dimension {
            what: what.to_owned(),
            expected,
            got: numbers.len(),
        });
    }
    if numbers.iter().all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(Error::InvalidVector {
        what: what.to_owned(),
        reason: "it holds NaN or infinity",
    })
}
