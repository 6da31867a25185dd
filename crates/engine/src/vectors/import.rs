//! Brings a file of vectors into a collection: rows that are new or changed are written, rows that left go.
//!
//! Everything is checked before anything is written. Batches are durable one by one, so a run that is stopped or killed
//! keeps what it wrote, and the next one goes on from there.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fovea_vectordb::exchange::{FileKind, ReadOptions};
use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Content, ContentHash, Database, ItemDraft, ItemId, Metadata,
    Metric, Operation, Owner, PackRecord, Part, SourceId, SourceKind,
};

use super::held::pack_for;
use super::rows::Rows;
use super::upkeep::Watched;
use crate::error::{Error, IoContext};
use crate::ingest::{IndexEvent, Observer};
use crate::scan::mtime_ns;
use crate::space;
use crate::time::now_ns;

/// Rows of one commit: enough that waiting for the disk is a small share, few enough that little is lost.
const ROWS_AT_ONCE: usize = 1_000;

/// Texts that stand for what will be asked while an index is built.
const SAMPLE_TEXTS: usize = 2_000;

/// The format of a content that is a vector and no picture.
const FORMAT: &str = "vector";

#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    pub read: ReadOptions,
    /// A caption for each row, one a line.
    pub captions: Option<PathBuf>,
}

/// A file that was read, and has not been imported yet.
pub struct VectorFile {
    /// Absolute.
    path: PathBuf,
    mtime_ns: i64,
    rows: Rows,
}

/// Counts rows, except where it says otherwise.
#[derive(Clone, Debug)]
pub struct ImportReport {
    /// The file, absolute.
    pub path: PathBuf,
    pub kind: FileKind,
    pub dim: usize,
    pub metric: Metric,
    pub n_rows: u64,
    pub added: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Items whose row is no longer there.
    pub removed: u64,
    pub n_captions: u64,
    /// Captions that came with a vector.
    pub n_texts: u64,
    /// Vectors of texts that came without the text, and are not kept.
    pub n_wordless: u64,
    /// Stopped before the end; what had been done is kept.
    pub interrupted: bool,
    pub elapsed: Duration,
}

/// Reads one file or folder; it is sound as a file, whatever a collection thinks of it.
pub fn read(
    path: &Path,
    options: &ImportOptions,
    observer: &dyn Observer,
) -> Result<VectorFile, Error> {
    let path = fs::canonicalize(path).at(path)?;
    observer.on(IndexEvent::Scanning { root: path.clone() });
    Ok(VectorFile {
        mtime_ns: mtime_ns(&fs::metadata(&path).at(&path)?),
        rows: Rows::read(&path, &options.read, options.captions.as_deref())?,
        path,
    })
}

/// Imports a file. Without a `metric` it is the collection's, else what the file says, else the cosine.
pub fn import(
    database: &dyn Database,
    file: &VectorFile,
    metric: Option<Metric>,
    observer: &dyn Observer,
) -> Result<ImportReport, Error> {
    let started = Instant::now();
    let VectorFile { path, rows, .. } = file;
    let pack = pack_for(database, path, rows, metric)?;
    let metric = pack
        .space(space::IMAGE)
        .map_or(Metric::Cosine, |space| space.metric);
    rows.check(path, metric)?;
    database.register_pack(&pack)?;
    let run = Run {
        source: database.source(SourceKind::Import, path)?,
        mtime_ns: file.mtime_ns,
        database,
        rows,
        pack: &pack,
        observer,
    };
    let mut report = report_of(path.clone(), rows, metric);
    run.carry_out(&mut report)?;
    report.elapsed = started.elapsed();
    Ok(report)
}

fn report_of(path: PathBuf, rows: &Rows, metric: Metric) -> ImportReport {
    let n = rows.len();
    let n_captions = (0..n).filter(|row| rows.caption(*row).is_some()).count();
    let n_texts = if rows.texts.is_some() { n_captions } else { 0 };
    let n_wordless = rows.texts.as_ref().map_or(0, |_| n - n_captions);
    ImportReport {
        path,
        kind: rows.kind,
        dim: rows.matrix.dim,
        metric,
        n_rows: n as u64,
        added: 0,
        updated: 0,
        unchanged: 0,
        removed: 0,
        n_captions: n_captions as u64,
        n_texts: n_texts as u64,
        n_wordless: n_wordless as u64,
        interrupted: false,
        elapsed: Duration::ZERO,
    }
}

/// Items of the source by name, as they were before.
type Known = HashMap<Vec<u8>, (ItemId, ContentHash)>;

struct Run<'a> {
    database: &'a dyn Database,
    source: SourceId,
    mtime_ns: i64,
    rows: &'a Rows,
    pack: &'a PackRecord,
    observer: &'a dyn Observer,
}

impl Run<'_> {
    fn carry_out(&self, report: &mut ImportReport) -> Result<(), Error> {
        let states = self.database.file_states(self.source)?;
        let states = states
            .into_iter()
            .map(|state| (state.path, (state.item, state.content)));
        let mut known: Known = states.collect();
        self.put(&mut known, report)?;
        if report.interrupted {
            return Ok(());
        }
        self.observer.on(IndexEvent::Finishing);
        self.remove(known.into_values().map(|(item, _)| item).collect(), report)?;
        if report.removed + report.updated > 0 {
            self.database.sweep()?;
        }
        self.database.mark_scanned(self.source, now_ns())?;
        let (observer, samples) = (self.observer, self.samples());
        match self.database.build_indexes(&Watched { observer, samples }) {
            Ok(_) => Ok(()),
            Err(_) if self.observer.is_cancelled() => {
                report.interrupted = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what is new or changed; what it meets leaves `known`.
    fn put(&self, known: &mut Known, report: &mut ImportReport) -> Result<(), Error> {
        let n = self.rows.len();
        let (n_files, n_jobs) = (n as u64, n as u64);
        self.observer.on(IndexEvent::Planned { n_files, n_jobs });
        for start in (0..n).step_by(ROWS_AT_ONCE) {
            if self.observer.is_cancelled() {
                report.interrupted = true;
                return Ok(());
            }
            let end = (start + ROWS_AT_ONCE).min(n);
            let mut batch = Batch::new();
            for row in start..end {
                let content = self.rows.content(row);
                match known.remove(self.rows.names[row].as_bytes()) {
                    Some((_, kept)) if kept == content => {
                        report.unchanged += 1;
                        continue;
                    }
                    Some(_) => report.updated += 1,
                    None => report.added += 1,
                }
                batch.operations.extend(self.put_row(row, content));
            }
            self.database.write(&batch)?;
            self.observer.on(IndexEvent::Kept { n_done: end as u64 });
        }
        Ok(())
    }

    fn put_row(&self, row: usize, hash: ContentHash) -> Vec<Operation> {
        let vector = self.rows.matrix.row(row);
        let bytes = size_of_val(vector) as u64;
        let mut operations = vec![
            Operation::PutContent(content(hash, bytes)),
            self.put_vector(Owner::Content(hash), space::IMAGE, vector),
        ];
        if let Some((text, vector)) = self.rows.text(row) {
            let owner = Owner::Phrase(text.to_string());
            operations.push(self.put_vector(owner, space::CAPTION, vector));
        }
        let caption = self.rows.caption(row).map(|text| Caption {
            lang: None,
            text: text.to_string(),
            origin: CaptionOrigin::File,
        });
        operations.push(Operation::PutItem(ItemDraft {
            source: self.source,
            path: self.rows.names[row].clone().into_bytes(),
            content: hash,
            size: bytes,
            mtime_ns: self.mtime_ns,
            checked_ns: now_ns(),
            metadata: Metadata::new(),
            captions: caption.into_iter().collect(),
        }));
        operations
    }

    fn put_vector(&self, owner: Owner, space: &str, vector: &[f32]) -> Operation {
        Operation::PutVector {
            owner,
            pack: self.pack.fingerprint.clone(),
            space: space.to_owned(),
            part: Part::WHOLE,
            vector: vector.to_vec(),
        }
    }

    /// Texts that came along lie where texts that will be asked lie.
    fn samples(&self) -> Vec<Vec<f32>> {
        let step = (self.rows.len() / SAMPLE_TEXTS).max(1);
        let rows = (0..self.rows.len()).step_by(step);
        let texts = rows.filter_map(|row| self.rows.text(row));
        texts.map(|(_, vector)| vector.to_vec()).collect()
    }

    fn remove(&self, gone: Vec<ItemId>, report: &mut ImportReport) -> Result<(), Error> {
        for some in gone.chunks(ROWS_AT_ONCE) {
            let batch: Batch = some
                .iter()
                .map(|item| Operation::RemoveItem(*item))
                .collect();
            self.database.write(&batch)?;
            report.removed += some.len() as u64;
        }
        Ok(())
    }
}

/// A content of which nothing is known but its vector.
fn content(hash: ContentHash, bytes: u64) -> Content {
    Content {
        hash,
        bytes,
        width: 0,
        height: 0,
        format: FORMAT.to_owned(),
        phash: 0,
        dhash: 0,
        hash_version: 0,
        colors: Vec::new(),
        color_version: 0,
        preview_version: 0,
    }
}
