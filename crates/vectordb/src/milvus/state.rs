//! What is kept of a library but vectors, in memory: a copy of all records, which follows the server, or as many of them as
//! an answer needs. It talks to no server; every answer about items is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::docs::*;
use crate::batch::Owner;
use crate::error::{Error, Result};
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::paths::path_from_bytes;
use crate::records::{Item, PackRecord, SourceKind, Tag, Vocabulary};

/// Records by kind and name, and where items are found by what they have.
#[derive(Default)]
pub(super) struct State {
    /// Batches that were written, each once: their number is the change number.
    pub(super) journal: FxHashSet<i64>,
    /// Batches that are not in the journal here, where only some records are.
    n_batches: u64,
    pub(super) schema: Option<i64>,
    pub(super) collections: BTreeMap<String, CollectionDoc>,
    pub(super) packs: BTreeMap<String, PackDoc>,
    pub(super) sources: BTreeMap<i64, SourceDoc>,
    pub(super) settings: Arc<BTreeMap<(String, String), String>>,
    pub(super) failures: BTreeMap<(i64, Vec<u8>), FailureDoc>,
    pub(super) contents: BTreeMap<[u8; 32], ContentDoc>,
    pub(super) phrases: FxHashMap<[u8; 32], PhraseDoc>,
    pub(super) items: BTreeMap<i64, ItemDoc>,
    pub(super) metadata_keys: BTreeSet<String>,
    places: FxHashMap<(i64, Vec<u8>), i64>,
    by_content: FxHashMap<[u8; 32], BTreeSet<i64>>,
    by_phrase: FxHashMap<[u8; 32], BTreeSet<i64>>,
}

/// The hash that names a text.
pub(super) fn phrase_hash(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

impl State {
    pub(super) fn change(&self) -> Change {
        Change(self.n_batches + self.journal.len() as u64)
    }

    /// The same library without any item, content, caption or skipped file, for some of them to be added.
    pub(super) fn without_items(&self) -> State {
        State {
            n_batches: self.change().0,
            schema: self.schema,
            collections: self.collections.clone(),
            packs: self.packs.clone(),
            sources: self.sources.clone(),
            settings: Arc::clone(&self.settings),
            metadata_keys: self.metadata_keys.clone(),
            ..State::default()
        }
    }

    /// Take a record's new state; none removes it.
    pub(super) fn apply(&mut self, key: Key, doc: Option<Doc>) {
        match (key, doc) {
            (Key::Library, Some(Doc::Library { schema })) => self.schema = Some(schema),
            (Key::Collection(name), Some(Doc::Collection(doc))) => {
                drop(self.collections.insert(name, doc))
            }
            (Key::Pack(fingerprint), Some(Doc::Pack(doc))) => {
                drop(self.packs.insert(fingerprint, doc))
            }
            (Key::Source(id), Some(Doc::Source(doc))) => drop(self.sources.insert(id, doc)),
            (Key::Setting(of, key), Some(Doc::Setting(value))) => {
                drop(Arc::make_mut(&mut self.settings).insert((of, key), value))
            }
            (Key::Failure(of, path), Some(Doc::Failure(doc))) => {
                drop(self.failures.insert((of, path), doc))
            }
            (Key::Content(hash), Some(Doc::Content(doc))) => drop(self.contents.insert(hash, doc)),
            (Key::Phrase(hash), Some(Doc::Phrase(doc))) => drop(self.phrases.insert(hash, doc)),
            (Key::Item(id), Some(Doc::Item(doc))) => self.put_item(id, doc),
            (Key::Setting(of, key), None) => {
                drop(Arc::make_mut(&mut self.settings).remove(&(of, key)))
            }
            (Key::Metadata(key), Some(_)) => drop(self.metadata_keys.insert(key)),
            (Key::Failure(of, path), None) => drop(self.failures.remove(&(of, path))),
            (Key::Content(hash), None) => drop(self.contents.remove(&hash)),
            (Key::Phrase(hash), None) => drop(self.phrases.remove(&hash)),
            (Key::Item(id), None) => self.remove_item(id),
            // Nothing removes these, a record is of its key's kind, and which captions an item has stands in the item.
            _ => {}
        }
    }

    fn put_item(&mut self, id: i64, doc: ItemDoc) {
        self.remove_item(id);
        self.places.insert((doc.source, doc.path.clone()), id);
        self.by_content
            .entry(doc.content().0)
            .or_default()
            .insert(id);
        for (text, _) in doc.said() {
            self.by_phrase
                .entry(phrase_hash(text))
                .or_default()
                .insert(id);
        }
        self.items.insert(id, doc);
    }

    fn remove_item(&mut self, id: i64) {
        let Some(doc) = self.items.remove(&id) else {
            return;
        };
        let place = (doc.source, doc.path.clone());
        // Another item may have taken the place already.
        if self.places.get(&place) == Some(&id) {
            self.places.remove(&place);
        }
        let forget = |index: &mut FxHashMap<[u8; 32], BTreeSet<i64>>, key: [u8; 32]| {
            if let Some(ids) = index.get_mut(&key) {
                ids.remove(&id);
                if ids.is_empty() {
                    index.remove(&key);
                }
            }
        };
        forget(&mut self.by_content, doc.content().0);
        for (text, _) in doc.said() {
            forget(&mut self.by_phrase, phrase_hash(text));
        }
    }

    pub(super) fn item_at(&self, source: SourceId, path: &[u8]) -> Option<i64> {
        self.places.get(&(source.0, path.to_vec())).copied()
    }

    /// Items of any collection that have a content.
    pub(super) fn with_content(&self, hash: &[u8; 32]) -> impl Iterator<Item = i64> {
        self.by_content.get(hash).into_iter().flatten().copied()
    }

    /// Whether the records note a vector of this content, or else phrase, in a space.
    pub(super) fn has(&self, is_content: bool, hash: &[u8; 32], key: &str, part: u32) -> bool {
        let have = match is_content {
            true => self.contents.get(hash).map(|content| &content.have),
            false => self.phrases.get(hash).map(|phrase| &phrase.have),
        };
        let parts = have.and_then(|have| have.get(key));
        parts.is_some_and(|parts| parts.binary_search(&part).is_ok())
    }

    /// Whether they note any.
    pub(super) fn has_any(&self, is_content: bool, hash: &[u8; 32], key: &str) -> bool {
        let have = match is_content {
            true => self.contents.get(hash).map(|content| &content.have),
            false => self.phrases.get(hash).map(|phrase| &phrase.have),
        };
        let parts = have.and_then(|have| have.get(key));
        parts.is_some_and(|parts| !parts.is_empty())
    }

    /// Items of any collection with a caption of this text.
    pub(super) fn with_phrase(&self, hash: &[u8; 32]) -> impl Iterator<Item = i64> {
        self.by_phrase.get(hash).into_iter().flatten().copied()
    }

    /// A collection's items, by rising id.
    pub(super) fn items_of<'a>(
        &'a self,
        collection: &'a str,
    ) -> impl Iterator<Item = (i64, &'a ItemDoc)> {
        let all = self.items.iter().map(|(&id, doc)| (id, doc));
        all.filter(move |(_, doc)| doc.collection == collection)
    }

    /// A source of the collection; any other is refused.
    pub(super) fn source(&self, collection: &str, id: SourceId) -> Result<&SourceDoc> {
        let source = self
            .sources
            .get(&id.0)
            .filter(|source| source.collection == collection);
        source.ok_or(Error::NoSuchSource(id))
    }

    /// The collection's sources in the order in which they were made.
    pub(super) fn sources_of<'a>(&'a self, collection: &'a str) -> Vec<(i64, &'a SourceDoc)> {
        let all = self.sources.iter().map(|(&id, doc)| (id, doc));
        let mut sources: Vec<_> = all
            .filter(|(_, doc)| doc.collection == collection)
            .collect();
        sources.sort_by_key(|(id, doc)| (doc.made_ns, *id));
        sources
    }

    /// The collection's source of this kind and root.
    pub(super) fn source_at(&self, collection: &str, kind: SourceKind, root: &[u8]) -> Option<i64> {
        let is_it = |doc: &SourceDoc| {
            doc.collection == collection && doc.kind() == kind && doc.root == root
        };
        let mut all = self.sources.iter();
        all.find(|(_, doc)| is_it(doc)).map(|(&id, _)| id)
    }

    pub(super) fn active(&self, collection: &str) -> Option<&str> {
        self.collections.get(collection)?.active.as_deref()
    }

    /// The collection's pack of this fingerprint; any other is refused.
    pub(super) fn pack(&self, collection: &str, fingerprint: &str) -> Result<PackRecord> {
        let known = self.collections.get(collection);
        let has = known.is_some_and(|known| known.packs.iter().any(|pack| pack == fingerprint));
        let pack = self.packs.get(fingerprint).filter(|_| has);
        if let Some(pack) = pack {
            return Ok(pack.record(fingerprint));
        }
        let active = self
            .active(collection)
            .and_then(|active| self.packs.get(active).map(|pack| pack.record(active)));
        let expected = active.map_or("no pack yet".to_owned(), |pack| {
            format!("{} {}", pack.name, pack.fingerprint)
        });
        Err(Error::Fingerprint {
            collection: collection.to_owned(),
            expected,
            got: fingerprint.to_owned(),
        })
    }

    /// What the collection's active pack, and its own list, see in a content, the most probable first.
    pub(super) fn tags(&self, collection: &str, content: &ContentDoc) -> Vec<Tag> {
        let Some(active) = self.active(collection) else {
            return Vec::new();
        };
        let mut tags: Vec<Tag> = Vec::new();
        let seen = |tag: &&TagDoc| {
            tag.pack == active && tag.collection.as_deref().is_none_or(|of| of == collection)
        };
        for tag in content.tags.iter().filter(seen) {
            match tags.iter_mut().find(|known| known.name == tag.name) {
                Some(known) => known.probability = known.probability.max(tag.probability),
                None => tags.push(Tag {
                    name: tag.name.clone(),
                    probability: tag.probability,
                }),
            }
        }
        most_probable_first(&mut tags);
        tags
    }

    /// What the vocabularies of a pack and of a collection say of a content, the most probable first.
    pub(super) fn said(
        &self,
        collection: &str,
        pack: &str,
        hash: ContentHash,
    ) -> Vec<(ContentHash, Vocabulary, Vec<Tag>)> {
        let all = self.contents.get(&hash.0).map(|content| &content.tags);
        let of = |vocabulary: Vocabulary, of: Option<&str>| {
            let said = all.into_iter().flatten();
            let said = said.filter(|tag| tag.pack == pack && tag.collection.as_deref() == of);
            let mut tags: Vec<Tag> = said
                .map(|tag| Tag {
                    name: tag.name.clone(),
                    probability: tag.probability,
                })
                .collect();
            most_probable_first(&mut tags);
            (hash, vocabulary, tags)
        };
        let both = [
            of(Vocabulary::Pack, None),
            of(Vocabulary::Collection, Some(collection)),
        ];
        both.into_iter()
            .filter(|(_, _, tags)| !tags.is_empty())
            .collect()
    }

    /// An item of the collection as it is handed out.
    pub(super) fn item(&self, collection: &str, id: ItemId) -> Option<Item> {
        let doc = self
            .items
            .get(&id.get())
            .filter(|doc| doc.collection == collection)?;
        let source = self.sources.get(&doc.source)?;
        let content = self.contents.get(&doc.content().0)?;
        Some(Item {
            id,
            source: SourceId(doc.source),
            source_kind: source.kind(),
            root: path_from_bytes(&source.root),
            online: source.online,
            path: doc.path.clone(),
            content: content.record(doc.content()),
            size: doc.size,
            mtime_ns: doc.mtime_ns,
            checked_ns: doc.checked_ns,
            added_ns: doc.added_ns,
            change: Change(doc.change),
            metadata: doc.metadata(),
            captions: doc.captions(),
            tags: self.tags(collection, content),
        })
    }
}

fn most_probable_first(tags: &mut [Tag]) {
    tags.sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then_with(|| a.name.cmp(&b.name))
    });
}

/// Whose vectors a row of a space is of, as it stands in the row.
pub(super) fn owner_key(owner: &Owner) -> String {
    match owner {
        Owner::Content(hash) => format!("c{hash}"),
        Owner::Phrase(text) => format!("p{}", ContentHash(phrase_hash(text))),
    }
}

/// Whether it is a content, and its hash.
pub(super) fn owner_of(key: &str) -> Option<(bool, [u8; 32])> {
    let hash: ContentHash = key.get(1..)?.parse().ok()?;
    Some((key.starts_with('c'), hash.0))
}
