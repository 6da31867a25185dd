//! Index files behind the database: the same answers as a scan, whatever was
//! written, removed, damaged or killed in between.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fovea_vectordb::conformance::{content, draft};
use fovea_vectordb::{
    Batch, BuildObserver, Database, Embedded, Filter, IndexChoice, ItemId, Metric, OpenMode,
    Operation, Owner, PackRecord, Part, Parts, Precision, ProblemKind, SourceId, SourceKind,
    SpaceRecord, SpaceSource, VectorQuery,
};

const PACK: &str = "fingerprint-a";
const SPACE: &str = "image";
const DIM: usize = 24;

fn pack(metric: Metric) -> PackRecord {
    PackRecord {
        name: "test".to_owned(),
        fingerprint: PACK.to_owned(),
        feature_dim: 4,
        spaces: vec![SpaceRecord {
            name: SPACE.to_owned(),
            dim: DIM,
            source: SpaceSource::Stored,
            metric,
            precision: match metric {
                Metric::Cosine => Precision::Half,
                Metric::InnerProduct | Metric::L2 => Precision::Single,
            },
        }],
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

struct Library {
    folder: tempfile::TempDir,
    db: Embedded,
    source: SourceId,
    numbers: Numbers,
}

impl Library {
    fn new(choice: &str) -> Library {
        Library::of(choice, Metric::Cosine)
    }

    fn of(choice: &str, metric: Metric) -> Library {
        let folder = tempfile::tempdir().unwrap();
        let db = Embedded::open(folder.path(), "photos", OpenMode::Create).unwrap();
        db.register_pack(&pack(metric)).unwrap();
        let choice: IndexChoice = choice.parse().unwrap();
        db.set_setting(IndexChoice::SETTING, Some(&choice.to_string()))
            .unwrap();
        let source = db.source(SourceKind::Root, Path::new("/pictures")).unwrap();
        Library {
            folder,
            db,
            source,
            numbers: Numbers(7),
        }
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIM).map(|_| self.numbers.next()).collect()
    }

    /// Put items with these numbers, each with a content and a vector of its own.
    fn put(&mut self, numbers: std::ops::Range<u32>) {
        let mut batch = Batch::new();
        for n in numbers {
            let vector = self.vector();
            let item = draft(self.source, format!("{n}.png").as_bytes(), n);
            batch.operations.push(Operation::PutContent(content(n)));
            batch.operations.push(Operation::PutVector {
                owner: Owner::Content(content(n).hash),
                pack: PACK.to_owned(),
                space: SPACE.to_owned(),
                part: Part::WHOLE,
                vector,
            });
            batch.operations.push(Operation::PutItem(item));
        }
        self.db.write(&batch).unwrap();
    }

    fn remove(&self, numbers: std::ops::Range<u32>) {
        let ids: Vec<ItemId> = numbers
            .filter_map(|n| {
                self.db
                    .find(self.source, format!("{n}.png").as_bytes())
                    .unwrap()
            })
            .collect();
        let batch: Batch = ids.into_iter().map(Operation::RemoveItem).collect();
        self.db.write(&batch).unwrap();
    }

    fn build(&self) -> u64 {
        self.db.build_indexes(&()).unwrap()
    }

    fn file(&self) -> Option<PathBuf> {
        let files = fs::read_dir(self.folder.path().join("index")).ok()?;
        let paths = files.map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|e| e == "fvi"))
            .collect();
        files.sort();
        files.into_iter().next()
    }

    /// A fresh process's answers.
    fn reopened(&self) -> Embedded {
        Embedded::open(self.folder.path(), "photos", OpenMode::ReadOnly).unwrap()
    }
}

fn ask(db: &Embedded, vector: &[f32], top_k: usize, filter: &Filter) -> Vec<(ItemId, f32)> {
    let query = VectorQuery {
        pack: PACK,
        space: SPACE,
        vector,
        top_k,
        filter,
        parts: Parts::default(),
    };
    let hits = db.search(&query).unwrap();
    hits.iter().map(|hit| (hit.item, hit.score)).collect()
}

/// The one door: searches behind the file find what a scan of the same
/// database finds, for all but a few of the hits.
fn check(library: &mut Library, filter: &Filter) {
    let file = library.file().expect("an index file");
    let aside = file.with_extension("aside");
    let indexed = library.reopened();
    fs::rename(&file, &aside).unwrap();
    let scanned = library.reopened();
    let (mut found, mut expected) = (0, 0);
    for _ in 0..30 {
        let vector = library.vector();
        let truth = ask(&scanned, &vector, 10, filter);
        fs::rename(&aside, &file).unwrap();
        let hits = ask(&indexed, &vector, 10, filter);
        fs::rename(&file, &aside).unwrap();
        assert_eq!(hits.len(), truth.len());
        assert!(
            hits.windows(2).all(|pair| pair[0].1 >= pair[1].1),
            "best first"
        );
        let ids: BTreeSet<ItemId> = hits.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), hits.len(), "each once");
        found += truth.iter().filter(|(id, _)| ids.contains(id)).count();
        expected += truth.len();
    }
    fs::rename(&aside, &file).unwrap();
    let index = &library.db.indexes().unwrap()[0];
    assert!(
        found as f64 >= 0.95 * f64::from(expected as u32),
        "{found} of {expected} by {} {}",
        index.family,
        index.parameters
    );
}

#[test]
fn writes_after_the_file_are_found_and_removals_are_not() {
    let mut library = Library::new("vamana:degree=16,width=48");
    library.put(0..1500);
    assert_eq!(library.build(), 1);
    assert_eq!(library.build(), 0, "nothing has changed");
    check(&mut library, &Filter::All);
    library.put(1500..1600); // new
    library.put(100..150); // other vectors of contents that are there
    library.remove(200..260);
    check(&mut library, &Filter::All);
    library.db.sweep().unwrap();
    check(&mut library, &Filter::All);
    assert_eq!(library.build(), 0, "few changes stay beside the file");
    let glob = Filter::glob("path", "1*");
    check(&mut library, &glob);
}

/// A space's metric and its 32 bits hold all the way: in the file, beside it,
/// and when it is tuned. With 16 bits no row would be at no distance from itself.
#[test]
fn other_metrics_and_32_bits_are_the_same_behind_a_file() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        // The largest inner product is harder to walk to than the nearest row.
        for family in ["vamana:degree=32,width=96", "flat:bits=8"] {
            let mut library = Library::of(family, metric);
            library.put(0..1500);
            assert_eq!(library.build(), 1, "{family} by {metric}");
            check(&mut library, &Filter::All);
            library.put(1400..1700);
            library.remove(200..260);
            check(&mut library, &Filter::All);
        }
    }
    let mut library = Library::of("vamana:degree=16,width=48", Metric::L2);
    library.put(0..1100);
    library.build();
    let first = library.db.scan(&Filter::All, None, 1).unwrap();
    let near = library.db.vectors(PACK, SPACE, &first).unwrap()[0]
        .vector
        .clone();
    let hits = ask(&library.reopened(), &near, 2, &Filter::All);
    assert_eq!(
        (hits[0].0, hits[0].1),
        (first[0], 0.0),
        "itself, at no distance"
    );
    assert!(hits[1].1 < 0.0);
    let tuned = library.db.tune(0.9, &()).unwrap()[0].tuned.unwrap();
    assert!(tuned.recall >= 0.9);
}

#[test]
fn many_changes_are_taken_into_the_file_and_more_make_it_anew() {
    let mut library = Library::new("vamana");
    library.put(0..6000);
    library.build();
    library.put(6000..7200);
    library.remove(0..300);
    library.db.sweep().unwrap();
    assert_eq!(library.build(), 1);
    let info = &library.db.indexes().unwrap()[0];
    assert_eq!((info.n_pending, info.n_vectors), (0, 6900));
    check(&mut library, &Filter::All);
    library.remove(300..4500);
    library.db.sweep().unwrap();
    assert_eq!(library.build(), 1);
    check(&mut library, &Filter::All);
}

#[test]
fn a_reader_follows_while_another_writes_and_builds() {
    let mut library = Library::new("flat:bits=8");
    library.put(0..300);
    library.build();
    let reader = library.reopened();
    let vector = library.vector();
    assert_eq!(ask(&reader, &vector, 1000, &Filter::All).len(), 300);
    library.put(300..400);
    assert_eq!(ask(&reader, &vector, 1000, &Filter::All).len(), 400);
    library.put(400..2000);
    library.build();
    library.put(2000..2010);
    assert_eq!(ask(&reader, &vector, 5000, &Filter::All).len(), 2010);
    library.remove(0..1000);
    assert_eq!(ask(&reader, &vector, 5000, &Filter::All).len(), 1010);
}

#[test]
fn damage_is_scanned_around_and_built_anew() {
    let mut library = Library::new("vamana:degree=8,width=16");
    library.put(0..40);
    library.build();
    let file = library.file().unwrap();
    let whole = fs::read(&file).unwrap();
    let vector = library.vector();
    let truth = ask(&library.reopened(), &vector, 10, &Filter::All);
    let step = (whole.len() / 400).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(
            ask(&library.reopened(), &vector, 10, &Filter::All),
            truth,
            "byte {at}"
        );
        fs::write(&file, &whole[..at]).unwrap();
        assert_eq!(
            ask(&library.reopened(), &vector, 10, &Filter::All),
            truth,
            "cut to {at}"
        );
    }
    assert_eq!(library.build(), 1, "made anew");
    assert_eq!(ask(&library.reopened(), &vector, 10, &Filter::All), truth);
    assert_eq!(library.db.indexes().unwrap()[0].family, "vamana");
}

/// Where a section of an index file lies, by its table (docs/index-files.md).
fn section(file: &[u8], name: &str) -> std::ops::Range<usize> {
    let table = file[64..].chunks_exact(64);
    let padded = |entry: &&[u8]| entry[..32].starts_with(format!("{name}\0").as_bytes());
    let entry = table.clone().find(padded).expect("the section");
    let number = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap()) as usize;
    number(32)..number(32) + number(40)
}

#[test]
fn a_damaged_vector_is_met_by_the_search_that_uses_it_and_by_check() {
    let mut library = Library::new("vamana:degree=8,width=16");
    library.put(0..2000);
    let vector = library.vector();
    let scanned = ask(&library.reopened(), &vector, 2000, &Filter::All);
    library.build();
    let found = ask(&library.reopened(), &vector, 10, &Filter::All);
    let file = library.file().unwrap();
    let whole = fs::read(&file).unwrap();
    let vectors = section(&whole, "vectors");
    // Rows stand in the order in which they came.
    let damage = |row: usize| {
        let mut bytes = whole.clone();
        bytes[vectors.start + row * DIM * 2] ^= 0x41;
        fs::write(&file, &bytes).unwrap();
    };
    let complains = |db: &Embedded| {
        let problems = db.check().unwrap();
        problems.iter().any(|one| one.kind == ProblemKind::Index)
    };

    // A row that is far from what is asked for does no harm, and check knows of it.
    let row_of = |item: ItemId| {
        let is_it = |n: &u32| {
            let name = format!("{n}.png");
            library.db.find(library.source, name.as_bytes()).unwrap() == Some(item)
        };
        (0..2000).find(is_it).unwrap() as usize
    };
    let (near, far) = (row_of(found[3].0), row_of(scanned[1999].0));
    damage(far);
    let open = library.reopened();
    assert_eq!(ask(&open, &vector, 10, &Filter::All), found);
    assert!(file.exists());
    assert!(complains(&open));

    // One that belongs to the answer takes the file out of use, here and for all who come.
    damage(near);
    let open = library.reopened();
    for _ in 0..2 {
        assert_eq!(ask(&open, &vector, 10, &Filter::All), scanned[..10]);
        assert!(!file.exists());
    }
    assert!(!complains(&open));
    assert_eq!(library.build(), 1, "made anew");

    // Nor does tuning keep what it measured on it.
    damage(far);
    let open = Embedded::open(library.folder.path(), "photos", OpenMode::ReadWrite).unwrap();
    assert_eq!(open.tune(0.9, &()).unwrap()[0].tuned, None);
    assert!(!file.exists());
}

#[test]
fn a_file_of_another_database_is_not_used() {
    let mut library = Library::new("flat:bits=8");
    library.put(0..50);
    library.build();
    let mut other = Library::new("flat:bits=8");
    other.put(100..160);
    other.build();
    fs::copy(library.file().unwrap(), other.file().unwrap()).unwrap();
    let vector = other.vector();
    assert_eq!(
        ask(&other.reopened(), &vector, 1000, &Filter::All).len(),
        60
    );
    assert_eq!(other.build(), 1);
}

#[test]
fn small_collections_have_no_file_and_going_back_drops_it() {
    let mut library = Library::new("flat:bits=8");
    library.put(0..50);
    library.build();
    assert!(library.file().is_some());
    library.db.set_setting(IndexChoice::SETTING, None).unwrap();
    assert_eq!(library.build(), 1);
    assert!(library.file().is_none());
    let info = &library.db.indexes().unwrap()[0];
    assert_eq!((info.family.as_str(), info.n_vectors), ("flat", 50));
    assert!(info.why.contains("100000"), "{}", info.why);
}

#[test]
fn tuning_finds_the_least_effort_and_searches_use_it() {
    let mut library = Library::new("vamana:degree=12,width=32");
    library.put(0..3000);
    library.build();
    let low = library.db.tune(0.5, &()).unwrap()[0].clone();
    let high = library.db.tune(0.99, &()).unwrap()[0].clone();
    let (low, high) = (low.tuned.unwrap(), high.tuned.unwrap());
    assert!(low.effort < high.effort, "{} {}", low.effort, high.effort);
    assert!(low.recall >= 0.5 && high.recall >= 0.99);
    assert_eq!(library.db.indexes().unwrap()[0].effort, high.effort);
}

#[test]
fn the_canary_counts_live_searches() {
    let mut library = Library::new("vamana:degree=12,width=32");
    library.put(0..2000);
    library.build();
    for _ in 0..200 {
        let vector = library.vector();
        ask(&library.db, &vector, 10, &Filter::All);
        // One at a time is repeated; a search that comes meanwhile is not counted.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let canary = library.db.indexes().unwrap()[0]
        .canary
        .expect("some were counted");
    assert!(canary.n_searches >= 1 && canary.n_expected == 10 * canary.n_searches);
    assert!(canary.recall() > 0.5);
}

/// Says stop at the first question.
struct Stopped;

impl BuildObserver for Stopped {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_build_that_is_stopped_leaves_what_was_there() {
    let mut library = Library::new("vamana:degree=12,width=32");
    library.put(0..500);
    library.build();
    let before = fs::read(library.file().unwrap()).unwrap();
    library.put(500..2200);
    assert!(library.db.build_indexes(&Stopped).is_err());
    assert_eq!(fs::read(library.file().unwrap()).unwrap(), before);
    check(&mut library, &Filter::All);
}
