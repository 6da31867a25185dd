//! Makes the records of one collection at the target equal to those of the source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fovea_vectordb::{
    Batch, Content, ContentHash, Database, Failure, Filter, Item, ItemDraft, ItemId, Operation,
    PackRecord, SourceId, SourceRecord, Tag, Vocabulary,
};

use super::Moved;
use super::claim::{Claim, MARK};
use crate::error::Error;
use crate::ingest::{IndexEvent, Observer};

/// Items that are compared and written together.
const AT_ONCE: usize = 256;
/// Ids that are read at once.
const PAGE: usize = 10_000;

/// What two vocabularies say of a content.
type Said = BTreeMap<(ContentHash, bool), Vec<Tag>>;

/// One pass over one collection.
pub(super) struct Copying<'a> {
    pub(super) from: &'a dyn Database,
    pub(super) to: &'a dyn Database,
    /// Folders of the databases, whose uploads are sources below them.
    pub(super) folders: (PathBuf, PathBuf),
    pub(super) claim: &'a Claim,
    pub(super) observer: &'a dyn Observer,
    /// Items of collections before this one.
    pub(super) n_before: u64,
    pub(super) moved: Moved,
}

impl Copying<'_> {
    /// Whether it came to its end.
    pub(super) fn run(&mut self) -> Result<bool, Error> {
        let packs = self.packs()?;
        self.sources()?;
        let ids = ids(self.from)?;
        self.remove(&ids)?;
        let known: BTreeSet<ItemId> = self::ids(self.to)?.into_iter().collect();
        for (at, some) in ids.chunks(AT_ONCE).enumerate() {
            if self.observer.is_cancelled() {
                return Ok(false);
            }
            self.claim.holds()?;
            self.items(some, &known, &packs)?;
            let n_done = self.n_before + (at * AT_ONCE + some.len()) as u64;
            self.observer.on(IndexEvent::Kept { n_done });
        }
        for pack in packs.iter().filter(|pack| pack.feature_dim > 0) {
            if !self.features(pack)? {
                return Ok(false);
            }
        }
        self.failures()?;
        self.settings()?;
        if self.moved.n_items_removed > 0 {
            self.to.sweep()?;
        }
        Ok(true)
    }

    fn packs(&mut self) -> Result<Vec<PackRecord>, Error> {
        let (packs, known) = (self.from.packs()?, self.to.packs()?);
        for pack in packs.iter().filter(|pack| !known.contains(pack)) {
            self.to.register_pack(pack)?;
            self.moved.n_others += 1;
        }
        let active = self.from.active_pack()?;
        if active != self.to.active_pack()?
            && let Some(active) = active
        {
            self.to.activate_pack(&active.fingerprint)?;
            self.moved.n_others += 1;
        }
        Ok(packs)
    }

    fn sources(&mut self) -> Result<(), Error> {
        let state = |source: &SourceRecord| SourceRecord {
            n_items: 0,
            ..source.clone()
        };
        let known: BTreeMap<SourceId, SourceRecord> = self
            .to
            .sources()?
            .iter()
            .map(|source| (source.id, state(source)))
            .collect();
        for source in self.from.sources()? {
            let mut source = state(&source);
            source.root = self.moved_root(&source.root);
            if known.get(&source.id) != Some(&source) {
                self.to.adopt_source(&source)?;
                self.moved.n_others += 1;
            }
        }
        Ok(())
    }

    /// A folder of uploads lies with the database that it belongs to.
    fn moved_root(&self, root: &Path) -> PathBuf {
        match root.strip_prefix(&self.folders.0) {
            Ok(below) => self.folders.1.join(below),
            Err(_) => root.to_owned(),
        }
    }

    /// What the source has no more goes first, so that its places are free.
    fn remove(&mut self, ids: &[ItemId]) -> Result<(), Error> {
        let kept: BTreeSet<ItemId> = ids.iter().copied().collect();
        let gone = self::ids(self.to)?
            .into_iter()
            .filter(|id| !kept.contains(id));
        let gone: Vec<Operation> = gone.map(Operation::RemoveItem).collect();
        for some in gone.chunks(AT_ONCE) {
            self.to.write(&Batch::from(some.to_vec()))?;
            self.moved.n_items_removed += some.len() as u64;
        }
        Ok(())
    }

    fn items(
        &mut self,
        ids: &[ItemId],
        known: &BTreeSet<ItemId>,
        packs: &[PackRecord],
    ) -> Result<(), Error> {
        let items = self.from.items(ids)?;
        let there: Vec<ItemId> = ids
            .iter()
            .copied()
            .filter(|id| known.contains(id))
            .collect();
        let theirs = self.to.items(&there)?;
        let mut operations = self.contents(&items, &theirs);
        operations.extend(self.vectors(&items, &theirs, packs)?);
        operations.extend(self.tags(&items, packs)?);
        let theirs: BTreeMap<ItemId, &Item> = theirs.iter().map(|item| (item.id, item)).collect();
        for item in &items {
            let is_same = |other: &&Item| restored(other) == restored(item);
            if theirs.get(&item.id).is_some_and(is_same) {
                continue;
            }
            let (added_ns, draft) = restored(item);
            operations.push(Operation::RestoreItem {
                item: item.id,
                added_ns,
                draft,
            });
            self.moved.n_items_written += 1;
        }
        self.to.write(&Batch::from(operations))?;
        Ok(())
    }

    /// Contents that are not there, or not the same. They are written with their items and counted with these.
    fn contents(&mut self, items: &[Item], theirs: &[Item]) -> Vec<Operation> {
        let of = |items: &[Item]| -> BTreeMap<ContentHash, Content> {
            let contents = items.iter().map(|item| &item.content);
            contents.map(|one| (one.hash, one.clone())).collect()
        };
        let known = of(theirs);
        let all = of(items).into_values();
        let other: Vec<Content> = all
            .filter(|content| known.get(&content.hash) != Some(content))
            .collect();
        let is_of_known = |content: &&Content| known.contains_key(&content.hash);
        self.moved.n_others += other.iter().filter(is_of_known).count() as u64;
        other.into_iter().map(Operation::PutContent).collect()
    }

    fn tags(&mut self, items: &[Item], packs: &[PackRecord]) -> Result<Vec<Operation>, Error> {
        let hashes: BTreeSet<ContentHash> = items.iter().map(|item| item.content.hash).collect();
        let hashes: Vec<ContentHash> = hashes.into_iter().collect();
        let mut operations = Vec::new();
        for pack in packs {
            let ours = said(self.from, pack, &hashes)?;
            let theirs = said(self.to, pack, &hashes)?;
            let all: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
            for of in all {
                if ours.get(&of) == theirs.get(&of) {
                    continue;
                }
                operations.push(Operation::PutTags {
                    content: of.0,
                    pack: pack.fingerprint.clone(),
                    vocabulary: match of.1 {
                        true => Vocabulary::Collection,
                        false => Vocabulary::Pack,
                    },
                    tags: ours.get(&of).cloned().unwrap_or_default(),
                });
                self.moved.n_others += 1;
            }
        }
        Ok(operations)
    }

    fn failures(&mut self) -> Result<(), Error> {
        let (ours, theirs) = (self.from.failures(None)?, self.to.failures(None)?);
        let place = |failure: &Failure| (failure.source, failure.path.clone());
        let known: BTreeMap<_, _> = theirs.iter().map(|one| (place(one), one)).collect();
        let wanted: BTreeMap<_, _> = ours.iter().map(|one| (place(one), one)).collect();
        let put = wanted
            .iter()
            .filter(|(place, failure)| known.get(place) != Some(failure))
            .map(|(_, failure)| Operation::PutFailure((*failure).clone()));
        let gone = known.keys().filter(|place| !wanted.contains_key(*place));
        let gone = gone.map(|(source, path)| Operation::ClearFailure {
            source: *source,
            path: path.clone(),
        });
        let operations: Vec<Operation> = put.chain(gone).collect();
        for some in operations.chunks(AT_ONCE) {
            self.to.write(&Batch::from(some.to_vec()))?;
            self.moved.n_failures += some.len() as u64;
        }
        Ok(())
    }

    /// Settings are all else that is kept: saved searches, concepts, keys, what people did with results, choices.
    fn settings(&mut self) -> Result<(), Error> {
        let of = |database: &dyn Database| -> Result<BTreeMap<String, String>, Error> {
            let all = database.settings("")?.into_iter();
            Ok(all.filter(|(key, _)| key != MARK).collect())
        };
        let (ours, theirs) = (of(self.from)?, of(self.to)?);
        let all: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for key in all {
            if ours.get(key) != theirs.get(key) {
                self.to
                    .set_setting(key, ours.get(key).map(String::as_str))?;
                self.moved.n_settings += 1;
            }
        }
        Ok(())
    }
}

fn ids(database: &dyn Database) -> Result<Vec<ItemId>, Error> {
    let mut ids = Vec::new();
    loop {
        let page = database.scan(&Filter::All, ids.last().copied(), PAGE)?;
        let is_last = page.len() < PAGE;
        ids.extend(page);
        if is_last {
            return Ok(ids);
        }
    }
}

/// An item as it would be put: without what follows from other records, and without the target's own numbers.
fn restored(item: &Item) -> (i64, ItemDraft) {
    let draft = ItemDraft {
        source: item.source,
        path: item.path.clone(),
        content: item.content.hash,
        size: item.size,
        mtime_ns: item.mtime_ns,
        checked_ns: item.checked_ns,
        metadata: item.metadata.clone(),
        captions: item.captions.clone(),
    };
    (item.added_ns, draft)
}

fn said(database: &dyn Database, pack: &PackRecord, hashes: &[ContentHash]) -> Result<Said, Error> {
    let said = database.tags(&pack.fingerprint, hashes)?.into_iter();
    let of = |(hash, vocabulary, tags)| ((hash, vocabulary == Vocabulary::Collection), tags);
    Ok(said.map(of).collect())
}
