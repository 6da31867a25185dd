//! A store on loopback that speaks as much of S3 as is used: PUT, GET, HEAD, DELETE and ListObjectsV2 of one bucket, in memory,
//! three keys to a page. It can be slow, fail for a while, refuse, and stop.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub const BUCKET: &str = "pictures";
const PAGE: usize = 3;

#[derive(Default)]
pub struct State {
    pub objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// How long each answer waits.
    pub wait_ms: AtomicU64,
    /// So many answers from now on say that the store is overloaded.
    pub failing: AtomicUsize,
    /// Answers from now on say this, where it is a status of HTTP.
    pub refusing: AtomicUsize,
    pub n_requests: AtomicUsize,
    /// Heads of requests, for who wants to see what was told.
    pub heads: Mutex<Vec<String>>,
}

pub struct Store {
    pub endpoint: String,
    pub state: Arc<State>,
}

impl Store {
    pub fn start() -> Store {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), Arc::clone(&shared));
                thread::spawn(move || serve(stream, &state));
            }
        });
        Store { endpoint, state }
    }

    pub fn keys(&self) -> Vec<String> {
        self.state.objects.lock().unwrap().keys().cloned().collect()
    }
}

fn serve(stream: TcpStream, state: &State) -> Option<()> {
    let mut from = BufReader::new(stream.try_clone().ok()?);
    let mut to = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim().to_owned())
        };
        let length = field("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        state.n_requests.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(state.wait_ms.load(Ordering::SeqCst)));
        let signed = field("authorization").is_some_and(|field| field.contains("Signature="));
        let (status, answer) = answer(state, &head, body, signed);
        let method = head.split(' ').next().unwrap_or_default();
        state.heads.lock().unwrap().push(head.clone());
        let mut said = format!(
            "HTTP/1.1 {status} It\r\nlast-modified: Wed, 01 Jan 2025 00:00:00 GMT\r\netag: \"1\"\r\n"
        );
        write!(said, "content-length: {}\r\n\r\n", answer.len()).unwrap();
        to.write_all(said.as_bytes()).ok()?;
        if method != "HEAD" {
            to.write_all(&answer).ok()?;
        }
    }
}

fn error(status: u16, code: &str) -> (u16, Vec<u8>) {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As the test wants.</Message>\
         <StringToSign>AWS4-HMAC-SHA256</StringToSign></Error>"
    );
    (status, body.into_bytes())
}

fn answer(state: &State, head: &str, body: Vec<u8>, signed: bool) -> (u16, Vec<u8>) {
    let failing = &state.failing;
    let take_one = |left: usize| left.checked_sub(1);
    if failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one)
        .is_ok()
    {
        return error(503, "SlowDown");
    }
    match state.refusing.load(Ordering::SeqCst) {
        0 if signed => {}
        0 => return error(403, "AccessDenied"),
        status => return error(status as u16, "AccessDenied"),
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some(key) = path.strip_prefix(&format!("/{BUCKET}")) else {
        return error(404, "NoSuchBucket");
    };
    let key = key.trim_start_matches('/').to_owned();
    let mut objects = state.objects.lock().unwrap();
    match method {
        "PUT" => {
            objects.insert(key, body);
            (200, Vec::new())
        }
        "DELETE" => {
            objects.remove(&key);
            (204, Vec::new())
        }
        _ if query.contains("list-type=2") => (200, list(&objects, query)),
        _ => match objects.get(&key) {
            Some(bytes) => (200, bytes.clone()),
            None => error(404, "NoSuchKey"),
        },
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> Vec<u8> {
    let of = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found.map_or(String::new(), |(_, value)| value.replace("%2F", "/"))
    };
    let (prefix, after) = (of("prefix"), of("continuation-token"));
    let mut found = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let mut answer = "<?xml version=\"1.0\"?><ListBucketResult>".to_owned();
    let mut last = "";
    for (key, bytes) in found.by_ref().take(PAGE) {
        last = key;
        write!(
            answer,
            "<Contents><Key>{key}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified><ETag>\"1\"</ETag>\
             <Size>{}</Size></Contents>",
            bytes.len()
        )
        .unwrap();
    }
    let more = found.next().is_some();
    write!(answer, "<IsTruncated>{more}</IsTruncated>").unwrap();
    if more {
        write!(
            answer,
            "<NextContinuationToken>{last}</NextContinuationToken>"
        )
        .unwrap();
    }
    answer.push_str("</ListBucketResult>");
    answer.into_bytes()
}
