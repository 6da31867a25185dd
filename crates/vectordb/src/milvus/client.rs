//! Calls to a Milvus server: one connection, a deadline for each call, retries for what may be asked again, and errors
//! in words. Every call here may be repeated: rows are put and removed by their keys, and all else only asks.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use tokio::runtime::Runtime;

use super::address::MilvusAddress;
use super::grpc::{Broken, Wire};
use super::proto::*;
use super::tls::Tls;
use crate::error::{Error, Result};

/// Between two tries at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// On a full disk Milvus refuses a write or, where that happens to its own ticks first, keeps still with every call.
const SILENT: &str =
    "nothing comes back, as of a server that has too much to do or no room left on its disk";
const NO_ROOM: &str = "No space left on device";
/// The versions that everything here is tested with, as a server says them: of Milvus, and of milvus-lite, its like in Python.
const TESTED: &str = "2.3.";
const LITE: &str = "milvus_lite-";
const TESTED_LITE: &str = "3.";

/// Half of a pause to all of it, by chance: calls that a connection took along when it broke would break the next one together, too.
fn apart(pause: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    pause.mul_f64(0.5 + chance / 2.0)
}

/// A request with the call it belongs to.
pub(super) trait Call: Message + Clone + Default + 'static {
    type Answer: Answer;
    const PATH: &'static str;
}

/// An answer, which says whether the call went well.
pub(super) trait Answer: Message + Default + 'static {
    fn status(&self) -> Option<&Status>;
}

impl Answer for Status {
    fn status(&self) -> Option<&Status> {
        Some(self)
    }
}

macro_rules! calls {
    ($($name:ident: $request:ty => $answer:ty;)*) => {$(
        impl Call for $request {
            type Answer = $answer;
            const PATH: &'static str = concat!("/milvus.proto.milvus.MilvusService/", stringify!($name));
        }
    )*};
}

macro_rules! answers {
    ($($answer:ty),*) => {$(
        impl Answer for $answer {
            fn status(&self) -> Option<&Status> {
                self.status.as_ref()
            }
        }
    )*};
}

calls! {
    GetVersion: GetVersionRequest => GetVersionResponse;
    DescribeCollection: DescribeCollectionRequest => DescribeCollectionResponse;
    CreateCollection: CreateCollectionRequest => Status;
    CreatePartition: CreatePartitionRequest => Status;
    CreateIndex: CreateIndexRequest => Status;
    Flush: FlushRequest => FlushResponse;
    DescribeIndex: DescribeIndexRequest => DescribeIndexResponse;
    LoadCollection: LoadCollectionRequest => Status;
    GetLoadState: GetLoadStateRequest => GetLoadStateResponse;
    Upsert: UpsertRequest => MutationResult;
    Delete: DeleteRequest => MutationResult;
    Search: SearchRequest => SearchResults;
    Query: QueryRequest => QueryResults;
}

/// That there is no index is an answer.
impl Answer for DescribeIndexResponse {
    fn status(&self) -> Option<&Status> {
        let is_none = |status: &&Status| status.code == 700 || status.error_code == 11;
        self.status.as_ref().filter(|status| !is_none(status))
    }
}

answers!(
    GetVersionResponse,
    DescribeCollectionResponse,
    FlushResponse,
    GetLoadStateResponse,
    MutationResult,
    SearchResults,
    QueryResults
);

/// A connection that any number of threads may use.
pub(super) struct Client {
    server: String,
    database: String,
    wire: Arc<Wire>,
    timeout: Duration,
    has_user: bool,
    /// What the server said that it is.
    version: OnceLock<String>,
}

/// Why a try did not go well.
enum Failed {
    /// It may go well later.
    Again(String),
    For(Error),
}

impl Client {
    /// A connection to this server, made when it is first used.
    pub(super) fn new(address: &MilvusAddress) -> Result<Client> {
        let tls = match address.is_tls {
            true => Some(Tls::trusting(&address.host, address.ca.as_deref())?),
            false => None,
        };
        let mut headers = vec![("dbname", address.database.clone())];
        if let Some((user, password)) = &address.user {
            let text = STANDARD.encode(format!("{user}:{password}"));
            headers.push(("authorization", text));
        }
        Ok(Client {
            server: address.shown(),
            database: address.database.clone(),
            wire: Arc::new(Wire::new(&address.host, tls, headers)),
            timeout: address.timeout,
            has_user: address.user.is_some(),
            version: OnceLock::new(),
        })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// How long anything may take.
    pub(super) fn patience(&self) -> Duration {
        self.timeout
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// A call of which nothing is known any more.
    pub(super) fn no_end(&self) -> Error {
        Error::Unreachable {
            server: self.server.clone(),
            waited_s: 0,
            reason: "the call came to no end".to_owned(),
        }
    }

    /// What the server's version gives reason to say to a person: one that nobody tested is tried.
    pub(super) fn warning(&self) -> Result<Option<String>> {
        let said = self.call(GetVersionRequest::default())?.version;
        let version = self.version.get_or_init(|| said);
        Ok(warning_of(version, &self.server, self.has_user))
    }

    /// Whether milvus-lite answers, which has one table where Milvus has shards and segments, and its own ways here and there.
    pub(super) fn is_lite(&self) -> bool {
        self.version
            .get()
            .is_some_and(|version| version.starts_with(LITE))
    }

    /// Ask until there is an answer, or until the deadline.
    pub(super) fn call<C: Call>(&self, request: C) -> Result<C::Answer> {
        self.call_with(&request)
    }

    /// The same with a message that is not given away, as it may be long and asked again.
    pub(super) fn call_with<C: Call>(&self, request: &C) -> Result<C::Answer> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let left = self.timeout.saturating_sub(begun.elapsed());
            let reason = match self.once(request, left.max(FIRST_PAUSE)) {
                Ok(answer) => return Ok(answer),
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Again(reason)) => reason,
            };
            if begun.elapsed() + pause >= self.timeout {
                return Err(Error::Unreachable {
                    server: self.server.clone(),
                    waited_s: self.timeout.as_secs(),
                    reason,
                });
            }
            std::thread::sleep(apart(pause));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn once<C: Call>(&self, request: &C, left: Duration) -> Result<C::Answer, Failed> {
        let (wire, message) = (Arc::clone(&self.wire), request.encode_to_vec());
        let answered = wait(async move {
            let asked = wire.call(C::PATH, message, left);
            match tokio::time::timeout(left, asked).await {
                Ok(answered) => answered,
                Err(_) => Err(Broken::Connection(SILENT.to_owned())),
            }
        });
        let bytes = answered.map_err(|broken| self.sort_broken::<C>(broken))?;
        let answer = C::Answer::decode(bytes.as_slice()).map_err(|error| {
            Failed::For(self.refused::<C>(&format!("its answer cannot be read: {error}")))
        })?;
        match answer
            .status()
            .filter(|status| status.error_code != 0 || status.code != 0)
        {
            None => Ok(answer),
            Some(status) => Err(self.sort_answer::<C>(status)),
        }
    }

    fn refused<C: Call>(&self, reason: &str) -> Error {
        Error::Server {
            server: self.server.clone(),
            call: C::PATH.rsplit('/').next().unwrap_or_default().to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// What the transport says, by the codes of gRPC.
    fn sort_broken<C: Call>(&self, broken: Broken) -> Failed {
        const DEADLINE: u32 = 4;
        const DENIED: u32 = 7;
        const ABORTED: u32 = 10;
        const UNAVAILABLE: u32 = 14;
        const UNKNOWN_USER: u32 = 16;
        match broken {
            Broken::Connection(reason) => Failed::Again(reason),
            Broken::Untrusted(reason) => Failed::For(Error::Server {
                server: self.server.clone(),
                call: "a connection over TLS".to_owned(),
                reason,
            }),
            Broken::Status(DENIED | UNKNOWN_USER, reason) => Failed::For(Error::Unauthorised {
                server: self.server.clone(),
                reason,
            }),
            Broken::Status(DEADLINE | ABORTED | UNAVAILABLE, reason) => Failed::Again(reason),
            Broken::Status(_, reason) => Failed::For(self.refused::<C>(&reason)),
        }
    }

    /// What Milvus says.
    fn sort_answer<C: Call>(&self, status: &Status) -> Failed {
        let (server, reason) = (self.server.clone(), status.reason.clone());
        match (status.code, status.error_code) {
            (1400, _) => Failed::For(Error::Unauthorised { server, reason }),
            (3 | 7, _) | (_, 24 | 52..=54) => Failed::For(Error::ServerFull { server, reason }),
            // Its queue passes on what the system said, under a code that says nothing.
            _ if reason.contains(NO_ROOM) => Failed::For(Error::ServerFull { server, reason }),
            (100, _) | (_, 4 | 28) => Failed::For(Error::NoTable { server, reason }),
            (101, _) => Failed::For(Error::NotLoaded { server, reason }),
            // Not ready yet, or more requests than it takes at the moment.
            (1 | 2 | 4 | 8, _) | (_, 45 | 46 | 48..=50 | 56 | 57) => Failed::Again(reason),
            _ if status.retriable => Failed::Again(reason),
            _ => Failed::For(self.refused::<C>(&reason)),
        }
    }
}

fn warning_of(version: &str, server: &str, has_user: bool) -> Option<String> {
    let (name, version, tested) = match version.strip_prefix(LITE) {
        Some(version) => ("milvus-lite", version, TESTED_LITE),
        None => ("Milvus", version.trim_start_matches('v'), TESTED),
    };
    if !version.starts_with(tested) {
        return Some(format!(
            "{server} is {name} {version}, with which this Fovea is untested: it is tested with Milvus 2.3.5 and milvus-lite 3.2.2"
        ));
    }
    (name == "milvus-lite" && has_user).then(|| {
        format!(
            "{server} is milvus-lite, which asks nobody for a password: whoever reaches it may read and write; keep it on 127.0.0.1"
        )
    })
}

/// One thread for all connections, of Fovea's own, so that callers need no runtime and may have one.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let built = builder
            .worker_threads(1)
            .thread_name("milvus")
            .enable_all()
            .build();
        built.unwrap_or_else(|error| panic!("no thread for the connection to Milvus: {error}"))
    })
}

fn wait<T: Send + 'static>(
    future: impl Future<Output = Result<T, Broken>> + Send + 'static,
) -> Result<T, Broken> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime().spawn(async move {
        // Nobody waits any more only where the caller's thread is gone.
        let _ = sender.send(future.await);
    });
    let nobody = |_| Broken::Connection("the call came to no end".to_owned());
    receiver
        .recv()
        .map_err(nobody)
        .and_then(|answered| answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_nobody_tested_are_said() {
        let said = |version: &str, has_user: bool| {
            warning_of(version, "milvus://db", has_user).unwrap_or_default()
        };
        assert_eq!(said("v2.3.5", true) + &said("2.3.5", false), "");
        assert_eq!(said("milvus_lite-3.2.2", false), "");
        assert!(said("milvus_lite-3.2.2", true).contains("asks nobody for a password"));
        assert!(said("v2.6.0", false).starts_with("milvus://db is Milvus 2.6.0, with which"));
        assert!(said("milvus_lite-4.0", true).contains("milvus-lite 4.0, with which"));
    }
}
