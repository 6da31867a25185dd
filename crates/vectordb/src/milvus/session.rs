//! One library on a server, as all handles of this process share it: the connection, the copy of the records and how it
//! follows the server, and writes, one after the other.
//!
//! A batch is one row of a journal and the rows that it wrote, put in one request: a reader that finds the journal's row
//! asks for the rows of that batch, and so sees all of it or nothing. Removed records are put as empty ones, so that
//! removing is a part of the same request. One more row of the journal is that of the last batch, whose key never changes:
//! looking up a key costs the server little, where finding what is new in the journal reads a number of every row.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::address::{MilvusAddress, Records};
use super::client::{Call, Client};
use super::docs::{Doc, Key, METADATA_KEY};
use super::lite;
use super::prepared::{Prepared, last_batch};
use super::proto::*;
use super::rows::{Answered, one_of};
use super::search::Many;
use super::state::State;
use super::table::{EARLIER, Space, Table, partition_of};
use crate::error::{Error, Result};
use crate::ids::Change;

/// For how long what other processes write may go unseen.
const FRESH: Duration = Duration::from_millis(250);
/// For how long a journal is not searched while its last batch is the same: it may be put again late, over one that nobody saw.
const SEARCHED: Duration = Duration::from_secs(10);
/// Batches of others that may come later than their numbers say.
const LATE: i64 = 1_000;
/// Records that are read at once.
const PAGE: usize = 8_000;
/// Keys in one expression.
pub(super) const MOST_KEYS: usize = 2_000;
/// How records lie in the table.
pub(super) const MILVUS_SCHEMA_VERSION: i64 = 2;
/// Milvus's word for whatever it has.
const AT_HAND: u64 = 1;
/// Kind of the journal's rows.
pub(super) const JOURNAL: i64 = 0;

pub(super) struct Session {
    pub(super) client: Client,
    pub(super) address: MilvusAddress,
    /// What the version of the server gives reason to say.
    pub(super) warning: Option<String>,
    /// Begins every key of the library's rows, and stands in them.
    pub(super) library: String,
    state: RwLock<State>,
    polled: Mutex<Option<Instant>>,
    /// Of each table the last batch when its journal was read, and when that was; none after a write of this process, before which
    /// another may have written.
    last: Mutex<FxHashMap<String, (i64, Instant)>>,
    /// Whether others wrote when that was looked for last.
    has_company: AtomicBool,
    pub(super) absent: Absent,
    writing: Mutex<()>,
    /// Milvus's time of the last write of this process, which its reads wait for.
    written: AtomicU64,
    /// Tables that can be used, each with the partition that has the rows of the library, if any.
    ready: Mutex<FxHashMap<String, Option<String>>>,
    /// Until all records are there, reads wait for whatever anybody wrote before.
    loaded: AtomicBool,
    pub(super) many: Many,
}

/// Where a session of this process is, if it is still in use.
type Place = Arc<Mutex<Weak<Session>>>;

/// What was written: records by key, and none for those that go.
pub(super) type Written = BTreeMap<Key, Option<Doc>>;

/// Batches that were not seen before, of both tables, and when they were looked for.
pub(super) struct News {
    at: Instant,
    settings: Found,
    items: Found,
}

impl News {
    pub(super) fn is_none(&self) -> bool {
        self.settings.batches.is_empty() && self.items.batches.is_empty()
    }
}

/// The same of one table's journal, and the last batch where it is known.
struct Found {
    batches: Vec<i64>,
    last: Option<i64>,
}

/// Contents and captions that something names and that were waited for in vain, as long as nothing is written.
#[derive(Default)]
pub(super) struct Absent(Mutex<(Change, FxHashSet<[u8; 32]>)>);

impl Absent {
    pub(super) fn has(&self, hash: &[u8; 32], now: Change) -> bool {
        let known = lock(&self.0);
        known.0 == now && known.1.contains(hash)
    }

    pub(super) fn note(&self, hashes: impl Iterator<Item = [u8; 32]>, now: Change) {
        let mut known = lock(&self.0);
        if known.0 != now {
            *known = (now, FxHashSet::default());
        }
        known.1.extend(hashes);
    }
}

/// The right to write.
pub(super) struct Turn<'a>(#[allow(dead_code, reason = "held, not read")] MutexGuard<'a, ()>);

impl Session {
    /// The session of this process for a library, opened where there is none yet. Who wants strong reads gets one of
    /// their own, because what another handle knows is nothing that the server said just now.
    pub(super) fn of(address: &MilvusAddress, may_create: bool) -> Result<Arc<Session>> {
        /// By name; each is held while it is opened, so that one that takes long keeps nobody from the others.
        static SESSIONS: OnceLock<Mutex<HashMap<String, Place>>> = OnceLock::new();
        if address.is_strong {
            return Session::open(address, may_create).map(Arc::new);
        }
        let user = address
            .user
            .as_ref()
            .map(|(user, password)| blake3::hash(format!("{user}\0{password}").as_bytes()));
        let name = format!(
            "{} {:?} {user:?} {:?} {:?}",
            address.shown(),
            address.library,
            address.index,
            address.records
        );
        let place = {
            let mut sessions = lock(SESSIONS.get_or_init(Mutex::default));
            Arc::clone(sessions.entry(name).or_default())
        };
        let mut known = lock(&place);
        if let Some(session) = known.upgrade() {
            return Ok(session);
        }
        let session = Arc::new(Session::open(address, may_create)?);
        *known = Arc::downgrade(&session);
        Ok(session)
    }

    fn open(address: &MilvusAddress, may_create: bool) -> Result<Session> {
        let client = Client::new(address)?;
        let warning = client.warning()?;
        lite::check(&client, address)?;
        let session = Session {
            client,
            address: address.clone(),
            warning,
            library: address.library_key(),
            state: RwLock::default(),
            polled: Mutex::default(),
            last: Mutex::default(),
            has_company: AtomicBool::new(false),
            absent: Absent::default(),
            writing: Mutex::default(),
            written: AtomicU64::new(0),
            ready: Mutex::default(),
            loaded: AtomicBool::new(false),
            many: Many::default(),
        };
        for table in [session.settings_table(), session.items_table()] {
            match session.ensure(&table, may_create) {
                Err(Error::NoTable { .. }) => return Err(session.not_there()?),
                done => done?,
            }
        }
        session.load()?;
        let schema = session.read().schema;
        match schema {
            Some(found) if found > MILVUS_SCHEMA_VERSION => Err(Error::NewerSchema {
                path: address.shown().into(),
                found,
                supported: MILVUS_SCHEMA_VERSION,
            }),
            _ => Ok(session),
        }
    }

    /// Nothing is kept there, or what an earlier Fovea kept.
    fn not_there(&self) -> Result<Error> {
        let path = self.address.shown().into();
        let earlier = self.client.call(DescribeCollectionRequest {
            db_name: self.client.database().to_owned(),
            collection_name: EARLIER.to_owned(),
        });
        match earlier {
            Err(Error::NoTable { .. }) => Ok(Error::NotFound { path }),
            Err(error) => Err(error),
            Ok(_) => Ok(Error::Invalid {
                what: self.address.shown(),
                reason: "an earlier Fovea wrote it: copy it to a folder with that one (fovea migrate --to DIR) and \
                         back with this one, or index it again"
                    .to_owned(),
            }),
        }
    }

    fn settings_table(&self) -> Table {
        Table::settings(self.address.replicas)
    }

    pub(super) fn items_table(&self) -> Table {
        Table::items(&self.address)
    }

    pub(super) fn space_table(&self, space: &Space) -> Table {
        Table::space(space, &self.address)
    }

    /// Whether records of items are read when they are needed.
    pub(super) fn reads_items(&self) -> bool {
        self.address.records == Records::Server
    }

    /// Make sure once that a table can be used; where nothing may be made it has to be there.
    pub(super) fn ensure(&self, table: &Table, may_create: bool) -> Result<()> {
        if lock(&self.ready).contains_key(&table.name) {
            return Ok(());
        }
        if !may_create {
            self.client.call(DescribeCollectionRequest {
                db_name: self.client.database().to_owned(),
                collection_name: table.name.clone(),
            })?;
        }
        let partition = partition_of(&self.library, table.ensure(&self.client)?);
        lock(&self.ready).insert(table.name.clone(), partition);
        Ok(())
    }

    /// Where a table has the rows of the library; none where it has no partitions, or was not asked yet.
    fn partition(&self, table: &Table) -> Option<String> {
        lock(&self.ready).get(&table.name).cloned().flatten()
    }

    /// Look at a table anew before it is used again.
    pub(super) fn forget_table(&self, table: &Table) {
        lock(&self.ready).remove(&table.name);
    }

    /// Ask about a table; where somebody released it, it is loaded again.
    fn ask<C: Call>(&self, table: &Table, request: C) -> Result<C::Answer> {
        match self.client.call_with(&request) {
            Err(Error::NotLoaded { .. }) => {
                lock(&self.ready).remove(&table.name);
                self.ensure(table, false)?;
                self.client.call(request)
            }
            Err(error @ Error::NoTable { .. }) => {
                lock(&self.ready).remove(&table.name);
                Err(error)
            }
            answered => answered,
        }
    }

    pub(super) fn query(&self, table: &Table, expr: String, fields: &[&str]) -> Result<Answered> {
        self.query_first(table, expr, fields, None)
    }

    /// The first rows that an expression finds, in the order of their keys; all of them where no number is given.
    pub(super) fn query_first(
        &self,
        table: &Table,
        expr: String,
        fields: &[&str],
        limit: Option<usize>,
    ) -> Result<Answered> {
        let partition_names = self.partition(table).into_iter().collect();
        self.query_in(table, partition_names, expr, fields, limit)
    }

    /// The same in partitions, of all libraries in them; all partitions where none is named.
    pub(super) fn query_in(
        &self,
        table: &Table,
        partition_names: Vec<String>,
        expr: String,
        fields: &[&str],
        limit: Option<usize>,
    ) -> Result<Answered> {
        let (guarantee_timestamp, consistency_level) = self.consistency();
        let answer = self.ask(
            table,
            QueryRequest {
                guarantee_timestamp,
                query_params: lite::query_params(&self.client, limit),
                consistency_level,
                ..self.query_request(table, partition_names, expr, fields)
            },
        )?;
        Ok(Answered(answer.fields_data))
    }

    /// What the server has at hand: waiting until it has the last write of this process takes it a fifth of a second.
    fn query_at_hand(&self, table: &Table, expr: String, fields: &[&str]) -> Result<Answered> {
        if self.reads_all() {
            return self.query(table, expr, fields);
        }
        let partition_names = self.partition(table).into_iter().collect();
        let request = self.query_request(table, partition_names, expr, fields);
        Ok(Answered(self.ask(table, request)?.fields_data))
    }

    fn query_request(
        &self,
        table: &Table,
        partition_names: Vec<String>,
        expr: String,
        fields: &[&str],
    ) -> QueryRequest {
        QueryRequest {
            db_name: self.client.database().to_owned(),
            collection_name: table.name.clone(),
            expr,
            output_fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            partition_names,
            guarantee_timestamp: AT_HAND,
            query_params: lite::query_params(&self.client, None),
            consistency_level: ConsistencyLevel::Session.into(),
        }
    }

    /// Rows of this library in a table.
    pub(super) fn count(&self, table: &Table) -> Result<i64> {
        self.count_where(table, format!("lib == \"{}\"", self.library))
    }

    /// Rows that an expression finds.
    pub(super) fn count_where(&self, table: &Table, expr: String) -> Result<i64> {
        let answer = self.query(table, expr, &["count(*)"])?;
        Ok(answer.longs("count(*)").first().copied().unwrap_or(0))
    }

    /// Rows nearest to a vector: their owners, parts and regions, with Milvus's scores.
    pub(super) fn search(
        &self,
        table: &Table,
        expr: String,
        vector: &[f32],
        limit: usize,
    ) -> Result<SearchResultData> {
        let (guarantee_timestamp, consistency_level) = self.consistency();
        let group = PlaceholderGroup {
            placeholders: vec![PlaceholderValue {
                tag: "$0".to_owned(),
                kind: DataType::FloatVector.into(),
                values: vec![
                    vector
                        .iter()
                        .flat_map(|number| number.to_le_bytes())
                        .collect(),
                ],
            }],
        };
        let answer = self.ask(
            table,
            SearchRequest {
                db_name: self.client.database().to_owned(),
                collection_name: table.name.clone(),
                partition_names: self.partition(table).into_iter().collect(),
                dsl: expr,
                placeholder_group: prost::Message::encode_to_vec(&group),
                dsl_type: 1,
                output_fields: ["owner", "part", "region"].map(str::to_owned).to_vec(),
                search_params: table.search_params(limit),
                guarantee_timestamp,
                nq: 1,
                consistency_level,
            },
        )?;
        Ok(answer.results.unwrap_or_default())
    }

    fn consistency(&self) -> (u64, i32) {
        if self.reads_all() {
            return (0, ConsistencyLevel::Strong.into());
        }
        let written = self.written.load(Ordering::SeqCst).max(AT_HAND);
        (written, ConsistencyLevel::Session.into())
    }

    /// Whether reads wait for whatever anybody wrote before.
    fn reads_all(&self) -> bool {
        self.address.is_strong || !self.loaded.load(Ordering::SeqCst)
    }

    fn note(&self, timestamp: u64) {
        self.written.fetch_max(timestamp, Ordering::SeqCst);
    }

    /// Put rows in the place of those with the same keys.
    pub(super) fn upsert(
        &self,
        table: &Table,
        fields_data: Vec<FieldData>,
        rows: usize,
    ) -> Result<()> {
        let answer = self.ask(
            table,
            UpsertRequest {
                db_name: self.client.database().to_owned(),
                collection_name: table.name.clone(),
                partition_name: self.partition(table).unwrap_or_default(),
                fields_data,
                num_rows: u32::try_from(rows).unwrap_or(u32::MAX),
            },
        )?;
        self.note(answer.timestamp);
        Ok(())
    }

    pub(super) fn delete(&self, table: &Table, keys: &[String]) -> Result<()> {
        for some in keys.chunks(MOST_KEYS) {
            let answer = self.ask(
                table,
                DeleteRequest {
                    db_name: self.client.database().to_owned(),
                    collection_name: table.name.clone(),
                    partition_name: self.partition(table).unwrap_or_default(),
                    expr: one_of("pk", some.iter().map(String::as_str)),
                },
            )?;
            self.note(answer.timestamp);
        }
        Ok(())
    }

    /// The records as they are now.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, after a look at what others wrote.
    pub(super) fn fresh(&self) -> Result<RwLockReadGuard<'_, State>> {
        if self.address.is_strong {
            let _turn = lock(&self.writing);
            self.poll()?;
        } else if !self.is_fresh() {
            // Who writes looks, too, and nobody need wait for that.
            if let Ok(_turn) = self.writing.try_lock() {
                self.poll()?;
            }
        }
        Ok(self.read())
    }

    fn is_fresh(&self) -> bool {
        lock(&self.polled).is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Wait for one's turn to write, with the records as they are then.
    pub(super) fn turn(&self) -> Result<Turn<'_>> {
        let turn = self.turn_as_known();
        if self.is_to_look() {
            self.poll()?;
        }
        Ok(turn)
    }

    /// The same with the records as they were known last: whoever writes has to look while that goes on.
    pub(super) fn turn_as_known(&self) -> Turn<'_> {
        Turn(lock(&self.writing))
    }

    /// Whether others may have written what has to be known here.
    pub(super) fn is_to_look(&self) -> bool {
        self.address.is_strong || !self.is_fresh()
    }

    /// Wait until whoever wrote without knowing of the last batch of this process is done, and take what they wrote.
    pub(super) fn look_back(&self, _turn: &Turn<'_>) -> Result<()> {
        std::thread::sleep(2 * FRESH);
        self.loaded.store(false, Ordering::SeqCst);
        let polled = self.poll();
        self.loaded.store(true, Ordering::SeqCst);
        polled
    }

    /// Ask for batches that this process has not seen, and take what they wrote.
    pub(super) fn poll(&self) -> Result<()> {
        let news = self.look()?;
        self.take_news(news)
    }

    /// Ask for batches that this process has not seen.
    pub(super) fn look(&self) -> Result<News> {
        let at = Instant::now();
        let tables = [self.settings_table(), self.items_table()];
        std::thread::scope(|scope| {
            let items = scope.spawn(|| self.new_batches(&tables[1]));
            let settings = self.new_batches(&tables[0])?;
            let items = items.join().unwrap_or_else(|_| Err(self.client.no_end()))?;
            Ok(News {
                at,
                settings,
                items,
            })
        })
    }

    /// Take what they wrote. Only then is the last batch of a table noted, so that what failed is looked for again.
    pub(super) fn take_news(&self, news: News) -> Result<()> {
        self.has_company.store(!news.is_none(), Ordering::SeqCst);
        let tables = [
            (self.settings_table(), news.settings),
            (self.items_table(), news.items),
        ];
        for (table, found) in tables {
            self.take_batches(&table, &found.batches)?;
            let state = self.read();
            let is_taken = found.batches.iter().all(|one| state.journal.contains(one));
            if let Some(last) = found.last.filter(|_| is_taken) {
                lock(&self.last).insert(table.name, (last, news.at));
            }
        }
        *lock(&self.polled) = Some(news.at);
        Ok(())
    }

    /// Whether others were writing when that was looked for last.
    pub(super) fn has_company(&self) -> bool {
        self.has_company.load(Ordering::SeqCst)
    }

    /// Batches in a table's journal that this process has not seen. The server may not have the very last of them at hand; the rows
    /// of those that are found are read only where it has all that this process wrote.
    fn new_batches(&self, table: &Table) -> Result<Found> {
        let key = last_batch(&self.library);
        let known = lock(&self.last).get(&table.name).copied();
        if let Some((last, _)) = known.filter(|(_, at)| at.elapsed() < SEARCHED) {
            let by_key = one_of("pk", std::iter::once(key.as_str()));
            let rows = self.query_at_hand(table, by_key, &["batch"])?;
            if rows.longs("batch") == [last] {
                // When it was searched stays as it is.
                return Ok(Found {
                    batches: Vec::new(),
                    last: None,
                });
            }
        }
        let after = self.read().change().0.cast_signed() - LATE;
        let expr = format!(
            "lib == \"{}\" and kind == {JOURNAL} and stamp > {after}",
            self.library
        );
        let rows = self.query_at_hand(table, expr, &["pk", "batch"])?;
        let batches = rows.longs("batch");
        let at = rows.texts("pk").iter().position(|pk| *pk == key);
        let state = self.read();
        let new = batches
            .iter()
            .filter(|batch| !state.journal.contains(batch));
        Ok(Found {
            last: at.map(|at| batches[at]),
            batches: new.copied().collect(),
        })
    }

    fn take_batches(&self, table: &Table, batches: &[i64]) -> Result<()> {
        for some in batches.chunks(MOST_KEYS) {
            let listed: Vec<String> = some.iter().map(i64::to_string).collect();
            let kinds = match self.keeps(table) {
                true => String::new(),
                false => format!(" and kind in [{JOURNAL},{METADATA_KEY}]"),
            };
            let expr = format!(
                "lib == \"{}\" and batch in [{}]{kinds}",
                self.library,
                listed.join(",")
            );
            let rows = self.query(table, expr, &ROW)?;
            self.take(table, &rows)?;
        }
        Ok(())
    }

    /// Whether all records of a table are kept in memory.
    fn keeps(&self, table: &Table) -> bool {
        !self.reads_items() || *table == self.settings_table()
    }

    /// Read the records that are kept in memory, in pages by their keys.
    fn load(&self) -> Result<()> {
        for table in [self.settings_table(), self.items_table()] {
            // First the journal: what is written meanwhile is in none of these batches, and read again.
            self.read_journal(&table)?;
            let kinds = match self.keeps(&table) {
                true => format!("kind != {JOURNAL}"),
                false => format!("kind == {METADATA_KEY}"),
            };
            self.each_rows(&table, &kinds, |rows| self.take(&table, rows))?;
        }
        self.loaded.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Rows that an expression finds, page by page in the order of their keys.
    fn each_rows(
        &self,
        table: &Table,
        expr: &str,
        mut visit: impl FnMut(&Answered) -> Result<()>,
    ) -> Result<()> {
        let mut after = String::new();
        loop {
            let expr = format!(
                "lib == \"{}\" and {expr} and pk > \"{after}\"",
                self.library
            );
            let rows = self.query_first(table, expr, &ROW, Some(PAGE))?;
            let keys = rows.texts("pk");
            if let Some(last) = keys.iter().max() {
                after.clone_from(last);
            }
            visit(&rows)?;
            if keys.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn read_journal(&self, table: &Table) -> Result<()> {
        let expr = format!("lib == \"{}\" and kind == {JOURNAL}", self.library);
        let answer = self.query(table, expr, &["batch"])?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.journal.extend(answer.longs("batch"));
        *lock(&self.polled) = Some(Instant::now());
        Ok(())
    }

    /// Apply rows that were read.
    fn take(&self, table: &Table, rows: &Answered) -> Result<()> {
        let records = self.records_of(table, rows)?;
        let (kinds, batches) = (rows.longs("kind"), rows.longs("batch"));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        records
            .into_iter()
            .for_each(|(key, doc)| state.apply(key, doc));
        let journal = kinds
            .iter()
            .zip(batches)
            .filter(|(kind, _)| **kind == JOURNAL);
        state.journal.extend(journal.map(|(_, batch)| *batch));
        Ok(())
    }

    /// Put records whose items, if any, are new, and know them.
    pub(super) fn write(&self, turn: &Turn<'_>, written: Written) -> Result<()> {
        let prepared = Prepared::of(&self.read(), &self.library, written)?;
        self.commit(turn, prepared)
    }

    /// Put records and a row of the journal, and know them. Returns when the server has them.
    pub(super) fn commit(&self, _turn: &Turn<'_>, prepared: Prepared) -> Result<()> {
        let batch = RandomState::new().build_hasher().finish().cast_signed() & i64::MAX;
        let stamp = self.read().change().0.cast_signed() + 1;
        let table = match prepared.is_of_settings {
            true => self.settings_table(),
            false => self.items_table(),
        };
        lock(&self.last).remove(&table.name);
        for rows in prepared.requests {
            let n = rows.len();
            let columns = rows.into_columns(&self.library, &table, stamp, batch);
            self.upsert(&table, columns, n)?;
        }
        let kept =
            |key: &Key| !self.reads_items() || key.is_setting() || matches!(key, Key::Metadata(_));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let known = prepared.written.into_iter().filter(|(key, _)| kept(key));
        known.for_each(|(key, doc)| state.apply(key, doc));
        state.journal.insert(batch);
        Ok(())
    }
}

/// Columns of a record that is read.
pub(super) const ROW: [&str; 4] = ["pk", "kind", "batch", "doc"];

/// A record; none where it was removed.
pub(super) type Record = (Key, Option<Doc>);

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
