//! What people did with what was found: looked closer, liked it, did not. Kept with the collection, the latest alone.
//!
//! | key | value |
//! |---|---|
//! | `event.MICROSECONDS.ITEM` (16 digits, since 1970) | what happened, a space, and the query it was found by |

use std::collections::HashSet;

use fovea_vectordb::{Database, ItemId};

use crate::error::Error;

/// Begins the key of a setting that keeps one.
pub const PREFIX: &str = "event.";
/// Events of a collection; the oldest give way.
pub const MOST: usize = 10_000;
/// Letters of a query that are kept with one.
const LONGEST_QUERY: usize = 1_000;

/// What somebody did with a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at_us: u64,
    pub item: ItemId,
    pub kind: EventKind,
    /// The query by which it was found.
    pub query: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was looked at.
    Opened,
    Liked,
    Disliked,
}

impl EventKind {
    pub const ALL: [EventKind; 3] = [EventKind::Opened, EventKind::Liked, EventKind::Disliked];

    pub fn name(self) -> &'static str {
        match self {
            EventKind::Opened => "opened",
            EventKind::Liked => "liked",
            EventKind::Disliked => "disliked",
        }
    }
}

/// Keeps one, in the place of the oldest where there are enough.
pub fn add(database: &dyn Database, event: &Event) -> Result<(), Error> {
    let kept = database.settings(PREFIX)?;
    for (key, _) in kept.iter().take((kept.len() + 1).saturating_sub(MOST)) {
        database.set_setting(key, None)?;
    }
    let query: String = event.query.chars().take(LONGEST_QUERY).collect();
    let key = format!("{PREFIX}{:016}.{}", event.at_us, event.item);
    let value = format!("{} {query}", event.kind.name());
    Ok(database.set_setting(&key, Some(&value))?)
}

/// All that are kept, the oldest first.
pub fn list(database: &dyn Database) -> Result<Vec<Event>, Error> {
    let kept = database.settings(PREFIX)?;
    let read = kept.iter().filter_map(|(key, value)| read(key, value));
    Ok(read.collect())
}

/// Forgets what was done with some items, and what was asked that names one of them; answers how many went.
pub(crate) fn forget(database: &dyn Database, items: &HashSet<ItemId>) -> Result<u64, Error> {
    let names: Vec<String> = items.iter().map(|item| format!("#{item}")).collect();
    let mut n_gone = 0;
    for (key, value) in database.settings(PREFIX)? {
        let names_one = || names.iter().any(|name| value.contains(name));
        let is_of_one = read(&key, &value).is_some_and(|event| items.contains(&event.item));
        if is_of_one || names_one() {
            database.set_setting(&key, None)?;
            n_gone += 1;
        }
    }
    Ok(n_gone)
}

fn read(key: &str, value: &str) -> Option<Event> {
    let (at, item) = key.strip_prefix(PREFIX)?.split_once('.')?;
    let (kind, query) = value.split_once(' ')?;
    Some(Event {
        at_us: at.parse().ok()?,
        item: item.parse().ok()?,
        kind: EventKind::ALL.into_iter().find(|one| one.name() == kind)?,
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use fovea_vectordb::{Embedded, OpenMode};

    use super::*;

    #[test]
    fn events_come_back_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let database = Embedded::open(folder.path(), "default", OpenMode::Create).unwrap();
        let event = |at_us, kind, query: &str| Event {
            at_us,
            item: ItemId::new(77).unwrap(),
            kind,
            query: query.to_owned(),
        };
        let all = [
            event(9, EventKind::Liked, "red and blue"),
            event(1_700_000_000_000_000, EventKind::Opened, ""),
        ];
        add(&database, &all[1]).unwrap();
        add(&database, &all[0]).unwrap();
        assert_eq!(list(&database).unwrap(), all);
        let other = HashSet::from([ItemId::new(7).unwrap()]);
        assert_eq!(forget(&database, &other).unwrap(), 0);
        let item = HashSet::from([all[0].item]);
        assert_eq!(forget(&database, &item).unwrap(), 2);
        assert_eq!(list(&database).unwrap(), []);
    }
}
