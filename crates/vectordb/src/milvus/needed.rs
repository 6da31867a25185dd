//! The records that an answer or a batch needs: the copy of all of them where a process keeps one, else those that are asked
//! for here, read from the server.

use std::ops::{ControlFlow, Deref};
use std::sync::RwLockReadGuard;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::docs::{CONTENT, FAILURE, ITEM, ItemDoc, Key, PHRASE};
use super::expression::{Bounds, Expr};
use super::fields::{collection_key, phrase_key, place_key};
use super::rows::one_of;
use super::session::{MOST_KEYS, ROW, Record, Session};
use super::state::{State, owner_key, phrase_hash};
use crate::batch::{Batch, Operation, Owner};
use crate::error::Result;
use crate::filter::Filter;
use crate::ids::{ContentHash, ItemId, SourceId};
use crate::records::ItemDraft;

/// Items of a page.
const PAGE: usize = 2_000;
/// Contents or captions at a time whose items are wanted: each may have many.
const FEW: usize = 500;

/// Pauses before what has to be there is asked for again where it is not: the server takes away what is put again and puts it in
/// two steps, and who asks between them is told of neither.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
];

type Hash = [u8; 32];

/// Ask until all is there, as often as there are pauses; whether it is.
pub(super) fn until_there(mut ask: impl FnMut() -> Result<bool>) -> Result<bool> {
    for pause in AGAIN {
        if ask()? {
            return Ok(true);
        }
        std::thread::sleep(pause);
    }
    ask()
}

/// Records to answer from.
pub(super) enum Records<'a> {
    All(RwLockReadGuard<'a, State>),
    Some(Box<State>),
}

impl Deref for Records<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        match self {
            Records::All(state) => state,
            Records::Some(state) => state,
        }
    }
}

impl Session {
    /// What every process keeps, and of items what may be added.
    pub(super) fn records(&self) -> Result<Records<'_>> {
        let state = self.fresh()?;
        Ok(match self.reads_items() {
            true => Records::Some(Box::new(state.without_items())),
            false => Records::All(state),
        })
    }

    /// The same for who has a turn to write.
    pub(super) fn records_now(&self) -> Records<'_> {
        let state = self.read();
        match self.reads_items() {
            true => Records::Some(Box::new(state.without_items())),
            false => Records::All(state),
        }
    }

    /// Items by their ids, with their contents.
    pub(super) fn records_of_items(&self, ids: &[ItemId]) -> Result<Records<'_>> {
        let mut records = self.records()?;
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        records.add_items(self, &ids)?;
        Ok(records)
    }

    /// All that carrying out a batch asks about.
    pub(super) fn records_for(&self, collection: &str, batch: &Batch) -> Result<Records<'_>> {
        let mut records = self.records_now();
        if let Records::Some(_) = records {
            records.add_batch(self, collection, batch)?;
        }
        Ok(records)
    }

    /// How many of a collection's items match a filter, where the server can tell alone.
    pub(super) fn count_matching(&self, collection: &str, filter: &Filter) -> Result<Option<u64>> {
        if !self.reads_items() {
            return Ok(None);
        }
        let bounds = Bounds::of(&*self.records()?, collection, &self.library, filter);
        if !bounds.is_exact() {
            return Ok(None);
        }
        let is_all = bounds.at_least == Expr::All;
        let (n, n_big) = self.counted(collection, bounds.at_least)?;
        Ok((n_big == 0 || is_all).then_some(n))
    }

    /// Items of a source.
    pub(super) fn count_of_source(&self, collection: &str, source: SourceId) -> Result<u64> {
        if self.reads_items() {
            let expr = format!("{} and source == {}", self.items_of(collection), source.0);
            let n = self.count_where(&self.items_table(), expr)?;
            return Ok(n.unsigned_abs());
        }
        let state = self.fresh()?;
        let items = state.items_of(collection);
        Ok(items.filter(|(_, item)| item.source == source.0).count() as u64)
    }

    /// A bound for how many match.
    pub(super) fn count_at_most(&self, collection: &str, filter: &Filter) -> Result<u64> {
        let bounds = Bounds::of(&*self.records()?, collection, &self.library, filter);
        match bounds.at_least {
            Expr::Nothing => Ok(0),
            Expr::All => self.counted_where(collection, ""),
            Expr::Is(expr, _) => {
                self.counted_where(collection, &format!(" and (({expr}) or big == 1)"))
            }
        }
    }

    fn counted_where(&self, collection: &str, expr: &str) -> Result<u64> {
        let expr = format!("{}{expr}", self.items_of(collection));
        let n = self.count_where(&self.items_table(), expr)?;
        Ok(n.unsigned_abs())
    }

    /// Of how many items an expression holds, and of how many rows hold too little for it to tell.
    fn counted(&self, collection: &str, expr: Expr) -> Result<(u64, u64)> {
        let count = |expr: &str| self.counted_where(collection, expr);
        Ok(match expr {
            Expr::Nothing => (0, 0),
            Expr::All => (count("")?, 0),
            Expr::Is(expr, _) => (
                count(&format!(" and ({expr}) and big == 0"))?,
                count(" and big == 1")?,
            ),
        })
    }

    fn items_of(&self, collection: &str) -> String {
        let coll = collection_key(collection);
        format!(
            "lib == \"{}\" and kind == {ITEM} and coll == \"{coll}\"",
            self.library
        )
    }

    /// Every item of a collection that may match a filter, by rising id after one, with contents: page by page, or all at
    /// once where there is a copy. With captions as well where those are asked about.
    pub(super) fn each_page(
        &self,
        collection: &str,
        filter: &Filter,
        after: i64,
        page: usize,
        visit: &mut dyn FnMut(&mut Records<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut records = self.records()?;
        if let Records::All(_) = records {
            return visit(&mut records).map(drop);
        }
        let asked = match Bounds::of(&records, collection, &self.library, filter).at_least {
            Expr::Nothing => return Ok(()),
            Expr::All => String::new(),
            Expr::Is(expr, _) => format!(" and (({expr}) or big == 1)"),
        };
        drop(records);
        self.pages(&self.items_of(collection), &asked, (after, page), visit)
    }

    /// Every item of any collection of which an expression holds, page by page.
    pub(super) fn each_page_where(
        &self,
        collection: Option<&str>,
        expr: &str,
        visit: &mut dyn FnMut(&mut Records<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut records = self.records()?;
        if let Records::All(_) = records {
            return visit(&mut records).map(drop);
        }
        drop(records);
        let of = match collection {
            Some(collection) => self.items_of(collection),
            None => format!("lib == \"{}\" and kind == {ITEM}", self.library),
        };
        self.pages(&of, &format!(" and ({expr})"), (0, PAGE), visit)
    }

    fn pages(
        &self,
        of: &str,
        asked: &str,
        (after, page): (i64, usize),
        visit: &mut dyn FnMut(&mut Records<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (mut after, page) = (after, page.clamp(1, PAGE));
        loop {
            let from = Key::Item(after).row(&self.library);
            let expr = format!("{of} and pk > \"{from}\"{asked}");
            let mut records = self.records()?;
            let rows = self.query_first(&self.items_table(), expr, &ROW, Some(page))?;
            let n = rows.texts("pk").len();
            let docs = self.records_of(&self.items_table(), &rows)?;
            records.take(self, docs)?;
            after = records
                .items
                .last_key_value()
                .map_or(after, |(id, _)| *id)
                .max(after);
            if visit(&mut records)?.is_break() || n < page {
                return Ok(());
            }
        }
    }

    /// Every content, or else caption, by rising hash after one; `begin` is what is known, which who has a turn to write
    /// knows without asking.
    pub(super) fn each_owner_page(
        &self,
        begin: Records<'_>,
        is_content: bool,
        after: Option<Hash>,
        visit: &mut dyn FnMut(&mut Records<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut begin = begin;
        if let Records::All(_) = begin {
            return visit(&mut begin).map(drop);
        }
        let (kind, key): (i64, fn(Hash) -> Key) = match is_content {
            true => (CONTENT, Key::Content),
            false => (PHRASE, Key::Phrase),
        };
        let mut after = after.map_or_else(String::new, |hash| key(hash).row(&self.library));
        loop {
            let expr = format!(
                "lib == \"{}\" and kind == {kind} and pk > \"{after}\"",
                self.library
            );
            let mut records = Records::Some(Box::new(begin.without_items()));
            let rows = self.query_first(&self.items_table(), expr, &ROW, Some(FEW))?;
            let keys = rows.texts("pk");
            if let Some(last) = keys.iter().max() {
                after.clone_from(last);
            }
            let docs = self.records_of(&self.items_table(), &rows)?;
            records.take(self, docs)?;
            if visit(&mut records)?.is_break() || keys.len() < FEW {
                return Ok(());
            }
        }
    }
}

impl Records<'_> {
    fn put(&mut self, records: Vec<Record>) {
        if let Records::Some(state) = self {
            for (key, doc) in records {
                state.apply(key, doc);
            }
        }
    }

    /// Add records, and the contents of items among them.
    fn take(&mut self, session: &Session, records: Vec<Record>) -> Result<()> {
        if let Records::All(_) = self {
            return Ok(());
        }
        self.put(records);
        let now = session.read().change();
        let contents = self.items.values().map(|item| item.content().0);
        let mut missing: FxHashSet<Hash> = contents
            .filter(|hash| !session.absent.has(hash, now))
            .collect();
        let is_all = until_there(|| {
            missing.retain(|hash| !self.contents.contains_key(hash));
            let asked: Vec<Hash> = missing.iter().copied().collect();
            self.add_contents(session, &asked)?;
            missing.retain(|hash| !self.contents.contains_key(hash));
            Ok(missing.is_empty())
        })?;
        if !is_all {
            session.absent.note(missing.into_iter(), now);
        }
        Ok(())
    }

    fn add_keys(&mut self, session: &Session, keys: Vec<Key>) -> Result<()> {
        if let Records::All(_) = self {
            return Ok(());
        }
        let table = session.items_table();
        for some in keys.chunks(MOST_KEYS) {
            let rows: Vec<String> = some.iter().map(|key| key.row(&session.library)).collect();
            let expr = one_of("pk", rows.iter().map(String::as_str));
            let rows = session.query(&table, expr, &ROW)?;
            let records = session.records_of(&table, &rows)?;
            self.put(records);
        }
        Ok(())
    }

    /// Captions by the hashes of their texts.
    fn add_phrases(&mut self, session: &Session, hashes: &[Hash]) -> Result<()> {
        self.add_keys(session, hashes.iter().copied().map(Key::Phrase).collect())
    }

    pub(super) fn add_contents(&mut self, session: &Session, hashes: &[Hash]) -> Result<()> {
        self.add_keys(session, hashes.iter().copied().map(Key::Content).collect())
    }

    pub(super) fn add_items(&mut self, session: &Session, ids: &[i64]) -> Result<()> {
        self.add_keys(session, ids.iter().copied().map(Key::Item).collect())?;
        self.take(session, Vec::new())
    }

    /// The captions that the items here have.
    pub(super) fn add_captions(&mut self, session: &Session) -> Result<()> {
        if let Records::All(_) = self {
            return Ok(());
        }
        let texts = self.items.values().flat_map(ItemDoc::said);
        let hashes: FxHashSet<Hash> = texts.map(|(text, _)| phrase_hash(text)).collect();
        let missing = hashes
            .into_iter()
            .filter(|hash| !self.phrases.contains_key(hash));
        let missing: Vec<Hash> = missing.collect();
        self.add_phrases(session, &missing)
    }

    /// The items of any collection that have these contents or captions, and these themselves.
    pub(super) fn add_users(
        &mut self,
        session: &Session,
        contents: &[Hash],
        phrases: &[Hash],
    ) -> Result<()> {
        if matches!(self, Records::All(_)) {
            return Ok(());
        }
        let table = session.items_table();
        let content_keys = contents
            .iter()
            .map(|hash| owner_key(&Owner::Content(ContentHash(*hash))));
        let keys: Vec<String> = content_keys.chain(phrases.iter().map(phrase_key)).collect();
        let mut ids = Vec::new();
        for some in keys.chunks(FEW) {
            let owners = one_of("owner", some.iter().map(String::as_str));
            let expr = format!("lib == \"{}\" and {owners}", session.library);
            let rows = session.query(&table, expr, &ROW)?;
            let (links, records): (Vec<Record>, Vec<Record>) = session
                .records_of(&table, &rows)?
                .into_iter()
                .partition(|(key, _)| matches!(key, Key::Said(..)));
            self.put(records);
            ids.extend(links.into_iter().filter_map(|(key, doc)| match (key, doc) {
                (Key::Said(_, id), Some(_)) => Some(id),
                _ => None,
            }));
        }
        ids.retain(|id| !self.items.contains_key(id));
        let keys = ids.into_iter().map(Key::Item);
        let contents = contents.iter().copied().map(Key::Content);
        let phrases = phrases.iter().copied().map(Key::Phrase);
        let known = |key: &Key| match key {
            Key::Content(hash) => self.contents.contains_key(hash),
            Key::Phrase(hash) => self.phrases.contains_key(hash),
            _ => false,
        };
        let keys = keys.chain(contents).chain(phrases);
        let keys = keys.filter(|key| !known(key)).collect();
        self.add_keys(session, keys)?;
        self.take(session, Vec::new())
    }

    /// The items of any collection that have the contents or captions that are here.
    pub(super) fn add_their_users(&mut self, session: &Session) -> Result<()> {
        let contents: Vec<Hash> = self.contents.keys().copied().collect();
        let phrases: Vec<Hash> = self.phrases.keys().copied().collect();
        self.add_users(session, &contents, &phrases)
    }

    /// Contents and captions by their keys, with the items of any collection that have them.
    pub(super) fn add_used<'k>(
        &mut self,
        session: &Session,
        keys: impl Iterator<Item = &'k Key>,
    ) -> Result<()> {
        let (mut contents, mut phrases) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                Key::Content(hash) => contents.push(*hash),
                Key::Phrase(hash) => phrases.push(*hash),
                _ => {}
            }
        }
        self.add_users(session, &contents, &phrases)
    }

    /// The items whose files are at these places.
    pub(super) fn add_places(
        &mut self,
        session: &Session,
        places: &[(i64, Vec<u8>)],
    ) -> Result<()> {
        if let Records::All(_) = self {
            return Ok(());
        }
        let table = session.items_table();
        for some in places.chunks(FEW) {
            let keys: Vec<String> = some
                .iter()
                .map(|(source, path)| place_key(*source, path))
                .collect();
            let places = one_of("place", keys.iter().map(String::as_str));
            let expr = format!(
                "lib == \"{}\" and kind == {ITEM} and {places}",
                session.library
            );
            let rows = session.query(&table, expr, &ROW)?;
            let records = session.records_of(&table, &rows)?;
            self.put(records);
        }
        self.take(session, Vec::new())
    }

    /// Files that were skipped; of all sources.
    pub(super) fn add_failures(&mut self, session: &Session) -> Result<()> {
        if let Records::All(_) = self {
            return Ok(());
        }
        let table = session.items_table();
        let expr = format!("lib == \"{}\" and kind == {FAILURE}", session.library);
        let rows = session.query(&table, expr, &ROW)?;
        let records = session.records_of(&table, &rows)?;
        self.put(records);
        Ok(())
    }

    fn add_batch(&mut self, session: &Session, collection: &str, batch: &Batch) -> Result<()> {
        let asked = Asked::of(batch);
        self.add_keys(session, asked.keys)?;
        self.add_places(session, &asked.places)?;
        let known: Vec<Hash> = asked
            .seen_anew
            .into_iter()
            .filter(|hash| self.contents.contains_key(hash))
            .collect();
        self.add_users(session, &known, &[])?;
        self.add_free_ids(session, collection, &asked.drafts)
    }

    /// The items that have the ids which new items would get.
    fn add_free_ids(
        &mut self,
        session: &Session,
        collection: &str,
        drafts: &[&ItemDraft],
    ) -> Result<()> {
        let is_new = |draft: &&&ItemDraft| self.item_at(draft.source, &draft.path).is_none();
        let mut drafts: Vec<&ItemDraft> = drafts.iter().filter(is_new).copied().collect();
        let mut nonce = 0;
        while !drafts.is_empty() {
            let id = |draft: &ItemDraft, nonce| {
                ItemId::derive(collection, draft.source, &draft.path, nonce).get()
            };
            // One more than is needed, as another of the batch may take the first.
            let ids: Vec<i64> = drafts
                .iter()
                .flat_map(|draft| [id(draft, nonce), id(draft, nonce + 1)])
                .collect();
            self.add_items(session, &ids)?;
            nonce += 1;
            drafts.retain(|draft| {
                self.items.contains_key(&id(draft, nonce - 1))
                    || self.items.contains_key(&id(draft, nonce))
            });
        }
        Ok(())
    }
}

/// What a batch asks about.
#[derive(Default)]
struct Asked<'a> {
    keys: Vec<Key>,
    places: Vec<(i64, Vec<u8>)>,
    /// Contents that may look or be tagged otherwise now, which is a change of their items.
    seen_anew: Vec<Hash>,
    drafts: Vec<&'a ItemDraft>,
}

impl<'a> Asked<'a> {
    fn of(batch: &'a Batch) -> Asked<'a> {
        let mut asked = Asked::default();
        for operation in &batch.operations {
            asked.add(operation);
        }
        asked.keys.sort_unstable();
        asked.keys.dedup();
        asked
    }

    fn add(&mut self, operation: &'a Operation) {
        match operation {
            Operation::PutContent(content) => self.seen(content.hash),
            Operation::PutTags { content, .. } | Operation::RemoveParts { content } => {
                self.seen(*content);
            }
            Operation::PutFeature { content, .. } => self.keys.push(Key::Content(content.0)),
            Operation::PutVector { owner, .. } => self.keys.push(match owner {
                Owner::Content(hash) => Key::Content(hash.0),
                Owner::Phrase(text) => Key::Phrase(phrase_hash(text)),
            }),
            Operation::PutItem(draft) => {
                self.draft(draft);
                self.drafts.push(draft);
            }
            Operation::RestoreItem { item, draft, .. } => {
                self.item(*item);
                self.draft(draft);
            }
            Operation::PutCaptions { item, .. }
            | Operation::Touch { item, .. }
            | Operation::RemoveItem(item) => self.item(*item),
            Operation::MoveItem { item, source, path } => {
                self.item(*item);
                self.place(source.0, path);
            }
            Operation::PutFailure(failure) => self.place(failure.source.0, &failure.path),
            Operation::ClearFailure { source, path } => self.place(source.0, path),
        }
    }

    fn seen(&mut self, hash: ContentHash) {
        self.keys.push(Key::Content(hash.0));
        self.seen_anew.push(hash.0);
    }

    fn item(&mut self, id: ItemId) {
        self.keys.push(Key::Item(id.get()));
    }

    fn draft(&mut self, draft: &ItemDraft) {
        self.keys.push(Key::Content(draft.content.0));
        self.place(draft.source.0, &draft.path);
    }

    fn place(&mut self, source: i64, path: &[u8]) {
        self.keys.push(Key::Failure(source, path.to_vec()));
        self.places.push((source, path.to_vec()));
    }
}
