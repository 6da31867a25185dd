//! The engine on a Milvus server against the suite that every engine has to pass, and what only a server can do wrong.
//!
//! They run where `FOVEA_MILVUS` names a server (`scripts/milvus exec cargo test ...`), and say so where it does not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fovea_vectordb::conformance::{self, Harness, draft, imported_pack, put_imported};
use fovea_vectordb::{
    BuildObserver, Database, Embedded, Error, Fault, Filter, ItemId, Metric, Milvus, MilvusAddress,
    OpenMode, Parts, Result, SourceId, SourceKind, SourceRecord, VectorQuery,
};

/// A library of its own on the server that all tests share; none where there is no server.
struct Library(Option<String>);

/// What is asked of it is seen by every handle at once.
const SHARED: &str = "index=flat&timeout=60";
/// The same where no process has a copy of the records: the server evaluates filters.
const ON_SERVER: &str = "index=flat&timeout=60&records=server";
/// Handles know nothing of each other, as in several processes.
const STRANGERS: &str = "index=flat&timeout=60&consistency=strong";

fn library(options: &str) -> Library {
    static LIBRARIES: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("FOVEA_MILVUS") else {
        return Library(None);
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let name = format!(
        "{}-{}-{:?}",
        std::process::id(),
        LIBRARIES.fetch_add(1, Ordering::Relaxed),
        since.unwrap_or_default().as_nanos()
    );
    // `FOVEA_MILVUS_OPTIONS` is what the server can do beyond that, as in `partitions=16`.
    let more = std::env::var("FOVEA_MILVUS_OPTIONS").unwrap_or_default();
    Library(Some(format!("{server}?library={name}&{options}&{more}")))
}

impl Library {
    fn address(&self) -> Option<MilvusAddress> {
        let text = self.0.as_ref()?;
        Some(MilvusAddress::parse(text).unwrap())
    }
}

impl Harness for Library {
    fn open(&self, collection: &str) -> Result<Box<dyn Database>> {
        let address = self.address().unwrap();
        Ok(Box::new(Milvus::open(
            &address,
            collection,
            OpenMode::Create,
        )?))
    }
}

/// Run a case, or say that it did not run.
fn check(options: &str, case: impl FnOnce(&dyn Harness) -> Result<()>) {
    let library = library(options);
    match library.address() {
        None => eprintln!(
            "SKIPPED, NOT PASSED: FOVEA_MILVUS names no server; scripts/milvus exec CMD... does"
        ),
        Some(_) => case(&library).unwrap_or_else(|error| panic!("{error}")),
    }
}

macro_rules! on_milvus {
    ($options:expr; $($case:ident)*) => {$(
        #[test]
        fn $case() {
            check($options, conformance::$case);
        }
    )*};
}

/// The suite in both ways of having records.
macro_rules! whole_suite {
    ($($case:ident)*) => {
        on_milvus! { SHARED; $($case)* }

        mod on_server {
            use super::*;

            on_milvus! { ON_SERVER; $($case)* }
        }
    };
}

whole_suite! {
    an_empty_collection_answers
    what_is_put_is_got
    replacing_keeps_the_id
    removing_and_putting_again
    scans_come_in_pages
    a_failing_batch_leaves_nothing
    bad_input_is_refused_in_words
    change_grows_by_one_with_each_write
    a_reopened_collection_is_the_same
    touch_changes_times_alone
    moved_items_keep_their_vectors
    failures_are_kept_until_indexed
    sources_go_offline_and_come_back
    settings_are_kept
    collections_are_apart
    sweeping_removes_what_nobody_uses
    file_states_are_what_was_put
    stats_count
    check_finds_what_is_missing
    packs_are_registered_once
    other_fingerprints_are_refused
    wrong_vectors_are_refused
    packs_do_not_mix
    known_contents_tell_what_is_there
    features_come_in_pages
    search_agrees_with_the_twin
    the_best_part_counts
    parts_count_less_or_not_at_all
    parts_are_removed_and_the_whole_stays
    a_part_without_its_vector_is_a_problem
    items_of_one_content_all_appear
    captions_share_their_vectors
    equal_scores_come_by_id
    replaced_vectors_are_searched
    every_metric_agrees_with_the_twin
    numbers_of_32_bits_come_back_as_they_went
    vectors_that_a_metric_cannot_compare_are_refused
    vectors_are_read_item_by_item
    an_import_is_named_by_its_rows
    every_filter_agrees_with_the_twin
    filters_take_hostile_values
    filters_have_limits
    filters_follow_what_is_written
    facets_agree_with_the_twin
    lists_come_in_order_and_in_pages
    words_that_were_written_are_found
    keywords_follow_what_is_written
    tags_are_filtered_and_counted
    tags_of_a_pack_that_was_away_are_followed
    sources_are_adopted_under_their_numbers
    items_are_restored_under_their_ids
    each_vocabulary_is_told_apart
    another_handle_follows
    writers_take_turns
    readers_see_whole_batches
    who_asks_at_once_is_answered_as_alone
}

/// The same where each handle is a process of its own, as far as the server can tell: what one writes another reads from
/// the server alone.
mod strangers {
    use super::*;

    on_milvus! { STRANGERS;
        what_is_put_is_got
        a_reopened_collection_is_the_same
        change_grows_by_one_with_each_write
        collections_are_apart
        sweeping_removes_what_nobody_uses
        settings_are_kept
        keywords_follow_what_is_written
        tags_are_filtered_and_counted
        parts_are_removed_and_the_whole_stays
        another_handle_follows
        writers_take_turns
    }
}

/// The same without a copy of the records in any of them.
mod strangers_on_server {
    use super::*;

    const STRANGERS_ON_SERVER: &str = "index=flat&timeout=60&consistency=strong&records=server";

    on_milvus! { STRANGERS_ON_SERVER;
        what_is_put_is_got
        sweeping_removes_what_nobody_uses
    }
}

/// What one process writes with a copy of the records, another finds without one, and the other way round: the rows are the
/// same.
#[test]
fn records_are_the_same_rows_wherever_they_are_kept() {
    struct Mixed(Library, AtomicU32);

    impl Harness for Mixed {
        fn open(&self, collection: &str) -> Result<Box<dyn Database>> {
            let records = ["memory", "server"][self.1.fetch_add(1, Ordering::Relaxed) as usize % 2];
            let address = self.0.0.as_ref().unwrap();
            let address = MilvusAddress::parse(&format!("{address}&records={records}")).unwrap();
            let database = Milvus::open(&address, collection, OpenMode::Create)?;
            Ok(Box::new(database))
        }
    }

    for first in [0, 1] {
        check(STRANGERS, |_| {
            let mixed = Mixed(library(STRANGERS), AtomicU32::new(first));
            conformance::another_handle_follows(&mixed)
        });
    }
}

/// No case of the suite is left out here.
#[test]
fn the_suite_is_whole() {
    let suite = include_str!("../src/conformance/mod.rs");
    let cases = suite
        .split("@cases $make;")
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    let here = include_str!("milvus.rs")
        .split("whole_suite! {\n")
        .nth(1)
        .unwrap();
    let here: Vec<&str> = here.split('}').next().unwrap().split_whitespace().collect();
    assert_eq!(cases.split_whitespace().collect::<Vec<_>>(), here);
    assert!(here.len() > 50, "{}", here.len());
}

#[test]
fn a_server_that_is_not_there_is_told_within_the_deadline() {
    let address = MilvusAddress::parse("milvus://127.0.0.1:1?timeout=2").unwrap();
    let begun = Instant::now();
    let error = Milvus::open(&address, "default", OpenMode::Create)
        .err()
        .unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(error.fault(), Fault::Environment);
    let words = error.to_string();
    assert!(
        words.contains("milvus://127.0.0.1:1/default does not answer"),
        "{words}"
    );
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = MilvusAddress::parse(&format!("milvus://127.0.0.1:{port}?timeout=2")).unwrap();
    let begun = Instant::now();
    let error = Milvus::open(&address, "default", OpenMode::Create)
        .err()
        .unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[test]
fn what_is_not_there_is_not_made_by_looking() {
    let library = library(SHARED);
    let Some(address) = library.address() else {
        return;
    };
    let look = |name: &str| {
        Milvus::open(&address, name, OpenMode::ReadOnly)
            .err()
            .map(|error| error.to_string())
    };
    assert!(look("photos").unwrap().contains("begin with `fovea index"));
    library.open("photos").unwrap();
    assert_eq!(look("photos"), None);
    assert!(look("art").unwrap().contains("it has photos"));
    assert_eq!(Milvus::collections(&address).unwrap(), ["photos"]);
    let reader = Milvus::open(&address, "photos", OpenMode::ReadOnly).unwrap();
    assert!(matches!(
        reader.set_setting("a", Some("b")),
        Err(Error::ReadOnly { .. })
    ));
}

#[test]
fn what_only_files_can_do_is_refused_in_words() {
    let library = library(SHARED);
    if library.address().is_none() {
        return;
    }
    let words = library
        .open("photos")
        .unwrap()
        .scrub()
        .unwrap_err()
        .to_string();
    assert!(
        words.contains("not on Milvus yet") && words.contains("compacts"),
        "{words}"
    );
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let address = format!("milvuss://127.0.0.1:1?ca={}", empty.display());
    let error = Milvus::open(
        &MilvusAddress::parse(&address).unwrap(),
        "default",
        OpenMode::Create,
    );
    let error = error.err().unwrap();
    assert!(error.to_string().contains("vouch"), "{error}");
    assert_eq!(error.fault(), Fault::Input);
}

/// Numbers that look drawn, the same each time.
fn drawn(row: u32, dim: u32) -> Vec<f32> {
    let number = |at: u32| {
        let mixed = (row * dim + at).wrapping_add(1).wrapping_mul(2_654_435_761);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519);
        ((mixed >> 8) as f32 / 16_777_216.0) - 0.5
    };
    (0..dim).map(number).collect()
}

fn ten_nearest(db: &dyn Database, pack: &str, vector: &[f32]) -> Vec<ItemId> {
    let query = VectorQuery {
        pack,
        space: "image",
        vector,
        top_k: 10,
        filter: &Filter::All,
        parts: Parts::Whole,
    };
    let hits = db.search(&query).unwrap();
    hits.into_iter().map(|hit| hit.item).collect()
}

/// Cancels at the first look.
struct Stopped;

impl BuildObserver for Stopped {
    fn is_cancelled(&self) -> bool {
        true
    }
}

/// Rows that came lately are many enough for Milvus to look at some of them alone: asking for the graph finds the others too.
#[test]
fn the_graph_is_built_when_it_is_asked_for() {
    const ROWS: u32 = 6_000;
    const DIM: u32 = 32;
    let library = library("timeout=60&effort=1000");
    let Some(address) = library.address() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let milvus = Milvus::open(&address, "photos", OpenMode::Create).unwrap();
    let embedded = Embedded::open(folder.path(), "photos", OpenMode::Create).unwrap();
    let name = format!("graph-{}", std::process::id());
    let pack = imported_pack(&name, DIM as usize, Metric::Cosine);
    let source = SourceId(1);
    for db in [&milvus as &dyn Database, &embedded] {
        db.register_pack(&pack).unwrap();
        db.adopt_source(&SourceRecord {
            id: source,
            kind: SourceKind::Import,
            root: "/drawn".into(),
            online: true,
            last_scan_ns: None,
            n_items: 0,
        })
        .unwrap();
        assert_eq!(db.build_indexes(&()).unwrap(), 0, "there is nothing yet");
        for rows in (0..ROWS).collect::<Vec<_>>().chunks(1_000) {
            let operations = rows.iter().flat_map(|&row| {
                let draft = draft(source, format!("{row}").as_bytes(), row);
                put_imported(draft, row, &name, drawn(row, DIM))
            });
            db.write(&operations.collect()).unwrap();
        }
    }
    assert!(milvus.build_indexes(&Stopped).is_err(), "it was cut short");
    milvus.build_indexes(&()).unwrap();
    assert_eq!(
        milvus.build_indexes(&()).unwrap(),
        0,
        "all have their graph"
    );
    let index = milvus.indexes().unwrap().remove(0);
    assert_eq!((index.n_vectors, index.n_pending), (u64::from(ROWS), 0));
    assert_eq!((index.family.as_str(), index.effort), ("milvus hnsw", 1000));
    let (mut found, n_queries) = (0, 100);
    for row in 0..n_queries {
        let query = drawn(ROWS + row, DIM);
        let wanted = ten_nearest(&embedded, &name, &query);
        let hits = ten_nearest(&milvus, &name, &query);
        assert_eq!(hits.len(), 10);
        found += hits.iter().filter(|hit| wanted.contains(hit)).count();
    }
    assert!(found >= 990, "{found} of 1000");
}
