//! A folder of plain pictures and a collection over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fovea_encode::fake::FakeEncoder;
use fovea_engine::{
    CaptionChoice, Engine, IndexEvent, IndexOptions, IndexReport, Observer, PreviewStore, Query,
    SearchOptions, Silent,
};
use fovea_vectordb::{Embedded, Filter, OpenMode};

pub const RED: [u8; 3] = [230, 20, 20];
pub const GREEN: [u8; 3] = [20, 180, 20];
pub const BLUE: [u8; 3] = [20, 20, 230];
pub const YELLOW: [u8; 3] = [230, 230, 20];

pub struct Fixture {
    _temporary: tempfile::TempDir,
    /// The pictures.
    pub root: PathBuf,
    pub database: PathBuf,
    pub engine: Engine,
}

impl Fixture {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(temporary.path()).unwrap();
        let (root, database) = (base.join("pictures"), base.join("db"));
        fs::create_dir(&root).unwrap();
        let engine = open(&database, FakeEncoder::new());
        Self {
            _temporary: temporary,
            root,
            database,
            engine,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A picture of one colour; the number makes its content distinct.
    pub fn paint(&self, name: &str, rgb: [u8; 3], number: u8) -> PathBuf {
        let path = self.path(name);
        paint(&path, rgb, number);
        path
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn index(&self) -> IndexReport {
        self.index_with(&IndexOptions::default())
    }

    pub fn index_with(&self, options: &IndexOptions) -> IndexReport {
        self.engine
            .index(std::slice::from_ref(&self.root), options, &Silent)
            .unwrap()
    }

    pub fn index_captions(&self, captions: CaptionChoice) -> IndexReport {
        self.index_with(&IndexOptions {
            captions: Some(captions),
            ..Default::default()
        })
    }

    /// Another collection of the same database.
    pub fn in_collection(&self, name: &str) -> Engine {
        let embedded = Embedded::open(&self.database, name, OpenMode::Create).unwrap();
        let previews = PreviewStore::new(self.database.join("previews"));
        Engine::new(Arc::new(embedded), Arc::new(FakeEncoder::new()), previews)
    }

    /// Paths found, relative to the root, best first.
    pub fn find(&self, arguments: &[&str], top_k: usize) -> Vec<String> {
        let query = Query::from_arguments(arguments).unwrap();
        let options = SearchOptions {
            top_k,
            ..Default::default()
        };
        let results = self.engine.search(&query, &options).unwrap().results;
        results
            .iter()
            .map(|result| self.relative(&result.item.absolute()))
            .collect()
    }

    /// All items by path.
    pub fn paths(&self) -> Vec<String> {
        let ids = self
            .engine
            .database()
            .scan(&Filter::All, None, 100_000)
            .unwrap();
        let items = self.engine.database().items(&ids).unwrap();
        let mut paths: Vec<String> = items
            .iter()
            .map(|item| self.relative(&item.absolute()))
            .collect();
        paths.sort();
        paths
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }
}

pub fn open(database: &Path, encoder: FakeEncoder) -> Engine {
    let embedded = Embedded::open(database, "default", OpenMode::Create).unwrap();
    let previews = PreviewStore::new(database.join("previews"));
    Engine::new(Arc::new(embedded), Arc::new(encoder), previews)
        .with_own_folder(database.to_owned())
}

pub fn paint(path: &Path, rgb: [u8; 3], number: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut picture = image::RgbImage::from_pixel(24, 16, image::Rgb(rgb));
    picture.put_pixel(0, 0, image::Rgb([number, number, number]));
    picture.save(path).unwrap();
    // Files of a photo library are not from this very second; what is, is read again by design.
    age(path, 3600 - u64::from(number));
}

/// Sets the time of change back, as if the file had been written then.
pub fn age(path: &Path, seconds: u64) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    fs::File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

/// What a report says, in one line.
pub fn line(report: &IndexReport) -> String {
    let IndexReport {
        added,
        updated,
        moved,
        removed,
        unchanged,
        recaptioned,
        encoded,
        skipped,
        ..
    } = report;
    let mut parts = Vec::new();
    for (number, what) in [
        (*added, "added"),
        (*updated, "updated"),
        (*moved, "moved"),
        (*removed, "removed"),
        (*recaptioned, "recaptioned"),
        (*unchanged, "unchanged"),
        (skipped.len() as u64, "skipped"),
        (*encoded, "encoded"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    parts.join(", ")
}

/// Stops a run after so many images have been kept.
pub struct StopAfter {
    pub n_kept: u64,
    pub kept: AtomicU64,
}

impl Observer for StopAfter {
    fn on(&self, event: IndexEvent) {
        if let IndexEvent::Kept { n_done } = event {
            self.kept.store(n_done, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.kept.load(Ordering::SeqCst) >= self.n_kept
    }
}
