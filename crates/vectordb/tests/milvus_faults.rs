//! What goes wrong between here and a server, and on it: killed, slow, cut off, its disk full, a collection dropped, a wrong
//! password, a certificate of nobody's, and workers whose clocks differ.
//!
//! They run where `FOVEA_MILVUS` names the server of `scripts/milvus`, one after the other, because some stop it; and say so
//! where it does not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fovea_vectordb::conformance::{content, draft, pack, put_with_vectors};
use fovea_vectordb::{
    Database, Error, Fault, Filter, Milvus, MilvusAddress, OpenMode, PackRecord, Parts, SourceId,
    SourceKind, VectorQuery,
};

/// The server, until the next test's turn.
struct Server {
    host: String,
    _turn: MutexGuard<'static, ()>,
}

fn server() -> Option<Server> {
    static TURN: Mutex<()> = Mutex::new(());
    let Ok(server) = std::env::var("FOVEA_MILVUS") else {
        eprintln!(
            "SKIPPED, NOT PASSED: FOVEA_MILVUS names no server; scripts/milvus exec CMD... does"
        );
        return None;
    };
    Some(Server {
        host: server.trim_start_matches("milvus://").to_owned(),
        _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
    })
}

/// `scripts/milvus` with these arguments.
fn script(arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/milvus");
    let ended = Command::new(script).args(arguments).status().unwrap();
    assert!(ended.success(), "{arguments:?}: {ended}");
}

/// An address in a library of the test's own.
fn address(host: &str, options: &str) -> String {
    static LIBRARIES: AtomicU32 = AtomicU32::new(0);
    let number = LIBRARIES.fetch_add(1, Ordering::Relaxed);
    format!(
        "milvus://{host}?library=faults-{}-{number}&index=flat&{options}",
        std::process::id()
    )
}

fn open(address: &str) -> fovea_vectordb::Result<Milvus> {
    Milvus::open(&MilvusAddress::parse(address)?, "photos", OpenMode::Create)
}

/// A collection with a pack and a source.
fn prepared(db: &dyn Database, pack: &PackRecord) -> SourceId {
    db.register_pack(pack).unwrap();
    db.source(SourceKind::Root, Path::new("/photos")).unwrap()
}

/// Write an item with its vectors.
fn put(db: &dyn Database, source: SourceId, number: u32) -> fovea_vectordb::Result<()> {
    let path = format!("{number}.jpg");
    let operations = put_with_vectors(draft(source, path.as_bytes(), number), number);
    db.write(&operations.into_iter().collect()).map(drop)
}

/// How many items a search finds that asks for more than there are.
fn found(db: &dyn Database, pack: &PackRecord) -> fovea_vectordb::Result<usize> {
    let hits = db.search(&VectorQuery {
        pack: &pack.fingerprint,
        space: "image",
        vector: &[1.0, 0.0, 0.0],
        top_k: 10_000,
        filter: &Filter::All,
        parts: Parts::Whole,
    })?;
    Ok(hits.len())
}

/// Exactly the items that were acknowledged are there, each once and with its vector, as a process sees it that asks the
/// server alone.
fn holds_exactly(address: &str, pack: &PackRecord, n: u32) {
    let fresh = open(&format!("{address}&consistency=strong")).unwrap();
    assert_eq!(fresh.count(&Filter::All).unwrap(), u64::from(n));
    assert_eq!(found(&fresh, pack).unwrap(), n as usize);
    assert_eq!(fresh.stats().unwrap().n_contents, u64::from(n));
    assert_eq!(fresh.check().unwrap(), []);
}

/// Stands between a client and the server, and does to what passes what the test wants.
struct Between {
    host: String,
    /// How long each piece for the server waits.
    wait_ms: Arc<AtomicU64>,
    /// Bytes for the server after which each connection is cut.
    cut_after: Arc<AtomicU64>,
    cuts: Arc<AtomicU32>,
}

impl Between {
    fn new(server: &str) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let between = Between {
            host: listener.local_addr().unwrap().to_string(),
            wait_ms: Arc::default(),
            cut_after: Arc::new(AtomicU64::new(u64::MAX)),
            cuts: Arc::default(),
        };
        let (server, wait, after, cuts) = (
            server.to_owned(),
            Arc::clone(&between.wait_ms),
            Arc::clone(&between.cut_after),
            Arc::clone(&between.cuts),
        );
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let (back, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(server, back, |_| true));
                let (wait, after, cuts) =
                    (Arc::clone(&wait), Arc::clone(&after), Arc::clone(&cuts));
                let mut passed = 0;
                thread::spawn(move || {
                    pass(client, to, |n| {
                        thread::sleep(Duration::from_millis(wait.load(Ordering::Relaxed)));
                        passed += n;
                        let is_cut = passed > after.load(Ordering::Relaxed);
                        cuts.fetch_add(u32::from(is_cut), Ordering::Relaxed);
                        !is_cut
                    })
                });
            }
        });
        between
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut may: impl FnMut(u64) -> bool) {
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        if !may(n as u64) || to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn a_connection_that_is_cut_loses_and_repeats_nothing() {
    let Some(server) = server() else { return };
    let between = Between::new(&server.host);
    let address = address(&between.host, "timeout=60");
    let (db, pack) = (open(&address).unwrap(), pack("fingerprint-a"));
    let source = prepared(&db, &pack);
    // In the middle of a batch: some thousand bytes after the connection began.
    for number in 0..12 {
        between
            .cut_after
            .store(2_000 + 400 * u64::from(number), Ordering::Relaxed);
        put(&db, source, number).unwrap();
    }
    assert!(between.cuts.load(Ordering::Relaxed) > 3, "nothing was cut");
    between.cut_after.store(u64::MAX, Ordering::Relaxed);
    holds_exactly(&address, &pack, 12);
}

#[test]
fn a_slow_server_is_waited_for_until_the_deadline_and_no_longer() {
    let Some(server) = server() else { return };
    let between = Between::new(&server.host);
    let patient = address(&between.host, "timeout=60");
    let (db, pack) = (open(&patient).unwrap(), pack("fingerprint-a"));
    let source = prepared(&db, &pack);
    between.wait_ms.store(300, Ordering::Relaxed);
    put(&db, source, 0).unwrap();
    let hurried = open(&format!("{patient}&consistency=strong&timeout=3"));
    let hurried = hurried.unwrap();
    between.wait_ms.store(20_000, Ordering::Relaxed);
    let begun = Instant::now();
    let error = put(&hurried, source, 1).unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&between.host), "{error}");
    between.wait_ms.store(0, Ordering::Relaxed);
    // What was not acknowledged may be written again, and is there once.
    put(&db, source, 1).unwrap();
    holds_exactly(&patient, &pack, 2);
}

/// Asks the server's other door, for what no client of ours does.
fn over_http(host: &str, call: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!(
        "{method} /v1/vector/{call} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_collection_dropped_underneath_is_told_and_made_again() {
    let Some(server) = server() else { return };
    // A pack of its own, so that its tables are those of this test alone.
    let mut pack = pack("fingerprint-a");
    pack.fingerprint = format!("dropped-{}", std::process::id());
    let known = over_http(&server.host, "collections", "");
    let address = address(&server.host, "timeout=30");
    let db = open(&address).unwrap();
    let source = prepared(&db, &pack);
    let put = |number: u32| {
        let path = format!("{number}.jpg");
        let operations = put_with_vectors(draft(source, path.as_bytes(), number), number);
        let with_pack = operations
            .into_iter()
            .map(|operation| of_pack(operation, &pack));
        db.write(&with_pack.collect()).unwrap();
    };
    (0..3).for_each(put);
    let tables = over_http(&server.host, "collections", "");
    let made: Vec<&str> = tables
        .split('"')
        .filter(|name| name.starts_with("fovea_") && !known.contains(name))
        // On a server that nothing used before the records are new as well, and what is lost with them is everything.
        .filter(|name| !["fovea_settings", "fovea_items"].contains(name))
        .collect();
    assert!(!made.is_empty(), "{tables}");
    for name in made {
        let body = format!("{{\"collectionName\":\"{name}\"}}");
        let answer = over_http(&server.host, "collections/drop", &body);
        assert!(answer.contains("200"), "{answer}");
    }
    let error = found(&db, &pack).unwrap_err();
    assert!(matches!(error, Error::NoTable { .. }), "{error}");
    let words = error.to_string();
    assert!(
        words.contains(&server.host) && words.contains("index again"),
        "{words}"
    );
    let problems = db.check().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.message.contains("dropped")),
        "{problems:?}"
    );
    // Indexing again begins with this, and then finds that no file has been read.
    assert_eq!(db.file_states(source).unwrap().len(), 3);
    db.register_pack(&pack).unwrap();
    assert_eq!(db.file_states(source).unwrap().len(), 0);
    (0..3).for_each(put);
    assert_eq!(
        db.known_contents(&[content(1).hash], &pack.fingerprint)
            .unwrap()
            .len(),
        1
    );
    holds_exactly(&address, &pack, 3);
}

#[test]
fn a_full_disk_of_the_server_is_told_and_what_was_acknowledged_stays() {
    let Some(server) = server() else { return };
    let address = address(&server.host, "timeout=20");
    let patient = address.replace("timeout=20", "timeout=120");
    let pack = pack("fingerprint-a");
    script(&["kill"]);
    script(&["disk", "2000"]);
    script(&["again"]);
    // Until what it had is loaded again.
    let source = prepared(&open(&patient).unwrap(), &pack);
    let db = open(&address).unwrap();
    script(&["disk", "30"]);
    let put_long = |number: u32| {
        let mut long = draft(source, format!("{number}.jpg").as_bytes(), number);
        // Letters that no compression makes shorter.
        let letters = (0u32..25_000).map(|at| {
            let mixed = (at ^ (number << 16))
                .wrapping_mul(2_654_435_761)
                .rotate_left(13);
            char::from(33 + (mixed.wrapping_mul(2_246_822_519) >> 24) as u8 % 90)
        });
        long.metadata
            .insert("note".to_owned(), vec![letters.collect::<String>().into()]);
        db.write(&put_with_vectors(long, number).into_iter().collect())
    };
    let (mut acknowledged, mut begun) = (0, Instant::now());
    let error = loop {
        match put_long(acknowledged) {
            Ok(_) => (acknowledged, begun) = (acknowledged + 1, Instant::now()),
            Err(error) => break Some(error),
        }
        if acknowledged == 6_000 {
            break None;
        }
    };
    let waited = begun.elapsed();
    let error = error.expect("150 MB did not fill 30");
    eprintln!("{acknowledged} items, then {waited:.0?} until: {error}");
    assert!(waited < Duration::from_secs(60), "it hung: {waited:?}");
    assert_eq!(error.fault(), Fault::Environment, "{error}");
    let words = error.to_string();
    assert!(
        words.contains(&server.host) && words.contains("disk") && words.contains("run again"),
        "{words}"
    );
    // Handles of one library share a session, which is as patient as the first of them.
    drop(db);
    // With room it goes on by itself. What was not acknowledged may be written again, and is there once.
    script(&["disk", "2000"]);
    put(&open(&patient).unwrap(), source, acknowledged).unwrap();
    holds_exactly(&patient, &pack, acknowledged + 1);
    script(&["kill"]);
    script(&["again"]);
    holds_exactly(&patient, &pack, acknowledged + 1);
}

/// Two workers whose clocks are a year apart, seen through all that they write of times: what stands there at last follows from
/// the order of the writes, and from nothing that a clock says.
#[test]
fn clocks_that_differ_decide_nothing() {
    let Some(server) = server() else { return };
    let address = address(&server.host, "timeout=60&consistency=strong");
    let (early, late) = (open(&address).unwrap(), open(&address).unwrap());
    let pack = pack("fingerprint-a");
    const YEAR_NS: i64 = 31_557_600_000_000_000;
    let source = prepared(&early, &pack);
    assert_eq!(prepared(&late, &pack), source);
    let written = |db: &Milvus, number: u32, year: i64| {
        let mut draft = draft(source, b"same.jpg", number);
        draft.checked_ns += year * YEAR_NS;
        draft.mtime_ns += year * YEAR_NS;
        let item = db.find(source, b"same.jpg").unwrap();
        let mut operations = put_with_vectors(draft.clone(), number);
        // The time it was added is a worker's own, too.
        if let Some(item) = item {
            operations.pop();
            let added_ns = draft.checked_ns;
            operations.push(fovea_vectordb::Operation::RestoreItem {
                item,
                added_ns,
                draft,
            });
        }
        db.write(&operations.into_iter().collect()).unwrap()
    };
    let mut last = written(&late, 0, 1);
    for number in 1..7u32 {
        let (db, year) = [(&early, -1), (&late, 1)][number as usize % 2];
        let change = written(db, number, year);
        assert!(change > last, "{change} after {last}");
        last = change;
        for db in [&early, &late] {
            let item = db.find(source, b"same.jpg").unwrap().unwrap();
            let item = db.items(&[item]).unwrap().remove(0);
            assert_eq!(item.content, content(number));
            assert_eq!(item.change, change);
        }
        let marked = if year > 0 { &late } else { &early };
        marked.mark_scanned(source, year * YEAR_NS).unwrap();
        let seen = early.sources().unwrap().remove(0).last_scan_ns;
        assert_eq!(seen, Some(year * YEAR_NS), "the last word counts");
    }
    let fresh = open(&address).unwrap();
    assert_eq!(fresh.count(&Filter::All).unwrap(), 1);
    assert_eq!(found(&fresh, &pack).unwrap(), 1);
}

/// The same for another pack.
fn of_pack(operation: fovea_vectordb::Operation, to: &PackRecord) -> fovea_vectordb::Operation {
    use fovea_vectordb::Operation::{PutFeature, PutVector};
    let mut operation = operation;
    if let PutFeature { pack, .. } | PutVector { pack, .. } = &mut operation {
        *pack = to.fingerprint.clone();
    }
    operation
}

#[test]
fn a_server_that_is_killed_while_it_is_written_to_and_asked_loses_nothing() {
    let Some(server) = server() else { return };
    let address = address(&server.host, "timeout=240");
    let (db, pack) = (open(&address).unwrap(), pack("fingerprint-a"));
    let source = prepared(&db, &pack);
    put(&db, source, 0).unwrap();
    let (acknowledged, done) = (AtomicU32::new(1), AtomicBool::new(false));
    let (db, pack, acknowledged, done) = (&db, &pack, &acknowledged, &done);
    thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let number = acknowledged.load(Ordering::Relaxed);
                put(db, source, number).unwrap();
                acknowledged.store(number + 1, Ordering::Relaxed);
            }
        });
        let searches = scope.spawn(move || {
            let mut searches = 0;
            while !done.load(Ordering::Relaxed) {
                let known = acknowledged.load(Ordering::Relaxed) as usize;
                let n = found(db, pack).unwrap();
                assert!(
                    n >= known,
                    "{n} items are found of {known} that were acknowledged"
                );
                searches += 1;
            }
            searches
        });
        let reaches = |n: u32| {
            let begun = Instant::now();
            while acknowledged.load(Ordering::Relaxed) < n {
                assert!(
                    begun.elapsed() < Duration::from_secs(240),
                    "nothing is written any more"
                );
                thread::sleep(Duration::from_millis(20));
            }
        };
        reaches(30);
        script(&["kill"]);
        // Who is less patient is told, by name and with what to do.
        let hurried = format!("milvus://{}?timeout=2", server.host);
        let error = open(&hurried).err().unwrap();
        assert_eq!(error.fault(), Fault::Environment);
        let words = error.to_string();
        assert!(
            words.contains(&server.host) && words.contains("run again"),
            "{words}"
        );
        script(&["again"]);
        reaches(acknowledged.load(Ordering::Relaxed) + 30);
        done.store(true, Ordering::Relaxed);
        assert!(searches.join().unwrap() > 0);
    });
    holds_exactly(&address, pack, acknowledged.load(Ordering::Relaxed));
}

#[test]
fn a_wrong_password_is_told_and_a_right_one_opens() {
    let Some(server) = server() else { return };
    script(&["kill"]);
    script(&["again", "--authorization-enabled", "true"]);
    let host = &server.host;
    let outcomes = ["root:wrong@", "", "root:Milvus@"].map(|user| {
        let address = address(&format!("{user}{host}"), "timeout=60");
        open(&address).map(|db| db.change().unwrap())
    });
    script(&["kill"]);
    script(&["again"]);
    let [wrong, nobody, right] = outcomes;
    for error in [wrong.unwrap_err(), nobody.unwrap_err()] {
        assert!(matches!(error, Error::Unauthorised { .. }), "{error:?}");
        let words = error.to_string();
        assert!(
            words.contains(host) && words.contains("milvus://USER:PASSWORD@"),
            "{words}"
        );
        assert!(!words.contains("wrong@"), "{words}");
    }
    right.unwrap();
}

#[test]
fn a_connection_is_secret_and_the_server_is_who_it_says() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let certificate = |name: &str| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (
            folder.path().join(format!("{name}.pem")),
            folder.path().join(format!("{name}.key")),
        );
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (cert.display().to_string(), key.display().to_string())
    };
    let ((cert, key), (other, _)) = (certificate("own"), certificate("other"));
    script(&["kill"]);
    script(&[
        "again",
        "--tls-mode",
        "1",
        "--server-pem-path",
        &cert,
        "--server-key-path",
        &key,
    ]);
    let tls = |ca: &str| {
        address(&server.host, &format!("timeout=60&ca={ca}")).replace("milvus:", "milvuss:")
    };
    let right = tls(&cert);
    let pack = pack("fingerprint-a");
    let written = open(&right).and_then(|db| {
        let source = prepared(&db, &pack);
        put(&db, source, 0)?;
        found(&db, &pack)
    });
    let stranger = open(&tls(&other)).map(drop);
    script(&["kill"]);
    script(&["again"]);
    assert_eq!(written.unwrap(), 1);
    let words = stranger.unwrap_err().to_string();
    assert!(
        words.contains(&server.host) && words.contains("?ca=FILE"),
        "{words}"
    );
}
