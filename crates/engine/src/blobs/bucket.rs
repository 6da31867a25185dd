//! A bucket that speaks S3: few calls, each of which is whole or nothing, asked again for a while, and errors in words.
//!
//! Keys come from the environment and are never shown.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::listing;
use super::wire::{Answer, Failed, Wire};
use crate::error::Error;

const SCHEME: &str = "s3://";
/// What most stores that speak S3 call the one region that they have.
const REGION: &str = "us-east-1";
/// Pages of a listing at most, of a thousand keys each.
const MOST_PAGES: usize = 1_000_000;

/// Who asks and where; not to be shown.
#[derive(Clone)]
pub struct Access {
    /// None is Amazon's own.
    pub endpoint: Option<String>,
    pub region: String,
    pub key_id: String,
    pub secret: String,
    /// Of keys that are lent for a while.
    pub token: Option<String>,
    /// How long one answer, and a call with all its tries, may take.
    pub answer: Duration,
    pub patience: Duration,
}

impl Access {
    /// What `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` say.
    pub fn from_env() -> Result<Access, Error> {
        let of = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &str| {
            of(name).ok_or_else(|| {
                Error::Input(format!(
                    "a bucket needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL where it is not \
                     Amazon's); {name} is not set"
                ))
            })
        };
        Ok(Access {
            endpoint: of("AWS_ENDPOINT_URL_S3").or_else(|| of("AWS_ENDPOINT_URL")),
            region: of("AWS_REGION")
                .or_else(|| of("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| REGION.to_owned()),
            key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret: needed("AWS_SECRET_ACCESS_KEY")?,
            token: of("AWS_SESSION_TOKEN"),
            answer: Duration::from_secs(20),
            patience: Duration::from_secs(30),
        })
    }
}

/// What lies in a bucket below a prefix.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    name: String,
    prefix: String,
    wire: Wire,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Below the prefix.
    pub key: String,
    pub bytes: u64,
    pub modified: SystemTime,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Bucket) -> bool {
        self.shown() == other.shown()
    }
}

impl Bucket {
    /// Whether this is an address of a bucket, rather than a folder.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The bucket in `s3://BUCKET[/PREFIX]`. Nothing is asked of it yet.
    pub fn open(address: &str, access: &Access) -> Result<Bucket, Error> {
        let refuse = |reason: &str| {
            Error::Input(format!(
                "{address}: {reason}; expected s3://BUCKET[/PREFIX]"
            ))
        };
        let rest = address.strip_prefix(SCHEME).unwrap_or(address);
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_letter) {
            return Err(refuse("it names no bucket"));
        }
        let prefix = prefix.trim_matches('/');
        let is_name = |part: &str| !matches!(part, "" | "." | "..");
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err(refuse("its prefix is no path of names"));
        }
        Ok(Bucket(Arc::new(Inner {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            wire: Wire::new(name, access)?,
        })))
    }

    /// As people write it.
    pub fn shown(&self) -> String {
        match self.0.prefix.as_str() {
            "" => format!("{SCHEME}{}", self.0.name),
            prefix => format!("{SCHEME}{}/{prefix}", self.0.name),
        }
    }

    /// All of an object; none where there is none.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let got = self.ask("GET", key, &[])?;
        Ok(got.map(|answer| answer.body))
    }

    /// How long an object is; none where there is none.
    pub fn length(&self, key: &str) -> Result<Option<u64>, Error> {
        let got = self.ask("HEAD", key, &[])?;
        Ok(got.and_then(|answer| answer.length))
    }

    /// Readers see all of it or what was there before.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let put = self.ask("PUT", key, bytes)?;
        put.map(drop).ok_or_else(|| {
            let reason = "it does not know the bucket".to_owned();
            self.error(Failed::Missing(reason), key)
        })
    }

    /// What is not there is removed already.
    pub fn remove(&self, key: &str) -> Result<(), Error> {
        self.ask("DELETE", key, &[]).map(drop)
    }

    /// All objects in a folder, and in those below it.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>, Error> {
        let below = format!("{}/", self.key(folder));
        let mut entries = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("list-type", "2"), ("prefix", below.as_str())];
            query.extend(next.as_deref().map(|next| ("continuation-token", next)));
            let answer = self.0.wire.ask("GET", "", &query, &[]);
            let answer = answer.map_err(|failed| self.error(failed, folder))?;
            let page = listing::read(&answer.body)
                .map_err(|reason| self.error(Failed::Refused(reason), folder))?;
            entries.extend(page.entries.into_iter().filter_map(|entry| self.own(entry)));
            if page.next.is_none() || page.next == next {
                return Ok(entries);
            }
            next = page.next;
        }
        let reason = "its listing has no end".to_owned();
        Err(self.error(Failed::Refused(reason), folder))
    }

    /// An entry by its key below the prefix.
    fn own(&self, entry: Entry) -> Option<Entry> {
        let key = match self.0.prefix.as_str() {
            "" => entry.key,
            prefix => {
                let below = entry.key.strip_prefix(prefix)?;
                below.strip_prefix('/')?.to_owned()
            }
        };
        Some(Entry { key, ..entry })
    }

    fn key(&self, key: &str) -> String {
        match self.0.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        }
    }

    /// Nothing at this key is an answer.
    fn ask(&self, method: &str, key: &str, body: &[u8]) -> Result<Option<Answer>, Error> {
        match self.0.wire.ask(method, &self.key(key), &[], body) {
            Ok(answer) => Ok(Some(answer)),
            Err(Failed::Nothing) => Ok(None),
            Err(failed) => Err(self.error(failed, key)),
        }
    }

    fn error(&self, failed: Failed, key: &str) -> Error {
        let (reason, next) = match failed {
            Failed::Missing(reason) => (reason, "make the bucket, or name another one"),
            Failed::Nothing => (
                "it has no such object".to_owned(),
                "make the bucket, or name another one",
            ),
            Failed::Denied(reason) => (
                reason,
                "see that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are keys that may read and write it, that AWS_REGION \
                 is its region, and that this machine's clock is right",
            ),
            Failed::Refused(reason) => (
                reason,
                "see that AWS_ENDPOINT_URL and AWS_REGION are where the bucket is",
            ),
            Failed::Away(reason) => (
                reason,
                "see that AWS_ENDPOINT_URL can be reached, then run again: what was kept stays",
            ),
        };
        Error::Bucket {
            bucket: self.shown(),
            key: key.to_owned(),
            reason,
            next,
        }
    }
}
