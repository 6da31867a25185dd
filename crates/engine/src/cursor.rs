//! Where a page of results ended, so that the next begins there, whatever was added or removed meanwhile.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use fovea_vectordb::{ItemId, path_from_bytes, path_to_bytes};

use crate::error::Error;
use crate::query::Plan;
use crate::search::SearchOptions;

/// What an item's place in the order of a list goes by.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Score(f32),
    /// Time or name.
    Text(String),
}

/// The last item of a page. Written and read as text that means nothing to anybody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// Of the query and of all options that change the list.
    check: u64,
    /// Results up to here.
    pub(crate) seen: usize,
    pub(crate) key: Key,
    pub(crate) item: ItemId,
}

impl Cursor {
    pub(crate) fn new(check: u64, seen: usize, key: Key, item: ItemId) -> Cursor {
        Cursor {
            check,
            seen,
            key,
            item,
        }
    }

    /// Refuses a cursor of another list.
    pub(crate) fn belongs_to(&self, check: u64) -> Result<(), Error> {
        if self.check == check {
            return Ok(());
        }
        Err(Error::Input(
            "this cursor is of another query: ask with the same words, filters and options as the page before, or leave \
             the cursor out to begin anew"
                .to_owned(),
        ))
    }
}

/// What tells one list from another. Where the page before ended and how long a page is make no difference.
pub(crate) fn check_of(plan: &Plan, options: &SearchOptions, pack: &str) -> u64 {
    let list = SearchOptions {
        top_k: 0,
        after: None,
        ..options.clone()
    };
    let mut hasher = DefaultHasher::new();
    // A name may stand for something else by now.
    let names = format!("{:?}", plan.names);
    (plan.query.to_string(), names, format!("{list:?}"), pack).hash(&mut hasher);
    hasher.finish()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.key {
            Key::Score(score) => format!("s{:08x}", score.to_bits()),
            Key::Text(text) => {
                let bytes = path_to_bytes(text.as_ref());
                let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                format!("t{}", digits.collect::<String>())
            }
        };
        write!(f, "{:016x}.{}.{key}.{}", self.check, self.seen, self.item)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor, Error> {
        let wrong = || {
            Error::Input(
                "this is no cursor: take what stands as `next` in the answer before, as it is"
                    .to_owned(),
            )
        };
        let parts: Vec<&str> = text.split('.').collect();
        let &[check, seen, key, item] = parts.as_slice() else {
            return Err(wrong());
        };
        Ok(Cursor {
            check: u64::from_str_radix(check, 16).map_err(|_| wrong())?,
            seen: seen.parse().map_err(|_| wrong())?,
            key: read_key(key).ok_or_else(wrong)?,
            item: item.parse().map_err(|_| wrong())?,
        })
    }
}

fn read_key(key: &str) -> Option<Key> {
    if let Some(digits) = key.strip_prefix('s') {
        let score = f32::from_bits(u32::from_str_radix(digits, 16).ok()?);
        return score.is_finite().then_some(Key::Score(score));
    }
    let (pairs, rest) = key.strip_prefix('t')?.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let text = path_from_bytes(&bytes?).into_os_string().into_string();
    text.ok().filter(|_| rest.is_empty()).map(Key::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let item = ItemId::new(77).unwrap();
        for key in [
            Key::Score(-0.25),
            Key::Text("2023-07-14 é企".to_owned()),
            Key::Text(String::new()),
        ] {
            let cursor = Cursor::new(5, 40, key, item);
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let good = Cursor::new(5, 40, Key::Score(0.5), ItemId::new(77).unwrap()).to_string();
        for end in 0..good.len() {
            assert!(good[..end].parse::<Cursor>().is_err(), "{}", &good[..end]);
        }
        for text in [
            "x",
            "1.2.s7fc00000.0000000000001",
            "1.2.t0.0000000000001",
            "1.2.tff.0000000000001",
            "1.2.u00.0000000000001",
            "1.-2.s00000000.0000000000001",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cursor_is_of_one_list() {
        let plan = |text: &str| Plan::of_terms(Query::words(text).unwrap());
        let options = SearchOptions::default();
        let check = check_of(&plan("red"), &options, "pack");
        let longer = SearchOptions {
            top_k: 50,
            ..options.clone()
        };
        assert_eq!(check, check_of(&plan("red"), &longer, "pack"));
        let others = [
            check_of(&plan("blue"), &options, "pack"),
            check_of(&plan("red"), &options, "other"),
            check_of(
                &plan("red"),
                &SearchOptions {
                    cut: true,
                    ..options.clone()
                },
                "pack",
            ),
        ];
        assert!(!others.contains(&check));
    }
}
