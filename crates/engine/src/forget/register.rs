//! What was forgotten, kept among the settings of the collection: enough to pass it over when its folder is indexed again,
//! and to prove that nothing of it is left.
//!
//! | key | value |
//! |---|---|
//! | `forget.secret` | 64 hex digits that all others depend on |
//! | `forgotten.PLACE` (32 hex digits, of source and path) | `content` and 32 hex digits, where no other item had the same file; then a window on each line |

use std::fmt::Write;

use fovea_vectordb::{ContentHash, Database, Item, SourceId};
use std::collections::{HashMap, HashSet};

use super::windows::{Secret, Window};
use crate::error::Error;

const SECRET: &str = "forget.secret";
pub const PREFIX: &str = "forgotten.";
const CONTENT: &str = "content ";

/// A number that is known again and does not tell what it is of.
type Mark = [u8; 16];

/// One picture that was forgotten.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    place: Mark,
    /// None where another item has the same file, which may be indexed.
    pub content: Option<Mark>,
    pub windows: Vec<Window>,
}

#[derive(Clone, Debug)]
pub struct Register {
    pub secret: Secret,
    pub records: Vec<Record>,
    contents: HashMap<Mark, usize>,
    places: HashSet<Mark>,
}

impl Register {
    /// None where nothing was ever forgotten.
    pub fn of(database: &dyn Database) -> Result<Option<Register>, Error> {
        let Some(secret) = database.setting(SECRET)? else {
            return Ok(None);
        };
        let key = blake3::Hash::from_hex(&secret).map_err(|_| {
            Error::Damaged(format!(
                "setting `{SECRET}` is damaged: what was forgotten is not known again"
            ))
        })?;
        let kept = database.settings(PREFIX)?;
        let read = kept.iter().map(|(key, value)| read(key, value));
        Ok(Some(Register::new(
            Secret::new(*key.as_bytes()),
            read.collect::<Result<_, _>>()?,
        )))
    }

    /// The same, made where there is none.
    pub fn open(database: &dyn Database) -> Result<Register, Error> {
        if let Some(register) = Register::of(database)? {
            return Ok(register);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| Error::Io {
            path: "random numbers of the system".into(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let hex = blake3::Hash::from_bytes(key).to_hex();
        database.set_setting(SECRET, Some(hex.as_str()))?;
        Ok(Register::new(Secret::new(key), Vec::new()))
    }

    fn new(secret: Secret, records: Vec<Record>) -> Register {
        let contents = records.iter().enumerate();
        let contents = contents.filter_map(|(at, record)| Some((record.content?, at)));
        let places = records.iter().filter(|record| record.content.is_none());
        Register {
            contents: contents.collect(),
            places: places.map(|record| record.place).collect(),
            secret,
            records,
        }
    }

    /// A record of an item, which is not kept yet.
    pub fn record(&self, item: &Item, windows: Vec<Window>) -> Record {
        Record {
            place: place_of(&self.secret, item.source, &item.path),
            content: Some(self.content_of(&item.content.hash)),
            windows,
        }
    }

    pub fn content_of(&self, content: &ContentHash) -> Mark {
        self.secret.mark("content", &content.0)
    }

    /// Whether the file at this place is passed over, whatever it is now: it has the same content as another item.
    pub fn has_place(&self, source: SourceId, path: &[u8]) -> bool {
        !self.places.is_empty() && self.places.contains(&place_of(&self.secret, source, path))
    }

    /// Whether a content is passed over wherever it is.
    pub fn has_content(&self, content: &ContentHash) -> bool {
        !self.contents.is_empty() && self.contents.contains_key(&self.content_of(content))
    }

    /// Takes back what was forgotten of a file that is to be indexed all the same.
    pub fn take_back(
        &self,
        database: &dyn Database,
        content: &ContentHash,
        (source, path): (SourceId, &[u8]),
    ) -> Result<(), Error> {
        let by_content = self.contents.get(&self.content_of(content));
        let place = place_of(&self.secret, source, path);
        let places = by_content.map(|at| self.records[*at].place).into_iter();
        for place in places.chain([place]) {
            database.set_setting(&key(&place), None)?;
        }
        Ok(())
    }
}

impl Record {
    pub fn keep(&self, database: &dyn Database) -> Result<(), Error> {
        let mut value = String::new();
        if let Some(content) = &self.content {
            let _ = writeln!(value, "{CONTENT}{}", hex(content));
        }
        for window in &self.windows {
            let _ = writeln!(value, "{}", window.to_line());
        }
        Ok(database.set_setting(&key(&self.place), Some(&value))?)
    }
}

fn place_of(secret: &Secret, source: SourceId, path: &[u8]) -> Mark {
    secret.mark(&format!("place {source}"), path)
}

fn key(place: &Mark) -> String {
    format!("{PREFIX}{}", hex(place))
}

fn hex(mark: &Mark) -> String {
    format!("{:032x}", u128::from_be_bytes(*mark))
}

fn mark(hex: &str) -> Option<Mark> {
    Some(u128::from_str_radix(hex, 16).ok()?.to_be_bytes())
}

fn read(key: &str, value: &str) -> Result<Record, Error> {
    let parse = || {
        let mut record = Record {
            place: mark(key.strip_prefix(PREFIX)?)?,
            content: None,
            windows: Vec::new(),
        };
        for line in value.lines() {
            match line.strip_prefix(CONTENT) {
                Some(hex) => record.content = Some(mark(hex)?),
                None => record.windows.push(Window::from_line(line)?),
            }
        }
        Some(record)
    };
    parse().ok_or_else(|| {
        Error::Damaged(format!(
            "setting `{key}` is damaged: what was forgotten there is not known again"
        ))
    })
}
