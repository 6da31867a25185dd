//! Where a Milvus server is, as people write it:
//! `milvus://[user:password@]HOST:PORT[/database][?option=value&...]`, or `milvuss://`
//! for TLS. It connects to nothing.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// A parsed address with its options.
#[derive(Clone, PartialEq, Eq)]
pub struct MilvusAddress {
    pub(super) is_tls: bool,
    /// Certificates of those who may vouch for the server, in PEM; those that the system trusts where none is named.
    pub(super) ca: Option<PathBuf>,
    /// As in `localhost:19530`.
    pub(super) host: String,
    pub(super) user: Option<(String, String)>,
    /// Milvus's own name of a database; `default` where none is named.
    pub(super) database: String,
    /// Several libraries may share a database; their rows are told apart by this name.
    pub(super) library: String,
    /// Every read sees what any process wrote before it, at the cost of waiting for the server's next tick.
    pub(super) is_strong: bool,
    pub(super) timeout: Duration,
    pub(super) index: VectorIndex,
    pub(super) shards: i32,
    pub(super) replicas: i32,
    /// Into so many partitions new tables of items and vectors spread the rows of libraries; 0 is not at all.
    pub(super) partitions: i32,
    pub(super) records: Records,
}

/// Where a process has the records of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// A copy of all in memory, which follows the server.
    Memory,
    /// On the server alone: it evaluates filters, and what an answer needs is read for it.
    Server,
}

/// The index that Milvus is asked to build over vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VectorIndex {
    /// A graph (Malkov and Yashunin 2018).
    Hnsw {
        /// Rows that a search keeps looking from: HNSW's ef.
        effort: i32,
    },
    /// Exact.
    Flat,
}

/// Milvus's own default.
const PORT: &str = "19530";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// What Milvus 2.3 takes.
const EFFORTS: RangeInclusive<i32> = 1..=32_768;

impl VectorIndex {
    const GRAPH: VectorIndex = VectorIndex::Hnsw { effort: 256 };

    /// Effort of a search for so many rows, than which Milvus takes no less; none where there is no graph.
    pub(super) fn effort_for(self, limit: usize) -> Option<usize> {
        match self {
            VectorIndex::Hnsw { effort } => Some(limit.max(usize::try_from(effort).unwrap_or(0))),
            VectorIndex::Flat => None,
        }
    }
}

impl MilvusAddress {
    /// Whether this is an address of a Milvus server at all, rather than a folder.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("milvus://") || text.starts_with("milvuss://")
    }

    /// The address in this text.
    pub fn parse(text: &str) -> Result<MilvusAddress> {
        let refuse = |reason: &str| Error::Invalid {
            what: "--db".to_owned(),
            reason: format!("{reason}; expected milvus://[user:password@]HOST:PORT[/database]"),
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if !matches!(scheme, "milvus" | "milvuss") {
            return Err(refuse("it is no address of a Milvus server"));
        }
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') || database.contains('/') {
            return Err(refuse("it names no server"));
        }
        let user = match user.map(|user| user.split_once(':')) {
            None => None,
            Some(Some((name, password))) => Some((decoded(name), decoded(password))),
            Some(None) => return Err(refuse("a user needs a password")),
        };
        let mut address = MilvusAddress {
            is_tls: scheme == "milvuss",
            ca: None,
            host: with_port(host),
            user,
            database: if database.is_empty() {
                "default".to_owned()
            } else {
                decoded(database)
            },
            library: String::new(),
            is_strong: false,
            timeout: DEFAULT_TIMEOUT,
            index: VectorIndex::GRAPH,
            shards: 1,
            replicas: 1,
            partitions: 0,
            records: Records::Memory,
        };
        let mut options: Vec<&str> = options.split('&').collect();
        options.retain(|option| !option.is_empty());
        // What is said of a graph is said of the index that the address names, wherever it names it.
        options.sort_by_key(|option| !option.starts_with("index="));
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            address
                .set(name, &decoded(value))
                .map_err(|reason| refuse(&reason))?;
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || {
            let number = value.parse::<i32>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{name}={value} is no positive number"))
        };
        let within = |range: RangeInclusive<i32>| {
            let (least, most) = (*range.start(), *range.end());
            let number = value
                .parse::<i32>()
                .ok()
                .filter(|number| range.contains(number));
            number.ok_or_else(|| format!("{name}={value} is no number from {least} to {most}"))
        };
        match (name, value) {
            ("library", _) => self.library = value.to_owned(),
            ("consistency", "strong") => self.is_strong = true,
            ("consistency", "session") => self.is_strong = false,
            ("index", "hnsw") => self.index = VectorIndex::GRAPH,
            ("index", "flat") => self.index = VectorIndex::Flat,
            ("effort", _) => match &mut self.index {
                VectorIndex::Hnsw { effort } => *effort = within(EFFORTS)?,
                VectorIndex::Flat => {
                    return Err("effort is a graph's, and index=flat builds none".to_owned());
                }
            },
            ("ca", _) => self.ca = Some(value.into()),
            ("partitions", _) => self.partitions = number()?,
            ("records", "memory") => self.records = Records::Memory,
            ("records", "server") => self.records = Records::Server,
            ("shards", _) => self.shards = number()?,
            ("replicas", _) => self.replicas = number()?,
            ("timeout", _) => self.timeout = Duration::from_secs(number()?.unsigned_abs().into()),
            _ => {
                return Err(format!(
                    "{name}={value} is no option: there are library=NAME, consistency=strong|session, \
                     records=memory|server, index=hnsw|flat, effort=N, shards=N, replicas=N, partitions=N, \
                     timeout=SECONDS, ca=FILE"
                ));
            }
        }
        Ok(())
    }

    /// A name for a folder on this machine that belongs to the library.
    pub fn folder_name(&self) -> String {
        let hash = blake3::hash(format!("{} {}", self.shown(), self.library).as_bytes()).to_hex();
        format!("milvus-{:.16}", hash.as_str())
    }

    /// Names the library, of which a database may have several.
    pub fn library_shown(&self) -> String {
        match self.library.as_str() {
            "" => self.shown(),
            library => format!("{}?library={library}", self.shown()),
        }
    }

    /// Begins the key of every row of the library.
    pub fn library_key(&self) -> String {
        let hash = blake3::hash(self.library.as_bytes()).to_hex();
        format!("{:.16}", hash.as_str())
    }

    /// The effort of a search of a graph for so many rows; none where vectors have no graph.
    pub fn effort_for(&self, limit: usize) -> Option<usize> {
        self.index.effort_for(limit)
    }

    /// The same server and database, with another library.
    pub fn of_library(&self, library: &str) -> MilvusAddress {
        MilvusAddress {
            library: library.to_owned(),
            ..self.clone()
        }
    }

    /// For another client of the same server.
    pub fn host_and_port(&self) -> (&str, &str) {
        let (host, port) = self.host.rsplit_once(':').unwrap_or((&self.host, ""));
        (host.trim_matches(['[', ']']), port)
    }

    /// As it is shown: never with the password.
    pub fn shown(&self) -> String {
        let scheme = if self.is_tls { "milvuss" } else { "milvus" };
        format!("{scheme}://{}/{}", self.host, self.database)
    }
}

impl std::fmt::Debug for MilvusAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

fn with_port(host: &str) -> String {
    // An IPv6 address stands in brackets, its port after them.
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    match after_brackets.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:{PORT}"),
    }
}

/// Text with `%41` as `A`; what is no such code stays.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_people_write() {
        let plain = MilvusAddress::parse("milvus://localhost").unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.database.as_str()),
            ("localhost:19530", "default")
        );
        assert!(!plain.is_tls && plain.user.is_none() && !plain.is_strong);
        let full = "milvuss://ann:p%40ss@[::1]:7/art?library=a%20b&consistency=strong&timeout=5&index=flat&shards=2&ca=/etc/our.pem";
        let full = MilvusAddress::parse(full).unwrap();
        assert_eq!(full.host, "[::1]:7");
        assert_eq!(full.user, Some(("ann".to_owned(), "p@ss".to_owned())));
        assert_eq!((full.library.as_str(), full.shards), ("a b", 2));
        assert!(full.is_tls && full.is_strong && full.index == VectorIndex::Flat);
        assert_eq!(full.timeout, Duration::from_secs(5));
        assert_eq!(full.ca, Some(PathBuf::from("/etc/our.pem")));
        assert!(!format!("{full:?}").contains("p@ss"), "{full:?}");
    }

    #[test]
    fn a_graph_is_searched_as_the_address_says() {
        let effort = |options: &str, limit: usize| {
            let address = MilvusAddress::parse(&format!("milvus://host{options}")).unwrap();
            address.effort_for(limit)
        };
        assert_eq!(effort("", 74), Some(256));
        assert_eq!(effort("?effort=2000&index=hnsw", 74), Some(2000));
        assert_eq!(
            effort("?effort=100", 400),
            Some(400),
            "never less than is asked for"
        );
        assert_eq!(effort("?index=flat", 74), None);
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for (wrong, expect) in [
            ("http://localhost", "no address"),
            ("milvus://", "no server"),
            ("milvus://:19530", "no server"),
            ("milvus://a/b/c", "no server"),
            ("milvus://ann@host", "password"),
            ("milvus://host?color=red", "color=red"),
            ("milvus://host?shards=0", "no positive number"),
            (
                "milvus://host?effort=0",
                "effort=0 is no number from 1 to 32768",
            ),
            (
                "milvus://host?effort=300&index=flat",
                "index=flat builds none",
            ),
        ] {
            let words = MilvusAddress::parse(wrong).unwrap_err().to_string();
            assert!(words.contains(expect), "{wrong}: {words}");
        }
        assert!(MilvusAddress::is_one("milvus://x") && !MilvusAddress::is_one("./milvus"));
    }
}
