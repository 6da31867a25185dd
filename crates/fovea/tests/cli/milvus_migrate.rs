//! Several runs of `fovea migrate` into one server, at once and one after another that stands still. They run where
//! `FOVEA_MILVUS` names a server, and say so where it does not.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fovea_vectordb::exchange::Matrix;
use fovea_vectordb::{Database, Embedded, Filter, Item, ItemId, Milvus, MilvusAddress, OpenMode};

use crate::milvus::Server;
use crate::program::{Ran, command, ran};
use crate::vectors::Bench;

const ROWS: usize = 6_000;

/// A folder with imported vectors: enough that a copy takes a while.
fn filled() -> Bench {
    let bench = Bench::new();
    let numbers = (0..ROWS * 16).map(|n| ((n * n) % 1009) as f32 - 504.0);
    let rows = Matrix::new(16, numbers.collect()).unwrap();
    let file = bench.npy("mine.npy", &rows);
    bench.run(&["import", &file, "--metric", "l2"]).expect(0);
    bench
}

fn begin(bench: &Bench, server: &Server) -> Child {
    let blobs = server.blobs.path().to_string_lossy().into_owned();
    let arguments = [
        "--json",
        "migrate",
        "--to",
        &server.db,
        "--to-blobs",
        &blobs,
    ];
    command(&bench.database, &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) -> Ran {
    ran(child.wait_with_output().unwrap())
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// How many items the target has, as the server says it.
fn n_items(server: &Server) -> u64 {
    let address = MilvusAddress::parse(&format!("{}&consistency=strong", server.db)).unwrap();
    let opened = Milvus::open(&address, "default", OpenMode::ReadOnly);
    opened.map_or(0, |database| database.count(&Filter::All).unwrap_or(0))
}

fn refused(ran: &Ran) -> bool {
    ran.code == 2 && ran.stderr.contains("another fovea migrate writes into")
}

/// Items under their ids with their vectors, in the order of ids; the number of a write is each database's own.
fn some_of(database: &dyn Database) -> Vec<(Item, Vec<f32>)> {
    let ids: Vec<ItemId> = database.scan(&Filter::All, None, usize::MAX).unwrap();
    let pack = database.active_pack().unwrap().unwrap();
    let space = &pack.spaces[0].name;
    assert_eq!(ids.len(), ROWS);
    // A call to a server takes some milliseconds.
    let some: Vec<ItemId> = ids.into_iter().step_by(50).collect();
    let mut items = database.items(&some).unwrap();
    items.sort_by_key(|item| item.id);
    let of = |mut item: Item| {
        item.change = Default::default();
        let vectors = database.vectors(&pack.fingerprint, space, &[item.id]);
        let mut vectors = vectors.unwrap();
        assert_eq!(vectors.len(), 1, "{}", item.id);
        (item, vectors.remove(0).vector)
    };
    items.into_iter().map(of).collect()
}

/// Every item once, as at the source.
fn is_a_copy(bench: &Bench, server: &Server) {
    assert_eq!(n_items(server), ROWS as u64);
    server.fovea(&["check"]).expect(0);
    let address = MilvusAddress::parse(&server.db).unwrap();
    let target = Milvus::open(&address, "default", OpenMode::ReadOnly).unwrap();
    let source = Embedded::open(&bench.database, "default", OpenMode::ReadOnly).unwrap();
    let (there, here) = (target.stats().unwrap(), source.stats().unwrap());
    assert_eq!(there.n_contents, here.n_contents);
    assert_eq!(some_of(&target), some_of(&source));
}

#[test]
fn two_copies_at_once_make_one() {
    let Some(server) = Server::new() else { return };
    let bench = filled();
    let both = [begin(&bench, &server), begin(&bench, &server)];
    let ended = both.map(end);
    assert!(
        ended.iter().all(|ran| ran.code == 0 || refused(ran)),
        "{ended:?}"
    );
    assert!(ended.iter().any(|ran| ran.code == 0), "{ended:?}");
    is_a_copy(&bench, &server);
    // And it is known for one, to which nothing is to be added.
    let report = end(begin(&bench, &server)).expect(0).json().remove(0);
    assert_eq!(report["settled"], true, "{report}");
}

#[test]
fn a_copy_that_stood_still_finds_that_another_took_over() {
    let Some(server) = Server::new() else { return };
    let bench = filled();
    let first = begin(&bench, &server);
    let begun = Instant::now();
    while n_items(&server) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing came");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Who comes while it lives is refused, and it goes on.
    let early = end(begin(&bench, &server));
    assert!(refused(&early) || early.code == 0, "{early:?}");
    signal(&first, "-STOP");
    let there = n_items(&server);
    let second = end(begin(&bench, &server)).expect(0);
    assert!(second.stdout.contains("\"settled\":true"), "{second:?}");
    signal(&first, "-CONT");
    let first = end(first);
    match there == ROWS as u64 {
        // It was through before it was stopped.
        true => assert!(first.code == 0 || refused(&first), "{first:?}"),
        false => assert!(refused(&first), "{first:?}"),
    }
    is_a_copy(&bench, &server);
}
