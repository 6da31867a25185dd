//! The engine for more than one machine: everything lies on a Milvus server, and this process keeps a copy of the
//! records, but of no vector, that follows the server, or of items none (`docs/milvus.md`).
//!
//! It ranks nothing and reads no image. `session` is the way to the server and the copy, `write` what a batch means,
//! `search` asks for vectors, and all else is answered by the copy.

mod address;
mod answers;
mod carry;
mod client;
mod docs;
mod evaluate;
mod expression;
mod features;
mod fields;
mod follow;
mod graphs;
mod grpc;
mod lite;
mod mend;
mod needed;
mod order;
mod prepared;
mod proto;
mod rows;
mod search;
mod session;
mod state;
mod table;
mod tls;
mod upkeep;
mod write;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

pub use self::address::MilvusAddress;
use self::carry::prepare;
use self::docs::{CollectionDoc, Doc, Key, PackDoc, SourceDoc};
use self::evaluate::{Question, matching};
use self::session::{MILVUS_SCHEMA_VERSION, Session, Turn, Written};
use self::state::State;
use self::table::Space;
use self::write::{space_of, stored};
use crate::batch::Batch;
use crate::database::{
    Database, Facet, Facets, Hit, KeywordHit, Listed, Order, VectorQuery, Wanted,
};
use crate::embedded::{OpenMode, check_filter, check_pack, now_ns};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::{Change, ContentHash, ItemId, SourceId};
use crate::indexes::{BuildObserver, IndexInfo};
use crate::paths::{path_from_bytes, path_to_bytes};
use crate::records::{
    ContentState, Failure, FileState, Info, Item, ItemVector, PackRecord, Part, Problem,
    SourceKind, SourceRecord, Stats, Tag, Vocabulary,
};

/// Items from the first on, as many at a time as suits.
const WHOLE: (i64, usize) = (0, usize::MAX);

/// One collection of a library on a Milvus server.
pub struct Milvus {
    session: Arc<Session>,
    collection: String,
    mode: OpenMode,
}

impl Milvus {
    /// Open one collection of the library at this address.
    pub fn open(address: &MilvusAddress, collection: &str, mode: OpenMode) -> Result<Milvus> {
        let session = Session::of(address, mode == OpenMode::Create)?;
        let milvus = Milvus {
            session,
            collection: collection.to_owned(),
            mode,
        };
        if milvus.session.fresh()?.collections.contains_key(collection) {
            return Ok(milvus);
        }
        if mode != OpenMode::Create {
            return Err(milvus.no_collection());
        }
        let turn = milvus.session.turn()?;
        if !milvus.session.read().collections.contains_key(collection) {
            let new = Doc::Collection(CollectionDoc::default());
            let schema = MILVUS_SCHEMA_VERSION;
            let written = Written::from([
                (Key::Library, Some(Doc::Library { schema })),
                (Key::Collection(collection.to_owned()), Some(new)),
            ]);
            milvus.session.write(&turn, written)?;
        }
        drop(turn);
        Ok(milvus)
    }

    fn no_collection(&self) -> Error {
        let known: Vec<String> = self.session.read().collections.keys().cloned().collect();
        let path = self.session.client.server().into();
        match known.is_empty() {
            true => Error::NotFound { path },
            false => Error::NoCollection {
                path,
                collection: self.collection.clone(),
                known,
            },
        }
    }

    /// Names of the collections at an address, in alphabetical order; none where nothing is kept yet.
    pub fn collections(address: &MilvusAddress) -> Result<Vec<String>> {
        match Session::of(address, false) {
            Ok(session) => Ok(session.fresh()?.collections.keys().cloned().collect()),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What the server gives reason to say, such as that its version is untested.
    pub fn warning(&self) -> Option<&str> {
        self.session.warning.as_deref()
    }

    fn turn(&self) -> Result<Turn<'_>> {
        self.check_may_write()?;
        self.session.turn()
    }

    fn check_may_write(&self) -> Result<()> {
        match self.mode {
            OpenMode::Create | OpenMode::ReadWrite => Ok(()),
            OpenMode::ReadOnly => Err(Error::ReadOnly {
                path: self.session.client.server().into(),
                reason: "it was opened to read".to_owned(),
            }),
        }
    }

    /// Write what follows from collections, packs, sources and settings as they are; nothing where nothing does.
    fn change_records(&self, change: impl FnOnce(&State) -> Result<Written>) -> Result<()> {
        let turn = self.turn()?;
        let written = change(&self.session.read())?;
        if written.is_empty() {
            return Ok(());
        }
        self.session.write(&turn, written)
    }

    /// Items that match, as far as they are needed: `visit` is given some of them, or all, until it says that it is enough.
    fn each_page(
        &self,
        filter: &Filter,
        (after, page): (i64, usize),
        mut visit: impl FnMut(&State, &Question<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let question = Question::of(filter)?;
        self.session
            .each_page(&self.collection, filter, after, page, &mut |records| {
                Ok(visit(records, &question))
            })
    }

    fn change_source(&self, source: SourceId, change: impl FnOnce(&mut SourceDoc)) -> Result<()> {
        self.change_records(|state| {
            let mut doc = state.source(&self.collection, source)?.clone();
            change(&mut doc);
            Ok(Written::from([(
                Key::Source(source.0),
                Some(Doc::Source(doc)),
            )]))
        })
    }

    fn packs_of(&self, state: &State) -> Vec<PackRecord> {
        let collection = state.collections.get(&self.collection);
        let fingerprints = collection
            .into_iter()
            .flat_map(|collection| &collection.packs);
        let packs = fingerprints.filter_map(|of| Some(state.packs.get(of)?.record(of)));
        packs.collect()
    }

    fn space(&self, state: &State, pack: &str, space: &str) -> Result<Space> {
        let pack = state.pack(&self.collection, pack)?;
        let record = space_of(&pack, space)?;
        Ok(stored(&pack, record))
    }
}

impl Database for Milvus {
    fn info(&self) -> Result<Info> {
        let n_items = self.count(&Filter::All)?;
        let state = self.session.fresh()?;
        Ok(Info {
            engine: "milvus".to_owned(),
            schema_version: MILVUS_SCHEMA_VERSION,
            collection: self.collection.clone(),
            collections: state.collections.keys().cloned().collect(),
            change: state.change(),
            n_items,
            writable: self.mode != OpenMode::ReadOnly,
        })
    }

    fn change(&self) -> Result<Change> {
        Ok(self.session.fresh()?.change())
    }

    fn register_pack(&self, pack: &PackRecord) -> Result<()> {
        if self.packs()?.contains(pack) {
            return match self.mode {
                OpenMode::ReadOnly => Ok(()),
                _ => mend::forget_lost(&self.session, &self.turn()?, pack),
            };
        }
        self.change_records(|state| {
            let known = state
                .packs
                .get(&pack.fingerprint)
                .map(|known| known.record(&pack.fingerprint));
            check_pack(pack, known.as_ref())?;
            let mut collection = state
                .collections
                .get(&self.collection)
                .cloned()
                .unwrap_or_default();
            if !collection.packs.contains(&pack.fingerprint) {
                collection.packs.push(pack.fingerprint.clone());
            }
            collection
                .active
                .get_or_insert_with(|| pack.fingerprint.clone());
            let mut written = Written::from([(
                Key::Collection(self.collection.clone()),
                Some(Doc::Collection(collection)),
            )]);
            if known.is_none() {
                written.insert(
                    Key::Pack(pack.fingerprint.clone()),
                    Some(Doc::Pack(PackDoc::of(pack))),
                );
            }
            Ok(written)
        })
    }

    fn packs(&self) -> Result<Vec<PackRecord>> {
        let state = self.session.fresh()?;
        Ok(self.packs_of(&state))
    }

    fn active_pack(&self) -> Result<Option<PackRecord>> {
        let state = self.session.fresh()?;
        let active = state.active(&self.collection);
        Ok(active.and_then(|active| Some(state.packs.get(active)?.record(active))))
    }

    fn activate_pack(&self, fingerprint: &str) -> Result<()> {
        self.change_records(|state| {
            state.pack(&self.collection, fingerprint)?;
            let mut collection = state
                .collections
                .get(&self.collection)
                .cloned()
                .unwrap_or_default();
            collection.active = Some(fingerprint.to_owned());
            Ok(Written::from([(
                Key::Collection(self.collection.clone()),
                Some(Doc::Collection(collection)),
            )]))
        })
    }

    fn source(&self, kind: SourceKind, root: &Path) -> Result<SourceId> {
        let root = path_to_bytes(root);
        // One that came from another database has the number that it had there.
        let known = |state: &State| state.source_at(&self.collection, kind, &root);
        if let Some(id) = known(&*self.session.fresh()?) {
            return Ok(SourceId(id));
        }
        let mut id = SourceDoc::id(&self.collection, kind, &root);
        self.change_records(|state| {
            if let Some(other) = known(state) {
                id = other;
                return Ok(Written::new());
            }
            let doc = SourceDoc::new(&self.collection, kind, root.clone(), now_ns());
            Ok(Written::from([(Key::Source(id), Some(Doc::Source(doc)))]))
        })?;
        Ok(SourceId(id))
    }

    fn adopt_source(&self, source: &SourceRecord) -> Result<()> {
        self.change_records(|state| write::adopted(state, &self.collection, source))
    }

    fn sources(&self) -> Result<Vec<SourceRecord>> {
        let records = self.session.records()?;
        let all = records.sources_of(&self.collection);
        let mut sources: Vec<SourceRecord> = all
            .into_iter()
            .map(|(id, doc)| SourceRecord {
                id: SourceId(id),
                kind: doc.kind(),
                root: path_from_bytes(&doc.root),
                online: doc.online,
                last_scan_ns: doc.scanned_ns,
                n_items: 0,
            })
            .collect();
        drop(records);
        for source in &mut sources {
            source.n_items = self.session.count_of_source(&self.collection, source.id)?;
        }
        Ok(sources)
    }

    fn set_online(&self, source: SourceId, online: bool) -> Result<()> {
        self.change_source(source, |doc| doc.online = online)
    }

    fn mark_scanned(&self, source: SourceId, at_ns: i64) -> Result<()> {
        self.change_source(source, |doc| {
            (doc.online, doc.scanned_ns) = (true, Some(at_ns))
        })
    }

    fn write(&self, batch: &Batch) -> Result<Change> {
        if batch.is_empty() {
            return self.change();
        }
        self.check_may_write()?;
        let turn = self.session.turn_as_known();
        let (prepared, removed) = prepare(&self.session, &self.collection, batch)?;
        self.session.commit(&turn, prepared)?;
        for (space, rows) in removed {
            upkeep::remove_vectors(&self.session, &space, rows)?;
        }
        Ok(self.session.read().change())
    }

    fn file_states(&self, source: SourceId) -> Result<Vec<FileState>> {
        answers::file_states(&self.session, &self.collection, source)
    }

    fn known_contents(&self, hashes: &[ContentHash], pack: &str) -> Result<Vec<ContentState>> {
        answers::known_contents(&self.session, &self.collection, hashes, pack)
    }

    fn items(&self, ids: &[ItemId]) -> Result<Vec<Item>> {
        let records = self.session.records_of_items(ids)?;
        Ok(ids
            .iter()
            .filter_map(|id| records.item(&self.collection, *id))
            .collect())
    }

    fn find(&self, source: SourceId, path: &[u8]) -> Result<Option<ItemId>> {
        let mut records = self.session.records()?;
        records.add_places(&self.session, &[(source.0, path.to_vec())])?;
        let id = records.item_at(source, path).filter(|id| {
            let item = records.items.get(id);
            item.is_some_and(|item| item.collection == self.collection)
        });
        Ok(id.and_then(ItemId::new))
    }

    fn scan(&self, filter: &Filter, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        let after = after.map_or(0, ItemId::get);
        let mut ids: Vec<ItemId> = Vec::new();
        self.each_page(filter, (after, limit), |state, question| {
            let views = matching(state, &self.collection, question);
            let views = views.filter(|view| view.id > after);
            ids.extend(
                views
                    .filter_map(|view| ItemId::new(view.id))
                    .take(limit - ids.len()),
            );
            match ids.len() < limit {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        Ok(ids)
    }

    fn count(&self, filter: &Filter) -> Result<u64> {
        check_filter(filter)?;
        if let Some(n) = self.session.count_matching(&self.collection, filter)? {
            return Ok(n);
        }
        let mut n = 0;
        self.each_page(filter, WHOLE, |state, question| {
            n += matching(state, &self.collection, question).count() as u64;
            ControlFlow::Continue(())
        })?;
        Ok(n)
    }

    fn facets(&self, filter: &Filter, by: &Facet, limit: usize) -> Result<Facets> {
        let mut counting = order::Counting::default();
        self.each_page(filter, WHOLE, |state, question| {
            counting.add(state, &self.collection, question, by);
            ControlFlow::Continue(())
        })?;
        Ok(counting.done(limit))
    }

    fn list(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Listed>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let mut listing = order::Listing {
            order,
            after,
            limit,
            listed: Vec::new(),
        };
        self.each_page(filter, WHOLE, |state, question| {
            listing.add(state, &self.collection, question);
            ControlFlow::Continue(())
        })?;
        Ok(listing.listed)
    }

    fn metadata_keys(&self) -> Result<Vec<String>> {
        let state = self.session.fresh()?;
        Ok(match self.session.reads_items() {
            true => state.metadata_keys.iter().cloned().collect(),
            false => order::metadata_keys(&state),
        })
    }

    fn search(&self, query: &VectorQuery<'_>) -> Result<Vec<Hit>> {
        search::search(&self.session, &self.collection, query)
    }

    fn keywords(&self, wanted: &[Wanted], filter: &Filter) -> Result<Vec<KeywordHit>> {
        let n_items = self.count(&Filter::All)?;
        answers::keywords(&self.session, &self.collection, wanted, filter, n_items)
    }

    fn known_words(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        answers::known_words(&self.session, prefix)
    }

    fn vectors(&self, pack: &str, space: &str, items: &[ItemId]) -> Result<Vec<ItemVector>> {
        let space = self.space(&*self.session.fresh()?, pack, space)?;
        upkeep::vectors_of(&self.session, &self.collection, &space, items)
    }

    fn has_vectors(&self, pack: &str, space: &str) -> Result<bool> {
        let space = self.space(&*self.session.fresh()?, pack, space)?;
        Ok(upkeep::n_vectors(&self.session, &space)? > 0)
    }

    fn build_indexes(&self, observer: &dyn BuildObserver) -> Result<u64> {
        graphs::build(&self.session, &self.collection, observer)
    }

    fn indexes(&self) -> Result<Vec<IndexInfo>> {
        upkeep::indexes(&self.session, &self.collection)
    }

    fn tune(&self, _recall: f64, _observer: &dyn BuildObserver) -> Result<Vec<IndexInfo>> {
        Err(Error::NotOnMilvus {
            what: "an index tuned for a recall".to_owned(),
            instead: "choose an index in the address: ?index=flat is exact, ?index=hnsw a graph"
                .to_owned(),
        })
    }

    fn tags(
        &self,
        pack: &str,
        contents: &[ContentHash],
    ) -> Result<Vec<(ContentHash, Vocabulary, Vec<Tag>)>> {
        let mut state = self.session.records()?;
        let pack = state.pack(&self.collection, pack)?.fingerprint;
        let wanted: Vec<[u8; 32]> = contents.iter().map(|hash| hash.0).collect();
        state.add_contents(&self.session, &wanted)?;
        let said = contents
            .iter()
            .flat_map(|hash| state.said(&self.collection, &pack, *hash));
        Ok(said.collect())
    }

    fn features(
        &self,
        pack: &str,
        after: Option<ContentHash>,
        limit: usize,
    ) -> Result<Vec<(ContentHash, Part, Vec<f32>)>> {
        features::page(&self.session, &self.collection, pack, after, limit)
    }

    fn feature(&self, pack: &str, content: ContentHash) -> Result<Vec<(Part, Vec<f32>)>> {
        features::of_content(&self.session, &self.collection, pack, content)
    }

    fn failures(&self, source: Option<SourceId>) -> Result<Vec<Failure>> {
        let mut state = self.session.records()?;
        state.add_failures(&self.session)?;
        let mut failures = Vec::new();
        for (id, _) in state.sources_of(&self.collection) {
            if source.is_some_and(|source| source.0 != id) {
                continue;
            }
            let of_source = state
                .failures
                .range((id, Vec::new())..)
                .take_while(|((of, _), _)| *of == id);
            failures.extend(of_source.map(|((_, path), doc)| doc.record(id, path)));
        }
        Ok(failures)
    }

    fn setting(&self, key: &str) -> Result<Option<String>> {
        let state = self.session.fresh()?;
        Ok(state
            .settings
            .get(&(self.collection.clone(), key.to_owned()))
            .cloned())
    }

    fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let state = self.session.fresh()?;
        let begin = (self.collection.clone(), prefix.to_owned());
        let all = state
            .settings
            .range(begin..)
            .take_while(|((of, key), _)| *of == self.collection && key.starts_with(prefix));
        Ok(all
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn set_setting(&self, key: &str, value: Option<&str>) -> Result<()> {
        let key = Key::Setting(self.collection.clone(), key.to_owned());
        let doc = value.map(|value| Doc::Setting(value.to_owned()));
        self.change_records(|_| Ok(Written::from([(key, doc)])))
    }

    fn sweep(&self) -> Result<u64> {
        let turn = self.turn()?;
        mend::sweep(&self.session, &turn)
    }

    fn scrub(&self) -> Result<()> {
        Err(Error::NotOnMilvus {
            what: "writing files anew so that nothing removed stands in them".to_owned(),
            instead: "the server drops removed rows when it next compacts its segments".to_owned(),
        })
    }

    fn each_value(&self, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
        upkeep::each_value(&self.session, visit)
    }

    fn check(&self) -> Result<Vec<Problem>> {
        upkeep::check(&self.session, &self.collection)
    }

    fn stats(&self) -> Result<Stats> {
        let packs = self.packs()?;
        upkeep::stats(&self.session, &self.collection, &packs)
    }
}
