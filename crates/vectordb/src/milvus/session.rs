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

use rustc_hash::FxHashMap;

use super::address::{MilvusAddress, Records};
use super::client::{Call, Client};
use super::docs::{Doc, Key};
use super::follow::{Absent, Following};
use super::lite;
use super::prepared::Prepared;
use super::proto::*;
use super::rows::{Answered, one_of};
use super::search::Many;
use super::state::State;
use super::table::{EARLIER, Space, Table, partition_of};
use crate::error::{Error, Result};

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
    pub(super) state: RwLock<State>,
    /// How far this process knows what others wrote.
    pub(super) following: Following,
    pub(super) absent: Absent,
    pub(super) writing: Mutex<()>,
    /// Milvus's time of the last write of this process, which its reads wait for.
    written: AtomicU64,
    /// Tables that can be used, each with the partition that has the rows of the library, if any.
    ready: Mutex<FxHashMap<String, Option<String>>>,
    /// Until all records are there, reads wait for whatever anybody wrote before.
    pub(super) loaded: AtomicBool,
    pub(super) many: Many,
}

/// Where a session of this process is, if it is still in use.
type Place = Arc<Mutex<Weak<Session>>>;

/// What was written: records by key, and none for those that go.
pub(super) type Written = BTreeMap<Key, Option<Doc>>;

/// The right to write.
pub(super) struct Turn<'a>(
    #[allow(dead_code, reason = "held, not read")] pub(super) MutexGuard<'a, ()>,
);

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
            following: Following::default(),
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

    pub(super) fn settings_table(&self) -> Table {
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
    pub(super) fn query_at_hand(
        &self,
        table: &Table,
        expr: String,
        fields: &[&str],
    ) -> Result<Answered> {
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
        self.following.forget(&table);
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
