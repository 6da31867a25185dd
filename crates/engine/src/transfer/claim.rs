//! The right to write a copy into a target: it has nothing but that copy, and nobody else writes it.
//!
//! | key, at the target | value |
//! |---|---|
//! | `transfer` | `running` or `done`, the token of the run, a number that rises while it lives, the target's change number when it was done, and the source's name |
//!
//! No clock is compared: who finds a run that is not done watches whether its number rises.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fovea_vectordb::{Database, Filter, OpenMode};

use super::Library;
use crate::error::Error;

/// Keeps the mark; it is no setting of the source's, and is not copied.
pub(super) const MARK: &str = "transfer";
/// How often a run shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// For how long one that does not is waited for.
const WATCH: Duration = Duration::from_secs(4);

/// What a target says of the copy in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    is_done: bool,
    token: String,
    beat: u64,
    change: u64,
    source: String,
}

impl Mark {
    fn text(&self) -> String {
        let state = if self.is_done { "done" } else { "running" };
        format!(
            "{state} {} {} {} {}",
            self.token, self.beat, self.change, self.source
        )
    }

    fn parse(text: &str) -> Option<Mark> {
        let mut words = text.splitn(5, ' ');
        let is_done = words.next()? == "done";
        Some(Mark {
            is_done,
            token: words.next()?.to_owned(),
            beat: words.next()?.parse().ok()?,
            change: words.next()?.parse().ok()?,
            source: words.next()?.to_owned(),
        })
    }

    fn of(database: &dyn Database) -> Result<Option<Mark>, Error> {
        let kept = database.setting(MARK)?;
        Ok(kept.and_then(|kept| Mark::parse(&kept)))
    }
}

/// See that the target may become a copy of the source, before anything is written.
pub(super) fn admit(from: &dyn Library, to: &dyn Library) -> Result<(), Error> {
    let (source, target) = (from.name(), to.name());
    if source == target {
        return Err(Error::Input(format!(
            "{source} is what would be copied; --to names another place"
        )));
    }
    let (ours, theirs) = (from.collections()?, to.collections()?);
    let mut found = None;
    for name in &theirs {
        let database = to.open(name, OpenMode::ReadOnly)?;
        if let Some(mark) = Mark::of(&*database)? {
            found = Some((mark, database));
        }
    }
    match found {
        Some((mark, _)) if mark.source != source => Err(Error::Input(format!(
            "{target} is a copy of {}, not of {source}; name an empty place",
            mark.source
        ))),
        Some((mark, database)) => {
            if mark.is_done && database.change()?.0 != mark.change {
                return Err(Error::Input(format!(
                    "{target} was written to after the copy was done, and would lose that; name an empty place"
                )));
            }
            refuse_others(&ours, &theirs, &target)?;
            see_packs(from, to, &theirs)
        }
        None => {
            refuse_others(&ours, &theirs, &target)?;
            see_packs(from, to, &theirs)?;
            theirs.iter().try_for_each(|name| see_empty(to, name))
        }
    }
}

fn refuse_others(ours: &[String], theirs: &[String], target: &str) -> Result<(), Error> {
    match theirs.iter().find(|name| !ours.contains(name)) {
        Some(other) => Err(Error::Input(format!(
            "{target} has a collection `{other}` that the source does not have; name an empty place"
        ))),
        None => Ok(()),
    }
}

fn see_empty(to: &dyn Library, name: &str) -> Result<(), Error> {
    let database = to.open(name, OpenMode::ReadOnly)?;
    let n_items = database.count(&Filter::All)?;
    if n_items == 0 && database.sources()?.is_empty() && database.settings("")?.is_empty() {
        return Ok(());
    }
    Err(Error::Input(format!(
        "{} has a collection `{name}` of its own, with {n_items} items; name an empty place",
        to.name()
    )))
}

/// Packs of a target are among those of the source, or its vectors would be compared with others.
fn see_packs(from: &dyn Library, to: &dyn Library, theirs: &[String]) -> Result<(), Error> {
    for name in theirs {
        let ours = from.open(name, OpenMode::ReadOnly)?.packs()?;
        let packs = to.open(name, OpenMode::ReadOnly)?.packs()?;
        if let Some(other) = packs.iter().find(|pack| !ours.contains(pack)) {
            return Err(Error::Input(format!(
                "collection `{name}` of {} has the pack {} ({:.12}), which that of the source does not have; name an empty \
                 place",
                to.name(),
                other.name,
                other.fingerprint
            )));
        }
    }
    Ok(())
}

/// The right to write, as long as nobody took it over.
pub(super) struct Claim {
    database: Arc<dyn Database>,
    target: String,
    mark: Mutex<Mark>,
    is_lost: AtomicBool,
    /// When it was last seen to be this run's.
    seen: Mutex<Instant>,
    resting: (Mutex<bool>, Condvar),
}

impl Claim {
    /// Take the right, unless another run that lives has it.
    pub(super) fn take(source: &str, to: &dyn Library, collection: &str) -> Result<Claim, Error> {
        let target = to.name();
        let database = to.open(collection, OpenMode::Create)?;
        if let Some(before) = Mark::of(&*database)?.filter(|mark| !mark.is_done) {
            std::thread::sleep(WATCH);
            if Mark::of(&*database)?.is_some_and(|now| now != before) {
                return Err(under_way(&target));
            }
        }
        let mark = Mark {
            is_done: false,
            token: token()?,
            beat: 0,
            change: 0,
            source: source.to_owned(),
        };
        database.set_setting(MARK, Some(&mark.text()))?;
        // Of two that came at once the later one's mark stands, and both see it.
        std::thread::sleep(BEAT);
        if Mark::of(&*database)?.as_ref() != Some(&mark) {
            return Err(under_way(&target));
        }
        Ok(Claim {
            database,
            target,
            mark: Mutex::new(mark),
            is_lost: AtomicBool::new(false),
            seen: Mutex::new(Instant::now()),
            resting: Default::default(),
        })
    }

    /// Show again and again that this run lives, until it rests.
    pub(super) fn beat(&self) {
        let (resting, bell) = &self.resting;
        let mut is_resting = resting.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_resting {
            let waited = bell.wait_timeout(is_resting, BEAT);
            (is_resting, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !*is_resting {
                self.beat_once();
            }
        }
    }

    /// A server that does not answer now is met by the copy itself.
    fn beat_once(&self) {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        match Mark::of(&*self.database) {
            Ok(Some(now)) if now.token != mark.token => self.is_lost.store(true, Ordering::SeqCst),
            Ok(_) => {
                mark.beat += 1;
                let _ = self.database.set_setting(MARK, Some(&mark.text()));
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            Err(_) => {}
        }
    }

    pub(super) fn rest(&self) {
        let (resting, bell) = &self.resting;
        *resting.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }

    /// An error where another run took over.
    pub(super) fn holds(&self) -> Result<(), Error> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A process that stood still looks before it writes again.
        if seen.elapsed() > WATCH {
            self.beat_once();
        }
        match self.is_lost.load(Ordering::SeqCst) {
            true => Err(under_way(&self.target)),
            false => Ok(()),
        }
    }

    /// Note that the copy is whole.
    pub(super) fn finish(&self) -> Result<(), Error> {
        self.beat_once();
        self.holds()?;
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        mark.is_done = true;
        // The write of the mark itself is one more.
        mark.change = self.database.change()?.0 + 1;
        Ok(self.database.set_setting(MARK, Some(&mark.text()))?)
    }
}

fn under_way(target: &str) -> Error {
    Error::Input(format!(
        "another fovea migrate writes into {target}; wait until it is done, then run again"
    ))
}

fn token() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io {
        path: "random numbers of the system".into(),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_were_written() {
        let mark = Mark {
            is_done: true,
            token: "00ff".to_owned(),
            beat: 3,
            change: 17,
            source: "/home/ann/my pictures".to_owned(),
        };
        assert_eq!(Mark::parse(&mark.text()), Some(mark));
        for wrong in ["", "done", "done a b c d", "running t 1 2"] {
            assert_eq!(Mark::parse(wrong), None, "{wrong}");
        }
    }
}
