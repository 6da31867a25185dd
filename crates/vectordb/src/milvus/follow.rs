//! How a process follows what others write: it looks for new batches in the journal, and takes the records that they wrote; and how
//! it reads all of them when it begins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::docs::METADATA_KEY;
use super::prepared::last_batch;
use super::rows::{Answered, one_of};
use super::session::{JOURNAL, MOST_KEYS, ROW, Session, Turn, lock};
use super::state::State;
use super::table::Table;
use crate::error::Result;
use crate::ids::Change;

/// For how long what other processes write may go unseen.
const FRESH: Duration = Duration::from_millis(250);
/// For how long a journal is not searched while its last batch is the same: it may be put again late, over one that nobody saw.
const SEARCHED: Duration = Duration::from_secs(10);
/// Batches of others that may come later than their numbers say.
const LATE: i64 = 1_000;
/// Records that are read at once.
const PAGE: usize = 8_000;

/// How far a process knows what others write.
#[derive(Default)]
pub(super) struct Following {
    polled: Mutex<Option<Instant>>,
    /// Of each table the last batch when its journal was searched, and when that was; none after a write of this process, before
    /// which another may have written.
    last: Mutex<FxHashMap<String, (i64, Instant)>>,
    /// Whether others had written when that was looked for last.
    has_company: AtomicBool,
}

impl Following {
    /// Search a table's journal the next time.
    pub(super) fn forget(&self, table: &Table) {
        lock(&self.last).remove(&table.name);
    }

    pub(super) fn has_company(&self) -> bool {
        self.has_company.load(Ordering::SeqCst)
    }
}

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

impl Session {
    /// The records, after a look at what others wrote.
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
        lock(&self.following.polled).is_some_and(|at| at.elapsed() < FRESH)
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
        self.following
            .has_company
            .store(!news.is_none(), Ordering::SeqCst);
        let tables = [
            (self.settings_table(), news.settings),
            (self.items_table(), news.items),
        ];
        for (table, found) in tables {
            self.take_batches(&table, &found.batches)?;
            let state = self.read();
            let is_taken = found.batches.iter().all(|one| state.journal.contains(one));
            if let Some(last) = found.last.filter(|_| is_taken) {
                lock(&self.following.last).insert(table.name, (last, news.at));
            }
        }
        *lock(&self.following.polled) = Some(news.at);
        Ok(())
    }

    /// Batches in a table's journal that this process has not seen. The server may not have the very last of them at hand; the rows
    /// of those that are found are read only where it has all that this process wrote.
    fn new_batches(&self, table: &Table) -> Result<Found> {
        let key = last_batch(&self.library);
        let known = lock(&self.following.last).get(&table.name).copied();
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
    pub(super) fn load(&self) -> Result<()> {
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
        *lock(&self.following.polled) = Some(Instant::now());
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
}
