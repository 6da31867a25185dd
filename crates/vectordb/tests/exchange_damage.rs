//! Every truncation and every changed byte of every file of others: read, or refused with words; never
//! a panic, and never memory beyond a small multiple of the file, whatever its counts claim.
//!
//! One test, because the allocator counts for the whole process.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fovea_vectordb::Fault;
use fovea_vectordb::exchange::{self, AnnoyMetric, FileKind, ReadOptions};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A byte becomes a float of four, and links are held twice while they are checked.
const PER_BYTE: usize = 8;
/// The buffer of the file, and words of an error.
const FIXED: usize = 16 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

/// What a file is stays known, however its first bytes are changed.
fn options(path: &Path) -> ReadOptions {
    let annoy_metric = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("angular") => AnnoyMetric::Angular,
        Some("euclidean") => AnnoyMetric::Euclidean,
        Some("manhattan") => AnnoyMetric::Manhattan,
        _ => AnnoyMetric::Dot,
    };
    ReadOptions {
        kind: FileKind::by_name(path),
        annoy_dim: Some(5),
        annoy_metric: Some(annoy_metric),
        ..ReadOptions::default()
    }
}

/// A copy of a file that is changed in place: writing it anew each time would wait for the disk.
struct Copy {
    /// What is read: the file, or the folder that it is in.
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
    /// Bytes of everything that is read.
    total: usize,
    options: ReadOptions,
}

impl Copy {
    fn of(path: &Path, place: &Path) -> Copy {
        let copy = place.join(path.file_name().unwrap());
        std::fs::copy(path, &copy).unwrap();
        Copy {
            file: File::options().write(true).open(&copy).unwrap(),
            path: copy,
            bytes: std::fs::read(path).unwrap(),
            total: std::fs::metadata(path).unwrap().len() as usize,
            options: options(path),
        }
    }

    /// A file within a folder, which is copied whole.
    fn within(folder: &Path, names: &[&str], which: &str, place: &Path) -> Copy {
        let mut total = 0;
        for name in names {
            let to = place.join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            total += std::fs::copy(folder.join(name), to).unwrap() as usize;
        }
        Copy {
            file: File::options().write(true).open(place.join(which)).unwrap(),
            path: place.to_owned(),
            bytes: std::fs::read(place.join(which)).unwrap(),
            total,
            options: ReadOptions::default(),
        }
    }

    fn put(&mut self, at: usize, byte: u8) {
        self.file.seek(SeekFrom::Start(at as u64)).unwrap();
        self.file.write_all(&[byte]).unwrap();
    }

    /// The one door: the file as it is now. Whether it was read.
    fn check(&self, about: &str) -> bool {
        let about = format!("{}, {about}", self.path.display());
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let import = exchange::read(&self.path, &self.options);
        let used = MEMORY.peak_usage().saturating_sub(before);
        let most = PER_BYTE * self.total + FIXED;
        assert!(used <= most, "{about}: {used} bytes of memory");
        match import {
            Ok(import) => {
                assert_eq!(import.matrix.first_not_finite(), None, "{about}");
                if let Some(graph) = &import.graph {
                    let links = (0..graph.nodes()).flat_map(|node| graph.neighbors(node, 0));
                    assert!(links.max() < Some(import.matrix.rows()), "{about}");
                }
                true
            }
            Err(error) => {
                assert_eq!(error.fault(), Fault::Input, "{about}: {error}");
                false
            }
        }
    }

    fn flip_each_byte(&mut self) {
        for at in 0..self.bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                self.put(at, self.bytes[at] ^ flip);
                self.check(&format!("byte {at} ^ {flip:#x}"));
            }
            self.put(at, self.bytes[at]);
        }
    }

    /// How many shorter files are read.
    fn truncate(&mut self) -> usize {
        let lengths = (0..self.bytes.len()).rev();
        let read = lengths.filter(|length| {
            self.file.set_len(*length as u64).unwrap();
            self.check(&format!("the first {length} bytes"))
        });
        read.count()
    }
}

/// Files of clip-retrieval, of every packing.
fn damage_folders() {
    let names = ["img_emb/img_emb_0.npy", "metadata/metadata_0.parquet"];
    for folder_name in ["clip", "clip-plain", "clip-version-2"] {
        for which in names {
            let place = tempfile::tempdir().unwrap();
            let mut copy = Copy::within(&folder().join(folder_name), &names, which, place.path());
            assert!(copy.check("whole"), "{folder_name}");
            copy.flip_each_byte();
            assert!(copy.check("whole again"), "{folder_name}");
            assert_eq!(copy.truncate(), 0, "{folder_name}");
        }
    }
}

#[test]
fn damaged_files_are_read_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let files = std::fs::read_dir(folder()).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let files: Vec<_> = files
        .filter(|path| FileKind::by_name(path).is_some())
        .collect();
    assert!(files.len() > 30, "only {} files", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut copy = Copy::of(&path, place.path());
        assert_eq!(copy.check("whole"), !name.starts_with("refused"), "{name}");
        copy.flip_each_byte();
        copy.put(copy.bytes.len(), 0);
        assert!(!copy.check("a byte more"));
        let n_read = copy.truncate();
        // A file of rows without a count may end after any of them.
        assert!(
            n_read == 0 || name.ends_with("vecs"),
            "{name}: {n_read} shorter ones"
        );
    }
    damage_folders();
}
